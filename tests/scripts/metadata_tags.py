"""Tag shots with keywords, rename a keyword, and drop another one."""

import ftrack_api

session = ftrack_api.Session()
shots = session.query(
    'Shot where project.name is "salt_and_ember" order by parent.name, name'
).all()
for number, shot in enumerate(shots):
    shot["metadata"]["weather"] = "rain" if number % 2 else "fog"
    if number % 3 == 0:
        shot["metadata"]["unit"] = "second"
session.commit()

for shot in session.query('Shot where metadata any (key is "weather" and value is "rain")').all():
    shot["metadata"]["weather"] = "storm"
for shot in session.query('Shot where metadata any (key is "unit")').all():
    del shot["metadata"]["unit"]
session.commit()
for weather in ("rain", "fog", "storm"):
    found = session.query(f'Shot where metadata any (value is "{weather}")')
    print(weather, len(found))
print(len(session.query('Metadata where key is "unit"')), dict(shots[3]["metadata"]))
project = session.query('Project where metadata any (key is "client") order by name').first()
project["metadata"] = {"client": "Northlight", "year": "2024"}
session.commit()
found = session.query(f'Metadata where parent_id is "{project["id"]}" order by key')
print([(each["key"], each["value"]) for each in found])
