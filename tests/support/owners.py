"""Another user of the machine: commands run by somebody who may read files, and not write them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

#: A user who owns no file here.
_NOBODY = 65534


def as_another_user() -> tuple[str, ...]:
    """Return the command that runs another one as a user to whom permissions apply.

    That is this user, but for the superuser, who may do everything.
    """
    if os.name == "nt":
        pytest.skip("permissions are another matter on Windows")
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the tests run as the superuser, and setpriv is not installed")
    prefix = (setpriv, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    tried = [*prefix, sys.executable, "-c", "import trackteroid_cli.cli.app"]
    if subprocess.run(tried, check=False, capture_output=True).returncode:
        pytest.skip("another user cannot run this interpreter here")
    return prefix


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user can reach, and that another user may write to."""
    folder = Path(tempfile.mkdtemp(prefix="trackteroid-tests-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        allow_writing(folder)
        shutil.rmtree(folder)


def forbid_writing(folder: Path) -> None:
    """Let everyone read what is in *folder*, and nobody but the superuser write there."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def allow_writing(folder: Path) -> None:
    """Undo `forbid_writing`."""
    folder.chmod(0o777)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            allow_writing(path)


def other_user(command: CommandLine, folder: Path, home: Path) -> CommandLine:
    """Return *command* as another user runs it, in *folder* and with the local state in *home*."""
    environment = {"HOME": str(folder), "TRACKTEROID_HOME": str(home)}
    return replace(
        command,
        folder=folder,
        environment={**command.environment, **environment},
        prefix=(*command.prefix, *as_another_user()),
    )
