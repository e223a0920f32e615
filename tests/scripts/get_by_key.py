"""Get entities by their keys, also those of two parts, before and after they change."""

import ftrack_api

session = ftrack_api.Session()
shot = session.query('Shot where name is "sh040" and parent.name is "sq030"').one()
configuration = session.query('CustomAttributeConfiguration where key is "slate"').one()
print(session.get("Shot", shot["id"]) is shot, session.get("Shot", "no-such-id"))

shot["description"] = "Pushed in"
shot["custom_attributes"]["slate"] = "30-D"
shot["metadata"]["take"] = "4"
made = session.create("Shot", {"name": "sh041", "parent": shot["parent"]})
session.commit()

other = ftrack_api.Session()
print(other.get("Shot", shot["id"])["description"], other.get("Context", made["id"])["name"])
print(other.get("TypedContext", made["id"])["object_type"]["name"])
value = other.get("ContextCustomAttributeValue", [configuration["id"], shot["id"]])
print(value["value"], other.get("Metadata", [shot["id"], "take"])["value"])
session.delete(made)
session.commit()
print(other.query(f'Shot where id is "{made["id"]}"').first())
print(ftrack_api.Session().get("Shot", made["id"]))
