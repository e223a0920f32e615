"""The JSON shapes of what commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackteroid_cli.batches.summary import Summary
    from trackteroid_cli.doctor import Check
    from trackteroid_cli.replay.comparing.conflicts import Conflict
    from trackteroid_cli.replay.comparing.provisional import Difference
    from trackteroid_cli.replay.schedule import Result


#: What the counts of a batch tell of, also where there is none.
COUNTED = ("create", "update", "delete", "upload", "follow_up")


def conflict_document(conflict: Conflict) -> dict[str, object]:
    """Return a conflict as ``inspect --check --json`` shows it."""
    return {
        **difference_document(conflict),
        "wanted": conflict.wanted,
        "problem": conflict.problem.value,
        "other": conflict.other._asdict() if conflict.other else None,
        "text": conflict.text,
    }


def difference_document(difference: Conflict | Difference) -> dict[str, object]:
    """Return an attribute that is not as the author saw it, such as a provisional value."""
    return {
        "entity_type": difference.entity_type,
        "entity_key": difference.entity_key,
        "label": difference.label,
        "attribute": difference.attribute,
        "recorded": difference.recorded,
        "now": difference.now,
    }


def result_document(result: Result) -> dict[str, object]:
    """Return what became of a batch as ``commit --json`` shows it."""
    return {
        "id": result.id,
        "name": result.name,
        "state": result.state.value,
        "outcome": result.outcome.value if result.outcome else None,
        "reason": result.reason,
        "conflicts": [conflict_document(each) for each in result.conflicts],
        "provisional": [difference_document(each) for each in result.provisional.values],
    }


def summary_document(summary: Summary) -> dict[str, object]:
    """Return the summary of a batch as ``inspect --json`` shows it."""
    header = summary.header
    return {
        "id": header.id,
        "name": header.name,
        "state": summary.state.value,
        "created": header.created,
        "user": header.user,
        "host": header.host,
        "server": header.server,
        "path": str(summary.path),
        "counts": {**dict.fromkeys(COUNTED, 0), **header.totals},
        "reason": summary.reason,
        "replica": header.replica or None,
        "built_on": header.built_on,
        "digest": header.digest or None,
    }


def check_document(check: Check) -> dict[str, str]:
    """Return a check as ``doctor --json`` shows it."""
    return {
        "check": check.check,
        "status": check.status.value,
        "detail": check.detail,
        "next": check.next,
    }
