"""A random production, always the same, for the tests of criteria.

Values are often missing, names repeat across types, and some texts have quotes, backslashes and the
characters of patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

Choice = TypeVar("Choice")

NAMES = (
    "comp",
    "Comp",
    "anim",
    "animation",
    'say "hello"',
    "it's",
    "C:\\plates",
    "ends in \\",
    '\\"both',
    "50_percent",
    "50 percent",
    "élan",
)
PROJECTS = ("comp", "anim", 'say "hello"')
TEXTS = (*NAMES, "a\nline", "or", "none", "True")


class _Production:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.random = Random(20240304)
        self.statuses = session.query("select id, name from Status").all()
        self.types = session.query("select id, name from Type").all()
        self.asset_types = session.query("select id from AssetType").all()
        self.locations = session.query("select id from Location").all()
        self.users = [
            self.create("User", username=f"user{number}", is_active=number != 1)
            for number in range(4)
        ]
        self.group = self.create("Group", name="user1")

    def create(self, entity_type: str, /, **data: Any) -> Any:
        given = {name: value for name, value in data.items() if value is not None}
        return self.session.create(entity_type, given)

    def maybe(self, choices: Sequence[Choice]) -> Choice | None:
        return self.random.choice([*choices, None])

    def day(self, last: int = 28) -> str:
        return f"2024-03-{self.random.randint(1, last):02d}T{self.random.randint(0, 23):02d}:00:00"

    def build(self) -> None:
        schemas = self.session.query("ProjectSchema").first()
        contexts, versions = [], []
        for number in range(3):
            project = self.create(
                "Project",
                name=PROJECTS[number],
                full_name=f"Project {number}",
                project_schema=schemas,
                status=("active", "hidden", "active")[number],
                start_date=self.maybe(["2024-03-01", "2024-03-10"]),
                end_date=self.maybe(["2024-03-20", "2024-03-28"]),
            )
            made = self.contexts(project)
            contexts += made
            versions += self.versions([project, *made])
            self.lists(project, made, versions)
        self.links("TypedContextLink", contexts)
        self.links("AssetVersionLink", versions)
        self.session.commit()
        for context in self.random.sample(contexts, 15):
            if context.entity_type == "Task":
                context["status"] = self.random.choice(self.statuses[:4])
        for user in self.users:
            for status in ("queued", "done", "failed"):
                self.create(
                    "Job", user=user, type="api_job", status=status, data=self.random.choice(TEXTS)
                )
        self.session.commit()

    def contexts(self, project: Any) -> list[Any]:
        made: list[Any] = []
        for kind, parents in (
            ("Sequence", ["Project"]),
            ("Folder", ["Project", "Sequence"]),
            ("Shot", ["Sequence", "Project"]),
            ("AssetBuild", ["Project", "Folder"]),
            ("Task", ["Shot", "Shot", "AssetBuild", "Sequence"]),
        ):
            for number in range(10 if kind == "Task" else 3):
                wanted = self.random.choice(parents)
                above = [each for each in (project, *made) if each.entity_type == wanted]
                made.append(self.context(kind, self.random.choice(above), number))
        return made

    def context(self, kind: str, parent: Any, number: int) -> Any:
        context = self.create(
            kind,
            name=self.random.choice(NAMES) + (str(number) if number else ""),
            parent=parent,
            type=self.random.choice(self.types[:4]) if kind == "Task" else None,
            description=self.maybe(TEXTS),
            start_date=self.maybe([self.day()]),
            end_date=self.maybe([self.day()]),
        )
        for key in ("renderer", "camera"):
            value = self.maybe(["farm", "farm-2", 'a "b"'])
            if value is not None:
                context["metadata"][key] = value
        if kind == "Task":
            for resource in self.random.sample(
                [*self.users, self.group], self.random.randint(0, 2)
            ):
                self.create("Appointment", context=context, resource=resource, type="assignment")
            if self.random.random() < 0.5:
                self.create(
                    "Timelog",
                    context=context,
                    user=self.random.choice(self.users),
                    start=self.day(),
                    duration=3600,
                    comment=self.maybe(TEXTS),
                )
        return context

    def versions(self, contexts: list[Any]) -> list[Any]:
        made = []
        tasks = [each for each in contexts if each.entity_type == "Task"]
        for _ in range(8):
            asset = self.create(
                "Asset",
                name=self.random.choice(NAMES),
                parent=self.random.choice(contexts),
                type=self.random.choice(self.asset_types[:3]),
            )
            for _ in range(self.random.randint(0, 3)):
                version = self.create(
                    "AssetVersion",
                    asset=asset,
                    task=self.maybe(tasks),
                    user=self.random.choice(self.users),
                    comment=self.maybe(TEXTS),
                    date=self.day(),
                    is_published=self.random.random() < 0.5,
                    status=self.random.choice(self.statuses[:5]),
                )
                self.components(version)
                made.append(version)
        return made

    def components(self, version: Any) -> None:
        for name in ("main", "proxy")[: self.random.randint(0, 2)]:
            component = self.create(
                "FileComponent",
                name=name,
                version=version,
                file_type=self.random.choice([".mov", ".exr", ""]),
                size=self.random.randint(0, 5) * 1000,
            )
            for location in self.random.sample(self.locations, self.random.randint(0, 2)):
                self.create(
                    "ComponentLocation",
                    component=component,
                    location=location,
                    resource_identifier=self.random.choice(["/path/one", "C:\\path\\two", "/100%"]),
                )

    def lists(self, project: Any, contexts: list[Any], versions: list[Any]) -> None:
        category = self.session.query("ListCategory").first()
        for kind, items in (("TypedContextList", contexts), ("AssetVersionList", versions)):
            for name in ("comp", "dailies"):
                made = self.create(kind, name=name, project=project, category=category)
                made["items"] = self.random.sample(items, min(4, len(items)))

    def links(self, kind: str, entities: list[Any]) -> None:
        for _ in range(10):
            from_, to = self.random.sample(entities, 2)
            self.create(kind, **{"from": from_, "to": to})


def generate(home: Path, schemas: Path) -> Session:
    """Return a session on a sandbox below *home* that holds the production."""
    file = home / "sandboxes" / "generated.sqlite"
    file.parent.mkdir(parents=True)
    engine = Engine.create(file, standard_schemas())
    engine.admit(SANDBOX_USER, SANDBOX_KEY)
    engine.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKTEROID_HOME", str(home))
        session = Session(
            "sandbox://generated", schema_cache_path=str(schemas), auto_populate=False
        )
        with session.auto_populating(True):
            _Production(session).build()
    session.reset()
    return session
