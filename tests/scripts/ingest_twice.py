"""Bring the shots of a sequence in line with an editorial turnover, which may come twice."""

import ftrack_api

FIRST = {"sh010": 1050, "sh020": 1060, "sh060": 1040}
SECOND = {"sh010": 1050, "sh020": 1072, "sh060": 1040, "sh070": 1020}


def apply(session, turnover):
    """Create or update the shots of *turnover*; return how many of each."""
    sequence = session.query(
        'Sequence where name is "sq010" and project.name is "salt_and_ember"'
    ).one()
    counts = {"created": 0, "updated": 0, "kept": 0}
    for name, end in turnover.items():
        shot = session.query(
            f'Shot where name is "{name}" and parent_id is "{sequence["id"]}"'
        ).first()
        if shot is None:
            shot = session.create("Shot", {"name": name, "parent": sequence})
            shot["custom_attributes"]["fend"] = end
            counts["created"] += 1
        elif shot["custom_attributes"]["fend"] != end:
            shot["custom_attributes"]["fend"] = end
            counts["updated"] += 1
        else:
            counts["kept"] += 1
    session.commit()
    return counts


with ftrack_api.Session() as session:
    for number, turnover in enumerate((FIRST, SECOND, SECOND), 1):
        print("turnover", number, apply(session, turnover))
    shots = session.query(
        'Shot where parent.name is "sq010" and project.name is "salt_and_ember" order by name desc'
    )
    print([(shot["name"], shot["custom_attributes"]["fend"]) for shot in shots])
