"""Shortest paths between two entity types in a schema.

* The contexts of a production have levels: ``children`` or ``parent`` lead to the next level,
  ``descendants`` or ``ancestors`` further; ``project`` leads to the project, and ``descendants``
  from a project to all other contexts. Types without a level lie above tasks and below folders.
* Elsewhere the path with the fewest attributes wins, if it goes down (along collections) before it
  goes up (along references), so that ``status.tasks`` does not stand for the siblings of a task.
* Of paths of equal length, those without a cast win; then the one whose last attribute is named
  after the target type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trackteroid_cli.engine.schema.schema import Relation, Schema, snake_case
from trackteroid_cli.errors import AmbiguousRelation, NoRelation

#: Attributes that do not describe the structure of a production, and that no path follows.
_IGNORED = frozenset({"created_by", "custom_attributes", "latest_version", "metadata", "thumbnail"})

#: Attributes that a path may end with but not pass through, since what follows them does not belong
#: to the source: the users of a task are its assignees, not the authors of its notes.
_LAST_ONLY = frozenset(
    {
        "allocations",
        "appointments",
        "children",
        "container",
        "custom_attribute_links",
        "custom_attribute_links_from",
        "in_reply_to",
        "incoming_links",
        "lists",
        "managers",
        "members",
        "note_components",
        "notes",
        "outgoing_links",
        "replies",
        "status_changes",
        "tasks",
        "timelogs",
        "used_in_versions",
        "uses_versions",
    }
)

#: Relations between contexts, which `_between_contexts` handles.
_HIERARCHY = frozenset({"ancestors", "children", "descendants", "parent", "project"})

#: The usual depth of object types below their project.
_LEVELS = {"Episode": 1, "Sequence": 2, "AssetBuild": 3, "Shot": 3, "Task": 4}

#: Paths that the rules do not find: an asset is related to a task by its versions.
_SPECIAL_PATHS = {("Asset", "Task"): ("versions.task",)}

_MAX_LENGTH = 5


class _PartialPath(NamedTuple):
    """The beginning of a path: its attributes, the type at its end, and what it has passed.

    Args:
        upwards: whether it has followed a reference.
        visited: the types along the path.
    """

    names: tuple[str, ...]
    type_name: str
    upwards: bool
    visited: frozenset[str]


def shortest_paths(schema: Schema, source: str, target: str) -> tuple[str, ...]:
    """Return the paths from an entity of type *source* to entities of type *target*.

    There are several if entities of the target type are in several places: the project of an asset
    is its parent, or the project of its parent.

    Raises:
        NoRelation: no path follows the rules; the message lists paths that break them.
        AmbiguousRelation: several paths are equally good.
    """
    if (source, target) in _SPECIAL_PATHS:
        return _SPECIAL_PATHS[source, target]
    if schema.is_kind_of(source, "Context") and schema.is_kind_of(target, "Context"):
        return (_single_path(_between_contexts(source, target), source, target),)
    found = _preferred(_shortest(schema, source, target, may_turn=False), target)
    if not found:
        raise _no_relation(source, target, _shortest(schema, source, target, may_turn=True))
    return _whole_hierarchy(schema, _single_path(found, source, target), target)


def _between_contexts(source: str, target: str) -> list[str]:
    """Return the paths within the hierarchy; two if the levels of the types are unknown."""
    if target == "Project":
        return ["project"]
    if target == "Context":
        return ["parent", "children"]
    if source == "Project":
        return [f"descendants[{target}]"]
    here, there = _LEVELS.get(source), _LEVELS.get(target)
    if here and there and here != there:
        near = abs(here - there) == 1
        if here > there:
            return [f"parent[{target}]" if near else f"ancestors[{target}]"]
        return [f"children[{target}]" if near else f"descendants[{target}]"]
    if "Folder" in (source, target) or "Task" in (source, target):
        up = source == "Task" or target == "Folder"
        return [f"parent[{target}]" if up else f"children[{target}]"]
    return [f"parent[{target}]", f"children[{target}]"]


def _whole_hierarchy(schema: Schema, path: str, target: str) -> tuple[str, ...]:
    """Return *path*, and the path to entities of type *target* further up the hierarchy, if any."""
    entry = path.removesuffix(f"[{target}]")
    if entry == path or not schema.is_kind_of(target, "Context"):
        return (path,)
    if target == "Project":
        return path, f"{entry}[TypedContext].project"
    if _LEVELS.get(target, 3) < 3:
        return path, f"{entry}[TypedContext].ancestors[{target}]"
    return (path,)


def _shortest(schema: Schema, source: str, target: str, *, may_turn: bool) -> list[tuple[str, ...]]:
    """Return all paths of the shortest length, as tuples of attributes.

    Args:
        may_turn: whether a path may go down again after it has gone up.
    """
    partials = [_PartialPath((), source, False, frozenset({source}))]
    for _ in range(_MAX_LENGTH):
        found = [
            (*partial.names, last)
            for partial in partials
            for last in _last_steps(schema, partial, target, may_turn)
        ]
        if found:
            return list(dict.fromkeys(found))
        partials = [
            extended for partial in partials for extended in _extended(schema, partial, may_turn)
        ]
    return []


def _last_steps(
    schema: Schema, partial: _PartialPath, target: str, may_turn: bool
) -> Iterator[str]:
    """Yield the attributes that lead from the end of *partial* to *target*, with their cast."""
    for name, relation in _steps(schema, partial, may_turn):
        if relation.target == target:
            yield name
        elif schema.is_kind_of(target, relation.target):
            yield f"{name}[{target}]"
        elif schema.is_kind_of(relation.target, target) and target not in (
            "Context",
            "TypedContext",
        ):
            yield name


def _extended(schema: Schema, partial: _PartialPath, may_turn: bool) -> Iterator[_PartialPath]:
    """Yield *partial* with one more attribute, for each that a path may pass through."""
    for name, relation in _steps(schema, partial, may_turn):
        if relation.name in _LAST_ONLY or relation.target in partial.visited:
            continue
        upwards = partial.upwards or relation.single
        names, visited = (*partial.names, name), partial.visited | {relation.target}
        yield _PartialPath(names, relation.target, upwards, visited)
        if relation.target == "Context" and "TypedContext" in schema.types:
            yield _PartialPath(
                (*partial.names, f"{name}[TypedContext]"), "TypedContext", upwards, visited
            )


def _steps(schema: Schema, partial: _PartialPath, may_turn: bool) -> Iterator[tuple[str, Relation]]:
    """Yield the relations that may follow *partial*, by name."""
    in_hierarchy = schema.is_kind_of(partial.type_name, "Context")
    for name, relation in schema.types[partial.type_name].relations.items():
        if name in _IGNORED or name.startswith("_"):
            continue
        if in_hierarchy and name in _HIERARCHY and name != "project":
            continue
        if partial.upwards and not relation.single and not may_turn:
            continue
        yield name, relation


def _preferred(found: Iterable[tuple[str, ...]], target: str) -> list[str]:
    """Return the paths without a cast, if any; of these the ones named after *target*, if any."""
    paths = [".".join(names) for names in found]
    paths = [path for path in paths if "[" not in path] or paths
    named = {snake_case(target), f"{snake_case(target)}s"}
    return [path for path in paths if path.rpartition(".")[2] in named] or paths


def _single_path(paths: list[str], source: str, target: str) -> str:
    if len(paths) > 1:
        raise AmbiguousRelation(
            f"several ways lead from {source} to {target}",
            why="they are " + ", ".join(paths),
            hint="write the one that is meant, or name it in the relationship file",
        )
    return paths[0]


def _no_relation(source: str, target: str, found: list[tuple[str, ...]]) -> NoRelation:
    paths = [".".join(names) for names in found]
    return NoRelation(
        f"nothing plainly leads from {source} to {target}",
        why="there is " + ", ".join(paths[:8])
        if paths
        else "no attributes of the server's schema connect them",
        hint="write the path that is meant, or name it in the relationship file",
    )
