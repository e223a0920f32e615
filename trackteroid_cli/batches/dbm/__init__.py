"""dbm files that open everywhere.

New files are SQLite dbm files, as Python 3.13's `dbm.sqlite3` makes them; files of every older
kind can be read.
"""

from __future__ import annotations

from trackteroid_cli.batches.dbm.base import Reader
from trackteroid_cli.batches.dbm.detect import existing_file, open_reader
from trackteroid_cli.batches.dbm.errors import (
    DbmCorrupt,
    DbmEmpty,
    DbmError,
    DbmForeign,
    DbmIsDirectory,
    DbmKeyExists,
    DbmNotFound,
    DbmNotWritten,
    DbmUnreadable,
    DbmUnsupported,
)
from trackteroid_cli.batches.dbm.sqlite import DbmReader, DbmWriter, append, create, move, settle

__all__ = [
    "DbmCorrupt",
    "DbmEmpty",
    "DbmError",
    "DbmForeign",
    "DbmIsDirectory",
    "DbmKeyExists",
    "DbmNotFound",
    "DbmNotWritten",
    "DbmReader",
    "DbmUnreadable",
    "DbmUnsupported",
    "DbmWriter",
    "Reader",
    "append",
    "create",
    "existing_file",
    "move",
    "open_reader",
    "settle",
]
