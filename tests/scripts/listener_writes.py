"""Listen for new shots, and give each one its tasks and a frame range."""

import ftrack_api
import ftrack_api.event.base

session = ftrack_api.Session()


def on_new_shot(event):
    """Set up the shot of the event."""
    shot = session.query(f'Shot where id is "{event["data"]["shot"]}"').one()
    for name in ("Layout", "Animation"):
        kind = session.query(f'Type where name is "{name}"').one()
        session.create("Task", {"name": name.lower(), "type": kind, "parent": shot})
    shot["custom_attributes"]["fstart"] = 1009
    session.commit()
    return shot["name"]


session.event_hub.subscribe("topic=studio.shot.new", on_new_shot)
sequence = session.query('Sequence where name is "spot30"').one()
answers = []
for name in ("sh110", "sh120"):
    shot = session.create("Shot", {"name": name, "parent": sequence})
    session.commit()
    event = ftrack_api.event.base.Event("studio.shot.new", data={"shot": shot["id"]})
    answers += session.event_hub.publish(event, synchronous=True)
print(answers)
for shot in session.query('Shot where parent.name is "spot30" and name like "sh1%" order by name'):
    tasks = sorted(task["name"] for task in shot["children"])
    print(shot["name"], tasks, shot["custom_attributes"]["fstart"])
