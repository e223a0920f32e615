"""A small production for the tests of queries, inserted by plain SQL.

alpha (project)
  sq01 (sequence)
    sh010 (shot): anim (jane, Done), comp (nobody, no status); asset model: v1, v2, v3 unpublished
    sh020 (shot): anim (group animators, Ready)
  hero (asset build)
beta (project)
  sh010 (shot): Anim (bob, Ready)
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from trackteroid_cli.engine.query.query import run_query
from trackteroid_cli.engine.schema.schema import Schema
from trackteroid_cli.engine.schema.standard import standard_schemas
from trackteroid_cli.engine.storage.store import Store

OBJECT_TYPES = {
    "Task": "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c",
    "Shot": "bad911de-3bd6-47b9-8b46-3476e237cb36",
    "Sequence": "e5139355-61da-4c8f-9db4-3abc870166bc",
    "AssetBuild": "4be63b64-5010-42fb-bf1f-428af9d638f0",
}


class Production:
    """A store with its schema, and shortcuts to insert rows and to query them."""

    def __init__(self, path: Path) -> None:
        self.store = Store.create(path, Schema(standard_schemas()))
        self.schema = self.store.schema
        self.connection: sqlite3.Connection = self.store.connection

    def add(self, type_name: str, **values: Any) -> None:
        """Insert the row of an entity."""
        family = self.schema.family_of(type_name)
        if family.polymorphic:
            values.setdefault(family.discriminator, type_name)
        if type_name in OBJECT_TYPES:
            values.setdefault("object_type_id", OBJECT_TYPES[type_name])
        self.insert(family.table, **values)

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row of a table."""
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        self.connection.execute(
            f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(values.values())
        )

    def context(self, type_name: str, key: str, name: str, parent: str, **values: Any) -> None:
        """Insert a context below another."""
        project = key if type_name == "Project" else key.split("/")[0]
        kind = "show" if type_name == "Project" else "task"
        self.add(
            type_name,
            id=key,
            name=name,
            parent_id=parent or None,
            project_id=project,
            context_type=kind,
            **values,
        )

    def ask(self, expression: str, **options: Any) -> list[dict[str, Any]]:
        """Return the entities of a query."""
        return run_query(self.connection, self.schema, expression, **options)["data"]

    def ids(self, expression: str) -> list[str]:
        """Return the sorted ids of the entities of a query."""
        return sorted(entity["id"] for entity in self.ask(expression))


def small_production(path: Path) -> Production:
    """Create the production in the docstring of the module."""
    production = Production(path)
    _people(production)
    _contexts(production)
    _work(production)
    _versions(production)
    _custom_attributes(production)
    return production


def _people(to: Production) -> None:
    to.add("User", id="jane", username="jane", email="j@x", resource_type="user", is_active=1)
    to.add("User", id="bob", username="Bob", resource_type="user", is_active=0)
    to.add("Group", id="crew", name="crew", resource_type="group")
    to.add("Group", id="animators", name="animators", parent_id="crew", resource_type="group")
    to.add("Membership", id="m1", group_id="animators", user_id="jane")
    to.add("State", id="done", name="Done", short="DONE")
    to.add("Status", id="s-ready", name="Ready", sort=0)
    to.add("Status", id="s-done", name="Done", sort=1, state_id="done")


def _contexts(to: Production) -> None:
    to.context("Project", "alpha", "alpha", "", full_name="Alpha One", status="active")
    to.context("Project", "beta", "Beta", "", full_name="100% beta_", status="hidden")
    to.context("Sequence", "alpha/sq01", "sq01", "alpha")
    to.context("Shot", "alpha/sh010", "sh010", "alpha/sq01", description="C:\\plates")
    to.context("Shot", "alpha/sh020", "sh020", "alpha/sq01")
    to.context("AssetBuild", "alpha/hero", "hero", "alpha", thumbnail_id="picture")
    to.context("Shot", "beta/sh010", "sh010", "beta")
    to.context(
        "Task",
        "alpha/anim",
        "anim",
        "alpha/sh010",
        status_id="s-done",
        bid=10.0,
        start_date="2024-05-01 10:00:00",
    )
    to.context("Task", "alpha/comp", "comp", "alpha/sh010")
    to.context("Task", "alpha/anim2", "anim", "alpha/sh020", status_id="s-ready", bid=2.5)
    to.context("Task", "beta/anim", "Anim", "beta/sh010", status_id="s-ready", bid=0.0)


def _work(to: Production) -> None:
    for key, task, resource, kind in (
        ("a1", "alpha/anim", "jane", "assignment"),
        ("a2", "alpha/anim2", "animators", "assignment"),
        ("a3", "beta/anim", "bob", "assignment"),
        ("a4", "alpha/comp", "bob", "allocation"),
    ):
        to.add("Appointment", id=key, context_id=task, resource_id=resource, type=kind)
    to.add("Timelog", id="l1", context_id="alpha/anim", user_id="jane", duration=3600.0)
    to.add("Timelog", id="l2", context_id="alpha/anim2", user_id="jane", duration=1800.0)
    to.add("Metadata", parent_id="alpha/anim", parent_type="Task", key="a", value="1")
    to.add("Metadata", parent_id="alpha/anim", parent_type="Task", key="b", value="2")
    to.add("Metadata", parent_id="alpha/comp", parent_type="Task", key="a", value="2")
    to.add("NoteLabel", id="label", name="Internal")
    to.add("NoteLabel", id="old", name="Old", _type="NoteCategory")
    to.add(
        "Note",
        id="note",
        content="hello",
        user_id="jane",
        parent_id="alpha/anim",
        parent_type="Task",
        date="2024-05-02 10:00:00",
        category_id="label",
    )
    to.add("Note", id="reply", content="yes", user_id="bob", in_reply_to_id="note")
    to.add("Recipient", note_id="note", resource_id="animators")
    to.add("Scope", id="scope", name="stereo")
    to.insert("context_scope", context_id="alpha/anim", scope_id="scope")
    to.add("TypedContextList", id="list", name="today", system_type="task", project_id="alpha")
    to.add("ListObject", id="lo1", list_id="list", entity_id="alpha/anim")
    to.add("ListObject", id="lo2", list_id="list", entity_id="alpha/sh010")
    to.add("Setting", name="storage_scenario", group="STORAGE", value="{}")
    to.add("SettingComponent", component_id="file", name="storage_scenario", group="STORAGE")


def _versions(to: Production) -> None:
    to.add("Asset", id="model", name="model", context_id="alpha/sh010")
    to.add("Asset", id="empty", name="empty", context_id="alpha/sh020")
    for number, published in ((1, 1), (2, 1), (3, 0)):
        to.add(
            "AssetVersion",
            id=f"v{number}",
            asset_id="model",
            version=number,
            is_published=published,
            status_id="s-ready",
        )
    to.add("AssetVersion", id="loose", version=1, is_published=1)
    to.add("FileComponent", id="file", name="main", version_id="v1", system_type="file", size=100)
    to.add("FileComponent", id="picture", name="thumbnail", system_type="file")
    to.add("SequenceComponent", id="frames", name="main", version_id="v2", system_type="sequence")
    to.add("FileComponent", id="f1", name="0001", container_id="frames", system_type="file")
    server = "3a372bde-05bc-11e4-8908-20c9d081909b"
    to.add("Location", id=server, name="ftrack.server")
    to.add("Location", id="disk", name="studio.disk")
    to.add("ComponentLocation", id="cl1", component_id="file", location_id=server)
    to.add("ComponentLocation", id="cl2", component_id="file", location_id="disk")
    to.add("AssetVersionLink", id="vl", from_id="v1", to_id="v2")
    to.add("ReviewSession", id="review", name="dailies", project_id="alpha")
    to.add("ReviewSession", id="past", name="past", end_date="2001-01-01 00:00:00")


def _custom_attributes(to: Production) -> None:
    for name in ("text", "number", "boolean", "date", "enumerator"):
        to.add("CustomAttributeType", id=name, name=name)
    task = {"entity_type": "task", "object_type_id": OBJECT_TYPES["Task"]}
    for key, kind, default, where in (
        ("comment", "text", "", task),
        ("fstart", "number", 1001, task),
        ("ok", "boolean", 0, task),
        ("due", "date", None, task),
        ("tags", "enumerator", '["none"]', task),
        ("fps", "number", 24.0, {"entity_type": "show", "is_hierarchical": 1}),
        ("code", "text", "P", {"entity_type": "show"}),
        ("mood", "text", "calm", {"entity_type": "user"}),
    ):
        row = {"is_hierarchical": 0, **where}
        to.add(
            "CustomAttributeConfiguration",
            id=f"c-{key}",
            key=key,
            type_id=kind,
            default=default,
            **row,
        )
    to.add(
        "CustomAttributeConfiguration",
        id="c-beta-comment",
        key="comment",
        type_id="text",
        default="beta's own",
        project_id="beta",
        is_hierarchical=0,
        **task,
    )
    for configuration, entity, value in (
        ("c-comment", "alpha/anim", "Late"),
        ("c-fstart", "alpha/anim", 950),
        ("c-ok", "alpha/comp", 1),
        ("c-due", "alpha/anim", "2024-06-01 00:00:00"),
        ("c-tags", "alpha/anim", '["foo", "bar"]'),
        ("c-fps", "alpha/sq01", 25.0),
    ):
        to.add(
            "CustomAttributeValue",
            configuration_id=configuration,
            entity_id=entity,
            value=value,
        )
    to.add("CustomAttributeLinkConfiguration", id="c-lead", key="lead")
    to.add(
        "UserCustomAttributeLink",
        id="link",
        configuration_id="c-lead",
        from_id="alpha/sh010",
        to_id="jane",
        from_entity_type="Shot",
        to_entity_type="User",
        _from_type="ContextCustomAttributeLinkFrom",
    )
