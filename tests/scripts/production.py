"""A script that knows only ftrack_api and touches every sort of change.

Ids are drawn from a seeded generator, so that two runs make the same entities.
"""

import datetime
import random
import sys
import tempfile
import uuid

import arrow
import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.structure.id

generator = random.Random(7)
uuid.uuid4 = lambda: uuid.UUID(int=generator.getrandbits(128), version=4)

session = ftrack_api.Session(auto_connect_event_hub=False)

project = session.query('Project where name is "salt_and_ember"').one()
user = session.query('User where username is "hanna.vidal"').one()
other = session.query('User where username is "dana.whitlock"').one()
sequence = session.query(
    'Sequence where name is "sq010" and project.name is "salt_and_ember"'
).one()


def status(name):
    return session.query(f'Status where name is "{name}"').one()


# Commit 1: creates with parents, by reference and by id; custom attributes and metadata.
episode = session.create("Episode", {"name": "ep01", "parent": project})
new_sequence = session.create("Sequence", {"name": "sq900", "parent": episode})
shots = [
    session.create("Shot", {"name": f"sh{number:03}", "parent": new_sequence, "sort": number})
    for number in (10, 20, 30)
]
shots[0]["description"] = 'wide; the "big" one, Üñïcödé'
shots[0]["custom_attributes"]["fstart"] = 1009
shots[0]["custom_attributes"]["slate"] = "A-1"
shots[0]["metadata"]["reel"] = "A001"
task = session.create(
    "Task",
    {
        "name": "roto",
        "parent": shots[0],
        "type": session.query('Type where name is "Compositing"').one(),
        "status": status("Not started"),
        "bid": 3600.5,
        "start_date": datetime.datetime(2024, 5, 1, 9),
        "end_date": arrow.get("2024-05-03T18:00:00+02:00"),
    },
)
session.create("Appointment", {"context": task, "resource": user, "type": "assignment"})
session.commit()

# Commit 2: on what the first one made: read back, change again, add to collections.
assert shots[0]["name"] == "sh010"
assert shots[0]["parent"]["parent"]["name"] == "ep01"
assert shots[0]["metadata"]["reel"] == "A001"
assert task["status"]["name"] == "Not started"
assert shots[0]["custom_attributes"]["fstart"] == 1009
shots[0]["custom_attributes"]["fend"] = 1111
shots[0]["custom_attributes"]["complexity"] = ["hard"]
shots[1]["custom_attributes"]["handles"] = 12
shots[0]["metadata"]["reel"] = "A002"
shots[0]["metadata"]["camera"] = "alexa"
task["status"] = status("In progress")
task["status"] = status("Pending review")
task["bid"] = 7200
asset = session.create(
    "Asset",
    {"name": "roto", "parent": shots[0], "type": session.query("AssetType").first()},
)
versions = []
for comment in ("first", "second"):
    version = session.create("AssetVersion", {"asset": asset, "task": task, "comment": comment})
    version["metadata"]["farm"] = "blue"
    versions.append(version)
    session.commit()
versions[1]["uses_versions"].append(versions[0])

# Components, with locations: by hand, and through a location that manages files.
component = versions[0].create_component(
    "/renders/roto.%04d.exr [1001-1003]", {"name": "main"}, location=None
)
here = session.create("Location", {"name": "studio.test"})
here.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=tempfile.mkdtemp())
here.structure = ftrack_api.structure.id.IdStructure()
with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
    file.write("pixels")
movie = session.create_component(
    file.name, {"name": "movie", "version": versions[1]}, location=here
)
assert here.get_filesystem_path(movie).endswith(".txt")
session.create(
    "ComponentLocation",
    {
        "component": component,
        "location": session.query('Location where name is "studio.disk"').first() or here,
        "resource_identifier": "/renders/roto.%04d.exr",
    },
)
session.commit()

# Commit: notes, with recipients, replies and labels; links; a list; a timelog; scopes.
note = shots[0].create_note("Please check the edge.", author=other, recipients=[user])
reply = note.create_reply("Will do.", author=user)
session.create("TypedContextLink", {"from": shots[0], "to": shots[1]})
dailies = session.create(
    "AssetVersionList",
    {
        "name": "dailies",
        "project": project,
        "owner": user,
        "category": session.query("ListCategory").first(),
    },
)
dailies["items"].append(versions[0])
dailies["items"].append(versions[1])
session.create(
    "Timelog",
    {"context": task, "user": user, "duration": 1800, "start": datetime.datetime(2024, 5, 2, 10)},
)
session.commit()

# A rollback: nothing of this may be seen again.
shots[1]["name"] = "never"
session.create("Shot", {"name": "gone", "parent": new_sequence})
task["bid"] = -1
session.rollback()
assert shots[1]["name"] == "sh020"
assert task["bid"] == 7200

# Commit: updates of what the server had before: scalars, dates, references, collections, metadata,
# custom attributes, a move to another parent.
old = session.query(
    'Shot where name is "sh020" and parent.name is "sq010" and project.name is "salt_and_ember"'
).one()
old["description"] = None
old["status"] = status("Completed")
old["name"] = "sh025"
old["parent"] = new_sequence
old["custom_attributes"]["fend"] = 2000
old["metadata"]["touched"] = "yes"
for assignment in list(session.query('Appointment where context.parent.name is "sh030"'))[:1]:
    session.delete(assignment)
project["end_date"] = datetime.datetime(2025, 1, 1)
del project["metadata"]["client"]
project["metadata"]["colorspace"] = "scene-linear"
some_task = session.query(
    'select status, assignments from Task where name is "lighting" and parent.name is "sh030" '
    'and project.name is "salt_and_ember"'
).first()
some_task["status_id"] = status("On Hold")["id"]
session.create("Appointment", {"context": some_task, "resource": other, "type": "assignment"})
session.commit()

# Commit: deletes, of what is new and of what was there; created and deleted at once.
session.delete(shots[2])
doomed = session.create("Shot", {"name": "short-lived", "parent": new_sequence})
session.delete(doomed)
session.delete(reply)
session.delete(session.query('Note where content like "%" order by date').first())
session.delete(
    session.query(
        'Shot where name is "sh040" and project.name is "salt_and_ember" order by id'
    ).first()
)
session.commit()

print("done", len(sys.argv))
