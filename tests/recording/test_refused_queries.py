"""A query whose answer cannot be told after a recorded commit is refused, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, refused
from tests.support.servers import Server
from tests.support.sessions import Connect
from trackteroid_cli.errors import CannotReadBack
from trackteroid_cli.offline.live import overlay, rows

BEGIN = """
import ftrack_api
s = ftrack_api.Session()
shot = s.query("Shot").first()
"""


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (
            'shot["name"] = "other"; s.commit()\n'
            's.call([{"action": "search", "entity_type": "Shot", '
            '"expression": "select name from Shot", "terms": ["other"]}])',
            "cannot search what the recording has changed",
        ),
        (
            's.create("Scope", {"name": "C:\\\\"}); s.commit()\n'
            's.query("Shot where name in (select name from Scope)").all()',
            "cannot answer a query with such a sub-query",
        ),
        (
            'review = s.query("ReviewSession").first()\n'
            'version = s.query("AssetVersion").first()\n'
            's.create("ReviewSessionObject", {"name": "x", "version": "1", '
            '"review_session": review, "asset_version": version}); s.commit()\n'
            's.query("select thumbnail_url from ReviewSession").all()',
            "with sums or pictures",
        ),
        (
            'kind = s.query("CustomAttributeType where name is text").one()\n'
            's.create("CustomAttributeConfiguration", {"key": "new", "label": "New", "type": kind, '
            '"entity_type": "show", "default": "", "config": "{}"}); s.commit()\n'
            's.query("ContextCustomAttributeValue where value is new").all()',
            "of ContextCustomAttributeValue like this",
        ),
    ],
    ids=["search", "a value that cannot be quoted", "pictures", "values of a new attribute"],
)
def test_what_cannot_be_laid_over_the_answer_of_the_server(
    connected: CommandLine, server: Server, script: str, what: str
) -> None:
    refused(connected("record", "-c", BEGIN + script), 1, what=what, hint="query")
    assert server.writes == []


@pytest.mark.parametrize(
    "expression", ["Metadata", "Shot order by description", "ContextCustomAttributeValue"]
)
def test_more_rows_than_a_question_may_bring(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    session = connect()
    shot = session.query("Shot").first()
    with session.deferred_operations(tmp_path / "batch.dbm", allow_refused=True):
        shot["description"] = "changed"
        shot["metadata"]["changed"] = "yes"
        shot["custom_attributes"]["fstart"] = 7
        session.commit()
        session.query(f'Shot where id is "{shot["id"]}"').one()
        for module in (overlay, rows):
            monkeypatch.setattr(module, "MOST_ROWS", 2)
        with pytest.raises(CannotReadBack, match="so many rows"):
            session.query(expression).all()
