"""Give verdicts in a review session, and carry them over to the versions."""

import ftrack_api

session = ftrack_api.Session()
STATUS = {"approved": "Approved", "require_changes": "Changes requested"}
review = session.query('ReviewSession where name is "Client review"').one()
invitee = session.create(
    "ReviewSessionInvitee",
    {"name": "Second opinion", "email": "second@example.com", "review_session": review},
)
for number, each in enumerate(review["review_session_objects"]):
    session.create(
        "ReviewSessionObjectStatus",
        {
            "review_session_object": each,
            "invitee": invitee,
            "status": "require_changes" if number else "approved",
        },
    )
session.commit()

for verdict in session.query(
    'ReviewSessionObjectStatus where invitee.email is "second@example.com"'
).all():
    version = verdict["review_session_object"]["asset_version"]
    name = STATUS[verdict["status"]]
    version["status"] = session.query(f'Status where name is "{name}"').one()
session.commit()

for name in ("Approved", "Changes requested"):
    found = session.query(
        f'AssetVersion where status.name is "{name}" and '
        'review_session_objects any (review_session.name is "Client review")'
    )
    print(name, sorted(version["link"][-3]["name"] for version in found))
print([len(each["statuses"]) for each in review["review_session_objects"]])
