"""Every process of a run records, however it came about and however it ends."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import find_python
from tests.recording.test_corpus import before, make_twin
from tests.support.changes import Contents, changes
from tests.support.command_line import CommandLine, refused
from tests.support.generated import some
from tests.support.servers import Server
from tests.support.sessions import recorded
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.recording import startup

STARTUP = Path(startup.__file__).parent

__all__ = ["before", "make_twin"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")

#: Makes tasks from several processes; then reads what they have made, and notes it.
WORKERS = """
import multiprocessing, os, signal, subprocess, sys, threading
from concurrent.futures import ProcessPoolExecutor
import ftrack_api

def work(number, ending=""):
    session = ftrack_api.Session()
    shot = session.query("Shot where name is sh010").first()
    task = session.create("Task", {"name": f"roto_{number}", "parent": shot})
    shot["description"] = "by a worker"
    session.commit()
    # It sees its own commit.
    found = session.query(f"Task where name is roto_{number}").one()
    session.create("Note", {"content": f"made {found['name']}", "parent_id": found["id"],
        "parent_type": "task", "author": session.query("User").first()})
    session.commit()
    found["description"] = "never committed"
    if ending == "sys.exit":
        sys.exit(0)
    elif ending == "os._exit":
        os._exit(0)
    elif ending == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    session.reset()
    return number

def process(how, number, ending=""):
    started = multiprocessing.get_context(how).Process(target=work, args=(number, ending))
    started.start()
    started.join()

def main(how):
    if how in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(how).Pool(2) as pool:
            pool.map(work, [1])
            pool.map(work, [2])
    elif how == "executor":
        with ProcessPoolExecutor(1) as executor:
            list(executor.map(work, range(2)))
    elif how == "subprocess":
        subprocess.run([sys.executable, __file__, "worker"], check=True)
    elif how == "shell":
        os.system(f"{sys.executable} {__file__} worker")
    elif how == "os.fork":
        if (child := os.fork()) == 0:
            work(1, "os._exit")
        os.waitpid(child, 0)
    elif how == "threads":
        for number in range(2):
            thread = threading.Thread(target=work, args=(number,))
            thread.start()
            thread.join()
    elif how in ("sys.exit", "os._exit", "kill"):
        process("fork", 1, how)
    elif how == "spawned and killed":
        process("spawn", 1, "kill")
    elif how == "replaced":
        work(1)
        os.execv(sys.executable, [sys.executable, __file__, "worker"])
    session = ftrack_api.Session()
    tasks = session.query("Task where name like 'roto_%' order by name")
    names = [(task["name"], [note["content"] for note in task["notes"]]) for task in tasks]
    print(names, session.query("Shot where name is sh010").first()["description"])
    session.create("Scope", {"name": str(names)})
    session.commit()

if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work(3)
    else:
        main(sys.argv[1])
"""

WAYS = (
    "fork",
    "spawn",
    "forkserver",
    "executor",
    "subprocess",
    "shell",
    "os.fork",
    "threads",
    "sys.exit",
    "os._exit",
    "kill",
    "spawned and killed",
    "replaced",
)


@pytest.mark.parametrize("how", some(list(WAYS)))
def test_what_processes_of_a_script_commit_is_recorded_as_if_they_had_run_directly(
    how: str,
    make_server: Callable[[], Server],
    before: Contents,
    connected: CommandLine,
    schemas: Path,
    spool: Spool,
) -> None:
    script = connected.script(WORKERS)
    twin, server = make_server(), make_server()
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
    direct = connected.python(script, how, **twin.environment, **cache)
    assert direct.returncode == 0, direct.stderr
    expected = changes(twin, before)

    ran = connected("record", script, how, **server.environment, **cache)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == direct.stdout
    assert server.writes == []
    assert len(spool.entries()) == 1
    assert ("processes" in ran.stderr) == (how not in ("threads", "replaced")), ran.stderr
    committed = connected("commit", **server.environment)
    assert committed.returncode == 0, committed.stderr
    changed = changes(server, before)
    assert changed.named == expected.named
    assert changed.related == expected.related


def only_ftrack_api(folder: Path) -> Path:
    """Return a folder for PYTHONPATH with `ftrack_api` and what it needs, and nothing else."""
    import ftrack_api

    installed = Path(ftrack_api.__file__).parents[1]
    target = folder / "packages"
    target.mkdir()
    for found in installed.iterdir():
        if found.suffix != ".dist-info" and found.name.partition(".")[0] in _NEEDED:
            (target / found.name).symlink_to(found)
    return target


#: The packages that `ftrack_api` imports, and those that they do.
_NEEDED = frozenset(
    {"arrow", "certifi", "charset_normalizer", "clique", "dateutil", "ftrack_api", "future"}
    | {"idna", "jwt", "packaging", "platformdirs", "pyparsing", "requests", "six"}
    | {"typing_extensions", "tzdata", "urllib3", "websocket"}
)

WRITER = """
import sys, ftrack_api
session = ftrack_api.Session()
shot = session.query("Shot where name is sh010").first()
shot["description"] = (shot["description"] or "") + sys.argv[1]
session.commit()
print(shot["description"], "%d.%d" % sys.version_info[:2])
"""


@pytest.fixture
def writer(connected: CommandLine) -> Path:
    """A script that appends its argument to the description of a shot."""
    path = connected.folder / "writer.py"
    path.write_text(WRITER)
    return path


@pytest.mark.parametrize("options", [(), ("--offline",)], ids=["online", "offline"])
def test_a_shell_script_that_runs_three_python_programs_is_one_batch(
    options: tuple[str, ...],
    connected: CommandLine,
    server: Server,
    spool: Spool,
    writer: Path,
    schemas: Path,
) -> None:
    if options:
        assert connected("replica", "pull", "--all-projects").returncode == 0
        server.requests.clear()
    shell = connected.folder / "publish.sh"
    shell.write_text(
        f"#!/bin/sh\nset -e\nfor part in one two three; do {sys.executable} {writer} $part; done\n"
    )
    shell.chmod(0o755)
    cache = {"FTRACK_API_SCHEMA_CACHE_PATH": str(schemas)}
    ran = connected("record", *options, "--exec", "--", shell, "--name", **cache)
    assert ran.returncode == 0, ran.stderr
    # Each sees what the one before it has committed.
    assert ran.stdout.splitlines()[-1].rpartition(" ")[0].endswith("onetwothree")
    assert "recorded publish: 3 update, of 3 processes" in ran.stderr
    assert server.writes == []
    assert server.requests == [] or not options
    (entry,) = spool.entries()
    assert [each["old_value"] for each in recorded(entry.path)][1:] == [
        each["new_value"] for each in recorded(entry.path)
    ][:-1]
    assert connected("commit").returncode == 0
    (shot,) = server.query("Shot where description like '%onetwothree'")
    assert shot["name"] == "sh010"


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_another_python_needs_nothing_but_ftrack_api(
    version: str,
    connected: CommandLine,
    server: Server,
    spool: Spool,
    writer: Path,
    schemas: Path,
) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    ran = connected(
        "record",
        "--exec",
        "--",
        python,
        writer,
        "more",
        PYTHONPATH=str(only_ftrack_api(connected.folder)),
        FTRACK_API_SCHEMA_CACHE_PATH=str(schemas),
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[-1] == version
    assert server.writes == []
    (entry,) = spool.entries()
    assert entry.name == "writer"
    (operation,) = recorded(entry.path)
    assert operation["new_value"] == f"{operation['old_value'] or ''}more"
    with Batch(entry.path) as batch:
        assert next(iter(map(str, batch.labels().values()))).endswith("sh010")


#: The least of a client: what `ftrack_api` sends, with what it sends it.
CLIENT = {
    "requests.py": """
class ConnectionError(Exception):
    def __init__(self, message, request=None):
        super().__init__(message)

class Response:
    def __init__(self):
        self.headers = {}

class Session:
    def send(self, request, **kwargs):
        raise AssertionError("sent to the server")
""",
    "ftrack_api/__init__.py": "from ftrack_api.session import call\n",
    "ftrack_api/session.py": """
import os, requests

class Request:
    method = "POST"
    headers = {"ftrack-api-key": os.environ["FTRACK_API_KEY"],
               "ftrack-user": os.environ["FTRACK_API_USER"]}

def call(body):
    request = Request()
    request.url, request.body = os.environ["FTRACK_SERVER"] + "/api", body
    return requests.Session().send(request)._content
""",
}


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.12"])
def test_the_oldest_python_of_the_client_records(
    version: str, connected: CommandLine, server: Server, spool: Spool
) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    for name, text in CLIENT.items():
        path = connected.folder / "client" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = (
        "import sys; sys.path.insert(0, 'client')\n"
        "import json, ftrack_api, subprocess\n"
        "print(ftrack_api.call(json.dumps([{'action': 'create', 'entity_type': 'Scope', "
        "'entity_data': {'__entity_type__': 'Scope', 'name': 'old', 'id': '1'}}])))\n"
        "try:\n    subprocess.run([sys.executable, '-E', '-c', ''])\n"
        "except Exception as error:\n    print(error)\n"
    )
    ran = connected("record", "--allow-refused", "--exec", python, "-c", code)
    assert ran.returncode == 0, ran.stderr
    assert '"name": "old"' in ran.stdout
    # Before 3.8 nothing tells of a process that is started.
    assert ("isolated Python process" in ran.stdout) == (version != "3.7")
    (entry,) = spool.entries()
    assert [each["entity_data"]["name"] for each in recorded(entry.path)] == ["old"]
    assert server.writes == []


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_an_older_python_cannot_import_the_client(
    version: str, connected: CommandLine, server: Server
) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    code = "import sys; print(sys.version_info[0]); import ftrack_api"
    ran = connected("record", "--exec", "--", python, "-c", code)
    assert (ran.returncode, ran.stdout) == (1, f"{version[0]}\n")
    assert "ImportError" in ran.stderr or "ModuleNotFoundError" in ran.stderr
    assert server.requests == []


def test_a_program_that_needs_no_ftrack_is_left_alone(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    (connected.folder / "sitecustomize.py").write_text("import sys; sys.own = 'own'\n")
    code = "import sys; print(sys.own, [p for p in sys.path if 'startup' in p], sys.argv[1:])"
    ran = connected(
        "record", "--exec", "--", sys.executable, "-c", code, "-x", PYTHONPATH=connected.folder
    )
    assert (ran.returncode, ran.stdout) == (0, "own [] ['-x']\n")
    assert ran.stderr == "nothing to record: the script committed no changes\n"
    ran = connected("record", "--exec", "sh", "-c", "exit 5")
    assert (ran.returncode, ran.stderr) == (5, "")
    refused(connected("record", "--exec", "--", "no-such-program"), 4, what="no-such-program")
    plain = connected.folder / "plain"
    plain.write_text("exit 0")
    plain.chmod(0o755)
    refused(connected("record", "--exec", "--", plain), 1, what=str(plain), hint="#!/bin/sh")
    assert server.requests == []
    assert spool.entries() == []


@pytest.mark.parametrize("option", ["-I", "-BE", "-S"])
def test_an_isolated_program_is_not_started(connected: CommandLine, option: str) -> None:
    ran = connected("record", "--exec", "--", sys.executable, option, "-c", "print('it runs')")
    refused(ran, 2, what="an isolated Python process", hint="without these options")
    script = connected.folder / "isolated"
    script.write_text(f"#!{sys.executable} {option}\nprint('it runs')\n")
    script.chmod(0o755)
    refused(connected("record", "--exec", "--", script), 2, what="isolated Python process")


STARTER = """
import os, subprocess, sys
how, writer = sys.argv[1], [sys.executable, "writer.py", "x"]
bare = {name: os.environ[name] for name in os.environ if "TRACKTEROID" not in name}
try:
    if how == "isolated":
        subprocess.run([writer[0], "-I", *writer[1:]])
    elif how == "in a cluster of options":
        subprocess.run([writer[0], "-BE", *writer[1:]])
    elif how == "environment":
        subprocess.run(writer, env=bare)
    elif how == "environment of a shell":
        subprocess.run(["sh", "-c", " ".join(writer)], env=bare)
    elif how == "replaced":
        os.execve(writer[0], writer, bare)
    elif how == "at once":
        subprocess.run([writer[0], "-c", "import ftrack_api; "
            "ftrack_api.Session().call([{'action': 'delayed_job'}])"])
    elif how == "reply":
        subprocess.run([writer[0], "-c", "import ftrack_api.session, ftrack_api.event.base as base;"
            "hub = ftrack_api.session.Session().event_hub; hub.init_connection(); "
            "hub.publish(base.Event('studio.x'), on_reply=print, on_error='ignore')"])
except Exception as error:
    print(error)
"""

REFUSED = {
    "isolated": "starts an isolated Python process",
    "in a cluster of options": "starts an isolated Python process",
    "environment": "starts a process with another environment",
    "environment of a shell": "starts a process with another environment",
    "replaced": "starts a process with another environment",
    "at once": "cannot run a job on the server while recording",
    "reply": "cannot publish the event 'studio.x' while recording",
}


@pytest.mark.parametrize("inside", ["script", "started process"])
@pytest.mark.parametrize("how", some(list(REFUSED)))
def test_what_would_escape_the_recording_is_refused_with_its_line(
    how: str, inside: str, connected: CommandLine, server: Server, spool: Spool, writer: Path
) -> None:
    starter = connected.script(STARTER, "starter.py")
    command = [starter, how] if inside == "script" else ["--exec", sys.executable, starter, how]
    ran = connected("record", *command)
    assert ran.returncode == 1, ran.stderr
    *_, error, why, next_ = ran.stderr.splitlines()
    assert error == "error: nothing was recorded: the script was refused once, and went on"
    assert REFUSED[how] in why
    assert ", line " in why
    assert "--allow-refused" in next_
    assert server.writes == []
    assert spool.entries() == []


def test_a_script_may_record_another_one(
    connected: CommandLine, server: Server, spool: Spool, writer: Path
) -> None:
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-m', 'trackteroid_cli', "
        "'record', 'writer.py', 'x'], check=True)"
    )
    ran = connected("record", "-c", code)
    assert ran.returncode == 0, ran.stderr
    assert [entry.name for entry in spool.entries()] == ["writer"]
    assert server.writes == []


def test_a_process_that_outlives_the_script_is_refused(
    connected: CommandLine, server: Server, spool: Spool, writer: Path
) -> None:
    """Its work is neither lost in silence nor sent."""
    daemon = (
        "import os, sys, time, ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "shot = session.query('Shot').first()\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    while os.getppid() == parent: time.sleep(0.01)\n"
        "    time.sleep(0.5)\n"
        "    shot['description'] = 'too late'\n"
        "    try:\n"
        "        session.commit()\n"
        "    except Exception as error:\n"
        "        open('daemon.txt', 'w').write(str(error))\n"
        "    os._exit(0)\n"
        "shot['description'] = 'in time'; session.commit()\n"
    )
    ran = connected("record", "-c", daemon)
    assert ran.returncode == 0, ran.stderr
    told = connected.folder / "daemon.txt"
    while not told.exists() or not told.read_text():
        time.sleep(0.01)
    assert "the recording has ended" in told.read_text()
    (entry,) = spool.entries()
    assert [each["new_value"] for each in recorded(entry.path)] == ["in time"]
    assert server.writes == []


@pytest.mark.parametrize("module", ["trackteroid_start", "relay", "isolation"])
def test_what_runs_in_other_processes_needs_no_later_python(module: str) -> None:
    source = (STARTUP / f"{module}.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert names <= {*sys.stdlib_module_names, "requests"}


def test_the_module_that_every_python_imports_at_its_start_can_be_read_by_any() -> None:
    source = (STARTUP / "sitecustomize.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            given = [each.annotation for each in node.args.args]
            assert node.returns is None
            assert given == [None] * len(given)
        assert not isinstance(node, (ast.AnnAssign, ast.JoinedStr, ast.NamedExpr))


@pytest.mark.parametrize("option", ["-I", "-E"])
def test_a_python_that_isolates_its_workers_does_not_record(
    connected: CommandLine, option: str, home: Path
) -> None:
    command = [sys.executable, option, "-m", "trackteroid_cli", "record", "-c", "pass"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    refused(ran, 2, what="started with -I, -E or -S", why="workers", hint="without these options")
    assert not any((home / "recordings").iterdir())


def test_commands_that_a_recorded_program_calls_see_the_recording_and_send_nothing(
    connected: CommandLine, server: Server, spool: Spool, writer: Path
) -> None:
    assert connected("record", "--name", "earlier", writer, "earlier").returncode == 0
    trackteroid = f"{sys.executable} -m trackteroid_cli"
    shell = connected.script(
        f"{sys.executable} {writer} seen\n"
        f"{trackteroid} query 'select name from Shot where description like \"%seen\"'\n"
        f"{trackteroid} commit\n",
        "tools.sh",
    )
    ran = connected("record", "--exec", "--", "sh", shell)
    assert ran.returncode == 1
    assert ran.stdout.splitlines()[1:] == ["sh010"]
    assert "cannot commit batches in a recorded run" in ran.stderr
    assert server.writes == []
    assert [entry.name for entry in spool.entries()] == ["earlier"]
