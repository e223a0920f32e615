"""Pictures in the size that is asked for, of files that anybody may have uploaded.

Only formats whose readers are part of Pillow itself are tried, none that runs another program, and
one picture at a time, so that hostile ones cannot take all of the memory together.
"""

from __future__ import annotations

import base64
import io
import struct
import threading
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from trackteroid_cli.engine.media.content import Content
from trackteroid_cli.engine.media.folder import MediaFolder
from trackteroid_cli.engine.storage.errors import MissingPackage

if TYPE_CHECKING:
    from PIL import Image

#: What is read. ftrack takes thumbnails in all but the last of them.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

#: Pixels of a picture that is opened: more than one of 10K by 5K has.
_MOST_PIXELS = 60_000_000

#: What Pillow raises for files that are damaged, or made to confuse it.
_DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)

_one_at_a_time = threading.Lock()


class Picture(NamedTuple):
    """An encoded picture; *kind* is ``jpeg`` or ``png``."""

    data: bytes
    kind: str


#: What is shown where there is no picture.
PLACEHOLDER = Picture(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwAQMAAACbhe5cAAAABlBMVEU6PkZudIBESkX6AAAAjElEQVR42p2Q"
        "sQ3CQAxFn3+uuAqCRM+JSW6EjJTRwiZsgKBKgXQUPjeIUMSNn+zvb8uwJ2x4A3BDXqiK1hYcAk4BZf4hdrqE"
        "4cMLhZfDFJr1e6mlDlKHZJTuN0+AOLZlpQpGzDWFawJB5SxIABkYrC2A3YUBVBQ39lSQy0dE9jnxNDPL/PlG"
        "stZftys+KcMRk0axpVwAAAAASUVORK5CYII="
    ),
    "png",
)


def thumbnail(folder: MediaFolder, content: Content, size: int) -> Picture | None:
    """Return a picture of a component of at most *size* by *size* pixels; None if it is no image.

    Raises:
        MissingPackage: Pillow is not installed.
    """
    for kind in ("jpeg", "png"):
        kept = folder.thumbnail(f"{content.digest}-{size}.{kind}")
        if kept is not None:
            return Picture(kept, kind)
    made = scaled(content, size)
    if made is not None:
        folder.keep_thumbnail(f"{content.digest}-{size}.{made.kind}", made.data)
    return made


def scaled(content: Content, size: int | None) -> Picture | None:
    """Return what browsers show of an image, no larger than it is; None if it is no image.

    Args:
        content: the image.
        size: pixels of the longer side, at most; None for those that it has.

    Raises:
        MissingPackage: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "Pictures are scaled by the package pillow, which is not installed. Install it with: "
            "pip install 'trackteroid-cli[sandbox]'"
        ) from error
    try:
        with _one_at_a_time, content.open() as file:
            return _read(file, size)
    except (*_DAMAGED, Image.DecompressionBombError):
        return None


def _read(file: BinaryIO, size: int | None) -> Picture | None:
    from PIL import Image, ImageOps

    with Image.open(file, formats=_FORMATS) as image:
        if image.width * image.height > _MOST_PIXELS:
            return None
        if size is not None:
            image.draft("RGB", (size, size))  # a JPEG can be read in a smaller size
        shown: Image.Image = _eight_bits(image)
        if size is not None:
            shown.thumbnail((size, size))
        shown = ImageOps.exif_transpose(shown)
    kind = "png" if shown.mode == "RGBA" else "jpeg"
    made = io.BytesIO()
    shown.save(made, kind, quality=85)
    return Picture(made.getvalue(), kind)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return *image* with eight bits a channel, in red, green and blue, and opacity if it has."""
    if image.mode.startswith("I"):  # 16 bits of grey, which would be cut off and not scaled
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("RGB")
