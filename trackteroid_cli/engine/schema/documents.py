"""The JSON form of ftrack's entity schemas, as types.

Source: ``ftrack_api/entity/factory.py``, which reads them from ftrack's ``query_schemas``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict

#: A value of a JSON document. Its lists and objects are not to be changed.
JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"

#: The type that a property refers to: ``{"$ref": "Task"}``.
Target = TypedDict("Target", {"$ref": str}, total=False)

#: One attribute of a schema. ``type`` or ``$ref`` is present, the other keys where they apply.
Property = TypedDict(
    "Property",
    {
        "type": str,
        "format": str,
        "default": JSON,
        "alias_for": str,
        "enum": list[str],
        "items": Target,
        "key_value_attributes": dict[str, str],
        "restricted_projection": bool,
        "transform": dict[str, str],
        "$ref": str,
    },
    total=False,
)


class Storage(TypedDict):
    """A storage that several types share, and the column values that select one type."""

    id: str
    classifiers: dict[str, str]


class _Lists(TypedDict):
    """What every schema has."""

    id: str
    type: str
    properties: dict[str, Property]
    primary_key: list[str]
    required: list[str]
    immutable: list[str]
    default_projections: list[str]


class SchemaDocument(_Lists, total=False):
    """The schema of one entity type."""

    system_projections: list[str]
    computed: list[str]
    alias_for: str | Storage
