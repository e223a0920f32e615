"""The spool: the folder where batches wait, with one sub-folder for each state.

A batch's file name begins with its id, which begins with the time it was recorded: the order of
names is the order of recording. Changing state is one rename. A process that works on a batch holds
a lock, which the system releases when the process dies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from trackteroid_cli.batches import dbm
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.ids import id_in, new_id
from trackteroid_cli.errors import (
    AmbiguousBatch,
    BatchBusy,
    BatchDiscarded,
    BatchTwice,
    NotFound,
)
from trackteroid_cli.files import (
    file_lock,
    home,
    make_folder,
    remove_database,
    storing,
    sync_folder,
)

_SUFFIX = ".dbm"


class State(str, Enum):
    """Where a batch is on its way to the server."""

    PENDING = "pending"  #: waits to be committed
    COMMITTING = "committing"  #: a commit works on it, or died while it did
    COMMITTED = "committed"  #: the server has it
    FAILED = "failed"  #: the server refused it
    DISCARDED = "discarded"  #: thrown away; nothing takes it from here unless it is restored
    INTERRUPTED = "interrupted"  #: not in the spool: a recording that did not become a batch


#: The states of what counts: all but the trash.
KEPT_STATES = tuple(state for state in State if state is not State.DISCARDED)


class Entry(NamedTuple):
    """A batch in the spool."""

    id: str
    name: str
    state: State
    path: Path


@dataclass
class Claim:
    """A batch that this process works on; see `Spool.claim`."""

    entry: Entry
    path: Path
    outcome: State


class Spool:
    """The batches below *folder*, which is made when the first one is put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def default(cls) -> Spool:
        """Return the spool of this user."""
        return cls(home() / "spool")

    def new_id(self) -> str:
        """Return an id for a batch recorded now: it comes after every batch that is here."""
        return new_id(id_in(name) for state in State for name in self._names(state))

    def place(self, batch_id: str, name: str) -> Path:
        """Return the path for a new batch of that id and name."""
        return self._folder(State.PENDING) / f"{batch_id}.{slug(name)}{_SUFFIX}"

    def media(self, batch_id: str) -> Path:
        """Return the folder of the copies of what a batch uploads, in whatever state it is."""
        return self.folder / "media" / batch_id

    def media_of(self, path: Path, batch_id: str) -> Path:
        """Return the folder of the copies of the batch in the file *path*, here or anywhere."""
        is_here = path.absolute().parent.parent == self.folder.absolute()
        return self.media(batch_id) if is_here else media.beside(path)

    def begin(self, batch_id: str) -> None:
        """Note that a batch has uploads or follow-ups, before it is put here; see `unfinished`.

        Raises:
            StorageError: the disk refuses.
        """
        with _writing(self.media(batch_id)):
            make_folder(self.media(batch_id))

    def is_unfinished(self, batch_id: str) -> bool:
        """Return whether a batch has uploads or follow-ups that are not known to be done."""
        return self.media(batch_id).is_dir()

    def unfinished(self) -> list[Entry]:
        """Return the batches that have landed, and still have something to be done.

        The folder of what a batch uploads is there, empty or not, until all is done.
        """
        with _reading(self.folder / "media"):
            try:
                names = set(os.listdir(self.folder / "media"))  # noqa: PTH208
            except FileNotFoundError:
                return []
        found = self.entries((State.COMMITTED,)) if names else []
        return [entry for entry in found if entry.id in names]

    def entries(self, states: Iterable[State] = tuple(State)) -> list[Entry]:
        """Return the batches in *states*, in recorded order. No file is opened."""
        found = [
            Entry(*_id_and_name(name), state, self._folder(state) / name)
            for state in states
            for name in self._names(state)
        ]
        return sorted(found)

    def current(self, batch_id: str) -> Entry | None:
        """Return the batch of that id where it is now; None where it is gone."""
        return next((each for each in self.entries() if each.id == batch_id), None)

    def find(self, text: str, states: Iterable[State] = tuple(State)) -> Entry:
        """Return the batch whose id is or begins with *text*, or whose name it is.

        A name that several batches share means the one that still waits, where only one does. A
        discarded batch is meant only if no other one is.

        Raises:
            NotFound: there is none.
            AmbiguousBatch: there are several; the message lists them.
            BatchTwice: they all have one id.
        """
        entries = self.entries(states)
        matches = _matching(text, [each for each in entries if each.state is not State.DISCARDED])
        matches = matches or _matching(text, entries)
        if len(matches) > 1:
            waiting = [entry for entry in matches if entry.state is not State.COMMITTED]
            matches = waiting if len(waiting) == 1 else matches
        if not matches:
            raise NotFound(
                f"there is no batch {text!r}",
                why=f"no id begins with it, no batch has that name, and it is no file; "
                f"the spool is {self.folder}",
                hint="`trackteroid inspect` lists the batches",
            )
        if len(matches) > 1 and len({entry.id for entry in matches}) == 1:
            raise BatchTwice(matches[0].id, matches[0].name, [each.path for each in matches])
        if len(matches) > 1:
            shown = ", ".join(
                f"{entry.id} ({entry.name}, {entry.state.value})" for entry in matches[:5]
            )
            more = f" and {len(matches) - 5} more" if len(matches) > 5 else ""
            raise AmbiguousBatch(
                f"{text!r} means {len(matches)} batches",
                why=f"it could be {shown}{more}",
                hint="give more of the id",
            )
        return matches[0]

    @contextmanager
    def claim(self, entry: Entry) -> Iterator[Claim]:
        """Take the batch *entry* for this process; other processes keep off until the block ends.

        Inside, the batch is ``committing``. When the block ends it goes to the state that the
        claim's ``outcome`` names; it is ``pending`` until the block says otherwise. If the process
        dies inside, the batch stays ``committing`` and can be claimed again.

        Raises:
            BatchBusy: another process works on it.
            BatchDiscarded: it was thrown away.
            BatchTwice: another file has the same id.
            NotFound: it has left the state in which it was listed.
        """
        if entry.state is State.DISCARDED:
            raise BatchDiscarded(entry.id, entry.name)
        with self.lock(entry.id):
            source = self._expect(entry, (entry.state, State.COMMITTING))
            claim = Claim(entry, self._move(source.path, State.COMMITTING), State.PENDING)
            try:
                yield claim
            finally:
                self._move(claim.path, claim.outcome)

    @contextmanager
    def holding(self, entry: Entry) -> Iterator[None]:
        """Keep other processes off the batch *entry*, in the state that it has.

        Raises:
            BatchBusy: another process works on it.
            BatchTwice: another file has the same id.
            NotFound: it has left the state in which it was listed.
        """
        with self.lock(entry.id):
            self._expect(entry, (entry.state,))
            yield

    def settle(self, entry: Entry, state: State) -> Entry:
        """Move the batch *entry*, which this process holds, to *state*; return its place there.

        Raises:
            StorageError: the disk refuses.
        """
        return entry._replace(state=state, path=self._move(entry.path, state))

    def purge(self, entry: Entry) -> None:
        """Delete the batch *entry*, which this process holds, for good.

        Raises:
            StorageError: the disk refuses.
        """
        with _writing(entry.path):
            entry.path.unlink()
            remove_database(entry.path)  # what SQLite may have left beside it
            sync_folder(entry.path.parent)
            media.remove(self.media(entry.id))

    def finish(self, batch_id: str) -> None:
        """Remove the copies of what a batch uploads: all that it asks for was done.

        Raises:
            StorageError: the disk refuses.
        """
        with _writing(self.media(batch_id)):
            media.remove(self.media(batch_id))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep other processes off *name* for the length of the block.

        Raises:
            BatchBusy: another process holds it.
        """
        import filelock

        folder = self.folder / "locks"
        with _writing(folder):
            make_folder(folder)
            lock = file_lock(folder / f"{name}.lock", timeout=0)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise BatchBusy(
                    f"another process works on {name}",
                    why="it holds the lock",
                    hint="wait for it to finish; nothing needs to be done here",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _expect(self, entry: Entry, expected: Iterable[State]) -> Entry:
        """Return where *entry*, whose lock this process holds, is now: in a state *expected*."""
        files = [each for each in self.entries() if each.id == entry.id]
        if len(files) > 1:
            raise BatchTwice(entry.id, entry.name, [each.path for each in files])
        found = files[0] if files else None
        if found is None or found.state not in expected:
            raise NotFound(
                f"batch {entry.id} is not {entry.state.value} any more",
                why=f"another process has it {found.state.value}" if found else "it is gone",
                hint="`trackteroid inspect` shows where it is",
            )
        return found

    def _move(self, path: Path, state: State) -> Path:
        target = self._folder(state) / path.name
        if target == path:
            return path
        with _writing(target, also=(dbm.DbmError,)):
            make_folder(target.parent)
            if os.path.lexists(target):  # the lock keeps others from putting one there meanwhile
                raise FileExistsError(f"there is a file {target} already")
            dbm.move(path, target)
            # The rename is durable only after both folders are.
            for folder in (target.parent, path.parent):
                sync_folder(folder)
        return target

    def _folder(self, state: State) -> Path:
        return self.folder / state.value

    def _names(self, state: State) -> list[str]:
        with _reading(self.folder):
            try:
                names = os.listdir(self._folder(state))  # noqa: PTH208  (a Path a name is too slow)
            except FileNotFoundError:
                return []
        return [name for name in names if name.endswith(_SUFFIX) and id_in(name)]


def slug(name: str) -> str:
    """Return *name* as it stands in a file name: ``Publish v2!`` becomes ``Publish-v2``.

    It has at most 120 bytes, for file systems take no name of more than 255.
    """
    plain = re.sub(r"[^\w-]+", "-", name).strip("-")
    return plain.encode()[:120].decode(errors="ignore") or "batch"


def _matching(text: str, entries: list[Entry]) -> list[Entry]:
    """Return the batches that *text* means: by id, else by name, else by the beginning of an id."""
    matches = [entry for entry in entries if entry.id == text]
    matches = matches or [entry for entry in entries if entry.name == slug(text)]
    return matches or [entry for entry in entries if text and entry.id.startswith(text)]


def _id_and_name(file_name: str) -> tuple[str, str]:
    batch_id, _, rest = file_name.removesuffix(_SUFFIX).partition(".")
    return batch_id, rest


def _reading(folder: Path) -> AbstractContextManager[None]:
    return storing(
        f"cannot read the spool {folder}",
        hint="check the folder's permissions, or set TRACKTEROID_HOME",
    )


def _writing(path: Path, also: tuple[type[Exception], ...] = ()) -> AbstractContextManager[None]:
    return storing(
        f"cannot write to {path}",
        also=also,
        hint="nothing is lost; make room or correct the permissions, or set TRACKTEROID_HOME",
    )
