"""Text as roff: escaped, wrapped, with code in bold."""

from __future__ import annotations

import re
import textwrap

#: Characters that roff would print as typographic ones, or obey.
_CODE = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
}

#: Lines of the source are kept as short as mandoc asks for.
_WIDTH = 78


def code(text: str) -> str:
    """Return *text* so that it can be copied from the page as it is."""
    return "".join(_CODE.get(character, character) for character in text)


def prose(text: str) -> str:
    """Return *text* escaped; what stands in backticks is code, in bold."""
    parts = re.split(r"`([^`]+)`", text)
    escaped = [part.replace("\\", "\\e").replace("-", "\\-") for part in parts]
    escaped[1::2] = [f"\\fB{code(part)}\\fR" for part in parts[1::2]]
    return "".join(escaped)


def lines(text: str) -> list[str]:
    """Return *text* as lines of a page's source."""
    wrapped = textwrap.wrap(prose(text), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [protected(line) for line in wrapped]


def protected(line: str) -> str:
    """Return *line* so that it is not taken for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
