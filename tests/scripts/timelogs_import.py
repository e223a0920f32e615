"""Import a time sheet, and report the hours of each person and task."""

import datetime
from collections import Counter

import ftrack_api

SHEET = [
    ("emil.sorokin", "sh010", "animation", "2024-03-20", 6),
    ("emil.sorokin", "sh010", "animation", "2024-03-21", 7.5),
    ("hanna.vidal", "sh020", "lighting", "2024-03-20", 4),
]

session = ftrack_api.Session()
for username, shot, name, day, hours in SHEET:
    task = session.query(
        f'Task where name is "{name}" and parent.name is "{shot}" and parent.parent.name is "sq020"'
    ).one()
    session.create(
        "Timelog",
        {
            "context": task,
            "user": session.query(f'User where username is "{username}"').one(),
            "start": datetime.datetime.fromisoformat(f"{day} 09:00"),
            "duration": hours * 3600,
            "comment": "imported",
        },
    )
session.commit()

hours = Counter()
for log in session.query(
    'select user.username, context.name, duration from Timelog where start >= "2024-03-20"'
):
    hours[log["user"]["username"], log["context"]["name"]] += log["duration"] / 3600
print(sorted(hours.items()))
task = session.query(
    'select time_logged from Task where timelogs any (comment is "imported") and name is "lighting"'
).one()
print(task["parent"]["name"], task["time_logged"])
