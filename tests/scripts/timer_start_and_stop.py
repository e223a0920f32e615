"""Start a timer on a task, look at it, and stop it, which makes a timelog."""

import ftrack_api

session = ftrack_api.Session()
user = session.query('User where username is "goro.tanabe"').one()
task = session.query(
    'Task where name is "lighting" and parent.name is "sh020" and parent.parent.name is "sq010"'
).one()
before = len(session.query('Timelog where user.username is "goro.tanabe"'))

timer = user.start_timer(task, comment="keys")
running = session.query('Timer where user.username is "goro.tanabe"').one()
print("running on", running["context"]["name"], "of", running["context"]["parent"]["name"])

timelog = user.stop_timer()
timelog["comment"] = timelog["comment"] + " and fills"
session.commit()
print(len(session.query("Timer")), "timers")
logs = session.query('Timelog where user.username is "goro.tanabe"').all()
print(len(logs) - before, "more", [log["comment"] for log in logs], logs[-1]["context"]["name"])
