"""Files: the home and who may read it, files that appear whole, and what a full disk says."""

from __future__ import annotations

from trackteroid_cli.files.databases import SIDE_SUFFIXES, move_database, remove_database
from trackteroid_cli.files.disk import storing
from trackteroid_cli.files.local_state import (
    SCHEMAS,
    file_lock,
    home,
    is_ours,
    is_shared,
    kept_folder,
    make_file,
    make_folder,
    make_folder_of,
    open_to_others,
)
from trackteroid_cli.files.plain import NotPlain, open_plain
from trackteroid_cli.files.temporary import TemporaryFolder
from trackteroid_cli.files.whole import sync_folder, whole_file, write_whole

__all__ = [
    "SCHEMAS",
    "SIDE_SUFFIXES",
    "NotPlain",
    "TemporaryFolder",
    "file_lock",
    "home",
    "is_ours",
    "is_shared",
    "kept_folder",
    "make_file",
    "make_folder",
    "make_folder_of",
    "move_database",
    "open_plain",
    "open_to_others",
    "remove_database",
    "storing",
    "sync_folder",
    "whole_file",
    "write_whole",
]
