"""Work through collections records the same batch as work through ``ftrack_api``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fluent.collections.examples import Sequence, Shot, Task, found, named, shots
from tests.support.sessions import Connect
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.operations import to_json
from trackteroid_cli.session.session import Session

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def the_shots(session: Any, *projections: str) -> list[Any]:
    names = ", ".join(["name", *projections])
    return session.query(  # type: ignore[no-any-return]
        f'select {names} from Shot where parent.name is "sq010" '
        'and project.name is "salt_and_ember" order by name'
    ).all()


def one(session: Any, type_name: str, name: str) -> Any:
    return session.query(f'select name from {type_name} where name is "{name}"').one()


def scalars_by_collection(session: Any) -> None:
    collection = shots(session, "description")
    collection.description = "wide"
    collection[1].name = "sh020b"
    collection[2:].description = ["a", "b", "c"]


def scalars_by_entity(session: Any) -> None:
    entities = the_shots(session, "description")
    for entity in entities:
        entity["description"] = "wide"
    entities[1]["name"] = "sh020b"
    for entity, text in zip(entities[2:], "abc", strict=True):
        entity["description"] = text


def references_by_collection(session: Any) -> None:
    shots(session, "status").status = named(session, "Status", "Completed")


def references_by_entity(session: Any) -> None:
    status = one(session, "Status", "Completed")
    for entity in the_shots(session, "status"):
        entity["status"] = status


def mappings_by_collection(session: Any) -> None:
    collection = shots(session, "custom_attributes, metadata")
    collection.custom_fend = [1, 2, 3, 4, 5]
    collection.metadata = {"camera": "A"}


def mappings_by_entity(session: Any) -> None:
    entities = the_shots(session, "custom_attributes, metadata")
    for number, entity in enumerate(entities, 1):
        entity["custom_attributes"]["fend"] = number
    for entity in entities:
        entity["metadata"]["camera"] = "A"


def unfetched_mappings_by_collection(session: Any) -> None:
    shots(session)[0].custom_fend = 7


def unfetched_mappings_by_entity(session: Any) -> None:
    with session.auto_populating(True):
        the_shots(session)[0]["custom_attributes"]["fend"] = 7


def publish_by_collection(session: Any) -> None:
    shot = shots(session, "children.name")[0]
    task = shot.children[Task].filter(lambda each: each.name[0] == "layout")
    version = shot.Asset.create(name="layout", type="Animation").AssetVersion.create(task=task)
    component = version.Component.create(name="main")
    component.ComponentLocation.create(resource_identifier="/path")
    version.is_published = True
    version.metadata = {"renderer": "farm"}


def publish_by_entity(session: Any) -> None:
    shot = the_shots(session, "children.name")[0]
    task = next(each for each in shot["children"] if each["name"] == "layout")
    type_ = one(session, "AssetType", "Animation")
    asset = session.create("Asset", {"name": "layout", "type": type_, "parent": shot})
    version = session.create("AssetVersion", {"asset": asset, "task": task})
    component = session.create("Component", {"name": "main", "version": version})
    unmanaged = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
    data = {"component": component, "resource_identifier": "/path", "location_id": unmanaged}
    session.create("ComponentLocation", data)
    version["is_published"] = True
    version["metadata"]["renderer"] = "farm"


def new_mappings_by_collection(session: Any) -> None:
    sequence = shots(session, "parent").parent[Sequence]
    shot = sequence.children[Shot].create(name="sh900")
    session.commit()
    shot.custom_fend = 7
    shot.metadata = {"camera": "A"}
    assert shot.custom_fend == [7]


def new_mappings_by_entity(session: Any) -> None:
    sequence = the_shots(session, "parent")[0]["parent"]
    shot = session.create("Shot", {"name": "sh900", "parent": sequence})
    session.commit()
    with session.auto_populating(True):
        shot["custom_attributes"]["fend"] = 7
    shot["metadata"]["camera"] = "A"


def links_by_collection(session: Any) -> None:
    first, second, third, *_ = shots(session)
    second.link_inputs(first).link_outputs(third)


def links_by_entity(session: Any) -> None:
    first, second, third, *_ = the_shots(session)
    session.create("TypedContextLink", {"from": first, "to": second})
    session.create("TypedContextLink", {"from": second, "to": third})


def deletes_by_collection(session: Any) -> None:
    found(session, f"select id from Task where {LAST_TASKS}").delete()


def deletes_by_entity(session: Any) -> None:
    for task in session.query(f"select id from Task where {LAST_TASKS}").all():
        session.delete(task)


LAST_TASKS = 'parent.name is "sh050" and project.name is "salt_and_ember" order by name'

WORK: dict[str, tuple[Callable[[Any], None], Callable[[Any], None]]] = {
    "scalars": (scalars_by_collection, scalars_by_entity),
    "references": (references_by_collection, references_by_entity),
    "mappings": (mappings_by_collection, mappings_by_entity),
    "unfetched mappings": (unfetched_mappings_by_collection, unfetched_mappings_by_entity),
    "mappings of new entities": (new_mappings_by_collection, new_mappings_by_entity),
    "publish": (publish_by_collection, publish_by_entity),
    "links": (links_by_collection, links_by_entity),
    "deletes": (deletes_by_collection, deletes_by_entity),
}


@pytest.mark.parametrize("work", WORK)
def test_equal_work_makes_equal_batches(connect: Connect, work: str, tmp_path: Path) -> None:
    through_collections, through_entities = WORK[work]
    recorded = batch(connect(auto_populate=False), through_collections, tmp_path / "a.dbm")
    assert recorded == batch(connect(auto_populate=False), through_entities, tmp_path / "b.dbm")
    assert recorded


def batch(session: Session, work: Callable[[Any], None], path: Path) -> list[Any]:
    """Return the operations that *work* records, with new ids numbered in order of appearance."""
    with session.deferred_operations(path):
        work(session)
    with Batch(path) as held:
        operations = [to_json(operation) for operation in held.operations()]
    created = {
        each["entity_key"]["id"]: f"new {number}"
        for number, each in enumerate(operations)
        if each["operation"] == "create" and "id" in each["entity_key"]
    }
    return [_renumbered(operation, created) for operation in operations]


def _renumbered(value: Any, created: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _renumbered(item, created) for name, item in value.items()}
    if isinstance(value, list):
        return [_renumbered(item, created) for item in value]
    if isinstance(value, str):
        return _ID.sub(lambda match: created.get(match[0], match[0]), value)
    return value
