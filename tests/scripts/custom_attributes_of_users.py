"""Configure attributes of users and of versions, and fill them."""

import json

import ftrack_api

session = ftrack_api.Session()
kinds = {each["name"]: each for each in session.query("CustomAttributeType")}
group = session.query('CustomAttributeGroup where name is "Default"').one()
for key, entity_type, kind, config, default in (
    ("seat", "user", "text", {"markdown": False}, ""),
    ("remote", "user", "boolean", {}, False),
    ("farm_cost", "assetversion", "number", {"isdecimal": True}, 0),
):
    session.ensure(
        "CustomAttributeConfiguration",
        {
            "key": key,
            "label": key.title(),
            "entity_type": entity_type,
            "type_id": kinds[kind]["id"],
            "group_id": group["id"],
            "config": json.dumps(config),
            "default": default,
        },
        ["key", "entity_type"],
    )

session = ftrack_api.Session()
user = session.query('User where username is "kemi.balogun"').one()
user["custom_attributes"]["seat"] = "2.14"
user["custom_attributes"]["remote"] = True
version = session.query('AssetVersion where asset.name is "compositing"').first()
version["custom_attributes"]["farm_cost"] = 12.5
session.commit()

remote = session.query('User where custom_attributes any (key is "remote" and value is True)')
print([each["username"] for each in remote], remote[0]["custom_attributes"]["seat"])
other = session.query('User where username is "leo.marchetti"').one()
print(repr(other["custom_attributes"]["seat"]), other["custom_attributes"]["remote"])
costly = session.query(
    'AssetVersion where custom_attributes any (key is "farm_cost" and value > 10)'
)
print(len(costly), costly[0]["custom_attributes"]["farm_cost"])
