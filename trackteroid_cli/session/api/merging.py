"""Merging: the entities of an answer join the session, with all attributes of the answer.

An entity may occur several times in an answer, each time with other attributes. ``ftrack_api``
merges those of the first occurrence and silently loses the others.

Source: ``ftrack_api/session.py``, ``_merge_recursive`` and ``_merge_entity``.
"""

from __future__ import annotations

import ftrack_api

from trackteroid_cli.session.api.protocols import Entity

#: ftrack's own class; while a script is recorded, ``ftrack_api.Session`` is ours.
FtrackSession = ftrack_api.Session


class _NothingMerged(dict[object, object]):
    """A record of merged entities that is always empty for ``ftrack_api``.

    It keeps the record to stop at entities that lead back to themselves; answers are trees, and end
    anyway.
    """

    def get(self, key: object, default: object = None) -> object:  # noqa: ARG002
        """Return *default*: nothing counts as merged."""
        return default


class MergingSession(FtrackSession):  # type: ignore[misc, valid-type]
    """An ftrack session that merges every occurrence of an entity in an answer."""

    def _merge_recursive(self, entity: Entity, merged: object = None) -> Entity:  # noqa: ARG002
        attached: Entity = super()._merge_recursive(entity, _NothingMerged())
        return attached
