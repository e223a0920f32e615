"""JSON documents as batches hold them: within bounds, and read into dataclasses part by part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)

#: How deep lists and objects may lie in each other, how long the JSON text of one operation may be,
#: and how great a whole number: more than any value of ftrack's, and as much as every reader takes.
MAX_DEPTH = 64
MAX_LENGTH = 16 << 20
MAX_INTEGER = 2**63 - 1

#: What a whole number that is too great has, and a few texts as well.
_MANY_DIGITS = re.compile(r"[0-9]{19}")

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
    "Stage": lambda value: isinstance(value, str),
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


def read_operation(text: str | bytes) -> object:
    """Return the value of the JSON text of one operation.

    Raises:
        ValueError: as `read_json`, or it is too long.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH >> 20} MiB")
    return read_json(text)


def read_json(text: str | bytes) -> object:
    """Return the value of a JSON text, in UTF-8.

    Raises:
        ValueError: it is not JSON, or holds what no batch may: a number that is too great or none,
            or lists and objects too deep in each other.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")
    try:
        value: object = _decoder().decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    except RecursionError:
        raise _too_deep() from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def check_operation(text: str) -> None:
    """Check the JSON *text* of an operation, or of a value, that a program gives; costs little.

    Raises:
        ValueError: as `read_operation`.
    """
    suspect = text.count("[") + text.count("{") > MAX_DEPTH or _MANY_DIGITS.search(text)
    if suspect or len(text) > MAX_LENGTH:
        read_operation(text)


def check_integer(number: int) -> None:
    """Check a whole number that a program gives.

    Raises:
        ValueError: it is too great.
    """
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise ValueError(f"a whole number is too great: it is beyond {MAX_INTEGER}")


@cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_int=_integer, parse_float=_finite, parse_constant=_refuse_constant
    )


def _integer(text: str) -> int:
    if len(text) > len(str(-MAX_INTEGER)):  # Python itself refuses thousands of digits
        raise ValueError(f"a whole number is too great: it has {len(text)} digits")
    number = int(text)
    check_integer(number)
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"a number is too great: {text:.30}")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _depth(value: object) -> int:
    """Return how deep lists and objects lie in each other."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = list(chain.from_iterable(_parts(each) for each in level))
    return depth


def _parts(value: dict[str, object] | list[object]) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects lie in each other more than {MAX_DEPTH} deep")
