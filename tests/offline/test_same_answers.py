"""The replica answers generated queries as its server does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.query.query_production import small_production
from tests.engine.query.test_query_random import conditions
from tests.offline.pull.comparing import pull_from, query
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.answering.server import OfflineServer
from trackteroid_cli.offline.replicas import REPLICA_KEY
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER
from trackteroid_cli.settings import Server as Address

PROJECTIONS = [
    "name",
    "link",
    "description, bid, start_date, status.name, status.state.short",
    "parent.name, parent[Shot].status.name, project.full_name",
    "assignments.resource.username, allocations.resource.name",
    "custom_attributes, metadata",
    "notes.content, notes.author.username, notes.recipients, status_changes.status.name",
    "assets.versions.components.component_locations.location.name",
    "ancestors.name, descendants.name, children.name",
    "thumbnail.name, thumbnail_url, timelogs.duration, time_logged, scopes.name, lists.name",
    "object_type.name, type.name, priority.value, created_by.username",
]
TYPES = ["TypedContext", "Task", "Shot"]
OTHERS = [
    "select version, asset.name, is_latest_version, components.name from AssetVersion "
    "where asset_id is_not none",
    "select uses_versions.id, used_in_versions.id from AssetVersion where asset_id is_not none",
    "select latest_version.version, parent.link, versions.version from Asset",
    "select container.name, version.version, file_type, size from Component",
    "select resource_identifier, location.name from ComponentLocation",
    "select username, email, memberships.group.name, custom_attributes, thumbnail.name from User",
    "select name, local, parent.name from Group",
    "select key, default, type.name, object_type.name from CustomAttributeConfiguration",
    "select value from CustomAttributeValue",
    "select from.name, to.name from TypedContextLink",
    "select items.name, owner.username, category.name from TypedContextList",
    "select name, state.name, sort from Status order by sort",
    "select content, author.username, category.name, replies.content from Note",
    "select user.username, configuration.key, from_entity_type from UserCustomAttributeLink",
    "select configuration.key, from_id from ContextCustomAttributeLinkFrom",
    "select group, name, value from Setting",
    "select name, is_open, project.name from ReviewSession where project_id is_not none",
    "select key, value from ContextCustomAttributeValue where entity_id in (select id from Task)",
]


@pytest.fixture
def production(server: Server, tmp_path: Path) -> Server:
    """A server with the production that the conditions name."""
    path = tmp_path / "small.sqlite"
    small_production(path).store.close()
    connection = server.engine.store.connection
    connection.execute("ATTACH ? AS small", [str(path)])
    tables = connection.execute("SELECT name FROM small.sqlite_master WHERE type = 'table'")
    for (table,) in tables.fetchall():
        if not table.startswith(("_", "sqlite")):
            connection.execute(f'DELETE FROM main."{table}"')
            connection.execute(f'INSERT INTO main."{table}" SELECT * FROM small."{table}"')
    connection.execute("DETACH small")
    connection.execute(
        "INSERT INTO resource (id, username, is_active, _type) VALUES ('demo', ?, 1, 'User')",
        [SANDBOX_USER],
    )
    connection.execute(
        "INSERT INTO typed_context_link (id, from_id, to_id) "
        "VALUES ('l', 'alpha/anim', 'alpha/comp')"
    )
    return server


@pytest.fixture
def both(production: Server) -> Iterator[tuple[Connection, Engine]]:
    """The server over HTTP, and its replica."""
    replica = pull_from(production, every_project=True).replica
    address = Address(production.url, SANDBOX_USER, SANDBOX_KEY)
    with Connection(address) as connection, closing(replicas.open_engine(replica)) as engine:
        yield connection, engine


def comparable(data: Any) -> Any:
    """Return *data* without the signatures of addresses, which only the server can make."""
    return json.loads(re.sub(r"&expires=\d+&signature=\w+", "", json.dumps(data)))


def same(both: tuple[Connection, Engine], expressions: list[str]) -> list[Any]:
    """Check that both answer the same; return the answers."""
    connection, engine = both
    operations = [{"action": "query", "expression": each} for each in expressions]
    there = connection.call(operations)
    here = engine.call(operations, user=SANDBOX_USER, key=REPLICA_KEY)
    for expression, ours, theirs in zip(expressions, here, there, strict=True):
        assert ours["data"] == comparable(theirs["data"]), expression
    return there


expressions = st.builds(
    "select {} from {} where {}{}".format,
    st.sampled_from(PROJECTIONS),
    st.sampled_from(TYPES),
    conditions,
    st.sampled_from(["", "", " order by name, id", " order by id descending limit 3"]),
)


def test_a_thousand_queries_get_the_same_answer(both: tuple[Connection, Engine]) -> None:
    found = 0

    @settings(
        max_examples=part(200),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    @given(st.lists(expressions, min_size=5, max_size=5))
    def ask(several: list[str]) -> None:
        nonlocal found
        found += sum(bool(answer["data"]) for answer in same(both, several))

    ask()
    assert found > part(100)  # not only empty answers


@pytest.mark.parametrize("expression", OTHERS)
def test_every_entity_type_gets_the_same_answer(
    both: tuple[Connection, Engine], expression: str
) -> None:
    (answer,) = same(both, [expression])
    assert answer["data"]


def test_aggregates_get_the_same_answer(both: tuple[Connection, Engine]) -> None:
    connection, engine = both
    operations = [
        {"action": "query", "expression": "select count(id), sum(bid) from Task group by status_id"}
    ]
    strict = Connection(connection.server, headers={"ftrack-api-options": "strict:1"})
    with strict:
        there = strict.call(operations)
    assert engine.call(operations, user=SANDBOX_USER, key=REPLICA_KEY, strict=True) == there


def test_a_partial_replica_answers_as_the_server_or_refuses_or_warns(
    production: Server, caplog: pytest.LogCaptureFixture
) -> None:
    pull_from(production, projects=("alpha",))
    address = Address(production.url, SANDBOX_USER, SANDBOX_KEY)
    told = {"the same": 0, "refused": 0, "a part": 0}

    @settings(
        max_examples=part(200, least=50),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    @given(st.sampled_from(TYPES), conditions, st.sampled_from(PROJECTIONS))
    def ask(type_name: str, condition: str, projections: str) -> None:
        operation = {
            "action": "query",
            "expression": f"select {projections} from {type_name} where {condition}",
        }
        there = comparable(connection.call([operation])[0]["data"])
        caplog.clear()
        with closing(OfflineServer(production.url)) as offline:
            try:
                with Connection(address, adapter=offline.adapter()) as replica:
                    here = replica.call([operation])[0]["data"]
            except NotPulled:
                told["refused"] += 1
                return
        if here == there:
            told["the same"] += 1
            return
        ids = {entity["id"] for entity in there}
        assert caplog.records, operation
        assert here, operation
        assert {entity["id"] for entity in here} <= ids, operation
        told["a part"] += 1

    with Connection(address) as connection:
        ask()
    assert all(told.values()), told


def test_rows_stand_in_the_order_of_the_server_whatever_was_pulled_when(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackteroid_cli.offline.pull.server_order.KEYS_PER_PAGE", 7)
    expressions = [
        "select name from TypedContext where project.name is salt_and_ember",
        "select name from Project",
        "select key, value from Metadata where key is hero and parent_type is Shot",
        "select version from AssetVersion where comment is pulled "
        "and asset.parent[TypedContext].project.name is salt_and_ember",
        "select username from User",
    ]
    sequence = server.query("Sequence where project.name is salt_and_ember")[0]
    (asset, *_) = server.query("Asset where parent[TypedContext].project.name is salt_and_ember")
    pull_from(server, projects=("salt_and_ember",))
    for turn, projects in enumerate([("brightwater", "salt_and_ember"), (), ()]):
        for name in (f"new{turn}{number}" for number in range(20)):
            shot = server.create("Shot", name=name, parent_id=sequence["id"])
            server.create("Metadata", key="hero", parent_id=shot["id"], parent_type="Shot")
            server.create("AssetVersion", asset_id=asset["id"], comment="pulled")
            server.create("User", username=name)
        replica = pull_from(server, projects=projects).replica
        for expression in expressions:
            assert query(replica, expression) == server.query(expression)
