"""Naming: what a person calls the entities that a batch mentions.

A batch is read without a server, so it keeps names beside ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackteroid_cli.batch import Label

#: Attributes that name an entity, the best one first.
NAMES = (
    "first_name",
    "last_name",
    "name",
    "username",
    "label",
    "key",
    "title",
    "content",
    "file_type",
)


def label_of(data: Mapping[str, Any]) -> Label | None:
    """Return what the entity with the attributes *data* (ftrack's JSON form) is called."""
    link = data.get("link")
    if isinstance(link, list) and link:
        names = tuple(str(part.get("name", "")) for part in link if isinstance(part, Mapping))
        return Label(names[-1], names)
    full_name = " ".join(
        data[name] for name in NAMES[:2] if isinstance(data.get(name), str) and data[name]
    )
    if full_name:
        return Label(full_name)
    for name in NAMES[2:]:
        if isinstance(data.get(name), str) and data[name]:
            return Label(data[name][:80])
    return None
