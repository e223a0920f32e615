"""The actions about the bytes of components: where to upload them, and what is made of them.

Source: ``ftrack_api/session.py``, `get_upload_metadata`, `encode_media`; the uploader of ftrack's
JavaScript client.
"""

from __future__ import annotations

from trackteroid_cli.engine.actions import permissions
from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text
from trackteroid_cli.engine.media import encoding, uploads
from trackteroid_cli.engine.storage import addresses


def _get_upload_metadata(request: Request, operation: Operation) -> Answer:
    asked, parts = uploads.read_request(operation)
    permissions.need_component(request, asked.component_id)
    found = uploads.metadata(request.files().secret, request.server_url, asked, parts)
    return lambda: {"action": "get_upload_metadata", **found}


def _complete_multipart_upload(request: Request, operation: Operation) -> Answer:
    component_id = text(operation, "component_id")
    permissions.need_component(request, component_id)
    media = request.files()
    uploads.complete(
        media,
        request.transaction.connection,
        component_id,
        text(operation, "upload_id"),
        operation.get("parts"),
    )
    url = addresses.address(request.server_url, "get", {"id": component_id}, media.secret)
    return lambda: {
        "action": "complete_multipart_upload",
        "component_id": component_id,
        "url": url,
    }


def _encode_media(request: Request, operation: Operation) -> Answer:
    version_id = operation.get("version_id")
    component_id = text(operation, "component_id")
    permissions.need_component(request, component_id)
    job_id = encoding.encode(
        request.transaction,
        request.files(),
        component_id,
        None if version_id is None else text(operation, "version_id"),
        keep_original=operation.get("keep_original") is not False,
    )
    return lambda: {"action": "encode_media", "job_id": job_id}


ACTIONS = {
    "encode_media": Action(_encode_media, writes=True, about_files=True),
    "get_upload_metadata": Action(_get_upload_metadata, about_files=True),
    "complete_multipart_upload": Action(_complete_multipart_upload, writes=True, about_files=True),
}
