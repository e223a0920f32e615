r"""Comparisons of one column with literals, as SQL.

A literal is read as the kind of the attribute that it is compared with. A literal that is not of
that kind equals nothing, and is an error with ``<`` and the like. Text compares without regard to
case (by the collation of its columns), keys exactly.

Source: ftrack's API documentation, "Querying".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from trackteroid_cli.engine.query.language import Literal, Operator
from trackteroid_cli.engine.schema.schema import Attribute, Schema, snake_case
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.engine.storage.sql import Sql, any_of, bound, compose, is_among, json_list
from trackteroid_cli.engine.storage.values import Stored

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_PLAIN_BACKSLASH: Final = re.compile(r"\\(?![%_])")
_BOOLEANS: Final = {"true": 1, "1": 1, "false": 0, "0": 0}
_KIND_WORDS: Final = {
    "integer": "a number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2024-05-01 or 2024-05-01T10:00:00",
}

_ENUMERATORS: Final = (
    "SELECT configuration.id FROM custom_configuration_base AS configuration "
    "JOIN custom_attribute_type AS type ON type.id = configuration.type_id "
    "WHERE type.name IN ('enumerator', 'dynamic enumerator')"
)


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute and its SQL.

    ``configuration`` is the SQL of the configuration's id, for values whose type depends on one.
    """

    sql: str
    attribute: Attribute
    configuration: str | None = None


def compared(schema: Schema, column: Column, operator: Operator, literal: Literal) -> Sql:
    """Return the condition ``column operator literal``; SQL's three-valued logic holds.

    Raises:
        ParseError: the literal cannot be ordered with values of the attribute's kind.
    """
    if literal.is_none:
        return _compared_with_none(column, operator)
    if operator == "is":
        return one_of(schema, column, [literal])
    if operator == "is_not":
        return compose("NOT ({})", one_of(schema, column, [literal]))
    if operator == "like":
        return _like(column, literal)
    if operator == "not_like":
        return compose("NOT ({})", _like(column, literal))
    if column.configuration:
        return _variable_in_order(column.sql, operator, literal)
    value = exact_value(column.attribute, literal)
    if value is None:
        raise ParseError(
            f"'{column.attribute.name}' {operator} '{literal.text}' has no meaning: "
            f"compare it with {_KIND_WORDS[column.attribute.kind]}."
        )
    return bound(f"{column.sql} {operator} ?", value)


def one_of(schema: Schema, column: Column, literals: Sequence[Literal]) -> Sql:
    """Return the condition that *column* equals one of *literals*, which may be empty."""
    given = [literal for literal in literals if not literal.is_none]
    condition = _equal_to_one(schema, column, given)
    if len(given) == len(literals):
        return condition
    missing = Sql(f"{column.sql} IS NULL")
    return any_of([condition, missing]) if given else missing


def exact_value(attribute: Attribute, literal: Literal) -> Stored:
    """Return the stored value of *attribute* that equals *literal*; None if there is none."""
    if attribute.kind in ("integer", "number"):
        return _number(literal.text)
    if attribute.kind == "boolean":
        return _BOOLEANS.get(literal.text.lower())
    if attribute.kind == "date":
        return values.read_date(literal.text)
    # Keys are stored in lower case, but some tools show them in upper case.
    is_uuid = attribute.key and _UUID.fullmatch(literal.text)
    return literal.text.lower() if is_uuid else literal.text


def _compared_with_none(column: Column, operator: Operator) -> Sql:
    if operator in ("is", "is_not"):
        return Sql(f"{column.sql} IS {'NOT ' if operator == 'is_not' else ''}NULL")
    raise ParseError(
        f"'{column.attribute.name}' {operator} none has no meaning: "
        'none goes with is and is_not. Quote the word "none" where it is a text.'
    )


def _equal_to_one(schema: Schema, column: Column, literals: Sequence[Literal]) -> Sql:
    if column.configuration:
        return _variable_equals(column.sql, column.configuration, literals)
    if column.attribute.names_type:
        spellings = {word for literal in literals for word in _spellings(schema, literal.text)}
        return is_among(column.sql, json_list(sorted(spellings)))
    found = [exact_value(column.attribute, literal) for literal in literals]
    wanted = [value for value in found if value is not None]
    if not wanted:
        # False, but unknown for a missing value, like every comparison.
        return Sql(f"{column.sql} <> {column.sql}")
    if len(wanted) == 1:
        return bound(f"{column.sql} = ?", wanted[0])
    return is_among(column.sql, json_list(wanted))


def _like(column: Column, literal: Literal) -> Sql:
    r"""Match a pattern of ``%`` and ``_``; ``\%`` and ``\_`` are these characters themselves."""
    pattern = _PLAIN_BACKSLASH.sub(r"\\\\", literal.text)
    if column.configuration:
        member = _has_member(column.sql, column.configuration, _matches("member.value", pattern))
        return any_of([_matches(column.sql, pattern), member])
    if column.attribute.kind == "date":
        with_t = f"replace({column.sql}, ' ', 'T')"
        return any_of([_matches(column.sql, pattern), _matches(with_t, pattern)])
    return _matches(column.sql, pattern)


def _matches(column: str, pattern: str) -> Sql:
    return bound(rf"{column} LIKE ? ESCAPE '\'", pattern)


def _variable_equals(value: str, configuration: str, literals: Sequence[Literal]) -> Sql:
    """Compare a custom attribute value, whatever its type, with each reading of the literals."""
    readings: list[Stored] = []
    for literal in literals:
        number, boolean = _number(literal.text), _BOOLEANS.get(literal.text.lower())
        readings += [literal.text, number, boolean, values.read_date(literal.text)]
    texts = json_list(literal.text for literal in literals)
    listed = _has_member(value, configuration, is_among("member.value COLLATE NOCASE", texts))
    found = is_among(value, json_list(one for one in readings if one is not None))
    return any_of([found, listed])


def _has_member(value: str, configuration: str, condition: Sql) -> Sql:
    """Return the condition that *condition* holds for a member of an enumerator's list."""
    return compose(
        f"{configuration} IN ({_ENUMERATORS}) AND EXISTS (SELECT 1 FROM json_each("
        f"CASE WHEN json_valid({value}) THEN {value} ELSE '[]' END) AS member WHERE {{}})",
        condition,
    )


def _variable_in_order(value: str, operator: Operator, literal: Literal) -> Sql:
    """Compare texts and dates with the literal's text, numbers with its number if it is one."""
    text = values.read_date(literal.text) or literal.text
    return any_of(
        [
            bound(f"{value} {operator} ? AND typeof({value}) = 'text'", text),
            bound(f"{value} {operator} ? AND typeof({value}) <> 'text'", _number(literal.text)),
        ]
    )


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    if not isfinite(number):
        return None
    # SQLite's integers have 64 bits; a float that is whole compares just as well, when it is exact.
    if number.is_integer() and abs(number) < 2**63 and text.strip().lstrip("+-").isdigit():
        return int(text)
    return number


def _spellings(schema: Schema, text: str) -> list[str]:
    """Return every spelling of the type *text* in an attribute such as ``parent_type``.

    ftrack stores all contexts but projects under one name, ``task``, and projects as ``show``.
    """
    wanted = _storage_name(schema, text)
    names = [name for name in schema.types if _storage_name(schema, name) == wanted]
    return [text, wanted, *names, *(snake_case(name) for name in names)]


def _storage_name(schema: Schema, text: str) -> str:
    folded = text.replace("_", "").lower()
    for name in ("Project", *schema.concrete_types("TypedContext")):
        if folded == name.lower():
            return "show" if name == "Project" else "task"
    return folded
