"""Dataclasses read from JSON documents, every part checked against its annotation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)

#: Whether a value fits an annotation.
_FITS: dict[str, Callable[[object], bool]] = {
    "int": lambda value: isinstance(value, int),
    "str": lambda value: isinstance(value, str),
    "list[int]": lambda value: isinstance(value, list) and all(map(_FITS["int"], value)),
    "list[str]": lambda value: isinstance(value, list) and all(map(_FITS["str"], value)),
    "dict[str, int]": lambda value: (
        isinstance(value, dict) and all(map(_FITS["int"], value.values()))
    ),
    "Outcome": lambda value: isinstance(value, str),
}


def read_document(kind: type[Record], document: object, name: str) -> Record:
    """Return the *kind* that *document* describes; parts that a later version added are ignored.

    Args:
        kind: a dataclass; the annotations of its fields are among those known here.
        document: parsed JSON.
        name: what the document is called in an error: ``header``, ``journal/0001``.

    Raises:
        ValueError: it is not an object, or a part has another type; the message names it.
        TypeError: a part without a default is missing.
    """
    if not isinstance(document, dict):
        raise ValueError(f"its {name} is damaged")
    known = {each.name: each.type for each in fields(kind) if each.name in document}
    for part, annotation in known.items():
        if not _FITS[str(annotation)](document[part]):
            raise ValueError(f"its {name} is damaged: {part!r} is {document[part]!r:.60}")
    return kind(**{part: document[part] for part in known})
