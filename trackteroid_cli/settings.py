"""Settings: which server to talk to, and as whom.

Environment variables come first, each by itself: ftrack's own ``FTRACK_SERVER``, ``FTRACK_API_KEY``
and ``FTRACK_API_USER``. A settings file, which ``TRACKTEROID_CONFIG`` may name, fills in what they
leave out::

    [server]
    url = "https://studio.ftrackapp.com"
    user = "publisher"
    key_file = "key"    # beside this file; or the key itself: key = "..."
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from trackteroid_cli.errors import NotConfigured, Offline, UsageError

#: URLs of servers that run inside this process.
SANDBOX_SCHEME = "sandbox://"

#: What ``--sandbox`` stands for.
DEMO_SANDBOX = f"{SANDBOX_SCHEME}demo"

#: The sandbox holds invented data and answers only on this machine, so its key is no secret.
SANDBOX_KEY = "demo-key"
SANDBOX_USER = "demo"

#: Set where the server is not to be asked, but the replica of it on this machine.
OFFLINE = "TRACKTEROID_OFFLINE"

#: Set where an offline session is to see the replica alone, without what waits to be committed.
WITHOUT_PENDING = "TRACKTEROID_WITHOUT_PENDING"

#: How many seconds one whole answer of a server may take; by default a multiple of the time-out.
ANSWER_SECONDS = "TRACKTEROID_ANSWER_SECONDS"

#: How many megabytes one answer of a server may have.
ANSWER_MEGABYTES = "TRACKTEROID_ANSWER_MEGABYTES"

#: More than any page of a query has, and what the memory of a workstation can take.
_MEGABYTES = 256.0

#: Set in the processes of a recorded run; see `recording.started_processes`.
RECORDING = "TRACKTEROID_RECORDING"

#: Offline, no key is needed: what stands in its place opens nothing.
_NO_KEY = "offline"


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and who we are there."""

    url: str
    api_user: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnswerBounds:
    """What one answer of a server may take: seconds, where they are set, and bytes."""

    seconds: float | None
    size: int


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and where it comes from; it is not shown, for it may be a key."""

    value: str = field(default="", repr=False)
    source: str = ""

    def __bool__(self) -> bool:
        """Return whether there is a value."""
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class Found:
    """The settings of a server, and where each was found; see `lookup`."""

    url: Setting = Setting()
    user: Setting = Setting()
    key: Setting = Setting()


#: What the table ``[server]`` of the settings file may hold: texts.
_KEYS = ("url", "user", "key", "key_file")


def user_name() -> str:
    """Return the login of this process's user; the number of a user without a name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # by the version of Python
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


#: Whether an option made this process offline, and not the environment of its shell.
_selected = False


def is_offline() -> bool:
    """Return whether the environment keeps this process from asking a server."""
    return _is_set(OFFLINE)


def online_command(command: str) -> str:
    """Return *command* as it asks the server, also in a shell whose environment is offline."""
    return f"{OFFLINE}= {command}" if is_offline() and not _selected else command


def is_without_pending() -> bool:
    """Return whether the environment leaves batches that wait out of what a replica shows."""
    return _is_set(WITHOUT_PENDING)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no", "off")


def is_sandbox(url: str) -> bool:
    """Return whether *url* names a sandbox in this process."""
    return url.startswith(SANDBOX_SCHEME)


def check_sandbox_name(name: str) -> None:
    """Check that a sandbox can be called so.

    Raises:
        UsageError: the name cannot be a file's name.
    """
    import re

    if not re.fullmatch(r"\w[\w.-]{0,63}", name):
        raise UsageError(
            f"{name!r} cannot be the name of a sandbox",
            why="a name has letters, digits, '_', '-' and '.', and begins with no '.' or '-'",
            hint="for example: sandbox://demo",
        )


def normalise_url(url: str) -> str:
    """Return *url* as two mentions of one server compare equal: no credentials, no final slash."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url.strip())
    location = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme.lower(), location, parts.path.rstrip("/"), "", ""))


def lookup(*, url: str = "", user: str = "", key: str = "", offline: bool | None = None) -> Found:
    """Return what is set about the server: by the arguments, the environment, the settings file.

    Each setting is taken from the first source that has it. The file is not read if nothing is
    missing, nor for a sandbox, which has its own key and user; its key is only used with its own
    server. No key is needed *offline*, which the environment decides unless it is given.

    Raises:
        NotConfigured: the settings file cannot be used, or a value cannot be sent.
    """
    found = _merged(
        Found(*(Setting(text, "an argument") for text in (url, user, key))),
        Found(
            _variable("FTRACK_SERVER"),
            _variable("FTRACK_API_USER"),
            _variable("FTRACK_API_KEY") or _variable("FTRACK_APIKEY"),
        ),
    )
    if not is_sandbox(found.url.value) and not all((found.url, found.user, found.key)):
        found = _merged(found, _for(found.url.value, read_file()))
    if is_sandbox(found.url.value):
        own = "the sandbox's own"
        return _merged(found, Found(user=Setting(SANDBOX_USER, own), key=Setting(SANDBOX_KEY, own)))
    found = _merged(found, Found(user=Setting(user_name(), "the login")))
    if is_offline() if offline is None else offline:
        found = _merged(found, Found(key=Setting(_NO_KEY, "not needed offline")))
    _refuse_unsendable("API key", found.key)
    _refuse_unsendable("user", found.user)
    return found


def _for(url: str, file: Found) -> Found:
    """Return the settings of *file* that may be used with the server *url*."""
    if url and file.url.value and normalise_url(url) != normalise_url(file.url.value):
        return Found()
    return file


def server(*, reaching: bool = True) -> Server:
    """Return the server that the environment and the settings file name, as `lookup` finds it.

    Args:
        reaching: whether a request will be sent to it.

    Raises:
        NotConfigured: something is missing, or makes no sense; the message says what.
        Offline: *reaching*, and the environment forbids it.
    """
    if reaching and is_offline():
        raise Offline(
            "cannot ask the server",
            why=f"{OFFLINE} is set",
            hint=f"while the server can be reached, run the same command with {OFFLINE}= before it",
        )
    return as_server(lookup())


def as_server(found: Found) -> Server:
    """Return the server that *found* describes.

    Raises:
        NotConfigured: the address or the key is missing, or the address is none.
    """
    url = found.url.value
    if is_sandbox(url):
        name = url.removeprefix(SANDBOX_SCHEME).rstrip("/")
        check_sandbox_name(name)
        return Server(f"{SANDBOX_SCHEME}{name}", found.user.value, found.key.value)
    given = {"FTRACK_SERVER": found.url, "FTRACK_API_KEY": found.key}
    missing = [name for name, setting in given.items() if not setting]
    if missing:
        file = config_file()
        raise NotConfigured(
            "no ftrack server is configured",
            why=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set, and "
            + (f"{file} does not tell" if _is_there(file) else f"there is no file {file}"),
            hint="set FTRACK_SERVER, FTRACK_API_KEY and FTRACK_API_USER, or write url, key and "
            f"user into the table [server] of {file}, "
            "or add --sandbox before the command to try it on demo data",
        )
    if not url.startswith(("http://", "https://")):
        raise NotConfigured(
            f"{url!r} is not the address of a server",
            why=f"it begins with neither http:// nor https:// nor {SANDBOX_SCHEME}",
            hint=f"correct {found.url.source}; it looks like https://studio.ftrackapp.com",
        )
    return Server(url.rstrip("/"), found.user.value, found.key.value)


def _merged(first: Found, second: Found) -> Found:
    return Found(
        first.url or second.url,
        first.user or second.user,
        first.key or second.key,
    )


def _variable(name: str) -> Setting:
    return Setting(os.environ.get(name, "").strip(), name)


def _refuse_unsendable(name: str, setting: Setting) -> None:
    """Refuse what no HTTP header can hold; the value may be a key, and is not shown."""
    try:
        setting.value.encode("latin-1")
    except UnicodeEncodeError:
        sendable = False
    else:
        sendable = setting.value.isprintable()
    if not sendable:
        raise NotConfigured(
            f"the {name} in {setting.source} cannot be sent to a server",
            why="it holds a line end, or a character that an HTTP header cannot hold",
            hint=f"correct {setting.source}",
        )


# -- the settings file -----------------------------------------------------------------------------


def config_file() -> Path:
    """Return where the settings file is, or would be."""
    named = os.environ.get("TRACKTEROID_CONFIG")
    if named:
        return _expanded(named).absolute()
    import platformdirs

    return Path(platformdirs.user_config_path("trackteroid", appauthor=False)) / "config.toml"


def read_file() -> Found:
    """Return the settings in the settings file; none if there is no file of the default name.

    Raises:
        NotConfigured: it cannot be read, or others can write it, or read the key in it or the file
            that it names for the key; or it has something else than settings in it. No message
            holds a value.
    """
    file = config_file()
    if not (_is_there(file) or os.environ.get("TRACKTEROID_CONFIG")):
        return Found()
    text, mode = _read_text(file, "the settings file")
    table = _server_table(file, _parsed(file, text))
    if "key" in table:
        _refuse_shared(file, mode)
    _refuse_writable(file, mode)
    return Found(
        Setting(table.get("url", ""), str(file)),
        Setting(table.get("user", ""), str(file)),
        _key_in_file(file, table["key_file"])
        if "key_file" in table
        else Setting(table.get("key", ""), str(file)),
    )


def _key_in_file(config: Path, name: str) -> Setting:
    file = config.parent / _expanded(name)
    text, mode = _read_text(file, f"the key file that {config} names")
    _refuse_shared(file, mode)
    if not text.strip():
        raise NotConfigured(
            f"the key file {file} is empty",
            why=f"{config} names it for the API key",
            hint="write the key into it, and nothing else",
        )
    return Setting(text.strip(), str(file))


def _expanded(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111  (a Path's own raises for no such user)


def _is_there(file: Path) -> bool:
    """Return whether there is such a file, or something else that keeps it from being read."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def _read_text(file: Path, what: str) -> tuple[str, int]:
    """Return the text and the mode of *file*, both of the same file even if it is replaced."""
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            return stream.read().decode("utf-8-sig"), mode
    except (OSError, ValueError) as error:
        not_text = isinstance(error, UnicodeDecodeError)
        why = "it is not text in UTF-8" if not_text else getattr(error, "strerror", None)
        raise NotConfigured(
            f"cannot read {file}",
            why=f"{what}: {why or error}",
            hint="correct its name, permissions or content",
        ) from error


def _parsed(file: Path, text: str) -> dict[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotConfigured(
            f"cannot read the settings file {file}",
            why=f"it is not TOML: {error}",
            hint='correct that line; a setting is a name, "=", and a text in double quotes',
        ) from error
    return document


def _server_table(file: Path, document: Mapping[str, object]) -> dict[str, str]:
    """Return the table ``[server]`` of *document*, with its values stripped.

    Raises:
        NotConfigured: there is anything else, or a value is no text.
    """
    table = document.get("server", {})
    if not isinstance(table, dict):
        raise _misused(file, "'server' is not a table")
    unknown = [name for name in document if name != "server"]
    unknown += [f"server.{name}" for name in table if name not in _KEYS]
    if unknown:
        raise _misused(file, f"it has {unknown[0]!r}, which means nothing here")
    for name, value in table.items():
        if not isinstance(value, str):
            kind = type(value).__name__
            raise _misused(file, f"'server.{name}' must be a text in quotes, and is of type {kind}")
    if "key" in table and "key_file" in table:
        raise _misused(file, "it has both 'key' and 'key_file'")
    return {name: value.strip() for name, value in table.items()}


def _misused(file: Path, why: str) -> NotConfigured:
    return NotConfigured(
        f"cannot use the settings file {file}",
        why=why,
        hint="it has one table, [server], with the texts url, user, and key or key_file",
    )


def _refuse_shared(file: Path, mode: int) -> None:
    """Refuse a file with a key that other users of this machine can get at."""
    if os.name == "posix" and mode & 0o077:
        import shlex

        raise NotConfigured(
            f"{file} holds an API key, and is open to others",
            why=f"its mode is {mode & 0o777:04o}; only its owner may have access",
            hint=f"run: chmod 600 {shlex.quote(str(file))}",
        )


def _refuse_writable(file: Path, mode: int) -> None:
    """Refuse a file in which other users of this machine can name the server that gets the key."""
    if os.name == "posix" and mode & 0o022:
        import shlex

        raise NotConfigured(
            f"{file} says which server gets the API key, and others may write it",
            why=f"its mode is {mode & 0o777:04o}; only its owner may write it",
            hint=f"look at what it says, then run: chmod go-w {shlex.quote(str(file))}",
        )


# -- the rest --------------------------------------------------------------------------------------


def answer_bounds() -> AnswerBounds:
    """Return how long one answer of a server may take, and how large it may be.

    Raises:
        NotConfigured: a setting is no number above 0.
    """
    return AnswerBounds(
        _positive(ANSWER_SECONDS), int((_positive(ANSWER_MEGABYTES) or _MEGABYTES) * 1e6)
    )


def _positive(name: str) -> float | None:
    """Return the number in the environment variable *name*; None where it is not set."""
    text = os.environ.get(name, "").strip()
    try:
        number = float(text) if text else None
    except ValueError:
        number = 0.0
    if number is None or 0 < number < 1e9:
        return number
    raise NotConfigured(
        f"{name} cannot be {text!r}",
        why="it must be a number above 0",
        hint=f"correct {name}, for example {name}=600, or leave it out",
    )


def select_sandbox(environ: MutableMapping[str, str]) -> None:
    """Make the demo sandbox the server of this process and of every script that it runs."""
    environ["FTRACK_SERVER"] = DEMO_SANDBOX
    environ["FTRACK_API_KEY"] = SANDBOX_KEY
    environ["FTRACK_API_USER"] = SANDBOX_USER


def select_offline(environ: MutableMapping[str, str], *, without_pending: bool = False) -> None:
    """Make this process, and every script that it runs, ask the replica instead of the server."""
    global _selected
    _selected = _selected or not is_offline()
    environ[OFFLINE] = "1"
    if without_pending:
        environ[WITHOUT_PENDING] = "1"


def folder_name(server_url: str) -> str:
    """Return the name of a folder for what is kept of one server."""
    import re

    return re.sub(r"[^A-Za-z0-9.-]+", "_", normalise_url(server_url))
