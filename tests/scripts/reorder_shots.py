"""Number the shots of a sequence by hand, and read them in that order."""

import ftrack_api

session = ftrack_api.Session()
WANTED = ["sh030", "sh010", "sh050", "sh020", "sh040"]
WHERE = 'parent.name is "sq020" and project.name is "salt_and_ember"'
for shot in session.query(f"Shot where {WHERE}").all():
    shot["sort"] = WANTED.index(shot["name"])
session.commit()
print([shot["name"] for shot in session.query(f"Shot where {WHERE} order by sort")])
print([shot["name"] for shot in session.query(f"Shot where {WHERE} order by sort desc limit 2")])
first = session.query(f"Shot where {WHERE} order by sort").first()
first["sort"] = 10
session.commit()
print([shot["name"] for shot in session.query(f"Shot where {WHERE} and sort > 2 order by sort")])
