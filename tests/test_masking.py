"""Masking: of the arguments of a program, a batch holds and shows nothing that is secret."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.support.batches import new_scope
from tests.support.command_line import SECRET, CommandLine
from trackteroid_cli.batches.batch import encode_operations, write
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.masking import masked

NAMES = ("password", "Passwd", "token", "api-key", "apikey", "FTRACK_API_KEY", "client_secret")

#: How a secret is given: by its name or in a URL, as arguments of their own or in one.
FORMS = (
    "--{name}\0{secret}",
    "--{name}={secret}",
    "-{name}\0{secret}",
    "{name}={secret}",
    "{name}:{secret}",
    "--url\0https://ada:{secret}@studio.ftrackapp.com/x",
    "https://{secret}@studio.ftrackapp.com",
    "https://studio.ftrackapp.com/x?{name}={secret}&shot=sh010",
    "curl -H 'Authorization: Bearer {secret}' https://studio.ftrackapp.com",
    "publish --shot sh010 --{name} {secret} --verbose",
    '{{"{name}": "{secret}", "shot": "sh010"}}',
)


@given(
    st.sampled_from(FORMS),
    st.sampled_from(NAMES),
    st.from_regex(r"Xq[\w.!*+]{3,20}", fullmatch=True),
)
def test_a_secret_is_found_by_its_name_and_in_urls(form: str, name: str, secret: str) -> None:
    given_ = form.format(name=name, secret=secret).split("\0")
    kept = masked(["publish.py", *given_, "--shot", "sh010"])
    assert secret not in " ".join(kept)
    assert "***" in " ".join(kept)
    assert [kept[0], *kept[-2:]] == ["publish.py", "--shot", "sh010"]
    assert masked(kept) == kept


@pytest.mark.parametrize(
    "arguments",
    [
        ["--offline", "offline", "demo"],
        ["--token-file", "/etc/token", "--ask-password", "sh010", "--passes", "3"],
        ["--sort-key", "name", "--render-pass", "beauty", "--monkey", "rig", "--bypass", "cache"],
        ["http://127.0.0.1:8090/x@y", "ada@farm-2", "--keyframe", "12", "--password", "--verbose"],
    ],
)
def test_what_only_looks_like_a_secret_is_kept(arguments: list[str]) -> None:
    assert masked(arguments, ["offline", "demo"]) == arguments


def test_a_known_key_is_masked_wherever_it_stands() -> None:
    assert masked(["-x" + SECRET, "k3y!", "k3y!s"], [SECRET, "k3y!"]) == ["-x***", "***", "k3y!s"]


def test_neither_a_batch_nor_its_review_nor_an_interrupted_recording_has_a_secret(
    trackteroid: CommandLine,
) -> None:
    script = trackteroid.script(
        "import ftrack_api, sys; session = ftrack_api.Session()\n"
        "session.create('Scope', {'name': 'x'}); session.commit()\n"
        "sys.exit(int(sys.argv[1]))"
    )
    for status in ("0", "1"):
        trackteroid(
            "--sandbox", "record", script, status, "--password", "hunter2", "db=//a:hunter2@h"
        )
    shown = trackteroid("inspect", "script").stdout
    assert "--password" in shown
    assert "hunter2" not in shown
    home = trackteroid.folder.parent / "home"
    kept = [
        path for path in home.rglob("*") if path.is_file() and b"--password" in path.read_bytes()
    ]
    assert len(kept) == 2
    assert not any(b"hunter2" in path.read_bytes() for path in kept)


def test_the_arguments_in_a_batch_of_anybody_are_masked_when_they_are_shown(
    trackteroid: CommandLine,
) -> None:
    path = trackteroid.folder / "theirs.dbm"
    argv = ["publish.py", "--password", "hunter2"]
    header = Header(new_id(), "theirs", "2026-01-31T13:45:01.417Z", argv=argv, counts={"create": 1})
    write(path, header, encode_operations([new_scope(1)]), {})
    ran = trackteroid("inspect", str(path))
    assert ran.returncode == 0, ran.stderr
    shown = ran.stdout
    assert "publish.py --password '***'" in shown
    assert "hunter2" not in shown


def test_the_credentials_in_the_url_of_a_server_are_in_no_message(trackteroid: CommandLine) -> None:
    for url in ("http://ada:hunter2@127.0.0.1:1", "ftp://ada:hunter2@studio"):
        ran = trackteroid(
            "query", "Shot", "--format", "json", FTRACK_SERVER=url, FTRACK_API_KEY=SECRET
        )
        assert "//***@" in ran.stderr
        assert "hunter2" not in ran.stdout + ran.stderr
