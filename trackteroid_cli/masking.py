"""Masking: what of a program's arguments a batch keeps and shows, and what of them is secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trackteroid_cli.errors import without_credentials

_MASK = "***"

#: A key of fewer letters, and nothing else, may be a word that means something else, too.
_WORD = 16

#: The end of a name whose value is a secret: of an option, a variable, a field.
_SECRET = (
    r"(?:[\w.-]*(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|authori[sz]ation"
    r"|signature|cookie|(?:api|access|secret|private|auth|account|signing|shared)[-_.]?key))"
)

#: Whole names that mean a secret; as a part of another name they mean something else.
_SHORT = r"(?:key|pass|auth|sig)"

#: Beginnings of options that take no value: ``--ask-password``.
_SWITCH = r"(?:no|ask|prompt|use|without|with|show|hide|skip|has|need|require|check)[-_]"

#: Where a name begins.
_BEGIN = rf"(?<![\w.-])(?!-*{_SWITCH})"

_OPTION = rf"{_BEGIN}--?(?:{_SECRET}|{_SHORT})"
_IS_OPTION = re.compile(_OPTION, re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"({_BEGIN}[-/]{{0,2}}(?:{_SECRET}|{_SHORT})[=:]).+", re.IGNORECASE | re.DOTALL
)
_INSIDE = re.compile(
    rf"({_BEGIN}{_SECRET}[\"']?\s*[=:]\s*(?:(?:bearer|basic)\s+)?"  # password: X
    rf"|{_OPTION}\s+(?=[^-\s])"  # --password X, in the text of a command
    rf"|[?&]{_SHORT}=|\b(?:bearer|basic)\s+)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"'}]+)",
    re.IGNORECASE,
)


def masked(argv: Sequence[str], secrets: Iterable[str] = ()) -> list[str]:
    """Return the arguments *argv* with ``***`` in place of what is secret.

    That is the value of what is named like a secret (``--password X``, ``token=X``), the user and
    the password in a URL, and *secrets* themselves, such as API keys. A key that is a short word,
    such as the ``offline`` that stands for no key, is only found by its name.
    """
    known = [re.compile(_key_pattern(each)) for each in secrets if _is_telling(each)]
    found, is_value = [], False
    for text in argv:
        if is_value and not text.startswith("-"):
            found.append(_MASK)
            is_value = False
            continue
        is_value = _IS_OPTION.fullmatch(text) is not None
        found.append(_masked_text(text, known))
    return found


def _masked_text(text: str, known: Iterable[re.Pattern[str]]) -> str:
    for pattern in known:
        text = pattern.sub(_MASK, text)
    text = without_credentials(text)
    assigned = _ASSIGNED.fullmatch(text)
    if assigned:
        return assigned[1] + _MASK
    return _INSIDE.sub(rf"\1{_MASK}", text)


def _is_telling(key: str) -> bool:
    return len(key) >= _WORD or (len(key) > 3 and not key.isalpha())


def _key_pattern(key: str) -> str:
    """Return the expression for *key*: wherever it stands, or by itself if it is short."""
    pattern = re.escape(key)
    return pattern if len(key) >= _WORD else rf"(?<!\w){pattern}(?!\w)"
