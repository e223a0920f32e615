"""Sandboxes in this process.

``sandbox://NAME`` is served in this process by an adapter of `requests`, so that every ftrack
session reaches it as it would reach any server.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.server.responses import answered, body_of, chunks_of_body, streamed
from trackteroid_cli.server.sandboxes.making import open_engine
from trackteroid_cli.settings import SANDBOX_SCHEME

if TYPE_CHECKING:
    from trackteroid_cli.engine.engine import Engine

#: Where the addresses of files begin.
_FILES = "/component/"

#: Where the addresses of widgets begin.
_WIDGETS = "/widget/"


class SandboxAdapter(BaseAdapter):
    """Answers the requests of one `requests.Session` to ``sandbox://NAME`` in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._engines: dict[str, Engine] = {}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the sandbox's answer to *request*."""
        from trackteroid_cli.engine.serving import wire

        url = urlsplit(request.url or "")
        engine = self._engine(url.netloc)
        if url.path == "/api":
            return answered(request, *wire.respond(engine, request.headers, body_of(request)))
        if url.path.startswith(_FILES):
            return _answered_file(engine, request, url.path.removeprefix(_FILES), url.query)
        if url.path.startswith(_WIDGETS):
            from trackteroid_cli.engine.serving import widgets

            name, query = url.path.removeprefix(_WIDGETS), dict(parse_qsl(url.query))
            return answered(request, *widgets.respond(engine, name, query))
        return answered(request, 404, b"")

    def close(self) -> None:
        """Close the databases."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _engine(self, name: str) -> Engine:
        if name not in self._engines:
            self._engines[name] = open_engine(name)
            _reach_from_everywhere()
        return self._engines[name]


def _answered_file(
    engine: Engine, request: requests.PreparedRequest, action: str, query: str
) -> requests.Response:
    """Return the answer about a file; neither body is ever whole in memory."""
    from trackteroid_cli.engine.serving import files
    from trackteroid_cli.engine.storage.errors import EngineError

    asked = files.FileRequest(
        request.method or "",
        action,
        dict(parse_qsl(query, keep_blank_values=True)),
        {name.lower(): value for name, value in request.headers.items()},
    )
    if action == files.UPLOAD:
        try:
            upload = files.begin_upload(engine, asked)
            try:
                for data in chunks_of_body(request):
                    files.take(engine, upload, data)
                answer = files.end_upload(engine, upload)
            finally:
                upload.discard()
        except EngineError as error:
            answer = files.refused(error)
    else:
        answer = files.respond(engine, asked)
    return streamed(request, answer.status, answer.headers, answer.body)


def mount(session: requests.Session) -> None:
    """Let *session* reach sandboxes."""
    session.mount(SANDBOX_SCHEME, SandboxAdapter())


@cache
def _reach_from_everywhere() -> None:
    """Let the functions of `requests` reach sandboxes too: ``ftrack_api`` uses them for files.

    Source: ``ftrack_api/accessor/server.py``; ``requests/models.py``, `prepare_url`, which leaves
    out the parameters of an address that is not one of HTTP.
    """
    get_adapter = requests.Session.get_adapter
    prepare_url = requests.PreparedRequest.prepare_url

    def adapter(session: requests.Session, url: Any) -> BaseAdapter:
        if str(url).startswith(SANDBOX_SCHEME) and SANDBOX_SCHEME not in session.adapters:
            mount(session)
        return get_adapter(session, url)

    def prepare(request: requests.PreparedRequest, url: Any, params: Any) -> None:
        prepare_url(request, url, params)
        if params and str(url).startswith(SANDBOX_SCHEME):
            as_http = requests.Request("GET", "http://sandbox/", params=params).prepare()
            query = urlsplit(as_http.url or "").query
            request.url = f"{url}{'&' if '?' in str(url) else '?'}{query}"

    requests.Session.get_adapter = adapter  # type: ignore[assignment,method-assign]
    requests.PreparedRequest.prepare_url = prepare  # type: ignore[assignment,method-assign]
