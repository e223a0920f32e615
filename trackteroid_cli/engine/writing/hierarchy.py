"""The tree of contexts: projects at the top, each other context below its parent.

Every context has the ``project_id`` of the project that it is below; a project has its own.

Source: ftrack's API documentation, "Understanding sessions" and "Link attribute".
"""

from __future__ import annotations

from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.storage.values import Stored
from trackteroid_cli.engine.writing.transaction import StoredEntity, Transaction

_BELOW = """
    WITH RECURSIVE below(id) AS (
        SELECT ?1 UNION SELECT context.id FROM context JOIN below ON context.parent_id = below.id
    )
"""


def project_for_children(transaction: Transaction, parent_id: Stored) -> Stored:
    """Return the project that the children of *parent_id* are in; None if that is not known yet."""
    if parent_id is None:
        return None
    project_id: Stored = transaction.cached(
        ("project", parent_id),
        lambda: transaction.fetch_value("SELECT project_id FROM context WHERE id = ?", parent_id),
    )
    return project_id


def inherit_project(transaction: Transaction, found: StoredEntity) -> bool:
    """Put a context, and all that is below it, into the project of its parent.

    Returns:
        False if the parent is not in a project (yet).

    Raises:
        ValidationError: the parent is the context itself, or below it.
    """
    project_id = project_for_children(transaction, found.row["parent_id"])
    if project_id is None:
        return False
    _refuse_cycle(transaction, found)
    if project_id != found.row["project_id"]:
        _move(transaction, found, project_id)
    return True


def _refuse_cycle(transaction: Transaction, found: StoredEntity) -> None:
    above = transaction.fetch_value(
        "WITH RECURSIVE above(id) AS ("
        "SELECT ?1 UNION SELECT parent_id FROM context JOIN above USING (id)"
        ") SELECT 1 FROM above WHERE id = ?2",
        found.row["parent_id"],
        found.row["id"],
    )
    if above:
        raise ValidationError(
            f"{found.entity_type.name} '{found.row['name']}' cannot be moved below itself."
        )


def _move(transaction: Transaction, found: StoredEntity, project_id: Stored) -> None:
    context = transaction.family(found.entity_type)
    ids = transaction.connection.execute(f"{_BELOW} SELECT id FROM below", [found.row["id"]])
    for row in transaction.select(context, "id", [id_ for (id_,) in ids]):
        transaction.change(row, {"project_id": project_id})
