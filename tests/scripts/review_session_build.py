"""Build a review session for the client from the latest animation, with two invitees."""

import datetime

import ftrack_api

session = ftrack_api.Session()
project = session.query('Project where name is "brightwater"').one()
review = session.create(
    "ReviewSession",
    {
        "name": "Agency review",
        "description": "Everything with animation",
        "project": project,
        "start_date": datetime.datetime(2024, 4, 1),
        "end_date": datetime.datetime(2024, 4, 3),
    },
)
for name, email in (("Rosa Ames", "rosa@example.com"), ("Tom Oak", "tom@example.com")):
    session.create("ReviewSessionInvitee", {"name": name, "email": email, "review_session": review})
versions = session.query(
    'AssetVersion where asset.type.name is "Animation" and is_latest_version is True '
    'and asset.parent[Shot].project.name is "brightwater" order by asset.parent.name'
)
for number, version in enumerate(versions):
    session.create(
        "ReviewSessionObject",
        {
            "name": version["asset"]["parent"]["name"],
            "version": f"Version {version['version']}",
            "asset_version": version,
            "review_session": review,
            "sort_order": number,
        },
    )
session.commit()

found = session.query('ReviewSession where name is "Agency review"').one()
print(found["name"], found["project"]["name"], len(found["review_session_objects"]))
print(sorted(each["email"] for each in found["review_session_invitees"]))
for each in session.query(
    f'ReviewSessionObject where review_session_id is "{review["id"]}" order by sort_order'
):
    print(each["name"], each["version"], each["asset_version"]["asset"]["name"])
