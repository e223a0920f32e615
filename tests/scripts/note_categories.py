"""Create the note categories that a studio wants, and move notes to one of them."""

import ftrack_api

session = ftrack_api.Session()
for number, (name, color) in enumerate((("Lighting", "#F1C40F"), ("Editorial", "#3498DB"))):
    session.ensure("NoteCategory", {"name": name, "color": color, "sort": number})
lighting = session.query('NoteCategory where name is "Lighting"').one()
notes = session.query('Note where content like "%horizon%" and in_reply_to_id is None').all()
for note in notes:
    note["category"] = lighting
session.commit()
found = session.query('Note where category.name is "Lighting"')
print(len(found), {note["content"] for note in found})
print(
    sorted(
        each["name"]
        for each in session.query('NoteCategory where name in ("Lighting", "Editorial")')
    )
)
session.ensure("NoteCategory", {"name": "Editorial", "color": "#FF0000"}, ["name"])
print(session.query('NoteCategory where name is "Editorial"').one()["color"])
