"""Merging: entities of an answer become those of the session, with all that the answer tells.

An entity may come more than once in an answer, each time with other attributes. ``ftrack_api``
takes those of the first time and loses the others without a word.

Source: ``ftrack_api/session.py``, ``_merge_recursive`` and ``_merge_entity``.
"""

from __future__ import annotations

from typing import Any

import ftrack_api

#: ftrack's own class: while a script is recorded, ``ftrack_api.Session`` is ours.
FtrackSession = ftrack_api.Session


class _Unremembered(dict[Any, Any]):
    """What ``ftrack_api`` notes as merged, forgotten at once.

    It notes it to stop where entities lead back to themselves; answers are trees, and end anyway.
    """

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ARG002
        """Return *default*: nothing counts as merged."""
        return default


class MergingSession(FtrackSession):  # type: ignore[misc, valid-type]
    """An ftrack session that merges an entity as often as an answer has it."""

    def _merge_recursive(self, entity: Any, merged: Any = None) -> Any:  # noqa: ARG002
        return super()._merge_recursive(entity, _Unremembered())
