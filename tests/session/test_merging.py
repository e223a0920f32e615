"""All attributes of an answer reach the session, wherever they are in the answer."""

from __future__ import annotations

from tests.support.sessions import Connect


def test_an_entity_that_occurs_twice_in_an_answer_has_the_attributes_of_both(
    connect: Connect,
) -> None:
    session = connect(auto_populate=False)
    # Ordered so that sequences come as parents of their shots before they come by themselves.
    contexts = session.query(
        "select name, parent.id, sort from TypedContext "
        'where project.name is "salt_and_ember" and (parent.name is "sq010" or name is "sq010") '
        "order by name"
    ).all()
    (sequence,) = (each for each in contexts if each["name"] == "sq010")
    assert contexts[0]["parent"] is sequence
    assert isinstance(sequence["sort"], (int, float))
