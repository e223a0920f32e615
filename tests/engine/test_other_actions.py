"""Actions besides queries and writes, by ftrack's own client where it has them."""

from __future__ import annotations

import json
import time
from typing import Any

import ftrack_api
import pytest
import requests
from ftrack_api.exception import ServerCompatibilityError, ServerError

from tests.engine.conftest import Clients
from tests.support.servers import Server
from trackteroid_cli.engine.actions import registry
from trackteroid_cli.engine.storage.errors import UnknownAction
from trackteroid_cli.server import actions

DANA = 'User where username is "dana.whitlock"'


def call(session: ftrack_api.Session, action: str, **data: Any) -> Any:
    (answer,) = session.call([{"action": action, **data}])
    return answer


def refusal(session: ftrack_api.Session, action: str, **data: Any) -> str:
    """Return the error of an action that is refused."""
    with pytest.raises(ServerError) as refused:
        call(session, action, **data)
    return str(refused.value)


# Keys and invitations.


def test_a_reset_key_replaces_the_former_one_and_works_for_its_user_only(
    client: ftrack_api.Session, clients: Clients
) -> None:
    dana = client.query(DANA).one()
    first, second = dana.reset_api_key(), dana.reset_api_key()
    assert clients("dana.whitlock", second).api_user == "dana.whitlock"
    for user, key in (("dana.whitlock", first), ("emil.sorokin", second)):
        with pytest.raises(ServerError, match="InvalidCredentialsError"):
            clients(user, key)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"reset_type": "password", "entity_type": "User"}, "password"),
        ({"reset_type": "api_key", "entity_type": "Shot"}, "Shot"),
        ({"reset_type": "api_key", "entity_type": "User", "entity_key": "nobody"}, "nobody"),
        ({"reset_type": "api_key", "entity_type": "User"}, "entity key"),
    ],
)
def test_only_the_keys_of_users_are_reset(
    client: ftrack_api.Session, data: dict[str, Any], found: str
) -> None:
    assert found in refusal(client, "reset_remote", **data)


def test_users_and_invitees_are_invited(client: ftrack_api.Session, shared: Server) -> None:
    client.query(DANA).one().send_invite()
    client.send_user_invites(client.query("User where email is_not none").all())
    invitees = client.query("ReviewSessionInvitee").all()
    assert [each["last_sent_at"] for each in invitees] == [None]
    client.send_review_session_invites(invitees)
    (sent,) = shared.query("select last_sent_at from ReviewSessionInvitee")
    assert sent["last_sent_at"]["__type__"] == "datetime"


def test_nobody_is_invited_without_an_address(client: ftrack_api.Session, shared: Server) -> None:
    user = shared.create("User", username="without.address")
    assert "no email address" in refusal(client, "send_user_invite", user_id=user["id"])
    assert "nobody" in refusal(client, "send_user_invite", user_id="nobody")
    refused = refusal(client, "send_review_session_invite", review_session_invitee_id="nobody")
    assert "nobody" in refused


# Security roles.


def roles(shared: Server, user_id: str) -> dict[str, Any]:
    """Return where a user has each of their roles: on all open projects, or on some."""
    held = shared.query(
        "select security_role.name, is_all_open_projects, is_all_projects, "
        "user_security_role_projects.project.name "
        f"from UserSecurityRole where user_id is '{user_id}'"
    )
    assert all(each["is_all_open_projects"] == each["is_all_projects"] for each in held)
    return {
        each["security_role"]["name"]: each["is_all_open_projects"]
        or [granted["project"]["name"] for granted in each["user_security_role_projects"]]
        for each in held
    }


def test_security_roles_are_added_granted_revoked_changed_and_removed(
    client: ftrack_api.Session, shared: Server
) -> None:
    user = shared.create("User", username="with.roles")["id"]
    named = {
        each["name"]: each["id"] for each in client.query("SecurityRole where type is PROJECT")
    }
    project = client.query('Project where name is "brightwater"').one()["id"]
    artist = {"user_id": user, "role_id": named["User"]}
    manager = {"user_id": user, "role_id": named["Project Manager"]}

    call(client, "add_user_security_role", **artist)
    assert roles(shared, user) == {"User": []}
    call(client, "grant_user_security_role_project", **artist, project_id=project)
    call(client, "grant_user_security_role_project", **artist, project_id=project)
    assert roles(shared, user) == {"User": ["brightwater"]}
    call(client, "grant_user_security_role_project", **artist, all_open_projects=True)
    assert roles(shared, user) == {"User": True}
    call(client, "revoke_user_security_role_project", **artist, all_open_projects=True)
    call(client, "update_user_security_role", **artist, new_role_id=manager["role_id"])
    assert roles(shared, user) == {"Project Manager": ["brightwater"]}
    call(client, "revoke_user_security_role_project", **manager, project_id=project)
    assert roles(shared, user) == {"Project Manager": []}
    refused = refusal(client, "add_user_security_role", **manager)
    assert "DuplicateEntryError" in refused
    assert "already" in refused
    call(client, "remove_user_security_role", **manager)
    assert roles(shared, user) == {}


def test_roles_that_are_missing_are_named(client: ftrack_api.Session, shared: Server) -> None:
    user = shared.create("User", username="without.roles")["id"]
    (api,) = shared.query("select id, type from SecurityRole where name is API")
    assert api["type"] == "API"
    (artist,) = shared.query("select id from SecurityRole where name is User")
    project = shared.query("Project")[0]["id"]
    for action, data, found in (
        ("add_user_security_role", {"role_id": api["id"]}, "type 'API'"),
        ("add_user_security_role", {"role_id": "no-role"}, "no-role"),
        ("add_user_security_role", {}, "role_id"),
        ("remove_user_security_role", {"role_id": artist["id"]}, "does not have"),
        (
            "grant_user_security_role_project",
            {"role_id": artist["id"], "project_id": project},
            "does not have",
        ),
    ):
        assert found in refusal(client, action, user_id=user, **data)
    call(client, "add_user_security_role", user_id=user, role_id=artist["id"])
    granted = {"user_id": user, "role_id": artist["id"], "project_id": project}
    assert "for the project" in refusal(client, "revoke_user_security_role_project", **granted)


# Widgets.


@pytest.mark.parametrize("name", ["info", "tasks", "tasks_browser"])
def test_a_widget_has_a_page_for_six_minutes(
    client: ftrack_api.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shot = client.query("Shot").first()
    url = client.get_widget_url(name, entity=shot, theme="light")
    page = requests.get(url, timeout=10)
    page.raise_for_status()
    assert shot["id"] in page.text
    assert requests.get(url.replace(shot["id"], "another"), timeout=10).status_code == 403
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 361)
    assert requests.get(url, timeout=10).status_code == 403


def test_a_widget_of_a_sandbox_in_process_has_a_page(default_session: Any) -> None:
    url = default_session.get_widget_url("tasks")
    assert requests.get(url, timeout=10).status_code == 200


def test_a_widget_that_is_not_there_or_lacks_its_entity_is_refused(
    client: ftrack_api.Session,
) -> None:
    assert "tasks_browser" in refusal(client, "get_widget_url", name="weather")
    assert "entity" in refusal(client, "get_widget_url", name="info")
    gone = {"entity_type": "Shot", "entity_key": ["gone"]}
    assert "gone" in refusal(client, "get_widget_url", name="info", **gone)


# Jobs and roll-ups.


def test_a_delayed_job_tells_why_it_failed(client: ftrack_api.Session) -> None:
    made = call(client, "delayed_job", job_type="SYNC_USERS_LDAP")["data"]
    job = client.get("Job", made["id"])
    assert job["status"] == "failed"
    assert job["finished_at"] is not None
    assert "directory" in json.loads(job["data"])["description"]
    assert "SYNC_USERS_LDAP" in refusal(client, "delayed_job", job_type="MAKE_COFFEE")


def test_roll_ups_add_up_what_is_below(client: ftrack_api.Session) -> None:
    sequence = client.query("Sequence where name is sq010").one()
    below = client.query(f'Task where ancestors any (id is "{sequence["id"]}")').all()
    bid, logged = call(
        client,
        "compute_rollups",
        rollups=[
            {"entity_type": "Sequence", "entity_key": [sequence["id"]], "attribute": name}
            for name in ("bid", "time_logged")
        ],
    )["data"]
    assert bid["value"] == sum(task["bid"] for task in below) > 0
    assert logged["value"] == sum(task["time_logged"] for task in below) > 0
    assert "bid" in refusal(client, "compute_rollups", rollups=[{"attribute": "happiness"}])
    assert "list" in refusal(client, "compute_rollups")


def test_permissions_tell_the_roles_of_the_user(clients: Clients) -> None:
    assert call(clients(), "permissions")["data"]["is_administrator"] is True
    data = call(clients("dana.whitlock"), "permissions")["data"]
    assert data["is_administrator"] is False
    assert [(role["name"], role["is_all_open_projects"]) for role in data["security_roles"]] == [
        ("User", True)
    ]


def test_one_time_passwords_need_a_code(client: ftrack_api.Session) -> None:
    dana = client.query(DANA).one()["id"]
    refused = refusal(client, "configure_totp", user_id=dana, is_totp_enabled=True)
    assert refused.endswith("ValidationError(Code must be provided to enable totp.)")
    refused = refusal(client, "configure_totp", user_id=dana, is_totp_enabled=True, code="123456")
    assert "not valid" in refused
    call(client, "configure_totp", user_id=dana, is_totp_enabled=False)


def test_the_client_says_that_a_server_without_an_action_is_too_old(
    client: ftrack_api.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(registry._ACTIONS, "send_user_invite")
    with pytest.raises(ServerCompatibilityError, match="send_user_invite"):
        client.query(DANA).one().send_invite()


def test_every_action_has_words_for_a_message() -> None:
    known = {"query", "search", "query_schemas", "query_server_information"}
    for action in registry._ACTIONS.keys() - known:
        assert actions.in_words({"action": action, "reset_type": "api_key"}), action
    with pytest.raises(UnknownAction, match=r"Invalid action u'make_coffee'"):
        registry.read_operations([{"action": "make_coffee"}])
