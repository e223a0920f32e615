"""What every server has from the start, and custom attributes, as ftrack's own client sees them."""

from __future__ import annotations

from typing import Any

import ftrack_api
import pytest
from ftrack_api.exception import ServerError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import Clients
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.seed import identify, identify_status


@pytest.mark.parametrize(
    ("schema", "first", "last"),
    [
        ("Task", "Not started", "Omitted"),
        ("Shot", "Not started", "Omitted"),
        ("AssetBuild", "Not started", "Omitted"),
        ("AssetVersion", "Pending review", "Omitted"),
    ],
)
def test_a_project_schema_has_the_statuses_of_a_type_in_their_order(
    client: ftrack_api.Session, schema: str, first: str, last: str
) -> None:
    found = client.query("ProjectSchema").one().get_statuses(schema)
    names = [status["name"] for status in found]
    assert (names[0], names[-1]) == (first, last)
    assert [status["sort"] for status in found] == sorted(status["sort"] for status in found)
    assert ("On Hold" in names) == (schema != "AssetVersion")


def test_a_project_schema_has_the_types_of_a_type_in_their_order(
    client: ftrack_api.Session,
) -> None:
    project_schema = client.query("ProjectSchema").one()
    tasks = [found["name"] for found in project_schema.get_types("Task")]
    assert tasks[0] == "Generic"
    assert {"Animation", "Compositing", "Matte Painting", "Previz", "Tracking"} <= set(tasks)
    builds = [found["name"] for found in project_schema.get_types("AssetBuild")]
    assert builds == ["Character", "Environment", "Prop", "Vehicle"]
    assert project_schema.get_types("Shot") == []


def test_a_status_keeps_its_id_where_an_earlier_version_wrote_it_otherwise() -> None:
    assert identify_status("On Hold") == identify("Status", "On hold")


def test_a_note_has_a_category_that_every_server_has(client: ftrack_api.Session) -> None:
    category = client.query('NoteCategory where name is "External Note"').one()
    author = client.query("User").first()
    shot = client.query("Shot").first()
    with pytest.warns(PendingDeprecationWarning):
        note = shot.create_note("For the client", author, category=category)
    note["category"] = category
    client.commit()
    named = 'category.name is "External Note" and note_label_links.label.name is "External Note"'
    assert client.query(f"Note where {named}").one() == note


# Hierarchical custom attributes.


def rates(clients: Clients) -> dict[str, Any]:
    """Return the frame rate of contexts, as a new session reads it, by the path of their names."""
    session = clients()
    found = session.query("select link, custom_attributes from Context").all()
    return {
        "/".join(each["name"] for each in context["link"]): context["custom_attributes"]["fps"]
        for context in found
    }


def test_a_hierarchical_value_is_told_where_it_was_set_and_nowhere_below(
    clients: Clients, client: ftrack_api.Session
) -> None:
    set_here = {path: rate for path, rate in rates(clients).items() if rate is not None}
    assert set_here == {"brightwater": 25, "salt_and_ember": 24, "salt_and_ember/sq030": 48}
    named = 'custom_attributes any (key is "fps" and value is'
    assert [one["name"] for one in client.query(f'Context where {named} "48")')] == ["sq030"]
    without = client.query(f'Shot where parent.name is "sq030" and {named} none)').all()
    assert len(without) == 4
    stored = client.query('CustomAttributeValue where configuration.key is "fps"').all()
    assert sorted(each["value"] for each in stored) == [24, 25, 48]


def inherited(context: ftrack_api.entity.base.Entity) -> Any:
    """Return the frame rate that a client finds by looking up from *context*."""
    session = context.session
    configuration = session.query('CustomAttributeConfiguration where key is "fps"').one()
    for entry in reversed(context["link"]):
        value = session.get("Context", entry["id"])["custom_attributes"]["fps"]
        if value is not None:
            return value
    return configuration["default"]


@settings(max_examples=part(40), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(1, 99)), max_size=6))
def test_a_client_that_looks_up_finds_the_value_of_the_nearest_context(
    shared: Server, clients: Clients, steps: list[tuple[int, int | None]]
) -> None:
    session = clients()
    project = shared.create("Project", name=f"p{len(shared.query('Project'))}")["id"]
    chain = [project]
    for kind in ("Sequence", "Shot", "Task"):
        chain.append(shared.create(kind, name="x", parent_id=chain[-1])["id"])
    (configuration,) = shared.query("CustomAttributeConfiguration where key is fps")
    expected: dict[int, int | None] = {}
    for level, value in steps:
        expected[level] = value
        shared.call(
            {
                "action": "update",
                "entity_type": "ContextCustomAttributeValue",
                "entity_key": [configuration["id"], chain[level]],
                "entity_data": {"value": value},
            }
        )
    found = [expected.get(level) for level in (3, 2, 1, 0)]
    nearest = next((value for value in found if value is not None), 24)
    task = session.query(f'select link from Task where id is "{chain[-1]}"').one()
    assert inherited(task) == nearest


# Links.


def make_link_configuration(session: ftrack_api.Session, key: str, **data: Any) -> Any:
    shot = session.query('ObjectType where name is "Shot"').one()
    return session.create(
        "CustomAttributeLinkConfiguration",
        {
            "key": key,
            "label": key,
            "config": "{}",
            "entity_type": "task",
            "object_type": shot,
            **data,
        },
    )


def test_a_link_is_found_from_either_end_and_by_its_own_type(client: ftrack_api.Session) -> None:
    configuration = make_link_configuration(client, "lead", entity_type_to="user")
    client.commit()
    shot, other = client.query("Shot limit 2").all()
    ada = client.query('User where username is "ada.lindqvist"').one()
    for each in (shot, other):
        client.create(
            "CustomAttributeLink",
            {"configuration_id": configuration["id"], "from_id": each["id"], "to_id": ada["id"]},
        )
    client.commit()
    named = 'configuration.key is "lead"'
    linked = f'Shot where custom_attribute_links any ({named} and user.username is "{{}}")'
    assert set(client.query(linked.format("ada.lindqvist"))) == {shot, other}
    assert client.query(linked.format("dana.whitlock")).all() == []
    back = f'User where custom_attribute_links_from any ({named} and context.id is "{shot["id"]}")'
    assert client.query(back).one() == ada
    found = client.query(
        f'select user from CustomAttributeLink where {named} and from_id = "{shot["id"]}"'
    ).one()
    assert (found.entity_type, found["user"]) == ("UserCustomAttributeLink", ada)
    assert len(client.query(f"UserCustomAttributeLink where {named}").all()) == 2
    assert len(client.query(f"ContextCustomAttributeLinkFrom where {named}").all()) == 2


def test_a_link_is_neither_doubled_nor_joined_by_another_where_there_may_be_one(
    client: ftrack_api.Session,
) -> None:
    one = make_link_configuration(client, "one", entity_type_to="user", one_to_one=True)
    many = make_link_configuration(client, "many", entity_type_to="user", one_to_one=False)
    client.commit()
    shot, other = client.query("Shot limit 2").all()
    first, second = client.query("User limit 2").all()

    def link(configuration: Any, origin: Any, target: Any) -> Any:
        made = client.create(
            "CustomAttributeLink",
            {
                "configuration_id": configuration["id"],
                "from_id": origin["id"],
                "to_id": target["id"],
            },
        )
        try:
            client.commit()
        except ServerError:
            client.rollback()
            raise
        return made

    link(many, shot, first)
    link(many, shot, second)
    with pytest.raises(ServerError, match="DuplicateEntryError"):
        link(many, shot, second)
    held = link(one, shot, first)
    link(one, other, first)
    with pytest.raises(ServerError, match="may have one only"):
        link(one, shot, second)
    client.delete(held)
    client.commit()
    link(one, shot, second)


@pytest.mark.parametrize("missing", ["object_type_to", "entity_type_to"])
def test_a_link_configuration_names_what_it_links_to(
    client: ftrack_api.Session, missing: str
) -> None:
    data = {"entity_type_to": "task"} if missing == "object_type_to" else {}
    make_link_configuration(client, "incomplete", **data)
    with pytest.raises(ServerError, match=missing):
        client.commit()
    client.rollback()
