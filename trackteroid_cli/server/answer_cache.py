"""The answer cache: answers of a server to queries, kept on disk and reused.

An adapter of `requests` looks there before it lets a request out, so that sessions and connections
reuse answers alike. Only answers to pure queries are kept. The age of an answer counts from the
moment of its request.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from trackteroid_cli import moments
from trackteroid_cli.errors import logger
from trackteroid_cli.files import kept_folder, make_file, make_folder, remove_database, storing
from trackteroid_cli.moments import age, ago
from trackteroid_cli.server.responses import answered, body_of
from trackteroid_cli.settings import folder_name

_logger = logger(__name__)

#: What of a request's headers an answer depends on; only a digest of them is kept.
_HEADERS = (
    *("ftrack-user", "ftrack-api-key", "authorization", "cookie"),
    *("ftrack-strict-api", "ftrack-api-options"),
)


def file_for(server_url: str) -> Path:
    """Return the file in which the command line keeps the answers of a server."""
    return kept_folder("cache", folder_name(server_url)) / "answers.sqlite"


def forget(server_url: str) -> None:
    """Forget the answers that the command line keeps of a server, which has changed."""
    with suppress(OSError):  # it was never more than a copy, with its age
        remove_database(file_for(server_url))


class AnswerCache:
    """The answers that are kept in the file *path*; processes may share it.

    Args:
        path: an SQLite file; it and its folder are made if need be.
        max_age: how old an answer may be to be reused, in seconds; None for any age.

    Raises:
        StorageError: the file cannot be used.
    """

    def __init__(self, path: Path, *, max_age: float | None = None) -> None:
        self.path = path
        self.max_age = max_age
        #: When the oldest answer that was reused so far had been given; None if none was.
        self.oldest: str | None = None
        self._lock = threading.Lock()
        with self._storing():
            make_folder(path.parent)
            make_file(path)
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS answer "
                    "(key TEXT PRIMARY KEY, moment TEXT NOT NULL, body BLOB NOT NULL)"
                )
            except BaseException:
                self._connection.close()
                raise

    def get(self, key: str) -> bytes | None:
        """Return the answer of that key, if there is one that is not too old."""
        with self._lock, self._storing():
            row = self._connection.execute(
                "SELECT moment, body FROM answer WHERE key = ?", [key]
            ).fetchone()
        if row is None or (self.max_age is not None and age(row[0]) > self.max_age):
            return None
        moment, body = row
        _logger.info("Reusing an answer that was given %s.", ago(moment))
        self.oldest = min(filter(None, (self.oldest, moment)))
        return bytes(body)

    def keep(self, key: str, moment: str, body: bytes) -> None:
        """Keep an answer, which was asked for at *moment*, in place of a former one."""
        with self._lock, self._storing():
            self._connection.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", [key, moment, body]
            )

    def forget(self) -> None:
        """Forget all answers: they may have changed."""
        with self._lock, self._storing():
            self._connection.execute("DELETE FROM answer")

    def mount(self, session: requests.Session, url: str) -> None:
        """Make *session* reuse what the server *url* answered before."""
        inner = session.get_adapter(url)
        session.mount(url, _ReusingAdapter(self, inner, url))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _storing(self) -> AbstractContextManager[None]:
        return storing(
            f"cannot keep answers in {self.path}",
            hint="make room, correct the permissions, or give another file",
            damaged="give another file, or remove that one if it has never held anything but "
            "kept answers",
            also=(sqlite3.Error,),
        )


class _ReusingAdapter(BaseAdapter):
    """Answers from *answers* what was asked before; asks *inner* for the rest."""

    def __init__(self, answers: AnswerCache, inner: BaseAdapter, url: str) -> None:
        super().__init__()
        self._answers = answers
        self._inner = inner
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the answer to *request*."""
        key = self._key(request)
        kept = self._answers.get(key) if key else None
        if kept is not None:
            return answered(request, requests.codes.ok, kept)
        moment = moments.now()
        response = self._inner.send(request, *args, **{**kwargs, "stream": False})
        # An error is one object; answers are a list.
        if key and response.ok and response.content.lstrip().startswith(b"["):
            self._answers.keep(key, moment, response.content)
        return response

    def close(self) -> None:
        """Close what asks the server."""
        self._inner.close()

    def _key(self, request: requests.PreparedRequest) -> str | None:
        """Return the key of the request; None if its answer must not be kept."""
        operations = json.loads(body_of(request))
        if not operations or any(each.get("action") != "query" for each in operations):
            return None
        parts = [self._url, *(request.headers.get(name, "") for name in _HEADERS)]
        text = json.dumps([*parts, operations], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
