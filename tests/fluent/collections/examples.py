"""Example collections for the tests of this folder."""

from __future__ import annotations

from typing import Any

from trackteroid_cli.fluent.collections.collection import collect
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.fluent.types.relations import SCHEMA

Asset = EntityType("Asset")
AssetVersion = EntityType("AssetVersion")
Component = EntityType("Component")
Project = EntityType("Project")
Sequence = EntityType("Sequence")
Shot = EntityType("Shot")
Status = EntityType("Status")
Task = EntityType("Task")
TypedContext = EntityType("TypedContext")

SALT = 'project.name is "salt_and_ember"'


def found(session: Any, expression: str) -> Any:
    """Return a collection of the entities that *expression* finds; it begins with ``select``."""
    type_name = expression.partition(" from ")[2].split()[0]
    entities = session.query(expression).all()
    return collect(EntityType(type_name), entities, session, SCHEMA["default"])


def shots(session: Any, *projections: str) -> Any:
    """Return the five shots of the sequence sq010, in order."""
    names = ", ".join(["name", *projections])
    return found(
        session,
        f'select {names} from Shot where parent.name is "sq010" and {SALT} order by name',
    )


def named(session: Any, type_name: str, name: str, *projections: str) -> Any:
    """Return the entity named *name*."""
    names = ", ".join(["name", *projections])
    return found(session, f'select {names} from {type_name} where name is "{name}"')
