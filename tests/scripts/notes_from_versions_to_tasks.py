"""Copy the notes on versions to the tasks that the versions are of."""

import ftrack_api

session = ftrack_api.Session()
notes = session.query(
    'Note where parent_type is "asset_version" or parent_type is "AssetVersion"'
).all()
copied = 0
for version in session.query(
    "AssetVersion where task_id is_not None and notes any (content like '%')"
):
    for note in version["notes"]:
        copy = session.create("Note", {"content": note["content"], "author": note["author"]})
        version["task"]["notes"].append(copy)
        copied += 1
session.commit()
print(copied, "copied")
for task in session.query("Task where notes any (content like '%') order by parent.name"):
    texts = sorted(note["content"] for note in task["notes"])
    print(task["parent"]["name"], task["name"], texts)
