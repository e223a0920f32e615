"""Joins: the columns that a relation equates, and SELECTs up and down the context hierarchy."""

from __future__ import annotations

from typing import NamedTuple

from trackteroid_cli.engine.query.rows import Rows
from trackteroid_cli.engine.schema.schema import Relation, Schema
from trackteroid_cli.engine.storage.sql import constant, quoted

#: Relations that follow the context hierarchy for any number of steps.
HIERARCHIC = frozenset({"ancestors", "descendants"})


class Between(NamedTuple):
    """The table of a many-to-many relation, and its two columns."""

    table: str
    owner_column: str
    target_column: str


class Link(NamedTuple):
    """A relation as columns: the *owner* columns equal the *target* columns.

    With *between*, a row of that table has both. With *where*, the target must also have that value
    in the attribute of that name.
    """

    owner: tuple[str, ...]
    target: tuple[str, ...]
    between: Between | None = None
    where: tuple[str, str | int] | None = None


def link_of(schema: Schema, relation: Relation) -> Link:
    """Return the columns of a relation that is not one of `HIERARCHIC`."""
    target_key = schema.types[relation.target].primary_key
    if relation.kind == "reference":
        # A reference to a target with several keys is in columns with the names of these keys.
        return Link((relation.column,) if len(target_key) == 1 else target_key, target_key)
    if relation.kind == "through":
        family = schema.families.get(relation.between)
        table = family.table if family else relation.between
        return Link(("id",), target_key, Between(table, relation.column, relation.target_column))
    if relation.kind == "latest_version":
        return Link(("id",), ("asset_id",), where=("is_latest_version", 1))
    return Link(("id",), (relation.column,), where=relation.where)


def link_condition(link: Link, rows: Rows) -> list[str]:
    """Return the condition of a link's ``where`` on its target *rows*: a list of at most one."""
    if link.where is None:
        return []
    name, value = link.where
    return [f"{rows.column(name)} = {constant(value)}"]


def above(parents: str, name: str) -> str:
    """Return a SELECT of *parents* and the ids of the contexts above them; one of them is NULL.

    A condition that leaves NULL out would make SQLite read all contexts, for a Bloom filter.

    Args:
        parents: the name of a SELECT of ids.
        name: the name to define this SELECT by, since it refers to itself.
    """
    return (
        f"SELECT parent_id FROM {parents} UNION SELECT context.parent_id FROM {name} "
        f"CROSS JOIN context ON context.id = {name}.id"
    )


def below(ids: str, name: str) -> str:
    """Return a SELECT of the ids of the contexts below those in *ids*.

    Args:
        ids: the name of a SELECT of ids.
        name: the name to define this SELECT by, since it refers to itself.
    """
    return (
        f"SELECT id FROM context WHERE parent_id IN {ids} "
        f"UNION SELECT context.id FROM {name} CROSS JOIN context ON context.parent_id = {name}.id"
    )


def between_select(between: Between, wanted: str, given: str, keys: str) -> str:
    """Return a SELECT of column *wanted* of the pairs whose column *given* is in *keys*.

    *keys* is the name of a SELECT.
    """
    return (
        f"SELECT {quoted(wanted)} FROM {quoted(between.table)} "
        f"WHERE {quoted(wanted)} IS NOT NULL AND {quoted(given)} IN {keys}"
    )
