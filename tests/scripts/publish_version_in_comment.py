"""Write the number of a new version into its comment and into a note, as reviewers want it."""

import ftrack_api

session = ftrack_api.Session()
user = session.query('User where username is "chidi.oyelaran"').one()
for shot in session.query('Shot where parent.name is "sq020" and name in ("sh010", "sh020")').all():
    kind = session.query('AssetType where name is "Camera"').one()
    asset = session.create("Asset", {"name": "shotcam", "type": kind, "parent": shot})
    for _ in range(2):
        version = session.create("AssetVersion", {"asset": asset})
        session.commit()
        version["comment"] = f"{asset['name']}_v{version['version']:03}"
        shot.create_note(f"Camera {version['comment']} is out.", author=user)
        session.commit()
found = session.query('AssetVersion where asset.name is "shotcam" order by comment')
print([version["comment"] for version in found])
notes = session.query('Note where author.username is "chidi.oyelaran" order by content')
print([note["content"] for note in notes])
