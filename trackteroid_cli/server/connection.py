"""A connection to a server: plain calls, without entities in memory.

Replay, query and inspect use this rather than ``ftrack_api``, whose session builds a class for each
entity type before the first call.

Source: ``ftrack_api/session.py``, ``call``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli.errors import (
    AnswerLost,
    CredentialsRejected,
    InvalidExpression,
    ServerError,
    ServerRefused,
)
from trackteroid_cli.files import SCHEMAS, kept_folder, write_whole
from trackteroid_cli.server import failures, sandbox
from trackteroid_cli.server.answers import fault
from trackteroid_cli.server.responses import mount_everywhere
from trackteroid_cli.server.schemas import ServerSchema
from trackteroid_cli.server.transport import mount_bounded
from trackteroid_cli.settings import Server, folder_name

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.documents import SchemaDocument
    from trackteroid_cli.server.answer_cache import AnswerCache

#: Seconds to wait for an answer unless told otherwise; ftrack_api's own default.
TIMEOUT = 60.0


class Connection:
    """A fresh connection to *server*; a context manager.

    Args:
        server: where, and as whom.
        timeout: seconds to wait for the answer to one request.
        headers: sent with each request, besides ftrack's own.
        cookies: sent with each request.
        adapter: answers in place of the server, whatever its address.
        answers: the answers of queries to reuse; it stays open.
    """

    def __init__(
        self,
        server: Server,
        *,
        timeout: float = TIMEOUT,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        adapter: BaseAdapter | None = None,
        answers: AnswerCache | None = None,
    ) -> None:
        self.server = server
        self.timeout = timeout
        #: Seconds until the last answer came, and its Date header; '' where it had none.
        self.answered_in = 0.0
        self.server_time = ""
        self._session = requests.Session()
        self._session.headers.update(headers or {})
        self._session.cookies.update(cookies or {})
        self._session.headers.update(
            {
                "ftrack-user": server.api_user,
                "ftrack-api-key": server.api_key,
                "ftrack-strict-api": "false",
                "content-type": "application/json",
                "accept": "application/json",
            }
        )
        if adapter is None:
            mount_bounded(self._session)
            sandbox.mount(self._session)
        else:
            mount_everywhere(self._session, adapter)
        if answers is not None:
            answers.mount(self._session, server.url)

    def __enter__(self) -> Connection:
        """Return the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._session.close()

    def call(self, operations: Sequence[Mapping[str, object]]) -> list[Any]:
        """Send *operations* as one request and return the result of each.

        Raises:
            ServerUnreachable: the request did not reach the server; nothing happened there.
                `WrongAddress` where that stays so until a person sees to it.
            AnswerLost: the request was sent, and no answer that can be read came back.
                `WrongAnswer` where what came is not one of ftrack, or not one to what was asked.
            CredentialsRejected: the server does not accept the user or the key.
            InvalidExpression: a query cannot be read.
            ServerRefused: any other refusal; the server changed nothing.
        """
        body = json.dumps(operations, ensure_ascii=False, separators=(",", ":"))
        try:
            response = self._session.post(
                f"{self.server.url}/api",
                data=body.encode("utf-8", "surrogatepass"),
                timeout=self.timeout,
            )
        except requests.RequestException as error:
            raise failures.explain(self.server.url, error, timeout=self.timeout) from error
        self.answered_in = response.elapsed.total_seconds()
        self.server_time = response.headers.get("Date", "")
        return self._read(operations, response)

    def server_information(self) -> dict[str, object]:
        """Return what the server says about itself; the cheapest way to check the credentials."""
        information: dict[str, object] = self.call([{"action": "query_server_information"}])[0]
        return information

    @cached_property
    def schema(self) -> ServerSchema:
        """The server's entity schemas; asked for once, as checking them takes its time."""
        return ServerSchema(self._load_schemas())

    def _load_schemas(self) -> list[SchemaDocument]:
        """Return the schemas from the local copy while it is current, else from the server."""
        import hashlib

        known = self.server_information().get("schema_hash")
        try:
            file = self._schema_file()
            schemas: list[SchemaDocument] = json.loads(file.read_text(encoding="utf-8"))
            text = json.dumps(schemas, sort_keys=True).encode()
            if hashlib.md5(text, usedforsecurity=False).hexdigest() == known:
                return schemas
        except (OSError, ValueError, RecursionError):
            pass  # no copy yet, or half of one: fetch it
        schemas = self.call([{"action": "query_schemas"}])[0]
        with suppress(OSError):  # it goes without a copy, too
            write_whole(self._schema_file(), json.dumps(schemas))
        return schemas

    def _schema_file(self) -> Path:
        return kept_folder("cache", folder_name(self.server.url)) / SCHEMAS

    def _read(
        self, operations: Sequence[Mapping[str, object]], response: requests.Response
    ) -> list[Any]:
        url = self.server.url
        answer, is_json = _parsed(response.content)
        if isinstance(answer, dict) and "exception" in answer:
            raise self._refusal(str(answer["exception"]), str(answer.get("content", "")))
        if isinstance(answer, list) and response.ok:
            schema = self.__dict__.get("schema")  # where it has been asked for
            wrong = fault(operations, answer, schema)
            if wrong:
                raise failures.wrong_answer(url, wrong)
            return answer
        if response.status_code in (401, 403) and is_json:
            raise rejected(self.server)
        if response.ok and not is_json:
            raise AnswerLost(
                f"{url} gave an answer that cannot be read",
                why=f"HTTP status {response.status_code}, {len(response.content)} bytes that are "
                "not whole",
                hint="run the same command again; what the server already has is not sent twice",
            )
        raise failures.not_ftrack(url, response)

    def _refusal(self, kind: str, content: str) -> ServerError:
        if rejects_credentials(kind):
            return rejected(self.server, content)
        if kind == "ParseError":
            return InvalidExpression(content)
        return ServerRefused(kind, content)


def rejects_credentials(text: str) -> bool:
    """Return whether an error of a server, or its kind, is about the user or the key."""
    return "InvalidCredentialsError" in text or "FTAuthenticationError" in text


def rejected(server: Server, content: str = "") -> CredentialsRejected:
    """Return the error that *server* does not accept the user or the key.

    Args:
        content: what the server says.
    """
    return CredentialsRejected(
        f"{server.url} rejects the credentials of {server.api_user!r}",
        why=content or "the user or the API key is not valid there",
        hint="correct FTRACK_API_KEY and FTRACK_API_USER",
    )


def _parsed(content: bytes) -> tuple[object, bool]:
    """Return *content* parsed as JSON, and whether it is JSON."""
    try:
        return json.loads(content), True
    except (ValueError, RecursionError):
        return None, False
