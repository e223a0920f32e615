"""Duplicate a shot with its tasks, frame range and metadata under another name."""

import ftrack_api

session = ftrack_api.Session()


def duplicate(shot, name):
    """Return a copy of *shot* with another name."""
    copy = session.create(
        "Shot",
        {"name": name, "parent": shot["parent"], "description": shot["description"]},
    )
    for key in ("fstart", "fend", "handles", "complexity"):
        copy["custom_attributes"][key] = shot["custom_attributes"][key]
    for key, value in shot["metadata"].items():
        copy["metadata"][key] = value
    for task in shot["children"]:
        session.create(
            "Task", {"name": task["name"], "type": task["type"], "parent": copy, "bid": task["bid"]}
        )
    return copy


shot = session.query('Shot where name is "sh010" and parent.name is "sq030"').one()
shot["metadata"]["plate"] = "A004C002"
session.commit()
copies = [duplicate(shot, name) for name in ("sh011", "sh012")]
session.commit()
duplicate(copies[0], "sh013")
session.commit()

for each in session.query('Shot where parent.name is "sq030" and name like "sh01%" order by name'):
    tasks = sorted(task["name"] for task in each["children"])
    values = each["custom_attributes"]
    print(each["name"], each["status"]["name"], tasks, values["fend"], values["complexity"])
    print("  ", dict(each["metadata"]), each["description"])
