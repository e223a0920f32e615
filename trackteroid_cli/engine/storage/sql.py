"""Pieces of SQL with their parameters. Values never become part of the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trackteroid_cli.engine.storage.values import Stored


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the parameters for its question marks, in order."""

    text: str
    params: tuple[Stored, ...] = ()


TRUE: Final = Sql("TRUE")


def compose(template: str, *parts: Sql | str) -> Sql:
    """Return *template* with *parts* in place of its ``{}``, and the parameters of all parts."""
    texts = [part if isinstance(part, str) else part.text for part in parts]
    params = [value for part in parts if isinstance(part, Sql) for value in part.params]
    return Sql(template.format(*texts), tuple(params))


def bound(template: str, *params: Stored) -> Sql:
    """Return a piece of SQL with *params* for its question marks."""
    return Sql(template, params)


def all_of(*conditions: Sql | None) -> Sql:
    """Return the condition that every one of *conditions* holds; None and TRUE are skipped."""
    wanted = [one for one in conditions if one is not None and one is not TRUE]
    return _joined(" AND ", wanted) if wanted else TRUE


def any_of(conditions: Sequence[Sql]) -> Sql:
    """Return the condition that one of *conditions* holds; there must be at least one."""
    return _joined(" OR ", conditions)


def json_list(values: Iterable[object]) -> Sql:
    """Return a SELECT of *values* that takes one parameter, however many values there are."""
    return Sql("SELECT value FROM json_each(?)", (json.dumps(list(values)),))


def json_tuples(values: Iterable[Sequence[object]], width: int) -> Sql:
    """Return a SELECT of the tuples *values*, each of *width* columns, that takes one parameter."""
    columns = ", ".join(f"json_extract(value, '$[{index}]')" for index in range(width))
    return Sql(f"SELECT {columns} FROM json_each(?)", (json.dumps(list(values)),))


def is_among(column: str, selection: Sql) -> Sql:
    """Return the condition that *column* is among the values of a SELECT."""
    return compose(f"{column} IN ({{}})", selection)


def is_in(columns: Sequence[str], name: str) -> Sql:
    """Return the condition that *columns* are a row of the SELECT defined as *name*."""
    return Sql(f"{_row(columns)} IN {name}")


def is_one_of(columns: Sequence[str], keys: Iterable[Sequence[object]]) -> Sql:
    """Return the condition that *columns* equal one of *keys*, each with a part for each column."""
    if len(columns) == 1:
        return is_among(columns[0], json_list(key[0] for key in keys))
    return is_among(_row(columns), json_tuples(keys, len(columns)))


def union_all(selections: Sequence[Sql]) -> Sql:
    """Return one SELECT with the rows of all *selections*."""
    return compose(" UNION ALL ".join(["{}"] * len(selections)), *selections)


def quoted(name: str) -> str:
    """Return the name of a table or column, quoted."""
    return f'"{name}"'


def constant(word: str | int) -> str:
    """Return a name from the schema (never a text from an expression) or a number as SQL."""
    return str(word) if isinstance(word, int) else "'" + word.replace("'", "''") + "'"


def _row(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"


def _joined(operator: str, conditions: Sequence[Sql]) -> Sql:
    """Join as a balanced tree: SQLite refuses expressions that nest deeper than 1000."""
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) <= _FLAT:
        return compose(operator.join(["({})"] * len(conditions)), *conditions)
    half = len(conditions) // 2
    return compose(
        f"({{}}){operator}({{}})",
        _joined(operator, conditions[:half]),
        _joined(operator, conditions[half:]),
    )


_FLAT = 16
