"""Walk through many shots page by page, with order, offset and limit."""

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
sequence = session.create("Sequence", {"name": "spot90", "parent": project})
for number in range(25):
    session.create("Shot", {"name": f"p{number:03}", "parent": sequence, "sort": 100 - number})
session.commit()

where = 'where parent.name is "spot90"'
print(len(session.query(f"Shot {where}")), len(session.query(f"Shot {where} limit 7")))
print([shot["name"] for shot in session.query(f"Shot {where} order by sort limit 3")])
print([shot["name"] for shot in session.query(f"Shot {where} order by name offset 22")])
print([shot["name"] for shot in session.query(f"Shot {where} order by name desc offset 5 limit 2")])
result = session.query(f"Shot {where} order by name", page_size=10)
print(result[12]["name"], [shot["name"] for shot in result][-1])
print([shot["name"] for shot in session.query(f"Shot {where} limit 4")])
print(session.query(f"Shot {where} order by name").first()["name"])
top = session.query("select name, sort from Shot order by sort desc, name limit 4")
print([(shot["name"], shot["sort"]) for shot in top])
