"""What else the server changes when a row is added or changed.

Source: ftrack's API documentation: notes and their replies, jobs, status changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from trackteroid_cli.engine.schema.schema import EntityType
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import hierarchy
from trackteroid_cli.engine.writing.transaction import Found, Key, Row, Writing

#: Families whose status is followed, and the type of the rows that follow it.
_STATUS_CHANGES = {
    "Context": "TypedContextStatusChange",
    "AssetVersion": "AssetVersionStatusChange",
}


def change(writing: Writing, found: Found, columns: Mapping[str, Stored]) -> None:
    """Set *columns* of a row, and whatever follows from it.

    Raises:
        ValidationError: a context would come to be below itself.
    """
    before = writing.change(found, columns)
    root = found.entity_type.root
    if "status_id" in before and found.row["status_id"] is not None:
        _record_status(writing, found.entity_type, found.row, before["status_id"])
    if root == "Context" and before.keys() & {"parent_id", "project_id"}:
        _settle(writing, found)
    if root == "Note" and "in_reply_to_id" in before and found.row["in_reply_to_id"] is not None:
        _follow_thread(writing, found)
    if root == "Job" and "status" in before and found.row["status"] in ("done", "failed"):
        writing.change(found, {"finished_at": columns.get("finished_at", writing.moment)})


def after_create(writing: Writing, entity_type: EntityType, key: Key, row: Row) -> None:
    """Do what follows from a new row."""
    if row.get("status_id") is not None:
        _record_status(writing, entity_type, row, None)
    if entity_type.root == "Note":
        if row.get("in_reply_to_id") is not None:
            _follow_thread(writing, writing.get(entity_type, key))
        # At the end, for the client may name the author as a recipient as well.
        writing.unfinished.append(lambda: _add_author(writing, key))


def _record_status(writing: Writing, entity_type: EntityType, row: Row, former: Stored) -> None:
    status_change = _STATUS_CHANGES.get(entity_type.root)
    if status_change is None or status_change not in writing.schema.types:
        return
    writing.insert(
        writing.schema.types[status_change],
        {
            "id": str(uuid.uuid4()),
            "parent_id": row["id"],
            "parent_type": status_change.removesuffix("StatusChange"),
            "status_id": row["status_id"],
            "from_status_id": former,
            "user_id": writing.user_id,
            "date": writing.moment,
        },
    )


def _settle(writing: Writing, found: Found) -> None:
    """Follow a context to its new parent, now or once that parent exists."""
    if found.entity_type.name == "Project":
        writing.change(found, {"parent_id": None, "project_id": found.row["id"]})
    elif not hierarchy.place(writing, found):
        key = found.key

        def place_later() -> bool:
            again = writing.find(found.entity_type, key)
            return again is None or hierarchy.place(writing, again)

        writing.unfinished.append(place_later)


def _follow_thread(writing: Writing, reply: Found) -> None:
    """Put a reply where the note it answers is, and mark that thread as active."""
    head = writing.find(reply.entity_type, (reply.row.get("in_reply_to_id"),))
    if head is None:
        return
    if head.key == reply.key:
        raise ValidationError("A note cannot be a reply to itself.")
    writing.change(reply, {name: head.row[name] for name in ("parent_id", "parent_type")})
    writing.change(head, {"thread_activity": writing.moment})


def _add_author(writing: Writing, key: Key) -> bool:
    """Make the author of a note one of its recipients."""
    note = writing.find(writing.schema.types["Note"], key)
    recipient = writing.schema.types["Recipient"]
    if note is not None and note.row["user_id"] is not None:
        pair = {"note_id": note.row["id"], "resource_id": note.row["user_id"]}
        if writing.find(recipient, (pair["note_id"], pair["resource_id"])) is None:
            writing.insert(recipient, pair)
    return True
