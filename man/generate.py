"""Write the man pages of section 1 and the completions from the definitions of the commands.

Run by `make docs`. A test writes them anew and compares, so that they cannot drift. Pages of the
other sections are written by hand.
"""

from __future__ import annotations

from pathlib import Path

from man.commands import read_commands
from man.completions import completions
from man.pages import pages

ROOT = Path(__file__).resolve().parent.parent


def files() -> dict[Path, str]:
    """Return the content of every generated file by its path."""
    command = read_commands()
    return {
        **{ROOT / "man" / name: text for name, text in pages(command).items()},
        **{ROOT / "completions" / name: text for name, text in completions(command).items()},
    }


def main() -> None:
    """Write all files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
