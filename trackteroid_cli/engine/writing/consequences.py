"""Side effects: what else the server changes when a row is added or changed.

Source: ftrack's API documentation: notes and their replies, jobs, status changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from trackteroid_cli.engine.schema.schema import EntityType
from trackteroid_cli.engine.storage import values
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing import hierarchy
from trackteroid_cli.engine.writing.transaction import Key, Row, StoredEntity, Transaction

#: Families whose changes of status are recorded, and the type of those records.
_STATUS_CHANGES = {
    "Context": "TypedContextStatusChange",
    "AssetVersion": "AssetVersionStatusChange",
}


def change(transaction: Transaction, found: StoredEntity, columns: Mapping[str, Stored]) -> None:
    """Set *columns* of a row, with all side effects.

    Raises:
        ValidationError: a context would be below itself.
    """
    before = transaction.change(found, columns)
    root = found.entity_type.root
    if "status_id" in before and found.row["status_id"] is not None:
        _record_status(transaction, found.entity_type, found.row, before["status_id"])
    if root == "Context" and before.keys() & {"parent_id", "project_id"}:
        _follow_parent(transaction, found)
    if root == "Note" and "in_reply_to_id" in before and found.row["in_reply_to_id"] is not None:
        _join_thread(transaction, found)
    if root == "Job" and "status" in before and found.row["status"] in ("done", "failed"):
        transaction.change(found, {"finished_at": columns.get("finished_at", transaction.moment)})


def after_create(transaction: Transaction, entity_type: EntityType, key: Key, row: Row) -> None:
    """Apply the side effects of a new row."""
    if row.get("status_id") is not None:
        _record_status(transaction, entity_type, row, None)
    if entity_type.root == "Note":
        if row.get("in_reply_to_id") is not None:
            _join_thread(transaction, transaction.get(entity_type, key))
        # At the end, since the client may add the author as a recipient, too.
        transaction.postponed.append(lambda: _add_author(transaction, key))


def _record_status(
    transaction: Transaction, entity_type: EntityType, row: Row, former: Stored
) -> None:
    status_change = _STATUS_CHANGES.get(entity_type.root)
    if status_change is None or status_change not in transaction.schema.types:
        return
    transaction.insert(
        transaction.schema.types[status_change],
        {
            "id": values.new_id(),
            "parent_id": row["id"],
            "parent_type": status_change.removesuffix("StatusChange"),
            "status_id": row["status_id"],
            "from_status_id": former,
            "user_id": transaction.user_id,
            "date": transaction.moment,
        },
    )


def _follow_parent(transaction: Transaction, found: StoredEntity) -> None:
    """Give a moved context the project of its parent, now or once that parent exists."""
    if found.entity_type.name == "Project":
        transaction.change(found, {"parent_id": None, "project_id": found.row["id"]})
    elif not hierarchy.inherit_project(transaction, found):
        key = found.key

        def inherit_later() -> bool:
            again = transaction.find(found.entity_type, key)
            return again is None or hierarchy.inherit_project(transaction, again)

        transaction.postponed.append(inherit_later)


def _join_thread(transaction: Transaction, reply: StoredEntity) -> None:
    """Give a reply the parent of the note that it answers, and mark the thread as active."""
    head = transaction.find(reply.entity_type, (reply.row.get("in_reply_to_id"),))
    if head is None:
        return
    if head.key == reply.key:
        raise ValidationError("A note cannot be a reply to itself.")
    transaction.change(reply, {name: head.row[name] for name in ("parent_id", "parent_type")})
    transaction.change(head, {"thread_activity": transaction.moment})


def _add_author(transaction: Transaction, key: Key) -> bool:
    """Make the author of a note one of its recipients."""
    note = transaction.find(transaction.schema.types["Note"], key)
    recipient = transaction.schema.types["Recipient"]
    if note is not None and note.row["user_id"] is not None:
        pair = {"note_id": note.row["id"], "resource_id": note.row["user_id"]}
        if transaction.find(recipient, (pair["note_id"], pair["resource_id"])) is None:
            transaction.insert(recipient, pair)
    return True
