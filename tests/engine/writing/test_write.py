"""Creates, updates and deletes, by the engine's own calls."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage.errors import DuplicateEntryError, EngineError, ValidationError

SHOT = "bad911de-3bd6-47b9-8b46-3476e237cb36"
UNMANAGED = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
ORIGIN = "ce9b348f-8809-11e3-821c-20c9d081909b"


class Client:
    """Calls an engine with the demo data."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, *operations: dict[str, Any], user: str = DEMO_USER) -> list[Any]:
        answers = self.engine.call(list(operations), user=user, key=DEMO_KEY)
        return [answer["data"] for answer in answers]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self({"action": "query", "expression": expression})[0]
        return found

    def one(self, expression: str) -> dict[str, Any]:
        (found,) = self.query(expression)
        return found

    def counts(self) -> dict[str, int]:
        connection = self.engine.store.connection
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in tables
        }


@pytest.fixture
def ask(tmp_path: Path, demo_database: Path) -> Iterator[Client]:
    path = tmp_path / "store.sqlite"
    shutil.copy(demo_database, path)
    engine = Engine(path)
    yield Client(engine)
    engine.close()


@pytest.fixture
def project(ask: Client) -> str:
    return str(ask.one("Project where name is salt_and_ember")["id"])


@pytest.fixture
def shot(ask: Client) -> str:
    return str(ask.query("Shot where name is sh010 and parent.name is sq010")[0]["id"])


def create(type_name: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": type_name, "entity_data": data}


def update(type_name: str, key: object, **data: Any) -> dict[str, Any]:
    return {
        "action": "update",
        "entity_type": type_name,
        "entity_key": key,
        "entity_data": data,
    }


def delete(type_name: str, key: object) -> dict[str, Any]:
    return {"action": "delete", "entity_type": type_name, "entity_key": key}


def ref(type_name: str, id_: str) -> dict[str, str]:
    return {"__entity_type__": type_name, "id": id_}


# Creating.


def test_a_context_takes_project_status_and_type_from_its_parent_and_workflow(
    ask: Client, shot: str, project: str
) -> None:
    made = ask(create("Task", name="roto", parent=ref("Shot", shot)))[0]
    read = ask.one(
        "select project_id, status.name, type.name, priority.sort, bid, description, created_by.id "
        f"from Task where id is {made['id']}"
    )
    assert read["project_id"] == project
    assert (read["status"]["name"], read["type"]["name"]) == ("Not started", "Generic")
    assert (read["bid"], read["description"]) == (0, "")
    assert read["created_by"]["id"] == ask.one("User where username is demo")["id"]


def test_a_type_without_a_workflow_has_no_status(ask: Client, project: str) -> None:
    made = ask(create("Folder", name="plates", parent_id=project))[0]
    assert "status_id" not in made
    assert "type_id" not in made


def test_a_status_override_of_the_type_is_followed(ask: Client, shot: str) -> None:
    schema = ask.one("ProjectSchema")["id"]
    roto = ask.one("Type where name is Rotoscoping")["id"]
    versions = ask.one("WorkflowSchema where name is Versions")["id"]
    ask(
        create(
            "ProjectSchemaOverride",
            project_schema_id=schema,
            type_id=roto,
            workflow_schema_id=versions,
        )
    )
    made = ask(create("Task", name="roto", parent_id=shot, type_id=roto))[0]
    status = ask.one(f"select name from Status where id is {made['status_id']}")
    assert status["name"] == "Pending review"


def test_a_result_leaves_out_unset_attributes(ask: Client) -> None:
    made = ask(create("User", username="new"))[0]
    assert "email" not in made
    assert made["is_active"] is False
    assert made["resource_type"] == "user"


def test_a_result_shows_entities_as_at_the_end_of_the_request(ask: Client, project: str) -> None:
    first, _ = ask(
        create("Shot", id="s", name="before", parent_id=project), update("Shot", "s", name="after")
    )
    assert first["name"] == "after"


def test_a_result_refers_to_the_concrete_type(ask: Client, shot: str) -> None:
    made = ask(create("Task", name="t", parent=ref("Context", shot)))[0]
    assert made["parent"] == ref("Shot", shot)


def test_a_typed_context_has_the_type_of_its_object_type(ask: Client, project: str) -> None:
    made = ask(create("TypedContext", name="x", parent_id=project, object_type_id=SHOT))[0]
    assert made["__entity_type__"] == "Shot"


def test_children_may_come_before_their_parents(ask: Client, project: str) -> None:
    task, shot_, _ = ask(
        create("Task", id="t", name="t", parent_id="s"),
        create("Shot", id="s", name="s", parent_id="q"),
        create("Sequence", id="q", name="q", parent_id=project),
    )
    assert task["project_id"] == shot_["project_id"] == project
    assert task["status_id"]


def test_a_parent_may_be_set_by_a_later_update(ask: Client, project: str) -> None:
    made, _ = ask(
        create("Shot", id="s", name="s"), update("Shot", ["s"], parent=ref("Project", project))
    )
    assert made["project_id"] == project
    assert made["status_id"]


def test_versions_are_numbered_without_gaps_in_one_request(ask: Client, shot: str) -> None:
    answers = ask(
        create("AssetVersion", id="v1", asset_id="a"),
        create("Asset", id="a", context_id=shot),
        create("AssetVersion", id="v2", asset_id="a"),
        create("AssetVersion", id="v7", asset_id="a", version=7),
        create("AssetVersion", id="v8", asset_id="a"),
    )
    numbers = {answer["id"]: answer.get("version") for answer in answers}
    assert numbers == {"v1": 1, "a": None, "v2": 2, "v7": 7, "v8": 8}
    assert all("status_id" in answer for answer in answers if answer["id"] != "a")


def test_two_requests_number_versions_one_after_the_other(ask: Client, shot: str) -> None:
    ask(create("Asset", id="a", context_id=shot), create("AssetVersion", asset_id="a"))
    assert ask(create("AssetVersion", asset_id="a"))[0]["version"] == 2


def test_a_version_without_an_asset_can_be_stored(ask: Client) -> None:
    assert ask(create("AssetVersion", comment="loose"))[0]["version"] == 1


def test_required_attributes_may_come_later_in_the_request(ask: Client) -> None:
    ask(create("Scope", id="a"), create("Scope", name="b"), update("Scope", "a", name="late"))
    assert ask.one("select name from Scope where id is a")["name"] == "late"


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (create("Scope"), "'name'"),
        (create("Shot", name="x"), "'parent_id'"),
        (create("Shot", name="x", parent_id="nowhere"), "'nowhere'"),
        (create("Shot", name="x", colour="red"), "'colour'"),
        (create("Nonsense"), "'Nonsense'"),
        (create("Job", status="sleeping"), "queued, running, done, failed"),
        (create("Metadata", key="k", value="v"), "'parent_id'"),
        (create("Metadata", parent_id="nowhere", key="k", value="v"), "'nowhere'"),
        (create("FileComponent", size="large"), "size"),
        (create("FileComponent", size=2**70), "size"),
        (create("Scope", name="\ud800"), "name"),
        (create("Context", name="x"), "Context"),
        (create("Task", name="x", object_type_id=SHOT), "'object_type_id'"),
        (create("Note", recipients="me"), "recipients"),
        (create("Note", author={"id": 1.5}), "author"),
        (create("CustomAttributeConfiguration"), "'type'"),
        (create("CustomAttributeConfiguration", key="x", entity_type="user"), "'type'"),
        (update("Shot", "missing", name="x"), "'missing'"),
        (update("Shot", ["a", "b"], name="x"), "entity key"),
        (update("Shot", {"id": "x"}, name="x"), "entity key"),
        (delete("Shot", "missing"), "'missing'"),
    ],
)
def test_unacceptable_data_is_refused_by_name(
    ask: Client, operation: dict[str, Any], named: str
) -> None:
    before = ask.counts()
    with pytest.raises(ValidationError) as refused:
        ask(create("Scope", name="undone"), operation)
    assert named in refused.value.content
    assert ask.counts() == before


def test_computed_attributes_are_ignored(ask: Client, shot: str) -> None:
    made = ask(create("Task", name="t", parent_id=shot, link=[], time_logged=5))[0]
    assert "time_logged" not in made


def test_a_reference_wins_over_an_id_wherever_it_stands(ask: Client, shot: str) -> None:
    parent = {"parent": ref("Shot", shot)}
    other = {"context_id": "other"}
    for data in ({**parent, **other}, {**other, **parent}):
        assert ask(create("Asset", **data))[0]["context_id"] == shot


# What must be unique.


@pytest.mark.parametrize(
    "operation",
    [
        create("User", username="DEMO"),
        create("User", username="other", email="demo@example.com"),
        create("Project", name="Salt_and_Ember"),
        create("Location", name="ftrack.server"),
        create("Location", id=UNMANAGED, name="again"),
    ],
)
def test_a_value_that_must_be_unique_is_refused(ask: Client, operation: dict[str, Any]) -> None:
    with pytest.raises(DuplicateEntryError):
        ask(operation)


def test_siblings_need_different_names_unless_their_types_differ(ask: Client, shot: str) -> None:
    concept = ask.one("Type where name is Concept")["id"]
    ask(create("Task", name="layout", parent_id=shot, type_id=concept))
    with pytest.raises(DuplicateEntryError, match="LAYOUT"):
        ask(create("Task", name="LAYOUT", parent_id=shot, type_id=concept))


def test_names_may_be_swapped_in_one_request(ask: Client, project: str) -> None:
    ask(
        create("Shot", id="a", name="one", parent_id=project),
        create("Shot", id="b", name="two", parent_id=project),
    )
    ask(update("Shot", "a", name="two"), update("Shot", "b", name="one"))
    assert ask.one("select name from Shot where id is a")["name"] == "two"


def test_a_user_runs_one_timer(ask: Client) -> None:
    ask(create("Timer", id="t"))
    with pytest.raises(DuplicateEntryError):
        ask(create("Timer"))
    ask(delete("Timer", "t"), create("Timer"))


def test_a_component_is_in_a_location_once_by_the_key_that_was_given_last(ask: Client) -> None:
    """Clients that have lost an answer ask again, with another key."""
    placed = {"component_id": "c", "location_id": UNMANAGED}
    places = "select resource_identifier from ComponentLocation where component_id is c"
    ask(
        create("FileComponent", id="c"),
        create("ComponentLocation", id="x", resource_identifier="1", **placed),
        create("ComponentLocation", id="y", resource_identifier="2", **placed),
    )
    assert [(each["id"], each["resource_identifier"]) for each in ask.query(places)] == [("y", "2")]
    for key in ("z", "z"):
        ask(create("ComponentLocation", id=key, resource_identifier="3", **placed))
        assert [each["id"] for each in ask.query(places)] == ["z"]
    ask(create("ComponentLocation", id="x", component_id="c", location_id=ORIGIN))
    assert {each["id"] for each in ask.query(places)} == {"z", "x"}
    with pytest.raises(DuplicateEntryError):
        ask(update("ComponentLocation", "x", location_id=UNMANAGED))


# Updating.


def test_a_supertype_finds_rows_of_its_subtypes(ask: Client, shot: str) -> None:
    changed = ask(update("TypedContext", shot, description="low tide"))[0]
    assert changed["__entity_type__"] == "Shot"
    assert changed["description"] == "low tide"
    assert changed["object_type_id"] == SHOT
    assert "name" not in changed


def test_a_row_of_another_type_is_not_found(ask: Client, shot: str) -> None:
    with pytest.raises(ValidationError, match="No Task"):
        ask(update("Task", shot, name="x"))


def test_an_immutable_attribute_keeps_its_value(ask: Client, shot: str) -> None:
    ask(update("Shot", shot, object_type_id=SHOT))
    with pytest.raises(ValidationError, match="immutable"):
        ask(update("Shot", shot, start_date="2024-01-01"))


def test_two_names_of_one_column_stay_the_same(ask: Client) -> None:
    role = ask.query("UserSecurityRole")[0]["id"]
    ask(update("UserSecurityRole", role, is_all_open_projects=False))
    read = ask.one(f"select is_all_projects from UserSecurityRole where id is {role}")
    assert read["is_all_projects"] is False


def test_dates_are_kept_in_utc_to_the_second(ask: Client, project: str) -> None:
    moment = {"__type__": "datetime", "value": "2024-05-01T12:00:00.123+02:00"}
    ask(update("Project", project, end_date=moment))
    read = ask.one(f"select end_date from Project where id is {project}")
    assert read["end_date"] == {"__type__": "datetime", "value": "2024-05-01T10:00:00"}


def test_each_change_of_status_is_recorded(ask: Client, project: str) -> None:
    done = ask.one("Status where name is Completed")["id"]
    ask(create("Shot", id="s", name="s", parent_id=project))
    ask(update("Shot", "s", status_id=done))
    ask(update("Shot", "s", status_id=done))
    changes = ask.query(
        "select status.name, from_status.name, user.username from TypedContextStatusChange "
        "where parent_id is s"
    )
    steps = {
        ((change["from_status"] or {}).get("name"), change["status"]["name"]) for change in changes
    }
    assert len(changes) == 2
    assert steps == {(None, "Not started"), ("Not started", "Completed")}
    assert {change["user"]["username"] for change in changes} == {"demo"}


def test_a_finished_job_has_the_time(ask: Client) -> None:
    ask(create("Job", id="j"), update("Job", "j", status="running"))
    assert ask.one("select finished_at from Job where id is j")["finished_at"] is None
    ask(update("Job", "j", status="failed"))
    assert ask.one("select finished_at from Job where id is j")["finished_at"]


# Moving.


def test_moving_a_context_sets_the_project_of_all_below_it(ask: Client) -> None:
    other = ask.one("Project where name is brightwater")["id"]
    sequence = ask.one("Sequence where name is sq010")["id"]
    ask(update("Sequence", sequence, parent=ref("Project", other)))
    below = ask.query(f"select project_id from TypedContext where ancestors any (id is {sequence})")
    assert len(below) == 25
    assert {row["project_id"] for row in below} == {other}


@pytest.mark.parametrize("first", ["parent_id", "project_id"])
def test_a_move_that_names_the_project_too_takes_along_all_below(ask: Client, first: str) -> None:
    other = ask.one("Project where name is brightwater")["id"]
    sequence = ask.one("Sequence where name is sq010")["id"]
    names = [first, *{"parent_id", "project_id"} - {first}]
    ask(update("Sequence", sequence, **dict.fromkeys(names, other)))
    below = ask.query(f"select project_id from TypedContext where ancestors any (id is {sequence})")
    assert {row["project_id"] for row in below} == {other}


def test_every_context_has_the_project_at_its_top_whatever_is_moved(ask: Client) -> None:
    """Moves by either attribute or both, alone or together, also below what is created later."""
    contexts = {
        row["id"]: row["__entity_type__"]
        for row in ask.query(
            "select id from TypedContext where object_type.name in (Sequence, Shot, Episode)"
        )
    }
    projects = [row["id"] for row in ask.query("select id from Project")]
    new = "new-folder"
    move = st.tuples(
        st.sampled_from(sorted(contexts)),
        st.sampled_from([*projects, *sorted(contexts)[:4], new]),
        st.sampled_from(["parent_id", "project_id", "both"]),
        st.sampled_from(projects),
    )

    @settings(max_examples=part(100), deadline=None, database=None)
    @given(st.lists(move, min_size=1, max_size=3), st.sampled_from(projects))
    def check(moves: list[tuple[str, str, str, str]], top: str) -> None:
        operations = []
        for key, parent, what, project in moves:
            changed = {"parent_id": parent, "project_id": project}
            named = changed if what == "both" else {what: changed[what]}
            operations.append(update(contexts[key], key, **named))
        if not ask.query(f"select id from Folder where id is {new}"):
            operations.append(create("Folder", id=new, name="new", parent_id=top))
        with contextlib.suppress(EngineError):  # a ring, or a name that is taken
            ask(*operations)
        wrong = ask.engine.store.connection.execute(
            "SELECT child.id FROM context AS child LEFT JOIN context AS parent "
            "ON parent.id = child.parent_id WHERE child.project_id IS NOT "
            "coalesce(parent.project_id, child.id)"
        ).fetchall()
        assert not wrong

    check()


def test_a_context_cannot_move_below_itself(ask: Client, shot: str) -> None:
    sequence = ask.one("Sequence where name is sq010")["id"]
    with pytest.raises(ValidationError, match="below itself"):
        ask(update("Sequence", sequence, parent_id=shot))


def test_contexts_cannot_form_a_cycle(ask: Client) -> None:
    with pytest.raises(ValidationError, match="ring"):
        ask(
            create("Folder", id="a", name="a", parent_id="b"),
            create("Folder", id="b", name="b", parent_id="a"),
        )


# Collections.


def test_a_collection_is_replaced_and_what_it_loses_is_only_detached(
    ask: Client, shot: str
) -> None:
    ask(
        create("AssetVersion", id="v"),
        create("FileComponent", id="a", version_id="v"),
        create("FileComponent", id="b"),
        update("AssetVersion", "v", components=[ref("FileComponent", "b")]),
    )
    assert ask.one("select version_id from Component where id is a")["version_id"] is None
    assert ask.one("select version_id from Component where id is b")["version_id"] == "v"


def test_a_collection_may_name_entities_that_come_later(ask: Client, shot: str) -> None:
    before = ask.query(f"Note where parent_id is {shot} and in_reply_to is none")
    kept = [ref("Note", note["id"]) for note in before]
    _, made = ask(
        update("Shot", shot, notes=[*kept, ref("Note", "n")]), create("Note", id="n", content="hi")
    )
    assert (made["parent_id"], made["parent_type"]) == (shot, "Shot")
    with pytest.raises(ValidationError, match="'never'"):
        ask(update("Shot", shot, notes=[*kept, ref("Note", "n"), ref("Note", "never")]))


def test_assignments_are_appointments_of_their_type(ask: Client, shot: str) -> None:
    user = ask.one("User where username is demo")["id"]
    ask(
        create("Appointment", id="x", type="allocation", context_id=shot, resource_id=user),
        create("Appointment", id="y", context_id=shot, resource_id=user),
        create("Task", id="t", name="t", parent_id=shot),
        update("Task", "t", assignments=[ref("Appointment", "y")]),
    )
    assert ask.one("select context_id from Appointment where id is y")["context_id"] == "t"
    assert ask.one("select context_id from Appointment where id is x")["context_id"] == shot


def test_items_of_a_list_are_rows_of_their_own(ask: Client) -> None:
    list_ = ask.one("AssetVersionList where name like 'Dailies%'")["id"]
    versions = [ref("AssetVersion", row["id"]) for row in ask.query("AssetVersion limit 2")]
    ask(update("AssetVersionList", list_, items=versions))
    first = ask.query(f"ListObject where list_id is {list_}")
    ask(update("AssetVersionList", list_, items=versions[:1]))
    second = ask.query(f"ListObject where list_id is {list_}")
    assert len(first) == 2
    assert len(second) == 1
    assert second[0]["id"] in {row["id"] for row in first}


def test_scopes_connect_without_a_type_of_their_own(ask: Client, shot: str) -> None:
    ask(create("Scope", id="s", name="hero"), update("Shot", shot, scopes=[ref("Scope", "s")]))
    assert [row["id"] for row in ask.query("Shot where scopes.name is hero")] == [shot]
    with pytest.raises(ValidationError, match="'none'"):
        ask(update("Shot", shot, scopes=[ref("Scope", "none")]))
    ask(delete("Scope", "s"))
    assert ask.counts()["context_scope"] == 0


# Notes.


def test_a_note_has_its_author_as_a_recipient_too(ask: Client, shot: str) -> None:
    dana = ask.one("User where username is dana.whitlock")["id"]
    demo = ask.one("User where username is demo")["id"]
    ask(
        create("Note", id="n", content="x", parent_id=shot, parent_type="TypedContext"),
        create("Recipient", note_id="n", resource_id=dana),
        create("Recipient", note_id="n", resource_id=demo),
    )
    note = ask.one("select parent_type, recipients.resource_id, user_id from Note where id is n")
    assert {row["resource_id"] for row in note["recipients"]} == {dana, demo}
    assert note["parent_type"] == "Shot"
    assert note["user_id"] == demo


def test_a_reply_joins_its_thread(ask: Client, shot: str) -> None:
    for day, operation in enumerate(
        [
            create("Note", id="n", content="x", parent_id=shot),
            create("Note", id="r", content="y", in_reply_to_id="n"),
        ]
    ):
        ask.engine.call(
            [operation], user=DEMO_USER, key=DEMO_KEY, moment=f"2030-01-0{day + 1} 00:00:00"
        )
    reply = ask.one("select parent_id, parent_type from Note where id is r")
    head = ask.one("select thread_activity, date from Note where id is n")
    assert (reply["parent_id"], reply["parent_type"]) == (shot, "Shot")
    assert head["thread_activity"]["value"] == "2030-01-02T00:00:00"
    assert head["date"]["value"] == "2030-01-01T00:00:00"


# Custom attributes.


def configuration(ask: Client, key: str) -> str:
    return str(ask.one(f"CustomAttributeConfiguration where key is {key}")["id"])


def test_a_value_can_be_set_on_an_entity_of_the_same_request(ask: Client, project: str) -> None:
    fstart = configuration(ask, "fstart")
    _, value = ask(
        create("Shot", id="s", name="s", parent_id=project),
        update("ContextCustomAttributeValue", [fstart, "s"], value=1234),
    )
    assert (value["key"], value["value"]) == ("fstart", 1234)
    read = ask.one("select value from CustomAttributeValue where entity_id is s")
    assert read["value"] == 1234


@pytest.mark.parametrize(
    ("key", "sent", "read"),
    [
        ("fstart", 7.0, 7),
        ("slate", "Ünï", "Ünï"),
        ("complexity", "hard", ["hard"]),
        ("complexity", ["simple"], ["simple"]),
        ("fps", 23.976, 23.976),
        ("fps", None, None),
    ],
)
def test_values_are_read_back_in_the_form_of_their_type(
    ask: Client, shot: str, key: str, sent: Any, read: Any
) -> None:
    pair = [configuration(ask, key), shot]
    assert ask(update("ContextCustomAttributeValue", pair, value=sent))[0]["value"] == read
    found = ask.one(
        f"select value from ContextCustomAttributeValue where configuration_id is {pair[0]} "
        f"and entity_id is {shot}"
    )
    assert found["value"] == read


@pytest.mark.parametrize(
    ("key", "sent"),
    [("fstart", "12"), ("fstart", True), ("slate", 5), ("complexity", [5]), ("fps", float("inf"))],
)
def test_a_value_of_another_type_is_refused(ask: Client, shot: str, key: str, sent: Any) -> None:
    with pytest.raises(ValidationError, match=f'value for "{key}" must be of type'):
        ask(update("ContextCustomAttributeValue", [configuration(ask, key), shot], value=sent))


def test_a_value_of_an_attribute_that_does_not_apply_is_refused(ask: Client, shot: str) -> None:
    with pytest.raises(ValidationError, match="'stereo' does not apply"):
        ask(update("ContextCustomAttributeValue", [configuration(ask, "stereo"), shot], value=True))


def test_deleting_a_value_returns_to_the_default(ask: Client, shot: str) -> None:
    pair = [configuration(ask, "fend"), shot]
    ask(update("ContextCustomAttributeValue", pair, value=5))
    ask(delete("CustomAttributeValue", pair))
    found = ask.one(
        f"select value from ContextCustomAttributeValue where configuration_id is {pair[0]} "
        f"and entity_id is {shot}"
    )
    assert found["value"] == 1100


def test_a_project_hides_a_global_attribute_with_its_own(ask: Client, project: str) -> None:
    number = ask.one("CustomAttributeType where name is number")["id"]
    ask(
        create(
            "CustomAttributeConfiguration",
            id="own",
            key="handles",
            type_id=number,
            entity_type="task",
            object_type_id=SHOT,
            project_id=project,
            default=16,
        )
    )
    rows = ask.query(
        "select value, entity_id from ContextCustomAttributeValue where key is handles"
    )
    projects = {row["id"]: row["project_id"] for row in ask.query("select project_id from Shot")}
    assert len(rows) == len(projects)
    for row in rows:
        assert row["value"] == (16 if projects[row["entity_id"]] == project else 8)


def test_a_configuration_keeps_its_type_and_its_scope(ask: Client, project: str) -> None:
    text = ask.one("CustomAttributeType where name is text")["id"]
    fps = configuration(ask, "fps")
    with pytest.raises(ValidationError, match="type"):
        ask(update("CustomAttributeConfiguration", fps, type_id=text))
    with pytest.raises(ValidationError, match="global"):
        ask(update("CustomAttributeConfiguration", fps, project_id=project))


def test_the_dense_types_can_only_be_updated(ask: Client, shot: str) -> None:
    pair = {"configuration_id": configuration(ask, "fps"), "entity_id": shot}
    with pytest.raises(ValidationError, match="cannot be created"):
        ask(create("ContextCustomAttributeValue", **pair, value=1))
    with pytest.raises(ValidationError, match="cannot be deleted"):
        ask(delete("ContextCustomAttributeValue", list(pair.values())))


def test_a_custom_attribute_link_is_seen_from_both_ends(ask: Client, shot: str) -> None:
    dana = ask.one("User where username is dana.whitlock")["id"]
    ask(
        create(
            "CustomAttributeLinkConfiguration",
            id="c",
            key="supervisor",
            entity_type="task",
            object_type_id=SHOT,
            entity_type_to="user",
        ),
        create("CustomAttributeLink", configuration_id="c", from_id=shot, to_id=dana),
    )
    (link,) = ask.query("select user.username from CustomAttributeLink")
    assert link["__entity_type__"] == "UserCustomAttributeLink"
    assert link["user"]["username"] == "dana.whitlock"
    (back,) = ask.query("select context.name from ContextCustomAttributeLinkFrom")
    assert back["context"]["name"] == "sh010"


# Deleting.


def test_deleting_the_projects_leaves_nothing_of_them(ask: Client) -> None:
    empty = {
        "appointment",
        "asset",
        "asset_version",
        "asset_version_link",
        "component",
        "component_location",
        "context",
        "custom_attribute_value",
        "list",
        "list_object",
        "manager",
        "metadata",
        "note",
        "note_label_link",
        "recipient",
        "review_session",
        "review_session_invitee",
        "review_session_object",
        "review_session_object_status",
        "status_change",
        "timelog",
        "typed_context_link",
    }
    assert all(ask.counts()[table] > 0 for table in empty)
    ask(*(delete("Project", row["id"]) for row in ask.query("Project")))
    left = ask.counts()
    assert {table: left[table] for table in empty} == dict.fromkeys(empty, 0)


def test_a_child_deleted_with_its_parent_is_not_found(ask: Client, shot: str) -> None:
    sequence = ask.one("Sequence where name is sq010")["id"]
    with pytest.raises(ValidationError, match="No Shot"):
        ask(delete("Sequence", sequence), delete("Shot", shot))
    ask(delete("Shot", shot), delete("Sequence", sequence))


def test_references_to_a_deleted_entity_become_null(ask: Client, shot: str) -> None:
    ask(
        create("FileComponent", id="c"),
        update("Shot", shot, thumbnail_id="c"),
        delete("FileComponent", "c"),
    )
    read = ask.one(f"select thumbnail_id from Shot where id is {shot}")
    assert read["thumbnail_id"] is None


def test_deleting_a_user_keeps_their_work(ask: Client) -> None:
    user = ask.one("User where username is dana.whitlock")["id"]
    notes = len(ask.query("Note"))
    ask(delete("User", user))
    assert not ask.query(f"Appointment where resource_id is {user}")
    assert not ask.query(f"Membership where user_id is {user}")
    assert len(ask.query("Note")) == notes
    assert not ask.query(f"Note where user_id is {user}")


@pytest.mark.parametrize(
    "expression",
    [
        "Status where name is Completed",
        "Type where name is Animation",
        "Priority where name is High",
        "ObjectType where name is Shot",
        "Location where name is 'ftrack.unmanaged'",
        "ProjectSchema",
        "ListCategory where name is Dailies",
    ],
)
def test_what_is_in_use_cannot_be_deleted(ask: Client, expression: str) -> None:
    found = ask.one(expression)
    with pytest.raises(ValidationError, match="uses it"):
        ask(delete(found["__entity_type__"], found["id"]))


def test_a_status_that_nothing_has_can_be_deleted(ask: Client) -> None:
    status = ask.one("Status where name is Omitted")["id"]
    ask(delete("Status", status))
    assert not ask.query(f"SchemaStatus where status_id is {status}")


@pytest.mark.parametrize("root", ["Asset", "Note", "List", "Resource", "ReviewSession", "Context"])
def test_everything_in_the_demo_can_be_deleted(ask: Client, root: str) -> None:
    caller = ask.one("User where username is demo")["id"]
    for row in ask.query(root):
        if row["id"] != caller and ask.query(f"{root} where id is {row['id']}"):
            ask(delete(root, row["id"]))
    assert len(ask.query(root)) == (1 if root == "Resource" else 0)


# All or nothing.


def test_a_refused_operation_undoes_the_whole_request(ask: Client, project: str) -> None:
    before = ask.counts()
    with pytest.raises(EngineError):
        ask(
            create("Shot", name="s", parent_id=project),
            delete("Project", project),
            create("Scope"),
        )
    assert ask.counts() == before


def test_a_query_sees_the_operations_before_it_only(ask: Client, project: str) -> None:
    query = {"action": "query", "expression": "Shot where name is fresh"}
    before, _, after = ask(query, create("Shot", name="fresh", parent_id=project), query)
    assert (len(before), len(after)) == (0, 1)
