"""Batches that hold anything at all: each is sent, or refused in words, and none harms another."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from tests.support.batches import new_scope, put_batch
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.batches.journal import Attempt, Outcome
from trackteroid_cli.batches.operations import Create, Delete, Operation, Update
from trackteroid_cli.batches.spool import Spool, State
from trackteroid_cli.batches.squashing import squash
from trackteroid_cli.errors import BatchFault
from trackteroid_cli.replay.policy import OnConflict, Policy
from trackteroid_cli.replay.schedule import commit, waiting
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER
from trackteroid_cli.settings import Server as ServerSettings

_types = st.sampled_from(
    ["Shot", "Task", "Note", "Metadata", "ContextCustomAttributeValue", "Scope", "User", "Nothing"]
)
_ids = st.sampled_from([f"00000000-0000-4000-8000-{number:012}" for number in range(4)]) | st.text(
    min_size=1, max_size=5
)
_keys = st.fixed_dictionaries({"id": _ids}) | st.dictionaries(
    st.sampled_from(["id", "key", "parent_id", "configuration_id", "entity_id", ""]),
    _ids,
    min_size=1,
    max_size=2,
)
_attributes = st.sampled_from(
    [
        *("name", "parent", "parent_id", "project", "metadata", "custom_attributes", "bid", "id"),
        *("link", "start_date", "assignments", "status", "__entity_type__", "children", 'a"b', ""),
    ]
)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | _ids
)
_special = st.fixed_dictionaries(
    {"__entity_type__": _types | _scalars}, optional={"id": _ids | _scalars}
) | st.fixed_dictionaries({"__type__": st.just("datetime") | _scalars, "value": _scalars})
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars | _special,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
_operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Create, _types, _keys, st.dictionaries(_attributes, _values, max_size=3)),
    st.builds(Update, _types, _keys, _attributes.filter(bool), _values, _values),
    st.builds(Delete, _types, _keys),
)

COMMITTED = State.COMMITTED
POLICY = Policy(retry=RetryPolicy(0))


def target(server: Server) -> ServerSettings:
    return ServerSettings(server.url, SANDBOX_USER, SANDBOX_KEY)


@given(
    st.lists(st.lists(_operations, min_size=1, max_size=3), min_size=1, max_size=3),
    st.sampled_from(OnConflict),
)
@settings(
    deadline=None,
    max_examples=part(100),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_batch_holds_it_is_sent_or_refused_in_words(
    server: Server, batches: list[list[Operation]], on_conflict: OnConflict
) -> None:
    with TemporaryDirectory() as folder, Connection(target(server)) as connection:
        spool = Spool(Path(folder))
        for operations in batches:
            put_batch(spool, *operations, name="hostile")
        last = put_batch(spool, new_scope(9), name="good")
        policy = Policy(on_conflict, retry=RetryPolicy(0))
        results = list(commit(spool, waiting(spool), connection, policy))
    assert not [each.error for each in results if isinstance(each.error, BatchFault)]
    assert (results[-1].id, results[-1].state, results[-1].reason) == (
        last.id,
        State.COMMITTED,
        None,
    )


@given(st.text("\\\"'a%_ \n\x00é", min_size=1, max_size=4))
@settings(
    deadline=None,
    max_examples=part(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_metadata_of_any_key_is_compared_and_sent_once(server: Server, key: str) -> None:
    (shot, *_) = server.query("select id from Shot order by name limit 1")
    entity_key = {"parent_id": shot["id"], "key": key}
    other = {"parent_id": shot["id"], "key": f"{key}x"}
    server.call(*squash([Create("Metadata", other, {"parent_type": "Shot", "value": "other"})]))
    steps: list[tuple[Operation, str, State]] = [
        (Create("Metadata", entity_key, {"parent_type": "Shot", "value": "1"}), "1", COMMITTED),
        (Update("Metadata", entity_key, "value", "2", "1"), "2", COMMITTED),
        (Update("Metadata", entity_key, "value", "3", "1"), "2", State.PENDING),
        (Delete("Metadata", entity_key), "", COMMITTED),
    ]
    with TemporaryDirectory() as folder, Connection(target(server)) as connection:
        for number, (operation, value, state) in enumerate(steps):
            spool = Spool(Path(folder, str(number)))
            sent = Attempt.now(Outcome.SENDING, server=server.url, up_to=1)
            put_batch(spool, operation, attempts=(sent,) if state is COMMITTED else ())
            (result,) = commit(spool, waiting(spool), connection, POLICY)
            assert result.state is state, result.reason
            found = server.query(f'Metadata where parent_id is "{shot["id"]}"')
            values = {each["key"]: each["value"] for each in found}
            assert (values.get(key, ""), values[f"{key}x"]) == (value, "other")
        server.call(*squash([Delete("Metadata", other)]))


class Failing(HTTPAdapter):
    """Has a defect that shows when a certain text is sent."""

    def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
        if b'"action":"create"' in request.body and b"scope 1" in request.body:
            raise ZeroDivisionError("a defect")
        return super().send(request, *arguments, **options)


def test_a_defect_that_one_batch_meets_keeps_no_other_one_waiting(
    server: Server, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    put_batch(spool, new_scope(1))
    put_batch(spool, new_scope(2))
    with Connection(target(server), adapter=Failing()) as connection:
        met, landed = commit(spool, waiting(spool), connection, POLICY)
    assert isinstance(met.error, BatchFault)
    assert "ZeroDivisionError: a defect" in met.error.why
    assert (met.state, landed.state) == (State.PENDING, State.COMMITTED)
    assert [each.state for each in spool.entries()] == [State.PENDING, State.COMMITTED]
    with Connection(target(server)) as connection:
        (again,) = commit(spool, waiting(spool), connection, POLICY)
    assert again.state is State.COMMITTED
