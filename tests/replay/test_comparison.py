"""How operations stand to what a server holds: there, missing, or in conflict."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.servers import Server
from trackteroid_cli import settings
from trackteroid_cli.batches.operations import UNSET, Create, Delete, Operation, Update
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.replay.comparing.comparison import Comparison, Status, compare
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

THERE, MISSING, CONFLICT = Status.THERE, Status.MISSING, Status.CONFLICT

NEW = {"id": "00000000-0000-4000-8000-000000000001"}
OTHER = {"id": "00000000-0000-4000-8000-000000000002"}
THIRD = {"id": "00000000-0000-4000-8000-000000000003"}


@pytest.fixture
def shot(server: Server) -> dict[str, str]:
    """The key of a shot."""
    return {"id": server.query("select id from Shot order by id limit 1")[0]["id"]}


def compared(server: Server, *operations: Operation, sent: int = 0, known: int = 0) -> Comparison:
    where = settings.Server(server.url, SANDBOX_USER, SANDBOX_KEY)
    with Connection(where) as connection:
        return compare(operations, connection, sent=sent, known=known)


def statuses(server: Server, *operations: Operation, **options: int) -> list[Status]:
    return compared(server, *operations, **options).statuses


def apply(server: Server, *operations: Operation) -> None:
    server.call(*squash(operations))


def reference(entity_type: str, key: dict[str, str]) -> dict[str, str]:
    return {"__entity_type__": entity_type, **key}


def scope(key: dict[str, str], name: str = "mine", commit: int = 0) -> Create:
    return Create("Scope", key, {**key, "name": name}, commit)


def moment(text: str) -> dict[str, str]:
    return {"__type__": "datetime", "value": text}


# -- updates ---------------------------------------------------------------------------------------


def values(server: Server, kind: str) -> tuple[str, Any, Any, Any]:
    """Return an attribute of a task, and what its author saw, wants, and somebody else wants."""
    if kind == "reference":
        found = server.query("select id from Status limit 3")
        seen, mine, theirs = (reference("Status", {"id": each["id"]}) for each in found)
        return "status", seen, mine, theirs
    simple: dict[str, tuple[str, Any, Any, Any]] = {
        "scalar": ("description", "seen", "mine", "theirs"),
        "number": ("bid", 1, 2.5, 3),
        "nothing": ("description", "", "mine", "theirs"),
        "date": (
            "start_date",
            moment("2026-01-01T09:00:00"),
            moment("2026-01-02T10:00:00+01:00"),
            moment("2026-01-02T10:00:00"),
        ),
    }
    return simple[kind]


@pytest.mark.parametrize("kind", ["scalar", "number", "nothing", "date", "reference"])
def test_an_update_is_missing_there_or_in_conflict_by_the_value_now(
    server: Server, kind: str
) -> None:
    task = {"id": server.query("select id from Task limit 1")[0]["id"]}
    name, seen, mine, theirs = values(server, kind)
    update = Update("Task", task, name, mine, seen)
    apply(server, Update("Task", task, name, seen))
    assert statuses(server, update) == [MISSING]
    apply(server, Update("Task", task, name, mine))
    assert statuses(server, update) == [THERE]
    apply(server, Update("Task", task, name, theirs))
    comparison = compared(server, update)
    assert comparison.statuses == [CONFLICT]
    (conflict,) = comparison.conflicts
    assert (conflict.attribute, conflict.recorded, conflict.wanted) == (name, seen, mine)
    assert conflict.now == theirs
    assert not conflict.gone


def test_dates_are_equal_in_any_zone_and_to_the_second(server: Server) -> None:
    task = {"id": server.query("select id from Task limit 1")[0]["id"]}
    apply(server, Update("Task", task, "start_date", moment("2026-01-02T09:00:00")))
    for same in ("2026-01-02T10:00:00+01:00", "2026-01-02T09:00:00Z", "2026-01-02T09:00:00.000"):
        wanted = Update("Task", task, "start_date", moment(same), moment("2020-01-01T00:00:00"))
        assert statuses(server, wanted) == [THERE]


def test_an_update_whose_old_value_nobody_knows_is_sent(
    server: Server, shot: dict[str, str]
) -> None:
    update = Update("Shot", shot, "description", "mine", UNSET)
    assert statuses(server, update) == [MISSING]
    apply(server, update)
    assert statuses(server, update) == [THERE]


def test_several_updates_of_one_attribute_stand_and_fall_together(
    server: Server, shot: dict[str, str]
) -> None:
    steps = ["zero", "one", "two"]
    updates = [
        Update("Shot", shot, "description", new, old, commit)
        for commit, (old, new) in enumerate(pairwise(steps), start=1)
    ]
    for now, status in [("zero", MISSING), ("one", MISSING), ("two", THERE), ("x", CONFLICT)]:
        apply(server, Update("Shot", shot, "description", now))
        assert statuses(server, *updates) == [status] * 2


def test_collections_are_compared_as_sets(server: Server) -> None:
    (found,) = server.query("select id, items from AssetVersionList limit 1")
    items = [reference("AssetVersion", {"id": each["id"]}) for each in found["items"]]
    key = {"id": found["id"]}
    assert statuses(server, Update("AssetVersionList", key, "items", items[::-1], [])) == [THERE]
    less = Update("AssetVersionList", key, "items", items[1:], items[::-1])
    assert statuses(server, less) == [MISSING]
    other = Update("AssetVersionList", key, "items", items[2:], items[1:])
    assert statuses(server, other) == [CONFLICT]


def test_notes_that_others_have_added_since_are_kept(server: Server, shot: dict[str, str]) -> None:
    (user,) = server.query("select id from User limit 1")
    author = reference("User", {"id": user["id"]})

    def note(key: dict[str, str]) -> Create:
        return Create("Note", key, {**key, "content": "look", "author": author})

    seen = [
        reference("Note", {"id": each["id"]})
        for each in server.query(f'select notes from Shot where id is "{shot["id"]}"')[0]["notes"]
    ]
    mine, again, theirs = (reference("Note", key) for key in (NEW, OTHER, THIRD))
    operations: list[Operation] = [
        note(NEW),
        Update("Shot", shot, "notes", [*seen, mine], seen, 1),
        note(OTHER),
        Update("Shot", shot, "notes", [*seen, mine, again], [*seen, mine], 2),
    ]
    apply(server, note(THIRD), Update("Shot", shot, "notes", [*seen, theirs]))
    comparison = compared(server, *operations)
    assert comparison.statuses == [MISSING] * 4
    assert {
        position: {each["id"] for each in value} for position, value in comparison.adjusted.items()
    } == {
        1: {each["id"] for each in [*seen, theirs, mine]},
        3: {each["id"] for each in [*seen, theirs, mine, again]},
    }


# -- creates and deletes ---------------------------------------------------------------------------


def test_a_create_is_missing_there_or_in_conflict_by_what_has_its_id(server: Server) -> None:
    create = scope(NEW)
    assert statuses(server, create) == [MISSING]
    apply(server, create)
    assert statuses(server, create) == [THERE]
    apply(server, Update("Scope", NEW, "name", "theirs"))
    comparison = compared(server, create)
    assert comparison.statuses == [CONFLICT]
    assert [(each.attribute, each.now) for each in comparison.conflicts] == [("name", "theirs")]
    assert statuses(server, create, sent=1) == [THERE]


def test_a_delete_is_missing_while_the_entity_is_there(server: Server) -> None:
    apply(server, scope(NEW))
    assert statuses(server, Delete("Scope", NEW)) == [MISSING]
    apply(server, Delete("Scope", NEW))
    assert statuses(server, Delete("Scope", NEW)) == [THERE]


def test_a_change_of_an_entity_that_is_gone_is_in_conflict(server: Server) -> None:
    comparison = compared(server, Update("Scope", NEW, "name", "b", "a"))
    assert comparison.statuses == [CONFLICT]
    assert comparison.conflicts[0].gone


def test_what_is_created_and_deleted_in_one_batch_is_sent_until_it_is_known_to_have_landed(
    server: Server,
) -> None:
    operations: list[Operation] = [
        scope(NEW, commit=1),
        Delete("Scope", NEW, 2),
        scope(OTHER, commit=2),
    ]
    assert statuses(server, *operations) == [MISSING] * 3
    apply(server, *operations)
    assert statuses(server, *operations, sent=3) == [THERE] * 3


@pytest.mark.parametrize("commits", [(1, 2), (1, 1)])
def test_metadata_that_is_removed_and_set_again_is_not_removed_once_more(
    server: Server, shot: dict[str, str], commits: tuple[int, int]
) -> None:
    key = {"parent_id": shot["id"], "key": "reel"}
    data = {**key, "parent_type": "Shot"}
    apply(server, Create("Metadata", key, {**data, "value": "old"}))
    operations: list[Operation] = [
        Delete("Metadata", key, commits[0]),
        Create("Metadata", key, {**data, "value": "new"}, commits[1]),
    ]
    assert statuses(server, *operations) == [MISSING] * 2
    apply(server, Delete("Metadata", key), *operations[1:])
    assert statuses(server, *operations) == [THERE] * 2


def test_metadata_and_custom_attributes_stand_by_their_values(
    server: Server, shot: dict[str, str]
) -> None:
    key = {"parent_id": shot["id"], "key": "reel"}
    metadata = Create("Metadata", key, {**key, "parent_type": "Shot", "value": "A"})
    listed = Update("Shot", shot, "metadata", [reference("Metadata", key)], [])
    (found,) = server.query(
        "select configuration_id, value from ContextCustomAttributeValue where "
        f'entity_id is "{shot["id"]}" and configuration.key is "fstart"'
    )
    value_key = {"configuration_id": found["configuration_id"], "entity_id": shot["id"]}
    value = Update("ContextCustomAttributeValue", value_key, "value", 7, found["value"])
    assert statuses(server, metadata, listed, value) == [MISSING] * 3
    apply(server, metadata, listed, value)
    assert statuses(server, metadata, value) == [THERE] * 2
    apply(server, Update("ContextCustomAttributeValue", value_key, "value", 8))
    apply(server, Update("Metadata", key, "value", "B"))
    assert statuses(server, metadata, value) == [CONFLICT] * 2


@pytest.mark.parametrize("last", ["set", "deleted"])
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "not stored"])
def test_a_custom_attribute_that_is_set_and_deleted_ends_as_the_last_of_them(
    server: Server, shot: dict[str, str], last: str, stored: bool
) -> None:
    (found,) = server.query(
        "select configuration_id from ContextCustomAttributeValue where "
        f'entity_id is "{shot["id"]}" and configuration.key is "fstart"'
    )
    key = {"configuration_id": found["configuration_id"], "entity_id": shot["id"]}
    apply(server, Update("ContextCustomAttributeValue", key, "value", 7))
    if not stored:
        apply(server, Delete("CustomAttributeValue", key))
    first, second = (1, 2) if last == "deleted" else (2, 1)
    setting = Update("ContextCustomAttributeValue", key, "value", 9, UNSET, first)
    deleting = Delete("CustomAttributeValue", key, second)
    operations = sorted([setting, deleting], key=lambda each: each.commit)
    found_now = statuses(server, *operations)
    apply(
        server,
        *(each for each, now in zip(operations, found_now, strict=True) if now is MISSING),
    )
    left = server.query(
        "select value from CustomAttributeValue where "
        f'entity_id is "{shot["id"]}" and configuration_id is "{key["configuration_id"]}"'
    )
    assert [each["value"] for each in left] == ([9] if last == "set" else [])
    assert statuses(server, *operations, sent=2) == [THERE] * 2


def test_custom_attributes_of_an_entity_that_comes_with_the_batch_are_missing(
    server: Server,
) -> None:
    (sequence,) = server.query("select id from Sequence limit 1")
    (configuration,) = server.query('CustomAttributeConfiguration where key is "handles"')
    parent = reference("Sequence", {"id": sequence["id"]})
    key = {"configuration_id": configuration["id"], "entity_id": NEW["id"]}
    operations: list[Operation] = [
        Create("Shot", NEW, {**NEW, "name": "sh999", "parent": parent}),
        Update("ContextCustomAttributeValue", key, "value", 12),
    ]
    assert statuses(server, *operations) == [MISSING] * 2
    apply(server, *operations)
    assert statuses(server, *operations) == [THERE] * 2
    removed: list[Operation] = [*operations, Delete("Shot", NEW)]
    apply(server, Delete("Shot", NEW))
    assert CONFLICT not in statuses(server, *removed)


# -- what may have been sent -----------------------------------------------------------------------


def test_a_batch_that_landed_is_recognised_after_others_have_changed_everything(
    server: Server, shot: dict[str, str]
) -> None:
    apply(server, Update("Shot", shot, "description", "seen"))
    operations: list[Operation] = [scope(NEW), Update("Shot", shot, "description", "mine", "seen")]
    apply(server, *operations)
    apply(server, Update("Shot", shot, "description", "newer"))
    apply(server, Update("Scope", NEW, "name", "newer"))
    assert statuses(server, *operations, sent=2) == [THERE] * 2
    assert statuses(server, *operations) == [CONFLICT] * 2


def test_of_a_request_that_landed_in_part_only_the_rest_is_missing(server: Server) -> None:
    apply(server, scope(NEW))
    assert statuses(server, scope(NEW), scope(OTHER), sent=2) == [THERE, MISSING]


def test_a_part_that_is_known_to_be_there_proves_nothing_of_the_next(
    server: Server, shot: dict[str, str]
) -> None:
    apply(server, scope(NEW), Update("Shot", shot, "description", "newer"))
    operations: list[Operation] = [scope(NEW), Update("Shot", shot, "description", "mine", "seen")]
    assert statuses(server, *operations, sent=2, known=1) == [THERE, CONFLICT]


def test_metadata_that_somebody_else_has_made_proves_nothing(
    server: Server, shot: dict[str, str]
) -> None:
    key = {"parent_id": shot["id"], "key": "reel"}
    data = {**key, "parent_type": "Shot"}
    apply(server, Create("Metadata", key, {**data, "value": "theirs"}))
    mine = Create("Metadata", key, {**data, "value": "mine"})
    assert statuses(server, mine, sent=1) == [CONFLICT]


def test_what_a_delete_took_along_is_not_sent_again(server: Server) -> None:
    tasks = server.query("select id, parent_id, description from Task")
    shots = {each["id"] for each in server.query("select id from Shot")}
    task = next(each for each in tasks if each["parent_id"] in shots)
    shot = {"id": task["parent_id"]}
    operations: list[Operation] = [
        Update("Task", {"id": task["id"]}, "description", "going", task["description"]),
        Create("Task", NEW, {**NEW, "name": "new", "parent": reference("Shot", shot)}),
        Delete("Shot", shot),
    ]
    assert statuses(server, *operations) == [MISSING] * 3
    apply(server, Delete("Shot", shot))
    assert statuses(server, *operations, sent=3) == [THERE] * 3
    # Without an attempt, somebody else has deleted the shot.
    assert statuses(server, *operations) == [CONFLICT, MISSING, THERE]
    # Something else is missing: the request never landed.
    assert statuses(server, *operations, scope(OTHER), sent=4)[0] is CONFLICT


# -- asking ----------------------------------------------------------------------------------------


def test_ten_thousand_operations_are_compared_in_one_request_of_few_queries(
    server: Server, shot: dict[str, str]
) -> None:
    compared(server, scope(NEW))  # fetches the schemas
    before = len(server.requests)
    operations: list[Operation] = []
    for number in range(5000):
        key = {"id": f"00000000-0000-4000-8000-{number:012}"}
        metadata = {"parent_id": shot["id"], "key": f"key {number}"}
        operations.append(scope(key))
        operations.append(Create("Metadata", metadata, {**metadata, "value": "x"}))
    assert set(statuses(server, *operations)) == {MISSING}
    asked = server.requests[before:]
    assert [actions[0] for actions in asked] == ["query_server_information", "query"]
    assert len(asked[1]) == 20


def test_what_no_server_can_hold_is_left_to_the_server_to_refuse(
    server: Server, shot: dict[str, str]
) -> None:
    operations: list[Operation] = [
        Create("Nonsense", NEW, {}),
        Update("Shot", {"uuid": "x"}, "name", "y", "x"),
        Update("Shot", shot, "no_such_attribute", "x"),
    ]
    assert statuses(server, *operations) == [MISSING] * 3


def set_back(server: Server, commits: tuple[int, int] = (1, 2)) -> list[Operation]:
    """Return the updates that set the status of a shot and set it back."""
    shot = server.query("select id, status_id from Shot order by id limit 1")[0]
    other = server.query(f'select id from Status where id is_not "{shot["status_id"]}" limit 1')[0]
    now, then = (reference("Status", {"id": key}) for key in (shot["status_id"], other["id"]))
    key, (first, second) = {"id": shot["id"]}, commits
    return [
        Update("Shot", key, "status", then, now, first),
        Update("Shot", key, "status", now, then, second),
    ]


def test_a_value_that_is_set_and_set_back_is_sent_for_its_history(server: Server) -> None:
    assert statuses(server, *set_back(server)) == [MISSING, MISSING]


def test_it_is_not_sent_again_after_an_answer_that_was_lost(server: Server) -> None:
    assert statuses(server, *set_back(server), sent=2) == [THERE, THERE]


def test_it_is_not_sent_again_from_a_copy_of_the_batch(server: Server) -> None:
    operations = [scope(NEW), *set_back(server)]
    apply(server, *operations)
    assert statuses(server, *operations) == [THERE, THERE, THERE]


def test_a_custom_attribute_that_is_set_to_its_default_keeps_the_value(
    server: Server, shot: dict[str, str]
) -> None:
    (configuration,) = server.query(
        "select id, default from CustomAttributeConfiguration where key is fstart"
    )
    key = {"configuration_id": configuration["id"], "entity_id": shot["id"]}
    (value,) = server.query(
        f'select value from ContextCustomAttributeValue where entity_id is "{shot["id"]}" '
        f'and configuration_id is "{configuration["id"]}"'
    )
    same = Update("ContextCustomAttributeValue", key, "value", value["value"], value["value"])
    assert statuses(server, same) == [MISSING]
    assert statuses(server, same, sent=1) == [THERE]


def test_an_update_to_the_same_value_is_not_sent(server: Server, shot: dict[str, str]) -> None:
    apply(server, Update("Shot", shot, "description", "same"))
    assert statuses(server, Update("Shot", shot, "description", "same", "same")) == [THERE]
