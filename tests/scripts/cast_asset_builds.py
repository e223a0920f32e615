"""Link asset builds to the shots in which they appear, and find the shots of a build."""

import ftrack_api

CAST = {"rowboat": ["sh010", "sh020"], "lantern": ["sh020", "sh030"], "keeper": ["sh030"]}

with ftrack_api.Session() as session:
    where = 'project.name is "salt_and_ember"'
    builds = {each["name"]: each for each in session.query(f"AssetBuild where {where}")}
    for name, shots in CAST.items():
        for shot_name in shots:
            shot = session.query(
                f'Shot where name is "{shot_name}" and parent.name is "sq020" and {where}'
            ).one()
            linked = session.query(
                f'TypedContextLink where from_id is "{builds[name]["id"]}" '
                f'and to_id is "{shot["id"]}"'
            ).first()
            if linked:
                print(name, "is in", shot_name, "already")
            else:
                session.create("TypedContextLink", {"from": builds[name], "to": shot})
    session.commit()

    for shot in session.query(f'Shot where parent.name is "sq020" and {where} order by name'):
        print(shot["name"], sorted(link["from"]["name"] for link in shot["incoming_links"]))
    lit = session.query(f'Shot where incoming_links any (from.name is "lantern") and {where}')
    print("lantern", sorted(shot["name"] for shot in lit))
    print(len(session.query('TypedContextLink where from.name is "rowboat"')), "of the rowboat")
