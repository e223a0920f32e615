"""The projections of a query as a tree, with one node for each relation that they follow.

A node has the type of each of its attributes, since a cast (``parent[Shot].name``) asks for an
attribute of some rows only.

Source: ftrack's API documentation, "Querying", on projections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trackteroid_cli.engine.query.language import Path, Segment
from trackteroid_cli.engine.query.lookup import (
    checked_segments,
    find,
    find_if_any,
    find_relation,
    find_type,
    target_of,
)
from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema, is_dense
from trackteroid_cli.engine.storage.errors import ParseError

#: Attributes that are always loaded of the entries of a mapping, besides their keys.
_ENTRY = ("key", "value")


@dataclass(slots=True)
class Node:
    """Rows to load: their type, attributes and relations.

    ``scalars`` has, for each attribute, the types whose rows show it; ``relations`` has these types
    for each relation, and the node of the related rows.
    """

    type_name: str
    scalars: dict[str, set[str]] = field(default_factory=dict)
    relations: dict[Relation, tuple[set[str], Node]] = field(default_factory=dict)


def projection_tree(schema: Schema, type_name: str, paths: Iterable[Path] | None) -> Node:
    """Return the tree for the projections of a query; None means the default projections.

    Raises:
        ParseError: a name that the schema does not have, or an attribute that cannot be selected.
    """
    entity_type = find_type(schema, type_name)
    if paths is None:
        # The schemas' lists have attributes that some types do not have.
        paths = [
            Path((Segment(name),))
            for name in entity_type.default_projections
            if find_if_any(schema, type_name, name)
        ]
    root = Node(type_name)
    for path in paths:
        _add(schema, root, path)
    return root


def _add(schema: Schema, root: Node, path: Path) -> None:
    node, seen_as = root, root.type_name
    *relations, last = checked_segments(path)
    for segment in relations:
        node, seen_as = _follow(schema, node, seen_as, segment)
    found = find(schema, seen_as, last.name)
    if isinstance(found.member, Attribute):
        node.scalars.setdefault(last.name, set()).add(found.type_name)
        return
    node, seen_as = _follow(schema, node, seen_as, last)
    if is_dense(seen_as) or seen_as == "Metadata":
        for name in _ENTRY:
            node.scalars.setdefault(name, set()).add(seen_as)
    if seen_as == "Metadata":
        node.scalars.setdefault("parent_type", set()).add(seen_as)


def _follow(schema: Schema, node: Node, seen_as: str, segment: Segment) -> tuple[Node, str]:
    """Return the node that *segment* leads to, and the type of its rows after the cast."""
    relation = find_relation(schema, seen_as, segment.name)
    owner = find(schema, seen_as, segment.name).type_name
    if segment.name in schema.types[owner].restricted:
        raise ParseError(
            f"'{segment.name}' of '{owner}' can be filtered on, not selected. "
            f"Query '{relation.target}' instead."
        )
    owners, target = node.relations.setdefault(relation, (set(), Node(relation.target)))
    owners.add(owner)
    return target, target_of(schema, relation, segment)
