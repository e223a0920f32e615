"""The tree of contexts: projects at the top, every other context below its parent.

Every context has the ``project_id`` of its project; a project has its own id.

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
    """Return the project id for children of *parent_id*; None if it is not known yet."""
    if parent_id is None:
        return None
    project_id: Stored = transaction.cached(
        ("project", parent_id),
        lambda: transaction.fetch_value("SELECT project_id FROM context WHERE id = ?", parent_id),
    )
    return project_id


def inherit_project(transaction: Transaction, found: StoredEntity) -> bool:
    """Set the project of a context, and of all contexts below it, to that of its parent.

    Returns:
        Whether the parent is in a project already.

    Raises:
        ValidationError: the parent is the context itself, or below it.
    """
    project_id = project_for_children(transaction, found.row["parent_id"])
    if project_id is None:
        return False
    _refuse_cycle(transaction, found)
    _set_project(transaction, found, project_id)
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


def _set_project(transaction: Transaction, found: StoredEntity, project_id: Stored) -> None:
    """Set the project of a context and of all below it, whichever of them have it already."""
    context = transaction.family(found.entity_type)
    ids = transaction.connection.execute(
        f"{_BELOW} SELECT id FROM below JOIN context USING (id) WHERE project_id IS NOT ?2",
        [found.row["id"], project_id],
    )
    for row in transaction.select(context, "id", [id_ for (id_,) in ids]):
        transaction.change(row, {"project_id": project_id})
