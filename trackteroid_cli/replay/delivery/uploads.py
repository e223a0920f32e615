"""The uploads of one batch: every file is looked at before any is sent, and each is sent once."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from trackteroid_cli import settings
from trackteroid_cli.batches.batch import Batch, append_step
from trackteroid_cli.batches.enclosures.steps import Stage, Step, uploaded
from trackteroid_cli.batches.enclosures.uploads import Upload
from trackteroid_cli.errors import Interrupted, MediaChanged, cause
from trackteroid_cli.files import open_plain
from trackteroid_cli.kill_points import kill_point
from trackteroid_cli.replay.delivery.transfer import Changed, File, Transfer, state_of
from trackteroid_cli.server.retry import RetryPolicy, retrier

if TYPE_CHECKING:
    from trackteroid_cli.replay.delivery.upload_policy import UploadPolicy
    from trackteroid_cli.server.connection import Connection

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An upload that the server does not have yet, as far as the batch knows."""

    position: int
    upload: Upload


class Uploads:
    """The files of *batch* that the server of *connection* is to have.

    Args:
        media: the folder of the copies that lie with the batch.
        retry: how often to try each again, and when to stop.
    """

    def __init__(
        self,
        batch: Batch,
        media: Path,
        connection: Connection,
        policy: UploadPolicy,
        retry: RetryPolicy,
    ) -> None:
        self._batch = batch
        self._media = media
        self._connection = connection
        self._policy = policy
        self._retry = retry
        self._server = settings.normalise_url(connection.server.url)
        done = uploaded(batch.steps(), self._server) if batch.header.uploads else set()
        listed = enumerate(batch.uploads() if batch.header.uploads else ())
        self._waiting = [_Waiting(*each) for each in listed if each[0] not in done]
        #: The files that were found to be what was recorded, by position.
        self._files: dict[int, File] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Make sure that every file is there, and is what was recorded.

        Raises:
            MediaChanged: some are not.
            Interrupted: the policy's stop is set.
        """
        unchecked = [each for each in self._waiting if each.position not in self._files]
        if not unchecked:
            return
        with ThreadPoolExecutor(self._policy.at_once) as pool:
            problems = list(filter(None, pool.map(self._check, unchecked)))
        self._retry.stop.check()
        if problems:
            header = self._batch.header
            raise MediaChanged(header.id, header.name, problems)

    def send(self) -> bool:
        """Upload what the server does not have; return whether there was any.

        Raises:
            MediaChanged: a file changed meanwhile.
            ServerRefused, ServerUnreachable, CredentialsRejected: as they say; what is there stays.
            Interrupted: the policy's stop is set.
        """
        if not self._waiting:
            return False
        total = sum(each.upload.size for each in self._waiting)
        with Transfer(
            self._connection, self._policy, self._retry.stop, self._media, total
        ) as transfer:
            # Large files go one after the other, each with several parts at once.
            for each in [each for each in self._waiting if transfer.goes_in_parts(each.upload)]:
                self._send(transfer, each)
            with ThreadPoolExecutor(self._policy.at_once) as pool:
                rest = list(self._waiting)
                errors: list[BaseException] = []
                for future in as_completed(
                    [pool.submit(self._send, transfer, each) for each in rest]
                ):
                    error = future.exception()
                    if error is not None:
                        errors.append(error)
                        transfer.give_up()
        if errors:
            # Those that were only told to end say nothing.
            raise next((each for each in errors if not isinstance(each, Interrupted)), errors[0])
        return True

    def _check(self, waiting: _Waiting) -> str:
        """Return what is wrong with a file; '' if it is what was recorded."""
        upload, path = waiting.upload, waiting.upload.source(self._media)
        name = str(path) if upload.path else f"the copy of {upload.file_name}, {path},"
        if not path.is_absolute():
            return f"{name} is on a machine of another platform"
        try:
            with open_plain(path) as source:
                state = state_of(source)
                size, sha256, md5 = self._digests(source, upload.size)
        except FileNotFoundError:
            return f"{name} is gone"
        except OSError as error:
            return f"{name} cannot be read: {cause(error)}"
        if size != upload.size:
            more = "more than " if size > upload.size else ""
            return f"{name} has {more}{min(size, upload.size)} bytes, not {upload.size}"
        if sha256 != upload.sha256:
            return f"{name} has other content than when it was recorded"
        self._files[waiting.position] = File(upload, path, md5, state)
        return ""

    def _digests(self, source: BinaryIO, expected: int) -> tuple[int, str, list[bytes]]:
        """Return size and SHA-256 of a file, and the MD5 of each part in which it goes.

        Args:
            expected: bytes; of a larger file only the beginning is read.
        """
        parts: list[bytes] = []
        size, sha256 = 0, hashlib.sha256()
        length = self._policy.part_size if self._policy.parts(expected) > 1 else expected + 1
        while size <= expected and not self._retry.stop.is_set():
            md5, left = hashlib.md5(usedforsecurity=False), length
            while left and (chunk := source.read(min(_CHUNK, left))):
                size, left = size + len(chunk), left - len(chunk)
                sha256.update(chunk)
                md5.update(chunk)
            if left < length or not parts:
                parts.append(md5.digest())
            if left:
                break
        return size, sha256.hexdigest(), parts

    def _send(self, transfer: Transfer, waiting: _Waiting) -> None:
        retrier(self._retry)(self._send_once, transfer, self._files[waiting.position])
        kill_point("uploaded")
        with self._lock:
            step = Step.now(Stage.UPLOADED, waiting.position, self._server)
            append_step(self._batch.path, step)
            self._waiting.remove(waiting)
        kill_point("upload noted")

    def _send_once(self, transfer: Transfer, file: File) -> None:
        """Upload one file, which was what was recorded a moment ago."""
        try:
            transfer.send(file)
        except Changed:
            text = f"{file.path} was changed while it was uploaded"
        except OSError as error:
            text = f"{file.path} cannot be read: {cause(error)}"
        else:
            return
        header = self._batch.header
        raise MediaChanged(header.id, header.name, [text])
