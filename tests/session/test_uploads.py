"""What a recorded script uploads is kept with the batch, and read back as from the server."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ftrack_api.accessor.disk
import ftrack_api.data
import ftrack_api.exception
import ftrack_api.structure.id
import ftrack_api.symbol
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.generated import part
from tests.support.sessions import Connect, kinds
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.batches.enclosures import media
from trackteroid_cli.batches.enclosures.follow_ups import FollowUp, Kind
from trackteroid_cli.batches.enclosures.uploads import Upload
from trackteroid_cli.errors import CannotDefer
from trackteroid_cli.session.session import Session


@pytest.fixture
def file(lasting: Path) -> Iterator[Path]:
    path = lasting / "image.png"
    path.write_bytes(b"pixels")
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def place(session: Session) -> Any:
    """The location of the server."""
    return session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)


def held(batch: Path) -> tuple[list[Upload], list[FollowUp]]:
    with Batch(batch) as found:
        return found.uploads(), found.follow_ups()


def copies(batch: Path) -> dict[str, bytes]:
    folder = media.beside(batch)
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.exists() else {}


def read(place: Any, component: Any, length: int | None = None) -> bytes:
    file = place.accessor.open(component["id"])
    with contextlib.closing(file.wrapped_file):
        content: bytes = file.read(length)
    return content


def write(place: Any, component: Any, content: bytes) -> None:
    file = place.accessor.open(component["id"], "wb")
    with contextlib.closing(file.wrapped_file):
        file.write(content)
        file.flush()


def test_a_file_that_lasts_is_kept_by_reference(
    session: Session, place: Any, file: Path, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with session.deferred_operations(batch):
        component = session.create_component("image.png", {"name": "main"}, location=place)
        session.commit()
    ((upload,), follow_ups) = held(batch)
    with file.open("rb") as source:
        size, sha256 = media.digest(source)
    assert upload == Upload(component["id"], "main.png", size, sha256, str(file))
    assert (follow_ups, copies(batch)) == ([], {})
    assert kinds(batch) == ["create FileComponent", "create ComponentLocation"]


@pytest.mark.parametrize("way", ["temporary", "link", "TMPDIR", "asked for"])
def test_a_file_that_will_not_last_is_copied(
    session: Session,
    place: Any,
    file: Path,
    lasting: Path,
    tmp_path: Path,
    batch: Path,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if way == "temporary":
        file = Path(shutil.copy(file, tmp_path))
    elif way == "link":
        (tmp_path / "target.png").write_bytes(b"pixels")
        file.unlink()
        file.symlink_to(tmp_path / "target.png")
    elif way == "TMPDIR":
        monkeypatch.setenv("TMPDIR", str(lasting))
    with session.deferred_operations(batch, copy_media=way == "asked for"):
        component = session.create_component(str(file), location=place)
        file.unlink()
        assert read(place, component) == b"pixels"
    ((upload,), _) = held(batch)
    assert upload.path == ""
    assert copies(batch) == {upload.sha256: b"pixels"}


def test_an_upload_is_read_back_as_from_the_server(
    session: Session, place: Any, file: Path, tmp_path: Path, batch: Path
) -> None:
    disk = session.create("Location", {"name": "test.disk"})
    session.commit()
    disk.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(tmp_path / "disk"))
    disk.structure = ftrack_api.structure.id.IdStructure()
    (tmp_path / "disk").mkdir()
    with session.deferred_operations(batch):
        component = session.create_component(str(file), {"name": "main"}, location=place)
        assert read(place, component) == b"pixels"
        assert read(place, component, 3) == b"pix"
        assert place.get_resource_identifier(component) == component["id"]
        assert place.get_component_availability(component) == 100.0
        assert place.get_url(component).startswith(f"{session.server_url}/component/get?id=")
        origin = session.get("Location", ftrack_api.symbol.ORIGIN_LOCATION_ID)
        with pytest.raises(ftrack_api.exception.ComponentInLocationError):
            place.add_component(component, origin)
        disk.add_component(component, place)
        assert Path(disk.get_filesystem_path(component)).read_bytes() == b"pixels"
    session.reconnect_and_commit(batch)
    assert place.get_component_availability(component) == 100.0
    assert read(place, component) == b"pixels"


def test_a_file_that_was_changed_since_is_not_taken_for_what_was_uploaded(
    session: Session, place: Any, file: Path, batch: Path
) -> None:
    with session.deferred_operations(batch, allow_refused=True):
        component = session.create_component(str(file), location=place)
        file.write_bytes(b"others")
        with pytest.raises(CannotDefer, match=r"cannot read back the upload main\.png") as caught:
            read(place, component)
        assert __file__ in caught.value.line
        file.unlink()
        with pytest.raises(CannotDefer, match="was changed or removed since"):
            read(place, component)


def test_what_a_script_writes_itself_is_copied(session: Session, place: Any, batch: Path) -> None:
    with session.deferred_operations(batch):
        component = session.create("FileComponent", {"name": "made", "file_type": ".txt"})
        write(place, component, b"first")
        write(place, component, b"second")
        assert read(place, component) == b"second"
        session.commit()
        with pytest.raises(ftrack_api.exception.AccessorOperationFailedError, match="retrieve"):
            write(place, {"id": "nothing"}, b"x")
    ((upload,), _) = held(batch)
    assert (upload.file_name, upload.size, upload.path) == ("made.txt", 6, "")
    assert copies(batch) == {upload.sha256: b"second"}


class Decoding(ftrack_api.accessor.disk.DiskAccessor):  # type: ignore[misc]
    """Gives other bytes than those of its files."""

    def open(self, resource_identifier: str, mode: str = "rb") -> Any:
        with contextlib.closing(super().open(resource_identifier, mode)) as file:
            data = ftrack_api.data.String(file.read().upper())
        data.seek(0)
        return data


def test_what_another_accessor_gives_is_copied_and_not_its_file(
    session: Session, place: Any, file: Path, batch: Path
) -> None:
    with session.deferred_operations(batch):
        source = session.create("Location", {"name": "test.decoding"})
        source.accessor, source.structure = Decoding(prefix=""), place.structure
        component = session.create_component(str(file), location=None)
        session.create(
            "ComponentLocation",
            {"component": component, "location": source, "resource_identifier": str(file)},
        )
        session.commit()
        place.add_component(component, source)
        assert read(place, component) == b"PIXELS"
    assert list(copies(batch).values()) == [b"PIXELS"]


def test_the_members_of_a_sequence_are_kept_each(
    session: Session, place: Any, lasting: Path, batch: Path
) -> None:
    for number in (1, 2, 3):
        (lasting / f"frame.{number:04d}.exr").write_bytes(b"%d" % number)
    with session.deferred_operations(batch):
        sequence = session.create_component(f"{lasting}/frame.%04d.exr [1-3]", location=place)
        assert place.get_component_availability(sequence) == 100.0
        assert [read(place, each) for each in sequence["members"]] == [b"1", b"2", b"3"]
    uploads, _ = held(batch)
    assert [each.file_name for each in uploads] == ["0001.exr", "0002.exr", "0003.exr"]
    assert [Path(each.path).name for each in uploads] == [f"frame.000{each}.exr" for each in "123"]


def test_thumbnails_attachments_and_media_to_encode_are_uploads(
    session: Session, shot: Any, place: Any, file: Path, batch: Path
) -> None:
    with session.deferred_operations(batch):
        thumbnail = shot.create_thumbnail(str(file))
        assert shot["thumbnail_id"] == thumbnail["id"]
        note = shot.create_note("see", session.query("User").first())
        attached = session.create_component(str(file), {"name": "notes"}, location=place)
        session.create("NoteComponent", {"component_id": attached["id"], "note_id": note["id"]})
        session.commit()
        assert session.encode_media(str(file))["status"] == "queued"
    uploads, (encode,) = held(batch)
    assert [each.file_name for each in uploads] == ["thumbnail.png", "notes.png", "main.png"]
    assert encode.data["component_id"] == uploads[-1].component_id
    assert encode.data["keep_original"] is False


def test_review_media_go_to_the_location_for_reviews_which_holds_no_bytes(
    session: Session, file: Path, batch: Path
) -> None:
    with session.deferred_operations(batch):
        component = session.create_component(str(file), {"name": "ftrackreview-mp4"})
        (found,) = session.query(
            f"select location.name, resource_identifier from ComponentLocation "
            f"where component_id is {component['id']}"
        )
    assert (found["location"]["name"], found["resource_identifier"]) == ("ftrack.review", str(file))
    assert held(batch) == ([], [])


def test_a_file_that_is_not_there_fails_as_it_does_directly(
    session: Session, place: Any, tmp_path: Path, batch: Path
) -> None:
    def message() -> str:
        with pytest.raises(ftrack_api.exception.LocationError) as caught:
            session.create_component(str(tmp_path / "none.png"), location=place)
        session.rollback()
        return str(caught.value).partition("FileComponent(")[2].partition(")")[2]

    directly = message()
    with session.deferred_operations(batch):
        assert message() == directly
    assert held(batch) == ([], [])


def test_what_a_failing_block_uploaded_is_gone(
    session: Session, place: Any, tmp_path: Path, batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"pixels")

    def record() -> None:
        with session.deferred_operations(batch):
            session.create_component(str(image), location=place)
            raise KeyError

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with pytest.raises(KeyError):
        record()
    assert not list(tmp_path.glob("batch*"))
    assert not list((tmp_path / "temporary").iterdir())
    assert place.get_component_availability(session.query("FileComponent").first()) == 0.0


def test_the_file_of_a_component_that_the_server_has_is_removed_unless_it_is_added_again(
    session: Session, place: Any, file: Path, batch: Path
) -> None:
    component = session.create_component(str(file), location=place)
    origin = session.get("Location", ftrack_api.symbol.ORIGIN_LOCATION_ID)
    removed = [FollowUp(Kind.REMOVE, {"component_id": component["id"]})]
    for steps, expected in ((1, ([], removed)), (2, ([component["id"]], [])), (3, ([], removed))):
        with session.deferred_operations(batch):
            for step in range(steps):
                if step % 2:
                    place.add_component(component, origin)
                    assert read(place, component) == b"pixels"
                else:
                    place.remove_component(component)
                    with pytest.raises(ftrack_api.exception.AccessorOperationFailedError):
                        read(place, component)
        uploads, follow_ups = held(batch)
        assert ([each.component_id for each in uploads], follow_ups) == expected
    assert read(place, component) == b"pixels"
    session.reconnect_and_commit(batch)
    with pytest.raises(ftrack_api.exception.AccessorOperationFailedError):
        read(place, component)


def test_a_block_within_another_reads_what_that_one_uploads_and_removes_it_for_itself(
    session: Session, place: Any, file: Path, batch: Path
) -> None:
    inner = batch.with_name("inner.dbm")
    with session.deferred_operations(batch):
        component = session.create_component(str(file), location=place)
        with session.deferred_operations(inner):
            assert read(place, component) == b"pixels"
            place.remove_component(component)
            with pytest.raises(ftrack_api.exception.AccessorOperationFailedError):
                read(place, component)
        assert read(place, component) == b"pixels"
    assert [each.component_id for each in held(batch)[0]] == [component["id"]]
    assert held(inner) == ([], [FollowUp(Kind.REMOVE, {"component_id": component["id"]})])


def test_a_batch_that_is_added_to_keeps_its_uploads(
    session: Session, place: Any, tmp_path: Path, batch: Path
) -> None:
    for name in ("one", "two"):
        image = tmp_path / f"{name}.png"
        image.write_text(name)
        with session.deferred_operations(batch, clear=name == "one"):
            session.create_component(str(image), {"name": name}, location=place)
        image.unlink()
    assert [each.file_name for each in held(batch)[0]] == ["one.png", "two.png"]
    assert sorted(copies(batch).values()) == [b"one", b"two"]


#: What a script may do, to the component with that number.
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "write", "remove", "read"]), st.integers(0, 2)), max_size=8
)


@settings(
    max_examples=part(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_generated_scripts_read_and_leave_what_they_would_directly(
    connect: Connect,
    lasting: Path,
    tmp_path: Path,
    batch: Path,
    steps: list[tuple[str, int]],
) -> None:
    (lasting / "a.bin").write_bytes(b"by reference")
    (tmp_path / "b.bin").write_bytes(b"as a copy")
    files = [lasting / "a.bin", tmp_path / "b.bin", lasting / "a.bin"]

    def before(session: Session) -> list[Any]:
        """Return three components: two new ones, and one that the server has."""
        place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
        there = session.create_component(str(files[0]), location=place)
        write(place, there, b"on the server")
        return [there]

    def play(session: Session, components: list[Any]) -> list[object]:
        place = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
        origin = session.get("Location", ftrack_api.symbol.ORIGIN_LOCATION_ID)
        components += [session.create_component(str(each), location=None) for each in files[:2]]
        session.commit()
        seen: list[object] = []
        for step, number in steps:
            component = components[number]
            try:
                if step == "add":
                    place.add_component(component, origin)
                elif step == "remove":
                    place.remove_component(component)
                elif step == "write":
                    write(place, component, f"written {len(seen)}".encode())
                    if not place.get_component_availability(component):
                        place._register_component_in_location(component, component["id"])
                else:
                    seen.append(read(place, component))
                seen.append(place.get_component_availability(component))
            except ftrack_api.exception.Error as error:
                seen.append(type(error))
        return seen

    def left(components: list[Any]) -> list[object]:
        found: list[object] = []
        with connect() as reader:
            place = reader.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
            for each in components:
                try:
                    found.append(read(place, each))
                except ftrack_api.exception.Error:
                    found.append(None)
                found.append(place.get_component_availability(reader.get("Component", each["id"])))
        return found

    with connect() as session:
        directly = before(session)
        seen = play(session, directly)
    with connect() as session:
        recorded = before(session)
        with session.deferred_operations(batch):
            assert play(session, recorded) == seen
        session.reconnect_and_commit(batch)
    assert left(recorded) == left(directly)
