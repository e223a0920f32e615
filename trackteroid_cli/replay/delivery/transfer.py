"""Transfer: the bytes of one file to where the server wants them.

The server says where; that may be another host, which gets the bytes, and nothing else: no key,
and no header that it does not ask for. A large file goes in parts; what is known of the parts is
kept in a file, so that the next commit goes on with those that are missing.

Source: ``ftrack_api/accessor/server.py`` and ``ftrack_api/session.py`` for an upload in one piece;
ftrack's JavaScript client, ``uploader``, for one in parts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

import requests

from trackteroid_cli.batches.enclosures.uploads import Upload
from trackteroid_cli.errors import Interrupted, ServerRefused, ServerUnreachable
from trackteroid_cli.files import make_folder, open_plain, write_whole
from trackteroid_cli.server import failures, sandbox
from trackteroid_cli.server.transport import ServerAdapter

if TYPE_CHECKING:
    from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
    from trackteroid_cli.server.connection import Connection
    from trackteroid_cli.server.retry import Stop

#: Statuses that are about the moment, or about an address that is too old.
_PASSING = frozenset({401, 403, 404, 408, 410, 425, 429})


@dataclass(frozen=True, slots=True)
class File:
    """A file that was found to be what was recorded.

    Attributes:
        md5: of each part in which it goes; of all of it where it goes whole.
        state: what `state_of` returned of it then.
    """

    upload: Upload
    path: Path
    md5: Sequence[bytes]
    state: tuple[int, ...]

    @property
    def tag(self) -> str:
        """What object stores call the bytes.

        Source: Amazon S3, "Checking object integrity", on ETag.
        """
        if len(self.md5) == 1:
            return self.md5[0].hex()
        together = hashlib.md5(b"".join(self.md5), usedforsecurity=False)
        return f"{together.hexdigest()}-{len(self.md5)}"


class Changed(Exception):
    """A file is not any more what it was found to be."""


def state_of(source: BinaryIO) -> tuple[int, ...]:
    """Return what is another one once the open file *source* was written to."""
    found = os.fstat(source.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Transfer:
    """Uploads files to the server of *connection*; a context manager.

    Args:
        stop: once it is set nothing more is sent.
        media: a folder of the batch, for what is known of files that go in parts.
        total: the bytes of all files, for who watches.
    """

    def __init__(
        self, connection: Connection, policy: UploadPolicy, stop: Stop, media: Path, total: int
    ) -> None:
        self._connection = connection
        self._policy = policy
        self._stop = stop
        self._media = media
        self._total = total
        self._is_given_up = threading.Event()
        #: Held while the connection is used, which is for one thread at a time.
        self._asking = threading.Lock()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def __enter__(self) -> Transfer:
        """Return the transfer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        for session in self._sessions:
            session.close()

    def give_up(self) -> None:
        """Let all that is under way end; what was not begun is not."""
        self._is_given_up.set()

    def goes_in_parts(self, upload: Upload) -> bool:
        """Return whether the file is too large for one request."""
        return self._policy.parts(upload.size) > 1

    def send(self, file: File) -> None:
        """Bring the bytes of *file* to the server, unless they are there.

        Raises:
            Changed, OSError: the file is another one now, or cannot be read any more.
            ServerRefused: the server does not take it.
            ServerUnreachable: it did not arrive whole.
            Interrupted: the stop is set.
        """
        self._check()
        if self._is_there(file):
            self._policy.watch(file.upload.size, self._total)
        elif self.goes_in_parts(file.upload):
            self._send_parts(file)
        else:
            self._send_whole(file)

    # -- in one piece ------------------------------------------------------------------------------

    def _is_there(self, file: File) -> bool:
        """Return whether the server says that it has just these bytes."""
        server, upload = self._connection.server, file.upload
        try:
            response = self._session().head(
                f"{server.url}/component/get",
                params={
                    "id": upload.component_id,
                    "username": server.api_user,
                    "apiKey": server.api_key,
                },
                timeout=self._connection.timeout,
            )
        except requests.RequestException:
            return False  # it leads elsewhere, or does not tell: sending again does no harm
        tag = response.headers.get("ETag", "").removeprefix("W/").strip('"').lower()
        return (
            response.status_code == requests.codes.ok
            and response.headers.get("Content-Length") == str(upload.size)
            and tag in (file.tag, upload.sha256)
        )

    def _send_whole(self, file: File) -> None:
        told = self._ask(file, checksum=base64.b64encode(file.md5[0]).decode())
        url, headers = told.get("url"), told.get("headers")
        if not isinstance(url, str) or not isinstance(headers, Mapping):
            raise self._wrong("it does not say where to")
        self._put(file, url, headers, 0, file.upload.size)

    # -- in parts ----------------------------------------------------------------------------------

    def _send_parts(self, file: File) -> None:
        size = self._policy.part_size
        count = self._policy.parts(file.upload.size)
        known = self._parts_of(file)
        if known is None:
            told = self._ask(file, parts=count)
            known = {"upload_id": told.get("upload_id"), "tags": {}}
            known["urls"] = self._urls(told, count)
            self._keep_parts(file, known)
        missing = [number for number in range(1, count + 1) if str(number) not in known["tags"]]
        done = sum(min(size, file.upload.size - (int(each) - 1) * size) for each in known["tags"])
        self._policy.watch(done, self._total)

        def send(number: int) -> None:
            start = (number - 1) * size
            length = min(size, file.upload.size - start)
            tag = self._put(file, known["urls"][str(number)], {}, start, length)
            if not tag:
                raise self._unreachable(file, f"part {number} got no tag", _PartRefused)
            with self._asking:
                known["tags"][str(number)] = tag
                self._keep_parts(file, known)

        try:
            with ThreadPoolExecutor(self._policy.at_once) as pool:
                for done_one in [pool.submit(send, number) for number in missing]:
                    done_one.result()
            self._complete(file, known)
        except _PartRefused:
            # The addresses may be too old, or the parts forgotten: the next try begins anew.
            self._parts_file(file).unlink(missing_ok=True)
            raise
        self._parts_file(file).unlink(missing_ok=True)

    def _complete(self, file: File, known: Mapping[str, Any]) -> None:
        tags = sorted(known["tags"].items(), key=lambda pair: int(pair[0]))
        entry = {
            "action": "complete_multipart_upload",
            "component_id": file.upload.component_id,
            "upload_id": known["upload_id"],
            "parts": [{"part_number": int(number), "e_tag": tag} for number, tag in tags],
        }
        try:
            with self._asking:
                self._connection.call([entry])
        except ServerRefused as error:
            raise self._unreachable(file, error.why, _PartRefused) from error

    def _urls(self, told: Mapping[str, Any], count: int) -> dict[str, str]:
        """Return where each part is to go."""
        urls = told.get("urls")
        if isinstance(urls, list) and all(isinstance(each, Mapping) for each in urls):
            found = {str(each.get("part_number")): each.get("signed_url") for each in urls}
            if sorted(found) == sorted(map(str, range(1, count + 1))):
                return found
        raise self._wrong(f"it does not say where each of {count} parts is to go")

    def _parts_file(self, file: File) -> Path:
        return self._media / f"{file.upload.component_id}.parts"

    def _parts_of(self, file: File) -> dict[str, Any] | None:
        """Return what an earlier commit has kept of the parts; None if it is of no use."""
        try:
            known: dict[str, Any] = json.loads(self._parts_file(file).read_text("utf-8"))
            return known if known["about"] == self._about(file) else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _keep_parts(self, file: File, known: dict[str, Any]) -> None:
        with suppress(OSError):  # the next commit begins anew then
            make_folder(self._media)
            write_whole(self._parts_file(file), json.dumps({**known, "about": self._about(file)}))

    def _about(self, file: File) -> dict[str, object]:
        """Return what has to be the same for the parts to be of use."""
        server, part_size = self._connection.server.url, self._policy.part_size
        return {"server": server, "sha256": file.upload.sha256, "part_size": part_size}

    # -- requests ----------------------------------------------------------------------------------

    def _ask(self, file: File, **more: object) -> Mapping[str, Any]:
        """Return what the server says about an upload of *file*."""
        upload = file.upload
        entry = {
            "action": "get_upload_metadata",
            "component_id": upload.component_id,
            "file_name": upload.file_name,
            "file_size": upload.size,
            **more,
        }
        with self._asking:
            (told,) = self._connection.call([entry])
        if not isinstance(told, Mapping):
            raise self._wrong("it does not say where to")
        return told

    def _put(
        self, file: File, url: str, headers: Mapping[str, str], start: int, length: int
    ) -> str:
        """Send bytes of *file* to *url*; return the tag that they get there."""
        own = {str(name): str(value) for name, value in headers.items()}
        own.pop("Content-Length", None)  # it is counted here
        with open_plain(file.path) as source:
            if state_of(source) != file.state:
                raise Changed()
            source.seek(start)
            body = _Part(source, length, self._check, self._told)
            try:
                response = self._session().put(
                    url, data=body if length else b"", headers=own, timeout=self._connection.timeout
                )
            except requests.RequestException as error:
                body.take_back()
                # Nothing of the address but its host: the rest lets anybody upload.
                told = failures.explain(_origin(url), error, timeout=self._connection.timeout)
                raise self._unreachable(file, told.why) from error
            if state_of(source) != file.state:
                raise Changed()
        if response.ok:
            return str(response.headers.get("ETag", "")).strip('"')
        body.take_back()
        why = f"{_origin(url)} answers with HTTP status {response.status_code}"
        if response.status_code >= requests.codes.server_error or response.status_code in _PASSING:
            kind = _PartRefused if response.status_code in _PASSING else ServerUnreachable
            raise self._unreachable(file, why, kind)
        raise ServerRefused(
            "UploadError", f"{file.upload.file_name}: {why}", what="the server refused an upload"
        )

    def _told(self, number: int) -> None:
        self._policy.watch(number, self._total)

    def _check(self) -> None:
        """Raise `Interrupted` where nothing more is to be sent."""
        self._stop.check()
        if self._is_given_up.is_set():
            raise Interrupted()

    def _session(self) -> requests.Session:
        """Return this thread's connections."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = keyless_session()
            self._sessions.append(session)
        return session

    def _wrong(self, why: str) -> Exception:
        return failures.wrong_answer(self._connection.server.url, f"asked for an upload, {why}")

    def _unreachable(
        self, file: File, why: str, kind: type[ServerUnreachable] = ServerUnreachable
    ) -> ServerUnreachable:
        return kind(
            f"cannot upload {file.upload.file_name}",
            why=why,
            hint="run the same command again: what has arrived is not sent twice",
        )


class _PartRefused(ServerUnreachable):
    """An address is too old, or not known any more."""


class _Part:
    """So many bytes of a file, for `requests`, which counts and sends them.

    Args:
        check: called before each piece; what it raises ends the request.
        told: called with the number of bytes that leave.
    """

    def __init__(
        self,
        source: BinaryIO,
        length: int,
        check: Callable[[], None],
        told: Callable[[int], None],
    ) -> None:
        self._source = source
        self._left = length
        self._sent = 0
        self._check = check
        self._told = told

    def __len__(self) -> int:
        return self._left

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; fewer than asked for only at the end.

        Raises:
            Changed: the file became shorter.
        """
        self._check()
        wanted = self._left if size < 0 else min(size, self._left)
        piece = self._source.read(wanted)
        if len(piece) != wanted:
            raise Changed()
        self._left -= wanted
        self._sent += wanted
        self._told(wanted)
        return piece

    def take_back(self) -> None:
        """Tell that what left did not arrive."""
        self._told(-self._sent)


def keyless_session() -> requests.Session:
    """Return connections for files, to a server or to where it keeps them: they carry no key."""
    session = requests.Session()
    session.auth = _as_it_is  # nor one of a .netrc
    adapter = ServerAdapter(is_text=True)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    sandbox.mount(session)
    return session


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or parts.netloc}"


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
