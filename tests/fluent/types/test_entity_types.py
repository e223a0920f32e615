"""Entity types: imports by name, paths, and projections."""

from __future__ import annotations

import copy
import importlib.util
import pickle
from pathlib import Path
from typing import Any

import pytest

import trackteroid_cli
from trackteroid_cli import AssetVersion, Shot, Task, TypedContext
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.errors import NotConfigured
from trackteroid_cli.fluent.query import Query
from trackteroid_cli.fluent.types.default_projections import DEFAULTS
from trackteroid_cli.fluent.types.entity_types import EntityType
from trackteroid_cli.fluent.types.schema import schema_of
from trackteroid_cli.fluent.types.type_lookup import standard_names
from trackteroid_cli.session.default_session import DefaultSession
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

ROOT = Path(__file__).resolve().parents[3]


def test_a_type_is_a_value_with_a_name() -> None:
    assert repr(Shot) == str(Shot) == Shot.__name__ == "Shot"
    assert EntityType("Shot") == Shot != Task
    assert {Shot: 1}[EntityType("Shot")] == 1
    assert copy.deepcopy(Shot) == pickle.loads(pickle.dumps(Shot)) == Shot


def test_any_name_after_a_type_is_a_path() -> None:
    path = AssetVersion.Task.status.name
    assert repr(path) == "AssetVersion.Task.status.name"
    assert path == EntityType("AssetVersion").Task.status.name != AssetVersion.Task
    assert {path: 1}[AssetVersion.Task.status.name] == 1
    assert copy.deepcopy(path) == pickle.loads(pickle.dumps(path)) == path
    assert repr(Shot.name) == "Shot.name"
    for each in (Shot, path):
        with pytest.raises(AttributeError):
            _ = each.__wrapped__


def test_a_type_has_the_projections_of_a_query(default_session: DefaultSession) -> None:
    assert AssetVersion.projections == ["id", "asset.name", "version"]
    assert vars(default_session) == {}
    assert Shot.projections == ["id", "name"]


def test_the_usual_projections_are_attributes_and_begin_with_the_key(schema: Schema) -> None:
    from trackteroid_cli.fluent.types.paths import resolve_path

    for name, projections in DEFAULTS.items():
        assert projections[0] == schema.types[name].primary_key[0]
        assert [resolve_path(schema, name, each).text for each in projections] == list(projections)


def test_a_type_coerces_a_collection(session: Session) -> None:
    shots = Query(Shot, session).get_all()
    contexts = TypedContext(shots)
    assert contexts.entity_type == TypedContext
    assert list(contexts.keys()) == list(shots.keys())


# Imports.


def test_the_standard_types_are_those_of_the_standard_schemas() -> None:
    spec = importlib.util.spec_from_file_location("standard_types", ROOT / "man/standard_types.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    for path, text in generator.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make docs`"
    assert standard_names() == sorted(document["id"] for document in standard_schemas())


def test_standard_types_and_other_names_cost_no_connection(
    default_session: DefaultSession,
) -> None:
    assert trackteroid_cli.Sequence == EntityType("Sequence")
    for name in ("shot", "nothing", "__wrapped__", "_Shot"):
        with pytest.raises(AttributeError, match=name):
            getattr(trackteroid_cli, name)
    assert {"Shot", "Query", "SCHEMA", "SESSION", "__version__"} <= set(dir(trackteroid_cli))
    assert vars(default_session) == {}


def test_an_error_for_an_unknown_name_proposes_close_ones(
    default_session: DefaultSession,
) -> None:
    with pytest.raises(AttributeError, match="no entity type 'AssetVersoin'; did you mean Asset"):
        _ = trackteroid_cli.AssetVersoin  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="AssetVersoin"):
        from trackteroid_cli import AssetVersoin  # type: ignore[attr-defined]  # noqa: F401


def test_a_name_that_cannot_be_looked_up_raises_the_reason() -> None:
    from trackteroid_cli.session.default_session import default_session

    default_session.cache_clear()
    with pytest.raises(NotConfigured):
        _ = trackteroid_cli.AssetGroup  # type: ignore[attr-defined]
    default_session.cache_clear()


@pytest.fixture
def studio(home: Path) -> Path:
    """A sandbox with an object type of the studio's own."""
    documents: list[dict[str, Any]] = standard_schemas()
    own = copy.deepcopy(next(each for each in documents if each["id"] == "AssetBuild"))
    own["id"] = "AssetGroup"
    own["alias_for"]["classifiers"]["object_typeid"] = "6fd1b6a1-2d43-4b9a-9c39-6b39f2e0d111"
    file = home / "sandboxes" / "demo.sqlite"
    file.unlink(missing_ok=True)
    engine = Engine.create(file, [*documents, own])
    engine.admit(SANDBOX_USER, SANDBOX_KEY)
    engine.close()
    return file


def test_a_type_of_the_studios_own_can_be_imported_and_queried(
    default_session: DefaultSession, studio: Path
) -> None:
    from trackteroid_cli import AssetGroup  # type: ignore[attr-defined]

    assert EntityType("AssetGroup") == AssetGroup
    query = Query(Task).by_name(AssetGroup, "props").not_by_status("Done")
    assert str(query) == (
        'select id, name from Task where (parent[AssetGroup].name is "props") and '
        'not (status.name is "Done")'
    )
    assert not query.get_all()
    assert not Query(AssetGroup).by_name("%").get_all()


# Schemas.


def test_the_schema_of_a_session_is_parsed_once_until_it_is_read_again(session: Session) -> None:
    first = schema_of(session)
    assert schema_of(session) is first
    session.reconnect()
    assert schema_of(session) is not first
    assert set(schema_of(session).types) == set(first.types)
