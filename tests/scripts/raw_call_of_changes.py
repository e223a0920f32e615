"""Create, update and delete by raw operations, as a port from the JavaScript client does."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
KEY = "5f0c8a6e-3c55-4a53-9d0e-2f6c1f1d7a01"
created, updated = session.call(
    [
        {
            "action": "create",
            "entity_type": "Sequence",
            "entity_data": {"id": KEY, "name": "sq800", "parent_id": project["id"]},
        },
        {
            "action": "update",
            "entity_type": "Sequence",
            "entity_key": [KEY],
            "entity_data": {"description": "made by hand"},
        },
    ]
)
print(created["action"], created["data"]["name"], updated["data"]["description"])
sequence = session.query('Sequence where name is "sq800"').one()
print(sequence["project"]["name"], sequence["description"])
(deleted,) = session.call([{"action": "delete", "entity_type": "Sequence", "entity_key": [KEY]}])
print(deleted["data"], len(session.query('Sequence where name is "sq800"')))
