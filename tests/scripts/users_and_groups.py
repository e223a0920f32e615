"""Create users and a group for a vendor, and list who is in which group."""

import ftrack_api

session = ftrack_api.Session()
PEOPLE = {"vendor.amy": ("Amy", "Ray"), "vendor.ben": ("Ben", "Low")}

group = session.ensure("Group", {"name": "Vendor"})
for username, (first, last) in PEOPLE.items():
    user = session.ensure(
        "User",
        {
            "username": username,
            "first_name": first,
            "last_name": last,
            "email": f"{username}@example.com",
            "is_active": True,
        },
        identifying_keys=["username"],
    )
    session.create("Membership", {"group": group, "user": user})
session.commit()

for each in session.query("select name, memberships.user.username from Group order by name"):
    print(each["name"], sorted(member["user"]["username"] for member in each["memberships"]))

leaver = session.query('User where username is "vendor.ben"').one()
leaver["is_active"] = False
for membership in session.query('Membership where user.username is "vendor.ben"').all():
    session.delete(membership)
session.commit()
active = session.query('User where is_active is True and username like "vendor.%"')
print([user["first_name"] for user in active])
print(len(session.query('Membership where group.name is "Vendor"')), "in the group")
