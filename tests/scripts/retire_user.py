"""Take a person who left off tasks, groups and the list of active users."""

import ftrack_api

session = ftrack_api.Session()
user = session.query('User where username is "farah.nazari"').one()
appointments = session.query(f'Appointment where resource_id is "{user["id"]}"').all()
memberships = session.query(f'Membership where user_id is "{user["id"]}"').all()
for each in [*appointments, *memberships]:
    session.delete(each)
user["is_active"] = False
user["email"] = ""
session.commit()
print(len(appointments), "assignments and", len(memberships), "memberships ended")
print(user["username"], user["is_active"], repr(user["email"]))
session.reset()
user = session.query('User where username is "farah.nazari"').one()
print(len(user["assignments"]), len(user["memberships"]), user["is_active"])
