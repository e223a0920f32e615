"""The man pages as tests read them: their source as text, by section."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAN = ROOT / "man"

#: Every page, as others refer to it: `trackteroid-batch(5)`.
PAGES = {
    f"{path.stem}({path.suffix[1:]})": path
    for path in sorted(MAN.iterdir())
    if re.fullmatch(r"\.[1-9]", path.suffix)
}

_CHARACTERS = {
    r"\-": "-",
    r"\e": "\\",
    r"\&": "",
    r"\fB": "",
    r"\fI": "",
    r"\fR": "",
    r"\(aq": "'",
    r"\(dq": '"',
    r"\(ga": "`",
    r"\(ha": "^",
    r"\(ti": "~",
}

#: Macros whose arguments are text, and whose arguments stand side by side.
_TEXT = re.compile(r"^\.(?:SH|SS|B|I|TQ|IP) (.*)$")
_ALTERNATING = re.compile(r"^\.(?:BR|RB|BI|IB) (.*)$")


def page(name: str) -> str:
    """Return the source of a page."""
    return PAGES[name].read_text(encoding="utf-8")


def plain(source: str) -> str:
    """Return *source* as a reader sees it, without wrapping its lines."""
    return "\n".join(_plain_line(line) for line in source.splitlines())


def _plain_line(line: str) -> str:
    alternating, text = _ALTERNATING.match(line), _TEXT.match(line)
    if alternating:
        parts = re.findall(r'"([^"]*)"|(\S+)', alternating[1])
        line = "".join(quoted or bare for quoted, bare in parts)
    elif text:
        line = text[1].strip('"')
    elif line.startswith("."):
        return ""
    return re.sub(r"\\(?:\(..|f.|.)", lambda found: _CHARACTERS[found[0]], line)


def sections(name: str) -> dict[str, str]:
    """Return the sections and subsections of a page by heading, as a reader sees them."""
    parts = re.split(r"^\.S[HS] (.*)$", page(name), flags=re.MULTILINE)
    return {
        plain(heading).strip('"'): plain(text)
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@cache
def words(name: str, heading: str = "") -> frozenset[str]:
    """Return the words of a page, or of one of its sections; options and names are words."""
    text = sections(name)[heading] if heading else plain(page(name))
    return frozenset(re.findall(r"[\w-]*\w", text))


def examples(name: str) -> list[str]:
    """Return the blocks of code of a page, as they can be copied."""
    blocks = re.findall(r"^\.EX\n(.*?)^\.EE$", page(name), re.DOTALL | re.MULTILINE)
    return [plain(block) for block in blocks]
