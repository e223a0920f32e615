"""The rows of a replica after a first and a second pull over real HTTP."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import filelock
import pytest

from tests.offline.pull.comparing import (
    folder,
    generations,
    names,
    pull_from,
    query,
    rows_in,
    rows_of,
)
from tests.support.servers import Server
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage.errors import PermissionDenied
from trackteroid_cli.errors import InvalidExpression, NotFound, ReplicaBusy, UsageError
from trackteroid_cli.offline.replicas import REPLICA_KEY

PROJECT, OTHER = "salt_and_ember", "brightwater"


def update(entity_type: str, id_: str, **data: Any) -> dict[str, Any]:
    return {
        "action": "update",
        "entity_type": entity_type,
        "entity_key": [id_],
        "entity_data": {"__entity_type__": entity_type, **data},
    }


def create(entity_type: str, id_: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": id_, **data}}


def delete(entity_type: str, *key: str) -> dict[str, Any]:
    return {"action": "delete", "entity_type": entity_type, "entity_key": list(key)}


def test_a_pull_of_all_projects_has_every_row_of_the_server(server: Server) -> None:
    # Rows without an owner, too.
    server.call(
        create("FileComponent", "loose", name="loose", file_type=".txt"),
        create("Component", "plain", name="plain"),
        create("SequenceComponent", "frames", name="frames", padding=4),
        create("Timelog", "loose", duration=60, user_id=server.query("User")[0]["id"]),
        {"action": "create", "entity_type": "Event", "entity_data": {"action": "loose"}},
    )
    pulled = pull_from(server, every_project=True)
    assert rows_in(pulled.replica) == rows_of(server.engine)
    assert (pulled.changed, pulled.gone) == (0, 0)
    holdings = pulled.replica.holdings
    assert holdings.every_project
    assert holdings.scoped == ()
    assert [each.name for each in holdings.projects] == [OTHER, PROJECT]
    assert holdings.server == server.url


def test_rows_that_are_seen_from_both_ends_are_pulled_once(server: Server) -> None:
    configuration = create("CustomAttributeLinkConfiguration", "like", key="like")
    found = server.query("select object_type_id from Shot limit 3")
    ends = {"entity_type": "task", "entity_type_to": "task"}
    shot_type = found[0]["object_type_id"]
    types = {"object_type_id": shot_type, "object_type_id_to": shot_type}
    configuration["entity_data"] |= {**ends, **types}
    server.call(configuration)
    shots = [each["id"] for each in found]
    for shot in shots:
        linked = {"configuration_id": "like", "from_id": shot, "to_id": shots[0]}
        server.create("ContextCustomAttributeLink", **linked)
    replica = pull_from(server, projects=(PROJECT,)).replica
    for expression in ("ContextCustomAttributeLink", "ContextCustomAttributeLinkFrom"):
        assert query(replica, expression) == server.query(expression) != []


def test_rows_with_numeric_ids_are_pulled_page_by_page(server: Server) -> None:
    data = {
        "action": "made",
        "project_id": server.query(f'Project where name is "{PROJECT}"')[0]["id"],
    }
    event = {"action": "create", "entity_type": "Event", "entity_data": data}
    server.call(*[event] * 1100)
    events = server.query("select id from Event")
    assert len(query(pull_from(server, projects=(PROJECT,)).replica, "Event")) == len(events)
    replica = pull_from(server, every_project=True).replica
    assert len(query(replica, "Event")) == len(events)


def test_a_first_pull_without_names_has_only_the_small_tables_and_the_projects(
    server: Server,
) -> None:
    replica = pull_from(server).replica
    assert names(replica, "Project") == sorted([PROJECT, OTHER])
    assert query(replica, "select name from Status") == server.query("select name from Status")
    assert query(replica, "TypedContext") == []
    assert replica.holdings.projects == ()
    assert "Status" in replica.holdings.whole
    assert {"Context", "AssetVersion", "Metadata"} <= set(replica.holdings.scoped)


def test_a_pull_of_one_project_has_no_rows_of_others(server: Server) -> None:
    replica = pull_from(server, projects=(PROJECT,)).replica
    contexts = f'TypedContext where project.name is "{PROJECT}"'
    assert names(replica, "TypedContext") == sorted(e["name"] for e in server.query(contexts))
    assert len(query(replica, "AssetVersion")) == len(
        server.query(f"AssetVersion where asset.context_id in (select id from {contexts})")
    )
    assert [each.name for each in replica.holdings.projects] == [PROJECT]
    assert not replica.holdings.every_project


def test_a_row_of_a_type_that_has_subtypes_is_pulled_refreshed_and_removed(server: Server) -> None:
    """The components of a version: plain ones, files, and sequences with their frames."""
    version = server.query(
        f"AssetVersion where asset.parent[TypedContext].project.name is {PROJECT}"
    )[0]["id"]
    server.call(
        create("Component", "plain", name="plain", version_id=version),
        create("FileComponent", "movie", name="movie", version_id=version),
        create("SequenceComponent", "frames", name="frames", version_id=version, padding=4),
        create("Component", "frame", name="1", container_id="frames"),
    )
    ours = f"select id, name from Component where version_id is {version}"
    members = "select padding, members.name from SequenceComponent where id is frames"
    for expressions, projects in (((), (PROJECT,)), ((f"AssetVersion where id is {version}",), ())):
        replica = pull_from(server, *expressions, projects=projects).replica
        assert query(replica, ours) == server.query(ours)
        assert query(replica, members) == server.query(members)
    server.call(
        update("Component", "plain", name="simple"),
        update("SequenceComponent", "frames", padding=5),
        delete("Component", "frame"),
    )
    pulled = pull_from(server)
    assert (pulled.new, pulled.changed, pulled.gone) == (0, 2, 1)
    assert query(pulled.replica, ours) == server.query(ours)
    assert query(pulled.replica, members) == server.query(members)


def test_a_pull_of_another_project_keeps_the_first(server: Server) -> None:
    first = pull_from(server, projects=(PROJECT,))
    second = pull_from(server, projects=(OTHER,))
    assert rows_in(second.replica) == rows_of(server.engine)
    assert [each.name for each in second.replica.holdings.projects] == [OTHER, PROJECT]
    assert generations(server) == [second.replica.path.name]
    assert not first.replica.path.exists()


def test_a_second_pull_finds_new_changed_and_deleted_rows(server: Server) -> None:
    pull_from(server, every_project=True)
    shot, other = server.query("Shot")[:2]
    (version, *_) = server.query("AssetVersion where components any ()")
    server.call(
        update("Shot", shot["id"], description="Wider"),
        create("Task", "new-task", name="new", parent_id=shot["id"]),
        delete("AssetVersion", version["id"]),
        delete("Shot", other["id"]),
    )
    pulled = pull_from(server)
    assert rows_in(pulled.replica) == rows_of(server.engine)
    assert pulled.new >= 1
    assert pulled.changed >= 1
    assert pulled.gone >= 3  # the version, its components, the shot, and their parts


def test_an_unchanged_server_changes_nothing(server: Server) -> None:
    pull_from(server, every_project=True)
    pulled = pull_from(server)
    assert (pulled.new, pulled.changed, pulled.gone) == (0, 0, 0)


def test_a_moved_entity_has_its_new_parent(server: Server) -> None:
    pull_from(server, every_project=True)
    (asset, *_) = server.query("select parent.id from Asset")
    target = server.query(f'Shot where id is_not "{asset["parent"]["id"]}"')[0]
    server.call(update("Asset", asset["id"], context_id=target["id"]))
    assert rows_in(pull_from(server).replica) == rows_of(server.engine)


def test_a_replaced_thumbnail_is_removed(server: Server) -> None:
    (task,) = server.query("Task limit 1")
    server.call(
        create("FileComponent", "first", name="thumbnail"),
        update("Task", task["id"], thumbnail_id="first"),
    )
    assert query(pull_from(server, every_project=True).replica, 'Component where id is "first"')
    server.call(
        create("FileComponent", "second", name="thumbnail"),
        update("Task", task["id"], thumbnail_id="second"),
        delete("FileComponent", "first"),
    )
    assert rows_in(pull_from(server).replica) == rows_of(server.engine)


def test_removed_members_of_relations_without_a_type_are_removed(server: Server) -> None:
    (task,) = server.query("Task limit 1")
    connection = server.engine.store.connection
    connection.execute("INSERT INTO scope (id, name) VALUES ('stereo', 'stereo')")
    connection.execute("INSERT INTO context_scope VALUES (?, 'stereo')", [task["id"]])
    scoped = 'Task where scopes.name is "stereo"'
    assert len(query(pull_from(server, every_project=True).replica, scoped)) == 1
    connection.execute("DELETE FROM context_scope")
    assert query(pull_from(server).replica, scoped) == []


def test_a_deleted_project_is_removed_with_all_its_rows(server: Server) -> None:
    pull_from(server, every_project=True)
    (project,) = server.query(f'Project where name is "{OTHER}"')
    server.call(delete("Project", project["id"]))
    replica = pull_from(server).replica
    assert rows_in(replica) == rows_of(server.engine)
    assert [each.name for each in replica.holdings.projects] == [PROJECT]


def test_pages_meet_without_a_gap(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plan", "scope"):
        monkeypatch.setattr(f"trackteroid_cli.offline.pull.{module}.PAGE", 3)
    monkeypatch.setattr("trackteroid_cli.offline.pull.plan.OWNERS_PER_QUERY", 4)
    assert rows_in(pull_from(server, every_project=True).replica) == rows_of(server.engine)
    shot = server.query("Shot")[1]
    server.call(delete("Shot", shot["id"]))
    assert rows_in(pull_from(server).replica) == rows_of(server.engine)


def test_changed_schemas_start_a_new_replica(server: Server) -> None:
    pull_from(server, projects=(PROJECT,))
    documents = server.engine.store.schema.documents
    (shot,) = (each for each in documents if each["id"] == "Shot")
    shot["properties"]["note_to_self"] = {"type": "string"}
    server.engine.store.schema.__dict__.pop("hash", None)
    connection = server.engine.store.connection
    connection.execute('ALTER TABLE context ADD COLUMN "note_to_self" TEXT')
    server.engine.store.schema.__init__(documents)  # type: ignore[misc]
    connection.execute("UPDATE context SET note_to_self = 'here' WHERE _type = 'Shot'")
    pulled = pull_from(server)
    assert pulled.new > 0
    assert {e["note_to_self"] for e in query(pulled.replica, "select note_to_self from Shot")} == {
        "here"
    }
    assert [each.name for each in pulled.replica.holdings.projects] == [PROJECT]


def test_the_server_information_is_stored(server: Server) -> None:
    replica = pull_from(server).replica
    with closing(Engine(replica.path)) as engine:
        engine.store.set_setting("server_information", '{"version": "9.9", "schema_hash": "x"}')
        (user, *_) = server.query("select username from User where is_active is true")
        (told,) = engine.call(
            [{"action": "query_server_information"}], user=user["username"], key=REPLICA_KEY
        )
        assert told["version"] == "9.9"
        assert told["schema_hash"] == engine.store.schema.hash
        assert told["user_information"]["username"] == user["username"]


def test_any_pull_of_a_replica_of_every_project_adds_new_projects(server: Server) -> None:
    pull_from(server, every_project=True)
    server.call(
        create("Project", "newest", name="newest", full_name="Newest"),
        create("Shot", "its-shot", name="sh900", parent_id="newest"),
    )
    replica = pull_from(server, projects=(PROJECT,)).replica
    assert names(replica, 'Shot where project.name is "newest"') == ["sh900"]
    assert replica.holdings.every_project
    assert "newest" in [each.name for each in replica.holdings.projects]


def test_types_that_the_user_may_not_see_are_not_listed_as_held(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = server.engine.call

    def call(operations: Any, **more: Any) -> list[Any]:
        if any(" from SecurityRole" in each.get("expression", "") for each in operations):
            raise PermissionDenied("Not for you.")
        return answering(operations, **more)

    monkeypatch.setattr(server.engine, "call", call)
    pulled = pull_from(server)
    assert pulled.refused == ("SecurityRole",)
    assert "SecurityRole" not in pulled.replica.holdings.whole
    assert len(query(pulled.replica, "Status")) == len(server.query("Status"))


# Expressions.


def test_an_expression_pulls_its_entities_and_their_owners(server: Server) -> None:
    (task, *_) = server.query("select parent.name from Task where assignments any ()")
    replica = pull_from(server, f'Task where id is "{task["id"]}"').replica
    wanted = (
        "select link, custom_attributes, metadata, assignments.resource.username "
        f'from Task where id is "{task["id"]}"'
    )
    assert query(replica, wanted) == server.query(wanted)
    assert [each["id"] for each in query(replica, "Task")] == [task["id"]]
    assert [each.entity_type for each in replica.holdings.expressions] == ["Task"]


def test_projections_of_an_expression_are_followed(server: Server) -> None:
    selected = "Shot where assets.versions any ()"
    replica = pull_from(server, f"select assets.versions from {selected}").replica
    versions = "select comment, asset.name, status.name from AssetVersion"
    assert len(query(replica, versions)) == len(
        server.query(f"{versions} where asset.context_id in (select id from {selected})")
    )
    assert len(query(replica, "Shot")) == len(server.query(selected))


def test_an_expression_pulled_again_removes_deleted_entities(server: Server) -> None:
    expression = "Shot where name like 'sh%'"
    pull_from(server, expression)
    gone, renamed = server.query(expression)[:2]
    server.call(delete("Shot", gone["id"]), update("Shot", renamed["id"], name="renamed"))
    replica = pull_from(server).replica
    assert len(query(replica, expression)) == len(server.query(expression))
    assert query(replica, f'Shot where id is "{gone["id"]}"') == []
    assert names(replica, f'select name from Shot where id is "{renamed["id"]}"') == ["renamed"]


def test_an_invalid_expression_is_refused(server: Server) -> None:
    with pytest.raises(InvalidExpression, match="nme"):
        pull_from(server, "Shot where nme is 3")
    with pytest.raises(InvalidExpression, match="Did you mean 'Shot'"):
        pull_from(server, "Shto")


def test_entities_without_an_id_are_not_pulled_by_themselves(server: Server) -> None:
    with pytest.raises(UsageError, match="Metadata cannot be pulled"):
        pull_from(server, "Metadata where key is x")


# Errors.


def test_the_error_for_an_unknown_project_has_close_names(server: Server) -> None:
    with pytest.raises(NotFound) as caught:
        pull_from(server, projects=("salt_and_amber",))
    assert f"did you mean {PROJECT}" in caught.value.hint


def test_the_error_of_a_concurrent_pull_says_who_pulls(server: Server) -> None:
    pull_from(server)
    with filelock.FileLock(folder(server) / "pull.lock"), pytest.raises(ReplicaBusy) as caught:
        pull_from(server)
    assert "process" in caught.value.why
    assert caught.value.exit_code == 75
