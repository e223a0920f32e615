"""Plain files: opening what a path from anywhere may name, without waiting on a pipe for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# Opening a pipe would wait for somebody who writes into it. Windows has no such pipes.
_NOT_BLOCKING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class NotPlain(OSError):
    """A pipe, a device or a folder, which is no file to read."""


def open_plain(path: Path) -> BinaryIO:
    """Open the regular file *path* for reading.

    Raises:
        NotPlain: it is something else.
        OSError: as `open`.
    """
    handle = os.open(path, os.O_RDONLY | _NOT_BLOCKING)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotPlain(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(handle, "rb")
