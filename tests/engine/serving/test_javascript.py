"""The official JavaScript client asks a served sandbox."""

from __future__ import annotations

from tests.support.javascript import needs_node, script
from tests.support.servers import Server


@needs_node
def test_the_javascript_client_queries_a_sandbox(server: Server) -> None:
    expression = "select name from Shot where name like 'sh0%' order by name limit 3"
    with script("session.mjs", server.environment) as session:
        found = session.ask(expression=expression)
    assert [each["name"] for each in found] == [each["name"] for each in server.query(expression)]
