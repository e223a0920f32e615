"""The entity types of a standard ftrack, written compactly and read into ftrack's own JSON form.

The ``.txt`` files beside this module, read in the order of `FILES`, have one line for each
attribute. A type begins at the margin, its attributes are indented below it::

    Status as TaskStatus
        id as statusid
        name text
        sort integer = 0
        is_active boolean as isactive required
        state -> State as statustype
        tasks [Task]

    Shot : TypedContext, object_typed as Task where object_typeid=bad911de-…
        immutable: type_id type bid start_date end_date

Grammar (``#`` begins a line of comment, blank lines mean nothing)::

    head      = NAME [" : " BASE {", " BASE}] [" as " STORAGE [" where " COLUMN=VALUE]]
                [" for " OWNER {" " OWNER}]
    line      = attribute | list
    attribute = NAME {type | "= " JSON | "as " COLUMN | mark}
    type      = a word of TYPES | TEXT|TEXT|… | "-> " NAME | "[" NAME "]" | "{" NAME "}" ["?"]
    mark      = "primary" | "required" | "immutable" | "projected" | "computed"
    list      = (mark | "system") ":" {NAME}

Heads. A type has the lines of its bases, which must be declared above it, followed by its own. A
name in lower case is a mixin: only a base, not a type. ``as`` names the storage and is not
inherited. ``where`` selects the type's rows in a shared storage; its value is also the default of
the attribute stored in that column. ``for`` makes one type for each owner, whose name replaces
``<Owner>``, or in snake case ``<owner>``.

Attributes. A line about an attribute of a base amends it: what the line states replaces what the
base says, the rest stays. ``key`` is the column behind a reference, ``x_id`` for ``x``. ``a|b`` is
text that is one of these, ``-> T`` one entity, ``[T]`` many, ``{T}`` a mapping of the ``key`` of
each T to its ``value``; ``{T}?`` may be filtered on but not selected. ``=`` gives the default,
``as`` the name in storage. An ``id`` without a type is short for ``id text = "{uid}" primary``,
where ``{uid}`` stands for an id that the client creates.

Marks put the attribute on the list of that name; ``projected`` is ftrack's default projection, what
a query without ``select`` returns. ``primary`` means required, immutable and projected too, and
its order is that of the primary key. A list line puts many names on that one list only; ftrack's
lists also have names without an attribute. ``system`` lists columns that every row has.

Source: the JSON form as ``ftrack_api/entity/factory.py`` reads it from ftrack's ``query_schemas``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import cast

from trackteroid_cli.engine.schema.documents import JSON, Property, SchemaDocument

FILES = (
    "mixins.txt",
    "contexts.txt",
    "versions.txt",
    "people.txt",
    "notes.txt",
    "workflow.txt",
    "custom_attributes.txt",
    "studio.txt",
)

TYPES: dict[str, Property] = {
    "text": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "json": {"type": "string", "format": "json"},
    "object": {"type": "object"},
    "variable": {"type": "variable"},
    "key": {"type": "string", "format": "foreign_key"},
    "integer-key": {"type": "integer", "format": "foreign_key"},
    "untyped-key": {"format": "foreign_key"},
    "entity-type": {
        "type": "string",
        "transform": {"client": "{schema_id}", "server": "{table_name}"},
    },
}

_LISTS = {
    "primary": "primary_key",
    "required": "required",
    "immutable": "immutable",
    "projected": "default_projections",
    "computed": "computed",
    "system": "system_projections",
}
_ALWAYS_PRESENT = ("primary_key", "required", "immutable", "default_projections")
_MARKS = {
    "primary": _ALWAYS_PRESENT,
    "required": ("required",),
    "immutable": ("immutable",),
    "projected": ("default_projections",),
    "computed": ("computed",),
}

_HEAD = re.compile(
    r"(?P<name>(?:<Owner>)?\w+)"
    r"(?: : (?P<bases>\w+(?:, \w+)*))?"
    r"(?: as (?P<storage>\w+)(?: where (?P<column>\w+)=(?P<value>\S+))?)?"
    r"(?: for (?P<owners>\w+(?: \w+)*))?"
)
_WORD = re.compile(r'-> \w+|= (?:"[^"]*"|\S+)|as \w+|\S+')
_TARGET = re.compile(r"-> (?P<one>\w+)|\[(?P<many>\w+)\]|\{(?P<mapped>\w+)\}(?P<restricted>\?)?")
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class SchemaTextError(ValueError):
    """A line of a schema file cannot be read; the message has the file, the line and a remedy."""

    def __init__(self, line: _Line, why: str, remedy: str) -> None:
        where = f"{line.file}, line {line.number}"
        super().__init__(f"{where}: {why} in '{line.text.strip()}'. {remedy}")


@dataclass(frozen=True)
class _Line:
    """A line of a schema file; *number* counts from 1."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class _Head:
    """The parts of the line that begins a type."""

    line: _Line
    name: str
    bases: list[str]
    storage: str | None
    column: str | None
    value: str | None
    owners: list[str]


@dataclass(frozen=True)
class _Content:
    """The properties of a type, and its lists by their JSON names."""

    properties: dict[str, Property]
    lists: dict[str, list[str]]

    def add_to_list(self, name: str, list_name: str) -> None:
        """Add *name* to a list unless it is there."""
        names = self.lists.setdefault(list_name, [])
        if name not in names:
            names.append(name)


def standard_schemas() -> list[SchemaDocument]:
    """Return the schemas of the 116 entity types of a standard ftrack.

    Returns:
        One dict for each type, in ftrack's JSON form: ``id``, ``type`` (always ``"object"``),
        ``properties`` (attribute name to property), ``primary_key``, ``required``, ``immutable``,
        ``default_projections`` and, where the type has them, ``system_projections``, ``computed``
        and ``alias_for``. Each call returns new objects, which the caller may change.
    """
    folder = files(__name__)
    return read_schemas({file: (folder / file).read_text(encoding="utf-8") for file in FILES})


def read_schemas(texts: Mapping[str, str]) -> list[SchemaDocument]:
    """Read schema files into ftrack's JSON form.

    Args:
        texts: file name to content, in reading order; bases come before the types that use them.

    Returns:
        One dict for each type, without mixins, in the order of the files; see `standard_schemas`.

    Raises:
        SchemaTextError: a line that the grammar does not allow, a base that is not declared before,
            a type declared twice, an attribute without a type, a ``where`` without its attribute.
    """
    lines_of: dict[str, list[_Line]] = {}
    schemas = []
    for head, own in _blocks(texts):
        inherited = [line for base in head.bases for line in _lines_of_base(base, head, lines_of)]
        for owner in head.owners or [""]:
            name = _fill_in(head.name, owner)
            if name in lines_of:
                raise SchemaTextError(head.line, f"a second {name}", "Merge it with the first.")
            own_lines = [replace(line, text=_fill_in(line.text, owner)) for line in own]
            lines_of[name] = inherited + own_lines
            if not name[0].islower():
                schemas.append(_schema(name, head, lines_of[name]))
    return schemas


def _blocks(texts: Mapping[str, str]) -> Iterator[tuple[_Head, list[_Line]]]:
    """Yield each head with the lines indented below it."""
    for file, text in texts.items():
        head: _Head | None = None
        below: list[_Line] = []
        for number, content in enumerate(text.splitlines(), start=1):
            line = _Line(file, number, content)
            if not content.strip() or content.lstrip().startswith("#"):
                continue
            if content[0].isspace():
                if head is None:
                    raise SchemaTextError(line, "no type begins above", "Write its head first.")
                below.append(line)
                continue
            if head:
                yield head, below
            head, below = _read_head(line), []
        if head:
            yield head, below


def _read_head(line: _Line) -> _Head:
    found = _HEAD.fullmatch(line.text.rstrip())
    if not found:
        form = "NAME [: BASE, BASE] [as STORAGE [where COLUMN=VALUE]] [for OWNERS]"
        raise SchemaTextError(line, "no head of a type", f"Write {form}.")
    return _Head(
        line=line,
        name=found["name"],
        bases=(found["bases"] or "").replace(",", " ").split(),
        storage=found["storage"],
        column=found["column"],
        value=found["value"],
        owners=(found["owners"] or "").split(),
    )


def _lines_of_base(base: str, head: _Head, lines_of: Mapping[str, list[_Line]]) -> list[_Line]:
    if base not in lines_of:
        raise SchemaTextError(head.line, f"an unknown base {base}", "Declare it further up.")
    return lines_of[base]


def _fill_in(text: str, owner: str) -> str:
    """Replace ``<Owner>`` by the owner's name and ``<owner>`` by the name in snake case."""
    snake = _INNER_CAPITAL.sub("_", owner).lower()
    return text.replace("<Owner>", owner).replace("<owner>", snake)


def _schema(name: str, head: _Head, lines: Iterable[_Line]) -> SchemaDocument:
    """Return one schema, read from the lines of its bases and its own."""
    content = _Content({}, {key: [] for key in _ALWAYS_PRESENT})
    for line in lines:
        first, *words = _WORD.findall(line.text)
        if first.endswith(":"):
            _read_list(line, first[:-1], words, content)
        elif first.isidentifier():
            _read_attribute(line, first, words, content)
        else:
            raise SchemaTextError(line, f"'{first}' is no name", "Name an attribute or a list.")
    schema = {"id": name, "type": "object", "properties": content.properties, **content.lists}
    if head.column:
        _default_from_where(head, content)
        schema["alias_for"] = {"id": head.storage, "classifiers": {head.column: head.value}}
    elif head.storage:
        schema["alias_for"] = head.storage
    return cast(SchemaDocument, schema)


def _read_list(line: _Line, word: str, names: list[str], content: _Content) -> None:
    if word not in _LISTS:
        raise SchemaTextError(line, f"no list '{word}'", f"The lists are {', '.join(_LISTS)}.")
    for name in names:
        content.add_to_list(name, _LISTS[word])


def _read_attribute(line: _Line, name: str, words: list[str], content: _Content) -> None:
    """Add an attribute, or amend that of a base."""
    known = content.properties.get(name, Property())
    if name == "id" and not known and not any(word in TYPES for word in words):
        words = ["text", '= "{uid}"', "primary", *words]
    kind: Property = {}
    stated: Property = {}
    for word in words:
        if word in _MARKS:
            for list_name in _MARKS[word]:
                content.add_to_list(name, list_name)
        elif word.startswith("= "):
            stated["default"] = _json(line, word[2:])
        elif word.startswith("as "):
            stated["alias_for"] = word[3:]
        else:
            kind.update(_kind(line, word))
    if kind:
        known = _without_kind(known)
    elif not known:
        raise SchemaTextError(line, "no type", f"The words for types are {', '.join(TYPES)}.")
    content.properties[name] = {**known, **kind, **stated}


def _without_kind(known: Property) -> Property:
    """Return the default and the storage name of an attribute whose type a line replaces."""
    kept: Property = {}
    if "default" in known:
        kept["default"] = known["default"]
    if "alias_for" in known:
        kept["alias_for"] = known["alias_for"]
    return kept


def _json(line: _Line, text: str) -> JSON:
    try:
        value: JSON = json.loads(text)
    except ValueError as exc:
        raise SchemaTextError(line, f"{text} is not JSON", "Quote a text as JSON does.") from exc
    return value


def _kind(line: _Line, word: str) -> Property:
    """Return the JSON of a word for a type."""
    if word in TYPES:
        return deepcopy(TYPES[word])
    if "|" in word:
        return {"type": "string", "enum": word.split("|")}
    target = _TARGET.fullmatch(word)
    if not target:
        raise SchemaTextError(
            line, f"'{word}' is no type and no mark", f"Use one of {', '.join([*TYPES, *_MARKS])}."
        )
    if target["one"]:
        return {"$ref": target["one"]}
    if target["many"]:
        return {"type": "array", "items": {"$ref": target["many"]}}
    mapped: Property = {"type": "mapped_array", "items": {"$ref": target["mapped"]}}
    if target["restricted"]:
        return {**mapped, "restricted_projection": True}
    return {**mapped, "key_value_attributes": {"key": "key", "value": "value"}}


def _default_from_where(head: _Head, content: _Content) -> None:
    for known in content.properties.values():
        if known.get("alias_for") == head.column:
            known["default"] = head.value
            return
    raise SchemaTextError(head.line, f"no attribute as {head.column}", "Declare it, or its base.")
