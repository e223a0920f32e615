"""Replacing the members of a collection.

A client sends the whole collection. New members are attached, missing ones detached. A detached
entity stays, unless an operation of its own deletes it.

Source: ``ftrack_api/collection.py``.
"""

from __future__ import annotations

from trackteroid_cli.engine.schema.schema import EntityType, Relation
from trackteroid_cli.engine.writing import consequences, defaults, delete
from trackteroid_cli.engine.writing.transaction import Key, Row, Transaction


def replace(
    transaction: Transaction, owner: EntityType, key: Key, relation: Relation, members: list[Key]
) -> None:
    """Replace the members of a collection of *owner* by *members*, keys of its target type."""
    if relation.kind == "many":
        _replace_children(transaction, owner, key, relation, members)
    elif relation.between in transaction.schema.types:
        _replace_links(transaction, key, relation, members)
    else:
        _replace_pairs(transaction, key, relation, members)


def _replace_children(
    transaction: Transaction, owner: EntityType, key: Key, relation: Relation, members: list[Key]
) -> None:
    target = transaction.schema.types[relation.target]
    if relation.column in target.primary_key:
        # Such rows cannot change their owner; operations of their own create and delete them.
        return
    attached: Row = {relation.column: key[0]}
    if relation.where is not None:
        attached[relation.where[0]] = relation.where[1]
    if relation.column == "parent_id" and "parent_type" in target.scalars:
        attached["parent_type"] = owner.name
    wanted = dict.fromkeys(members)
    for found in transaction.select(transaction.family(target), relation.column, key):
        belongs = relation.where is None or found.row[relation.where[0]] == relation.where[1]
        if belongs and found.key not in wanted:
            consequences.change(transaction, found, {relation.column: None})
    for member in wanted:
        child = transaction.find(transaction.schema.types[target.root], member)
        if child is None:
            transaction.awaited.setdefault((target.root, member), {}).update(attached)
        else:
            consequences.change(transaction, child, attached)


def _replace_links(
    transaction: Transaction, key: Key, relation: Relation, members: list[Key]
) -> None:
    """Make the rows of the type between match the members."""
    between = transaction.schema.types[relation.between]
    wanted = {member[0] for member in members}
    kept = set()
    for found in transaction.select(transaction.family(between), relation.column, key):
        member = found.row[relation.target_column]
        if member in wanted:
            kept.add(member)
        else:
            delete.cascade(transaction, found)
    for (member,) in members:
        if member not in kept:
            kept.add(member)
            row: Row = {relation.column: key[0], relation.target_column: member}
            defaults.apply_defaults(transaction, between, row)
            transaction.insert(between, row)


def _replace_pairs(
    transaction: Transaction, key: Key, relation: Relation, members: list[Key]
) -> None:
    """Make the pairs of keys in a table without an entity type match the members."""
    connection = transaction.connection
    connection.execute(f'DELETE FROM "{relation.between}" WHERE "{relation.column}" = ?', [key[0]])
    pairs = [(key[0], member) for (member,) in dict.fromkeys(members)]
    connection.executemany(
        f'INSERT INTO "{relation.between}" ("{relation.column}", "{relation.target_column}") '
        f"VALUES (?, ?)",
        pairs,
    )
    root = transaction.schema.types[relation.target].root
    transaction.paired.setdefault(root, set()).update(member for _, member in pairs)
