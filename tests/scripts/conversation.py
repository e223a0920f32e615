"""Write to people in a conversation, and read it."""

import ftrack_api

session = ftrack_api.Session()
conversation = session.create("Conversation")
for username in ("ada.lindqvist", "bruno.castellan"):
    user = session.query(f'User where username is "{username}"').one()
    session.create("Participant", {"conversation": conversation, "resource": user})
session.commit()
for text in ("The cut has changed.", "Shot 30 is longer now."):
    session.create("Message", {"conversation": conversation, "text": text})
    session.commit()
messages = session.query(f'Message where conversation_id is "{conversation["id"]}"')
print([(each["text"], each["created_by"]["username"]) for each in messages])
found = session.query(
    'Conversation where participants any (resource[User].username is "ada.lindqvist")'
)
print(len(found), sorted(each["resource"]["username"] for each in found[0]["participants"]))
print(len(session.query('Message where text like "%shot%"')))
