"""The errors of dbm files; each says what to do next.

* DbmError
  - DbmNotFound       there is no such file
  - DbmIsDirectory    the path is a folder
  - DbmUnreadable     the system, or another process, does not let it be read now
  - DbmEmpty          the file has no bytes
  - DbmCorrupt        a dbm file that is truncated or damaged
  - DbmForeign        a file, but not a dbm file
  - DbmUnsupported    a kind of dbm file that this Python cannot open
  - DbmNotWritten     nothing was written
    · DbmKeyExists    a key to be added is there already
"""

from __future__ import annotations

from pathlib import Path


class DbmError(Exception):
    """Base class. Catch it to catch every error that this room foresees.

    Attributes: ``path`` of the file, and three sentences without a full stop: ``what`` happened,
    ``why``, and as ``hint`` what to do next.
    """

    attempt = "read"
    advice = ""

    def __init__(self, path: Path, why: str, hint: str = "") -> None:
        self.path = path
        self.what = f"cannot {self.attempt} {path}"
        self.why = why
        self.hint = hint or self.advice
        super().__init__(f"{self.what}: {why}")


class DbmNotFound(DbmError):
    """There is no such file."""

    advice = "check the path"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is no such file")


class DbmIsDirectory(DbmError):
    """The path is a folder."""

    advice = "name a file inside it"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "it is a folder")


class DbmUnreadable(DbmError):
    """The system, or another process, does not let the file be read now."""

    advice = "check the permissions of the file and of its folder"


class DbmEmpty(DbmError):
    """The file has no bytes."""

    advice = "it was not written whole: take it from a backup, or record the work again"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the file is empty")


class DbmCorrupt(DbmError):
    """A dbm file that is truncated or damaged."""

    advice = "copy it once more from where it came, or record the work again"


class DbmForeign(DbmError):
    """A file, but not a dbm file."""

    advice = "name a file that was recorded by trackteroid"


class DbmUnsupported(DbmError):
    """A kind of dbm file that this Python cannot open."""


class DbmNotWritten(DbmError):
    """Nothing was written: the file is as it was before, or not there."""

    attempt = "write"
    advice = "check the permissions of the folder and the space left on its disk"


class DbmKeyExists(DbmNotWritten):
    """A key to be added is there already."""

    advice = "read the file again: another process added to it"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "it already holds one of the keys")
