"""Links between collections, as inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fluent.collections.examples import found, named, shots
from tests.support.sessions import Connect
from trackteroid_cli.batches.batch import Batch
from trackteroid_cli.errors import EntityCollectionOperationError, NoRelation


def links(session: Any) -> list[tuple[str, str]]:
    """Return the names of the inputs and of the outputs of the first shot."""
    return [
        (link["from"]["name"], link["to"]["name"])
        for link in session.query(
            'select from.name, to.name from TypedContextLink where from.parent.name is "sq010" '
            'and from[Shot].project.name is "salt_and_ember" order by from.name, to.name'
        )
    ]


def test_contexts_are_linked_and_unlinked(quiet: Any, connect: Connect) -> None:
    first, second, third, *_ = shots(quiet)
    before = links(quiet)
    linked = second.link_inputs(first).link_outputs(third)
    assert linked is second
    linked.commit()
    added = [("sh010", "sh020"), ("sh020", "sh030")]
    assert links(connect(auto_populate=False)) == sorted([*before, *added])
    second.unlink_inputs(first).unlink_outputs(third.union(first)).commit()
    assert links(connect(auto_populate=False)) == before


def test_linked_entities_are_not_linked_again(quiet: Any, connect: Connect) -> None:
    first, second, third, *_ = shots(quiet)
    before = links(quiet)
    second.link_inputs(first).commit()
    second.link_inputs(first.union(third)).commit()
    first.link_outputs(second).commit()
    added = [("sh010", "sh020"), ("sh030", "sh020")]
    assert links(connect(auto_populate=False)) == sorted([*before, *added])


def test_versions_are_linked_through_links_of_their_own(quiet: Any, connect: Connect) -> None:
    versions = found(quiet, "select version from AssetVersion limit 3")
    versions[0].link_inputs(versions[1:]).commit()
    session = connect(auto_populate=False)
    expression = f'select uses_versions from AssetVersion where id is "{versions.id[0]}"'
    assert versions.id[1] in found(session, expression).uses_versions
    assert versions.id[2] in found(session, expression).uses_versions
    versions[0].unlink_inputs(versions[1]).commit()
    left = found(connect(auto_populate=False), expression).uses_versions
    assert versions.id[1] not in left
    assert versions.id[2] in left


def test_linking_an_empty_collection_creates_nothing(quiet: Any) -> None:
    collection = shots(quiet)
    assert collection.link_inputs(collection[9:]).link_outputs(collection[9:]) is collection
    assert collection[9:].link_inputs(collection).unlink_outputs(collection) == collection[9:]
    assert len(quiet.recorded_operations) == 0


def test_linking_types_that_cannot_be_linked_is_an_error(quiet: Any) -> None:
    collection = shots(quiet)
    versions = found(quiet, "select version from AssetVersion limit 1")
    with pytest.raises(EntityCollectionOperationError, match="Shot and AssetVersion cannot"):
        collection.link_inputs(versions)
    with pytest.raises(NoRelation, match="incoming_links"):
        named(quiet, "Status", "Completed").link_inputs(collection)


def test_a_link_that_is_not_committed_is_not_created_again(quiet: Any, connect: Connect) -> None:
    first, second, *_ = shots(quiet)
    before = links(quiet)
    second.link_inputs(first).link_inputs(first)
    first.link_outputs(second).commit()
    assert links(connect(auto_populate=False)) == sorted([*before, ("sh010", "sh020")])


def test_a_link_that_was_created_by_its_ids_counts_before_it_is_committed(quiet: Any) -> None:
    first, second, *_ = shots(quiet)
    quiet.create("TypedContextLink", {"from_id": first.id[0], "to_id": second.id[0]})
    recorded = len(quiet.recorded_operations)
    second.link_inputs(first)
    assert len(quiet.recorded_operations) == recorded


def test_several_links_between_the_same_two_are_all_deleted(quiet: Any, connect: Connect) -> None:
    first, second, *_ = shots(quiet)
    before = links(quiet)
    for _ in range(2):
        quiet.create("TypedContextLink", {"from_id": first.id[0], "to_id": second.id[0]})
    quiet.commit()
    second.unlink_inputs(first).commit()
    assert links(connect(auto_populate=False)) == before


def test_a_link_that_is_to_be_deleted_is_created_again(quiet: Any, connect: Connect) -> None:
    first, second, *_ = shots(quiet)
    before = links(quiet)
    second.link_inputs(first).commit()
    second.unlink_inputs(first).link_inputs(first).commit()
    assert links(connect(auto_populate=False)) == sorted([*before, ("sh010", "sh020")])


def test_links_that_are_only_recorded_count(quiet: Any, tmp_path: Path) -> None:
    first, second, third, *_ = shots(quiet)
    path = tmp_path / "links.batch"
    with quiet.deferred_operations(path):
        second.link_inputs(first).link_inputs(first).commit()
        first.link_outputs(second)
        third.link_inputs(second).commit()
        second.unlink_outputs(third).commit()
        third.unlink_inputs(second)
    with Batch(path) as batch:
        assert batch.header.counts == {"create": 2, "update": 0, "delete": 1}
