"""Copy the lists and notes of one project to another, with links in the metadata."""

import ftrack_api

with ftrack_api.Session() as session:
    source = session.query('Project where name is "salt_and_ember"').one()
    target = session.query('Project where name is "brightwater"').one()
    for each in session.query(f'AssetVersionList where project_id is "{source["id"]}"').all():
        copy = session.create(
            "AssetVersionList",
            {"name": each["name"], "project": target, "category": each["category"]},
        )
        for version in each["items"]:
            copy["items"].append(version)
    for number, note in enumerate(
        session.query("Note where in_reply_to_id is None order by content").all()
    ):
        copy = session.create("Note", {"content": note["content"], "author": note["author"]})
        copy["metadata"]["copied_from"] = source["name"]
        target["notes"].append(copy)
        if number == 2:
            break
    session.commit()

    names = ("salt_and_ember", "brightwater")
    print([len(session.query(f'List where project.name is "{name}"')) for name in names])
    copied = session.query('Note where metadata any (key is "copied_from") order by content')
    print(
        [note["content"][:12] for note in copied], {note["author"]["username"] for note in copied}
    )
    found = session.query('AssetVersionList where project.name is "brightwater"').one()
    print(found["name"], len(found["items"]))
