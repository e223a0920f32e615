"""`trackteroid record`: runs Python as python does, and keeps what is committed as a batch."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.batches import everything_below, states
from tests.support.command_line import SECRET, CommandLine, refused
from tests.support.servers import Server
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.spool import Spool

#: Gives a shot a description, in one commit.
PUBLISH = """
import ftrack_api
session = ftrack_api.Session()
shot = session.query("Shot").first()
shot["description"] = "recorded"
session.commit()
"""

WHO_AM_I = """
import os, sys
print(__name__, globals().get("__file__"), sys.path, __package__, __doc__)
print(os.path.basename(sys.argv[0]), sys.argv[1:])
"""


def plain_python(
    command: CommandLine, *arguments: object, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=command.folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def recorded(spool: Spool) -> Batch:
    """Return the one batch in the spool."""
    (entry,) = spool.entries()
    return Batch(entry.path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("script.py", "--name", "mine", "-c"),
        ("./script.py",),
        ("-c", WHO_AM_I, "--name", "mine"),
        ("-m", "script", "--shot", "sh010"),
        ("-mscript", "-o", "x"),
        ("-", "--json"),
        ("package", "a"),
    ],
    ids=lambda arguments: " ".join(arguments)[:20].strip().replace("\n", " "),
)
def test_a_program_finds_what_it_finds_under_python(
    trackteroid: CommandLine, arguments: tuple[str, ...]
) -> None:
    trackteroid.script(WHO_AM_I)
    (trackteroid.folder / "package").mkdir()
    trackteroid.script(WHO_AM_I, "package/__main__.py")
    stdin = WHO_AM_I if arguments[0] == "-" else None
    ran = trackteroid("record", *arguments, stdin=stdin)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == plain_python(trackteroid, *arguments, stdin=stdin).stdout
    assert ran.stderr == "nothing to record: the script committed no changes\n"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('some text')", 1),
        ("raise SystemExit", 0),
        ("def f():\n    raise ValueError('no')\n\nf()", 1),
        ("x = (", 1),
        (
            "try:\n    1/0\nexcept ZeroDivisionError as error:\n    raise OSError('it') from error",
            1,
        ),
    ],
    ids=["number", "text", "none", "exception", "syntax", "chain"],
)
def test_exit_status_and_traceback_are_those_of_python(
    trackteroid: CommandLine, text: str, status: int
) -> None:
    script = trackteroid.script(text)
    ran = trackteroid("record", script)
    expected = plain_python(trackteroid, script)
    assert ran.returncode == expected.returncode == status
    assert ran.stdout == expected.stdout
    assert ran.stderr.removesuffix("nothing to record: the script committed no changes\n") == (
        expected.stderr
    )


def test_a_script_that_fails_after_a_commit_leaves_no_batch(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    script = connected.script(PUBLISH + "raise RuntimeError('too late')")
    ran = connected("record", script)
    assert ran.returncode == 1
    assert ran.stderr.count("Traceback") == 1
    assert "RuntimeError: too late" in ran.stderr
    assert "nothing was recorded: the script ended with exit status 1" in ran.stderr
    assert spool.entries() == []
    assert server.writes == []


def test_ctrl_c_ends_a_script_as_it_ends_python_and_leaves_no_batch(
    trackteroid: CommandLine, spool: Spool
) -> None:
    script = trackteroid.script("print('ready', flush=True)\nimport time\ntime.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-m", "trackteroid_cli", "record", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT  # as that of python
    assert errors.startswith(f'Traceback (most recent call last):\n  File "{script}", line 3')
    assert "KeyboardInterrupt" in errors
    assert spool.entries() == []


@pytest.mark.parametrize(
    ("arguments", "status", "what", "why"),
    [
        (["missing.py"], 4, "cannot record missing.py", "there is no such file"),
        (["-m", "missing"], 4, "cannot record the module missing", "no such module"),
        (["."], 1, "cannot record .", "no __main__.py in it"),
        (["--jsonl", "missing.jsonl"], 4, "cannot record missing.jsonl", "no such file"),
        (["--jsonl", "."], 2, "cannot record .", "directory"),
        ([], 2, "nothing to record", ""),
        (["--jsonl", "-", "script.py"], 2, "cannot be recorded together with --jsonl", ""),
        (["--jsonl", "-", "-c", "pass"], 2, "only one of -c, -m, --jsonl", ""),
        (["-m"], 2, "-m", ""),
        (["--nmae", "x", "script.py"], 2, "No such option: --nmae", ""),
    ],
    ids=[
        "script",
        "module",
        "folder",
        "lines",
        "folder of lines",
        "nothing",
        "lines and script",
        "lines and code",
        "no value",
        "option",
    ],
)
def test_what_cannot_be_run_is_said_in_one_message(
    trackteroid: CommandLine, arguments: list[str], status: int, what: str, why: str
) -> None:
    refused(trackteroid("record", *arguments), status, what=what, why=why)


#: What a script may do that cannot be kept for later.
AT_ONCE = {
    "call": "session.call([{'action': 'delayed_job', 'job_type': 'SYNC_USERS_LDAP'}])",
    "reset": "session.query('User where username is demo').one().reset_api_key()",
}

#: Asks for each of these, catches what is raised, and goes on.
GOES_ON = (
    PUBLISH
    + "try:\n    {request}\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    + "shot['description'] = 'after all'\nsession.commit()\n"
)


@pytest.mark.parametrize("request_", AT_ONCE.values(), ids=AT_ONCE)
def test_what_cannot_be_deferred_is_refused_at_its_line(
    connected: CommandLine, server: Server, spool: Spool, request_: str
) -> None:
    script = connected.script(PUBLISH + request_)
    refused(
        connected("record", script),
        1,
        what="cannot",
        why=f"asked for in {script}, line 7",
    )
    assert spool.entries() == []
    assert server.writes == []


@pytest.mark.parametrize("request_", AT_ONCE.values(), ids=AT_ONCE)
def test_a_script_that_goes_on_after_a_refusal_is_not_recorded(
    connected: CommandLine, server: Server, spool: Spool, request_: str
) -> None:
    script = connected.script(GOES_ON.format(request=request_))
    ran = connected("record", script)
    assert "CannotDefer cannot" in ran.stdout
    assert ran.returncode == 1
    assert "error: nothing was recorded: the script was refused once, and went on" in ran.stderr
    assert f"why: {script}, line 8: cannot " in ran.stderr
    assert "--allow-refused" in ran.stderr.partition("next: ")[2]
    assert spool.entries() == []
    assert server.writes == []


@pytest.mark.parametrize("request_", AT_ONCE.values(), ids=AT_ONCE)
def test_what_is_refused_is_left_out_whole_where_that_is_allowed(
    connected: CommandLine, server: Server, spool: Spool, request_: str
) -> None:
    script = connected.script(GOES_ON.format(request=request_))
    ran = connected("record", "--allow-refused", script)
    assert ran.returncode == 0, ran.stderr
    assert "note: 1 refused request left out of the batch:" in ran.stderr
    assert f"  {script}, line 8: cannot " in ran.stderr
    with recorded(spool) as batch:
        descriptions = [getattr(each, "new_value", each) for each in batch.operations()]
    assert descriptions == ["recorded", "after all"]
    assert server.writes == []


def test_a_refusal_that_a_library_swallows_is_told_with_the_line_that_asked(
    connected: CommandLine, spool: Spool
) -> None:
    script = connected.script(
        PUBLISH
        + "def listen(event):\n"
        + "    session.call([{'action': 'delayed_job'}])\n"
        + "session.event_hub.subscribe('topic=studio.published', listen)\n"
        + "event = ftrack_api.event.base.Event(topic='studio.published')\n"
        + "session.event_hub.publish(event, synchronous=True)\n"
    )
    ran = connected("record", script)
    assert ran.returncode == 1
    assert f"why: {script}, line 8: cannot run a job on the server while recording" in ran.stderr
    assert spool.entries() == []


def test_sessions_of_one_server_make_one_batch_and_of_two_servers_two(
    make_server: Callable[[], Server], trackteroid: CommandLine, spool: Spool
) -> None:
    first, second = make_server(), make_server()
    trackteroid.environment = first.environment
    script = trackteroid.script(
        PUBLISH + "again = ftrack_api.Session()\n"
        "again.query('Shot').first()['description'] = 'again'\n"
        "again.commit()\n"
        "import sys\n"
        "other = ftrack_api.Session(sys.argv[1], 'demo-key', 'demo')\n"
        "other.query('Shot').first()['description'] = 'other'\n"
        "other.commit()\n"
    )
    ran = trackteroid("record", "--name", "both", "-o", "both.dbm", script, second.url)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("recorded both") == 2
    assert spool.entries() == []
    with Batch(trackteroid.folder / "both.dbm") as batch:
        assert batch.header.server == first.url
        assert [each.new_value for each in batch.operations()] == [  # type: ignore[union-attr]
            "recorded",
            "again",
        ]
    with Batch(trackteroid.folder / "both-2.dbm") as batch:
        assert batch.header.server == second.url
        assert [each.new_value for each in batch.operations()] == ["other"]  # type: ignore[union-attr]
    assert first.writes == second.writes == []


@pytest.mark.parametrize(
    "text",
    [
        "from ftrack_api.session import Session\n"
        "session = Session()\n"
        "session.query('Shot').first()['description'] = 'x'\n"
        "session.commit()\n",
        "import ftrack_api.session\n"
        "class Mine(ftrack_api.Session):\n"
        "    def __init__(self, **more):\n"
        "        super().__init__(auto_connect_event_hub=False, **more)\n"
        "with Mine() as session:\n"
        "    session.query('Shot').first()['description'] = 'x'\n"
        "    session.commit()\n",
        "import ftrack_api, threading\n"
        "def publish():\n"
        "    session = ftrack_api.Session()\n"
        "    session.query('Shot').first()['description'] = 'x'\n"
        "    session.commit()\n"
        "threading.Timer(0.3, publish).start()\n",
        "import ftrack_api, concurrent.futures\n"
        "def publish():\n"
        "    session = ftrack_api.Session()\n"
        "    session.query('Shot').first()['description'] = 'x'\n"
        "    session.commit()\n"
        "concurrent.futures.ThreadPoolExecutor().submit(publish)\n",
        "import ftrack_api, atexit\n"
        "session = ftrack_api.Session()\n"
        "session.query('Shot').first()['description'] = 'x'\n"
        "atexit.register(session.commit)\n",
    ],
    ids=["from import", "subclass", "thread", "pool", "atexit"],
)
def test_sessions_are_recorded_however_a_script_comes_by_them(
    connected: CommandLine, server: Server, spool: Spool, text: str
) -> None:
    ran = connected("record", connected.script(text))
    assert ran.returncode == 0, ran.stderr
    assert "recorded script: 1 update; nothing was sent" in ran.stderr
    with recorded(spool) as batch:
        assert batch.header.counts == {"create": 0, "update": 1, "delete": 0}
    assert server.writes == []


def test_uncommitted_operations_are_mentioned_and_left_out(
    connected: CommandLine, server: Server, spool: Spool
) -> None:
    ran = connected("record", connected.script(PUBLISH + "shot['name'] = 'uncommitted'"))
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert "the script left 1 operation uncommitted" in ran.stderr
    with recorded(spool) as batch:
        assert batch.header.counts["update"] == 1


def test_a_script_that_only_reads_leaves_no_batch(connected: CommandLine, spool: Spool) -> None:
    ran = connected(
        "record", "-c", "import ftrack_api; print(ftrack_api.Session().query('Shot').first())"
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("<Shot(")
    assert ran.stderr == "nothing to record: the script committed no changes\n"
    assert spool.entries() == []


def test_no_api_key_gets_into_the_file(
    make_server: Callable[[], Server], trackteroid: CommandLine, spool: Spool
) -> None:
    first, second = make_server(), make_server()
    for server in (first, second):
        server.engine.admit("demo", SECRET + server.url[-2:])
    script = trackteroid.script(
        "import sys, ftrack_api\n"
        "for url, key in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    session = ftrack_api.Session(url, key, 'demo')\n"
        "    session.query('Shot').first()['description'] = 'x'\n"
        "    session.commit()\n"
    )
    ran = trackteroid(
        "record",
        script,
        *(part for each in (first, second) for part in (each.url, SECRET + each.url[-2:])),
    )
    assert ran.returncode == 0, ran.stderr
    assert len(spool.entries()) == 2
    for entry in spool.entries():
        with Batch(entry.path) as batch:
            assert batch.header.argv == [str(script), first.url, "***", second.url, "***"]
        assert SECRET.encode() not in entry.path.read_bytes()


def test_a_name_or_a_file_is_used_wherever_the_script_goes(
    connected: CommandLine, spool: Spool
) -> None:
    script = connected.script(PUBLISH + "import os\nos.chdir('/')\n")
    named = connected("record", "--name", "Night run, nr. 2", script, TRACKTEROID_HOME="elsewhere")
    assert named.returncode == 0, named.stderr
    (entry,) = Spool(connected.folder / "elsewhere" / "spool").entries()
    assert entry.name == "Night-run-nr-2"
    with Batch(entry.path) as batch:
        assert batch.header.name == "Night run, nr. 2"
    filed = connected("record", "-o", "night.dbm", script)
    assert filed.returncode == 0, filed.stderr
    with Batch(connected.folder / "night.dbm") as batch:
        assert batch.header.name == "script"
    assert spool.entries() == []


def test_a_file_that_is_there_is_refused_before_the_script_runs(trackteroid: CommandLine) -> None:
    there = trackteroid.folder / "there.dbm"
    there.write_bytes(b"somebody's work")
    ran = trackteroid("record", "-o", "there.dbm", "-c", "print('it runs')")
    refused(ran, 1, what="there.dbm", why="something of that name already", hint="another name")
    assert ran.stdout == ""
    assert there.read_bytes() == b"somebody's work"


def test_a_full_disk_leaves_no_part_of_a_batch_and_keeps_earlier_ones(
    connected: CommandLine, server: Server, home: Path
) -> None:
    assert connected("record", "-c", PUBLISH).returncode == 0
    before = everything_below(home / "spool")
    many = PUBLISH.replace(
        "session.commit()",
        "for number in range(3000):\n"
        "    session.create('Note', {'content': str(number) * 20})\n"
        "session.commit()",
    )
    full = subprocess.run(
        [sys.executable, "-m", "trackteroid_cli", "record", "-c", many],
        env={**os.environ, **connected.environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_files,
    )
    refused(full, 1, what="cannot write to the recording", hint="then run the script again")
    assert everything_below(home / "spool") == before
    assert server.writes == []


def limit_files() -> None:
    """Let no file of this process grow beyond 200 KB, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_home_that_cannot_be_written_is_named(connected: CommandLine, server: Server) -> None:
    (connected.folder / "file").write_text("not a folder")
    home = str(connected.folder / "file" / "home")
    ran = connected("record", "-c", PUBLISH, TRACKTEROID_HOME=home, XDG_CACHE_HOME=home)
    refused(ran, 1, what=f"cannot write to {home}", hint="TRACKTEROID_HOME")
    there = connected("record", "-o", "x.dbm", "-c", PUBLISH, TRACKTEROID_HOME=home)
    assert there.returncode == 0, there.stderr
    assert "recorded code: 1 update" in there.stderr
    assert server.writes == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_without_a_name_can_record(connected: CommandLine) -> None:
    line = '{"operation": "delete", "entity_type": "Shot", "entity_key": {"id": "1"}}'
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; os.setresuid(54321, 0, 0); from trackteroid_cli.cli import main; main()",
            *("record", "--jsonl", "-", "-o", "x.dbm"),
        ],
        cwd=connected.folder,
        env={name: text for name, text in os.environ.items() if name not in ("USER", "LOGNAME")},
        input=line,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    with Batch(connected.folder / "x.dbm") as batch:
        assert batch.header.user == "54321"


LINES = [
    {
        "operation": "create",
        "entity_type": "Scope",
        "entity_key": {"id": "77"},
        "entity_data": {"name": "Überblick → 1", "nothing": None},
    },
    {
        "operation": "update",
        "entity_type": "Shot",
        "entity_key": {"id": "5f0c"},
        "attribute_name": "description",
        "new_value": {"__type__": "datetime", "value": "2026-01-31T00:00:00"},
        "commit": 2,
    },
    {
        "operation": "delete",
        "entity_type": "Metadata",
        "entity_key": {"parent_id": "1", "key": "k"},
    },
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_operations_come_back_as_the_lines_that_they_were_recorded_from(
    trackteroid: CommandLine, encoding: str
) -> None:
    file = trackteroid.folder / "operations.jsonl"
    file.write_text("\n\n".join(map(json.dumps, LINES)), encoding="utf-8")
    assert trackteroid("record", "--jsonl", file).returncode == 0
    shown = trackteroid("inspect", "operations", "--jsonl", PYTHONIOENCODING=encoding)
    assert shown.returncode == 0, shown.stderr
    assert [json.loads(line) for line in shown.stdout.splitlines()] == LINES
    again = trackteroid("record", "--jsonl", "-", "--name", "copy", stdin=shown.stdout)
    assert again.returncode == 0, again.stderr
    assert (
        trackteroid("inspect", "copy", "--jsonl", PYTHONIOENCODING=encoding).stdout == shown.stdout
    )


def test_no_lines_are_nothing_to_record(trackteroid: CommandLine, spool: Spool) -> None:
    ran = trackteroid("record", "--jsonl", "-", stdin="\n")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "nothing to record: there are no operations\n"
    assert states(spool) == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "more than 64 deep"),
        ("[" * 65 + "]" * 65, "more than 64 deep"),
        ("1" * 310, "a whole number is too great"),
        ("1e999", "a number is too great"),
        ("[1]", "an operation is a JSON object"),
        ('{"operation": "update", "entity_type": "Shot", "entity_key": {"id": "1"}}', "attribute"),
        (
            '{"operation": "update", "entity_type": "Shot", "entity_key": {"id": "1"}, '
            '"attribute_name": "fstart", "new_value": NaN}',
            "NaN is no JSON number",
        ),
        ('{"operation": "drop", "entity_type": "Shot", "entity_key": {"id": "1"}}', '"create"'),
    ],
    ids=["cut", "very deep", "deep", "digits", "exponent", "list", "incomplete", "nan", "kind"],
)
def test_a_line_that_cannot_be_read_is_told_by_its_number(
    trackteroid: CommandLine, spool: Spool, line: str, why: str
) -> None:
    ran = trackteroid("record", "--jsonl", "-", stdin=f"{json.dumps(LINES[0])}\n{line}\n")
    refused(ran, 2, what="cannot record line 2 of standard input", why=why, hint="--jsonl")
    assert spool.entries() == []


def test_a_file_that_is_no_text_is_refused(trackteroid: CommandLine, spool: Spool) -> None:
    (trackteroid.folder / "latin.jsonl").write_bytes(b'"\xe9"\n')
    ran = trackteroid("record", "--jsonl", "latin.jsonl")
    refused(ran, 2, what="cannot record latin.jsonl", why="utf-8", hint="one operation a line")
    assert spool.entries() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
def test_a_script_without_settings_is_told_which_to_set(trackteroid: CommandLine) -> None:
    ran = trackteroid("record", "-c", "import ftrack_api; ftrack_api.Session()")
    refused(
        ran, 78, what="no ftrack server is configured", why="<string>, line 1", hint="set FTRACK"
    )


def test_a_script_with_a_wrong_key_is_told_so(connected: CommandLine) -> None:
    code = "import logging; logging.disable(); import ftrack_api; ftrack_api.Session()"
    ran = connected("record", "-c", code, FTRACK_API_KEY="wrong")
    refused(ran, 77, what="rejects the credentials of 'demo'", why="line 1", hint="FTRACK_API_KEY")


@pytest.mark.parametrize(
    ("environment", "error"),
    [({"FTRACK_SERVER": ""}, "TypeError"), ({"FTRACK_API_KEY": "wrong"}, "ServerError")],
)
def test_a_script_can_catch_the_errors_of_a_session_as_those_of_ftrack(
    connected: CommandLine, environment: dict[str, str], error: str
) -> None:
    code = (
        "import ftrack_api; from ftrack_api.exception import ServerError\n"
        f"try:\n    ftrack_api.Session()\nexcept {error}:\n    print('caught')"
    )
    ran = connected("record", "-c", code, **environment)
    assert (ran.returncode, ran.stdout) == (0, "caught\n")
