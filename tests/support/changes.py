"""What a run has changed on a server, in a form that two runs share.

A script that draws no ids of its own makes other ids each time. An id that the demo data do not
have is therefore named for what is said about it: the rows that it is in, the rows that those
mention, and so on, until that tells no more entities apart.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter, defaultdict
from typing import Any, TypeAlias

from tests.support.servers import Server, contents

#: The names and values of the columns that `contents` keeps.
Row: TypeAlias = tuple[tuple[str, Any], ...]
Contents: TypeAlias = dict[str, Counter[Row]]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_RECENT = datetime.timedelta(days=2)


def changes(server: Server, before: Contents) -> dict[str, Counter[str]]:
    """Return the rows that *server* has more (+) and less (-) than *before*, by table."""
    after = contents(server)
    assert after.keys() == before.keys()
    added = [(table, row) for table in after for row in (after[table] - before[table]).elements()]
    gone = [(table, row) for table in after for row in (before[table] - after[table]).elements()]
    old = {id_ for rows in before.values() for row in rows for id_ in _ID.findall(repr(row))}
    marked = [
        *((table, f"+ {_text(row)}") for table, row in added),
        *((table, f"- {_text(row)}") for table, row in gone),
    ]
    names = _name_ids(marked, old)
    result: dict[str, Counter[str]] = defaultdict(Counter)
    for table, text in marked:
        result[table][_ID.sub(lambda found: names.get(found[0], found[0]), text)] += 1
    return dict(result)


def _text(row: Row) -> str:
    """Return *row* as text, without the moments of the run."""
    values = {name: _timeless(value) for name, value in row}
    if values.get("start") == "<now>":
        # A timer that was stopped: how many seconds it ran is not the same in two runs.
        values.pop("duration", None)
    return ", ".join(f"{name}={value!r}" for name, value in values.items() if value is not None)


def _timeless(value: Any) -> Any:
    """Return *value*, or a word in place of a moment of the run."""
    if isinstance(value, str) and _MOMENT.match(value):
        moment = datetime.datetime.fromisoformat(value[:19])
        if abs(datetime.datetime.now() - moment) < _RECENT:
            return "<now>"
    return value


def _name_ids(rows: list[tuple[str, str]], old: set[str]) -> dict[str, str]:
    """Return a name for each id in *rows* that is not in *old*.

    This is colour refinement: each round adds the rows one step further away to every name.
    """
    found = [(table, text, ids) for table, text in rows if (ids := set(_ID.findall(text)) - old)]
    names = {id_: "<new>" for _, _, ids in found for id_ in ids}
    count = 0
    while len(set(names.values())) > count:
        count = len(set(names.values()))
        told: dict[str, list[str]] = defaultdict(list)
        for table, text, ids in found:
            for own in ids:
                seen = {**names, own: "<self>"}
                told[own].append(
                    f"{table} {_ID.sub(lambda each, seen=seen: seen.get(each[0], each[0]), text)}"
                )
        names = {id_: _digest(names[id_], sorted(told[id_])) for id_ in names}
    return names


def _digest(former: str, told: list[str]) -> str:
    return f"<{hashlib.md5(repr((former, told)).encode()).hexdigest()[:10]}>"
