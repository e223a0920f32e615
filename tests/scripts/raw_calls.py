"""A script that changes the server by raw calls, and mixes them with those of the session."""

import datetime
import json

import ftrack_api

session = ftrack_api.Session(auto_connect_event_hub=False)
sequence = session.query(
    'Sequence where name is "sq010" and project.name is "salt_and_ember"'
).one()
shot = session.query(f'Shot where name is "sh010" and parent_id is "{sequence["id"]}"').one()


def show(answers):
    """Print what the answers say of the attributes that were given."""
    for answer in answers:
        data = answer.get("data")
        if isinstance(data, list):
            print(answer["action"], len(data))
        elif data is True:
            print(answer["action"], data)
        else:
            print(answer["action"], data.entity_type, data["id"], data["description"])


def create(name, key, **data):
    return {
        "action": "create",
        "entity_type": "Shot",
        "entity_key": [key],
        "entity_data": {
            "__entity_type__": "Shot",
            "id": key,
            "name": name,
            "parent": sequence,
            "project_id": shot["project_id"],
            "description": "by a raw call",
            **data,
        },
    }


def update(key, **data):
    return {
        "action": "update",
        "entity_type": "Shot",
        "entity_key": [key],
        "entity_data": {"__entity_type__": "Shot", **data},
    }


FIRST, SECOND = "11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002"

show(session.call([create("raw1", FIRST), create("raw2", SECOND)]))
show(
    session.call(
        [
            {"action": "query", "expression": "select id from Project"},
            update(shot["id"], description="changed at once", name="sh010x"),
            update(FIRST, description="and again"),
            {"action": "delete", "entity_type": "Shot", "entity_key": [SECOND]},
        ]
    )
)
shot["description"] = "by the session"
session.commit()
show(session.call([update(shot["id"], description="last")]))

# Dates, as Python and as JSON have them, and no key.
note = {
    "action": "create",
    "entity_type": "Task",
    "entity_data": {
        "__entity_type__": "Task",
        "name": "raw",
        "parent_id": FIRST,
        "project_id": shot["project_id"],
        "start_date": datetime.datetime(2024, 5, 1, 9),
        "end_date": {"__type__": "datetime", "value": "2024-05-03T18:00:00+02:00"},
    },
}
print(len(session.call([note])[0]["data"]["id"]))
session.call(json.loads(json.dumps([update(FIRST, sort=7)])))
