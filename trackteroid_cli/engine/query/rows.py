"""The rows of an entity type as SQL: the source to select from, and the columns of attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.storage import computed
from trackteroid_cli.engine.storage.dense import dense_parts
from trackteroid_cli.engine.storage.errors import ParseError
from trackteroid_cli.engine.storage.sql import TRUE, Sql, all_of, constant, quoted

#: Families whose types all mean the same, and the type that their rows report.
ONE_TYPE = {"NoteCategory": "NoteLabel"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one type, or a part of them, in one SELECT.

    ``source`` is for FROM, ``where`` for WHERE unless it is empty, ``order`` for ORDER BY: a total
    order.
    """

    schema: Schema
    type_name: str
    source: str
    where: str
    order: tuple[str, ...]
    alias: str = ""
    columns: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return a scalar attribute (or the type column) as SQL.

        Raises:
            ParseError: the attribute is computed, and SQL cannot compute it.
        """
        if name in self.columns:
            return self.columns[name]
        family = self.schema.family_of(self.type_name)
        computed_here = computed.expression(family.root, name, self.alias)
        if computed_here is not None:
            return computed_here
        if _is_computed(self.schema, self.type_name, name):
            raise ParseError(
                f"'{name}' of '{self.type_name}' is computed when it is read: it cannot be "
                "filtered on, sorted or counted. Select it, or use attributes that are stored."
            )
        return f"{self.alias}.{quoted(name)}"


class RowsFactory:
    """Creates `Rows` with aliases that are unique within one statement."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._numbers = count()

    def number(self) -> int:
        """Return a number that no alias in the statement has yet."""
        return next(self._numbers)

    def rows(self, type_name: str) -> tuple[Rows, ...]:
        """Return the rows of a type: one part, or two for dense types."""
        number = self.number()
        family = self.schema.family_of(type_name)
        if family.dense:
            return tuple(
                Rows(
                    self.schema,
                    type_name,
                    part.source,
                    part.where,
                    (part.columns["entity_id"], part.columns["configuration_id"]),
                    columns=part.columns,
                )
                for part in dense_parts(self.schema, type_name, number)
            )
        alias = f"t{number}"
        return (
            Rows(
                self.schema,
                type_name,
                f"{quoted(family.table)} AS {alias}",
                self._restriction(type_name, alias),
                self._order(type_name, alias),
                alias,
            ),
        )

    def _restriction(self, type_name: str, alias: str) -> str:
        """Return the condition that selects the rows of a type from its table."""
        family = self.schema.family_of(type_name)
        if not family.polymorphic or type_name == family.root or family.root in ONE_TYPE:
            return ""
        column = f"{alias}.{quoted(family.discriminator)}"
        types = self.schema.concrete_types(type_name)
        # There may be very many rows of one type, so SQLite should prefer any other index.
        if len(types) == 1:
            return f"unlikely({column} = {constant(types[0])})"
        return f"+{column} IN ({', '.join(map(constant, types))})"

    def _order(self, type_name: str, alias: str) -> tuple[str, ...]:
        sort = self.schema.types[type_name].scalars.get("sort")
        # Statuses, types and the like have an order of their own, in whole numbers.
        ordered = (f'{alias}."sort"',) if sort is not None and sort.kind == "integer" else ()
        return (*ordered, f"{alias}.rowid")


def columns(rows: Rows, names: Sequence[str]) -> list[str]:
    """Return the attributes *names* as SQL."""
    return [rows.column(name) for name in names]


def select(rows: Rows, selected: Sequence[str], *conditions: Sql | None) -> Sql:
    """Return a SELECT of *selected*, which is SQL, for those of *rows* that meet *conditions*."""
    where = all_of(Sql(rows.where) if rows.where else TRUE, *conditions)
    start = f"SELECT {', '.join(selected)} FROM {rows.source}"
    return Sql(start) if where is TRUE else Sql(f"{start} WHERE {where.text}", where.params)


def is_in_sql(schema: Schema, type_name: str, name: str) -> bool:
    """Return whether `Rows.column` returns attribute *name* of a type rather than raise."""
    root = schema.types[type_name].root
    return not _is_computed(schema, type_name, name) or bool(computed.expression(root, name, ""))


def _is_computed(schema: Schema, type_name: str, name: str) -> bool:
    """Return whether *name* is computed for *type_name* or one of its subtypes."""
    if name in schema.family_of(type_name).columns:
        return False
    return any(
        attribute.computed
        for kind in schema.concrete_types(type_name)
        if (attribute := schema.types[kind].scalars.get(name)) is not None
    )
