"""Configure an enumerator and a number of tasks, and fill them for new tasks."""

import json

import ftrack_api

session = ftrack_api.Session()
task_type = session.query('ObjectType where name is "Task"').one()
common = {
    "entity_type": "task",
    "object_type_id": task_type["id"],
    "group": session.query('CustomAttributeGroup where name is "Default"').one(),
}
options = [{"menu": each.title(), "value": each} for each in ("low", "high")]
session.create(
    "CustomAttributeConfiguration",
    {
        **common,
        "key": "risk",
        "label": "Risk",
        "type": session.query('CustomAttributeType where name is "enumerator"').one(),
        "config": json.dumps({"multiSelect": False, "data": json.dumps(options)}),
        "default": ["low"],
    },
)
session.create(
    "CustomAttributeConfiguration",
    {
        **common,
        "key": "passes",
        "label": "Passes",
        "type": session.query('CustomAttributeType where name is "number"').one(),
        "config": json.dumps({"isdecimal": False}),
        "default": 1,
    },
)
session.commit()

shot = session.query('Shot where name is "sh050" and project.name is "salt_and_ember"').first()
task = session.create("Task", {"name": "paint", "parent": shot})
session.commit()
again = ftrack_api.Session()
task = again.query('Task where name is "paint"').one()
task["custom_attributes"]["risk"] = ["high"]
task["custom_attributes"]["passes"] = 3
again.commit()

risky = again.query('Task where custom_attributes any (key is "risk" and value is "high")')
print([each["name"] for each in risky], risky[0]["custom_attributes"]["passes"])
other = again.query('Task where name is "layout"').first()
print(other["custom_attributes"]["risk"], other["custom_attributes"]["passes"])
print(
    json.loads(
        json.loads(again.query('CustomAttributeConfiguration where key is "risk"').one()["config"])[
            "data"
        ]
    )[1]["menu"]
)
