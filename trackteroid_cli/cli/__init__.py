"""The command line: each command parses, calls the core, and renders. Nothing imports it."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its status."""
    from trackteroid_cli.cli.app import run

    sys.exit(run(sys.argv[1:]))
