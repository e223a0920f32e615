"""Turn notes into things to do, tick some off, and count what is left."""

import datetime

import ftrack_api

session = ftrack_api.Session()
user = session.query('User where username is "jonas.achterberg"').one()
for note in session.query("Note where in_reply_to_id is None").all():
    note["is_todo"] = True
session.commit()
todo = session.query("Note where is_todo is True and completed_at is None order by content").all()
print(len(todo), "to do")

for note in todo[:2]:
    note["completed_by"] = user
    note["completed_at"] = datetime.datetime(2024, 4, 5, 12)
session.commit()
print(len(session.query("Note where is_todo is True and completed_at is None")), "left")
done = session.query('Note where completed_by.username is "jonas.achterberg" order by content')
print([note["content"] for note in done])
