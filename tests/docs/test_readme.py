"""What the README shows of the scripting API does what it says there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_of_queries_and_collections_runs_and_prints_what_it_tells(
    tmp_path: Path,
) -> None:
    (example,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)
        if "Query(Shot)" in block
    )
    ran = subprocess.run(
        [sys.executable, "-c", example],
        env={**os.environ, "FTRACK_SERVER": "sandbox://demo"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = re.findall(r"^print\(.*\)  # (.*)$", example, re.M)
    printed = ran.stdout.splitlines()
    assert len(told) == len(printed) == 4
    assert (printed[0], printed[3]) == (told[0], told[3])
