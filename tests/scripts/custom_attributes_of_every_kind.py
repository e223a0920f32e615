"""Set custom attributes of every kind on new and on old entities, and read them back."""

import datetime

import arrow
import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
sequence = session.create("Sequence", {"name": "spot15", "parent": project})
shot = session.create("Shot", {"name": "sh010", "parent": sequence})
shot["custom_attributes"]["slate"] = "15-A"
shot["custom_attributes"]["fstart"] = 1009
shot["custom_attributes"]["complexity"] = ["simple"]
session.commit()

project["custom_attributes"]["stereo"] = True
project["custom_attributes"]["fps"] = 29.97
project["custom_attributes"]["delivery"] = datetime.datetime(2024, 6, 28)
old = session.query('Shot where name is "sh060" and project.name is "brightwater"').one()
old["custom_attributes"]["handles"] = 0
old["custom_attributes"]["slate"] = ""
session.commit()

found = session.query('select custom_attributes from Shot where parent.name is "spot15"').one()
values = found["custom_attributes"]
print(values["slate"], values["fstart"], values["fend"], values["handles"], values["complexity"])
values = session.query('Project where name is "brightwater"').one()["custom_attributes"]
delivery = arrow.get(values["delivery"]).format("YYYY-MM-DD")
print(values["stereo"], values["fps"], delivery)
for value in session.query(
    'select value, key from ContextCustomAttributeValue where key in ("slate", "handles") '
    f'and entity_id is "{old["id"]}"'
):
    print(value["key"], repr(value["value"]))
