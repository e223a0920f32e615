"""A production of about a million entities, imported as a server would answer them."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.writing.import_rows import Entity, RowImporter

#: Entities for each shot: the shot, four tasks with an assignment each, an asset with two versions
#: and a component each, two custom attribute values, and links and metadata for some.
ENTITIES_OF_A_SHOT = 16

PROJECTS, SEQUENCES, USERS = 10, 200, 200
TASKS = ("layout", "animation", "lighting", "compositing")

_DATE = "2024-03-{:02}T{:02}:{:02}:00"

#: Entities that are imported in one transaction.
_CHUNK = 20_000


def build(path: Path, entities: int) -> Engine:
    """Return an engine at *path* with about so many entities; the same ones each time."""
    engine = Engine.create(path, standard_schemas())
    engine.admit(DEMO_USER, DEMO_KEY)
    production = Production(engine, max(1, entities // ENTITIES_OF_A_SHOT))
    importer = RowImporter(engine.store.schema)
    rows: Iterator[Entity] = iter(production.entities())
    while chunk := list(islice(rows, _CHUNK)):
        with engine.store.writing() as connection:
            importer.import_rows(connection, chunk)
    engine.store.analyze()
    engine.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return engine


class Production:
    """The entities of a production with so many *shots*, in an *engine* with the seed rows."""

    def __init__(self, engine: Engine, shots: int) -> None:
        self._shots = shots
        self._random = random.Random(1)
        self._schema = engine.store.schema
        self._ids = {
            table: [
                key
                for (key,) in engine.store.connection.execute(
                    f'SELECT id FROM "{table}" ORDER BY name'
                )
            ]
            for table in ("status", "type", "priority", "asset_type", "project_schema")
        }
        types = engine.store.connection.execute("SELECT name, id FROM custom_attribute_type")
        self._attribute_types = dict(types.fetchall())

    def entities(self) -> Iterable[Entity]:
        """Yield the entities, parents before what is in them."""
        users = [self._new("User", username=f"user{n}", is_active=True) for n in range(USERS)]
        yield from users
        configurations = list(self._configurations())
        yield from configurations
        sequences = []
        for number in range(PROJECTS):
            project = self._new("Project", name=f"project{number}", full_name=f"Project {number}")
            project |= {
                "project_id": project["id"],
                "project_schema_id": self._ids["project_schema"][0],
                "context_type": "show",
                "status": "active",
            }
            yield project
            for place in range(SEQUENCES // PROJECTS):
                sequences.append(self._context("Sequence", f"sq{place:03}", project))
                yield sequences[-1]
        for number in range(self._shots):
            yield from self._shot(number, sequences[number % len(sequences)], users, configurations)

    def _configurations(self) -> Iterator[dict[str, Any]]:
        shot = self._schema.types["Shot"].classifiers["object_type_id"]
        for key, kind, default in (("fstart", "number", 1001), ("slate", "text", "")):
            yield self._new(
                "CustomAttributeConfiguration",
                key=key,
                label=key,
                entity_type="task",
                object_type_id=shot,
                type_id=self._attribute_types[kind],
                is_hierarchical=False,
                config="{}",
                default=default,
            )
        yield self._new(
            "CustomAttributeLinkConfiguration",
            key="supervisor",
            label="supervisor",
            entity_type="task",
            object_type_id=shot,
            entity_type_to="user",
            config="{}",
        )

    def _shot(
        self,
        number: int,
        sequence: dict[str, Any],
        users: list[dict[str, Any]],
        configurations: list[dict[str, Any]],
    ) -> Iterator[dict[str, Any]]:
        shot = self._context("Shot", f"sh{number:06}", sequence)
        yield shot
        for name in TASKS:
            task = self._context("Task", name, shot)
            yield task
            user = self._random.choice(users)
            yield self._new(
                "Appointment", context_id=task["id"], resource_id=user["id"], type="assignment"
            )
        asset = self._new("Asset", name=f"comp{number}", context_id=shot["id"])
        asset["type_id"] = self._random.choice(self._ids["asset_type"])
        yield asset
        for version in (1, 2):
            made = self._new(
                "AssetVersion",
                asset_id=asset["id"],
                task_id=task["id"],
                version=version,
                is_published=True,
                status_id=self._random.choice(self._ids["status"]),
                user_id=user["id"],
                comment="",
                date=_DATE.format(number % 28 + 1, number % 24, number % 60),
            )
            yield made
            yield self._new(
                "FileComponent",
                version_id=made["id"],
                name="main",
                file_type=".mov",
                size=1024,
                system_type="file",
            )
        frame, slate, supervisor = configurations
        for configuration, value in ((frame, 1001 + number % 500), (slate, f"slate{number}")):
            yield {
                "__entity_type__": "CustomAttributeValue",
                "configuration_id": configuration["id"],
                "entity_id": shot["id"],
                "value": value,
            }
        if number % 2:
            yield self._new(
                "UserCustomAttributeLink",
                configuration_id=supervisor["id"],
                from_id=shot["id"],
                to_id=user["id"],
            )
        else:
            yield {
                "__entity_type__": "Metadata",
                "parent_id": shot["id"],
                "parent_type": "Shot",
                "key": "source",
                "value": f"plate{number}",
            }

    def _context(self, type_name: str, name: str, parent: dict[str, Any]) -> dict[str, Any]:
        return self._new(
            type_name,
            name=name,
            parent_id=parent["id"],
            project_id=parent["project_id"],
            context_type="task",
            object_type_id=self._schema.types[type_name].classifiers["object_type_id"],
            status_id=self._random.choice(self._ids["status"]),
            type_id=self._random.choice(self._ids["type"]),
            priority_id=self._random.choice(self._ids["priority"]),
            bid=3600.0,
        )

    def _new(self, type_name: str, **values: Any) -> dict[str, Any]:
        key = str(uuid.UUID(int=self._random.getrandbits(128)))
        return {"__entity_type__": type_name, "id": key, **values}


#: Questions to a production of a million entities. Each finds few of them, or shows a page.
QUESTIONS = (
    "Shot where name is sh000500",
    "Task where parent.name is sh000500",
    "Task where project.name is project3 and assignments any (resource.username is user7)",
    "Task order by name offset 100000 limit 100",
    "AssetVersion where asset.parent.name is sh000500",
    "AssetVersion order by date descending limit 100",
    "Shot where custom_attributes any (key is slate and value is slate500)",
    "Shot where custom_attributes any (key is fstart and value > 1490) limit 100",
    "Shot where custom_attribute_links any (user.username is user7) limit 100",
    "Project where descendants any (name is sh000500)",
    "Shot where descendants any (assignments any (resource.username is user7)) limit 100",
    "Sequence where descendants any (name is animation)",
)


def measure(folder: Path, report: Callable[[str, str, str], None]) -> None:
    """Build a million entities, ask `QUESTIONS`, and create and delete a task.

    Args:
        folder: for the database.
        report: told what was measured, the result, and what it should be.
    """
    started = time.perf_counter()
    with closing(build(folder / "million.sqlite", 1_000_000)) as engine:
        report("import 1,000,000 entities", f"{time.perf_counter() - started:.0f} s", "")

        def milliseconds(operation: dict[str, Any]) -> str:
            took = []
            for _ in range(5):
                began = time.perf_counter()
                engine.call([operation], user=DEMO_USER, key=DEMO_KEY)
                took.append(time.perf_counter() - began)
            return f"{statistics.median(took) * 1000:.1f} ms"

        for expression in QUESTIONS:
            question = {"action": "query", "expression": expression}
            report(f"of 1,000,000: {expression[:54]}", milliseconds(question), "")
        (shot,) = engine.store.connection.execute(
            "SELECT id FROM context WHERE name = 'sh000500'"
        ).fetchone()
        for name in "abcde":
            data = {"id": name, "name": name, "parent_id": shot}
            made = {"action": "create", "entity_type": "Task", "entity_data": data}
            engine.call([made], user=DEMO_USER, key=DEMO_KEY)
        began = time.perf_counter()
        for name in "abcde":
            gone = {"action": "delete", "entity_type": "Task", "entity_key": [name]}
            engine.call([gone], user=DEMO_USER, key=DEMO_KEY)
        each = (time.perf_counter() - began) / 5
        report("of 1,000,000: delete a task", f"{each * 1000:.1f} ms", "under 5 ms")
