"""Expressions of ftrack's query language.

Source: ftrack's API documentation, "Querying".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_SELECT = re.compile(r"\s*select\s.+?\sfrom\s+", re.I | re.S)

#: A backslash that would escape the quote after it, or the quote that ends the literal.
_BEFORE_QUOTE = re.compile(r"(?<!\\)(\\\\)*\\([\"']|$)")

#: How many entities one query asks for.
PAGE = 500


def query(entity_type: str, names: Iterable[str], condition: str) -> dict[str, str]:
    """Return the entry of a request that selects attributes of entities."""
    expression = f"select {', '.join(names)} from {entity_type} where {condition}"
    return {"action": "query", "expression": expression}


def condition(keys: Sequence[Mapping[str, str]]) -> str:
    """Return the condition that an entity has one of *keys*, which all have the same parts.

    Parts that the language cannot write are left out, and entities that differ from a key in them
    fulfil the condition as well.

    Args:
        keys: `can_be_asked_for` holds for each.
    """
    names = list(keys[0])
    if len(names) == 1:
        return listed(names[0], (key[names[0]] for key in keys))
    return " or ".join(
        "({})".format(
            " and ".join(
                f"{name} is {quoted(part)}" for name, part in key.items() if can_write(part)
            )
        )
        for key in keys
    )


def can_be_asked_for(key: Mapping[str, str]) -> bool:
    """Return whether the language can write any part of *key*."""
    return any(map(can_write, key.values()))


def can_write(text: str) -> bool:
    """Return whether the language can write *text*: no backslash before a quote or at the end."""
    return _BEFORE_QUOTE.search(text) is None


def listed(name: str, values: Iterable[str]) -> str:
    """Return the condition that attribute *name* has one of *values*."""
    return f"{name} in ({', '.join(map(quoted, values))})"


def quoted(text: str) -> str:
    """Return *text*, which `can_write`, as a literal."""
    return '"' + text.replace('"', '\\"') + '"'


def without_projections(expression: str) -> str:
    """Return *expression* without its ``select … from``."""
    return _SELECT.sub("", expression, count=1).strip()
