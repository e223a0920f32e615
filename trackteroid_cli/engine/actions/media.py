"""The actions about the bytes of components: where to upload them, and what is made of them.

Source: ``ftrack_api/session.py``, `get_upload_metadata`, `encode_media`; the uploader of ftrack's
JavaScript client.
"""

from __future__ import annotations

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text
from trackteroid_cli.engine.media import uploads
from trackteroid_cli.engine.storage import addresses


def _get_upload_metadata(request: Request, operation: Operation) -> Answer:
    asked, parts = uploads.read_request(operation)
    found = uploads.metadata(request.files().secret, request.server_url, asked, parts)
    return lambda: {"action": "get_upload_metadata", **found}


def _complete_multipart_upload(request: Request, operation: Operation) -> Answer:
    component_id = text(operation, "component_id")
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


ACTIONS = {
    "get_upload_metadata": Action(_get_upload_metadata, about_files=True),
    "complete_multipart_upload": Action(_complete_multipart_upload, writes=True, about_files=True),
}
