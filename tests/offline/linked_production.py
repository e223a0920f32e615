"""Generated productions whose projects are linked in every way, and questions about them.

Rows, links and questions are made from the schema: a reference leads to any row that it can lead
to, of the same project or of another.
"""

from __future__ import annotations

import sqlite3
from random import Random
from typing import Any

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.schema import Attribute, Relation, Schema, is_dense
from trackteroid_cli.offline.pull.plan import Plan

PROJECTS = ("north", "south", "west")
WORDS = ("anim", "comp", "main")

#: How many rows of each type a project has, in the order in which they are made.
ROWS = {
    "Sequence": 1,
    "Shot": 2,
    "Task": 3,
    "Asset": 2,
    "AssetVersion": 3,
    "FileComponent": 2,
    "SequenceComponent": 1,
    "Component": 1,
    "ComponentLocation": 2,
    "TypedContextLink": 2,
    "AssetVersionLink": 2,
    "TypedContextList": 1,
    "AssetVersionList": 1,
    "ListObject": 3,
    "ReviewSession": 1,
    "ReviewSessionObject": 2,
    "ReviewSessionInvitee": 1,
    "ReviewSessionObjectStatus": 1,
    "Appointment": 3,
    "Timelog": 2,
    "Timer": 1,
    "Manager": 1,
    "CalendarEvent": 1,
    "CalendarEventResource": 1,
    "Note": 3,
    "NoteComponent": 1,
    "Recipient": 1,
    "NoteLabelLink": 1,
    "Metadata": 2,
    "TypedContextStatusChange": 1,
    "AssetVersionStatusChange": 1,
    "CustomAttributeValue": 2,
    "ContextCustomAttributeLink": 1,
    "AssetVersionCustomAttributeLink": 1,
}

#: What a column with the key of an entity of any type refers to.
_ANY_OWNER = {
    "Note": ("TypedContext", "AssetVersion", "ReviewSessionObject", "Project"),
    "Metadata": ("TypedContext", "AssetVersion", "Asset", "Component"),
    "CustomAttributeValue": ("TypedContext", "AssetVersion", "Asset"),
    "ContextCustomAttributeLink": ("TypedContext",),
    "AssetVersionCustomAttributeLink": ("AssetVersion",),
    "TypedContextStatusChange": ("TypedContext",),
    "AssetVersionStatusChange": ("AssetVersion",),
    "ListObject": ("TypedContext", "AssetVersion"),
}
_OWNER_COLUMNS = {
    "ListObject": "entity_id",
    "CustomAttributeValue": "entity_id",
    "ContextCustomAttributeLink": "from_id",
    "AssetVersionCustomAttributeLink": "from_id",
}


class LinkedProduction:
    """A production in *engine*, made with *random*; it replaces what the engine had."""

    def __init__(self, engine: Engine, random: Random) -> None:
        self.random = random
        self.schema: Schema = engine.store.schema
        self.connection: sqlite3.Connection = engine.store.connection
        plan = Plan(self.schema)
        self._keys: dict[str, list[str]] = {}
        self._texts = [
            key
            for (key,) in self.connection.execute(
                "SELECT c.id FROM custom_configuration_base AS c "
                "JOIN custom_attribute_type AS t ON t.id = c.type_id WHERE t.name = 'text'"
            )
        ]
        self.connection.execute("BEGIN")
        for root in (*plan.scoped, "CustomAttributeLink"):
            self.connection.execute(f'DELETE FROM "{self.schema.families[root].table}"')
        for name in PROJECTS:
            self._insert(
                "Project",
                {"id": name, "name": name, "full_name": name, "project_id": name, "status": "a"},
            )
        for type_name, number in ROWS.items():
            for project in PROJECTS:
                for place in range(number):
                    self._add(type_name, project, place)
        self.connection.execute("COMMIT")

    def keys(self, type_name: str) -> list[str]:
        """Return the ids of the rows of a type and its subtypes, of those without projects too."""
        found = [
            key
            for name in self.schema.concrete_types(type_name)
            for key in self._keys.get(name, ())
        ]
        if not found and not is_dense(type_name):
            table = self.schema.family_of(type_name).table
            found = [key for (key,) in self.connection.execute(f'SELECT id FROM "{table}"')][:4]
            self._keys[type_name] = found
        return found

    def _add(self, type_name: str, project: str, place: int) -> None:
        entity_type = self.schema.types[type_name]
        row: dict[str, Any] = {}
        for attribute in self.schema.family_of(type_name).columns.values():
            if not attribute.key and not attribute.computed:
                row[attribute.name] = self._value(attribute)
        for relation in entity_type.relations.values():
            if relation.kind == "reference":
                row[relation.column] = self._key(relation.target, project)
        if type_name in _ANY_OWNER:
            owner = self.random.choice(_ANY_OWNER[type_name])
            row[_OWNER_COLUMNS.get(type_name, "parent_id")] = self._key(owner, project)
            row["parent_type"] = owner
        if type_name == "CustomAttributeValue":
            row["configuration_id"] = self.random.choice(self._texts)
        if type_name in _OWNER_COLUMNS and "CustomAttributeLink" in type_name:
            row["from_entity_type"] = row["to_entity_type"] = ""
        row["id"] = f"{project}-{type_name}-{place}"
        if self.schema.is_kind_of(type_name, "TypedContext"):
            parents = {"Sequence": "Project", "Shot": "Sequence", "Task": "Shot"}
            near = [key for key in self.keys(parents[type_name]) if key.startswith(project)]
            row |= {"parent_id": self.random.choice(near), "project_id": project}
        row |= entity_type.classifiers
        self._insert(type_name, row)

    def _insert(self, type_name: str, row: dict[str, Any]) -> None:
        family = self.schema.family_of(type_name)
        if family.polymorphic:
            row[family.discriminator] = type_name
            if family.root == "CustomAttributeLink":
                row["_from_type"] = f"{type_name}From"
        given = {name: row[name] for name in row if name in family.columns or name[0] == "_"}
        if any(given.get(name) is None for name in family.primary_key):
            return
        names = ", ".join(f'"{name}"' for name in given)
        marks = ", ".join("?" * len(given))
        self.connection.execute(
            f'INSERT OR IGNORE INTO "{family.table}" ({names}) VALUES ({marks})',
            list(given.values()),
        )
        if "id" in given:
            self._keys.setdefault(type_name, []).append(given["id"])

    def _key(self, type_name: str, project: str) -> str | None:
        """Return the key of a row, of *project* more often than of another one."""
        keys = self.keys(type_name) if self.schema.types[type_name].primary_key == ("id",) else []
        near = [key for key in keys if key.startswith(project)] or keys
        chance = self.random.random()
        if not keys or chance < 0.1:
            return None
        return self.random.choice(near if chance < 0.8 else keys)

    def _value(self, attribute: Attribute) -> Any:
        if attribute.kind in ("integer", "number"):
            return self.random.randrange(3)
        if attribute.kind == "boolean":
            return self.random.randrange(2)
        if attribute.kind == "date":
            return f"2026-01-0{self.random.randrange(1, 4)} 00:00:00"
        return self.random.choice(WORDS)


class Questions:
    """Generated questions about *production*."""

    def __init__(self, production: LinkedProduction) -> None:
        self._production = production
        self._random = production.random
        self._schema = production.schema
        self._types = [*ROWS, "Project", "TypedContext", "User", "Status", "AssetType"]

    def question(self) -> str:
        """Return a query."""
        choose = self._random
        type_name = choose.choice(self._types)
        projections = [self._projection(type_name) for _ in range(choose.randrange(1, 3))]
        text = f"select {', '.join(projections)} from {type_name}"
        condition = self.condition(type_name, choose.randrange(3))
        chance = choose.random()
        if chance < 0.6:
            text += f" where {self._of_project(type_name)} and {condition}"
        elif chance < 0.95:
            text += f" where {condition}"
        if "id" in self._schema.types[type_name].primary_key and choose.random() < 0.15:
            path = self._path(type_name, 2, single=True)
            text += f" order by {path}id" + choose.choice(["", " limit 2"])
        return text

    def condition(self, type_name: str, depth: int) -> str:
        """Return a condition on entities of a type."""
        choose, chance = self._random, self._random.random()
        if depth and chance < 0.3:
            word = choose.choice([" and ", " and ", " or "])
            return f"({word.join(self.condition(type_name, depth - 1) for _ in range(2))})"
        if depth and chance < 0.4:
            return f"not ({self.condition(type_name, depth - 1)})"
        if depth and chance < 0.55 and self._relations(type_name):
            relation = choose.choice(self._relations(type_name))
            inner = self.condition(relation.target, depth - 1) if choose.random() < 0.8 else ""
            return f"{relation.name} any ({inner})"
        if depth and chance < 0.65:
            return self._subquery(type_name, depth)
        return self._comparison(type_name)

    def _project(self) -> str:
        """Return the name of a project, mostly that of the first."""
        return PROJECTS[0] if self._random.random() < 0.8 else self._random.choice(PROJECTS)

    def _of_project(self, type_name: str) -> str:
        """Return the condition that a path of references leads to a project."""
        name = self._project()
        if type_name == "Project":
            return f"name is {name}"
        if type_name in _OWNER_COLUMNS or "parent_id" in self._schema.types[type_name].scalars:
            column = _OWNER_COLUMNS.get(type_name, "parent_id")
            return f"{column} in (select id from TypedContext where project.name is {name})"
        waiting = [(type_name, "")]
        seen = set()
        while waiting:
            end, path = waiting.pop(0)
            if end in seen:
                continue
            seen.add(end)
            if self._schema.types[end].root == "Context" and path:
                if end == "Project":
                    return f"{path}name is {name}"
                return f"{path[:-1]}[TypedContext].project.name is {name}"
            references = [each for each in self._relations(end) if each.kind == "reference"]
            self._random.shuffle(references)
            waiting += [(each.target, f"{path}{each.name}.") for each in references]
        return self._comparison(type_name)

    def _comparison(self, type_name: str) -> str:
        choose = self._random
        path = self._path(type_name, choose.randrange(4))
        end = self._end(type_name, path)
        if self._schema.is_kind_of(end, "TypedContext") and choose.random() < 0.6:
            return f"{path}project.name is {self._project()}"
        if end == "Project":  # an unknown name is refused by any replica
            return f"{path}name is {self._project()}"
        if end == "AssetVersion" and choose.random() < 0.15:
            return f"{path}is_latest_version is true"
        names = [
            each.name
            for each in self._schema.types[end].scalars.values()
            if each.kind == "text" and not each.key and not each.computed and not each.names_type
        ]
        if choose.random() < 0.5 or not names:
            key = self._schema.types[end].primary_key[0]
            keys = self._production.keys(end) if key == "id" else []
            near = [each for each in keys if each.startswith(PROJECTS[0])]
            if keys:
                return (
                    f"{path}id is {choose.choice(near if near and choose.random() < 0.8 else keys)}"
                )
        if not names:
            return f"{path}{self._schema.types[end].primary_key[0]} is_not none"
        test = choose.choice(["is {}", "is_not {}", "is none", "is_not none", "in ({}, {})"])
        return f"{path}{choose.choice(names)} {test.format(choose.choice(WORDS), WORDS[0])}"

    def _subquery(self, type_name: str, depth: int) -> str:
        choose = self._random
        references = [
            each
            for each in self._relations(type_name)
            if each.kind == "reference" and self._schema.types[each.target].primary_key == ("id",)
        ]
        word = choose.choice(["in", "in", "not_in"])
        if references and choose.random() < 0.6:
            relation = choose.choice(references)
            inner = self.condition(relation.target, depth - 1)
            limit = choose.choice(["", "", "", " limit 2"])
            return f"{relation.name} {word} (select id from {relation.target} where {inner}{limit})"
        other = choose.choice(self._types)
        back = [
            each.name
            for each in self._relations(other)
            if each.kind == "reference" and self._schema.is_kind_of(type_name, each.target)
        ]
        if not back or self._schema.types[type_name].primary_key != ("id",):
            return self._comparison(type_name)
        inner = self.condition(other, depth - 1)
        return f"id {word} (select {choose.choice(back)}.id from {other} where {inner})"

    def _projection(self, type_name: str) -> str:
        path = self._path(type_name, 2)
        names = [
            each.name
            for each in self._schema.types[self._end(type_name, path)].scalars.values()
            if each.name in ("name", "link", "is_latest_version", "time_logged", "version", "key")
        ]
        return path + self._random.choice(names) if names else (path.rstrip(".") or "id")

    def _path(self, type_name: str, longest: int, *, single: bool = False) -> str:
        path = ""
        for _ in range(self._random.randrange(longest + 1)):
            relations = [each for each in self._relations(type_name) if each.single or not single]
            if not relations:
                break
            relation = self._random.choice(relations)
            path += f"{relation.name}."
            type_name = relation.target
        return path

    def _end(self, type_name: str, path: str) -> str:
        for name in path.split(".")[:-1]:
            type_name = self._schema.types[type_name].relations[name].target
        return type_name

    def _relations(self, type_name: str) -> list[Relation]:
        return [
            each
            for each in self._schema.types[type_name].relations.values()
            if each.name not in self._schema.types[type_name].restricted
            and not each.name.startswith("_")
        ]
