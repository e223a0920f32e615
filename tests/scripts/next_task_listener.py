"""Listen for tasks that change their status, and make the next one ready."""

import ftrack_api
import ftrack_api.event.base

session = ftrack_api.Session(auto_connect_event_hub=False)
FOLLOWS = {"layout": "animation", "animation": "lighting", "lighting": "compositing"}


def on_update(event):
    """Make the task ready that follows one that is done now."""
    ready = session.query('Status where name is "Ready to start"').one()
    for change in event["data"]["entities"]:
        task = session.get("Task", change["entityId"])
        if task["status"]["state"]["name"] != "Done" or task["name"] not in FOLLOWS:
            continue
        following = session.query(
            f'Task where name is "{FOLLOWS[task["name"]]}" and parent.id is "{task["parent_id"]}"'
        ).one()
        following["status"] = ready
        session.commit()
        print("made ready:", following["parent"]["name"], following["name"])


session.event_hub.subscribe("topic=ftrack.update", on_update)
done = session.query('Status where name is "Completed"').one()
for name in ("animation", "lighting"):
    for task in session.query(
        f'Task where name is "{name}" and status.name is "In progress" order by parent.name'
    ).all():
        task["status"] = done
        session.commit()
        data = {"entities": [{"entityType": "task", "action": "update", "entityId": task["id"]}]}
        event = ftrack_api.event.base.Event(topic="ftrack.update", data=data)
        session.event_hub.publish(event, synchronous=True)
print(len(session.query('Task where status.name is "Ready to start"')), "ready")
