"""Folders for what a process keeps for a while."""

from __future__ import annotations

import os
import weakref
from pathlib import Path


class TemporaryFolder:
    """A folder for what this process keeps for a while; a forked process does not remove it.

    It goes with `remove`, or when nothing refers to it any more, or at the end of the process.
    """

    def __init__(self) -> None:
        import tempfile

        self.path = Path(tempfile.mkdtemp(prefix="trackteroid-"))
        self._remove = weakref.finalize(self, _remove_folder, self.path, os.getpid())

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        self._remove()


def _remove_folder(path: Path, process: int) -> None:
    if os.getpid() == process:
        import shutil

        shutil.rmtree(path, ignore_errors=True)
