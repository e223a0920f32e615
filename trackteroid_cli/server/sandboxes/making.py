"""Making sandboxes: each is built beside its place and appears there whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackteroid_cli.errors import NotFound, UsageError
from trackteroid_cli.files import (
    file_lock,
    home,
    make_file,
    make_folder,
    move_database,
    remove_database,
    storing,
)
from trackteroid_cli.server.sandboxes.origin import (
    DEMO,
    REPLICA,
    Origin,
    origin_file,
    read_origin,
    write_origin,
)
from trackteroid_cli.settings import (
    SANDBOX_KEY,
    SANDBOX_SCHEME,
    SANDBOX_USER,
    check_sandbox_name,
)

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

#: What to do about a place that cannot be written to, besides to change that.
_ELSEWHERE = "or set TRACKTEROID_HOME to a folder of your own"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that was made: its name, its file, the size of that in bytes, and its origin."""

    name: str
    path: Path
    size: int
    origin: Origin


def path(name: str) -> Path:
    """Return the file of the sandbox *name*.

    Raises:
        UsageError: the name cannot be a file's name.
    """
    check_sandbox_name(name)
    return home() / "sandboxes" / f"{name}.sqlite"


def every_sandbox() -> list[Sandbox]:
    """Return the sandboxes, by name.

    Raises:
        StorageError: what one was made as cannot be told.
    """
    files = sorted((home() / "sandboxes").glob("*.sqlite"))
    return [Sandbox(file.stem, file, file.stat().st_size, read_origin(file)) for file in files]


def find(name: str) -> Sandbox | None:
    """Return the sandbox *name*; None if it was not made yet.

    Raises:
        UsageError, StorageError: as `path` and `read_origin`.
    """
    file = path(name)
    if not file.exists():
        return None
    return Sandbox(name, file, file.stat().st_size, read_origin(file))


def open_engine(name: str, *, server_url: str = "") -> Engine:
    """Return the engine of the sandbox *name*, filled with the demo data if it is new.

    Raises:
        StorageError: the disk refuses, or the file is not a sandbox.
    """
    import sqlite3

    from trackteroid_cli.engine.engine import Engine

    file = path(name)
    with storing(
        f"cannot open the sandbox {file}",
        hint=f"make room or correct its permissions, {_ELSEWHERE}",
        damaged=f"`trackteroid sandbox reset {name}` puts it back to what it was made as",
        also=(sqlite3.Error, ValueError),
    ):
        if not file.exists():
            _make(file, read_origin(file))
        engine = Engine(file, server_url=server_url or f"{SANDBOX_SCHEME}{name}")
        try:
            engine.prepare_media()
        except BaseException:
            engine.close()
            raise
        return engine


def create(name: str, origin: Origin, *, source: Path | None = None) -> None:
    """Make the sandbox *name*, which must not exist yet.

    Args:
        origin: what to make it as; it is kept for `reset`.
        source: the file of the replica, if that is its origin.

    Raises:
        UsageError: there is such a sandbox, or its data do not fit its entity types.
        StorageError: the disk refuses.
    """
    if name == "demo" and origin != Origin():
        raise UsageError(
            "the sandbox demo is the one with the demo data",
            why="`trackteroid --sandbox` and the documentation count on it",
            hint="give another name",
        )
    file = path(name)
    if not _make(file, origin, source=source):
        raise UsageError(
            f"there is a sandbox {name} already",
            why=f"it was made with {read_origin(file)}",
            hint=f"give another name, or see `trackteroid sandbox reset {name}`, which puts it "
            "back to what it was made as",
        )


def reset(name: str, origin: Origin | None = None, *, source: Path | None = None) -> None:
    """Put the sandbox *name* back to what it was made as; one that is new has the demo data.

    A process that has it open keeps the old data until it ends.

    Args:
        origin: what to make it as; None for what is kept.
        source: as for `create`.

    Raises:
        StorageError: the disk refuses.
    """
    file = path(name)
    _make(file, origin or read_origin(file), source=source, replace=True)


def remove(name: str) -> None:
    """Remove the sandbox *name*.

    Raises:
        NotFound: there is none.
        StorageError: the system refuses.
    """
    file = path(name)
    if not (file.exists() or origin_file(file).exists()):
        raise NotFound(
            f"there is no sandbox {name}",
            why=f"there is no file {file}",
            hint="`trackteroid sandbox list` shows those there are",
        )
    # The lock stays: another process may wait for it.
    with (
        storing(
            f"cannot remove the sandbox {file}",
            hint="stop what uses it, and correct the permissions of its folder",
        ),
        file_lock(file.with_suffix(".lock")),
    ):
        remove_database(file)
        _remove_media(file)
        origin_file(file).unlink(missing_ok=True)


def _make(file: Path, origin: Origin, *, source: Path | None = None, replace: bool = False) -> bool:
    """Build the sandbox beside its place and move it there whole; return whether it did.

    That of a rival is kept, unless it is to be replaced.
    """
    import sqlite3

    if origin.data == REPLICA and source is None:
        raise UsageError(
            f"the sandbox {file.stem} is gone, and was made from a replica",
            why=f"it held {origin}",
            hint=f"`trackteroid sandbox reset {file.stem}` makes it anew from the replica",
        )
    with storing(
        f"cannot make the sandbox {file}",
        hint=f"make room or correct the permissions, {_ELSEWHERE}",
        also=(sqlite3.Error,),
    ):
        make_folder(file.parent)
        with file_lock(file.with_suffix(".lock")):
            if file.exists() and not replace:
                return False
            draft = file.with_suffix(".new")
            remove_database(draft)
            make_file(draft)
            try:
                with closing(_filled(draft, origin, source)) as engine:
                    engine.prepare_media()
                    media = engine.media.folder.path.name
                    # What a full disk leaves in the log beside the file would not be moved with it.
                    engine.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                write_origin(file, origin)
                move_database(draft, file)
                _remove_media(file, but=media)
            finally:
                remove_database(draft)
    return True


def _remove_media(file: Path, *, but: str = "") -> None:
    """Remove the media of the databases that were in *file* before; those of one may stay."""
    import shutil

    from trackteroid_cli.engine.media.media import folder_of

    folder = folder_of(file)
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.name != but:
            shutil.rmtree(each, ignore_errors=True)
    with suppress(OSError):  # somebody has uploaded something meanwhile
        folder.rmdir()


def _filled(file: Path, origin: Origin, source: Path | None) -> Engine:
    """Return the engine of the new *file*, with the data that *origin* names."""
    from trackteroid_cli.engine.demo import load_demo
    from trackteroid_cli.engine.engine import Engine
    from trackteroid_cli.engine.schema.standard import standard_schemas

    with _fitting(origin):
        if source is not None:
            engine = Engine.copy(source, file)
        else:
            engine = Engine.create(file, origin.schemas or standard_schemas())
        try:
            if origin.data == DEMO:
                load_demo(engine)
            else:
                engine.admit(SANDBOX_USER, SANDBOX_KEY)
        except BaseException:
            engine.close()
            raise
    return engine


@contextmanager
def _fitting(origin: Origin) -> Iterator[None]:
    """Refuse entity types that the data do not fit.

    Raises:
        UsageError: that error.
    """
    from trackteroid_cli.engine.storage.errors import EngineError

    try:
        yield
    except EngineError as error:
        if origin.schemas is None and origin.data != REPLICA:
            raise
        held = "the demo data" if origin.data == DEMO else "the rows that a sandbox needs"
        raise UsageError(
            f"{held} do not fit these entity types",
            why=error.content,
            hint="add --empty to leave the demo data out"
            if origin.data == DEMO
            else "take the schemas of a whole server, as its action query_schemas answers them",
        ) from error
