"""Write the tasks of a sequence to CSV, change the text, and read the changes back in."""

import csv
import io

import ftrack_api

FIELDS = ("id", "shot", "task", "status", "bid")


def export(session):
    """Return the tasks of the sequence as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    for task in session.query(
        "select parent.name, name, status.name, bid from Task where parent.parent.name is "
        '"spot30" and type.name in ("Lighting", "Layout") order by parent.name, name'
    ):
        values = (
            task["id"],
            task["parent"]["name"],
            task["name"],
            task["status"]["name"],
            task["bid"],
        )
        writer.writerow(dict(zip(FIELDS, values, strict=True)))
    return text.getvalue()


with ftrack_api.Session() as session:
    text = export(session).replace("Not started", "Ready to start").replace(",0.0", ",4.5")
    changed = 0
    for row in csv.DictReader(io.StringIO(text), FIELDS):
        task = session.get("Task", row["id"])
        status = session.query(f'Status where name is "{row["status"]}"').one()
        if task["status"] != status or task["bid"] != float(row["bid"]):
            task["status"], task["bid"] = status, float(row["bid"])
            changed += 1
    session.commit()
    print(changed, "changed")
with ftrack_api.Session() as session:
    for line in export(session).splitlines():
        print(line.split(",", 1)[1])
