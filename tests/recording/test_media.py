"""Programs that publish media: what they upload and publish is recorded, in any process."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ftrack_api.event.base import Event

from tests.recording.test_corpus import before, make_twin
from tests.support.changes import Contents, changes
from tests.support.command_line import CommandLine
from tests.support.generated import some
from tests.support.hub_clients import PythonClient
from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.spool import Spool

__all__ = ["before", "make_twin"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")

#: Publishes a version with media in the way that is asked for, and tells what it has seen.
PUBLISH = """
import multiprocessing, os, pathlib, subprocess, sys, tempfile
import ftrack_api, ftrack_api.symbol
from ftrack_api.event.base import Event

def publish(folder):
    session = ftrack_api.Session(auto_connect_event_hub=False)
    session.event_hub.connect()
    place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
    task = session.query("Task where parent.name is sh010 order by id").first()
    kind = session.query("AssetType").first()
    asset = session.create("Asset", {"name": "plate", "parent": task["parent"], "type": kind})
    version = session.create("AssetVersion", {"asset": asset, "task": task})
    session.commit()
    movie = pathlib.Path(folder, "movie.mov")
    movie.write_bytes(b"movie" * 100000)
    main = version.create_component(str(movie), {"name": "main"}, location=place)
    with tempfile.TemporaryDirectory() as temporary:
        image = pathlib.Path(temporary, "image.jpg")
        image.write_bytes(b"thumbnail")
        version.create_thumbnail(str(image))
        image.write_bytes(b"")
        nothing = session.create_component(str(image), {"name": "empty"}, location=place)
    note = version.create_note("see this", session.query("User").first())
    text = session.create("FileComponent", {"name": "attachment", "file_type": ".txt"})
    file = place.accessor.open(text["id"], "wb")
    file.write(b"attached")
    file.close()
    session.create("ComponentLocation", {"component": text, "location": place,
        "resource_identifier": text["id"]})
    session.create("NoteComponent", {"component_id": text["id"], "note_id": note["id"]})
    session.commit()
    session.event_hub.publish(Event("studio.published", data={"name": "plate"}))
    content = place.accessor.open(main["id"]).read()
    print(len(content), place.get_component_availability(main), nothing["size"])
    gone = version.create_component(str(movie), {"name": "gone"}, location=place)
    place.remove_component(gone)
    try:
        print(place.accessor.open(gone["id"]).read())
    except Exception as error:
        print(type(error).__name__)
    print(version.encode_media(main).entity_type)
    session.query("User").first().send_invite()
    session.event_hub.publish(Event("studio.encoding", data={"by": [1, None]}))
    session.close()

def main(how, folder):
    if how == "itself":
        publish(folder)
    elif how == "subprocess":
        subprocess.run([sys.executable, __file__, "itself", folder], check=True)
    else:
        process = multiprocessing.get_context(how).Process(target=publish, args=(folder,))
        process.start()
        process.join()
        assert process.exitcode == 0

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


def media_of(server: Server) -> Counter[Any]:
    """Return the bytes of each component of *server*, without its id."""
    found: Counter[Any] = Counter()
    for component in server.query("select id, name, size from FileComponent"):
        content = server.engine.media.find(component["id"])
        if content is not None:
            with content.open() as file:
                found[component["name"], component["size"], file.read()] += 1
    return found


def check_equal(
    server: Server, heard: list[Event], twin: Server, expected: list[Event], before: Contents
) -> None:
    """Check that *server* has and tells the same as *twin*, where the script ran directly."""
    assert [(each["topic"], each["data"]) for each in heard] == [
        (each["topic"], each["data"]) for each in expected
    ]
    assert len(heard) == 2
    assert media_of(server) == media_of(twin)
    changed, directly = changes(server, before), changes(twin, before)
    assert changed.named == directly.named
    assert changed.related == directly.related


@pytest.mark.parametrize("how", some(["fork", "spawn", "subprocess"]))
def test_a_publish_that_is_recorded_and_committed_leaves_what_a_direct_one_leaves(
    how: str,
    make_server: Callable[[], Server],
    before: Contents,
    connected: CommandLine,
    schemas: Path,
    spool: Spool,
    lasting: Path,
) -> None:
    script = connected.script(PUBLISH)
    twin, server = make_server(), make_server()
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
    with PythonClient(twin.url) as told_directly, PythonClient(server.url) as told:
        expected, heard = (each.listen("topic=studio.*") for each in (told_directly, told))
        direct = connected.python(script, how, lasting, **twin.environment, **cache)
        assert direct.returncode == 0, direct.stderr
        told_directly.catch_up()

        ran = connected("record", script, how, lasting, **server.environment, **cache)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == direct.stdout
        assert server.writes == []
        told.catch_up()
        assert (heard, sum(media_of(server).values())) == ([], 0)
        committed = connected("commit", **server.environment)
        assert committed.returncode == 0, committed.stderr
        told.catch_up()
    check_equal(server, heard, twin, expected, before)
    assert not list((spool.folder / "media").iterdir())


UPLOAD = """
import pathlib, sys, ftrack_api, ftrack_api.symbol
session = ftrack_api.Session()
place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
session.create_component(sys.argv[1], {"name": "main"}, location=place)
"""


@pytest.fixture
def movie(lasting: Path) -> Path:
    path = lasting / "a.mov"
    path.write_bytes(b"movie")
    return path


def test_all_files_are_copied_on_demand_in_all_processes(
    connected: CommandLine, server: Server, spool: Spool, movie: Path
) -> None:
    script = connected.script(UPLOAD)
    code = f"import os, runpy, sys\nif os.fork():\n    os.wait()\nrunpy.run_path({str(script)!r})"
    ran = connected("record", "--copy-media", "-c", code, movie)
    assert ran.returncode == 0, ran.stderr
    assert "recorded code: 4 create, 2 uploads, of 2 processes; nothing was sent" in ran.stderr
    movie.unlink()
    assert connected("commit").returncode == 0
    assert media_of(server) == {("main", 5, b"movie"): 2}


@pytest.mark.parametrize("change", ["unlink()", "write_bytes(b'another')"])
def test_a_file_that_the_script_changes_after_it_has_uploaded_it_is_told(
    connected: CommandLine, movie: Path, change: str
) -> None:
    ran = connected("record", "-c", f"{UPLOAD}pathlib.Path(sys.argv[1]).{change}", movie)
    assert ran.returncode == 0
    assert "note: 1 file changed or removed since the script uploaded from there" in ran.stderr
    assert f"\n  {movie}\n" in ran.stderr
    assert "--copy-media" in ran.stderr
    ran = connected("record", "--copy-media", "-c", UPLOAD, movie)
    assert "note:" not in ran.stderr


def test_what_a_failing_script_uploaded_is_kept_on_demand_and_else_gone(
    connected: CommandLine, server: Server, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "temporary.mov"
    file.write_bytes(b"movie")
    event = "session.event_hub.init_connection()\n" + (
        "session.event_hub.publish(ftrack_api.event.base.Event('studio.x'))\n"
    )
    for _ in range(2):
        ran = connected("record", "-c", f"{UPLOAD}{event}sys.exit(3)", file)
        assert ran.returncode == 3
        assert "it had committed 2 operations, 1 upload, 1 follow-up" in ran.stderr
    file.unlink()
    kept, forgotten = (each.name for each in sorted((home / "recordings").iterdir()))
    assert connected("discard", forgotten).returncode == 0
    assert connected("record", "--keep", kept).returncode == 0
    assert list((home / "recordings").iterdir()) == []
    connected("commit")
    assert media_of(server) == {("main", 5, b"movie"): 1}


#: Uploads as much as it is told of 100 bytes, as a process does that is killed meanwhile.
BREAKS_OFF = """
import json, os, socket, sys, ftrack_api
session = ftrack_api.Session()
component = session.create("FileComponent", {"name": "main"})
session.commit()
headers = session.get_upload_metadata(component["id"], "main.mov", 100)["headers"]
host, port, token, _ = os.environ["TRACKTEROID_RECORDING"].split(":", 3)
message = {"kept": "upload", "token_of_upload": headers["trackteroid-upload"], "token": token,
    "line": "", "process": os.getpid(), "length": 100}
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(json.dumps(message).encode() + b"\\n" + b"x" * int(sys.argv[1]))
    connection.shutdown(socket.SHUT_WR)
    print(connection.makefile().readline())
"""


@pytest.mark.parametrize(("sent", "kept"), [(100, "1 upload, "), (99, "")])
def test_an_upload_that_breaks_off_is_not_kept(
    connected: CommandLine, sent: int, kept: str
) -> None:
    script = connected.script(BREAKS_OFF)
    ran = connected("record", "--exec", sys.executable, script, sent)
    assert ran.returncode == 0, ran.stderr
    assert ("it breaks off 1 bytes before its end" in ran.stdout) == (not kept)
    assert f"recorded script: 1 create, {kept}".rstrip(", ") + "; nothing was sent" in ran.stderr


def test_a_script_that_only_publishes_leaves_a_batch(connected: CommandLine, spool: Spool) -> None:
    code = (
        "import ftrack_api, ftrack_api.event.base as base\n"
        "hub = ftrack_api.Session().event_hub\nhub.init_connection()\n"
        "hub.publish(base.Event('studio.x'))\n"
    )
    ran = connected("record", "-c", code)
    assert "recorded code: 1 follow-up; nothing was sent" in ran.stderr
    with Batch(spool.entries()[0].path) as batch:
        assert [each.data["topic"] for each in batch.follow_ups()] == ["studio.x"]
        assert list(batch.operations()) == []


def test_a_publish_that_is_recorded_offline_leaves_what_a_direct_one_leaves(
    make_server: Callable[[], Server],
    before: Contents,
    connected: CommandLine,
    schemas: Path,
    lasting: Path,
) -> None:
    script = connected.script(PUBLISH)
    twin, server = make_server(), make_server()
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
    pulled = connected("replica", "pull", "--project", "salt_and_ember", **server.environment)
    assert pulled.returncode == 0, pulled.stderr
    server.requests.clear()
    with PythonClient(twin.url) as told_directly, PythonClient(server.url) as told:
        expected, heard = (each.listen("topic=studio.*") for each in (told_directly, told))
        direct = connected.python(script, "itself", lasting, **twin.environment, **cache)
        ran = connected("record", "--offline", script, "itself", lasting, **server.environment)
        assert (ran.returncode, ran.stdout) == (0, direct.stdout), ran.stderr
        assert server.requests == []
        committed = connected("commit", **server.environment)
        assert committed.returncode == 0, committed.stderr
        told_directly.catch_up()
        told.catch_up()
    check_equal(server, heard, twin, expected, before)
