"""The entities that a condition selects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.query.query_production import Production, small_production
from trackteroid_cli.engine.storage.errors import ParseError


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    production = small_production(tmp_path_factory.mktemp("store") / "store.sqlite")
    yield production
    production.store.close()


ALL_TASKS = ["alpha/anim", "alpha/anim2", "alpha/comp", "beta/anim"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", ALL_TASKS),
        ('name is "ANIM"', ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("name is_not anim", ["alpha/comp"]),
        ("name in (anim, 'comp')", ALL_TASKS),
        ("name in ()", []),
        ('name in ("")', []),
        ("name not_in (comp)", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ('name like "%OM%"', ["alpha/comp"]),
        ('name like "om"', []),
        ('name not_like "a%"', ["alpha/comp"]),
        ("name like ani_", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("name > b", ["alpha/comp"]),
        ("bid is 10", ["alpha/anim"]),
        ('bid in ("2.5", "10", "many")', ["alpha/anim", "alpha/anim2"]),
        ("bid >= 2.5", ["alpha/anim", "alpha/anim2"]),
        ("bid is many", []),
        ("bid is_not many", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("start_date is 2024-05-01T10:00:00", ["alpha/anim"]),
        ('start_date is "2024-05-01T12:00:00+02:00"', ["alpha/anim"]),
        ('start_date after "2024-05-01"', ["alpha/anim"]),
        ('start_date before "2024-05-01"', []),
        ('start_date like "2024-05-01%"', ["alpha/anim"]),
        ('start_date like "2024-05-01 10%"', ["alpha/anim"]),
        ('start_date like "2024-05-01T10%"', ["alpha/anim"]),
        ("name is anim and bid > 1 or name is comp", ["alpha/anim", "alpha/anim2", "alpha/comp"]),
        ("not name is anim and not name is x", ["alpha/comp"]),
        ("(id is alpha/anim and name is anim) or (id is alpha/comp and name is x)", ["alpha/anim"]),
    ],
)
def test_comparisons_read_a_literal_as_the_attribute_does(
    alpha: Production, condition: str, found: list[str]
) -> None:
    assert alpha.ids(f"Task where {condition}") == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("status_id is none", ["alpha/comp"]),
        ("status is None", ["alpha/comp"]),
        ("status != none", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("status_id is_not s-done", ["alpha/anim2", "beta/anim"]),
        ("not status_id is s-done", ["alpha/anim2", "beta/anim"]),
        ("status_id in (none, s-done)", ["alpha/anim", "alpha/comp"]),
        ("status_id not_in (s-done)", ["alpha/anim2", "beta/anim"]),
        ("status_id not_in (none, s-done)", ["alpha/anim2", "beta/anim"]),
        ('name is "none"', []),
        ("assignments is none", ["alpha/comp"]),
        ("assignments is_not none", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("status.state is none", ["alpha/anim2", "beta/anim"]),
        ("not status.state is none", ["alpha/anim", "alpha/comp"]),
    ],
)
def test_missing_values_match_none_and_nothing_else(
    alpha: Production, condition: str, found: list[str]
) -> None:
    assert alpha.ids(f"Task where {condition}") == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("status.name is done", ["alpha/anim"]),
        ("status is s-done", ["alpha/anim"]),
        ("status in (s-done, s-ready)", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("status.state.short is DONE", ["alpha/anim"]),
        ("status.name is_not done", ["alpha/anim2", "beta/anim"]),
        ("not status.name is done", ["alpha/anim2", "alpha/comp", "beta/anim"]),
        ("not status has (name is done)", ["alpha/anim2", "alpha/comp", "beta/anim"]),
        ("status any ()", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("project.id is alpha", ["alpha/anim", "alpha/anim2", "alpha/comp"]),
        ("not project.id is alpha", ["beta/anim"]),
        ("parent[Shot].name is sh010", ["alpha/anim", "alpha/comp", "beta/anim"]),
        ("parent[Sequence].name is sh010", []),
        ("parent[Shot].parent[Sequence].name is sq01", ["alpha/anim", "alpha/anim2", "alpha/comp"]),
        ("parent[Project] is none", ALL_TASKS),
        ("parent[Shot] is alpha/sh010", ["alpha/anim", "alpha/comp"]),
        ("assignments any (resource.username is jane)", ["alpha/anim"]),
        ("assignments.resource.username is BOB", ["beta/anim"]),
        ("allocations any (resource.username is bob)", ["alpha/comp"]),
        ("appointments.resource.username is bob", ["alpha/comp", "beta/anim"]),
        ("not assignments any ()", ["alpha/comp"]),
        (
            "assignments.resource[Group].memberships any (user.username is jane)",
            ["alpha/anim2"],
        ),
        ("ancestors any (name is sq01)", ["alpha/anim", "alpha/anim2", "alpha/comp"]),
        ("ancestors any (id is alpha)", []),
        ("ancestors[Shot].name is sh020", ["alpha/anim2"]),
        ("not ancestors any (name is sq01)", ["beta/anim"]),
        ("scopes.name is stereo", ["alpha/anim"]),
        ("not scopes any ()", ["alpha/anim2", "alpha/comp", "beta/anim"]),
        ("lists any (name is today)", ["alpha/anim"]),
        ("metadata any (key is a and value is 2)", ["alpha/comp"]),
        ("metadata.key is a and metadata.value is 2", ["alpha/anim", "alpha/comp"]),
        ("notes.author.username is jane", ["alpha/anim"]),
    ],
)
def test_conditions_follow_relations(alpha: Production, condition: str, found: list[str]) -> None:
    assert alpha.ids(f"Task where {condition}") == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Shot where descendants any (name is comp)", ["alpha/sh010"]),
        ("Project where descendants.name is comp", ["alpha"]),
        ("Context where children any (name is sh010)", ["alpha/sq01", "beta"]),
        ('Project where full_name like "100\\% beta\\_"', ["beta"]),
        ('Shot where description like "c:\\plate%"', ["alpha/sh010"]),
        ("Asset where versions any ()", ["model"]),
        ("Asset where latest_version.version is 2", ["model"]),
        ("Asset where latest_version is none", ["empty"]),
        ("Asset where latest_version is v2", ["model"]),
        ("AssetVersion where is_latest_version is true", ["v2"]),
        ("AssetVersion where is_latest_version is 0", ["loose", "v1", "v3"]),
        ('AssetVersion where is_published is "True"', ["loose", "v1", "v2"]),
        ("AssetVersion where is_published is perhaps", []),
        ("AssetVersion where uses_versions any (version is 1)", ["v2"]),
        ("AssetVersion where used_in_versions.id is v2", ["v1"]),
        ("AssetVersion where asset.parent[Shot].name is sh010", ["v1", "v2", "v3"]),
        ("Component where version.asset.name is model", ["file", "frames"]),
        ("FileComponent where container[SequenceComponent] is_not none", ["f1"]),
        ("Component where container.id is frames", ["f1"]),
        ("AssetVersionLink where to.id is v2 and from.version is 1", ["vl"]),
        ("User where not timelogs any ()", ["bob"]),
        ("Task where time_logged > 0", ["alpha/anim", "alpha/anim2"]),
        ("TypedContext where time_logged is 5400", ["alpha/sq01"]),
        ("Task where bid_time_logged_difference < 0", ["alpha/anim", "alpha/anim2"]),
        ("ReviewSession where is_open is true", ["review"]),
        ("NoteCategory where name is_not none", ["label", "old"]),
        ("NoteLabel", ["label", "old"]),
        ("Note where recipients.user.id is animators", []),
        ("Note where id in (select in_reply_to_id from Note)", ["note"]),
        ("Note where id not_in (select in_reply_to_id from Note)", ["reply"]),
        ("Note where in_reply_to_id not_in (select id from Note where id is x)", ["reply"]),
        ("Shot where id in (select parent.id from Task where name is comp)", ["alpha/sh010"]),
        ("User where id in (select assignments.resource_id from Task)", ["bob", "jane"]),
        ("Sequence where id in (select ancestors.id from Task)", ["alpha/sq01"]),
        ("Task where id in (select descendants.id from Shot where name is sh020)", ["alpha/anim2"]),
        ("Scope where id in (select scopes.id from Task)", ["scope"]),
        ("Asset where id in (select id from Asset order by name limit 1)", ["empty"]),
        ("Asset where id in (Asset where name is model)", ["model"]),
        ("TypedContextList where items any (name is sh010)", ["list"]),
    ],
)
def test_queries_of_other_types(alpha: Production, expression: str, found: list[str]) -> None:
    assert alpha.ids(expression) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("key is comment and value is late", ["alpha/anim"]),
        ("key is comment and value is ''", ["alpha/anim2", "alpha/comp"]),
        ('key is comment and value is "beta\'s own"', ["beta/anim"]),
        ('key is comment and value like "l%"', ["alpha/anim"]),
        ('key is fstart and value is "1001"', ["alpha/anim2", "alpha/comp", "beta/anim"]),
        ("key is fstart and value < 1000", ["alpha/anim"]),
        ("key is ok and value is true", ["alpha/comp"]),
        ("key is ok and value is_not True", ["alpha/anim", "alpha/anim2", "beta/anim"]),
        ("key is due and value is 2024-06-01T00:00:00", ["alpha/anim"]),
        ("key is due and value > 2024-05-01", ["alpha/anim"]),
        ("key is due and value is none", ["alpha/anim2", "alpha/comp", "beta/anim"]),
        ("key is tags and value is BAR", ["alpha/anim"]),
        ("key is tags and value in (none, x, foo)", ["alpha/anim"]),
        ('key is tags and value like "ba_"', ["alpha/anim"]),
        ("key is fps and value is 24", []),
        ("key is fps and value is none", ALL_TASKS),
        ("key is code", []),
        ("configuration.label is x", []),
        (
            "configuration.key is ok and not value is true",
            ["alpha/anim", "alpha/anim2", "beta/anim"],
        ),
    ],
)
def test_custom_attributes_compare_by_their_type_and_default(
    alpha: Production, condition: str, found: list[str]
) -> None:
    assert alpha.ids(f"Task where custom_attributes any ({condition})") == found


def test_custom_attribute_links_have_the_attributes_of_their_subtypes(alpha: Production) -> None:
    condition = "custom_attribute_links any (configuration.key is lead and user.username is jane)"
    assert alpha.ids(f"Shot where {condition}") == ["alpha/sh010"]
    condition = "custom_attribute_links_from any (context.name is sh010)"
    assert alpha.ids(f"User where {condition}") == ["jane"]


@pytest.mark.parametrize("spelling", ["task", "Task", "typed_context", "TypedContext", "SHOT"])
def test_parent_types_are_found_by_every_spelling(alpha: Production, spelling: str) -> None:
    assert alpha.ids(f"Note where parent_type is {spelling}") == ["note"]
    assert alpha.ids(f"Note where parent_type in (asset_version, {spelling})") == ["note"]
    assert alpha.ids(f"Note where parent_type is_not {spelling}") == []


def test_upper_case_uuids_find_their_entities(alpha: Production) -> None:
    expression = "Location where id {}"
    key = "3A372BDE-05BC-11E4-8908-20C9D081909B"
    assert alpha.ids(expression.format(f"is {key}")) == [key.lower()]
    assert alpha.ids(expression.format(f"in ({key}, x)")) == [key.lower()]
    assert alpha.ids("Location where id is DISK") == []


def test_composite_keys_are_found_by_alternatives(alpha: Production) -> None:
    rows = alpha.ask(
        'select value from Metadata where (parent_id is "alpha/anim"and key is "b") '
        'or (parent_id is "alpha/comp"and key is "a") or (parent_id is "alpha/comp"and key is "b")'
    )
    assert sorted((row["parent_id"], row["key"]) for row in rows) == [
        ("alpha/anim", "b"),
        ("alpha/comp", "a"),
    ]
    rows = alpha.ask(
        "select value from ContextCustomAttributeValue where "
        '(configuration_id is "c-ok"and entity_id is "alpha/comp") '
        'or (configuration_id is "c-ok"and entity_id is "alpha/anim")'
    )
    assert {row["entity_id"]: row["value"] for row in rows} == {
        "alpha/anim": False,
        "alpha/comp": True,
    }


def test_relations_with_several_keys_are_followed(alpha: Production) -> None:
    (row,) = alpha.ask("select setting.value from SettingComponent where setting.value is '{}'")
    assert row["setting"]["value"] == "{}"
    assert row["setting"]["group"] == "STORAGE"
    with pytest.raises(ParseError, match="several keys"):
        alpha.ask("SettingComponent where setting is x")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Task where x is 1", "No attribute 'x' exists for schema 'Task'."),
        ("Task where parent.bid is 1", "No attribute 'bid' exists for schema 'Context'."),
        ("Task where parent[Shot].x is 1", "No attribute 'x' exists for schema 'Shot'."),
        ("select x.y from Task", "No attribute 'x' exists for schema 'Task'."),
        ("select status.x from Task", "No attribute 'x' exists for schema 'Status'."),
        ("Task order by x", "No attribute 'x' exists for schema 'Task'."),
    ],
)
def test_an_unknown_attribute_is_reported_as_ftrack_does(
    alpha: Production, expression: str, message: str
) -> None:
    with pytest.raises(ParseError) as caught:
        alpha.ask(expression)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("Tsak", "'Tsak'.*'Task'"),
        ("task", "'task'.*'Task'"),
        ("Task where parent[Shto].name is x", "'Shto'.*'Shot'"),
        ("Task where parent[User].username is x", "'User'"),
        ("Task where id in (select id from Shto)", "'Shto'.*'Shot'"),
        ("Task where name.x is 1", "'name' of 'Task' holds a value"),
        ("Task where name any ()", "'name' of 'Task' holds a value"),
        ("Task where bid > many", "many.*number"),
        ("Task where start_date > soon", "soon.*date"),
        ("Task where name > none", "none.*is and is_not"),
        ("Task where link is x", "'link' of 'Task' is computed"),
        ("Task where thumbnail_url is none", "'thumbnail_url' of 'Task' is computed"),
        ("ComponentLocation where url like x", "'url' of 'ComponentLocation' is computed"),
        ("Task order by link", "'link' of 'Task' is computed"),
        ("Task order by assignments.type", "'assignments' of 'Task' holds many"),
        ("select custom_attribute_links from Task", "'custom_attribute_links'.*filtered on"),
        ("select custom_attribute_links.id from Task", "'custom_attribute_links'.*filtered on"),
        ("Task where id in (select count(id) from Task)", "count"),
        ("Task where id in (select id from Task group by id)", "group by"),
        ("Task where parent in (select parent[Shot] from Task)", r"parent\.id"),
    ],
)
def test_impossible_queries_are_refused_with_the_reason(
    alpha: Production, expression: str, words: str
) -> None:
    with pytest.raises(ParseError, match=words):
        alpha.ask(expression)


def test_long_expressions_are_answered(alpha: Production) -> None:
    many = [f"x{number}" for number in range(50_000)]
    assert alpha.ids(f"Task where id in ({','.join([*many, 'alpha/anim'])})") == ["alpha/anim"]
    alternatives = " or ".join(f'(id is "{one}"and name is "anim")' for one in many[:20_000])
    assert alpha.ids(f'Task where {alternatives} or id is "alpha/anim"') == ["alpha/anim"]
    together = " and ".join(f'name not_like "{one}"' for one in many[:3_000])
    assert alpha.ids(f"Task where {together}") == ALL_TASKS
    either = " or ".join(f"bid > {number}" for number in range(9, 3_000))
    assert alpha.ids(f"Task where {either}") == ["alpha/anim"]


def test_relations_nest_as_deep_as_the_language_lets_them(alpha: Production) -> None:
    assert alpha.ids("Task where " + "parent any (" * 40 + "name is x" + ")" * 40) == []
    nested = "id in (select id from Task where " * 30 + "name is comp" + ")" * 30
    assert alpha.ids(f"Task where {nested}") == ["alpha/comp"]


@pytest.mark.parametrize(
    "expression",
    [
        "Task where " + "parent." * 60 + "name is x",
        "select " + "parent." * 60 + "name from Task",
        "Task order by " + "parent." * 30 + "name",
        f'Task where name like "{"%a" * 30_000}"',
        "Task where " + "(name is x or (bid is 1 and " * 20 + "name is y" + "))" * 20,
    ],
    ids=["path", "projection", "order", "pattern", "parentheses"],
)
def test_an_expression_too_large_for_the_database_is_refused(
    alpha: Production, expression: str
) -> None:
    with pytest.raises(ParseError, match=r"too (large|long)"):
        alpha.ask(expression)


def test_half_a_surrogate_pair_is_refused(alpha: Production) -> None:
    with pytest.raises(ParseError, match="position 20"):
        alpha.ask("Task where name is '\ud800'")
