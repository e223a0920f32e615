"""Settings: the environment first, then a file that nobody else may read, for every command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.servers import Server
from trackteroid_cli import settings
from trackteroid_cli.errors import NotConfigured, UsageError
from trackteroid_cli.session.session import Session

SECRET = "c0ffee00-5ec2-e75e-c2e7-0123456789ab"

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")


@pytest.fixture
def config(home: Path) -> Path:
    """The settings file, not there yet."""
    file = settings.config_file()
    file.parent.mkdir(parents=True)
    return file


def write(file: Path, text: str | bytes, mode: int = 0o600) -> Path:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return file


def described(server: Server) -> str:
    environment = server.environment
    return (
        f"[server]\nurl = '{server.url}'\nuser = '{environment['FTRACK_API_USER']}'\n"
        f"key = '{environment['FTRACK_API_KEY']}'\n"
    )


def whole(user: str = "publisher") -> str:
    return f"[server]\nurl = 'https://studio.ftrackapp.com/'\nuser = '{user}'\nkey = '{SECRET}'\n"


def refusal() -> NotConfigured:
    with pytest.raises(NotConfigured) as refused:
        settings.server()
    error = refused.value
    assert error.why
    assert error.hint
    assert SECRET not in f"{error} {error.hint} {error!r}"
    return error


def test_the_file_is_in_the_folder_for_settings(config: Path, tmp_path: Path) -> None:
    assert tmp_path in config.parents
    assert config.parts[-2:] == ("trackteroid", "config.toml")
    write(config, whole())
    found = settings.server()
    assert found == settings.Server("https://studio.ftrackapp.com", "publisher", SECRET)
    assert SECRET not in repr(found) + repr(settings.lookup())


def test_a_variable_names_another_file(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, whole("first"))
    other = write(tmp_path / "other.toml", whole("second"))
    monkeypatch.setenv("TRACKTEROID_CONFIG", str(other))
    assert settings.server().api_user == "second"
    other.unlink()
    error = refusal()
    assert str(other) in error.what
    assert "No such file" in error.why


@pytest.mark.parametrize(
    ("variable", "part"),
    [("FTRACK_API_USER", "api_user"), ("FTRACK_API_KEY", "api_key")],
)
def test_each_variable_wins_over_the_file_by_itself(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str, part: str
) -> None:
    write(config, whole())
    before = settings.server()
    monkeypatch.setenv(variable, "another")
    after = settings.server()
    changed = {
        name
        for name in ("url", "api_user", "api_key")
        if getattr(before, name) != getattr(after, name)
    }
    assert changed == {part}
    assert getattr(after, part) == "another"


def test_a_file_that_is_not_needed_does_no_harm(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, "not TOML")
    monkeypatch.setenv("FTRACK_SERVER", "sandbox://demo")
    assert settings.server().api_key == settings.SANDBOX_KEY
    monkeypatch.setenv("FTRACK_SERVER", "https://studio.ftrackapp.com")
    monkeypatch.setenv("FTRACK_API_KEY", SECRET)
    monkeypatch.setenv("FTRACK_API_USER", "ada")
    assert settings.server().api_user == "ada"


def test_the_key_of_a_server_is_never_given_to_a_sandbox(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, whole())
    monkeypatch.setenv("FTRACK_SERVER", "sandbox://demo")
    found = settings.server()
    assert (found.api_key, found.api_user) == (settings.SANDBOX_KEY, settings.SANDBOX_USER)


@pytest.mark.parametrize("name", ["key.txt", "{folder}/key.txt", "~/.config/trackteroid/key.txt"])
def test_the_key_can_be_in_a_file_of_its_own(
    config: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("~") and config.parent != Path.home() / ".config/trackteroid":
        pytest.skip("the platform has settings elsewhere")
    key = write(config.parent / "key.txt", f"{SECRET}\n")
    text = f"[server]\nurl = 'https://a.example'\nkey_file = '{name}'\n"
    write(config, text.format(folder=config.parent), 0o644)  # holds no key itself
    found = settings.lookup()
    assert (found.key.value, found.key.source) == (SECRET, str(key))
    assert found.user.source == "the login"
    monkeypatch.chdir(config.parent.parent)
    assert settings.server().api_key == SECRET


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_get_at_is_refused_with_the_command_that_helps(
    config: Path, mode: int
) -> None:
    write(config, whole(), mode)
    error = refusal()
    assert str(config) in error.what
    assert f"{mode:04o}" in error.why
    assert f"chmod 600 {config}" in error.hint

    key = write(config.parent / "my key", SECRET, mode)
    write(config, "[server]\nurl = 'https://a.example'\nkey_file = 'my key'\n", 0o644)
    error = refusal()
    assert str(key) in error.what
    assert f"chmod 600 '{key}'" in error.hint


@posix
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o620])
@pytest.mark.parametrize("more", ["", "\nkey_file = 'key'"])
def test_a_settings_file_that_others_may_write_is_refused_with_the_command_that_helps(
    config: Path, monkeypatch: pytest.MonkeyPatch, mode: int, more: str
) -> None:
    write(config.parent / "key", SECRET)
    monkeypatch.setenv("FTRACK_API_KEY", SECRET)
    write(config, "[server]\nurl = 'https://a.example'" + more, mode)
    error = refusal()
    assert str(config) in error.what
    assert f"{mode:04o}" in error.why
    assert f"chmod go-w {config}" in error.hint
    config.chmod(mode & ~0o022)
    assert settings.server().url == "https://a.example"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"[server]\nurl = 'x'\nkey = {SECRET}\n", "at line 3"),
        ("[server\n", "at line 1"),
        ("[sever]\nurl = 'x'\n", "'sever'"),
        ("url = 'https://a.example'\n", "'url'"),
        (f"[server]\napi_key = '{SECRET}'\n", "'server.api_key'"),
        ("[server]\nkey = 1234\n", "'server.key' must be a text in quotes, and is of type int"),
        ("[server]\nurl = ['https://a.example']\n", "type list"),
        ("server = 'https://a.example'\n", "'server' is not a table"),
        ("[[server]]\nurl = 'x'\n", "'server' is not a table"),
        (f"[server]\nkey = '{SECRET}'\nkey_file = 'key'\n", "both 'key' and 'key_file'"),
        (b"[server]\nuser = '\xe9'\n", "not text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_the_place(
    config: Path, text: str | bytes, why: str
) -> None:
    write(config, text)
    error = refusal()
    assert str(config) in error.what
    assert why in error.why


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (None, "cannot read {key}", "No such file"),
        ("\n", "the key file {key} is empty", "{config} names it"),
        (b"\xff\xfe", "cannot read {key}", "not text in UTF-8"),
        (f"{SECRET}\n# a comment\n", "in {key} cannot be sent", "line end"),
        ("\N{HORIZONTAL ELLIPSIS}", "in {key} cannot be sent", "HTTP header"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named(
    config: Path, content: str | bytes | None, what: str, why: str
) -> None:
    key = config.parent / "key"
    if content is not None:
        write(key, content)
    write(config, "[server]\nurl = 'https://a.example'\nkey_file = 'key'\n")
    error = refusal()
    assert what.format(key=key) in error.what
    assert why.format(config=config) in error.why


def test_with_nothing_set_the_file_is_mentioned(config: Path) -> None:
    error = refusal()
    assert "FTRACK_SERVER and FTRACK_API_KEY are not set" in error.why
    assert f"there is no file {config}" in error.why
    assert f"[server] of {config}" in error.hint
    write(config, "[server]\nurl = 'https://a.example'\n")
    error = refusal()
    assert "FTRACK_API_KEY is not set" in error.why
    assert f"{config} does not tell" in error.why


def test_every_command_and_a_recorded_script_take_the_server_from_the_file(
    trackteroid: CommandLine, server: Server, config: Path
) -> None:
    write(config, described(server))
    assert trackteroid("query", "Project", "--format", "ids").stdout.count("\n") == 2
    script = trackteroid.script(
        "import ftrack_api\n"
        "session = ftrack_api.Session()\n"
        "session.query('Shot').first()['description'] = 'from a file'\n"
        "session.commit()\n"
    )
    recorded = trackteroid("record", script)
    assert recorded.returncode == 0, recorded.stderr
    assert server.writes == []
    committed = trackteroid("commit")
    assert committed.returncode == 0, committed.stderr
    assert len(server.query("Shot where description is 'from a file'")) == 1


def test_a_session_without_arguments_takes_the_server_from_the_file(
    server: Server, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, described(server))
    session: Any = Session()
    assert (session.server_url, session.api_user) == (server.url, settings.SANDBOX_USER)
    session.close()
    write(config, whole())
    monkeypatch.setenv("FTRACK_API_USER", settings.SANDBOX_USER)
    session = Session(server_url=server.url, api_key=settings.SANDBOX_KEY)
    assert (session.server_url, session.api_user) == (server.url, settings.SANDBOX_USER)
    session.close()


@posix
def test_a_file_that_cannot_be_used_ends_commands_and_scripts_with_78(
    trackteroid: CommandLine, server: Server, config: Path
) -> None:
    write(config, described(server) + f"# {SECRET}\n", 0o644)
    for arguments in (
        ("query", "Project"),
        ("record", "-c", "import ftrack_api; ftrack_api.Session()"),
    ):
        ran = trackteroid(*arguments)
        assert ran.returncode == 78, ran.stderr
        assert "is open to others" in ran.stderr
        assert f"chmod 600 {config}" in " ".join(ran.stderr.split())
        assert "Traceback" not in ran.stderr
        assert SECRET not in ran.stderr


def test_no_key_of_the_file_enters_a_batch(
    trackteroid: CommandLine, server: Server, config: Path, tmp_path: Path
) -> None:
    server.engine.admit(settings.SANDBOX_USER, SECRET)
    write(config, described(server).replace(settings.SANDBOX_KEY, SECRET))
    batch = tmp_path / "batch.dbm"
    code = (
        "import ftrack_api; s = ftrack_api.Session(); "
        "s.query('Shot').first()['description'] = 'x'; s.commit()"
    )
    ran = trackteroid("record", "-o", batch, "-c", code, SECRET)
    assert ran.returncode == 0, ran.stderr
    assert SECRET.encode() not in batch.read_bytes()


def test_the_key_of_the_file_never_goes_to_another_server(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, whole())
    monkeypatch.setenv("FTRACK_SERVER", "https://elsewhere.example.com")
    assert "FTRACK_API_KEY" in refusal().why
    monkeypatch.setenv("FTRACK_SERVER", "https://STUDIO.ftrackapp.com")
    assert settings.server().api_key == SECRET


@pytest.mark.parametrize("name", ["demo/foo", "../x", "", "-x"])
def test_a_sandbox_with_an_impossible_name_is_wrong_usage(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTRACK_SERVER", f"sandbox://{name}")
    with pytest.raises(UsageError, match="cannot be the name of a sandbox"):
        settings.server()
