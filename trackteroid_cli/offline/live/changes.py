"""Changes: the rows that a recording has added, changed and removed so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.engine.schema.schema import Schema
    from trackteroid_cli.engine.storage.values import Stored
    from trackteroid_cli.engine.writing.transaction import Change, Key, Row


@dataclass(slots=True)
class ChangedRow:
    """The changes of one row.

    Attributes:
        columns: the columns that differ; None where the row was added or removed.
        former: the values that columns had before a change.
        added: whether the row is not on the server.
        removed: whether the row is gone.
    """

    columns: set[str] | None = field(default_factory=set)
    former: list[Row] = field(default_factory=list)
    added: bool = False
    removed: bool = False

    def touches(self, columns: set[str]) -> bool:
        """Return whether the change can be seen in one of *columns*."""
        return self.columns is None or not self.columns.isdisjoint(columns)


class Changes:
    """The changed rows of a recording, by root type and key."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._rows: dict[str, dict[Key, ChangedRow]] = {}

    @property
    def families(self) -> set[str]:
        """The root types with changed rows."""
        return set(self._rows)

    def add(self, changes: Iterable[Change]) -> None:
        """Add what one request has changed."""
        for change in changes:
            rows = self._rows.setdefault(self._schema.types[change.entity_type].root, {})
            row = rows.setdefault(change.key, ChangedRow())
            if change.action == "update":
                if row.columns is not None:
                    row.columns |= change.after.keys()
                row.former.append(change.before)
                continue
            row.columns = None
            row.removed = change.action == "remove"
            if row.removed:
                row.former.append(change.before)
            elif not row.former:
                row.added = True

    def rows(self, root: str) -> Iterator[tuple[Key, ChangedRow]]:
        """Yield the changed rows of a root type."""
        yield from self._rows.get(root, {}).items()

    def of(self, root: str, key: Key) -> ChangedRow | None:
        """Return the changes of a row; None if it is as on the server."""
        return self._rows.get(root, {}).get(key)

    def former_values(self, root: str, keys: Iterable[Key], column: str) -> Iterator[Stored]:
        """Yield the values that *column* had in changed or removed rows."""
        rows = self._rows.get(root, {})
        for key in keys:
            for former in rows[key].former if key in rows else ():
                if former.get(column) is not None:
                    yield former[column]

    def removed_ids(self) -> set[Stored]:
        """Return the ids of all removed rows."""
        return {
            key[0]
            for rows in self._rows.values()
            for key, row in rows.items()
            if row.removed and len(key) == 1
        }
