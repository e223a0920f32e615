"""Scripts written for Trackteroid: recorded unchanged, also if that package is installed."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import pytest

import trackteroid_cli
from tests.support.command_line import CommandLine
from tests.support.servers import Server
from trackteroid_cli.recording.import_alias import MODULES, trackteroid_importable

pytestmark = pytest.mark.usefixtures("no_relationships")

SCRIPT = """
from trackteroid import AssetVersion, Query, SCHEMA, SESSION, Status, Task
from trackteroid.entities import Shot
from trackteroid.entities.base import EntityCollectionOperationError
from trackteroid.query import Query as SameQuery
from trackteroid.session import Session

assert Query is SameQuery
assert isinstance(SESSION, Session)
assert issubclass(EntityCollectionOperationError, Exception)
versions = Query(AssetVersion, session=SESSION, schema=SCHEMA.default).get_all(
    projections=["comment"]
)
print(versions, AssetVersion.projections)
print(Query(Shot).by_name("sh010").get_all())
versions.comment = "edited"
versions.commit()
"""


@pytest.fixture
def not_installed() -> None:
    if importlib.util.find_spec("trackteroid") is not None:
        pytest.skip("trackteroid is installed")


def test_the_name_imports_our_api_inside_the_block_only(not_installed: None) -> None:
    with trackteroid_importable():
        for name in MODULES:
            module = importlib.import_module(name)
            assert module.Query is trackteroid_cli.Query
            assert module.Shot == trackteroid_cli.Shot
            assert "Shot" in dir(module)
        with pytest.raises(ImportError, match="trackteroid_cli"):
            from trackteroid import shot  # type: ignore[import-not-found]  # noqa: F401
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("trackteroid.nothing")
    assert not any(name.partition(".")[0] == "trackteroid" for name in sys.modules)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("trackteroid")


def test_a_script_for_trackteroid_is_recorded_unchanged(
    not_installed: None, connected: CommandLine, server: Server
) -> None:
    finished = connected("record", connected.script(SCRIPT))
    assert finished.returncode == 0, finished.stderr
    assert "EntityCollection[AssetVersion]{15} ['id', 'asset.name', 'version']" in finished.stdout
    assert "EntityCollection[Shot]{4}" in finished.stdout
    (batch,) = connected.json("inspect", "--json")
    assert batch["counts"]["update"] == sum(batch["counts"].values()) == 15
    assert server.writes == []
    assert connected("commit").returncode == 0
    assert {each["comment"] for each in server.query("select comment from AssetVersion")} == {
        "edited"
    }


#: A package that connects to ftrack as Trackteroid does.
STAND_IN = '''
import ftrack_api


class Session:
    """Delegates to a session that it makes itself."""

    def __init__(self, **arguments):
        self._session = ftrack_api.Session(auto_populate=False, **arguments)

    def __getattr__(self, name):
        return getattr(self._session, name)


SESSION = Session()
MARK = "installed"
'''


def test_an_installed_package_is_preferred_and_recorded(
    connected: CommandLine, server: Server, tmp_path: Path
) -> None:
    package = tmp_path / "site" / "trackteroid"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STAND_IN)
    script = connected.script(
        "from trackteroid import MARK, SESSION\n"
        "print(MARK)\n"
        'SESSION.query("select id, description from Shot").first()["description"] = "new"\n'
        "SESSION.commit()\n"
        "try:\n"
        "    import trackteroid.query\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    finished = connected("record", script, PYTHONPATH=str(package.parent))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("installed\nNo module named 'trackteroid.query'")
    (batch,) = connected.json("inspect", "--json")
    assert batch["counts"]["update"] == sum(batch["counts"].values()) == 1
    assert server.writes == []


def test_everything_can_be_imported_at_once(not_installed: None) -> None:
    names: dict[str, object] = {}
    with trackteroid_importable():
        for module in MODULES:
            exec(f"from {module} import *", names)
    assert names["Shot"] == trackteroid_cli.Shot
    assert names["Query"] is trackteroid_cli.Query


def test_a_star_import_of_our_own_name_has_no_entity_types() -> None:
    names: dict[str, object] = {}
    exec("from trackteroid_cli import *", names)
    assert names.keys() - {"__builtins__"} == set(trackteroid_cli.__all__)


def test_a_warning_names_the_configuration_that_is_not_read(
    not_installed: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRACKTEROID_CONFIGURATION", "/studio/trackteroid")
    with caplog.at_level(logging.WARNING, "trackteroid"), trackteroid_importable():
        for name in MODULES:
            importlib.import_module(name)
    (message,) = caplog.messages
    assert "TRACKTEROID_CONFIGURATION is set, but not read" in message
    assert "TRACKTEROID_RELATIONSHIPS" in message


def test_an_error_for_an_unknown_type_proposes_close_ones(
    not_installed: None, default_session: object
) -> None:
    with trackteroid_importable():
        with pytest.raises(ImportError, match="no entity type 'AssetVersoin'; did you mean Asset"):
            from trackteroid import AssetVersoin  # type: ignore[import-not-found]  # noqa: F401
        module = importlib.import_module("trackteroid")
        assert not hasattr(module, "AssetVersoin")
