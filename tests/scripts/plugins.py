"""Plug-ins of ftrack_api that write, as texts of files for ``FTRACK_EVENT_PLUGIN_PATH``."""

from __future__ import annotations

#: Makes a project when a session is ready.
ON_READY = """
def ready(event):
    session = event["data"]["session"]
    session.create("Project", {
        "name": "by_plugin",
        "full_name": "By a plug-in",
        "project_schema": session.query("ProjectSchema").first(),
    })
    session.commit()


def register(session):
    session.event_hub.subscribe("topic=ftrack.api.session.ready", ready)
"""

#: Deletes a note while it is registered, when a session has no entity types yet.
ON_REGISTRATION = """
import json, os


def register(session):
    session.call([{
        "action": "delete",
        "entity_type": "Note",
        "entity_key": [os.environ["NOTE"]],
    }])
"""

#: Makes a location when locations are configured.
ON_LOCATIONS = """
def configure(event):
    session = event["data"]["session"]
    session.create("Location", {"name": "studio.by_plugin"})
    session.commit()


def register(session):
    session.event_hub.subscribe("topic=ftrack.api.session.configure-location", configure)
"""

#: Fails after it has committed.
FAILS_ON_READY = ON_READY.replace(
    "    session.commit()\n", '    session.commit()\n    raise RuntimeError("of the plug-in")\n'
)

#: Fails while it is registered, so that the session cannot be made.
FAILS_ON_REGISTRATION = """
def register(session):
    raise RuntimeError("of the plug-in")
"""
