"""Publish versions of an asset that has some, and read their numbers and the latest one."""

import ftrack_api

session = ftrack_api.Session()
asset = session.query(
    'Asset where name is "animation" and parent[Shot].parent.name is "sq010" order by id'
).first()
print("from", asset["latest_version"]["version"])
for comment in ("polish", "retime"):
    version = session.create("AssetVersion", {"asset": asset, "comment": comment})
    session.commit()
    print(comment, version["version"])

fresh = ftrack_api.Session()
versions = fresh.query(
    f'select version, comment from AssetVersion where asset_id is "{asset["id"]}" order by version'
)
print([(each["version"], each["comment"]) for each in versions][2:])
latest = fresh.query(
    f'AssetVersion where asset_id is "{asset["id"]}" and is_latest_version is True'
).one()
print("latest", latest["version"], latest["comment"], len(latest["asset"]["versions"]))
