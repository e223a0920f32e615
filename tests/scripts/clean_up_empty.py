"""Delete assets without versions and sequences without shots."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
shot = session.query('Shot where name is "sh020" and project.name is "brightwater"').one()
kind = session.query('AssetType where name is "Geometry"').one()
for name in ("temp_a", "temp_b"):
    session.create("Asset", {"name": name, "type": kind, "parent": shot})
    session.create("Sequence", {"name": name, "parent": project})
session.commit()
used = session.query('Asset where name is "temp_b"').one()
session.create("AssetVersion", {"asset": used})
session.create(
    "Shot",
    {"name": "sh010", "parent_id": session.query('Sequence where name is "temp_b"').one()["id"]},
)
session.commit()

for entity_type, collection in (("Asset", "versions"), ("Sequence", "children")):
    for each in session.query(f"{entity_type} where not {collection} any ()").all():
        print("delete", entity_type, each["name"])
        session.delete(each)
session.commit()
print([each["name"] for each in session.query('Asset where name like "temp%"')])
print([each["name"] for each in session.query('Sequence where name like "temp%"')])
