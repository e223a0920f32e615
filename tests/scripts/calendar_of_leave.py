"""Put the leave of people into the calendar, and find who is away on a day."""

import datetime

import ftrack_api

LEAVE = {"dana.whitlock": (2, 5), "emil.sorokin": (4, 9), "goro.tanabe": (8, 12)}

session = ftrack_api.Session()
for username, (first, last) in LEAVE.items():
    user = session.query(f'User where username is "{username}"').one()
    event = session.create(
        "CalendarEvent",
        {
            "name": f"Leave of {user['first_name']}",
            "start": datetime.datetime(2024, 4, first, 9),
            "end": datetime.datetime(2024, 4, last, 18),
            "leave": True,
        },
    )
    session.create("CalendarEventResource", {"calendar_event": event, "resource": user})
session.commit()

away = session.query(
    'CalendarEvent where leave is True and start <= "2024-04-05" and end >= "2024-04-05" '
    "order by start"
)
for event in away:
    people = [each["resource"]["username"] for each in event["calendar_event_resources"]]
    print(event["name"], people)
cancelled = session.query('CalendarEvent where name is "Leave of Emil"').one()
session.delete(cancelled)
session.commit()
print(len(session.query("CalendarEvent where leave is True")), "left")
print(len(session.query('CalendarEventResource where resource[User].username is "emil.sorokin"')))
