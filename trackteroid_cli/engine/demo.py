"""The demo data: a small invented production, a feature film and a commercial.

It is created by operations, as its users would have done it, on fixed dates in the spring of 2024,
with the same ids in every store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from trackteroid_cli.engine.engine import Engine
from trackteroid_cli.engine.schema.documents import JSON
from trackteroid_cli.engine.seed import PROJECT_SCHEMA, identify, identify_status

DEMO_USER = "demo"

DEMO_KEY = "demo-key"
"""The API key of the demo data, for every user. It protects nothing: the data are invented
and served on loopback."""

Reference: TypeAlias = dict[str, str]
Operation: TypeAlias = dict[str, JSON]

_START = datetime(2024, 3, 4, 9)

#: Username, first and last name, department.
_PEOPLE = (
    ("ada.lindqvist", "Ada", "Lindqvist", "Production"),
    ("bruno.castellan", "Bruno", "Castellan", "Production"),
    ("chidi.oyelaran", "Chidi", "Oyelaran", "Layout"),
    ("dana.whitlock", "Dana", "Whitlock", "Animation"),
    ("emil.sorokin", "Emil", "Sorokin", "Animation"),
    ("farah.nazari", "Farah", "Nazari", "Animation"),
    ("goro.tanabe", "Goro", "Tanabe", "Lighting"),
    ("hanna.vidal", "Hanna", "Vidal", "Lighting"),
    ("ines.duarte", "Inês", "Duarte", "Compositing"),
    ("jonas.achterberg", "Jonas", "Achterberg", "Compositing"),
    ("kemi.balogun", "Kemi", "Balogun", "Modeling"),
    ("leo.marchetti", "Léo", "Marchetti", "Rigging"),
)
_SUPERVISOR, _PRODUCER = "ada.lindqvist", "bruno.castellan"
_GROUPS = {"Animation": ("Animation", "Layout"), "Finishing": ("Lighting", "Compositing")}

#: Project, full name, and the number of shots by sequence.
_PROJECTS = (
    ("salt_and_ember", "Salt and Ember", {"sq010": 5, "sq020": 5, "sq030": 4}),
    ("brightwater", "Brightwater: First Sip", {"spot30": 6}),
)
#: Project, name, type.
_BUILDS = (
    ("salt_and_ember", "keeper", "Character"),
    ("salt_and_ember", "lighthouse", "Environment"),
    ("salt_and_ember", "rowboat", "Vehicle"),
    ("salt_and_ember", "lantern", "Prop"),
    ("brightwater", "bottle", "Prop"),
    ("brightwater", "orchard", "Environment"),
)
_SHOT_TASKS = ("Layout", "Animation", "Lighting", "Compositing")
_BUILD_TASKS = ("Modeling", "Rigging")
#: Statuses that the shots have in turn: one for each task, and that of the shot.
_PROGRESS = (
    (("Completed", "Completed", "Completed", "Pending review"), "In progress"),
    (("Completed", "Completed", "In progress", "Not started"), "In progress"),
    (("Completed", "Changes requested", "Not started", "Not started"), "In progress"),
    (("In progress", "Not started", "Not started", "Not started"), "Not started"),
)
#: The tasks whose work is published, with the asset type of what they publish.
_PUBLISHED = {"Animation": "Animation", "Compositing": "Comp"}
_COMPLEXITIES = ("simple", "medium", "hard")


def load_demo(engine: Engine) -> None:
    """Create the demo production in a new engine, with `DEMO_KEY` as the key of its users.

    Raises:
        DuplicateEntryError: the engine has the demo production already.
    """
    engine.admit(DEMO_USER, DEMO_KEY)
    for day, user, operations in _Production().days():
        engine.call(operations, user=user, key=DEMO_KEY, moment=str(_START + timedelta(days=day)))


class _Production:
    """The operations that create the production, day by day."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def days(self) -> Iterator[tuple[int, str, list[Operation]]]:
        """Yield the day, counted from the start, the user and the operations of each step."""
        steps = (
            (0, DEMO_USER, self.people),
            (0, DEMO_USER, self.custom_attributes),
            (1, _PRODUCER, self.projects),
            (2, _PRODUCER, self.builds),
            (3, _PRODUCER, self.sequences),
            (3, _PRODUCER, self.shots),
            (10, _SUPERVISOR, self.first_versions),
            (14, _SUPERVISOR, self.second_versions),
            (15, _SUPERVISOR, self.reviews),
            (16, _SUPERVISOR, self.notes),
            (17, "dana.whitlock", self.replies),
            (18, _PRODUCER, self.timelogs),
            (21, _PRODUCER, self.progress),
        )
        for day, user, step in steps:
            self.operations = []
            step()
            yield day, user, self.operations

    def add(self, type_name: str, path: str, /, **data: JSON) -> Reference:
        """Create an entity; *path*, unique in its type, determines its id."""
        id_ = identify(type_name, f"demo/{path}")
        self.operations.append(
            {"action": "create", "entity_type": type_name, "entity_data": {"id": id_, **data}}
        )
        return _reference(type_name, id_)

    def link(self, type_name: str, **data: JSON) -> None:
        """Create an entity whose key consists of other keys."""
        self.operations.append({"action": "create", "entity_type": type_name, "entity_data": data})

    def set(self, entity: Reference, **data: JSON) -> None:
        """Update an entity."""
        self.operations.append(
            {
                "action": "update",
                "entity_type": entity["__entity_type__"],
                "entity_key": [entity["id"]],
                "entity_data": data,
            }
        )

    def set_custom(self, entity: Reference, key: str, value: JSON) -> None:
        """Set a custom attribute of a context."""
        configuration_id = _demo_reference("CustomAttributeConfiguration", key)["id"]
        self.operations.append(
            {
                "action": "update",
                "entity_type": "ContextCustomAttributeValue",
                "entity_key": [configuration_id, entity["id"]],
                "entity_data": {"value": value},
            }
        )

    def set_metadata(self, entity: Reference, **pairs: str) -> None:
        """Add metadata to an entity."""
        owner = {"parent_id": entity["id"], "parent_type": entity["__entity_type__"]}
        for key, value in pairs.items():
            self.link("Metadata", **owner, key=key, value=value)

    # The studio.

    def people(self) -> None:
        """Set the name of the administrator, and create users and groups."""
        administrator = _reference("User", identify("User", DEMO_USER))
        self.set(administrator, first_name="Demo", last_name="User", email="demo@example.com")
        for username, first, last, department in _PEOPLE:
            user = self.add(
                "User",
                username,
                username=username,
                first_name=first,
                last_name=last,
                email=f"{username}@example.com",
                is_active=True,
            )
            role = "Project Manager" if department == "Production" else "User"
            self.add(
                "UserSecurityRole",
                username,
                user=user,
                security_role=_seed_reference("SecurityRole", role),
                is_all_open_projects=True,
            )
        for group, departments in _GROUPS.items():
            made = self.add("Group", group, name=group)
            for username, _, _, department in _PEOPLE:
                if department in departments:
                    user = _demo_reference("User", username)
                    self.add("Membership", f"{group}/{username}", group=made, user=user)

    def custom_attributes(self) -> None:
        """Create the custom attributes of the studio."""
        shots = {"entity_type": "task", "object_type_id": _SHOT}
        options = (
            '[{"menu": "Simple", "value": "simple"}, {"menu": "Medium", "value": "medium"}, '
            '{"menu": "Hard", "value": "hard"}]'
        )
        enumerator: JSON = {"multiSelect": False, "data": options}
        whole = {"isdecimal": False}
        self._configure("fstart", "Frame start", "number", 1001, whole, **shots)
        self._configure("fend", "Frame end", "number", 1100, whole, **shots)
        self._configure("handles", "Handles", "number", 8, whole, **shots)
        self._configure("slate", "Slate", "text", "", {"markdown": False}, **shots)
        self._configure("complexity", "Complexity", "enumerator", ["medium"], enumerator, **shots)
        self._configure("stereo", "Stereo", "boolean", False, {}, entity_type="show")
        self._configure("delivery", "Delivery", "date", None, {}, entity_type="show")
        self._configure(
            "fps",
            "Frames per second",
            "number",
            24,
            {"isdecimal": True},
            entity_type="show",
            is_hierarchical=True,
        )

    def _configure(
        self, key: str, label: str, type_name: str, default: JSON, config: JSON, **data: JSON
    ) -> None:
        self.add(
            "CustomAttributeConfiguration",
            key,
            key=key,
            label=label,
            type=_seed_reference("CustomAttributeType", type_name),
            group=_seed_reference("CustomAttributeGroup", "Default"),
            config=json.dumps(config),
            default=default,
            **data,
        )

    # The breakdown.

    def projects(self) -> None:
        """Create the two projects."""
        schema = _seed_reference("ProjectSchema", PROJECT_SCHEMA)
        for name, full_name, _ in _PROJECTS:
            project = self.add(
                "Project",
                name,
                name=name,
                full_name=full_name,
                project_schema=schema,
                start_date=_date(0),
                end_date=_date(90),
            )
            self.set_custom(project, "delivery", _date(85))
            self.set_metadata(project, client="Northlight Pictures", colorspace="ACEScg")
            for role, username in (("Supervisor", _SUPERVISOR), ("Producer", _PRODUCER)):
                self.add(
                    "Manager",
                    f"{name}/{role}",
                    context=project,
                    user=_demo_reference("User", username),
                    type=_seed_reference("ManagerType", role),
                )
            self.add("Milestone", name, name="Final delivery", parent=project, end_date=_date(85))
        self.set_custom(_demo_reference("Project", "brightwater"), "fps", 25)
        self.set_custom(_demo_reference("Project", "salt_and_ember"), "fps", 24)
        self.set_custom(_demo_reference("Project", "salt_and_ember"), "stereo", True)

    def builds(self) -> None:
        """Create the asset builds, which many shots use."""
        for name, _, _ in _PROJECTS:
            self.add(
                "Folder", f"{name}/assets", name="assets", parent=_demo_reference("Project", name)
            )
        for number, (project, name, type_name) in enumerate(_BUILDS):
            build = self.add(
                "AssetBuild",
                f"{project}/{name}",
                name=name,
                parent=_demo_reference("Folder", f"{project}/assets"),
                type=_seed_reference("Type", type_name),
                status=_seed_reference("Status", "Completed" if number % 2 == 0 else "In progress"),
            )
            statuses = ("Completed", "Completed" if number % 2 == 0 else "In progress")
            path = f"{project}/{name}"
            self._tasks(build, path, _BUILD_TASKS, statuses, number)

    def sequences(self) -> None:
        """Create the sequences, and allocate the animators to them."""
        for project, _, sequences in _PROJECTS:
            for name in sequences:
                path = f"{project}/{name}"
                parent = _demo_reference("Project", project)
                sequence = self.add("Sequence", path, name=name, parent=parent)
                self.add(
                    "Appointment",
                    path,
                    type="allocation",
                    context=sequence,
                    resource=_demo_reference("Group", "Animation"),
                )
        # The slow motion of one sequence, against the rate of its project.
        self.set_custom(_demo_reference("Sequence", "salt_and_ember/sq030"), "fps", 48)

    def shots(self) -> None:
        """Create the shots and their tasks."""
        for number, (project, sequence, name) in enumerate(_shots()):
            path = f"{project}/{sequence}/{name}"
            statuses, status = _PROGRESS[number % len(_PROGRESS)]
            shot = self.add(
                "Shot",
                path,
                name=name,
                parent=_demo_reference("Sequence", f"{project}/{sequence}"),
                description=_DESCRIPTIONS[number % len(_DESCRIPTIONS)],
                status=_seed_reference("Status", status),
                sort=(number + 1) * 10,
            )
            self.set_custom(shot, "fend", 1001 + 24 * (2 + number % 5) - 1)
            self.set_custom(shot, "slate", f"{sequence.upper()}-{number + 1:02}")
            self.set_custom(shot, "complexity", [_COMPLEXITIES[number % 3]])
            self._tasks(shot, path, _SHOT_TASKS, statuses, number)
            build = next(build for build in _BUILDS if build[0] == project)
            self.add(
                "TypedContextLink",
                path,
                **{"from": _demo_reference("AssetBuild", f"{project}/{build[1]}"), "to": shot},
            )

    def _tasks(
        self,
        parent: Reference,
        path: str,
        types: Sequence[str],
        statuses: Sequence[str],
        number: int,
    ) -> None:
        for place, (type_name, status) in enumerate(zip(types, statuses, strict=True)):
            task = self.add(
                "Task",
                f"{path}/{type_name}",
                name=type_name.lower(),
                parent=parent,
                type=_seed_reference("Type", type_name),
                status=_seed_reference("Status", status),
                priority=_seed_reference("Priority", ("Medium", "High", "Low")[number % 3]),
                bid=(2 + (number + place) % 4) * 8 * 3600,
                start_date=_date(5 + 5 * place + number % 5),
                end_date=_date(10 + 5 * place + number % 5),
            )
            people = [person[0] for person in _PEOPLE if person[3] == type_name]
            if people:
                resource = _demo_reference("User", people[number % len(people)])
                self.add("Appointment", f"{path}/{type_name}", context=task, resource=resource)

    # Publishing.

    def first_versions(self) -> None:
        """Publish first versions of animation and compositing."""
        for project, sequence, name in _published_shots():
            for task, asset_type in _PUBLISHED.items():
                path = f"{project}/{sequence}/{name}"
                asset = self.add(
                    "Asset",
                    f"{path}/{task}",
                    name=task.lower(),
                    parent=_demo_reference("Shot", path),
                    type=_seed_reference("AssetType", asset_type),
                )
                status = "Changes requested" if task == "Animation" else "Pending review"
                self._version(path, task, asset, 1, status)
            self.add(
                "AssetVersionLink",
                path,
                **{
                    "from": _demo_reference("AssetVersion", f"{path}/Animation/1"),
                    "to": _demo_reference("AssetVersion", f"{path}/Compositing/1"),
                },
            )

    def second_versions(self) -> None:
        """Publish second versions of the animation, for which changes were requested."""
        for project, sequence, name in _published_shots():
            path = f"{project}/{sequence}/{name}"
            asset = _demo_reference("Asset", f"{path}/Animation")
            self._version(path, "Animation", asset, 2, "Approved")

    def _version(self, path: str, task: str, asset: Reference, number: int, status: str) -> None:
        version_path = f"{path}/{task}/{number}"
        version = self.add(
            "AssetVersion",
            version_path,
            asset=asset,
            task=_demo_reference("Task", f"{path}/{task}"),
            status=_seed_reference("Status", status),
            comment="First pass" if number == 1 else "Notes addressed",
            user=_demo_reference("User", "dana.whitlock" if task == "Animation" else "ines.duarte"),
        )
        folder = f"/projects/{path}/{task.lower()}/v{number:03}"
        movie = self.add(
            "FileComponent",
            f"{version_path}/movie",
            name="movie",
            file_type=".mov",
            size=18_000_000 + 1000 * len(version_path),
            version=version,
        )
        self._locate(f"{version_path}/movie", movie, f"{folder}/movie.mov")
        if task == "Compositing":
            self._frames(version_path, version, folder)

    def _frames(self, version_path: str, version: Reference, folder: str) -> None:
        """Create a sequence component and its members."""
        main = self.add(
            "SequenceComponent",
            f"{version_path}/main",
            name="main",
            file_type=".exr",
            padding=4,
            size=3 * 9_000_000,
            version=version,
        )
        self._locate(f"{version_path}/main", main, f"{folder}/main.%04d.exr")
        for frame in range(1001, 1004):
            name = f"{version_path}/main/{frame}"
            member = self.add(
                "FileComponent",
                name,
                name=str(frame),
                file_type=".exr",
                size=9_000_000,
                container=main,
            )
            self._locate(name, member, f"{folder}/main.{frame}.exr")

    def _locate(self, name: str, component: Reference, path: str) -> None:
        self.add(
            "ComponentLocation",
            name,
            component=component,
            location_id=_UNMANAGED,
            resource_identifier=path,
        )

    # Reviews, notes and time logs.

    def reviews(self) -> None:
        """Create lists and a review session for the client."""
        project = _demo_reference("Project", "salt_and_ember")
        dailies = self.add(
            "AssetVersionList",
            "dailies",
            name="Dailies 19 March",
            project=project,
            category=_seed_reference("ListCategory", "Dailies"),
            owner=_demo_reference("User", _SUPERVISOR),
        )
        heroes = self.add(
            "TypedContextList",
            "heroes",
            name="Hero animation",
            project=project,
            category=_seed_reference("ListCategory", "General"),
            owner=_demo_reference("User", _PRODUCER),
        )
        session = self.add(
            "ReviewSession",
            "client",
            name="Client review",
            project=project,
            description="First look at sequence 010",
            start_date=_date(16),
            end_date=_date(23),
        )
        invitee = self.add(
            "ReviewSessionInvitee",
            "client",
            name="Mara Field",
            email="mara@example.com",
            review_session=session,
        )
        for number, path in enumerate(map("/".join, _published_shots())):
            if not path.startswith("salt_and_ember"):
                continue
            version = _demo_reference("AssetVersion", f"{path}/Animation/2")
            self.add("ListObject", f"dailies/{path}", list=dailies, entity_id=version["id"])
            task = _demo_reference("Task", f"{path}/Animation")
            self.add("ListObject", f"heroes/{path}", list=heroes, entity_id=task["id"])
            item = self.add(
                "ReviewSessionObject",
                path,
                name=path.replace("/", " "),
                version="Version 2",
                asset_version=version,
                review_session=session,
                sort_order=number,
            )
            self.add(
                "ReviewSessionObjectStatus",
                path,
                status="approved" if number else "require_changes",
                review_session_object=item,
                invitee=invitee,
            )

    def notes(self) -> None:
        """Write notes on shots and versions."""
        author = _demo_reference("User", _SUPERVISOR)
        for number, path in enumerate(map("/".join, _published_shots())):
            about = (
                _demo_reference("AssetVersion", f"{path}/Animation/1")
                if number % 2
                else _demo_reference("Shot", path)
            )
            note = self.add(
                "Note",
                path,
                content=_NOTES[number % len(_NOTES)],
                author=author,
                parent_id=about["id"],
                parent_type=about["__entity_type__"],
            )
            label = _seed_reference("NoteLabel", "Client" if number == 0 else "Dailies")
            self.link("NoteLabelLink", note_id=note["id"], label_id=label["id"])
            recipient = _demo_reference("User", "dana.whitlock")
            self.link("Recipient", note_id=note["id"], resource_id=recipient["id"])

    def replies(self) -> None:
        """Reply to the notes."""
        author = _demo_reference("User", "dana.whitlock")
        for number, path in enumerate(map("/".join, _published_shots())):
            if number % 2 == 0:
                self.add(
                    "Note",
                    f"{path}/reply",
                    content="On it, new version tomorrow.",
                    author=author,
                    in_reply_to=_demo_reference("Note", path),
                )

    def timelogs(self) -> None:
        """Log the working hours of three days."""
        for number, path in enumerate(map("/".join, _published_shots())):
            for task, username in (("Animation", "dana.whitlock"), ("Compositing", "ines.duarte")):
                for day in range(3):
                    self.add(
                        "Timelog",
                        f"{path}/{task}/{day}",
                        context=_demo_reference("Task", f"{path}/{task}"),
                        user=_demo_reference("User", username),
                        start=_date(11 + day),
                        duration=3600 * (2 + (number + day) % 5),
                        comment="",
                    )

    def progress(self) -> None:
        """Set the status of finished tasks and shots."""
        for path in map("/".join, _published_shots()):
            self.set(
                _demo_reference("Task", f"{path}/Compositing"),
                status=_seed_reference("Status", "Completed"),
            )
            self.set(_demo_reference("Shot", path), status=_seed_reference("Status", "Completed"))


_SHOT = "bad911de-3bd6-47b9-8b46-3476e237cb36"
_UNMANAGED = "cb268ecc-8809-11e3-a7e2-20c9d081909b"

_DESCRIPTIONS = (
    "Wide on the headland, dusk",
    "Close on hands and rope",
    "Over the shoulder, looking out to sea",
    "Slow push in through the doorway",
    "Low angle, spray on the lens",
)
_NOTES = (
    "Hold the last pose for six more frames.",
    "The horizon drifts between the cuts.",
    "Lovely weight. Ease out of the turn a little later.",
)


def _shots() -> Iterator[tuple[str, str, str]]:
    """Yield project, sequence and name of every shot."""
    for project, _, sequences in _PROJECTS:
        for sequence, count in sequences.items():
            for number in range(1, count + 1):
                yield project, sequence, f"sh{number * 10:03}"


def _published_shots() -> list[tuple[str, str, str]]:
    """Return the shots that have versions: the most advanced ones."""
    return list(_shots())[:: len(_PROGRESS)]


def _date(day: int) -> dict[str, str]:
    return {"__type__": "datetime", "value": (_START + timedelta(days=day)).isoformat()}


def _reference(type_name: str, id_: str) -> Reference:
    return {"__entity_type__": type_name, "id": id_}


def _seed_reference(type_name: str, name: str) -> Reference:
    """Return a reference to a row that every store has."""
    id_ = identify_status(name) if type_name == "Status" else identify(type_name, name)
    return _reference(type_name, id_)


def _demo_reference(type_name: str, name: str) -> Reference:
    """Return a reference to an entity of the demo production."""
    return _reference(type_name, identify(type_name, f"demo/{name}"))
