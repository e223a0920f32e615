"""Scripts of the tests that run with the official JavaScript client on Node."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "javascript"

#: Seconds after which something is wrong.
TOO_LONG = 30

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


class Script:
    """A script that is told JSON objects, a line each, and tells others."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._told: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(line)
        self._told.put("")

    def tell(self, **words: Any) -> None:
        """Tell the script an object."""
        assert self._process.stdin is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)

    def hear(self) -> Any:
        """Return the next object that the script tells."""
        line = self._told.get(timeout=TOO_LONG)
        assert line, "the script has ended"
        return json.loads(line)

    def ask(self, **words: Any) -> Any:
        """Tell the script an object, and return the next that it tells."""
        self.tell(**words)
        return self.hear()


@contextmanager
def script(name: str, environment: Mapping[str, str]) -> Iterator[Script]:
    """Run the script *name* of the folder of scripts; it is to end when its input does.

    Args:
        environment: what the script is told of the server, beside the environment of the tests.
    """
    assert (FOLDER / "node_modules" / "@ftrack").is_dir(), "`make javascript` installs the client"
    process = subprocess.Popen(
        ["node", name],
        cwd=FOLDER,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Script(process)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(TOO_LONG) == 0
        finally:
            process.kill()
