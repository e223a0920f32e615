"""Uploads and follow-ups: before and after a batch, each once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st

from tests.support.command_line import CommandLine
from tests.support.faults import COMMON, Fault, FaultyProxy, is_write
from tests.support.generated import part, some
from tests.support.hub_clients import PythonClient
from tests.support.servers import Server
from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, encode_operations, write
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.follow_ups import (
    REQUESTS,
    FollowUp,
    Kind,
    in_words,
    read_follow_up,
)
from trackteroid_cli.batches.enclosures.uploads import Upload, read_upload
from trackteroid_cli.batches.header import make_header
from trackteroid_cli.batches.ids import new_id
from trackteroid_cli.batches.operations import Create, Operation, counts
from trackteroid_cli.batches.spool import Spool
from trackteroid_cli.errors import ExitCode, FollowUpsWait
from trackteroid_cli.kill_points import VARIABLE
from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
from trackteroid_cli.replay.policy import Policy
from trackteroid_cli.replay.schedule import Result, commit, waiting
from trackteroid_cli.server.connection import Connection
from trackteroid_cli.server.retry import RetryPolicy
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

SERVER_LOCATION = "3a372bde-05bc-11e4-8908-20c9d081909b"


def component(number: int, content: bytes) -> tuple[Upload, list[Operation]]:
    """Return an upload, and the operations that put its component into the server's location."""
    id_, place = f"00000000-0000-4000-8000-{number:012d}", f"00000000-0000-4000-9000-{number:012d}"
    upload = Upload(id_, f"{number}.mov", len(content), hashlib.sha256(content).hexdigest())
    data = {"id": id_, "name": str(number), "file_type": ".mov", "size": len(content)}
    located = {
        "id": place,
        "component_id": id_,
        "location_id": SERVER_LOCATION,
        "resource_identifier": id_,
    }
    return upload, [
        Create("FileComponent", {"id": id_}, data),
        Create("ComponentLocation", {"id": place}, located),
    ]


class Publishes:
    """Puts batches with uploads into *spool*."""

    def __init__(self, spool: Spool, folder: Path) -> None:
        self.spool = spool
        self.folder = folder
        self.contents: dict[str, bytes] = {}

    def put(
        self,
        *contents: bytes,
        follow_ups: Iterable[FollowUp] = (),
        by_path: bool = False,
    ) -> str:
        """Put a batch that uploads *contents*; return its id."""
        batch_id, uploads, operations = new_id(), [], []
        for content in contents:
            upload, own = component(len(self.contents) + 1, content)
            if by_path:
                path = self.folder / upload.file_name
                path.write_bytes(content)
                upload = Upload(
                    upload.component_id, upload.file_name, upload.size, upload.sha256, str(path)
                )
            else:
                source = self.folder / "source"
                source.write_bytes(content)
                with source.open("rb") as opened:
                    media.keep(opened, self.spool.media(batch_id))
            self.contents[upload.component_id] = content
            uploads.append(upload)
            operations += own
        self.spool.begin(batch_id)
        header = make_header("publish", counts(operations), argv=[], batch_id=batch_id)
        write(
            self.spool.place(batch_id, "publish"),
            header,
            encode_operations(operations),
            {},
            uploads=uploads,
            follow_ups=list(follow_ups),
        )
        return batch_id

    def check(self, server: Server) -> None:
        """Check that *server* has every component once, with its bytes, and nothing waits."""
        found = server.query("select id from FileComponent where id like '00000000-0000-4000-8%'")
        assert sorted(each["id"] for each in found) == sorted(self.contents)
        for id_, content in self.contents.items():
            assert held(server, id_) == content
        assert waiting(self.spool) == []
        assert not list((self.spool.folder / "media").iterdir())


def held(server: Server, component_id: str) -> bytes | None:
    """Return the bytes that *server* has of a component."""
    found = server.engine.media.find(component_id)
    if found is None:
        return None
    with found.open() as opened:
        return opened.read()


@pytest.fixture
def publishes(home: Path, tmp_path: Path) -> Publishes:
    return Publishes(Spool(home / "spool"), tmp_path)


def send(publishes: Publishes, url: str, policy: Policy | None = None) -> list[Result]:
    server = settings.Server(url, SANDBOX_USER, SANDBOX_KEY)
    policy = policy or Policy(retry=RetryPolicy(retries=0))
    with Connection(server, timeout=1) as connection:
        return list(commit(publishes.spool, waiting(publishes.spool), connection, policy))


def encode(component_id: str) -> FollowUp:
    return FollowUp(Kind.REQUEST, {"action": "encode_media", "component_id": component_id})


INVITE = FollowUp(Kind.REQUEST, {"action": "send_user_invite", "user_id": "x"})


def test_files_are_on_the_server_before_the_batch_is_sent_and_gone_from_the_spool_after(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    publishes.put(b"one", b"", bytes(70_000))
    ran = connected("commit")
    assert ran.returncode == 0, ran.stderr
    publishes.check(server)
    (written,) = server.writes
    assert written.count("create") == 6
    asked = [position for position, each in enumerate(server.requests) if "get_upload" in each[0]]
    assert len(asked) == 3
    assert max(asked) < server.requests.index(written)


def test_a_batch_of_the_spool_may_be_named_by_its_file(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    path = publishes.spool.find(publishes.put(b"film")).path
    assert connected("commit", path, "--dry-run").returncode == 0
    assert connected("inspect", path, "--check").returncode == 0
    ran = connected("commit", path)
    assert ran.returncode == 0, ran.stderr
    assert connected("commit").returncode == 0
    publishes.check(server)


@pytest.mark.parametrize("place", ["following", "followed"])
def test_what_the_server_can_tell_about_is_done_once_although_a_commit_is_killed(
    publishes: Publishes, connected: CommandLine, server: Server, place: str
) -> None:
    number = "00000000-0000-4000-8000-000000000001"
    publishes.put(b"film", follow_ups=[encode(number)])
    assert connected.fresh("commit", **{VARIABLE: place}).returncode == -signal.SIGKILL
    again = connected("commit")
    assert again.returncode == 0, again.stderr
    jobs = server.query(f"select data from Job where data like '%{number}%'")
    assert len(jobs) == 1


def test_what_nobody_can_tell_about_is_not_done_twice_and_said_so(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    batch_id = publishes.put(follow_ups=[INVITE])
    assert connected.fresh("commit", **{VARIABLE: "following"}).returncode == -signal.SIGKILL
    again = connected("commit")
    assert again.returncode == ExitCode.FAILED
    assert "may have been done or not, and is not done twice" in again.stderr
    assert ["send_user_invite"] not in server.requests
    assert connected("commit").returncode == 0
    assert connected.json("inspect", batch_id, "--json")["state"] == "committed"


def test_what_the_server_refuses_afterwards_leaves_the_batch_committed_and_is_told(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    batch_id = publishes.put(b"film", follow_ups=[INVITE])
    ran = connected("commit", "--json")
    assert ran.returncode == ExitCode.FAILED
    (result,) = json.loads(ran.stdout)["batches"]
    assert (result["state"], result["outcome"]) == ("committed", "landed")
    assert "send an invitation to user x" in result["reason"]
    publishes.check(server)
    assert "send an invitation to user x" in connected("inspect", batch_id).stdout
    assert server.requests.count(["send_user_invite"]) == 1


def losing(server: Server, action: str) -> FaultyProxy:
    """Return a proxy that loses the answers to requests for *action*."""

    def plan(_: int, body: bytes) -> Fault:
        return Fault.DROP_AFTER if action.encode() in body else Fault.NONE

    return FaultyProxy(server.url, plan)


def test_a_mail_whose_answer_is_lost_is_not_sent_again_however_often_to_try(
    publishes: Publishes, server: Server
) -> None:
    (user, *_) = server.query("select id from User where email like '%@%'")
    invite = {"action": "send_user_invite", "user_id": user["id"]}
    publishes.put(follow_ups=[FollowUp(Kind.REQUEST, invite)])
    proxy = losing(server, "send_user_invite")
    policy = Policy(retry=RetryPolicy(retries=3, longest_wait=0.01))
    try:
        (result,) = send(publishes, proxy.url, policy)
        assert "is not done twice" in (result.reason or "")
        assert send(publishes, proxy.url, policy) == []
    finally:
        proxy.close()
    assert server.requests.count(["send_user_invite"]) == 1


def test_media_is_encoded_once_although_the_answer_is_lost(
    publishes: Publishes, server: Server
) -> None:
    number = "00000000-0000-4000-8000-000000000001"
    publishes.put(b"film", follow_ups=[encode(number)])
    proxy = losing(server, "encode_media")
    policy = Policy(retry=RetryPolicy(retries=3, longest_wait=0.01))
    try:
        (result,) = send(publishes, proxy.url, policy)
        assert isinstance(result.error, FollowUpsWait)
        (result,) = send(publishes, proxy.url, policy)
        assert result.error is None
    finally:
        proxy.close()
    assert server.requests.count(["encode_media"]) == 1
    publishes.check(server)


def test_an_event_that_cannot_be_published_waits_while_the_batch_is_committed(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    event = {"topic": "studio.published", "id": "1", "data": {}, "source": {"id": "x"}}
    first = publishes.put(b"film", follow_ups=[FollowUp(Kind.PUBLISH, event), INVITE])

    def without_hub(_: int, body: bytes) -> Fault:
        return Fault.NONE if body else Fault.DROP_BEFORE

    proxy = FaultyProxy(server.url, without_hub)
    try:
        ran = connected("commit", "--retries", "0", FTRACK_SERVER=proxy.url)
    finally:
        proxy.close()
    assert ran.returncode == ExitCode.TRY_AGAIN, ran.stderr
    assert "has landed, but 2 things are still to be done" in ran.stderr
    (summary,) = connected.json("inspect", "--json")
    assert summary["state"] == "committed"
    assert "2 of 2 follow-ups wait" in summary["reason"]
    assert "2 of its follow-ups would be done" in connected("commit", "--dry-run").stdout
    given_up = connected("discard", first)
    assert given_up.returncode == 0, given_up.stderr
    assert waiting(publishes.spool) == []


def event(number: int) -> FollowUp:
    data = {"topic": f"studio.{number}", "id": f"event-{number}", "data": {"number": number}}
    return FollowUp(Kind.PUBLISH, {**data, "source": {"id": "script"}, "target": ""})


def test_events_are_published_in_order_after_the_batch_has_landed(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    publishes.put(b"film", follow_ups=map(event, range(4)))
    with PythonClient(server.url) as listener:
        heard = listener.listen("topic=studio.* or topic=ftrack.update")
        assert connected("commit").returncode == 0
        listener.wait(lambda: len(heard) == 5)
        assert connected("commit").returncode == 0
        listener.catch_up()
    topics = [each["topic"] for each in heard]
    assert topics == ["ftrack.update", "studio.0", "studio.1", "studio.2", "studio.3"]
    assert [each["id"] for each in heard[1:]] == [f"event-{number}" for number in range(4)]
    publishes.check(server)


def test_a_revert_takes_an_upload_back_and_tells_what_nothing_takes_back(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    batch_id = publishes.put(b"film", follow_ups=[event(0)])
    assert connected("commit").returncode == 0
    publishes.check(server)
    reverted = connected("revert", batch_id)
    assert reverted.returncode == 0, reverted.stderr
    assert "publish the event studio.0: that is done, and nothing takes it back" in reverted.stderr
    assert connected("commit").returncode == 0
    publishes.contents.clear()
    publishes.check(server)
    assert held(server, "00000000-0000-4000-8000-000000000001") is None


def test_a_revert_tells_that_a_file_on_the_server_is_gone_for_good(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    publishes.put(b"film")
    assert connected("commit").returncode == 0
    (place,) = server.query("select id from ComponentLocation where component.name is '1'")
    line = {"operation": "delete", "entity_type": "ComponentLocation"}
    lines = json.dumps({**line, "entity_key": {"id": place["id"]}})
    ran = connected("record", "--jsonl", "-", "--name", "remove", stdin=lines)
    assert ran.returncode == 0, ran.stderr
    assert connected("commit").returncode == 0
    reverted = connected("revert", "remove")
    assert reverted.returncode == 0, reverted.stderr
    assert "the file on the server" in reverted.stderr


@pytest.mark.parametrize(
    ("place", "expected"),
    [("following", [1, 2]), ("followed", [0, 1, 2]), ("follow-up noted", [0, 1, 2])],
)
def test_no_event_is_published_twice_although_a_commit_is_killed(
    publishes: Publishes,
    connected: CommandLine,
    server: Server,
    place: str,
    expected: list[int],
) -> None:
    publishes.put(follow_ups=map(event, range(3)))
    with PythonClient(server.url) as listener:
        heard = listener.listen("topic=studio.*")
        assert connected.fresh("commit", **{VARIABLE: place}).returncode == -signal.SIGKILL
        again = connected("commit")
        is_known = place == "follow-up noted"
        assert again.returncode == (0 if is_known else ExitCode.FAILED)
        assert ("publish the event studio.0: it may" in again.stderr) is not is_known
        assert connected("commit").returncode == 0
        listener.catch_up()
    assert [each["data"]["number"] for each in heard] == expected
    publishes.check(server)


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    state = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def into_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("by_path", [True, False])
@pytest.mark.parametrize("spoil", [Path.unlink, changed, shorter, into_a_pipe, into_a_folder])
def test_a_file_that_is_not_what_was_recorded_holds_the_batch_back_before_anything_is_sent(
    publishes: Publishes,
    connected: CommandLine,
    server: Server,
    spoil: Callable[[Path], Any],
    by_path: bool,
) -> None:
    batch_id = publishes.put(b"first", b"second", by_path=by_path)
    with Batch(publishes.spool.find(batch_id).path) as batch:
        source = batch.uploads()[1].source(publishes.spool.media(batch_id))
    spoil(source)
    for arguments in (["--dry-run"], []):
        ran = connected("commit", *arguments)
        assert ran.returncode == ExitCode.CONFLICT
        assert "is held back" in ran.stderr
        assert ("2.mov" if by_path else "the copy of 2.mov") in ran.stderr
    assert server.requests == []
    assert all(held(server, each) is None for each in publishes.contents)
    assert "2.mov" in connected.json("inspect", batch_id, "--json")["reason"]
    if source.is_dir():
        source.rmdir()
    source.unlink(missing_ok=True)
    source.write_bytes(b"second")
    assert connected("commit").returncode == 0
    publishes.check(server)


def test_what_is_there_already_is_not_sent_again(publishes: Publishes, server: Server) -> None:
    for _ in range(2):  # the second time as if nothing of the first commit were known here
        shutil.rmtree(publishes.spool.folder, ignore_errors=True)
        publishes.contents.clear()
        publishes.put(b"film" * 100)
        (result,) = send(publishes, server.url)
        assert result.error is None
        assert server.requests.count(["get_upload_metadata"]) == 1
    publishes.check(server)


@pytest.mark.parametrize("fault", some([Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.RESET_AFTER]))
def test_whichever_request_is_cut_off_every_file_and_batch_arrives_once(
    publishes: Publishes, server: Server, fault: Fault
) -> None:
    number = 0
    while True:
        publishes.put(b"one %d" % number, bytes(40_000), follow_ups=[encode(component_id(number))])
        cut = number

        def plan(position: int, _: bytes, cut: int = cut) -> Fault:
            return fault if position == cut else Fault.NONE

        proxy = FaultyProxy(server.url, plan)
        server.engine.server_url = proxy.url
        try:
            for _ in range(4):
                send(publishes, proxy.url)
        finally:
            proxy.close()
        publishes.check(server)
        number += 1
        if fault not in proxy.happened:
            break
    assert number > 6
    jobs = server.query("select data from Job where data like '%00000000-0000-4000-8000%'")
    assert len(jobs) == number


def component_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{2 * number + 1:012d}"


@pytest.mark.parametrize("seed", range(part(8)))
def test_large_files_go_in_parts_and_a_later_commit_goes_on_with_those_that_are_missing(
    publishes: Publishes, server: Server, seed: int
) -> None:
    chance = random.Random(seed)
    publishes.put(chance.randbytes(chance.randint(2_001, 30_000)), b"small")
    faults = [chance.choice(COMMON) for _ in range(6)]

    def plan(_: int, __: bytes) -> Fault:
        return faults.pop() if faults and chance.random() < 0.3 else Fault.NONE

    proxy = FaultyProxy(server.url, plan, delay=0.1)
    server.engine.server_url = proxy.url
    policy = Policy(
        retry=RetryPolicy(retries=chance.choice([0, 2]), longest_wait=0.01),
        uploads=UploadPolicy(at_once=3, part_size=1_000),
    )
    try:
        for _ in range(12):
            if send(publishes, proxy.url, policy) == []:
                break
    finally:
        proxy.close()
    send(publishes, server.url, policy)
    publishes.check(server)


def test_parts_that_arrived_are_not_sent_again(publishes: Publishes, server: Server) -> None:
    publishes.put(bytes(10_000))
    left: list[int] = []

    def plan(_: int, body: bytes) -> Fault:
        if len(body) == 1_000 and b"action" not in body:
            left.append(len(body))
            return Fault.DROP_BEFORE if len(left) == 4 else Fault.NONE
        return Fault.NONE

    proxy = FaultyProxy(server.url, plan)
    server.engine.server_url = proxy.url
    policy = Policy(retry=RetryPolicy(retries=0), uploads=UploadPolicy(at_once=1, part_size=1_000))
    try:
        assert send(publishes, proxy.url, policy)[0].error is not None
        arrived = len(left) - 1
        assert send(publishes, proxy.url, policy)[0].error is None
    finally:
        proxy.close()
    assert arrived == 9
    assert len(left) == 11
    assert server.requests.count(["get_upload_metadata"]) == 1
    publishes.check(server)


def test_files_that_another_server_has_got_are_uploaded_to_this_one(
    publishes: Publishes,
    server: Server,
    make_server: Callable[[], Server],
    make_proxy: Callable[..., FaultyProxy],
) -> None:
    publishes.put(b"film")
    proxy = make_proxy(lambda _, body: Fault.DROP_BEFORE if is_write(body) else Fault.NONE)
    assert send(publishes, proxy.url)[0].error is not None
    assert list(map(bool, (held(server, each) for each in publishes.contents))) == [True]
    other = make_server()
    policy = Policy(server_changed=True, retry=RetryPolicy(retries=0))
    assert send(publishes, other.url, policy)[0].error is None
    publishes.check(other)


def test_a_key_does_not_go_where_bytes_are_sent(
    publishes: Publishes, server: Server, make_proxy: Callable[..., FaultyProxy]
) -> None:
    publishes.put(b"film")
    storage = make_proxy(lambda *_: Fault.NONE)
    heads: list[str] = []
    forward = storage._forward

    def noting(head: list[str], body: bytes) -> tuple[int, bytes]:
        heads.extend(head)
        return forward(head, body)

    storage._forward = noting  # type: ignore[method-assign]
    server.engine.server_url = storage.url
    assert send(publishes, server.url)[0].error is None
    assert heads[0].startswith("PUT ")
    assert not [each for each in heads if SANDBOX_KEY in each or "ftrack" in each.lower()]
    publishes.check(server)


def test_discarding_a_batch_for_good_takes_its_copies_along(
    publishes: Publishes, connected: CommandLine
) -> None:
    batch_id = publishes.put(b"film")
    assert connected("discard", batch_id).returncode == 0
    assert (publishes.spool.media(batch_id)).is_dir()
    assert connected("discard", "--restore", batch_id).returncode == 0
    assert connected("discard", batch_id).returncode == 0
    assert connected("discard", "--purge", batch_id).returncode == 0
    assert not publishes.spool.media(batch_id).exists()


def test_a_review_shows_what_is_uploaded_and_what_follows(
    publishes: Publishes, connected: CommandLine
) -> None:
    event = {"topic": "studio.published", "id": "1", "data": {"shot": "sh010"}}
    batch_id = publishes.put(bytes(2_500_000), follow_ups=[FollowUp(Kind.PUBLISH, event)])
    shown = connected("inspect", batch_id).stdout
    assert "^ upload  1.mov  2.5 MB" in shown
    assert '> then  publish the event studio.published  {"shot": "sh010"}' in shown
    assert "1 upload, then 2 create; one request; then 1 follow-up" in shown
    document = connected.json("inspect", batch_id, "--json")
    assert document["counts"]["upload"] == 1
    assert [each["uploaded"] for each in document["uploads"]] == [False]
    assert [each["stage"] for each in document["follow_ups"]] == [None]


def test_lines_of_a_review_record_the_same_uploads_and_follow_ups(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    event = {"topic": "studio.published", "id": "1", "data": {"shot": "sh010"}}
    follow_ups = [FollowUp(Kind.PUBLISH, event), INVITE]
    first = publishes.put(b"film", follow_ups=follow_ups, by_path=True)
    lines = connected("inspect", first, "--jsonl").stdout
    assert connected("discard", first).returncode == 0
    ran = connected("record", "--jsonl", "-", "--name", "again", stdin=lines)
    assert ran.returncode == 0, ran.stderr
    with (
        Batch(publishes.spool.find(first).path) as one,
        Batch(publishes.spool.find("again").path) as other,
    ):
        assert list(one.operations()) == list(other.operations())
        assert one.uploads() == other.uploads()
        assert other.follow_ups() == follow_ups
        assert one.header.digest == other.header.digest
    (publishes.folder / "1.mov").write_bytes(b"other")
    for wrong in (lines, lines.replace('"path"', '"place"')):
        ran = connected("record", "--jsonl", "-", stdin=wrong)
        assert ran.returncode == ExitCode.USAGE
        assert "cannot record line 3" in ran.stderr


def test_a_check_tells_which_files_are_not_what_was_recorded(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    batch_id = publishes.put(b"film", by_path=True)
    assert connected("inspect", batch_id, "--check").returncode == 0
    (publishes.folder / "1.mov").write_bytes(b"other")
    checked = connected("inspect", batch_id, "--check")
    assert checked.returncode == ExitCode.CONFLICT
    assert "1.mov has more than 4 bytes" in checked.stdout
    ran = connected("inspect", batch_id, "--check", "--json")
    assert len(json.loads(ran.stdout)["uploads_not_as_recorded"]) == 1


def test_a_digest_covers_what_is_uploaded_and_what_follows(
    publishes: Publishes, connected: CommandLine
) -> None:
    digests = set()
    for content, follow_ups in ((b"a", []), (b"b", []), (b"a", [INVITE])):
        publishes.contents.clear()
        batch_id = publishes.put(content, follow_ups=follow_ups)
        with Batch(publishes.spool.find(batch_id).path) as batch:
            assert list(batch.operations())
            digests.add(batch.header.digest)
    assert len(digests) == 3


def test_a_batch_of_another_platform_opens_here_and_waits_for_its_files(
    publishes: Publishes, connected: CommandLine, server: Server
) -> None:
    upload, operations = component(1, b"film")
    upload = Upload(upload.component_id, upload.file_name, 4, upload.sha256, r"C:\renders\1.mov")
    header = make_header("windows", counts(operations), argv=[], batch_id=new_id())
    place = publishes.spool.place(header.id, header.name)
    write(place, header, encode_operations(operations), {}, uploads=[upload])
    lines = connected("inspect", header.id).stdout
    assert r"C:\renders\1.mov" in lines
    ran = connected("commit")
    assert ran.returncode == ExitCode.CONFLICT
    assert "is on a machine of another platform" in ran.stderr
    assert server.requests == []


#: What a file of anybody may hold in place of an upload or a follow-up.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.text(max_size=70) | st.just("a" * 64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["action", "topic", "id", "component_id"]), inner)
    ),
    max_leaves=6,
)
NAMES = ("component_id", "file_name", "size", "sha256", "path", "follow_up", "data")


@hypothesis.settings(
    max_examples=part(400),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    document=st.dictionaries(st.sampled_from(NAMES), ANYTHING)
    | st.fixed_dictionaries(
        {
            "component_id": st.just("x") | ANYTHING,
            "file_name": st.sampled_from(["a\nb", "../a", "\x1b[2J"]) | ANYTHING,
            "size": st.just(4) | ANYTHING,
            "sha256": st.sampled_from(["a" * 64, "../../../etc/passwd"]) | ANYTHING,
            "path": st.sampled_from(["", "/dev/zero", "x", "/etc/passwd"]) | ANYTHING,
            "follow_up": st.sampled_from(["publish", "request", "remove"]) | ANYTHING,
            "data": st.fixed_dictionaries({"action": st.sampled_from(["delete", *REQUESTS])})
            | ANYTHING,
        }
    )
)
def test_whatever_a_file_holds_as_an_upload_or_a_follow_up_it_is_read_or_refused(
    document: object, tmp_path: Path
) -> None:
    folder = tmp_path / "media"
    with contextlib.suppress(ValueError):
        upload = read_upload(document)
        assert read_upload(upload.to_json()) == upload
        source = upload.source(folder)
        assert source == Path(upload.path) if upload.path else source.parent == folder
    with contextlib.suppress(ValueError):
        follow_up = read_follow_up(document)
        assert read_follow_up(follow_up.to_json()) == follow_up
        assert in_words(follow_up)


def test_no_name_of_a_file_forges_a_line_of_a_review(
    publishes: Publishes, connected: CommandLine
) -> None:
    upload, operations = component(1, b"film")
    upload = Upload(upload.component_id, "a\n+ Shot  forged\x1b[2J", 4, upload.sha256, "/a\nb")
    forged = FollowUp(Kind.PUBLISH, {"topic": "x\n+ Shot  forged", "data": {"\x1b": "\n"}})
    header = make_header("hostile", counts(operations), argv=[], batch_id=new_id())
    place = publishes.spool.place(header.id, header.name)
    write(place, header, encode_operations(operations), {}, uploads=[upload], follow_ups=[forged])
    for arguments in (("inspect", header.id), ("inspect",), ("commit",)):
        ran = connected(*arguments)
        assert not [each for each in ran.stdout.splitlines() if each.startswith("+ Shot")]
        assert "\x1b" not in ran.stdout + ran.stderr
