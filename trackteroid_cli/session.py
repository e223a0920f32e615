"""`Session`: an ``ftrack_api.Session`` that can defer what it commits.

It keeps every capability and every parameter of ``ftrack_api.Session``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ftrack_api
import ftrack_api.entity.factory
import requests

from trackteroid_cli import connection, sandbox, settings
from trackteroid_cli.deferral import READING_ACTIONS, Deferral, Recording
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.locations import RecordedLocation

if TYPE_CHECKING:
    from trackteroid_cli.recording import Recorder
    from trackteroid_cli.replay import Result

#: ftrack's own class: while a script is recorded, ``ftrack_api.Session`` is ours.
_FtrackSession = ftrack_api.Session

#: Set for the length of a recorded run: every session that is made defers from its first moment.
_recorder: Recorder | None = None


def set_recorder(recorder: Recorder | None) -> None:
    """Make every session that is created from now on record into *recorder*; None ends that."""
    global _recorder
    _recorder = recorder


class Session(_FtrackSession):  # type: ignore[misc]
    """An ftrack session that can defer its operations and reuse its query results.

    All arguments are those of ``ftrack_api.Session``. A *server_url* of ``sandbox://NAME`` reaches
    the sandbox of that name in this process; it needs neither key nor user.
    """

    recorded_operations: ftrack_api.operation.Operations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = _named(args, kwargs)
        self._deferral: Deferral | None = None
        self._query_results: dict[str, Any] | None = None
        super().__init__(**_completed(self._arguments))
        if _recorder is not None:
            self._begin(_recorder.recording_for(self))
            _recorder.adopt(self)

    # -- deferring ---------------------------------------------------------------------------------

    @property
    def deferring(self) -> bool:
        """Whether `commit` records instead of sending."""
        return self._deferral is not None

    @contextmanager
    def deferred_operations(self, path: str | Path, clear: bool = True) -> Iterator[Session]:
        """Record what the block commits as one batch in the dbm file *path*; send nothing.

        Inside, entities keep the values that they were given. Operations that the block leaves
        uncommitted join the batch when it ends. Afterwards the session is as it was before the
        block: operations that it had recorded are back, entities that the block created are
        detached and keep their values, others have their former ones. A block that raises leaves no
        batch.

        Args:
            path: the batch file; its folder is made if need be.
            clear: give up a file that is already there. False: add to the batch that it holds.

        Raises:
            CannotDefer: a value or a request cannot be recorded; raised where it is asked for.
            StorageError: the file cannot be written; nothing is half written.
        """
        from trackteroid_cli.completing import complete
        from trackteroid_cli.recording import make_header

        path = Path(path)
        recording = Recording()
        if not clear and path.exists():
            recording.continue_from(path)
        outer = self._deferral, self.recorded_operations
        deferral = self._begin(recording)
        try:
            yield self
            self.commit()
            complete(recording, self)
            header = make_header(path.stem, recording, self)
            recording.save(path, header, replace=True)
        finally:
            deferral.undo()
            self._deferral, self.recorded_operations = outer

    def _begin(self, recording: Recording) -> Deferral:
        self._deferral = Deferral(self, recording)
        self.recorded_operations = self._deferral.pending
        return self._deferral

    def commit(self) -> None:
        """Commit all local changes; while deferring, add them to the batch instead."""
        if self._deferral is None:
            super().commit()
            self._forget_query_results()
            return
        with self._thread_lock, self.auto_populating(False):
            taken = list(self.recorded_operations)
            self._deferral.commit()
        self._complete_custom_attributes(taken)

    def rollback(self) -> None:
        """Forget what was recorded since the last commit, and the values that it gave."""
        if self._deferral is None:
            super().rollback()
            return
        with self._thread_lock:
            self._deferral.rollback()

    def call(self, data: Any) -> Any:
        """Send *data* to the server; while deferring, only requests that change nothing.

        Raises:
            CannotDefer: while deferring, an action would change the server at once.
        """
        if self._deferral is not None:
            for entry in data:
                action = entry.get("action")
                if action not in READING_ACTIONS:
                    raise CannotDefer(
                        f"cannot record the action {action!r}",
                        why="it changes the server at once and cannot be kept for later",
                        hint="leave it out of what is recorded, or run it after the batch is "
                        "committed; creates, updates and deletes made through the session "
                        "are recorded",
                    )
        return super().call(data)

    def populate(self, entities: Any, projections: str) -> None:
        """Populate *entities*; those that exist only in the recording have nothing to fetch."""
        if self._deferral is not None and self._deferral.recording.created:
            if not isinstance(entities, (list, tuple, ftrack_api.query.QueryResult)):
                entities = [entities]
            known = []
            for entity in entities:
                if not self._deferral.is_created(entity):
                    known.append(entity)
                elif projections.startswith("custom_attributes"):
                    self._show_custom_attributes(entity)
            entities = known
        if entities:
            super().populate(entities, projections)

    def recorded_resource_identifiers(self, location_id: str) -> dict[str, str]:
        """Return what the recording has added to a location: resource identifiers by component."""
        if self._deferral is None:
            return {}
        return self._deferral.recording.resource_identifiers.get(location_id, {})

    def _build_entity_type_classes(self, schemas: Any) -> Any:
        classes = super()._build_entity_type_classes(schemas)
        location = classes.get("Location")
        if location is not None:
            bases = (RecordedLocation, location)
            classes["Location"] = type(location)(location.__name__, bases, {})
        return classes

    def _complete_custom_attributes(self, operations: list[Any]) -> None:
        """Show all custom attributes of entities of which the commit set some.

        A server would now answer with a value for each, and ``ftrack_api`` relies on it.
        """
        owners = {
            operation.entity_key["entity_id"]
            for operation in operations
            if operation.entity_type.endswith("CustomAttributeValue")
            and "entity_id" in operation.entity_key
        }
        if not owners or self._deferral is None:
            return
        for entity_type, key in self._deferral.recording.created:
            if len(key) == 1 and key[0] in owners:
                try:
                    entity = self._get(entity_type, key)
                except KeyError:
                    continue
                self._show_custom_attributes(entity)

    def _show_custom_attributes(self, entity: Any) -> None:
        """Give *entity*, which no server knows, the custom attributes that one would show."""
        attribute = entity.attributes.get("custom_attributes")
        if attribute is None:
            return
        reference = next(
            schema["properties"]["custom_attributes"]["items"]["$ref"]
            for schema in self.schemas
            if schema["id"] == entity.entity_type
        )
        with self.operation_recording(False):
            if attribute.get_local_value(entity) is ftrack_api.symbol.NOT_SET:
                attribute.set_local_value(entity, None)
            collection = attribute.get_local_value(entity).collection
            present = {item["configuration_id"] for item in collection}
            configurations = ftrack_api.entity.factory._get_entity_configurations(entity)
            missing = [each for each in configurations if each["id"] not in present]
            if not missing:
                return
            self.populate(missing, "default")
            for configuration in missing:
                data = {
                    "configuration_id": configuration["id"],
                    "entity_id": entity["id"],
                    "key": configuration["key"],
                    "value": configuration["default"],
                }
                collection.append(self.create(reference, data, reconstructing=True))

    # -- reconnecting ------------------------------------------------------------------------------

    def reconnect(self, **overrides: Any) -> None:
        """Connect afresh, with *overrides* in place of the arguments given before.

        Entities stay usable, and recorded operations stay recorded.
        """
        operations, deferral = self.recorded_operations, self._deferral
        entities = {key: self._local_cache.get(key) for key in self._cached_keys()}
        if not self.closed:
            self.recorded_operations = ftrack_api.operation.Operations()
            self.close()
        self._arguments = {**self._arguments, **overrides}
        super().__init__(**_completed(self._arguments))
        fresh = set(self._cached_keys())
        for key, entity in entities.items():
            if key not in fresh:
                self._local_cache.set(key, entity)
        self.recorded_operations, self._deferral = operations, deferral
        self._forget_query_results()

    def reconnect_and_commit(self, path: str | Path, **overrides: Any) -> Result:
        """Connect afresh and replay the batch at *path*, in a single request.

        What this session has recorded itself is left alone.

        Args:
            path: a batch, made by `deferred_operations` or ``trackteroid record``, or a file that
                Trackteroid left.
            overrides: arguments in place of those that the session was made with.

        Returns:
            What became of the batch; one that had landed before is not sent again.

        Raises:
            CannotDefer: the session is deferring.
            CommitError, ServerError: the batch did not land; the file is kept.
        """
        from trackteroid_cli.replay import replay_file

        if self._deferral is not None:
            raise CannotDefer(
                f"cannot commit {path} while the session defers its operations",
                why="a commit goes to the server at once",
                hint="commit the batch after the recording",
            )
        self.reconnect(**overrides)
        with self.open_connection() as fresh:
            result = replay_file(Path(path), fresh)
        self._forget_query_results()
        return result

    def open_connection(self) -> connection.Connection:
        """Return a plain connection to the same server, as the same user."""
        timeout = self.request_timeout
        return connection.Connection(
            settings.Server(self.server_url, self.api_user, self.api_key),
            timeout=timeout if isinstance(timeout, (int, float)) else connection.TIMEOUT,
            headers=self._arguments.get("headers"),
            cookies=self._arguments.get("cookies"),
        )

    def _cached_keys(self) -> list[str]:
        return list(self._local_cache.keys())

    # -- reusing query results ---------------------------------------------------------------------

    @contextmanager
    def reusing_query_results(self) -> Iterator[Session]:
        """Answer a query that was asked before from memory, for the length of the block.

        Blocks may be nested: an inner one uses what an outer one knows. A commit makes the session
        forget, as answers may have changed.
        """
        previous = self._query_results
        if previous is None:
            self._query_results = {}
        try:
            yield self
        finally:
            self._query_results = previous

    def _query(self, expression: str) -> Any:
        if self._query_results is None:
            return super()._query(expression)
        if expression not in self._query_results:
            self._query_results[expression] = super()._query(expression)
        records, metadata = self._query_results[expression]
        return list(records), metadata

    def _forget_query_results(self) -> None:
        if self._query_results is not None:
            self._query_results.clear()

    # -- connecting --------------------------------------------------------------------------------

    @property
    def _request(self) -> requests.Session:
        return super()._request

    @_request.setter
    def _request(self, value: requests.Session | None) -> None:
        if value is not None:
            sandbox.mount(value)
        self._managed_request = value

    def _write_schemas_to_cache(self, schemas: Any, schema_cache_path: str) -> None:
        """Keep *schemas* so that a session that starts meanwhile never reads half of them."""
        import json

        connection.write_whole(Path(schema_cache_path), json.dumps(schemas))


class DefaultSession(Session):
    """A session that connects when something of it is first used."""

    def __init__(self) -> None:
        # Nothing yet: see __getattr__.
        pass

    def __getattr__(self, name: str) -> Any:
        """Connect, as an attribute is asked for that only a connected session has."""
        if name.startswith("__") or "_arguments" in self.__dict__:
            raise AttributeError(name)
        Session.__init__(self)
        return getattr(self, name)


@functools.cache
def default_session() -> DefaultSession:
    """Return the session that the package offers as ``SESSION``."""
    return DefaultSession()


def _named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments by their names, as `Session.reconnect` overrides some of them."""
    import inspect

    bound = inspect.signature(_FtrackSession.__init__).bind(None, *args, **kwargs)
    arguments = dict(bound.arguments)
    arguments.pop("self")
    return arguments


def _completed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Fill in what ``ftrack_api`` would take amiss: a sandbox's key, a cache folder that exists."""
    arguments = dict(arguments)
    url = arguments.get("server_url") or os.environ.get("FTRACK_SERVER") or ""
    if settings.is_sandbox(url):
        key = os.environ.get("FTRACK_API_KEY") or settings.SANDBOX_KEY
        user = os.environ.get("FTRACK_API_USER") or settings.SANDBOX_USER
        arguments["api_key"] = arguments.get("api_key") or key
        arguments["api_user"] = arguments.get("api_user") or user
    cache = arguments.get("schema_cache_path")
    if url and cache is None and not os.environ.get("FTRACK_API_SCHEMA_CACHE_PATH"):
        arguments["schema_cache_path"] = str(settings.cache_folder(url))
    return arguments
