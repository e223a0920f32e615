"""Write the notes of a review on versions, with a category and a reply, and show the threads."""

import ftrack_api

NOTES = [("sh010", "Horizon is tilted.", "Fixed."), ("sh040", "Good.", None)]

session = ftrack_api.Session()
author = session.query('User where username is "ada.lindqvist"').one()
artist = session.query('User where username is "dana.whitlock"').one()
category = session.query('NoteCategory where name is "Client"').one()
for shot_name, content, answer in NOTES:
    version = session.query(
        f'AssetVersion where asset.name is "animation" and asset.parent.name is "{shot_name}" '
        "and is_latest_version is True"
    ).one()
    note = version.create_note(content, author=author, recipients=[artist], category=category)
    if answer:
        note.create_reply(answer, author=artist)
    session.commit()
    print(shot_name, note["content"], note["author"]["username"], len(note["recipients"]))
    print("  ", [reply["content"] for reply in note["replies"]], len(version["notes"]) > 0)
