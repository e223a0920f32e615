"""A replica of a part of a server answers as the server does, says what is missing, or refuses."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.offline.conftest import NOT_PULLED, PULLED
from tests.offline.linked_production import LinkedProduction, Questions
from tests.offline.pull.comparing import folder, pull_from
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.storage.errors import ParseError, PermissionDenied
from trackteroid_cli.errors import NotPulled
from trackteroid_cli.offline.answering.server import OfflineServer
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER
from trackteroid_cli.settings import Server as Address

#: What is pulled of the generated productions; no project stands for all of them.
PULLS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    ((), ()),
    ((), ("north",)),
    ((), ("north", "south")),
    (("AssetVersion where task.name is anim",), ("north",)),
    (("select children.name, lists.name from Shot", "Note where content is main"), ("west",)),
    (("Shot where not children any (name is anim)", "Task where assignments any ()"), ("north",)),
    (("AssetVersion", "List where name is main"), ("north", "west")),
]
QUESTIONS = 60

OURS, THEIRS = f"project.name is {PULLED}", f"project.name is {NOT_PULLED}"


#: Questions about what belongs to the other project.
OF_OTHERS = [
    f"AssetVersion where task.{OURS}",
    "AssetVersion where task_id is ours-task",
    f"AssetVersion where task_id in (select id from Task where {OURS})",
    f"Asset where versions.task.{OURS}",
    f"Asset where versions any (task has ({OURS}))",
    f"ReviewSession where review_session_objects.asset_version.task.{OURS}",
    "ReviewSession where review_session_objects any (version_id is ours-version)",
    "AssetVersion where id is ours-version and review_session_objects.name is theirs-object",
    f"Component where version.task.{OURS}",
    "TypedContextList where items any (id is ours-shot)",
    f"Shot where {OURS} and not lists any ()",
    f"Shot where {OURS} and lists.name is theirs-list",
    f"AssetVersion where asset.parent[TypedContext].{OURS} and not uses_versions any ()",
    "select lists.name from Shot where id is ours-shot",
    "select review_session_objects.name from AssetVersion where id is ours-version",
    "select uses_versions.comment from AssetVersion where id is ours-version",
    "select used_in_versions.comment from AssetVersion where id is ours-version",
    "select items.name from TypedContextList where id is ours-list",
    "select task.name from AssetVersion where id is ours-version",
    "select outgoing_links.to.name from Shot where id is ours-shot",
    f"AssetVersion where asset.parent[TypedContext].{OURS} order by task.name",
]

#: Questions about what is held, beside links to what is not.
OF_OURS = [
    f"Shot where {OURS} and outgoing_links any ()",
    f"Shot where {OURS} and outgoing_links any () and name is nope",
    f"Shot where {OURS} and not outgoing_links any ()",
    "select name from Shot where outgoing_links any (from_id is ours-shot)",
    f"select name, outgoing_links.to_id from Shot where {OURS}",
    f"AssetVersion where asset.parent[TypedContext].{OURS} and is_latest_version is true",
    f"AssetVersion where asset.parent[TypedContext].{OURS} and task_id is_not none",
    f"ReviewSessionObject where review_session.{OURS}",
    f"Shot where lists any ({OURS}) and {OURS}",
]


class _Forgetful(set[str]):
    """A set that is always empty."""

    def add(self, _: str) -> None:
        pass


@contextmanager
def offline(server: Server) -> Iterator[Connection]:
    """Yield a connection to the replica of *server*, which tells every warning each time."""
    address = Address(server.url, SANDBOX_USER, SANDBOX_KEY)
    with (
        closing(OfflineServer(server.url)) as answering,
        Connection(address, adapter=answering.adapter()) as replica,
    ):
        answering._warned = _Forgetful()
        yield replica


def ask(replica: Connection, expression: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = replica.call([{"action": "query", "expression": expression}])[0][
        "data"
    ]
    return data


def test_a_part_of_a_linked_production_answers_as_the_server_or_refuses_or_warns(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    told: Counter[str] = Counter()

    @settings(
        max_examples=part(15),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.integers(0, 2**32), st.sampled_from(PULLS))
    def check(seed: int, pulled: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        questions = Questions(LinkedProduction(server.engine, Random(seed)))
        expressions, projects = pulled
        shutil.rmtree(folder(server), ignore_errors=True)
        pull_from(server, *expressions, projects=projects, every_project=not projects)
        with offline(server) as replica:
            for expression in (questions.question() for _ in range(QUESTIONS)):
                answer = compare(server, replica, expression, caplog)
                assert projects or answer in ("same", "invalid"), expression
                told[answer] += 1

    check()
    assert told["same"]


def compare(
    server: Server, replica: Connection, expression: str, caplog: pytest.LogCaptureFixture
) -> str:
    """Ask both; return how the answer of the replica is related to that of the server."""
    try:
        there = server.query(expression)
    except ParseError:
        return "invalid"
    caplog.clear()
    try:
        here = ask(replica, expression)
    except NotPulled:
        return "refused"
    if plain(here) == plain(there):
        return "same"
    assert here, expression
    assert caplog.records, (expression, plain(here), plain(there))
    # Without the rows that are missing, other rows are the first ones.
    assert " limit " in expression or is_part(here, there), (expression, plain(here), plain(there))
    return "a part"


@pytest.fixture
def linked(server: Server) -> Server:
    """A server with two projects: each has rows that lead to rows of the other. One is pulled."""

    def first(expression: str) -> str:
        return str(server.query(f"select id from {expression} order by id limit 1")[0]["id"])

    def named(type_name: str, name: str, **data: Any) -> None:
        server.create(type_name, id=name, name=name, **data)

    kind, category = first("AssetType"), first("ListCategory")
    for name, project in (("ours", OURS), ("theirs", THEIRS)):
        (id_,) = (each["id"] for each in server.query(f"Project where {project[8:]}"))
        sequence = first(f"Sequence where {project}")
        named("Shot", f"{name}-shot", parent_id=sequence)
        named("Task", f"{name}-task", parent_id=f"{name}-shot")
        named("Asset", f"{name}-asset", context_id=f"{name}-shot", type_id=kind)
        listed = {"project_id": id_, "category_id": category}
        named("TypedContextList", f"{name}-list", **listed)
        named("ReviewSession", f"{name}-review", project_id=id_)
    for name, other in (("ours", "theirs"), ("theirs", "ours")):
        version = {"asset_id": f"{name}-asset", "task_id": f"{other}-task"}
        server.create("AssetVersion", id=f"{name}-version", comment=name, **version)
        named("FileComponent", f"{name}-file", version_id=f"{name}-version")
    for name, other in (("ours", "theirs"), ("theirs", "ours")):
        server.create("ListObject", list_id=f"{name}-list", entity_id=f"{other}-shot")
        reviewed = {"review_session_id": f"{name}-review", "version_id": f"{other}-version"}
        named("ReviewSessionObject", f"{name}-object", **reviewed)
        server.create("AssetVersionLink", from_id=f"{name}-version", to_id=f"{other}-version")
    server.create("TypedContextLink", from_id="ours-shot", to_id="theirs-shot")
    pull_from(server, projects=(PULLED,))
    return server


def test_what_another_project_owns_is_never_left_out_in_silence(
    linked: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with offline(linked) as replica:
        answers = {each: compare(linked, replica, each, caplog) for each in OF_OTHERS}
    assert [each for each in OF_OTHERS if answers[each] not in ("refused", "a part")] == []


def test_links_across_projects_do_not_hinder_what_is_held(linked: Server) -> None:
    with offline(linked) as replica:
        for expression in OF_OURS:
            assert plain(ask(replica, expression)) == plain(linked.query(expression)), expression


def test_a_replica_of_every_project_knows_every_latest_version(linked: Server) -> None:
    pull_from(linked, every_project=True)
    with offline(linked) as replica:
        for expression in (
            "AssetVersion where is_latest_version is true",
            "AssetVersion where not is_latest_version is true",
            "select is_latest_version from AssetVersion",
            "Asset where latest_version.comment is theirs",
            f"Component where version.is_latest_version is true and version.task.{OURS}",
        ):
            assert plain(ask(replica, expression)) == plain(linked.query(expression))


def test_what_the_condition_of_a_pulled_expression_reads_is_not_held_for_that(
    linked: Server,
) -> None:
    """The entities are, but a question with the same condition is judged by rows that are not."""
    selected = f"Shot where {THEIRS} and children any (name is theirs-task)"
    followed = f"select assets from Shot where {THEIRS} and not children any ()"
    pull_from(linked, selected, followed)
    with offline(linked) as replica:
        for expression in (selected, followed, "select assets from Shot where id is theirs-shot"):
            with pytest.raises(NotPulled):
                ask(replica, expression)


def test_a_type_that_the_server_does_not_show_is_not_held_with_its_owners(
    linked: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = linked.engine.call

    def call(operations: Any, **more: Any) -> list[Any]:
        if any("from Timelog" in each.get("expression", "") for each in operations):
            raise PermissionDenied("Timelogs are secret.")
        return answering(operations, **more)

    with monkeypatch.context() as refusing:
        refusing.setattr(linked.engine, "call", call)
        pull_from(linked, "Shot where id is theirs-shot", projects=(PULLED,))
    with offline(linked) as replica:
        for attribute in ("timelogs", "time_logged"):
            with pytest.raises(NotPulled):
                ask(replica, f"select {attribute} from Shot where id is theirs-shot")
            with pytest.raises(NotPulled):
                ask(replica, f"select {attribute} from Shot where id is ours-shot")


def plain(value: Any) -> Any:
    """Return *value* with its lists sorted: not every order is known to a part of a server."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted(map(plain, value), key=str)
    return value


def is_part(here: Any, there: Any) -> bool:
    """Return whether *here* is *there*, apart from members of lists that it lacks."""
    if isinstance(here, list) and isinstance(there, list):
        return all(any(is_part(each, other) for other in there) for each in here)
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(is_part(here[k], there[k]) for k in here)
    return bool(here == there)
