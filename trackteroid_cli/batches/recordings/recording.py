"""A recording: what sessions have committed so far for one server, as one process knows it.

The operations are in a `RecordingFile`, which other processes may append to; what questions of the
session need of them is in memory.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trackteroid_cli import settings
from trackteroid_cli.batches import batch as batch_file
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp
from trackteroid_cli.batches.enclosures.uploads import Upload
from trackteroid_cli.batches.header import Header
from trackteroid_cli.batches.labels import Label, references
from trackteroid_cli.batches.operations import (
    UNSET,
    Create,
    Identity,
    from_json,
    identity,
    to_json,
    values_set,
)
from trackteroid_cli.batches.placements import PLACEMENT_TYPE, Placements
from trackteroid_cli.batches.recordings.created import CreatedEntities
from trackteroid_cli.batches.recordings.facts import jobs, note_server
from trackteroid_cli.batches.recordings.recording_file import (
    Addition,
    RecordingFile,
    add_completion,
    add_operations,
    new_rows,
)
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.files import storing


class Fact(NamedTuple):
    """What a recording notes of an operation.

    Attributes:
        entity: that it creates or changes.
        without_old_value: the attribute that it updates, if the author did not see its old value.
        placement: the attributes of the placement that it creates.
    """

    kind: str
    entity: Identity
    without_old_value: str = ""
    placement: Mapping[str, object] | None = None


class Recording:
    """The operations that sessions have committed for one server, in the order of the commits.

    Several sessions, threads and processes may record into one.

    Args:
        file: where the operations are.
        server: the URL of the server; one file may hold recordings for several.
    """

    def __init__(self, file: RecordingFile, server: str = "") -> None:
        self.file = file
        self.server = server
        #: The user of the server who commits.
        self.author = ""
        self.commits = 0
        #: Entities that exist only in this recording.
        self.created = CreatedEntities()
        #: Attributes of these that the script has read and that the server will set.
        self.provisional: dict[Identity, dict[str, object]] = {}
        #: Types, by id, of entities that the server makes besides, with other ids than shown here.
        self.side_effects: dict[str, str] = {}
        #: The ids of jobs that requests were answered with; they are such entities.
        self.jobs: set[str] = set()
        #: Labels of the other entities that the operations mention; None if not known yet.
        self.labels: dict[Identity, Label | None] = {}
        #: Attributes that were changed without having been read: the position of the update.
        self.missing_old_values: dict[tuple[Identity, str], int] = {}
        #: Entities that are deleted and were not created here: the position of the delete.
        self.deleted: dict[Identity, int] = {}
        #: Locations of components, as far as the recording has changed them.
        self.placements = Placements()
        #: What completes the operations.
        self._additions: list[Addition] = []
        #: The created entities with provisional values that the file does not have yet.
        self._unkept: set[Identity] = set()
        self._length = 0
        #: The last row of the file that is known here.
        self._row = 0
        #: The version of the file up to which it was read.
        self._version = b""
        #: The last recorded value of each attribute, as far as `value_of` has read the operations.
        self._values: dict[tuple[Identity, str], object] = {}
        self._read = 0

    def __len__(self) -> int:
        """Return the number of operations that are known here."""
        return self._length

    def operations(self, position: int = 0) -> Iterator[bytes]:
        """Yield the operations from *position* on, in JSON form."""
        return self.file.operations(self.server, position)

    def catch_up(self) -> None:
        """Take note of what other processes have committed.

        Raises:
            StorageError: the file cannot be read.
        """
        version = self.file.version()
        if version == self._version:
            return
        with self.file.lock, self.file.reading() as connection:
            if connection is not None:
                self._catch_up(connection)
            self._version = version

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        for row in new_rows(connection, self.server, self._row):
            for document in map(json.loads, row.lines):
                self._note(fact_of(document), self._length)
                self._length += 1
                for entity in references(list(values_set(from_json(document)).values())):
                    self.mention(entity)
            self._row, self.commits = row.number, row.commit
        for job in jobs(connection, self.server):
            self._note_job(job)

    def _note_job(self, job_id: str) -> None:
        self.jobs.add(job_id)
        self.side_effects[job_id] = "Job"

    def current_jobs(self) -> set[str]:
        """Return the ids of the jobs that requests of any process were answered with.

        Raises:
            StorageError: the file cannot be read.
        """
        self.catch_up()
        return self.jobs

    def add_commit(
        self,
        encoded: Callable[[int], Iterable[tuple[Fact, bytes]]],
        *,
        process: int | None = None,
    ) -> None:
        """Add one commit: whole, or not at all if anything is raised.

        Args:
            encoded: takes the number of the commit; yields its operations: what to note of each,
                and its JSON form.
            process: the number of the process that commits; by default this one's.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        self._add(lambda: (self.commits + 1, encoded(self.commits + 1)), process)

    def _add(
        self,
        made: Callable[[], tuple[int, Iterable[tuple[Fact, bytes]]]],
        process: int | None = None,
    ) -> None:
        with self.file.lock:
            facts: list[tuple[int, Fact]] = []
            length: int | None = None
            try:
                with self.file.writing() as connection:
                    self._catch_up(connection)
                    length = self._length
                    commit, operations = made()
                    row = add_operations(
                        connection,
                        self.server,
                        self._noting(facts, operations),
                        commit=commit,
                        process=os.getpid() if process is None else process,
                        position=length,
                    )
                    # What was read before this commit may be part of what it sets.
                    kept = self._keep_provisional(connection)
                    note_server(connection, self.server, author=self.author)
            except BaseException:
                if length is not None:
                    self.created.forget_from(length)
                    self._length = length
                raise
            # It is on the disk: nothing can fail from here on.
            self._row, self.commits = max(row, self._row), commit
            for position, fact in facts:
                self._note(fact, position)
            self._unkept -= kept  # another thread may have read more meanwhile

    def _noting(
        self, facts: list[tuple[int, Fact]], operations: Iterable[tuple[Fact, bytes]]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the kinds and JSON forms of *operations*, and note what they create.

        Args:
            facts: gets what is to be noted once they are on the disk, and the positions.
        """
        for fact, text in operations:
            if fact.kind == "create":
                self.created.add(fact.entity, self._length)
            if fact.kind != "create" or fact.placement is not None:
                facts.append((self._length, fact))
            self._length += 1
            yield fact.kind, text

    def _note(self, fact: Fact, position: int) -> None:
        """Note an operation that was added."""
        if fact.kind == "create":
            self.created.add(fact.entity, position)
        elif fact.entity not in self.created:
            self.labels.setdefault(fact.entity, None)
            if fact.without_old_value:
                missing = fact.entity, fact.without_old_value
                self.missing_old_values.setdefault(missing, position)
            if fact.kind == "delete":
                self.deleted.setdefault(fact.entity, position)
        if fact.entity.entity_type == PLACEMENT_TYPE and fact.kind != "update":
            self.placements.change(fact.entity.key[0], fact.placement)

    def mention(self, entity: Identity) -> None:
        """Note that the recording mentions *entity*, which gets a label if it is not created."""
        if entity not in self.created:
            self.labels.setdefault(entity, None)

    def continue_from(self, path: Path, server_url: str) -> None:
        """Start with the operations of the batch at *path*.

        Raises:
            CannotDefer: it was sent already, or it is for another server than *server_url*.
        """
        with Batch(path) as earlier:
            _refuse_to_continue(earlier, server_url)
            operations = list(earlier.operations())
            commits = max((each.commit for each in operations), default=0)
            facts = [fact_of(to_json(operation)) for operation in operations]
            encoded = batch_file.encode_operations(operations)
            self._add(lambda: (commits, zip(facts, encoded, strict=True)))
            for operation in operations:
                if isinstance(operation, Create) and operation.provisional:
                    self.provisional[identity(operation)] = operation.provisional
                    self._unkept.add(identity(operation))
            self.labels.update(earlier.labels())
            self._take_enclosures(earlier)

    def _take_enclosures(self, earlier: Batch) -> None:
        """Start with the uploads and follow-ups of *earlier*, too."""
        uploads, follow_ups = earlier.uploads(), earlier.follow_ups()
        if uploads:
            _bring_media(uploads, media.beside(earlier.path), self.file.enclosed.media)
            self.file.enclosed.add_uploads(self.server, uploads, author=self.author)
        if follow_ups:
            self.file.enclosed.add_follow_ups(self.server, follow_ups, author=self.author)

    def add_upload(self, upload: Upload) -> None:
        """Add an upload, in place of an earlier one of the same component.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        self.file.enclosed.add_uploads(self.server, [upload], author=self.author)

    def remove_upload(self, component_id: str) -> None:
        """Forget the upload of a component.

        Raises:
            CannotDefer, StorageError: as `add_upload`.
        """
        self.file.enclosed.remove_upload(self.server, component_id)

    def upload(self, component_id: str) -> Upload | None:
        """Return the upload of a component, of any process; None if there is none."""
        return self.file.enclosed.upload(self.server, component_id)

    def is_removed(self, component_id: str) -> bool:
        """Return whether the bytes of a component are to be removed from the server."""
        return self.file.enclosed.is_removed(self.server, component_id)

    def add_follow_up(self, follow_up: FollowUp, *, job_id: str = "") -> None:
        """Add a follow-up.

        Args:
            job_id: of the job that the script was answered with, if there is one.

        Raises:
            CannotDefer, StorageError: as `add_upload`.
        """
        self.file.enclosed.add_follow_ups(
            self.server, [follow_up], author=self.author, job_id=job_id
        )
        if job_id:
            self._note_job(job_id)

    def value_of(self, entity: Identity, attribute: str) -> object:
        """Return the value that was recorded last, in JSON form, or `UNSET`."""
        if self._read < len(self):
            for operation in map(from_json, map(json.loads, self.operations(self._read))):
                owner = identity(operation)
                for name, value in values_set(operation).items():
                    self._values[owner, name] = value
                self._read += 1
        return self._values.get((entity, attribute), UNSET)

    def set_old_value(self, position: int, value: object) -> None:
        """Set the old value of the update at *position*, in JSON form."""
        self._additions.append(Addition(position, "old_value", "", value))

    def set_deleted(self, position: int, parts: Mapping[str, object]) -> None:
        """Set what the delete at *position* deletes; what its author saw is kept.

        Args:
            parts: of its JSON form.
        """
        self._additions += [Addition(position, part, "", value) for part, value in parts.items()]

    def note_provisional(
        self, entity: Identity, attribute: str, value: object, label: Label | None = None
    ) -> None:
        """Note that the script has read an attribute that the server will set.

        Args:
            entity: one that the recording creates.
            value: as it would be set now, in JSON form.
            label: of the entity that the value refers to.
        """
        values = self.provisional.setdefault(entity, {})
        if attribute not in values:
            values[attribute] = value
            self._unkept.add(entity)
        for mentioned in references(value):
            if mentioned not in self.created and self.labels.get(mentioned) is None:
                self.labels[mentioned] = label

    def _keep_provisional(self, connection: sqlite3.Connection) -> set[Identity]:
        """Add to the file what was read of provisional values; return of which entities."""
        kept = set(self._unkept)
        additions = [
            Addition(self.created.position(entity), "provisional", name, value)
            for entity in kept
            for name, value in self.provisional[entity].items()
        ]
        shown = references([each.value for each in additions])
        labels = {entity: label for entity in shown if (label := self.labels.get(entity))}
        add_completion(connection, self.server, additions, labels)
        return kept

    def keep_completion(self, **parts: object) -> None:
        """Keep in the file what completes the operations that are known here.

        Args:
            parts: of the header of the batch.

        Raises:
            CannotDefer: the recording has ended.
            StorageError: the disk refuses.
        """
        labels = {
            entity: label
            for entity, label in self.labels.items()
            if label is not None and entity not in self.created
        }
        with self.file.writing(closing_it=True) as connection:
            self._keep_provisional(connection)
            add_completion(connection, self.server, self._additions, labels)
            note_server(connection, self.server, completed=len(self), parts=parts)

    def read_completion(self) -> None:
        """Take note of what completes the operations already, as other processes have kept it."""
        self.labels.update(self.file.labels(self.server))
        additions = self.file.additions(self.server)
        for missing, position in list(self.missing_old_values.items()):
            if "old_value" in additions.get(position, {}):
                del self.missing_old_values[missing]
        for entity, position in list(self.deleted.items()):
            if "takes_along" in additions.get(position, {}):
                del self.deleted[entity]

    def save(self, path: Path, header: Header, *, replace: bool = False) -> None:
        """Write the batch to *path*, whole or not at all, and copies of media beside it.

        Raises:
            StorageError: the file cannot be written.
        """
        self.keep_completion()
        folder = media.beside(path)
        bring_media(self.file, self.server, folder)
        write_batch(self.file, self.server, path, header, replace=replace)
        media.keep_only(folder, {each.sha256 for each in self.file.enclosed.uploads(self.server)})


def fact_of(document: Mapping[str, Any]) -> Fact:
    """Return what to note of an operation, in JSON form; values may be objects of ftrack's."""
    kind = document["operation"]
    entity = Identity(document["entity_type"], tuple(document["entity_key"].values()))
    if kind == "update" and "old_value" not in document:
        return Fact(kind, entity, document["attribute_name"])
    if kind == "create" and entity.entity_type == PLACEMENT_TYPE:
        return Fact(kind, entity, placement=document["entity_data"])
    return Fact(kind, entity)


def write_batch(
    file: RecordingFile, server: str, path: Path, header: Header, *, replace: bool = False
) -> None:
    """Write the batch of what *file* holds for *server* to *path*, whole or not at all.

    Copies of what it uploads are not brought along; see `bring_media`.

    Raises:
        StorageError: the file cannot be written.
    """
    operations = file.completed_operations(server)
    batch_file.write(
        path,
        header,
        operations,
        file.labels(server),
        uploads=file.enclosed.uploads(server),
        follow_ups=file.enclosed.follow_ups(server),
        replace=replace,
    )


def bring_media(file: RecordingFile, server: str, folder: Path) -> None:
    """Bring the copies of what is to be uploaded to *server* into *folder*.

    Raises:
        StorageError: the disk refuses.
    """
    _bring_media(file.enclosed.uploads(server), file.enclosed.media, folder)


def _bring_media(uploads: Iterable[Upload], source: Path, target: Path) -> None:
    with storing(
        f"cannot keep what is to be uploaded in {target}", hint="make room, and try again"
    ):
        for upload in uploads:
            if not upload.path:
                media.bring(upload.sha256, source, target)


def _refuse_to_continue(batch: Batch, server_url: str) -> None:
    url = settings.normalise_url(server_url)
    if batch.journal().may_have_landed:
        why = "it was sent to the server already, and what it holds would be applied twice"
    elif batch.header.server and batch.header.server != url:
        why = f"it was recorded against {batch.header.server}, and this session is at {url}"
    else:
        return
    raise CannotDefer(
        f"cannot add to {batch.path}",
        why=why,
        hint="record into another file, or replace this one with clear=True",
    )
