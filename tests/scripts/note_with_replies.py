"""Write a note on a shot, reply to it twice, and read the thread."""

import ftrack_api

session = ftrack_api.Session()
shot = session.query(
    'Shot where name is "sh030" and parent.name is "sq020" and project.name is "salt_and_ember"'
).one()
supervisor = session.query('User where username is "ada.lindqvist"').one()
animator = session.query('User where username is "dana.whitlock"').one()

note = shot.create_note("The lantern pops on 1014.", author=supervisor)
session.commit()
note.create_reply("Fixed in the next version.", author=animator)
session.commit()
note.create_reply("Thank you.", author=supervisor)
session.commit()

threads = session.query(
    f'select content, author.username from Note where parent_id is "{shot["id"]}" '
    "and in_reply_to_id is None"
).all()
for thread in threads:
    print(thread["author"]["username"], thread["content"])
    for reply in session.query(f'Note where in_reply_to_id is "{thread["id"]}" order by date'):
        print("  ", reply["author"]["username"], reply["content"])
print(len(shot["notes"]), len(note["replies"]))
