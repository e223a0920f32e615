"""Local copies: the folders of what a server has answered, and of what was made of it."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from trackteroid_cli.files import TemporaryFolder, home, make_folder, write_whole
from trackteroid_cli.settings import folder_name

#: The copy of the schemas, which ftrack_api shares; the name is its own.
SCHEMAS = "ftrack_api_schema_cache.json"


def cache_folder(server_url: str) -> Path:
    """Return (and make) the folder where answers of *server_url* that seldom change are kept."""
    return kept_folder("cache", server_url)


def kept_folder(kind: str, server_url: str) -> Path:
    """Return (and make) the folder for what can be made again, such as kept answers.

    Where the local state cannot be written, that is a folder which goes when the process ends.

    Args:
        kind: what it holds; a folder's name.
        server_url: of the server that it is about.
    """
    folder = home() / kind / folder_name(server_url)
    with suppress(OSError):
        make_folder(folder)
        if os.access(folder, os.W_OK):
            return folder
    folder = _passing_folder().path / kind / folder_name(server_url)
    make_folder(folder)
    return folder


def folder_for_others(server_url: str) -> Path:
    """Return `cache_folder` for processes that have only ``ftrack_api``.

    They write the schemas by themselves, into a file that is there and private already.
    """
    folder = cache_folder(server_url)
    schemas = folder / SCHEMAS
    with suppress(OSError):  # it goes without, too
        if not schemas.exists():
            write_whole(schemas, "[]")
    return folder


@cache
def _passing_folder() -> TemporaryFolder:
    return TemporaryFolder()
