"""Thumbnails are scaled pictures, also of what is no picture or pretends to be one."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import zlib
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support.generated import part
from tests.support.servers import Server
from trackteroid_cli.engine.media.pictures import PLACEHOLDER
from trackteroid_cli.settings import SANDBOX_KEY, SANDBOX_USER

CREDENTIALS = {"username": SANDBOX_USER, "apiKey": SANDBOX_KEY}


def upload(server: Server, data: bytes, component_id: str) -> None:
    (told,) = server.call(
        {
            "action": "get_upload_metadata",
            "component_id": component_id,
            "file_name": "picture",
            "file_size": len(data),
        }
    )
    assert requests.put(told["url"], data=data).ok


def thumbnail(server: Server, **query: Any) -> requests.Response:
    return requests.get(f"{server.url}/component/thumbnail", params={**CREDENTIALS, **query})


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def shown(server: Server, data: bytes, **query: Any) -> Image.Image:
    name = os.urandom(8).hex()
    upload(server, data, name)
    answer = thumbnail(server, id=name, **query)
    assert answer.status_code == 200
    image = Image.open(io.BytesIO(answer.content))
    assert answer.headers["Content-Type"] == f"image/{str(image.format).lower()}"
    return image


def gradient(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


@pytest.mark.parametrize("kind", ["bmp", "gif", "jpeg", "png", "tiff", "webp"])
def test_a_picture_is_scaled_to_the_size_that_is_asked_for(shared: Server, kind: str) -> None:
    image = shown(shared, encoded(gradient((800, 400)), kind), size=100)
    assert image.size == (100, 50)
    top, bottom = image.convert("L").getpixel((50, 2)), image.convert("L").getpixel((50, 47))
    assert int(str(top)) < 40 < 210 < int(str(bottom))


@pytest.mark.parametrize(
    ("size", "expected"),
    [("", (300, 150)), ("40", (40, 20)), ("99999999", (800, 400))],
    ids=["as usual", "small", "never larger than it is"],
)
def test_sizes(shared: Server, size: str, expected: tuple[int, int]) -> None:
    assert shown(shared, encoded(gradient((800, 400)), "jpeg"), size=size).size == expected


@pytest.mark.parametrize("size", ["0", "-1", "big", "1e3"])
def test_a_size_that_is_none_is_refused(shared: Server, size: str) -> None:
    answer = thumbnail(shared, id="any", size=size)
    assert (answer.status_code, answer.json()["exception"]) == (400, "ValidationError")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixel_can_be_shown(shared: Server, mode: str) -> None:
    image = gradient((64, 64), "L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.frombytes("I;16", (64, 64), struct.pack("<4096H", *[30_000] * 4096))
    found = shown(shared, encoded(image, "tiff" if mode in ("CMYK", "F") else "png"))
    assert found.size == (64, 64)
    if mode == "I;16":
        assert abs(int(str(found.convert("L").getpixel((30, 30)))) - 30_000 // 256) < 3


def test_what_is_transparent_stays_so(shared: Server) -> None:
    found = shown(shared, encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "png"))
    assert found.mode == "RGBA"
    assert found.getpixel((1, 1))[3] == 0  # type: ignore[index]


def test_a_picture_stands_as_the_camera_was_held(shared: Server) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on the right of the pixels
    assert shown(shared, encoded(gradient((80, 40)), "jpeg", exif=exif), size=40).size == (20, 40)


@pytest.mark.parametrize(
    "data", [b"", b"a movie", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9"]
)
def test_what_is_no_picture_has_a_placeholder(shared: Server, data: bytes) -> None:
    upload(shared, data, "no picture")
    assert thumbnail(shared, id="no picture").content == PLACEHOLDER.data
    assert thumbnail(shared, id="nobody's").content == PLACEHOLDER.data
    assert requests.get(f"{shared.url}/img/thumbnail2.png").content == PLACEHOLDER.data


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_too_large_to_open_has_a_placeholder(shared: Server) -> None:
    bomb = encoded(Image.new("1", (9_000, 9_000)), "png")
    assert len(bomb) < 100_000
    upload(shared, bomb, "bomb")
    assert thumbnail(shared, id="bomb").content == PLACEHOLDER.data
    larger = bytearray(bomb)
    larger[16:24] = struct.pack(">II", 60_000, 60_000)
    larger[29:33] = struct.pack(">I", zlib.crc32(larger[12:29]))
    upload(shared, bytes(larger), "larger")
    assert thumbnail(shared, id="larger").content == PLACEHOLDER.data


def test_damaged_pictures_do_no_harm(shared: Server) -> None:
    chance = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
    pictures = [
        encoded(gradient((64, 64), mode), kind)
        for kind, mode in [
            ("png", "RGBA"),
            ("gif", "P"),
            ("jpeg", "RGB"),
            ("tiff", "RGB"),
            ("bmp", "RGB"),
            ("webp", "RGB"),
        ]
    ]
    for _ in range(part(600)):
        data = bytearray(chance.choice(pictures))
        for _ in range(chance.choice([1, 3, 30])):
            data[chance.randrange(min(len(data), chance.choice([60, 100_000])))] = chance.randrange(
                256
            )
        upload(shared, bytes(data[: chance.choice([len(data), len(data) // 2])]), "damaged")
        answer = thumbnail(shared, id="damaged", size=32)
        assert answer.status_code == 200
        assert max(Image.open(io.BytesIO(answer.content)).size) <= 64


def test_a_thumbnail_is_kept_as_long_as_what_it_shows(shared: Server) -> None:
    folder = shared.engine.media.folder
    data = encoded(gradient((65, 64)), "png")
    upload(shared, data, "shown")
    first = thumbnail(shared, id="shown").content
    (kept,) = folder.thumbnails.glob(f"{hashlib.sha256(data).hexdigest()}-*")
    assert kept.read_bytes() == first
    upload(shared, encoded(gradient((32, 64)), "png"), "shown")
    assert not kept.exists()
    assert Image.open(io.BytesIO(thumbnail(shared, id="shown").content)).size == (32, 64)


def test_the_pictures_that_answers_name_can_be_fetched(server: Server) -> None:
    (version,) = server.query("select id from AssetVersion limit 1")
    (user,) = server.query('User where username is "demo"')
    (shot,) = server.query("Shot limit 1")
    picture = server.create("FileComponent", name="picture", file_type=".png")["id"]
    note = server.create("Note", content="look", parent_id=shot["id"], parent_type="task")
    server.create("NoteComponent", note_id=note["id"], component_id=picture)
    for entity in (version, user, shot):
        server.call(
            {
                "action": "update",
                "entity_type": entity["__entity_type__"],
                "entity_key": [entity["id"]],
                "entity_data": {"thumbnail_id": picture},
            }
        )
    data = encoded(gradient((600, 300)), "png")
    upload(server, data, picture)
    for entity in (version, user, shot):
        (found,) = server.query(
            f"select thumbnail_url from {entity['__entity_type__']} where id is {entity['id']}"
        )
        answer = requests.get(found["thumbnail_url"]["url"])
        assert Image.open(io.BytesIO(answer.content)).size == (300, 150)
    (attached,) = server.query(
        f"select url, thumbnail_url from NoteComponent where note_id is {note['id']}"
    )
    assert requests.get(attached["url"]["url"]).content == data
    assert Image.open(io.BytesIO(requests.get(attached["thumbnail_url"]["url"]).content)).size == (
        300,
        150,
    )
