"""Entity schemas, parsed from ftrack's JSON form for the store and for queries.

`Schema` accepts the schemas of any server. A *family* is a set of types whose rows share one
table: ``Context`` with ``Project``, ``TypedContext`` and every object type, for example. A
*relation* is an attribute that leads to rows of another type.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

from trackteroid_cli.engine.schema import facts
from trackteroid_cli.engine.schema.documents import JSON, Property, SchemaDocument

Kind = Literal["text", "integer", "number", "boolean", "date", "variable", "object"]

#: The column that names the concrete type of a row, in families of more than one type.
TYPE_COLUMN = "_type"


@dataclass(frozen=True, slots=True)
class Relation:
    """An attribute that leads to other rows, and how.

    ``reference`` and ``latest_version`` lead to one row, the others to many:

    * ``reference``: this row's *column* holds the target's key.
    * ``many``: the target's *column* holds this row's key; if *where* is given, the target also has
      that value in that column.
    * ``through``: the table *between* has a row for each pair: this row's key in *column*, the
      target's in *target_column*.
    * ``ancestors``, ``descendants``: up and down the context hierarchy.
    * ``dense``: custom attribute values, one for each configuration that applies.
    * ``latest_version``: the latest version of an asset.
    """

    name: str
    target: str
    kind: Literal[
        "reference", "many", "through", "ancestors", "descendants", "dense", "latest_version"
    ]
    column: str = ""
    target_column: str = ""
    between: str = ""
    where: tuple[str, str] | None = None

    @property
    def single(self) -> bool:
        """Whether the attribute holds one entity rather than a list."""
        return self.kind in ("reference", "latest_version")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A scalar attribute of a type; *names_type* marks those that hold the name of a type."""

    name: str
    kind: Kind
    default: JSON = None
    key: bool = False
    computed: bool = False
    enum: tuple[str, ...] = ()
    names_type: bool = False


@dataclass(slots=True)
class EntityType:
    """One entity type, with the references and lists of its schema resolved."""

    name: str
    root: str
    primary_key: tuple[str, ...]
    immutable: frozenset[str]
    default_projections: tuple[str, ...]
    system_projections: tuple[str, ...]
    classifiers: dict[str, str]
    scalars: dict[str, Attribute] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    restricted: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        """Return whether *name* is a scalar attribute or a relation."""
        return name in self.scalars or name in self.relations


@dataclass(slots=True)
class Family:
    """Types whose rows share one table."""

    root: str
    table: str
    discriminator: str
    members: tuple[str, ...]
    columns: dict[str, Attribute]
    primary_key: tuple[str, ...]

    @property
    def dense(self) -> bool:
        """Whether the family has no table of its own; see `is_dense`."""
        return is_dense(self.root)

    @property
    def polymorphic(self) -> bool:
        """Whether each row names its type, in the column *discriminator*."""
        return len(self.members) > 1


class Schema:
    """The entity types of a server.

    Args:
        schemas: in ftrack's JSON form, as its action ``query_schemas`` returns them.

    Raises:
        ValueError: a type is a kind of itself, or of one that is missing.
    """

    def __init__(self, schemas: Iterable[Mapping[str, object]]) -> None:
        self.documents = [cast(SchemaDocument, dict(document)) for document in schemas]
        self._by_name = {document["id"]: document for document in self.documents}
        self._parents = dict(self._find_parents())
        self._check_lineages()
        self._kinds = self._find_kinds()
        self.types = {name: self._entity_type(name) for name in self._by_name}
        for entity_type in self.types.values():
            self._add_scalars(entity_type)
        for entity_type in self.types.values():
            self._add_references(entity_type)
        for entity_type in self.types.values():
            self._add_collections(entity_type)
            entity_type.relations = self._in_order(entity_type)
        self.families = {root: self._family(root) for root in self._roots}

    @cached_property
    def hash(self) -> str:
        """The MD5 that clients compare with that of their cached schemas.

        Source: ``ftrack_api/session.py``, ``_read_schemas_from_cache``.
        """
        text = json.dumps(self.documents, sort_keys=True)
        return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()

    def family_of(self, type_name: str) -> Family:
        """Return the family that holds the rows of *type_name*."""
        return self.families[self.types[type_name].root]

    def storage_of(self, type_name: str) -> str:
        """Return the name of *type_name* in ftrack's storage, which events have."""
        return _storage(self._by_name[type_name])

    def column_in_storage(self, type_name: str, attribute: str) -> str:
        """Return the name of an attribute in ftrack's storage, which events have."""
        return self._by_name[type_name]["properties"].get(attribute, {}).get("alias_for", attribute)

    def stored_root(self, type_name: str) -> str:
        """Return the root type whose stored rows answer for *type_name*.

        Custom attribute values that belong to an entity are computed from those that were set.
        """
        return "CustomAttributeValue" if is_dense(type_name) else self.types[type_name].root

    def is_kind_of(self, type_name: str, ancestor: str) -> bool:
        """Return whether a *type_name* is an *ancestor*: a ``Shot`` is a ``Context``."""
        return ancestor in self._lineage(type_name)

    def concrete_types(self, type_name: str) -> tuple[str, ...]:
        """Return *type_name* and every type that is a kind of it."""
        return self._kinds.get(type_name, ())

    def _find_kinds(self) -> dict[str, tuple[str, ...]]:
        """Return, for each type, itself and every type that is a kind of it, in schema order."""
        kinds: dict[str, list[str]] = {}
        for name in self._by_name:
            for ancestor in self._lineage(name):
                kinds.setdefault(ancestor, []).append(name)
        return {ancestor: tuple(names) for ancestor, names in kinds.items()}

    def _lineage(self, type_name: str) -> Iterator[str]:
        name: str | None = type_name
        while name is not None:
            yield name
            name = self._parents.get(name)

    def _find_parents(self) -> Iterator[tuple[str, str]]:
        for parent, children in facts.SUPERTYPES.items():
            yield from ((child, parent) for child in children if child in self._by_name)
        storages = {
            _storage(document): name
            for name, document in self._by_name.items()
            if not _classifiers(document)
        }
        for name, document in self._by_name.items():
            base = storages.get(_storage(document)) if _classifiers(document) else None
            if base is not None:
                yield name, base
            for suffix in facts.SUPERTYPE_SUFFIXES:
                if name.endswith(suffix) and name != suffix:
                    yield name, suffix
                    break

    def _check_lineages(self) -> None:
        for name in self._by_name:
            lineage: list[str] = []
            for ancestor in self._lineage(name):
                if ancestor in lineage:
                    raise ValueError(f"{name} is a kind of itself")
                if ancestor not in self._by_name:
                    raise ValueError(f"{name} is a kind of {ancestor}, which is missing")
                lineage.append(ancestor)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return tuple(name for name in self._by_name if name not in self._parents)

    def _entity_type(self, name: str) -> EntityType:
        document = self._by_name[name]
        aliases = {
            fragment["alias_for"]: attribute
            for attribute, fragment in document["properties"].items()
            if "alias_for" in fragment
        }
        system = []
        for projection in document.get("system_projections", ()):
            attribute = projection
            if attribute not in document["properties"]:
                attribute = aliases.get(projection) or facts.SYSTEM_PROJECTIONS.get(projection, "")
            if attribute in document["properties"]:
                system.append(attribute)
        *_, root = self._lineage(name)
        return EntityType(
            name=name,
            root=root,
            primary_key=tuple(document["primary_key"]),
            immutable=frozenset(document.get("immutable", ())),
            default_projections=tuple(document["default_projections"]),
            system_projections=tuple(dict.fromkeys(system)),
            classifiers=_classifiers(document),
            restricted=frozenset(
                attribute
                for attribute, fragment in document["properties"].items()
                if fragment.get("restricted_projection")
            ),
        )

    def _add_scalars(self, entity_type: EntityType) -> None:
        document = self._by_name[entity_type.name]
        computed = facts.COMPUTED.union(document.get("computed", ()))
        for name, fragment in document["properties"].items():
            if "items" in fragment or ("$ref" in fragment and "type" not in fragment):
                continue
            kind = kind_of(fragment)
            entity_type.scalars[name] = Attribute(
                name=name,
                kind=kind,
                default=fragment.get("default"),
                key=name in entity_type.primary_key
                or fragment.get("format") == "foreign_key"
                or name.endswith("_id"),
                computed=name in computed or kind == "object",
                enum=tuple(fragment.get("enum", ())),
                names_type="transform" in fragment,
            )

    def _add_references(self, entity_type: EntityType) -> None:
        for name, fragment in self._by_name[entity_type.name]["properties"].items():
            if "$ref" not in fragment or "type" in fragment or fragment["$ref"] not in self.types:
                continue
            target = facts.WIDER_TARGETS.get(
                (entity_type.root, name, fragment["$ref"]), fragment["$ref"]
            )
            if (entity_type.name, name) == ("Asset", "latest_version"):
                relation = Relation(name, target, "latest_version")
            else:
                column = self._reference_column(entity_type, name)
                relation = Relation(name, target, "reference", column)
                # A reference without a visible column still needs one to be stored in.
                if column not in entity_type.scalars:
                    entity_type.scalars[column] = Attribute(column, "text", key=True)
            entity_type.relations[name] = relation

    @staticmethod
    def _reference_column(entity_type: EntityType, name: str) -> str:
        if entity_type.root in facts.LINK_ENDS and name != "configuration":
            return facts.LINK_ENDS[entity_type.root]
        return facts.REFERENCE_COLUMNS.get((entity_type.root, name), f"{name}_id")

    def _add_collections(self, entity_type: EntityType) -> None:
        for name, fragment in self._by_name[entity_type.name]["properties"].items():
            stated = fragment.get("items", {}).get("$ref", "")
            target = facts.WIDER_TARGETS.get((entity_type.root, name, stated), stated)
            if target not in self.types:
                continue
            relation = self._collection(entity_type, name, target)
            if relation is not None:
                entity_type.relations[name] = relation

    def _in_order(self, entity_type: EntityType) -> dict[str, Relation]:
        """Return the relations of a type in the order of its schema, in which clients read them."""
        names = self._by_name[entity_type.name]["properties"]
        return {
            name: entity_type.relations[name] for name in names if name in entity_type.relations
        }

    def _collection(self, entity_type: EntityType, name: str, target: str) -> Relation | None:
        if name in ("ancestors", "descendants") and entity_type.root == "Context":
            return Relation(name, target, "ancestors" if name == "ancestors" else "descendants")
        if is_dense(target):
            return Relation(name, target, "dense", "entity_id")
        through = facts.THROUGH.get((entity_type.root, name))
        if through is not None:
            return Relation(
                name,
                target,
                "through",
                column=through.owner_column,
                target_column=through.target_column,
                between=through.between,
            )
        column = facts.COLLECTION_COLUMNS.get(name) or self._inverse_column(entity_type, target)
        if column not in self.types[target].scalars:
            return None
        return Relation(name, target, "many", column, where=facts.COLLECTION_FILTERS.get(name))

    def _inverse_column(self, entity_type: EntityType, target: str) -> str:
        """Return the column of the only reference from *target* back, or its conventional name."""
        columns = {
            relation.column
            for relation in self.types[target].relations.values()
            if relation.kind == "reference"
            and (
                self.is_kind_of(entity_type.name, relation.target)
                or self.is_kind_of(relation.target, entity_type.name)
            )
        }
        if len(columns) == 1:
            return columns.pop()
        return f"{snake_case(entity_type.name)}_id"

    def _family(self, root: str) -> Family:
        members = self.concrete_types(root)
        columns: dict[str, Attribute] = {}
        for name in members:
            for attribute in self.types[name].scalars.values():
                if not attribute.computed:
                    columns.setdefault(attribute.name, attribute)
            for column in self.types[name].classifiers:
                columns.setdefault(column, Attribute(column, "text", key=True))
        shared = facts.SHARED_TABLES.get(root, root)
        return Family(
            root=root,
            table=snake_case(shared),
            discriminator=TYPE_COLUMN if shared == root else "_from_type",
            members=members,
            columns=columns,
            primary_key=self.types[root].primary_key,
        )


def snake_case(name: str) -> str:
    """Return ``asset_version`` for ``AssetVersion``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def is_dense(type_name: str) -> bool:
    """Return whether rows of *type_name* are computed from configurations and stored values.

    ``CustomAttributeValue`` is sparse: it has the values that were set. The types named after an
    entity type (``ContextCustomAttributeValue``…) are dense: they have a row for each configuration
    that applies to an entity, with its default where no value was set.
    """
    return type_name in facts.DENSE_TYPES


def _storage(document: SchemaDocument) -> str:
    alias = document.get("alias_for", document["id"])
    return str(alias["id"] if isinstance(alias, Mapping) else alias)


def _classifiers(document: SchemaDocument) -> dict[str, str]:
    alias = document.get("alias_for")
    if not isinstance(alias, Mapping):
        return {}
    return {
        facts.CLASSIFIER_COLUMNS.get(column, column): value
        for column, value in alias.get("classifiers", {}).items()
    }


def kind_of(fragment: Property) -> Kind:
    """Return the kind of a property of a schema; one that says none is a text."""
    if fragment.get("format") == "date-time":
        return "date"
    kinds: dict[str, Kind] = {
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "variable": "variable",
        "object": "object",
    }
    return kinds.get(fragment.get("type", "string"), "text")
