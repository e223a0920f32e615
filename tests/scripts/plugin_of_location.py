"""Load a plug-in that configures a location, and publish into it."""

import pathlib
import tempfile

import ftrack_api

PLUGIN = """
import ftrack_api.accessor.disk
import ftrack_api.structure.id


def configure(event):
    session = event["data"]["session"]
    location = session.ensure("Location", {"name": "studio.plugin"})
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=FOLDER)
    location.structure = ftrack_api.structure.id.IdStructure()
    location.priority = 0


def register(session):
    session.event_hub.subscribe("topic=ftrack.api.session.configure-location", configure)
"""

with tempfile.TemporaryDirectory() as folder:
    plugins, store = pathlib.Path(folder) / "plugins", pathlib.Path(folder) / "store"
    plugins.mkdir()
    store.mkdir()
    (plugins / "location.py").write_text(f"FOLDER = {str(store)!r}\n{PLUGIN}")
    movie = pathlib.Path(folder) / "cut.mov"
    movie.write_text("frames")
    for _ in range(2):
        session = ftrack_api.Session(plugin_paths=[str(plugins)])
        component = session.create_component(str(movie), {"name": "cut"})
        session.commit()
        print(session.pick_location()["name"], component["size"], len(list(store.rglob("*.mov"))))
    print(len(session.query('Location where name is "studio.plugin"')), "location")
    print(len(session.query('ComponentLocation where location.name is "studio.plugin"')))
