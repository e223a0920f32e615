"""Configure a custom attribute unless it is there, and use it."""

import json

import ftrack_api

session = ftrack_api.Session()


def ensure_text(key, label):
    """Return the configuration of a text of shots, created if it is missing."""
    object_type = session.query('ObjectType where name is "Shot"').one()
    found = session.query(
        f'CustomAttributeConfiguration where key is "{key}" and entity_type is "task" '
        f'and object_type_id is "{object_type["id"]}"'
    ).first()
    if found:
        print("there:", found["label"])
        return found
    made = session.create(
        "CustomAttributeConfiguration",
        {
            "key": key,
            "label": label,
            "entity_type": "task",
            "object_type_id": object_type["id"],
            "type": session.query('CustomAttributeType where name is "text"').one(),
            "group": session.query('CustomAttributeGroup where name is "Default"').one(),
            "config": json.dumps({"markdown": False}),
            "default": "none",
        },
    )
    session.commit()
    print("created:", made["label"])
    return made


for _ in range(2):
    configuration = ensure_text("vendor", "Vendor")
print(configuration["type"]["name"], configuration["default"])
found = session.query('CustomAttributeConfiguration where key is "vendor"')
print(len(found), "configuration")
