"""Bytes and the rows that name them stay together: under rivals, after kills, in time."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.media.media import Media
from trackteroid_cli.engine.media.uploads import Upload
from trackteroid_cli.engine.serving.files import FileRequest, respond
from trackteroid_cli.engine.storage.errors import EngineError
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

#: Age of what `collect` removes, for tests that do not wait.
NOW = timedelta(seconds=-1)

SERVER_LOCATION = "3a372bde-05bc-11e4-8908-20c9d081909b"


@pytest.fixture
def database(demo_database: Path, tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    shutil.copy(demo_database, path)
    return path


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    with closing(Engine(database, server_url="http://127.0.0.1")) as opened:
        yield opened


def call(engine: Engine, *operations: dict[str, Any]) -> list[Any]:
    return engine.call(list(operations), user=SANDBOX_USER, key=SANDBOX_KEY)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def begin(engine: Engine, component_id: str, size: int, **more: Any) -> list[Upload]:
    """Begin an upload, or each of its parts."""
    operation = {"action": "get_upload_metadata", "component_id": component_id, **more}
    (told,) = call(engine, {**operation, "file_name": "plate.mov", "file_size": size})
    urls = [each["signed_url"] for each in told["urls"]] if "urls" in told else [told["url"]]
    return [Upload(engine.media, query_of(url)) for url in urls]


def put(engine: Engine, component_id: str, data: bytes) -> None:
    (upload,) = begin(engine, component_id, len(data))
    try:
        upload.write(data)
        upload.finish()
    finally:
        upload.discard()


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def place(component_id: str) -> dict[str, Any]:
    return create("ComponentLocation", component_id=component_id, location_id=SERVER_LOCATION)


def bytes_of(engine: Engine, component_id: str) -> bytes | None:
    content = engine.media.find(component_id)
    if content is None:
        return None
    with content.open() as file:
        return file.read()


def check(engine: Engine) -> None:
    """See that each name has its bytes, and that there are no others."""
    folder = engine.media.folder
    named = {
        digest for (digest,) in engine.store.connection.execute("SELECT digest FROM _media_piece")
    }
    assert {path.name for path in folder.path.glob("**/*") if path.is_file()} == named
    for digest in named:
        assert hashlib.sha256(folder.file(digest).read_bytes()).hexdigest() == digest


# Rivals.

_RIVAL = """
import os, random, sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from tests.engine.media.test_media import *

chance = random.Random(int(sys.argv[2]))
with closing(Engine(Path(sys.argv[1]), server_url="http://127.0.0.1")) as engine:
    def work(seed):
        for _ in range(12):
            component = f"component{chance.randrange(2)}"
            step = chance.randrange(6)
            if step < 3:
                put(engine, component, bytes([chance.randrange(3)]) * 100_000)
            elif step == 3:
                engine.remove_file(component, user=SANDBOX_USER, key=SANDBOX_KEY)
            elif step == 4:
                engine.media.collect(timedelta(days=1))
            else:
                try:
                    data = bytes_of(engine, component)
                    assert data is None or data == data[:1] * 100_000
                except FileNotFoundError:
                    pass  # it was removed meanwhile
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
"""


def test_rivals_never_lose_bytes_or_leave_some(database: Path, engine: Engine) -> None:
    """Threads of several processes put, remove and collect the same bytes."""
    root = Path(__file__).resolve().parents[3]
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", _RIVAL, str(database), str(number)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for rival in rivals:
        _, told = rival.communicate(timeout=120)
        assert rival.returncode == 0, told
    check(engine)


# Kills.

_STEPS = """
import os, sys
from tests.engine.media.test_media import *

with closing(Engine(Path(sys.argv[1]), server_url="http://127.0.0.1")) as engine:
    os.environ["TRACKTEROID_KILL_AT"] = sys.argv[2]
    put(engine, "kept", b"newer")
    call(engine, {"action": "delete", "entity_type": "FileComponent", "entity_key": ["other"]})
"""


@pytest.mark.parametrize("moment", ["bytes in place", "bytes lost", "lost bytes removed"])
def test_a_kill_leaves_the_bytes_of_before_or_of_after(
    database: Path, engine: Engine, moment: str
) -> None:
    for name in ("kept", "other"):
        call(engine, create("FileComponent", id=name), place(name))
        put(engine, name, name.encode())
    root = Path(__file__).resolve().parents[3]
    died = subprocess.run(
        [sys.executable, "-c", _STEPS, str(database), moment],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert died.returncode < 0
    assert bytes_of(engine, "kept") == (b"kept" if moment == "bytes in place" else b"newer")
    assert bytes_of(engine, "other") == b"other"
    put(engine, "kept", b"newer")
    engine.media.collect()
    check(engine)


# Time.


def test_what_nobody_takes_is_collected_and_what_may_still_be_taken_is_not(
    engine: Engine,
) -> None:
    put(engine, "whose component comes", b"taken")
    put(engine, "whose component never comes", b"not taken")
    first, second = begin(engine, "in parts", 8, parts=2)
    first.write(b"left")
    first.finish()
    second.write(b"ov")
    engine.media.collect()
    assert bytes_of(engine, "whose component never comes") == b"not taken"
    assert second._draft.path.exists()
    call(engine, create("FileComponent", id="whose component comes"))
    engine.media.collect(NOW)
    assert bytes_of(engine, "whose component never comes") is None
    assert bytes_of(engine, "whose component comes") == b"taken"
    second.discard()
    check(engine)
    assert engine.store.connection.execute("SELECT count(*) FROM _media_piece").fetchone() == (1,)


def test_an_upload_whose_draft_was_collected_is_refused(engine: Engine) -> None:
    (upload,) = begin(engine, "slow", 4)
    upload.write(b"slow")
    engine.media.collect(NOW)
    with pytest.raises(FileNotFoundError):
        upload.finish()
    upload.discard()
    check(engine)


def test_bytes_without_a_name_are_collected(engine: Engine) -> None:
    """They are there when a request was killed or refused after it had put them in place."""
    draft = engine.media.folder.draft()
    draft.write(b"nobody's")
    draft.finish()
    engine.media.folder.adopt(draft)
    engine.media.collect()
    check(engine)


def test_a_request_that_is_refused_changes_no_bytes(engine: Engine) -> None:
    call(engine, create("FileComponent", id="c"), place("c"))
    put(engine, "c", b"kept")
    delete = {"action": "delete", "entity_type": "FileComponent", "entity_key": ["c"]}
    with pytest.raises(EngineError):
        call(engine, delete, delete)
    assert bytes_of(engine, "c") == b"kept"
    check(engine)


def test_bytes_stay_while_the_server_has_any_place_of_their_component(engine: Engine) -> None:
    call(engine, create("FileComponent", id="c"), place("c"))
    put(engine, "c", b"kept")
    (here,) = call(
        engine, {"action": "query", "expression": "ComponentLocation where component_id is c"}
    )[0]["data"]
    again = {"action": "delete", "entity_type": "ComponentLocation", "entity_key": [here["id"]]}
    call(engine, again, place("c"))
    assert bytes_of(engine, "c") == b"kept"


def test_files_are_for_those_who_may_read_the_database(database: Path) -> None:
    if os.name != "posix":
        pytest.skip("modes are those of POSIX")
    for mode, expected in ((0o600, (0o700, 0o600)), (0o660, (0o770, 0o660))):
        database.chmod(mode)
        with closing(Engine(database)) as engine:
            put(engine, str(mode), os.urandom(10))
            content = engine.media.find(str(mode))
            assert content is not None
            path = content.pieces[0].path
            found = path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777
            shutil.rmtree(engine.media.folder.path)
        assert found == expected


def test_bytes_that_somebody_took_away_are_missed_and_not_made_up(engine: Engine) -> None:
    put(engine, "c", b"taken away")
    shutil.rmtree(engine.media.folder.path)
    query = {"id": "c", "username": SANDBOX_USER, "apiKey": SANDBOX_KEY}
    assert respond(engine, FileRequest("GET", "get", query, {})).status == 404
    put(engine, "c", b"back again")
    assert bytes_of(engine, "c") == b"back again"


def test_a_full_disk_refuses_an_upload_and_keeps_what_was_there(engine: Engine) -> None:
    """A file stands where the folder of drafts should be."""
    put(engine, "c", b"kept")
    drafts = engine.media.folder.path / "incoming"
    drafts.rmdir()
    drafts.touch()
    with pytest.raises(EngineError, match="disk"), engine.refusing():
        put(engine, "c", b"lost")
    assert bytes_of(engine, "c") == b"kept"


def test_a_copy_that_is_only_read_has_no_media(database: Path) -> None:
    with closing(Engine(database, is_finished=True)) as engine:
        with pytest.raises(EngineError, match="keeps no files"):
            Media(engine.store)
        with pytest.raises(EngineError, match="keeps no files"):
            begin(engine, "c", 1)
