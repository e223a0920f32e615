"""Create the sequences, shots and tasks of a cut list, with frame ranges, and report them."""

import csv
import io

import ftrack_api

CUT_LIST = """\
sequence,shot,start,end,tasks
sq700,sh010,1001,1048,Layout Animation
sq700,sh020,1001,1032,Layout Animation Compositing
sq710,sh010,1009,1100,FX Compositing
"""


def ingest(session, project, row):
    """Create what a row of the cut list asks for, unless it is there."""
    where = f'project.name is "{project["name"]}"'
    sequence = session.query(f'Sequence where name is "{row["sequence"]}" and {where}').first()
    if sequence is None:
        sequence = session.create("Sequence", {"name": row["sequence"], "parent": project})
        session.commit()
        print("created", sequence["name"])
    shot = session.create("Shot", {"name": row["shot"], "parent": sequence})
    shot["custom_attributes"]["fstart"] = int(row["start"])
    shot["custom_attributes"]["fend"] = int(row["end"])
    for type_name in row["tasks"].split():
        kind = session.query(f'Type where name is "{type_name}"').one()
        session.create("Task", {"name": type_name.lower(), "type": kind, "parent": shot})
    session.commit()


def main():
    session = ftrack_api.Session(auto_connect_event_hub=False)
    project = session.query('Project where name is "brightwater"').one()
    for row in csv.DictReader(io.StringIO(CUT_LIST)):
        ingest(session, project, row)
    for shot in session.query(
        'select name, parent.name, custom_attributes from Shot where parent.name like "sq7%"'
    ):
        values = shot["custom_attributes"]
        tasks = session.query(f'select name from Task where parent_id is "{shot["id"]}"')
        names = sorted(task["name"] for task in tasks)
        print(shot["parent"]["name"], shot["name"], values["fstart"], values["fend"], names)


main()
