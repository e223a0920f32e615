"""Whole requests: credentials, actions, errors and their form in HTTP."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackteroid_cli.engine.demo import DEMO_KEY, DEMO_USER
from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.serving.wire import respond
from trackteroid_cli.engine.storage.errors import (
    EngineError,
    InvalidCredentials,
    UnknownAction,
    ValidationError,
)

HEADERS = {"ftrack-user": DEMO_USER, "ftrack-api-key": DEMO_KEY}
INFORMATION = {"action": "query_server_information"}


@pytest.fixture
def engine(tmp_path: Path, demo_database: Path) -> Iterator[Engine]:
    path = tmp_path / "store.sqlite"
    shutil.copy(demo_database, path)
    engine = Engine(path)
    yield engine
    engine.close()


def call(engine: Engine, *operations: Any) -> list[Any]:
    return engine.call(list(operations), user=DEMO_USER, key=DEMO_KEY)


def scope(**data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": "Scope", "entity_data": data}


# What a server tells of itself.


def test_server_information_has_what_clients_check(engine: Engine) -> None:
    (information,) = call(engine, INFORMATION)
    (schemas,) = call(engine, {"action": "query_schemas"})
    text = json.dumps(schemas, sort_keys=True).encode()
    assert tuple(map(int, information["version"].split("."))) >= (3, 3, 11)
    assert information["schema_hash"] == hashlib.md5(text).hexdigest()
    assert information["is_timezone_support_enabled"] is True
    assert information["storage_scenario"] == {"scenario": "ftrack.automatic", "data": {}}
    assert information["user_information"]["username"] == DEMO_USER
    assert schemas == standard_schemas()


def test_server_information_can_be_asked_for_in_part(engine: Engine) -> None:
    assert call(engine, {**INFORMATION, "values": ["version", "unheard-of"]}) == [
        {"version": "4.13.8"}
    ]


def test_no_operations_have_no_results(engine: Engine) -> None:
    assert call(engine) == []


# Credentials.


@pytest.mark.parametrize(
    ("user", "key"), [("demo", "wrong"), ("nobody", DEMO_KEY), ("", ""), ("demo", "")]
)
def test_wrong_credentials_are_refused(engine: Engine, user: str, key: str) -> None:
    with pytest.raises(InvalidCredentials):
        engine.call([INFORMATION], user=user, key=key)


def test_usernames_match_in_any_case(engine: Engine) -> None:
    engine.call([INFORMATION], user="DEMO", key=DEMO_KEY)


def test_a_user_who_is_not_active_is_refused(engine: Engine) -> None:
    call(
        engine, {"action": "create", "entity_type": "User", "entity_data": {"username": "retired"}}
    )
    with pytest.raises(InvalidCredentials):
        engine.call([], user="retired", key=DEMO_KEY)


def test_a_personal_key_is_good_for_its_user_alone(engine: Engine) -> None:
    connection = engine.store.connection
    (user_id,) = connection.execute(
        "SELECT id FROM resource WHERE username = 'dana.whitlock'"
    ).fetchone()
    connection.execute("INSERT INTO _api_key VALUES ('danas', ?)", [user_id])
    (information,) = engine.call([INFORMATION], user="dana.whitlock", key="danas")
    assert information["user_information"]["is_global_access_key"] is False
    with pytest.raises(InvalidCredentials):
        engine.call([INFORMATION], user="demo", key="danas")


def test_a_deleted_user_leaves_no_key(engine: Engine) -> None:
    connection = engine.store.connection
    (user_id,) = connection.execute(
        "SELECT id FROM resource WHERE username = 'dana.whitlock'"
    ).fetchone()
    connection.execute("INSERT INTO _api_key VALUES ('danas', ?)", [user_id])
    call(engine, {"action": "delete", "entity_type": "User", "entity_key": user_id})
    assert connection.execute("SELECT key FROM _api_key").fetchall() == [(DEMO_KEY,)]


# Refusals.


@pytest.mark.parametrize("sent", [None, {}, "query", [1], [[]], [None]])
def test_a_request_is_a_list_of_objects(engine: Engine, sent: object) -> None:
    with pytest.raises(ValidationError):
        engine.call(sent, user=DEMO_USER, key=DEMO_KEY)


@pytest.mark.parametrize("action", ["nope", None, [], 5])
def test_an_unknown_action_is_named_as_clients_expect(engine: Engine, action: object) -> None:
    with pytest.raises(UnknownAction, match="Invalid action u'"):
        call(engine, {"action": action})


def test_a_locked_database_is_an_error_of_the_engine(engine: Engine) -> None:
    engine.store.connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(engine.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(EngineError, match="locked"):
        call(engine, scope(name="x"))
    other.execute("ROLLBACK")
    other.close()
    call(engine, scope(name="x"))


def test_a_full_disk_changes_nothing(engine: Engine) -> None:
    pages = engine.store.connection.execute("PRAGMA page_count").fetchone()[0]
    engine.store.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(EngineError, match="full"):
        call(engine, *(scope(name=f"{number:0900}") for number in range(100)))
    (answer,) = call(engine, {"action": "query", "expression": "Scope"})
    assert answer["data"] == []
    call(engine, scope(name="small"))


# Any request at all.

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_TYPES = ("Shot", "Project", "Note", "AssetVersion", "Metadata", "ContextCustomAttributeValue")
_NAMES = ("id", "name", "parent", "parent_id", "notes", "version", "date", "value", "asset")
_OPERATION = st.fixed_dictionaries(
    {"action": st.sampled_from(["create", "update", "delete", "query", "search"])},
    optional={
        "entity_type": st.sampled_from(_TYPES) | _JSON,
        "entity_key": _JSON,
        "entity_data": st.dictionaries(st.sampled_from(_NAMES), _JSON) | _JSON,
        "expression": st.sampled_from(_TYPES) | _JSON,
        "terms": _JSON,
    },
)


@given(operations=st.lists(_OPERATION, min_size=1, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_has_results_or_an_error(
    engine: Engine, operations: list[dict[str, Any]]
) -> None:
    try:
        answers = call(engine, *operations)
    except EngineError:
        return
    assert len(answers) == len(operations)
    json.dumps(answers)


# Search.


def names(engine: Engine, **search: Any) -> list[str]:
    (answer,) = call(engine, {"action": "search", **search})
    return [row["name"] for row in answer["data"]]


def test_a_search_finds_what_has_every_word_in_its_path(engine: Engine) -> None:
    found = names(
        engine,
        expression="select name from Shot order by name",
        entity_type="Shot",
        terms=["SQ02", "salt"],
        context_id=None,
        object_type_ids=None,
    )
    assert found == ["sh010", "sh020", "sh030", "sh040", "sh050"]


def test_a_search_without_words_is_a_query(engine: Engine) -> None:
    (answer,) = call(engine, {"action": "query", "expression": "select name from Shot"})
    assert names(engine, expression="select name from Shot") == [
        row["name"] for row in answer["data"]
    ]


def test_a_search_stays_below_a_context_and_pages_what_it_found(engine: Engine) -> None:
    (answer,) = call(engine, {"action": "query", "expression": "Project where name is brightwater"})
    search = {
        "action": "search",
        "expression": "select name from Shot where name not_like 'x limit 1' "
        "order by name offset 1 limit 2",
        "context_id": answer["data"][0]["id"],
        "terms": ["sh0"],
    }
    (page,) = call(engine, search)
    assert page["action"] == "search"
    assert [row["name"] for row in page["data"]] == ["sh020", "sh030"]
    assert page["metadata"] == {"next": {"offset": 3}}


def test_a_search_finds_users_by_any_of_their_names(engine: Engine) -> None:
    (answer,) = call(
        engine, {"action": "search", "expression": "select username from User", "terms": ["vidal"]}
    )
    assert [row["username"] for row in answer["data"]] == ["hanna.vidal"]


# On the wire.


def test_a_refusal_has_status_200_unless_the_client_is_strict(engine: Engine) -> None:
    body = b'[{"action": "nope"}]'
    relaxed, answer = respond(engine, HEADERS, body)
    strict, same = respond(engine, {**HEADERS, "ftrack-strict-api": "true"}, body)
    assert (relaxed, strict) == (200, 400)
    assert answer == same
    assert json.loads(answer) == {
        "exception": "ValueError",
        "content": "Invalid action u'nope'",
        "error_code": None,
    }


@pytest.mark.parametrize("options", ["strict:1;denormalize:1", "denormalize=1;strict=1"])
def test_options_can_ask_to_be_strict(engine: Engine, options: str) -> None:
    status, answer = respond(engine, {"ftrack-api-options": options}, b"[]")
    assert status == 401
    assert json.loads(answer)["error_code"] == "api_credentials_invalid"


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"{}", b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused_in_ftracks_form(engine: Engine, body: bytes) -> None:
    status, answer = respond(engine, HEADERS, body)
    assert status == 200
    assert json.loads(answer)["exception"] == "ValidationError"


def test_headers_match_in_any_case(engine: Engine) -> None:
    status, answer = respond(engine, {"Ftrack-User": DEMO_USER, "FTRACK-API-KEY": DEMO_KEY}, b"[]")
    assert (status, answer) == (200, b"[]")


def test_requests_at_the_same_time_are_each_done_once(server: Any) -> None:
    def post(number: int) -> requests.Response:
        return requests.post(
            f"{server.url}/api", headers=HEADERS, json=[scope(name=f"s{number}")], timeout=60
        )

    with ThreadPoolExecutor(6) as pool:
        answers = [answer.json() for answer in pool.map(post, range(24))]
    assert all(answer[0]["action"] == "create" for answer in answers)
    assert len(server.query("Scope")) == 24


def test_only_posts_are_served(server: Any) -> None:
    assert requests.get(f"{server.url}/api", timeout=60).status_code == 405
    assert requests.post(f"{server.url}/other", timeout=60).status_code == 404
