"""Collections of different sessions cannot be combined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fluent.collections.examples import found, named, shots
from tests.support.sessions import Connect
from trackteroid_cli.errors import EntityCollectionOperationError

OPERATIONS: dict[str, Callable[[Any, Any], object]] = {
    "union": lambda ours, theirs: ours.union(ours, theirs),
    "intersection": lambda ours, theirs: ours.intersection(theirs),
    "difference": lambda ours, theirs: ours.difference(theirs),
    "symmetric_difference": lambda ours, theirs: ours.symmetric_difference(theirs),
    "empty": lambda ours, theirs: ours.union(theirs[9:]),
    "one for all": lambda ours, theirs: setattr(ours, "status", named(theirs.session, *DONE)),
    "one for each": lambda ours, theirs: setattr(
        ours, "status", [named(theirs.session, *DONE)] * 5
    ),
    "to many": lambda ours, theirs: setattr(ours, "scopes", found(theirs.session, SCOPES)),
    "apply": lambda ours, theirs: ours.apply(lambda _: named(theirs.session, *DONE), "status"),
    "create": lambda ours, theirs: ours[0].create(name="x", status=named(theirs.session, *DONE)),
    "link_inputs": lambda ours, theirs: ours.link_inputs(theirs),
    "link_outputs": lambda ours, theirs: ours.link_outputs(theirs),
    "unlink_inputs": lambda ours, theirs: ours.unlink_inputs(theirs),
    "unlink_outputs": lambda ours, theirs: ours.unlink_outputs(theirs),
}
DONE = ("Status", "Completed")
SCOPES = 'select name from Scope where name is "none"'


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_across_sessions_is_refused_and_names_both(
    connect: Connect, operation: str
) -> None:
    ours, theirs = shots(connect("ours"), "parent"), shots(connect("theirs"))
    with pytest.raises(EntityCollectionOperationError, match="different sessions") as caught:
        OPERATIONS[operation](ours, theirs)
    assert "demo on sandbox://ours" in str(caught.value)
    assert "demo on sandbox://theirs" in str(caught.value)
    assert len(ours.session.recorded_operations) == len(theirs.session.recorded_operations) == 0


def test_two_sessions_of_one_user_on_one_server_are_two(connect: Connect) -> None:
    with pytest.raises(EntityCollectionOperationError, match="different sessions"):
        shots(connect()).union(shots(connect()))


def test_collections_of_different_sessions_can_be_compared(connect: Connect) -> None:
    assert shots(connect("ours")) == shots(connect("theirs"))
    assert shots(connect("ours"))[:1] in shots(connect("theirs"))


def test_derived_collections_have_the_same_session(connect: Connect) -> None:
    session = connect()
    collection = shots(session, "parent", "children.name")
    for made in (
        collection[0],
        collection[9:],
        collection.parent,
        collection.status,
        collection.filter(bool),
        collection.group(lambda shot: shot.name)["sh010"],
        collection[0].create(name="x"),
    ):
        assert made.session is session
