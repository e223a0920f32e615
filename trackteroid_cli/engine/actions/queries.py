"""Queries and searches."""

from __future__ import annotations

from trackteroid_cli.engine.actions.request import Action, Answer, Operation, Request, text


def _query(request: Request, operation: Operation) -> Answer:
    from trackteroid_cli.engine.query.query import run_query

    result = run_query(
        request.transaction.connection,
        request.transaction.schema,
        text(operation, "expression"),
        server_url=request.server_url,
        strict=request.strict,
    )
    return lambda: result


def _search(request: Request, operation: Operation) -> Answer:
    from trackteroid_cli.engine.query import search

    result = search.run_search(
        request.transaction.connection,
        request.transaction.schema,
        text(operation, "expression"),
        search.read_terms(operation),
        server_url=request.server_url,
    )
    return lambda: {"action": "search", **result}


ACTIONS = {"query": Action(_query), "search": Action(_search)}
