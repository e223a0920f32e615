"""Aggregate queries: ``select count(id), sum(bid) from Task group by status_id``.

They return mappings, not entities: ``{"count_id": 4, "sum_bid": 12.0, "status_id": "…"}``.

Source: ftrack's API documentation, "Grouping and aggregating".
"""

from __future__ import annotations

from dataclasses import dataclass

from trackteroid_cli.engine.query.comparison import Column
from trackteroid_cli.engine.query.language import Aggregate, Path, Query
from trackteroid_cli.engine.query.lookup import checked_segments
from trackteroid_cli.engine.query.rows import select
from trackteroid_cli.engine.query.translate import Translator, limits, sort_term
from trackteroid_cli.engine.schema.schema import Attribute
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.engine.storage.sql import Sql, compose, quoted, union_all

_NUMERIC = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the result; *function* is None for one of ``group by``."""

    name: str
    function: str | None
    path: Path
    attribute: Attribute


def is_aggregate(query: Query) -> bool:
    """Return whether *query* returns groups of entities rather than entities."""
    return bool(query.group) or any(isinstance(one, Aggregate) for one in query.projections or ())


def aggregate_select(
    translator: Translator, query: Query, limit: int | None
) -> tuple[Sql, list[Output]]:
    """Return the SELECT of an aggregate query, and its columns in order.

    Args:
        translator: for the schema.
        query: one that `is_aggregate`; its type exists.
        limit: the most rows to select, instead of the query's own limit.

    Raises:
        ParseError: a name that the schema does not have, a path through a collection, a sum of
            values that are no numbers, a projection or sort key that is neither grouped by nor
            aggregated.
    """
    wanted = _functions_and_paths(query)
    parts, outputs = [], []
    for rows in translator.rows(query.entity_type):
        found = [translator.value(rows, checked_segments(path)) for _, path in wanted.values()]
        outputs = [
            _output(name, function, path, column)
            for (name, (function, path)), column in zip(wanted.items(), found, strict=True)
        ]
        named = [
            f"{column.sql} AS {quoted(name)}" for name, column in zip(wanted, found, strict=True)
        ]
        parts.append(select(rows, named, translator.condition(query.condition, rows)))
    shown = ", ".join(_output_sql(output) for output in outputs)
    groups = ", ".join(quoted(str(path)) for path in query.group)
    order = ", ".join([*_order(query, outputs), *filter(None, [groups])])
    tail = f"{f' GROUP BY {groups}' if groups else ''}{f' ORDER BY {order}' if order else ''}"
    selection = compose(
        f"SELECT {shown} FROM ({{}}){tail} {{}}", union_all(parts), limits(limit, query.offset)
    )
    return translator.statement(selection), outputs


def _functions_and_paths(query: Query) -> dict[str, tuple[str | None, Path]]:
    """Return the function (None for a group) and the path of each column, by its name."""
    groups = {str(path) for path in query.group}
    wanted: dict[str, tuple[str | None, Path]] = {}
    for projection in query.projections or ():
        if isinstance(projection, Aggregate):
            name = f"{projection.function}_{projection.path}"
            wanted[name] = (projection.function, projection.path)
        elif str(projection) not in groups:
            raise ParseError(
                f"'{projection}' is neither grouped by nor aggregated: "
                f"add it to 'group by', or leave it out."
            )
    wanted.update({str(path): (None, path) for path in query.group})
    return wanted


def _output(name: str, function: str | None, path: Path, column: Column) -> Output:
    attribute = column.attribute
    if function == "count":
        attribute = Attribute(name, "integer")
    elif function in ("sum", "avg"):
        if attribute.kind not in _NUMERIC:
            raise ParseError(f"{function}({path}) needs numbers, and '{path}' holds none.")
        attribute = Attribute(name, "number")
    return Output(name, function, path, attribute)


def _output_sql(output: Output) -> str:
    column = quoted(output.name)
    # Each column of the inner SELECT has the name of its output.
    return f"{output.function}({column}) AS {column}" if output.function else column


def _order(query: Query, outputs: list[Output]) -> list[str]:
    by_name = {output.name: output for output in outputs}
    terms = []
    for key in query.order:
        output = by_name.get(str(key.path))
        if output is None:
            names = ", ".join(by_name)
            raise ParseError(f"Groups cannot be sorted by '{key.path}'; they have {names}.")
        terms.append("".join(sort_term(quoted(output.name), output.attribute, key.descending)))
    return terms
