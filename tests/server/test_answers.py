"""What a server answers is checked against what was asked: nonsense is told, never a traceback."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import ftrack_api.exception
import pytest
import requests
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.batches import describe, new_scope, put_batch
from tests.support.faults import LyingProxy
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli import doctor, settings
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.errors import TrackteroidError, WrongAnswer
from trackteroid_cli.offline.pull.pull import pull
from trackteroid_cli.offline.pull.scope import RequestedScope
from trackteroid_cli.replay.policy import OnConflict, Policy
from trackteroid_cli.replay.schedule import commit, waiting
from trackteroid_cli.server.answers import fault
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.query_pages import PagedQuery
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.session.session import Session
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "data", "__entity_type__", "name"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


class Lie:
    """Puts another value somewhere into one of the answers, or leaves a key out."""

    def __init__(self, number: int, path: list[int], value: object, *, leave_out: bool) -> None:
        self._number, self._path = number, path
        self._value, self._leave_out = value, leave_out
        self.told = ""

    def __repr__(self) -> str:
        return f"Lie({self._number}, {self._path}, {self._value!r}, leave_out={self._leave_out})"

    def __call__(self, number: int, answer: bytes) -> bytes:
        if number != self._number:
            return answer
        whole = [json.loads(answer)]
        parent: Any = whole
        key: Any = 0
        for step in self._path:
            inner = parent[key]
            if not isinstance(inner, (list, dict)) or not inner:
                break
            parent, key = (
                inner,
                list(inner)[step % len(inner)] if isinstance(inner, dict) else (step % len(inner)),
            )
        self.told = f"{key!r} was {json.dumps(parent[key])[:60]}"
        if self._leave_out and parent is not whole:
            del parent[key]
        else:
            parent[key] = self._value
        return json.dumps(whole[0]).encode()


#: The ways to ask, how many answers each of them gets at least, and how often it is lied to.
WAYS = {"query": (4, 50), "commit": (5, 50), "doctor": (1, 25), "record": (6, 20), "pull": (20, 20)}


class Asker:
    """Asks through a proxy that lies; each method is one of the ways to ask."""

    def __init__(self, server: Server, folder: Path, schemas: Path) -> None:
        self._server, self._folder, self._schemas = server, folder, schemas
        self._numbers = itertools.count()
        self._shot = server.query("select id from Shot")[0]["id"]

    def _where(self, proxy: LyingProxy) -> settings.Server:
        return settings.Server(proxy.url, SANDBOX_USER, SANDBOX_KEY)

    def query(self, proxy: LyingProxy, _: Path) -> None:
        expression = "select name, parent.name, thumbnail, assignments from Task"
        with Connection(self._where(proxy)) as connection:
            paged = PagedQuery(expression, connection)
            for entity in paged.entities():
                paged.row(entity)
                paged.key(entity)
            list(PagedQuery("Shot", connection, limit=3).entities())

    def commit(self, proxy: LyingProxy, folder: Path) -> None:
        spool = Spool(folder / "spool")
        number = next(self._numbers)
        put_batch(spool, new_scope(number), describe(self._shot, f"new {number}"))
        policy = Policy(on_conflict=OnConflict.OVERWRITE, retry=RetryPolicy(retries=0))
        with Connection(self._where(proxy)) as connection:
            for result in commit(spool, waiting(spool), connection, policy):
                if result.error:
                    raise result.error

    def pull(self, proxy: LyingProxy, _: Path) -> None:
        pull(self._where(proxy), RequestedScope(("brightwater",)), RetryPolicy(retries=0))

    def doctor(self, proxy: LyingProxy, _: Path) -> None:
        where = self._where(proxy)
        found = settings.lookup(url=where.url, user=where.api_user, key=where.api_key)
        with Connection(where) as connection:
            list(doctor._server(connection, found))

    def record(self, proxy: LyingProxy, folder: Path) -> None:
        session = Session(
            proxy.url, SANDBOX_KEY, SANDBOX_USER, schema_cache_path=str(self._schemas)
        )
        try:
            shot = session.query("select name, parent.name from Shot").first()
            if shot is None:
                return
            with session.deferred_operations(folder / "batch.dbm"):
                shot["description"] = "new"
                session.create("Note", {"content": "x", "parent": shot})
                session.commit()
                session.query("select description from Shot where description is new").all()
        finally:
            session.recorded_operations.clear()
            session.close()


@pytest.fixture
def asker(server: Server, tmp_path: Path, schemas: Path) -> Asker:
    return Asker(server, tmp_path, schemas)


@pytest.mark.parametrize("way", WAYS)
def test_nonsense_in_an_answer_is_told_and_never_a_traceback(
    way: str, asker: Asker, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answers, examples = WAYS[way]
    lies = st.builds(
        Lie,
        st.integers(0, answers - 1),
        st.lists(st.integers(0, 400), max_size=7),
        JSON,
        leave_out=st.booleans(),
    )

    @given(lie=lies)
    @hypothesis_settings(
        deadline=None, max_examples=part(examples), suppress_health_check=list(HealthCheck)
    )
    def ask(lie: Lie) -> None:
        proxy = LyingProxy(server.url, lie)
        try:
            getattr(asker, way)(proxy, tmp_path_factory.mktemp("asked"))
        except (TrackteroidError, ftrack_api.exception.Error, requests.RequestException):
            pass
        except Exception as error:
            raise AssertionError(f"{lie}: {lie.told}") from error
        finally:
            proxy.close()

    ask()


ENTITY = {"__entity_type__": "Task", "id": "a", "name": "comp"}


@pytest.mark.parametrize(
    ("action", "results", "wrong"),
    [
        ("query", {}, "an object in place of a list"),
        ("query", [], "0 results for 1"),
        ("query", [[]], "a list in place of an object"),
        ("query", [{}], "its data is nothing"),
        ("query", [{"data": {}}], "its data is an object"),
        ("query", [{"data": [5]}], "a number in place of an entity"),
        ("query", [{"data": [{"id": "a"}]}], "without a type"),
        ("query", [{"data": [{**ENTITY, "id": None}]}], "a Task without its id"),
        ("query", [{"data": [{**ENTITY, "status": {"__entity_type__": "Status"}}]}], "a Status"),
        ("query", [{"data": [{**ENTITY, "notes": [{"__entity_type__": "Note"}]}]}], "a Note"),
        ("query", [{"data": [], "metadata": {"next": {"offset": "9"}}}], "told by a text"),
        ("query", [{"data": [], "metadata": []}], "told by a list"),
        ("create", [None], "nothing in place of an object"),
        ("query_server_information", ["4.13"], "a text in place of an object"),
        ("query_server_information", [{"schema_hash": 5}], "its schema_hash is a number"),
        ("query_schemas", [{}], "in place of a list of schemas"),
        ("query_schemas", [[{}]], "a schema without an id"),
        ("query_schemas", [[{"id": "Task", "primary_key": "id"}]], "no list of texts"),
    ],
)
def test_what_is_wrong_with_an_answer_is_named(action: str, results: object, wrong: str) -> None:
    schema = ServerSchema(standard_schemas())
    asked = {"action": action, "expression": "select id from Task where id in (select id from X)"}
    assert wrong in fault([asked], results, schema)


def test_answers_that_are_right_pass_the_check(server: Server) -> None:
    schema = ServerSchema(standard_schemas())
    asked = [
        {"action": "query_server_information"},
        {"action": "query_schemas"},
        {"action": "query", "expression": "select name, status, notes, metadata from Task"},
        {"action": "query", "expression": "select link, custom_attributes from Shot limit 5"},
        {"action": "query", "expression": "CustomAttributeValue"},
        {"action": "create", "entity_type": "Scope", "entity_data": {"name": "x"}},
    ]
    assert fault(asked, server.call(*asked), schema) == ""
    rows: list[object] = [{"data": [{"count_id": 4, "project_id": "p"}], "metadata": {}}]
    counted = {"action": "query", "expression": "select count(id) from Task group by project_id"}
    assert fault([counted], rows, schema) == ""


def test_pages_that_lead_in_a_circle_are_not_followed(server: Server) -> None:
    def again(_: int, answer: bytes) -> bytes:
        results = json.loads(answer)
        if "metadata" in results[0]:
            results[0]["metadata"] = {"next": {"offset": 0}}
        return json.dumps(results).encode()

    proxy = LyingProxy(server.url, again)
    where = settings.Server(proxy.url, SANDBOX_USER, SANDBOX_KEY)
    with Connection(where) as connection, pytest.raises(WrongAnswer, match="after the page"):
        list(PagedQuery("select id from Task", connection).entities())
    proxy.close()
