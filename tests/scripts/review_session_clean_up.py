"""Delete the review sessions that are over, with what belongs to them."""

import datetime

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "salt_and_ember"').one()
for number in (1, 2):
    session.create(
        "ReviewSession",
        {
            "name": f"Internal {number}",
            "project": project,
            "start_date": datetime.datetime(2024, number, 1),
            "end_date": datetime.datetime(2024, number, 28),
        },
    )
session.commit()
over = session.query('ReviewSession where end_date < "2024-03-27"').all()
print("over:", sorted(each["name"] for each in over))
for each in over:
    if each["name"] != "Internal 2":
        session.delete(each)
session.commit()
print("left:", [each["name"] for each in session.query("ReviewSession order by name")])
print(len(session.query("ReviewSessionObject")), len(session.query("ReviewSessionInvitee")))
