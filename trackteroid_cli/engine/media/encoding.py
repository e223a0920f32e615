"""What browsers can play of a component: its picture, or the movie itself.

There is no encoder of movies here, so that a movie is handed on with the bytes that it has, if they
are of a kind that browsers play; else the job has failed and says so.

Source: ``ftrack_api/session.py``, `encode_media`; ftrack's API documentation, "Web reviewable
media", for names and metadata of components.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple
from uuid import uuid4

from trackteroid_cli.engine.media import pictures
from trackteroid_cli.engine.media.content import Content
from trackteroid_cli.engine.media.media import Media
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.storage.errors import MissingPackage, ValidationError
from trackteroid_cli.engine.writing import create, delete, update
from trackteroid_cli.engine.writing.transaction import Transaction

#: The location whose files this server keeps.
_SERVER_LOCATION = "3a372bde-05bc-11e4-8908-20c9d081909b"

_PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

#: Movies that browsers play as they are: name of the component and media type, by file type.
_MOVIES = {
    ".m4v": ("ftrackreview-mp4", "video/mp4"),
    ".mov": ("ftrackreview-mp4", "video/quicktime"),
    ".mp4": ("ftrackreview-mp4", "video/mp4"),
    ".webm": ("ftrackreview-webm", "video/webm"),
}

_THUMBNAIL_SIZE = 300


class Source(NamedTuple):
    """The component to encode, what it has, and the version that the outputs are for."""

    component_id: str
    file_type: str
    content: Content
    version_id: str | None


class Output(NamedTuple):
    """A component that was made."""

    component_id: str
    media_type: str


def encode(
    transaction: Transaction,
    media: Media,
    component_id: str,
    version_id: str | None,
    *,
    keep_original: bool,
) -> str:
    """Make the components that browsers play of another one, inside a writing transaction.

    Returns:
        The id of the job, which is done or has failed. One that has failed leaves the original.

    Raises:
        ValidationError: there is no such component or version, or the component has no file here.
        OSError: the disk refuses.
    """
    source = _source(transaction, media, component_id, version_id)
    try:
        outputs, reason = _encoded(transaction, media, source), _why_not(source)
    except MissingPackage as error:
        outputs, reason = [], error.content
    data: dict[str, JSON] = {
        "description": f"Encoding {source.content.file_name}"
        if outputs
        else f"{source.content.file_name} cannot be encoded: {reason}",
        "source_component_id": component_id,
        "keep_original": keep_original,
        "output": [
            {"format": each.media_type, "component_id": each.component_id} for each in outputs
        ],
    }
    job_id = _create(
        transaction, "Job", status="done" if outputs else "failed", data=json.dumps(data)
    )
    for each in outputs:
        job = {"job_id": job_id, "component_id": each.component_id}
        create.create(transaction, transaction.entity_type("JobComponent"), job)
    if outputs and not keep_original:
        delete.delete(transaction, transaction.entity_type("FileComponent"), component_id)
    return job_id


def _why_not(source: Source) -> str:
    if source.file_type in _PICTURES:
        return "it is no picture that can be read, or too large a one."
    return (
        f"this server has no encoder for '{source.file_type}'. "
        "Upload a picture, or a movie as .mp4, .mov or .webm."
    )


def _source(
    transaction: Transaction, media: Media, component_id: str, version_id: str | None
) -> Source:
    if version_id is not None:
        transaction.get(transaction.entity_type("AssetVersion"), (version_id,))
    found = transaction.get(transaction.entity_type("FileComponent"), (component_id,))
    content = media.find_in(transaction.connection, component_id)
    if content is None:
        raise ValidationError(
            f"The component '{component_id}' has no file on this server. "
            f"Add it to the location ftrack.server first."
        )
    file_type = str(found.row["file_type"] or "").lower()
    return Source(component_id, file_type, content, version_id)


def _encoded(transaction: Transaction, media: Media, source: Source) -> list[Output]:
    if source.file_type in _MOVIES:
        name, media_type = _MOVIES[source.file_type]
        output = _component(transaction, source, name, source.file_type, source.content.size)
        media.share(transaction.connection, source.content, output, f"{name}{source.file_type}")
        return [Output(output, media_type)]
    if source.file_type not in _PICTURES:
        return []
    picture = pictures.scaled(source.content, None)
    thumbnail = pictures.scaled(source.content, _THUMBNAIL_SIZE)
    if picture is None or thumbnail is None:
        return []
    outputs = [
        _picture(transaction, media, source, "ftrackreview-image", picture),
        _picture(transaction, media, source, "thumbnail", thumbnail),
    ]
    _create_metadata(transaction, outputs[0].component_id, {"format": "image"})
    if source.version_id is not None:
        update.update(
            transaction,
            transaction.entity_type("AssetVersion"),
            source.version_id,
            {"thumbnail_id": outputs[1].component_id},
        )
    return outputs


def _picture(
    transaction: Transaction, media: Media, source: Source, name: str, picture: pictures.Picture
) -> Output:
    file_type = {"jpeg": ".jpg", "png": ".png"}[picture.kind]
    output = _component(transaction, source, name, file_type, len(picture.data))
    draft = media.folder.draft()
    try:
        draft.write(picture.data)
        draft.finish()
        media.adopt(transaction.connection, draft, output, f"{name}{file_type}")
    finally:
        draft.discard()
    return Output(output, f"image/{picture.kind}")


def _component(
    transaction: Transaction, source: Source, name: str, file_type: str, size: int
) -> str:
    """Create a component in the location of the server, and return its id."""
    component_id = _create(
        transaction,
        "FileComponent",
        name=name,
        file_type=file_type,
        size=size,
        version_id=source.version_id,
    )
    _create(
        transaction,
        "ComponentLocation",
        component_id=component_id,
        location_id=_SERVER_LOCATION,
        resource_identifier=component_id,
    )
    return component_id


def _create_metadata(
    transaction: Transaction, component_id: str, value: Mapping[str, object]
) -> None:
    data = {
        "parent_id": component_id,
        "parent_type": "FileComponent",
        "key": "ftr_meta",
        "value": json.dumps(value),
    }
    create.create(transaction, transaction.entity_type("Metadata"), data)


def _create(transaction: Transaction, type_name: str, **data: object) -> str:
    """Create an entity, and return its id."""
    id_ = str(uuid4())
    create.create(transaction, transaction.entity_type(type_name), {"id": id_, **data})
    return id_
