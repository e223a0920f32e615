"""The recordings on this machine: a folder each, while a run goes on and after it was interrupted.

The process that keeps a recording, and will make batches of it, holds its lock; the system releases
that when the process dies.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from trackteroid_cli import moments, settings
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.ids import is_id, new_id
from trackteroid_cli.batches.recordings.enclosed import COPY_MEDIA
from trackteroid_cli.batches.recordings.recording import write_batch
from trackteroid_cli.batches.recordings.recording_file import RecordingFile
from trackteroid_cli.batches.spool import State
from trackteroid_cli.batches.summary import Summary
from trackteroid_cli.errors import AmbiguousBatch, BatchBusy, NotFound, StorageError
from trackteroid_cli.files import file_lock, home, make_folder, storing, sync_folder

_FILE = "recording.sqlite"
_LOCK = "lock"

#: Seconds to wait for a process that only looks whether a recording is kept.
_PATIENCE = 0.5
_POLL = 0.01


class OpenRecording:
    """A recording in *folder*; its name is the id.

    Args:
        folder: which exists.
        argv, facts: of the run, as `RecordingFile` takes them; not given of an earlier run.
        is_listed: whether it is where `Recordings` finds it later.
    """

    def __init__(
        self,
        folder: Path,
        argv: Sequence[str] = (),
        facts: Mapping[str, str] | None = None,
        *,
        is_listed: bool = True,
    ) -> None:
        self.id = folder.name
        self.is_listed = is_listed
        self._folder = folder
        self.file = RecordingFile(
            folder / _FILE, is_kept=self.is_kept, argv=argv, facts=facts or {}
        )

    @contextmanager
    def keeping(self, *, patience: float = _PATIENCE) -> Iterator[None]:
        """Keep the recording for the length of the block.

        Args:
            patience: seconds to wait for another process to let go of it.

        Raises:
            BatchBusy: another process keeps it.
            StorageError: the disk refuses.
        """
        import filelock

        lock = file_lock(self._folder / _LOCK)
        with _storing(self._folder):
            try:
                lock.acquire(timeout=patience, poll_interval=_POLL)
            except filelock.Timeout:
                raise BatchBusy(
                    f"recording {self.id} goes on",
                    why="`trackteroid record` runs the script",
                    hint="wait for it to end, or stop it",
                ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Keep the recording, which is new, for the length of the block.

        Raises:
            StorageError: the disk refuses.
        """
        while True:
            with _storing(self._folder):
                make_folder(self._folder)
            with self.keeping():
                # Another process may have taken it for the rest of one that was killed.
                if (self._folder / _LOCK).exists():
                    yield
                    return

    def is_kept(self) -> bool:
        """Return whether any process keeps the recording, as far as this user may know."""
        try:
            with self.keeping(patience=0):
                return False
        except (BatchBusy, StorageError):
            return True

    def summary(self) -> Summary:
        """Return the recording as the list of batches shows it.

        One that cannot be read is in the list all the same, with the reason.
        """
        try:
            facts, counts = self.file.facts(), self.file.counts()
        except StorageError as error:
            return Summary(Header(self.id, "", ""), State.INTERRUPTED, self._folder, error.why)
        total = Counter[str]()
        for numbers in counts.values():
            total.update(numbers)
        header = Header(
            self.id,
            facts["name"],
            facts["started"],
            user=facts["user"],
            host=facts["host"],
            argv=json.loads(facts["argv"]),
            server=", ".join(counts),
            counts=dict(total),
        )
        reason = facts.get("ended") or "`trackteroid record` was stopped"
        return Summary(header, State.INTERRUPTED, self._folder, reason)

    def batch_ids(self) -> list[str]:
        """Return the ids of the batches that were about to be written."""
        try:
            noted = [self.file.server(url).get("id") for url in self.file.counts()]
        except StorageError:  # it is damaged
            return []
        return list(filter(None, noted))

    def review(self, folder: Path) -> list[Path]:
        """Write to *folder*, for a review, the batches that the recording would become.

        Raises:
            StorageError: the disk refuses.
        """
        header, paths = self.summary().header, []
        for number, (server, counts) in enumerate(self.file.counts().items()):
            paths.append(folder / f"{number}.dbm")
            of_server = replace(header, server=server, counts=counts)
            write_batch(self.file, server, paths[-1], of_server)
        return paths

    def remove(self) -> None:
        """Remove the recording for good.

        Raises:
            StorageError: the disk refuses.
        """
        self.file.close()
        with _storing(self._folder):
            shutil.rmtree(self._folder)


class Recordings:
    """The recordings below *folder*, which is made when the first one begins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def default(cls) -> Recordings:
        """Return the recordings of this user."""
        return cls(home() / "recordings")

    def begin(
        self,
        name: str,
        argv: Sequence[str],
        script_digest: str,
        output: Path | None,
        *,
        copy_media: bool = False,
    ) -> OpenRecording:
        """Return a new recording.

        Args:
            name: of its batches.
            argv: the arguments of the program.
            script_digest: as in `Header`.
            output: a file for the batch, instead of the spool.
            copy_media: whether all that is to be uploaded is copied, wherever it lies.

        Raises:
            StorageError: the disk refuses; with an *output*, another folder is tried.
        """
        facts = {
            "name": name,
            "script_digest": script_digest,
            "started": moments.now(),
            "user": settings.user_name(),
            "host": socket.gethostname(),
            "output": str(output or ""),
            **({COPY_MEDIA: "1"} if copy_media else {}),
        }
        folder = self._folder / new_id()
        try:
            self.clean()
            with _storing(folder):
                make_folder(folder, exist_ok=False)
                sync_folder(folder.parent)
        except StorageError:
            if output is None:
                raise
            import tempfile

            folder = Path(tempfile.mkdtemp(prefix="trackteroid-"))
            return OpenRecording(folder, argv, facts, is_listed=False)
        return OpenRecording(folder, argv, facts)

    def interrupted(self) -> list[OpenRecording]:
        """Return the recordings that did not end well, in the order in which they began."""
        return [each for each in self._found() if each.file.path.exists() and not each.is_kept()]

    def find(self, text: str) -> OpenRecording:
        """Return the recording whose id is or begins with *text*.

        Raises:
            NotFound: there is none.
            AmbiguousBatch: there are several.
        """
        found = [each for each in self._found() if text and each.id.startswith(text)]
        if not found:
            raise NotFound(
                f"there is no recording {text!r}",
                why=f"no id of an interrupted recording begins with it, in {self._folder}",
                hint="`trackteroid inspect` lists them",
            )
        if len(found) > 1:
            raise AmbiguousBatch(
                f"{text!r} means {len(found)} recordings",
                why="it could be " + ", ".join(each.id for each in found),
                hint="give more of the id",
            )
        return found[0]

    def clean(self) -> None:
        """Remove what is left of runs that were killed before they committed anything."""
        for each in self._found():
            # Without a lock it is just being made.
            if not each.file.path.exists() and each.file.path.with_name(_LOCK).exists():
                with suppress(BatchBusy, StorageError), each.keeping(patience=0):
                    each.remove()

    def _found(self) -> list[OpenRecording]:
        with _storing(self._folder):
            try:
                names = sorted(path.name for path in self._folder.iterdir() if is_id(path.name))
            except FileNotFoundError:
                return []
        return [OpenRecording(self._folder / name) for name in names]


def _storing(path: Path) -> AbstractContextManager[None]:
    return storing(
        f"cannot write to {path}",
        hint="make room or correct the permissions, or set TRACKTEROID_HOME",
    )
