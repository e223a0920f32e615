"""The checks of `doctor`: whether this machine is ready to record and to commit.

Nothing is changed on the server: it is asked one small question.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli import settings
from trackteroid_cli.batches.spool import Entry, Spool, State
from trackteroid_cli.errors import (
    BatchBusy,
    CredentialsRejected,
    ExitCode,
    NotConfigured,
    ServerUnreachable,
    TrackteroidError,
    cause,
    in_short,
)
from trackteroid_cli.files import home, is_shared, make_folder, open_to_others, storing

if TYPE_CHECKING:
    from trackteroid_cli.server.connection import Connection

#: Seconds to wait for the server's answer.
TIMEOUT = 10.0

#: Seconds by which the clocks may differ: an answer's date is exact to the second, and takes a
#: while to arrive.
SKEW = 30

#: Free bytes below which recording is at risk.
LITTLE_SPACE = 100_000_000

#: The checks that need an answer of the server.
_OF_THE_SERVER = ("server", "version", "credentials", "clock")

#: How many batches in trouble, or projects, are named.
_NAMED = 3

#: What the optional part ``sandbox`` needs, by the names that Python imports.
_SANDBOX = ("PIL", "starlette", "uvicorn", "wsproto")

#: The packages whose versions belong in a bug report.
_PACKAGES = ("ftrack-python-api", "requests", "filelock", "platformdirs", "rich", "typer")


class Status(str, Enum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    ``next`` says what to do, '' for nothing. ``exit_code`` is the status of a failure.
    """

    check: str
    status: Status
    detail: str
    next: str = ""
    exit_code: ExitCode = ExitCode.OK


def examine(spool: Spool) -> Iterator[Check]:
    """Yield the checks as they are done; a check that fails says so and the next one goes on."""
    yield _settings_file()
    yield from _configured_server()
    yield _guarded("spool", lambda: _writable(spool))
    yield _guarded("space", lambda: _space(spool.folder))
    yield _guarded("privacy", lambda: _privacy(home()))
    yield _guarded("batches", lambda: _batches(spool))
    yield _guarded("stuck", lambda: _stuck(spool))
    yield _guarded("held back", lambda: _held_back(spool))
    yield _guarded("interrupted", _interrupted)
    yield _sandbox()
    yield _python()
    yield _packages()


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """Return the exit code of the worst failure among *checks*."""
    return max((check.exit_code for check in checks), default=ExitCode.OK)


def _ok(name: str, detail: str, hint: str = "") -> Check:
    return Check(name, Status.OK, detail, hint)


def _warn(name: str, detail: str, hint: str = "") -> Check:
    return Check(name, Status.WARN, detail, hint)


def _failed(name: str, error: TrackteroidError, hint: str = "") -> Check:
    detail = ": ".join(part for part in (error.what, error.why) if part)
    return Check(name, Status.FAIL, detail, hint or error.hint, error.exit_code)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        with storing(
            f"cannot look into {home()}",
            hint="correct the permissions, or set TRACKTEROID_HOME to a folder of your own",
        ):
            return check()
    except TrackteroidError as error:
        return _failed(name, error)


# -- configuration and server ----------------------------------------------------------------------


def _settings_file() -> Check:
    """Check the settings file, also if the environment overrides all of it.

    Commands that run without that environment, such as those of cron, depend on it.
    """
    file = settings.config_file()
    try:
        found = settings.read_file()
    except NotConfigured as error:
        return _warn("settings file", f"{error.what}: {error.why}", error.hint)
    names = [
        name
        for name, setting in (("url", found.url), ("user", found.user), ("key", found.key))
        if setting
    ]
    if names:
        return _ok("settings file", f"{file} has {', '.join(names)}")
    return _ok("settings file", f"none at {file}")


def _configured_server() -> Iterator[Check]:
    try:
        found = settings.lookup()
        server = settings.as_server(found)
    except NotConfigured as error:
        yield _failed("configuration", error)
        for name in (*_OF_THE_SERVER, "replica"):
            yield _warn(name, "not checked: no server is configured")
        return
    yield _ok(
        "configuration",
        f"{settings.normalise_url(server.url)} ({found.url.source}), "
        f"user {server.api_user} ({found.user.source}), key ({found.key.source})",
    )
    if settings.is_offline():
        for name in _OF_THE_SERVER:
            yield _warn(name, f"not checked: {settings.OFFLINE} is set")
    else:
        from trackteroid_cli.server.connection import Connection

        with Connection(server, timeout=TIMEOUT) as connection:
            yield from _server(connection, found)
    yield _guarded("replica", lambda: _replica(server.url))


def _replica(url: str) -> Check:
    from trackteroid_cli.moments import ago
    from trackteroid_cli.offline import replicas as replica

    held = replica.current(url)
    if held is None:
        return _ok("replica", "none; it is needed to work offline")
    projects = ", ".join(project.name for project in held.holdings.projects[:_NAMED])
    more = " …" if len(held.holdings.projects) > _NAMED else ""
    return _ok("replica", f"pulled {ago(held.holdings.pulled)}: {projects or 'no project'}{more}")


def _server(connection: Connection, found: settings.Found) -> Iterator[Check]:
    """Ask the server about itself, and yield the checks that its answer allows."""
    sources = " and ".join(dict.fromkeys((found.key.source, found.user.source)))
    try:
        information = connection.server_information()
    except CredentialsRejected as error:
        yield _answered(connection)
        yield _warn("version", "not told: the server does not accept the credentials")
        yield _failed("credentials", error, f"correct {sources}")
    except TrackteroidError as error:
        if isinstance(error, ServerUnreachable):
            from trackteroid_cli.offline.replicas import mention_replica

            mention_replica(error)
        yield _failed("server", error)
        for name in ("version", "credentials"):
            yield _warn(name, "not checked: the server gave no answer that tells")
    else:
        yield _answered(connection)
        version = information.get("version")
        yield _ok("version", f"ftrack {version}" if version else "not told by the server")
        yield _ok("credentials", f"accepted for {_user(information, connection)}")
    yield _clock(connection.server_time)


def _answered(connection: Connection) -> Check:
    return _ok("server", f"answers, in {connection.answered_in * 1000:.0f} ms")


def _user(information: dict[str, object], connection: Connection) -> str:
    user = information.get("user_information")
    name = user.get("username") if isinstance(user, dict) else None
    return str(name or connection.server.api_user)


def _clock(server_time: str) -> Check:
    """Compare the clock with the Date header of the server's answer."""
    import time

    from trackteroid_cli.server.failures import http_date

    moment = http_date(server_time)
    if moment is None:
        return _ok("clock", "not told: the server's answer has no date")
    ahead = time.time() - moment.timestamp()
    seconds = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    if abs(ahead) > SKEW:
        return _warn(
            "clock",
            f"{seconds}; batches are ordered by the time of recording",
            "set the clock of this machine, or let it follow a time server",
        )
    return _ok("clock", seconds)


# -- the disk --------------------------------------------------------------------------------------


def _writable(spool: Spool) -> Check:
    """Write a file and remove it, wherever a batch or a lock is put."""
    import tempfile

    places = [spool.folder / name for name in (*(state.value for state in State), "locks")]
    for folder in (spool.folder, *(place for place in places if place.is_dir())):
        with storing(
            f"cannot write to {folder}",
            hint="make room or correct the permissions, or set TRACKTEROID_HOME",
        ):
            make_folder(folder)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
    return _ok("spool", f"{spool.folder} can be written to")


def _privacy(folder: Path) -> Check:
    """Look for local state that others may read or write, such as that of earlier versions."""
    import shlex

    found = [str(path) for path in open_to_others(folder)]
    shared = is_shared(folder)
    if not found:
        who = "only its group" if shared else "nobody else"
        return _ok("privacy", f"{who} has access to {folder}")
    return _warn(
        "privacy",
        f"open to others, by their modes: {_listed(found)}",
        f"run: chmod -R {'o=' if shared else 'go='} {shlex.quote(str(folder))}"
        + ("" if shared else "; to share it with a group, see trackteroid-settings(5)"),
    )


def _space(folder: Path) -> Check:
    import shutil

    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return _warn("space", f"not told for {folder}: {cause(error)}")
    detail = f"{free / 1e6:,.0f} MB free at {folder}"
    if free < LITTLE_SPACE:
        return _warn("space", detail, "make room, or set TRACKTEROID_HOME to another disk")
    return _ok("space", detail)


# -- batches ---------------------------------------------------------------------------------------


def _batches(spool: Spool) -> Check:
    from collections import Counter

    numbers = Counter(entry.state for entry in spool.entries())
    detail = ", ".join(f"{numbers[state]} {state.value}" for state in State if numbers[state])
    return _ok("batches", detail or "none")


def _stuck(spool: Spool) -> Check:
    """Look for batches that a commit left when it died: nobody holds their lock."""
    stuck = [entry for entry in spool.entries((State.COMMITTING,)) if _is_abandoned(spool, entry)]
    if not stuck:
        return _ok("stuck", "no batch was left by a commit that died")
    return _warn(
        "stuck",
        f"left by a commit that died: {_listed([entry.id for entry in stuck])}",
        "`trackteroid commit` finds out what the server has of them, and goes on",
    )


def _is_abandoned(spool: Spool, entry: Entry) -> bool:
    try:
        with spool.lock(entry.id):
            return entry.path.exists()  # else its commit has just ended
    except BatchBusy:
        return False


def _held_back(spool: Spool) -> Check:
    """Look for batches that need a person: refused by the server, or in conflict with it."""
    troubles = []
    for entry in spool.entries((State.PENDING, State.FAILED)):
        reason = _trouble(entry)
        if reason:
            troubles.append(f"{entry.id} ({reason})")
    if not troubles:
        return _ok("held back", "no batch failed or is held back")
    return _warn(
        "held back",
        _listed(troubles),
        "`trackteroid inspect BATCH` shows one; failed ones are sent again by "
        "`trackteroid commit --retry-failed`",
    )


def _interrupted() -> Check:
    """Look for recordings that did not become batches."""
    from trackteroid_cli.recording.recordings import Recordings

    left = [each.id for each in Recordings.default().interrupted()]
    if not left:
        return _ok("interrupted", "no recording was interrupted")
    return _warn(
        "interrupted",
        f"recordings that did not become batches: {_listed(left)}",
        "`trackteroid inspect ID` shows one, `trackteroid record --keep ID` makes a batch of it, "
        "`trackteroid discard ID` forgets it",
    )


def _trouble(entry: Entry) -> str:
    """Return why a batch failed, is held back or cannot be read; '' where nothing is wrong."""
    from trackteroid_cli.batches.batch import Batch
    from trackteroid_cli.batches.journal import Outcome
    from trackteroid_cli.errors import BatchError, NotFound

    try:
        with Batch(entry.path) as batch:
            journal = batch.journal()
    except NotFound:
        return ""  # it has just left its place
    except BatchError as error:
        return f"unreadable: {error.why}"
    held = journal.outcome is Outcome.HELD
    if entry.state is State.PENDING and not held:
        return ""
    reason = journal.last.reason if journal.last else ""
    return f"{'held' if held else entry.state.value}: {reason or 'no reason is known'}"


def _listed(texts: list[str]) -> str:
    return f"{len(texts)}: {in_short(texts)}"


# -- what is installed -----------------------------------------------------------------------------


def _sandbox() -> Check:
    from importlib.util import find_spec

    missing = [name for name in _SANDBOX if find_spec(name) is None]
    if missing:
        return _ok(
            "sandbox",
            f"the optional part is not installed (no {', '.join(missing)})",
            "to serve a sandbox over HTTP, and scale pictures: "
            "pip install 'trackteroid-cli[sandbox]'",
        )
    return _ok("sandbox", "the optional part is installed")


def _python() -> Check:
    import platform
    import sys

    version = f"{platform.python_implementation()} {platform.python_version()}"
    return _ok("python", f"{version} on {platform.system()}, {sys.executable}")


def _packages() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    from trackteroid_cli.version import __version__

    versions, missing = [f"trackteroid {__version__}"], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "packages",
            Status.FAIL,
            f"{', '.join(missing)} not installed; {', '.join(versions)}",
            "install trackteroid anew: pip install --force-reinstall trackteroid-cli",
            ExitCode.FAILED,
        )
    return _ok("packages", ", ".join(versions))
