"""Write notes with labels and recipients, and find them by both."""

import ftrack_api

session = ftrack_api.Session()
author = session.query('User where username is "bruno.castellan"').one()
label = session.query('NoteLabel where name is "Internal"').one()
group = session.query('Group where name is "Animation"').one()
person = session.query('User where username is "ines.duarte"').one()

for name, recipients in (("sh010", [group]), ("sh020", [group, person]), ("sh030", [])):
    shot = session.query(
        f'Shot where name is "{name}" and parent.name is "sq030" order by project.name'
    ).first()
    shot.create_note(f"Deliver {name} early.", author, recipients=recipients, labels=[label])
session.commit()

internal = session.query(
    'Note where note_label_links any (label.name is "Internal") order by content'
)
for note in internal:
    print(note["content"], [each["label"]["name"] for each in note["note_label_links"]])
mine = session.query(f'Note where recipients any (resource_id is "{person["id"]}")')
print([note["content"] for note in mine])
print(len(session.query(f'Recipient where resource_id is "{group["id"]}"')), "for the group")
