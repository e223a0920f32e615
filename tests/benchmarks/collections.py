"""What collections cost, beside plain loops over the same ``ftrack_api`` entities."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

COUNT = 10_000


@contextmanager
def measured(
    folder: Path,
) -> Iterator[dict[str, tuple[Callable[[], float], Callable[[], float]]]]:
    """Give, by what is done, the seconds through a collection and through a plain loop.

    Args:
        folder: where the sandbox that is measured is made.
    """
    from trackteroid_cli.fluent.collections.collection import collect
    from trackteroid_cli.fluent.types.entity_types import EntityType
    from trackteroid_cli.fluent.types.relations import SCHEMA
    from trackteroid_cli.session.session import Session

    with mock.patch.dict(os.environ, TRACKTEROID_HOME=str(folder)):
        session = Session(server_url="sandbox://collections", auto_populate=False)
    parent = session.query("select name from Sequence").first()
    entities = [
        session.create(
            "Shot",
            {"id": str(number), "name": f"sh{number:05}", "parent": parent},
            reconstructing=True,
        )
        for number in range(COUNT)
    ]
    shots: Any = collect(EntityType("Shot"), entities, session, SCHEMA.default)

    def assign_names() -> None:
        for entity in entities:
            entity["description"] = "wide"
        session.recorded_operations.clear()

    def assign_names_at_once() -> None:
        shots.description = "wide"
        session.recorded_operations.clear()

    yield {
        "collection.name": (
            seconds(lambda: shots.name),
            seconds(lambda: [entity["name"] for entity in entities]),
        ),
        "collection.filter(by name)": (
            seconds(lambda: shots.filter(lambda shot: shot.name[0] == "sh00007")),
            seconds(lambda: list(filter(lambda each: each["name"] == "sh00007", entities))),
        ),
        "collection.filter(by parent's name)": (
            seconds(lambda: shots.filter(lambda shot: shot.parent.name[0] == "sq010")),
            seconds(lambda: list(filter(lambda each: each["parent"]["name"] == "sq010", entities))),
        ),
        "collection.parent": (
            seconds(lambda: shots.parent),
            seconds(lambda: {entity["parent"]["id"]: entity["parent"] for entity in entities}),
        ),
        "collection.description = value": (seconds(assign_names_at_once), seconds(assign_names)),
    }
    session.close()


def seconds(action: Callable[[], object]) -> Callable[[], float]:
    """Return a function that measures *action*."""

    def measure() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return measure
