"""Switch the timer of a user from one task to the next, however often."""

import ftrack_api
import ftrack_api.exception

session = ftrack_api.Session()
user = session.query('User where username is "farah.nazari"').one()
tasks = session.query(
    'Task where name is "animation" and parent.parent.name is "sq030" order by parent.name'
).all()
user.start_timer(tasks[0])
try:
    user.start_timer(tasks[1])
except ftrack_api.exception.NotUniqueError:
    session.rollback()
    print("a timer is running")
for task in tasks[1:3]:
    user.start_timer(task, force=True)
running = session.query(f'Timer where user_id is "{user["id"]}"').all()
print([timer["context"]["parent"]["name"] for timer in running])
user.stop_timer()
try:
    user.stop_timer()
except ftrack_api.exception.NoResultFoundError:
    print("no timer is running")
logged = session.query('Timelog where user.username is "farah.nazari"')
print(sorted(log["context"]["parent"]["name"] for log in logged))
