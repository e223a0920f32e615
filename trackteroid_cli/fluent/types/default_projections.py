"""Default projections: the attributes that a query selects unless the script names others."""

from __future__ import annotations

from trackteroid_cli.engine.schema.schema import Schema

#: For types that a key and a name do not describe. The primary key comes first.
DEFAULTS: dict[str, tuple[str, ...]] = {
    "AssetVersion": ("id", "asset.name", "version"),
    "AssetVersionLink": ("id", "from_id", "to_id"),
    "ComponentLocation": ("id", "resource_identifier"),
    "Event": ("id", "action", "data"),
    "Job": ("id", "status", "data"),
    "Metadata": ("parent_id", "key", "value"),
    "Note": ("id", "content"),
    "ReviewSessionInvitee": ("id", "name", "email"),
    "Timelog": ("id", "comment", "start", "duration"),
    "TypedContextLink": ("id", "from_id", "to_id"),
    "User": ("id", "username", "is_active"),
}


def default_projections(schema: Schema, type_name: str) -> list[str]:
    """Return the attributes that a query for *type_name* selects: its key and its name."""
    if type_name in DEFAULTS:
        return list(DEFAULTS[type_name])
    entity_type = schema.types[type_name]
    name = [each for each in ("name",) if each in entity_type.scalars]
    return list(dict.fromkeys([*entity_type.primary_key, *name]))
