"""Say which versions a comp was made from, and ask a version where it is used."""

import ftrack_api

session = ftrack_api.Session()
comps = session.query('AssetVersion where asset.name is "compositing" order by id').all()
for comp in comps:
    animation = session.query(
        'AssetVersion where asset.name is "animation" and is_latest_version is True '
        f'and asset.context_id is "{comp["asset"]["context_id"]}"'
    ).one()
    comp["uses_versions"].append(animation)
session.commit()

for version in session.query(
    'AssetVersion where asset.name is "animation" and used_in_versions any (version is 1) '
    "order by asset.parent.name, version"
):
    users = version["used_in_versions"]
    print(version["asset"]["parent"]["name"], version["version"], len(users))
comps[0]["uses_versions"].remove(comps[0]["uses_versions"][0])
session.commit()
print(sorted(len(comp["uses_versions"]) for comp in comps))
print(len(session.query("AssetVersionLink")), "links")
