"""Deleting one entity, and what cannot be without it.

Source: ``ftrack_api/session.py``, `commit`, for what a delete operation holds.
"""

from __future__ import annotations

from trackteroid_cli.engine.schema.schema import EntityType, is_dense
from trackteroid_cli.engine.storage.errors import ValidationError
from trackteroid_cli.engine.writing import cascade
from trackteroid_cli.engine.writing.request import Writing, read_key


def delete(writing: Writing, entity_type: EntityType, sent_key: object) -> None:
    """Delete the entity with a key.

    Args:
        writing: the request.
        entity_type: the entity's type, or one that it is a kind of.
        sent_key: the operation's ``entity_key``.

    Raises:
        ValidationError: there is no such entity, or other entities are in the way.
    """
    if is_dense(entity_type.name):
        raise ValidationError(
            f"A {entity_type.name} cannot be deleted. Delete the CustomAttributeValue of the same "
            f"key to return to the default."
        )
    cascade.remove(writing, writing.get(entity_type, read_key(entity_type, sent_key)))
