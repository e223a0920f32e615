"""`trackteroid sandbox` and `--sandbox`: an embedded ftrack, over HTTP and in process."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.batches import states
from tests.support.command_line import CommandLine, refused
from tests.support.hub_clients import TOO_LONG, RawClient
from trackteroid_cli.batches.spool import Spool


@pytest.fixture
def ready(home: Path, demo_database: Path) -> Path:
    """The folder of sandboxes, with one named demo."""
    folder = home / "sandboxes"
    folder.mkdir(parents=True)
    (folder / "demo.sqlite").write_bytes(demo_database.read_bytes())
    return folder


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Serve a sandbox; give the process, and the settings that it printed."""
    with subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "sandbox", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            exports = [re.fullmatch(r"export (\w+)=(\S+)\n", line) for line in lines]
            yield process, {found[1]: found[2] for found in exports if found}
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_served_sandbox_prints_its_settings_answers_and_stops_quietly(
    trackteroid: CommandLine, ready: Path, stop: signal.Signals
) -> None:
    with serving() as (process, settings):
        assert list(settings) == ["FTRACK_SERVER", "FTRACK_API_KEY", "FTRACK_API_USER"]
        shown = trackteroid("query", "Shot", "--format", "ids", **settings)
        assert shown.returncode == 0, shown.stderr
        assert len(shown.stdout.split()) == 20
        port = settings["FTRACK_SERVER"].rpartition(":")[2]
        taken = trackteroid("sandbox", "serve", "--port", port)
        refused(taken, 2, what=f"cannot serve on port {port}", why="in use", hint="--port 0")
        process.send_signal(stop)
        out, errors = process.communicate()
    assert process.returncode == 0
    assert out == ""
    assert re.fullmatch(r"serving the sandbox demo on http://\S+; stop with Ctrl-C\n", errors)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_served_sandbox_ends_in_good_order_for_listeners_whatever_they_do(
    ready: Path, stop: signal.Signals
) -> None:
    with serving() as (process, settings):
        url = settings["FTRACK_SERVER"]
        with RawClient(url) as listener, RawClient(url) as stuck:
            assert stuck.subscribe("topic=studio.load")["success"]
            for _ in range(8):  # more than the connection holds that nobody reads
                listener.send({"topic": "studio.load", "data": "x" * 1_000_000})
            assert listener.ask({"topic": "studio.any"})["success"]
            process.send_signal(stop)
            assert listener.hear() == "0::"
            assert listener.hear() == ""
            out, errors = process.communicate(timeout=TOO_LONG)
    assert process.returncode == 0
    assert out == ""
    assert errors.count("\n") == 1, errors


def test_a_request_that_is_broken_off_leaves_no_trace(ready: Path) -> None:
    with serving() as (process, settings):
        address = ("127.0.0.1", int(settings["FTRACK_SERVER"].rpartition(":")[2]))
        for part in (b"", b"[", b"[{}]" * 9):
            with socket.create_connection(address) as connection:
                connection.sendall(
                    b"POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + part
                )
        with closing(http.client.HTTPConnection(*address)) as other:
            other.request("POST", "/api", "[]")  # those before it have been seen to
            assert other.getresponse().status == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert errors.count("\n") == 1, errors
    assert process.returncode == 0


def test_commands_and_scripts_reach_a_sandbox_in_their_own_process(
    trackteroid: CommandLine, ready: Path, spool: Spool
) -> None:
    script = trackteroid.script(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "print(session.server_url)\n"
        "session.query('Shot').first()['description'] = 'in process'\n"
        "session.commit()\n"
    )
    recorded = trackteroid("--sandbox", "record", script)
    assert (recorded.returncode, recorded.stdout) == (0, "sandbox://demo\n"), recorded.stderr
    described = "select name from Shot where description is 'in process'"
    trackteroid.environment = {"FTRACK_SERVER": "sandbox://demo"}
    assert trackteroid("query", described).stdout == ""
    assert trackteroid("commit").returncode == 0
    assert trackteroid("query", described).stdout.count("\n") == 1
    assert states(spool) == {"committed": ["script"]}

    reset = trackteroid("sandbox", "reset")
    assert (reset.returncode, reset.stdout) == (0, "")
    assert reset.stderr == "the sandbox demo holds the demo data again\n"
    assert trackteroid("query", described).stdout == ""


def test_a_new_sandbox_is_filled_at_its_first_use(trackteroid: CommandLine, home: Path) -> None:
    shown = trackteroid("query", "Project", FTRACK_SERVER="sandbox://mine")
    assert shown.returncode == 0, shown.stderr
    assert "salt_and_ember" in shown.stdout
    assert [path.name for path in (home / "sandboxes").glob("*.sqlite")] == ["mine.sqlite"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 65])
def test_a_name_that_cannot_be_a_files_is_refused(
    trackteroid: CommandLine, home: Path, name: str
) -> None:
    refused(
        trackteroid("sandbox", "reset", name),
        2,
        what=f"{name!r} cannot be the name of a sandbox",
        why="a name has letters",
        hint="sandbox://demo",
    )
    assert not home.exists()


def test_an_address_without_a_sandbox_is_refused(trackteroid: CommandLine) -> None:
    ran = trackteroid("query", "Shot", FTRACK_SERVER="sandbox://")
    refused(ran, 2, what="cannot be the name of a sandbox", hint="sandbox://demo")


def test_a_file_that_is_no_sandbox_is_named_and_kept(trackteroid: CommandLine, ready: Path) -> None:
    file = ready / "demo.sqlite"
    file.write_bytes(b"")
    ran = trackteroid("--sandbox", "query", "Shot")
    refused(ran, 1, what=f"cannot open the sandbox {file}", hint="`trackteroid sandbox reset")
    file.write_bytes(b"not a database" * 50)
    ran = trackteroid("--sandbox", "query", "Shot")
    refused(ran, 1, what=f"cannot open the sandbox {file}", hint="`trackteroid sandbox reset")
    assert file.read_bytes() == b"not a database" * 50


def test_a_home_that_is_no_folder_is_named(trackteroid: CommandLine) -> None:
    (trackteroid.folder / "file").write_text("")
    home = str(trackteroid.folder / "file" / "home")
    ran = trackteroid("--sandbox", "query", "Shot", TRACKTEROID_HOME=home)
    refused(ran, 1, what="cannot make the sandbox", hint="TRACKTEROID_HOME")


@pytest.fixture
def without_extra(trackteroid: CommandLine) -> CommandLine:
    """The command line, where the packages of the extra `sandbox` are not installed."""
    trackteroid.script(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('PIL', 'starlette', 'uvicorn', 'wsproto'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n",
        "sitecustomize.py",
    )
    trackteroid.environment = {"PYTHONPATH": str(trackteroid.folder)}
    return trackteroid


def test_serving_without_the_extra_is_told_with_the_command_that_installs_it(
    without_extra: CommandLine,
) -> None:
    refused(
        without_extra("sandbox", "serve"),
        78,
        what="needs an optional part of trackteroid",
        why="is not installed",
        hint="pip install 'trackteroid-cli[sandbox]'",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sandbox", "query", "Shot"],
        ["sandbox", "reset"],
        ["--sandbox", "record", "-c", "import ftrack_api; ftrack_api.Session()"],
        ["demo"],
    ],
    ids=["query", "reset", "record", "demo"],
)
def test_all_but_serving_works_without_the_extra(
    without_extra: CommandLine, ready: Path, arguments: list[str]
) -> None:
    ran = without_extra(*arguments)
    assert ran.returncode == 0, ran.stderr


def test_recording_and_inspecting_need_no_extra(without_extra: CommandLine) -> None:
    line = '{"operation": "delete", "entity_type": "Shot", "entity_key": {"id": "1"}}'
    assert without_extra("record", "--jsonl", "-", stdin=line).returncode == 0
    shown = without_extra("inspect", "stdin")
    assert shown.returncode == 0, shown.stderr
    assert "- Shot  1" in shown.stdout


def test_the_demo_tells_the_story_in_order_and_touches_nothing(
    trackteroid: CommandLine, home: Path
) -> None:
    ran = trackteroid("demo", FTRACK_SERVER="https://studio.ftrackapp.com")
    assert ran.returncode == 0, ran.stderr
    steps = re.findall(r"^\$ trackteroid (\w+)", ran.stdout, re.M)
    assert steps == [
        "query", "record", "query", "inspect", "inspect", "commit", "commit", "query",
    ]  # fmt: skip
    last = ran.stdout.rpartition("$ trackteroid query")[2]
    assert last.count("First comp") == 1
    assert "recorded publish: " in ran.stderr
    assert "nothing to commit" in ran.stderr
    assert not home.exists()
    assert list(trackteroid.folder.iterdir()) == []


def test_a_port_of_somebody_else_is_told(trackteroid: CommandLine, ready: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        ran = trackteroid("sandbox", "serve", "--port", port)
    refused(ran, 2, what=f"cannot serve on port {port}", why="in use", hint="another port")


def begin_upload(settings: dict[str, str], announced: int) -> socket.socket:
    """Send the beginning of an upload; return the line that it was sent on."""
    headers = {"ftrack-user": settings["FTRACK_API_USER"]}
    headers["ftrack-api-key"] = settings["FTRACK_API_KEY"]
    operation = {"action": "get_upload_metadata", "component_id": "c", "file_name": "a.mov"}
    told = requests.post(
        f"{settings['FTRACK_SERVER']}/api",
        json=[{**operation, "file_size": announced}],
        headers=headers,
    ).json()
    address = urlsplit(told[0]["url"])
    line = socket.create_connection((address.hostname or "", address.port or 0))
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    line.sendall(f"{head}Content-Length: {announced}\r\n\r\nthe beginning".encode())
    return line


def files_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "demo.media").glob("**/*") if path.is_file()]


def test_an_upload_that_never_ends_does_not_keep_a_sandbox_from_stopping(ready: Path) -> None:
    with serving() as (process, settings), begin_upload(settings, 1000):
        while not files_of(ready):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 0
    assert re.fullmatch(r"serving the sandbox demo on http://\S+; stop with Ctrl-C\n", errors)
    assert files_of(ready) == []


def test_a_sandbox_takes_its_files_along(trackteroid: CommandLine, ready: Path) -> None:
    (ready / "demo.sqlite").rename(ready / "mine.sqlite")
    upload = (
        "import sys; from trackteroid_cli.session.session import Session\n"
        "session = Session(server_url='sandbox://mine', api_user='demo', api_key='demo-key')\n"
        "place = session.query('Location where name is \"ftrack.server\"').one()\n"
        "session.create_component(sys.argv[1], location=place)\n"
    )
    script = trackteroid.script(upload)
    for command in ("reset", "remove"):
        ran = subprocess.run([sys.executable, str(script), str(script)], check=False)
        assert ran.returncode == 0
        assert any(path.is_file() for path in (ready / "mine.media").glob("*/*/*"))
        assert trackteroid("sandbox", command, "mine").returncode == 0
        assert not (ready / "mine.media").exists()
