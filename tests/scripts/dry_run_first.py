"""Show what would change, roll it back, then do it."""

import ftrack_api

session = ftrack_api.Session()


def rename_tasks():
    """Give every compositing task of a project its short name; return how many."""
    tasks = session.query(
        'Task where name is "compositing" and project.name is "brightwater"'
    ).all()
    for task in tasks:
        task["name"] = "comp"
    return len(tasks)


print("would rename", rename_tasks(), "tasks")
print(len(session.modified), "modified")
session.rollback()
print(len(session.query('Task where name is "comp"')), "renamed")
print("renames", rename_tasks(), "tasks")
session.commit()
print(len(session.query('Task where name is "comp"')), "renamed")
print("again:", rename_tasks())
session.commit()
names = session.query('select name from Task where parent.name is "sh060" order by name')
print([task["name"] for task in names])
