"""What the security roles of users let them write."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import ftrack_api
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import Clients
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.actions.permissions import SETTING
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.storage.errors import PermissionDenied, ValidationError
from trackteroid_cli.settings import SANDBOX_KEY

#: Users of the tests: their roles, and the projects that they have them on ('*': all open ones).
USERS = {
    "outsider": {},
    "artist": {"User": ["salt_and_ember"]},
    "freelancer": {"User": ["brightwater"], "API": []},
    "producer": {"Project Manager": "*"},
    "lead": {"User": "*"},
}

#: Types whose rows belong to a project, and the path to it.
PLACES = {
    "Project": "id",
    "TypedContext": "project_id",
    "Asset": "parent.link",
    "AssetVersion": "asset.parent.link",
    "FileComponent": "version.asset.parent.link",
    "ComponentLocation": "component.version.asset.parent.link",
    "Appointment": "context.link",
    "Manager": "context.link",
    "Timelog": "context.link",
    "List": "project_id",
    "ListObject": "list.project_id",
    "ReviewSession": "project_id",
    "ReviewSessionObject": "review_session.project_id",
    "ReviewSessionObjectStatus": "review_session_object.review_session.project_id",
    "TypedContextLink": "from.project_id",
}

#: Types that belong to the studio.
STUDIO = (
    "CustomAttributeConfiguration",
    "CustomAttributeLinkConfiguration",
    "Group",
    "ObjectType",
    "ProjectSchema",
    "SecurityRole",
    "Setting",
    "Status",
    "Type",
    "User",
    "UserSecurityRole",
    "UserSecurityRoleProject",
)


@pytest.fixture(scope="module")
def studio(shared: Server) -> Server:
    """The shared server with `USERS`."""
    named = {each["name"]: each["id"] for each in shared.query("select name from SecurityRole")}
    projects = {each["name"]: each["id"] for each in shared.query("select name from Project")}
    for username, roles in USERS.items():
        shared.create("User", id=username, username=username, is_active=True)
        for role, places in roles.items():
            held = shared.create(
                "UserSecurityRole",
                user_id=username,
                security_role_id=named[role],
                is_all_open_projects=places == "*",
            )
            for place in places if places != "*" else ():
                shared.create(
                    "UserSecurityRoleProject",
                    user_security_role_id=held["id"],
                    project_id=projects[place],
                )
    return shared


def attempt(server: Server, user: str, **operation: Any) -> Any:
    return server.engine.call([operation], user=user, key=SANDBOX_KEY)


def project_of(row: dict[str, Any], path: str) -> str | None:
    """Return the id of the project at *path* of a row."""
    value: Any = row
    for name in path.split("."):
        value = value and value[name]
    return value[0]["id"] if isinstance(value, list) else value


def rows_in_projects(server: Server) -> Iterator[tuple[str, str, str]]:
    """Yield type, id and project of rows that belong to projects."""
    for type_name, path in PLACES.items():
        for row in server.query(f"select id, {path} from {type_name}"):
            project = project_of(row, path)
            if project:
                yield row["__entity_type__"], row["id"], project


@pytest.fixture(scope="module")
def placed(studio: Server) -> list[tuple[str, str, str]]:
    return list(rows_in_projects(studio))


@settings(max_examples=part(400), deadline=None)
@given(st.data())
def test_a_role_on_a_project_lets_its_user_write_there_and_nowhere_else(
    studio: Server, placed: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    type_name = data.draw(st.sampled_from(sorted({each[0] for each in placed})))
    _, id_, project = data.draw(st.sampled_from([one for one in placed if one[0] == type_name]))
    user = data.draw(st.sampled_from(sorted(USERS)))
    action = data.draw(st.sampled_from(["update", "delete"]))
    names = {each["id"]: each["name"] for each in studio.query("select name from Project")}
    allowed = any(places == "*" or names[project] in places for places in USERS[user].values())
    if type_name == "Project" and action == "delete":
        allowed = user == "producer"
    if allowed and action == "delete":
        action = "update"  # it would be gone for the next example
    # A value that no attribute has: what is allowed is refused for it, and nothing is changed.
    operation = {"entity_type": type_name, "entity_key": [id_], "entity_data": {"none": 1}}
    with pytest.raises(ValidationError if allowed else PermissionDenied):
        attempt(studio, user, action=action, **operation)


@pytest.mark.parametrize("type_name", STUDIO)
def test_only_administrators_write_what_belongs_to_the_studio(
    studio: Server, type_name: str
) -> None:
    before = studio.query(type_name)
    for user in USERS:
        for action in ("create", "update", "delete"):
            with pytest.raises(PermissionDenied, match="Administrator"):
                attempt(
                    studio,
                    user,
                    action=action,
                    entity_type=type_name,
                    entity_key=list(key_of(before)) if action != "create" else None,
                    entity_data={},
                )
    assert studio.query(type_name) == before


def key_of(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the parts of the key of the first of *rows*, or of none."""
    row = rows[0] if rows else {"id": "none"}
    yield from (row[name] for name in (("name", "group") if "group" in row else ("id",)))


def test_what_belongs_to_the_studio_is_not_written_by_way_of_a_project(studio: Server) -> None:
    (granted,) = studio.query(
        "select id, project_id from UserSecurityRoleProject "
        "where user_security_role.user.username is freelancer"
    )
    (project,) = studio.query("select id from Project where name is salt_and_ember")
    reference = {"__entity_type__": "UserSecurityRoleProject", "id": granted["id"]}
    with pytest.raises(PermissionDenied, match="UserSecurityRoleProject"):
        attempt(
            studio,
            "artist",
            action="update",
            entity_type="Project",
            entity_key=[project["id"]],
            entity_data={"user_security_role_projects": [reference]},
        )


def test_the_client_is_told_of_a_refusal_in_ftracks_form(studio: Server, clients: Clients) -> None:
    outsider = clients("outsider")
    outsider.query("Shot").first()["description"] = "mine now"
    with pytest.raises(ftrack_api.exception.ServerError, match=r"PermissionError\(.*outsider"):
        outsider.commit()
    operation = {"action": "delete", "entity_type": "Status", "entity_key": ["any"]}
    headers = {"ftrack-user": "outsider", "ftrack-api-key": SANDBOX_KEY}
    for strict, status in (("true", 403), ("false", 200)):
        answer = requests.post(
            f"{studio.url}/api", json=[operation], headers={**headers, "ftrack-strict-api": strict}
        )
        assert (answer.status_code, answer.json()["exception"]) == (status, "PermissionError")


def test_nothing_is_moved_or_created_where_a_user_has_no_role(
    studio: Server, clients: Clients
) -> None:
    artist = clients("artist")
    theirs, other = (
        artist.query(f'Project where name is "{name}"').one()
        for name in ("salt_and_ember", "brightwater")
    )
    folder = artist.create("Folder", {"name": "of the artist", "parent": theirs})
    artist.create("Task", {"name": "anything", "parent": folder})
    artist.commit()
    folder["parent"] = other
    with pytest.raises(ftrack_api.exception.ServerError, match="brightwater"):
        artist.commit()
    artist.rollback()
    artist.create("Folder", {"name": "elsewhere", "parent": other})
    with pytest.raises(ftrack_api.exception.ServerError, match="brightwater"):
        artist.commit()
    artist.rollback()
    artist.delete(folder)
    artist.commit()


def test_producers_make_projects_and_closed_ones_are_for_who_was_granted_them(
    studio: Server, clients: Clients
) -> None:
    producer = clients("producer")
    schema = producer.query("ProjectSchema").first()
    project = producer.create(
        "Project", {"name": "theirs", "full_name": "Theirs", "project_schema": schema}
    )
    producer.commit()
    project["status"] = "hidden"
    producer.commit()
    project["full_name"] = "Ours"
    with pytest.raises(ftrack_api.exception.ServerError, match="'theirs'"):
        producer.commit()  # it is closed to them now
    lead = clients("lead")
    lead.create("Project", {"name": "no", "full_name": "No", "project_schema": schema["id"]})
    with pytest.raises(ftrack_api.exception.ServerError, match="Project Manager"):
        lead.commit()


def test_a_custom_attribute_is_written_by_the_roles_that_it_names(studio: Server) -> None:
    (shot,) = studio.query("select id from Shot where project.name is salt_and_ember limit 1")
    (manager,) = studio.query('select id from SecurityRole where name is "Project Manager"')
    (found,) = studio.query("select id from CustomAttributeConfiguration where key is slate")
    (other,) = studio.query("select id from CustomAttributeConfiguration where key is handles")
    studio.call(
        {
            "action": "update",
            "entity_type": "CustomAttributeConfiguration",
            "entity_key": [found["id"]],
            "entity_data": {
                "write_security_roles": [{"__entity_type__": "SecurityRole", "id": manager["id"]}]
            },
        }
    )

    def write(user: str, configuration: str, value: Any) -> None:
        for type_name in ("ContextCustomAttributeValue", "CustomAttributeValue"):
            attempt(
                studio,
                user,
                action="update",
                entity_type=type_name,
                entity_key=[configuration, shot["id"]],
                entity_data={"value": value},
            )

    for user in ("artist", "lead", "outsider"):
        with pytest.raises(PermissionDenied, match=r"slate|salt_and_ember"):
            write(user, found["id"], "taken over")
    write("producer", found["id"], "SQ-1")
    write("artist", other["id"], 12)
    with pytest.raises(PermissionDenied, match=r"none of the security roles|no security role"):
        write("freelancer", other["id"], 12)


def test_users_change_themselves_and_not_their_roles(studio: Server, clients: Clients) -> None:
    lead = clients("lead")
    me = lead.query('User where username is "lead"').one()
    me["first_name"] = "Lea"
    me["metadata"]["desk"] = "4"
    lead.commit()
    assert me.reset_api_key()
    for data in ({"username": "other"}, {"is_active": False}, {"user_security_roles": []}):
        with pytest.raises(PermissionDenied):
            attempt(
                studio,
                "lead",
                action="update",
                entity_type="User",
                entity_key=["lead"],
                entity_data=data,
            )
    other = lead.query('User where username is "artist"').one()
    with pytest.raises(PermissionDenied, match="change another user"):
        attempt(
            studio,
            "lead",
            action="create",
            entity_type="Metadata",
            entity_data={"parent_id": "artist", "parent_type": "User", "key": "a", "value": "b"},
        )
    with pytest.raises(ftrack_api.exception.ServerError, match="PermissionError"):
        other.reset_api_key()
    role = {"user_id": "lead", "role_id": lead.query("SecurityRole").first()["id"]}
    with pytest.raises(PermissionDenied, match="security roles of users"):
        attempt(studio, "lead", action="add_user_security_role", **role)


def test_files_are_written_only_where_their_user_has_a_role(
    studio: Server, clients: Clients, tmp_path: Path
) -> None:
    path = tmp_path / "plate.mov"
    path.write_bytes(b"a movie")
    client = clients()
    location = client.query('Location where name is "ftrack.server"').one()
    version = client.query(
        'AssetVersion where asset.parent[TypedContext].project.name is "salt_and_ember"'
    ).first()
    component = client.create_component(str(path), {"version_id": version["id"]}, location=location)
    url = location.get_url(component).replace("username=demo", "username={}")
    upload = {
        "action": "get_upload_metadata",
        "component_id": component["id"],
        "file_name": "plate.mov",
        "file_size": 7,
    }
    encode = {"action": "encode_media", "component_id": component["id"], "keep_original": False}
    complete = {
        "action": "complete_multipart_upload",
        "component_id": component["id"],
        "upload_id": "any",
    }
    for operation in (upload, encode, complete):
        with pytest.raises(PermissionDenied, match="salt_and_ember"):
            attempt(studio, "freelancer", **operation)
    removal = url.replace("/get", "/remove")
    assert requests.get(removal.format("freelancer")).status_code == 403
    assert requests.get(url.format("freelancer")).content == b"a movie"
    assert attempt(studio, "artist", **upload)
    assert attempt(studio, "freelancer", **{**upload, "component_id": "not there yet"})
    assert requests.get(removal.format("artist")).status_code == 200
    assert requests.get(url.format("artist")).status_code == 404


def test_roles_restrict_nobody_in_a_sandbox_of_an_earlier_version(
    tmp_path: Path, demo_database: Path
) -> None:
    path = tmp_path / "earlier.sqlite"
    shutil.copy(demo_database, path)
    with closing(Engine(path)) as engine:
        engine.store.connection.execute("DELETE FROM _setting WHERE name = ?", [SETTING])
        engine.store.connection.execute("UPDATE security_role SET type = NULL")
        make = {"action": "create", "entity_type": "Status", "entity_data": {"name": "Mine"}}
        engine.call([make], user="dana.whitlock", key=SANDBOX_KEY)
