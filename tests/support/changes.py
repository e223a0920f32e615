"""What a run has changed on a server, in a form that two runs have in common.

A script that draws no ids of its own makes other ids each time. An id that the demo data do not
have is therefore replaced by a digest of what is said about it: the rows that it is in, the rows
that those mention, and so on, until that tells no more entities apart.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple, TypeAlias

from tests.support.servers import Server, contents

#: The names and values of the columns that `contents` keeps.
Row: TypeAlias = tuple[tuple[str, Any], ...]
Contents: TypeAlias = dict[str, Counter[Row]]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: An id as the path that ``ftrack_api.structure.id`` makes of it.
_ID_PATH = re.compile(r"([0-9a-f])/([0-9a-f])/([0-9a-f])/([0-9a-f])/(?=[0-9a-f]{4}-[0-9a-f]{4}-)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_RECENT = datetime.timedelta(days=2)


class Changes(NamedTuple):
    """The rows that a server has more (+) and less (-) than before, a line each."""

    #: With the names of new entities in place of their ids: easy to read.
    named: str
    #: With digests in place of the ids of new entities: equal only if these have equal relations.
    related: str


def changes(server: Server, before: Contents) -> Changes:
    """Return what *server* has more and less than *before*."""
    after = contents(server)
    assert after.keys() == before.keys()
    lines = [
        f"{sign} {table}: {_text(row)}"
        for table in after
        for sign, rows in (
            ("+", after[table] - before[table]),
            ("-", before[table] - after[table]),
        )
        for row in rows.elements()
    ]
    old = {id_ for rows in before.values() for row in rows for id_ in _ID.findall(repr(row))}
    found = [(line, ids) for line in lines if (ids := set(_ID.findall(line)) - old)]
    return Changes(_replaced(lines, _names(found)), _replaced(lines, _digests(found)))


def _text(row: Row) -> str:
    """Return *row* as text, without the moments of the run."""
    values = {name: _timeless(value) for name, value in row}
    if values.get("start") == "<now>":
        # A timer that was stopped: how many seconds it ran is not the same in two runs.
        values.pop("duration", None)
    text = ", ".join(f"{name}={value!r}" for name, value in values.items() if value is not None)
    return _ID_PATH.sub(r"\1\2\3\4", text)


def _timeless(value: Any) -> Any:
    """Return *value*, or a word in place of a moment of the run."""
    if isinstance(value, str) and _MOMENT.match(value):
        moment = datetime.datetime.fromisoformat(value[:19])
        if abs(datetime.datetime.now() - moment) < _RECENT:
            return "<now>"
    return value


def _replaced(lines: list[str], words: dict[str, str]) -> str:
    return "\n".join(sorted(_ID.sub(lambda id_: words.get(id_[0], id_[0]), line) for line in lines))


def _names(found: list[tuple[str, set[str]]]) -> dict[str, str]:
    """Return the names of new entities, by id."""
    names = {id_: "<new>" for _, ids in found for id_ in ids}
    for line, _ in found:
        own = re.search(r"\bid='([-0-9a-f]{36})'", line)
        name = re.search(r"\bname='([^']*)'", line)
        if own and name and own[1] in names:
            names[own[1]] = f"<{name[1]}>"
    return names


def _digests(found: list[tuple[str, set[str]]]) -> dict[str, str]:
    """Return a digest for each new id.

    This is colour refinement: each round takes in the rows that are one step further away.
    """
    digests = {id_: "<new>" for _, ids in found for id_ in ids}
    count = 0
    while len(set(digests.values())) > count:
        count = len(set(digests.values()))
        said: dict[str, list[str]] = defaultdict(list)
        for line, ids in found:
            for own in ids:
                words = {**digests, own: "<self>"} if len(ids) > 1 else {own: "<self>"}
                said[own] += [_replaced([line], words)]
        digests = {id_: _digest(digests[id_], sorted(said[id_])) for id_ in digests}
    return digests


def _digest(former: str, said: list[str]) -> str:
    return f"<{hashlib.md5(repr((former, said)).encode()).hexdigest()[:10]}>"
