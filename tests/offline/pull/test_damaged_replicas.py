"""Damaged replicas: they are refused or answer rightly, and the next pull repairs them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.offline.conftest import PULLED
from tests.offline.pull.comparing import folder, pull_from, rows_in
from tests.support.command_line import CommandLine, refused
from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.errors import ReplicaError
from trackteroid_cli.offline import replicas
from trackteroid_cli.offline.answering.server import OfflineServer
from trackteroid_cli.settings import SANDBOX_USER


def drop_a_table(generation: Path) -> None:
    execute(generation, "DROP TABLE resource")


def drop_a_column(generation: Path) -> None:
    execute(generation, "ALTER TABLE resource RENAME COLUMN username TO login")


def lose_the_schemas(generation: Path) -> None:
    execute(generation, "UPDATE _setting SET value = '[1]' WHERE name = 'schemas'")


def lose_the_holdings(generation: Path) -> None:
    execute(generation, "DELETE FROM _setting WHERE name = 'holdings'")


def garble_the_moment(generation: Path) -> None:
    execute(
        generation,
        "UPDATE _setting SET value = json_set(value, '$.pulled', 'x') WHERE name = 'holdings'",
    )


def overwrite(generation: Path) -> None:
    generation.write_bytes(b"no database" * 1000)


def truncate(generation: Path) -> None:
    generation.write_bytes(generation.read_bytes()[:50_000])


def empty(generation: Path) -> None:
    generation.write_bytes(b"")


def lose(generation: Path) -> None:
    generation.unlink()


def garble_the_name(generation: Path) -> None:
    (generation.parent / "current").write_bytes(b"\xff\xfe\x00")


def put_a_folder_there(generation: Path) -> None:
    generation.unlink()
    generation.mkdir()


def execute(generation: Path, statement: str) -> None:
    with closing(sqlite3.connect(generation)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        drop_a_table,
        drop_a_column,
        lose_the_schemas,
        lose_the_holdings,
        garble_the_moment,
        overwrite,
        truncate,
        empty,
        lose,
        garble_the_name,
        put_a_folder_there,
    ],
)
def test_a_damaged_replica_is_refused_and_the_next_pull_repairs_it(
    pulled: CommandLine, server: Server, damage: Callable[[Path], None]
) -> None:
    shots = pulled("query", "--offline", "Shot", "--format", "ids").stdout
    (generation,) = folder(server).glob("*.sqlite")
    damage(generation)
    asked = pulled("query", "--offline", "Shot", "--format", "ids")
    refused(asked, 1, what="cannot read the replica", hint="trackteroid replica pull")
    assert f"{folder(server)} " not in asked.stderr  # where other things are, too
    status = pulled("replica", "status")
    assert status.returncode == 0 or "cannot read the replica" in status.stderr
    assert "Traceback" not in status.stderr + pulled("doctor").stderr
    again = pulled("replica", "pull")
    assert again.returncode == 0, again.stderr
    assert PULLED in again.stdout
    asked = pulled("query", "--offline", "Shot", "--format", "ids")
    assert (asked.stdout, asked.returncode) == (shots, 0), asked.stderr


def test_a_replica_of_a_newer_version_is_told_and_kept(pulled: CommandLine, server: Server) -> None:
    (generation,) = folder(server).glob("*.sqlite")
    execute(
        generation,
        "UPDATE _setting SET value = json_set(value, '$.format', 99) WHERE name = 'holdings'",
    )
    kept = generation.read_bytes()
    for command in (["query", "--offline", "Shot"], ["replica", "status"], ["replica", "pull"]):
        refused(
            pulled(*command),
            1,
            what="cannot read the replica",
            why="format version 99, and this trackteroid reads up to 1",
            hint="upgrade trackteroid",
        )
    assert generation.read_bytes() == kept


def test_a_replica_that_says_no_format_is_of_the_first_one(
    pulled: CommandLine, server: Server
) -> None:
    (generation,) = folder(server).glob("*.sqlite")
    with closing(sqlite3.connect(generation)) as connection:
        (text,) = connection.execute("SELECT value FROM _setting WHERE name = 'holdings'")
    assert json.loads(text[0])["format"] == 1
    execute(
        generation,
        "UPDATE _setting SET value = json_remove(value, '$.format') WHERE name = 'holdings'",
    )
    assert pulled("query", "--offline", "Shot").returncode == 0


def test_a_damaged_draft_is_not_gone_on_with(pulled: CommandLine, server: Server) -> None:
    (generation,) = folder(server).glob("*.sqlite")
    damaged = bytearray(generation.read_bytes())
    damaged[20_000:] = bytes(len(damaged) - 20_000)
    (folder(server) / "draft.sqlite").write_bytes(damaged)
    again = pulled("replica", "pull")
    assert again.returncode == 0, again.stderr


def test_a_pull_without_names_knows_what_a_lost_replica_held(
    pulled: CommandLine, server: Server
) -> None:
    (folder(server) / "current").unlink()
    again = pulled("replica", "pull")
    assert again.returncode == 0, again.stderr
    assert PULLED in again.stdout


@settings(
    max_examples=part(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    wounds=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=2000)), max_size=6),
    rest=st.just(1.0) | st.floats(0, 1),
)
@example(wounds=[(0.0, b"\0" * 2000)], rest=1.0)
def test_no_damage_to_the_file_is_more_than_an_error_and_the_next_pull_ends_it(
    server: Server, tmp_path: Path, wounds: list[tuple[float, bytes]], rest: float
) -> None:
    """Damage is anywhere in the file: bytes that were overwritten, and an end that is missing."""
    sound = tmp_path / "sound"
    if not sound.exists():
        pull_from(server, projects=(PULLED,))
        shutil.copytree(folder(server), sound)
    shutil.rmtree(folder(server))
    shutil.copytree(sound, folder(server))
    (generation,) = folder(server).glob("*.sqlite")
    damaged = bytearray(generation.read_bytes())
    for place, garbage in wounds:
        start = int(place * (len(damaged) - len(garbage)))
        damaged[start : start + len(garbage)] = garbage
    generation.write_bytes(damaged[: int(rest * len(damaged))])
    try_everything(server)
    pull_from(server)
    try_everything(server, is_sound=True)


def try_everything(server: Server, *, is_sound: bool = False) -> None:
    """Ask the replica of *server* for its rows; only the error for damage may be raised."""
    import requests

    try:
        with closing(OfflineServer(server.url)) as offline, requests.Session() as session:
            session.mount(server.url, offline.adapter())
            for name in ("Shot", "AssetVersion", "Note", "User", "Metadata"):
                session.post(
                    f"{server.url}/api",
                    json=[{"action": "query", "expression": f"select id from {name}"}],
                    headers={"ftrack-user": SANDBOX_USER},
                )
        replicas.count_rows(replicas.required(server.url))
        replica = replicas.sound(server.url)
    except ReplicaError:
        assert not is_sound
        return
    assert replica or not is_sound
    if replica is not None:
        rows_in(replica)
