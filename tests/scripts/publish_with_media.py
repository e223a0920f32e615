"""Publish a movie: a version with what was rendered, a thumbnail, and a note with a drawing."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

import ftrack_api


def picture(red: int, green: int, blue: int) -> bytes:
    """Return a PNG image of 32 by 18 pixels in one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    rows = (b"\0" + bytes((red, green, blue)) * 32) * 18
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 18, 8, 2, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


folder = Path(tempfile.mkdtemp(dir="."))
movie, frame, drawing = folder / "turntable.mov", folder / "frame.png", folder / "drawing.png"
movie.write_bytes(bytes(range(256)) * 4096)
frame.write_bytes(picture(200, 80, 20))
drawing.write_bytes(picture(10, 120, 240))

session = ftrack_api.Session()
server = session.get("Location", ftrack_api.symbol.SERVER_LOCATION_ID)
task = session.query("Task where parent.name is sh010 and name is animation").first()
asset = session.create(
    "Asset", {"name": "turntable", "parent": task["parent"], "type": session.query("AssetType")[0]}
)
version = session.create("AssetVersion", {"asset": asset, "task": task, "comment": "first"})
session.commit()

component = version.create_component(str(movie), {"name": "movie"}, location=server)
version.create_thumbnail(str(frame))
note = version.create_note("Look at the rim light", session.query("User").first())
attached = session.create_component(str(drawing), {"name": "drawing"}, location=server)
session.create("NoteComponent", {"component_id": attached["id"], "note_id": note["id"]})
session.commit()

print(component["name"], component["file_type"], component["size"], component["system_type"])
print(session.get_component_availability(component, [server]))
print(server.get_component_availability(attached))
stored = server.accessor.open(server.get_resource_identifier(component), "rb")
print(zlib.crc32(stored.read()))
print(version["thumbnail"]["name"], version["thumbnail"]["size"])
print([len(each["component_locations"]) for each in version["components"]])
try:
    server.add_component(component, session.get("Location", ftrack_api.symbol.ORIGIN_LOCATION_ID))
except ftrack_api.exception.ComponentInLocationError:
    print("it is there already")
job = session.encode_media(component, version_id=version["id"])
print(job.entity_type)
