"""A production of 100,000 tasks, for measuring queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas

PROJECT = "project2"
USERNAME = "user7"

PROJECTS, SHOTS, TASKS, USERS = 4, 5_000, 5, 50


def large_engine(path: Path) -> Engine:
    """Return an engine with four projects, 20,000 shots, 100,000 tasks and as many assignments."""
    engine = Engine.create(path, standard_schemas())
    engine.admit("demo", "demo-key")

    def send(operations: list[dict[str, Any]]) -> None:
        engine.call(operations, user="demo", key="demo-key")

    send([_create("User", f"u{number}", username=f"user{number}") for number in range(USERS)])
    for project in range(PROJECTS):
        send([_create("Project", f"p{project}", name=f"project{project}")])
        send(list(_shots(project)))
    return engine


def _shots(project: int) -> Iterator[dict[str, Any]]:
    for shot in range(SHOTS):
        shot_id = f"p{project}s{shot}"
        yield _create("Shot", shot_id, name=f"sh{shot:05}", parent_id=f"p{project}")
        for task in range(TASKS):
            task_id = f"{shot_id}t{task}"
            yield _create("Task", task_id, name=f"task{task}", parent_id=shot_id)
            yield _create(
                "Appointment",
                f"{task_id}a",
                context_id=task_id,
                resource_id=f"u{(shot * TASKS + task) % USERS}",
                type="assignment",
            )


def _create(type_name: str, key: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": type_name, "entity_data": {"id": key, **data}}
