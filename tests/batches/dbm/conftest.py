from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 128 KiB; only where mounting is permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _runs(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]):
        pytest.skip("mounting a disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def write_protect(small_disk: Path) -> Callable[[], None]:
    """Make the small disk read-only, for root as well."""

    def protect() -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    return protect


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
