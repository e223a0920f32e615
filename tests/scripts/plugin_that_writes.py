"""Load a plug-in that writes when a session is ready, and look at what it wrote."""

import pathlib
import tempfile

import ftrack_api

PLUGIN = """
def on_ready(event):
    session = event["data"]["session"]
    project = session.query('Project where name is "brightwater"').one()
    project["metadata"]["last_tool"] = "turnover"
    session.commit()


def register(session):
    session.event_hub.subscribe("topic=ftrack.api.session.ready", on_ready)
"""

with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "stamp.py").write_text(PLUGIN)
    session = ftrack_api.Session(plugin_paths=[folder])
project = session.query('Project where metadata any (key is "last_tool")').first()
print(project["name"], project["metadata"]["last_tool"])
project["metadata"]["last_tool"] = "report"
session.commit()
print(len(session.query('Metadata where key is "last_tool" and value is "report"')))
