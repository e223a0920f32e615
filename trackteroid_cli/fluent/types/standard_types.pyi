"""Entity types that every ftrack server has; written by man/standard_types.py.

Scripts import these types without a connection; the stub lets editors complete their attributes.
The schema of a server decides which types and attributes it really has.
"""

from __future__ import annotations

from trackteroid_cli.fluent.types.entity_types import EntityType, Path

class _Appointment(EntityType):
    context: Path
    context_id: Path
    id: Path
    resource: Path
    resource_id: Path
    type: Path

Appointment: _Appointment

class _Asset(EntityType):
    context_id: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    custom_attributes: Path
    id: Path
    latest_version: Path
    metadata: Path
    name: Path
    parent: Path
    type: Path
    type_id: Path
    versions: Path

Asset: _Asset

class _AssetBuild(_TypedContext): ...

AssetBuild: _AssetBuild

class _AssetCustomAttributeLink(_CustomAttributeLink):
    asset: Path

AssetCustomAttributeLink: _AssetCustomAttributeLink

class _AssetCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    asset: Path

AssetCustomAttributeLinkFrom: _AssetCustomAttributeLinkFrom

class _AssetCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

AssetCustomAttributeValue: _AssetCustomAttributeValue

class _AssetType(EntityType):
    assets: Path
    component: Path
    id: Path
    name: Path
    short: Path

AssetType: _AssetType

class _AssetVersion(EntityType):
    _link: Path
    asset: Path
    asset_id: Path
    comment: Path
    components: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    custom_attributes: Path
    date: Path
    id: Path
    incoming_links: Path
    is_latest_version: Path
    is_published: Path
    link: Path
    lists: Path
    metadata: Path
    notes: Path
    outgoing_links: Path
    review_session_objects: Path
    status: Path
    status_changes: Path
    status_id: Path
    task: Path
    task_id: Path
    thumbnail: Path
    thumbnail_id: Path
    thumbnail_url: Path
    used_in_versions: Path
    user: Path
    user_id: Path
    uses_versions: Path
    version: Path

AssetVersion: _AssetVersion

class _AssetVersionCustomAttributeLink(_CustomAttributeLink):
    asset_version: Path

AssetVersionCustomAttributeLink: _AssetVersionCustomAttributeLink

class _AssetVersionCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    asset_version: Path

AssetVersionCustomAttributeLinkFrom: _AssetVersionCustomAttributeLinkFrom

class _AssetVersionCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

AssetVersionCustomAttributeValue: _AssetVersionCustomAttributeValue

class _AssetVersionLink(EntityType):
    from_id: Path
    id: Path
    metadata: Path
    to: Path
    to_id: Path

AssetVersionLink: _AssetVersionLink

class _AssetVersionList(_List):
    items: Path

AssetVersionList: _AssetVersionList

class _AssetVersionStatusChange(_StatusChange):
    parent: Path

AssetVersionStatusChange: _AssetVersionStatusChange

class _CalendarEvent(EntityType):
    calendar_event_resources: Path
    created_at: Path
    created_by: Path
    created_by_id: Path
    effort: Path
    end: Path
    estimate: Path
    everyone: Path
    forecast: Path
    id: Path
    leave: Path
    metadata: Path
    name: Path
    project: Path
    project_id: Path
    start: Path
    type: Path
    type_id: Path

CalendarEvent: _CalendarEvent

class _CalendarEventResource(EntityType):
    calendar_event: Path
    calendar_event_id: Path
    created_at: Path
    created_by: Path
    created_by_id: Path
    id: Path
    resource: Path
    resource_id: Path

CalendarEventResource: _CalendarEventResource

class _Component(EntityType):
    component_locations: Path
    container: Path
    container_id: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    file_type: Path
    id: Path
    metadata: Path
    name: Path
    size: Path
    system_type: Path
    version: Path
    version_id: Path

Component: _Component

class _ComponentCustomAttributeLink(_CustomAttributeLink):
    component: Path

ComponentCustomAttributeLink: _ComponentCustomAttributeLink

class _ComponentCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    component: Path

ComponentCustomAttributeLinkFrom: _ComponentCustomAttributeLinkFrom

class _ComponentLocation(EntityType):
    component: Path
    component_id: Path
    id: Path
    location: Path
    location_id: Path
    resource_identifier: Path
    url: Path

ComponentLocation: _ComponentLocation

class _ContainerComponent(_Component):
    members: Path

ContainerComponent: _ContainerComponent

class _Context(EntityType):
    _link: Path
    allocations: Path
    appointments: Path
    assets: Path
    assignments: Path
    children: Path
    context_type: Path
    created_at: Path
    created_by: Path
    created_by_id: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    custom_attributes: Path
    id: Path
    link: Path
    managers: Path
    name: Path
    notes: Path
    parent: Path
    parent_id: Path
    project_id: Path
    scopes: Path
    thumbnail: Path
    thumbnail_id: Path
    thumbnail_url: Path
    timelogs: Path

Context: _Context

class _ContextCustomAttributeLink(_CustomAttributeLink):
    context: Path

ContextCustomAttributeLink: _ContextCustomAttributeLink

class _ContextCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    context: Path

ContextCustomAttributeLinkFrom: _ContextCustomAttributeLinkFrom

class _ContextCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

ContextCustomAttributeValue: _ContextCustomAttributeValue

class _Conversation(EntityType):
    created_at: Path
    created_by: Path
    created_by_id: Path
    id: Path
    messages: Path
    participants: Path

Conversation: _Conversation

class _CustomAttributeConfiguration(_CustomConfigurationBase):
    default: Path
    is_hierarchical: Path
    type: Path
    type_id: Path
    values: Path

CustomAttributeConfiguration: _CustomAttributeConfiguration

class _CustomAttributeGroup(EntityType):
    custom_attribute_configurations: Path
    id: Path
    name: Path

CustomAttributeGroup: _CustomAttributeGroup

class _CustomAttributeLink(EntityType):
    configuration: Path
    configuration_id: Path
    from_id: Path
    id: Path
    to_id: Path

CustomAttributeLink: _CustomAttributeLink

class _CustomAttributeLinkConfiguration(_CustomConfigurationBase):
    entity_type_to: Path
    object_type_id_to: Path
    object_type_to: Path
    one_to_one: Path

CustomAttributeLinkConfiguration: _CustomAttributeLinkConfiguration

class _CustomAttributeLinkFrom(EntityType):
    configuration: Path
    configuration_id: Path
    from_entity_type: Path
    from_id: Path
    id: Path
    to_entity_type: Path
    to_id: Path

CustomAttributeLinkFrom: _CustomAttributeLinkFrom

class _CustomAttributeType(EntityType):
    core: Path
    custom_attribute_configurations: Path
    form_config: Path
    id: Path
    name: Path

CustomAttributeType: _CustomAttributeType

class _CustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    value: Path

CustomAttributeValue: _CustomAttributeValue

class _CustomConfigurationBase(EntityType):
    config: Path
    core: Path
    entity_type: Path
    group: Path
    group_id: Path
    id: Path
    key: Path
    label: Path
    object_type: Path
    object_type_id: Path
    project_id: Path
    read_security_roles: Path
    sort: Path
    write_security_roles: Path

CustomConfigurationBase: _CustomConfigurationBase

class _Dashboard(EntityType):
    created_by: Path
    created_by_id: Path
    dashboard_resources: Path
    id: Path
    is_shared_with_everyone: Path
    name: Path
    widgets: Path

Dashboard: _Dashboard

class _DashboardResource(EntityType):
    dashboard: Path
    dashboard_id: Path
    is_shared_with_everyone: Path
    resource: Path
    resource_id: Path

DashboardResource: _DashboardResource

class _DashboardWidget(EntityType):
    config: Path
    dashboard: Path
    dashboard_id: Path
    id: Path
    sort: Path
    type: Path

DashboardWidget: _DashboardWidget

class _Disk(EntityType):
    id: Path
    name: Path
    projects: Path
    unix: Path
    windows: Path

Disk: _Disk

class _EntitySetting(EntityType):
    group: Path
    name: Path
    parent_id: Path
    parent_type: Path
    value: Path

EntitySetting: _EntitySetting

class _Episode(_TypedContext): ...

Episode: _Episode

class _Event(EntityType):
    action: Path
    created_at: Path
    data: Path
    feeds: Path
    id: Path
    insert: Path
    parent_id: Path
    parent_type: Path
    project: Path
    project_id: Path
    user: Path
    user_id: Path

Event: _Event

class _Feed(EntityType):
    cluster_id: Path
    created_at: Path
    distance: Path
    event: Path
    id: Path
    owner_id: Path
    relation: Path
    social_id: Path

Feed: _Feed

class _FileComponent(_Component): ...

FileComponent: _FileComponent

class _Folder(_TypedContext): ...

Folder: _Folder

class _Group(_Resource):
    children: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    link: Path
    local: Path
    memberships: Path
    name: Path
    parent: Path
    parent_id: Path

Group: _Group

class _GroupCustomAttributeLink(_CustomAttributeLink):
    group: Path

GroupCustomAttributeLink: _GroupCustomAttributeLink

class _GroupCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    group: Path

GroupCustomAttributeLinkFrom: _GroupCustomAttributeLinkFrom

class _Job(EntityType):
    created_at: Path
    data: Path
    finished_at: Path
    id: Path
    job_components: Path
    status: Path
    type: Path
    user: Path
    user_id: Path

Job: _Job

class _JobComponent(EntityType):
    component: Path
    component_id: Path
    job: Path
    job_id: Path
    url: Path

JobComponent: _JobComponent

class _List(EntityType):
    category: Path
    category_id: Path
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    custom_attributes: Path
    date: Path
    id: Path
    is_open: Path
    name: Path
    owner: Path
    project: Path
    project_id: Path
    system_type: Path
    user_id: Path

List: _List

class _ListCategory(EntityType):
    id: Path
    lists: Path
    name: Path

ListCategory: _ListCategory

class _ListCustomAttributeLink(_CustomAttributeLink):
    list: Path

ListCustomAttributeLink: _ListCustomAttributeLink

class _ListCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    list: Path

ListCustomAttributeLinkFrom: _ListCustomAttributeLinkFrom

class _ListCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

ListCustomAttributeValue: _ListCustomAttributeValue

class _ListObject(EntityType):
    custom_attributes: Path
    entity_id: Path
    id: Path
    list: Path
    list_id: Path

ListObject: _ListObject

class _ListObjectCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

ListObjectCustomAttributeValue: _ListObjectCustomAttributeValue

class _Location(EntityType):
    description: Path
    id: Path
    label: Path
    location_components: Path
    name: Path

Location: _Location

class _Manager(EntityType):
    context: Path
    context_id: Path
    id: Path
    type: Path
    type_id: Path
    user: Path
    user_id: Path

Manager: _Manager

class _ManagerType(EntityType):
    id: Path
    name: Path

ManagerType: _ManagerType

class _Membership(EntityType):
    group: Path
    group_id: Path
    id: Path
    user: Path
    user_id: Path

Membership: _Membership

class _Message(EntityType):
    conversation: Path
    conversation_id: Path
    created_at: Path
    created_by: Path
    created_by_id: Path
    id: Path
    text: Path

Message: _Message

class _Metadata(EntityType):
    key: Path
    parent_id: Path
    parent_type: Path
    value: Path

Metadata: _Metadata

class _Milestone(_TypedContext): ...

Milestone: _Milestone

class _Note(EntityType):
    author: Path
    category: Path
    category_id: Path
    completed_at: Path
    completed_by: Path
    completed_by_id: Path
    content: Path
    date: Path
    id: Path
    in_reply_to: Path
    in_reply_to_id: Path
    is_todo: Path
    metadata: Path
    note_components: Path
    note_label_links: Path
    parent_id: Path
    parent_type: Path
    recipients: Path
    replies: Path
    thread_activity: Path
    user_id: Path

Note: _Note

class _NoteCategory(EntityType):
    color: Path
    id: Path
    name: Path
    sort: Path

NoteCategory: _NoteCategory

class _NoteComponent(EntityType):
    component: Path
    component_id: Path
    note: Path
    note_id: Path
    thumbnail_url: Path
    url: Path

NoteComponent: _NoteComponent

class _NoteLabel(_NoteCategory): ...

NoteLabel: _NoteLabel

class _NoteLabelLink(EntityType):
    label: Path
    label_id: Path
    note: Path
    note_id: Path

NoteLabelLink: _NoteLabelLink

class _ObjectType(EntityType):
    icon: Path
    id: Path
    is_leaf: Path
    is_schedulable: Path
    is_statusable: Path
    is_taskable: Path
    is_time_reportable: Path
    is_typeable: Path
    name: Path
    project_schemas: Path
    sort: Path
    tasks: Path

ObjectType: _ObjectType

class _Participant(EntityType):
    conversation: Path
    conversation_id: Path
    id: Path
    last_visit: Path
    resource: Path
    resource_id: Path

Participant: _Participant

class _Priority(EntityType):
    color: Path
    id: Path
    name: Path
    sort: Path
    tasks: Path
    value: Path

Priority: _Priority

class _Project(_Context):
    calendar_events: Path
    color: Path
    descendants: Path
    disk: Path
    disk_id: Path
    end_date: Path
    full_name: Path
    is_global: Path
    is_private: Path
    metadata: Path
    project_schema: Path
    project_schema_id: Path
    review_sessions: Path
    root: Path
    start_date: Path
    status: Path
    user_security_role_projects: Path

Project: _Project

class _ProjectSchema(EntityType):
    _overrides: Path
    _schemas: Path
    _task_type_schema: Path
    _task_workflow: Path
    _version_workflow: Path
    asset_version_workflow_schema: Path
    asset_version_workflow_schema_id: Path
    id: Path
    name: Path
    object_type_schemas: Path
    object_types: Path
    task_templates: Path
    task_type_schema: Path
    task_type_schema_id: Path
    task_workflow_schema: Path
    task_workflow_schema_id: Path
    task_workflow_schema_overrides: Path

ProjectSchema: _ProjectSchema

class _ProjectSchemaObjectType(EntityType):
    object_type: Path
    object_type_id: Path
    project_schema: Path
    project_schema_id: Path

ProjectSchemaObjectType: _ProjectSchemaObjectType

class _ProjectSchemaOverride(EntityType):
    id: Path
    project_schema_id: Path
    type_id: Path
    workflow_schema: Path
    workflow_schema_id: Path

ProjectSchemaOverride: _ProjectSchemaOverride

class _Recipient(EntityType):
    note: Path
    note_id: Path
    recipient: Path
    resource_id: Path
    text_mentioned: Path
    user: Path

Recipient: _Recipient

class _Resource(EntityType):
    allocations: Path
    appointments: Path
    assignments: Path
    dashboard_resources: Path
    id: Path
    resource_type: Path

Resource: _Resource

class _ReviewSession(EntityType):
    availability: Path
    created_at: Path
    created_by: Path
    created_by_id: Path
    description: Path
    end_date: Path
    id: Path
    is_moderated: Path
    is_open: Path
    name: Path
    passphrase: Path
    passphrase_enabled: Path
    project: Path
    project_id: Path
    review_session_invitees: Path
    review_session_objects: Path
    settings: Path
    shareable_url_enabled: Path
    start_date: Path
    thumbnail: Path
    thumbnail_id: Path
    thumbnail_url: Path

ReviewSession: _ReviewSession

class _ReviewSessionInvitee(EntityType):
    created_at: Path
    created_by: Path
    created_by_id: Path
    created_from_shared_url: Path
    email: Path
    id: Path
    last_sent_at: Path
    name: Path
    review_session: Path
    review_session_id: Path
    statuses: Path

ReviewSessionInvitee: _ReviewSessionInvitee

class _ReviewSessionObject(EntityType):
    asset_version: Path
    created_at: Path
    description: Path
    id: Path
    name: Path
    notes: Path
    review_session: Path
    review_session_id: Path
    sort_order: Path
    statuses: Path
    version: Path
    version_id: Path

ReviewSessionObject: _ReviewSessionObject

class _ReviewSessionObjectStatus(EntityType):
    created_at: Path
    id: Path
    invitee: Path
    review_session_invitee_id: Path
    review_session_object: Path
    review_session_object_id: Path
    status: Path

ReviewSessionObjectStatus: _ReviewSessionObjectStatus

class _Schema(EntityType):
    id: Path
    object_type_id: Path
    project_schema_id: Path
    statuses: Path
    type_id: Path
    types: Path

Schema: _Schema

class _SchemaStatus(EntityType):
    schema_id: Path
    sort: Path
    status_id: Path
    task_status: Path

SchemaStatus: _SchemaStatus

class _SchemaType(EntityType):
    schema_id: Path
    sort: Path
    task_type: Path
    type_id: Path

SchemaType: _SchemaType

class _Scope(EntityType):
    id: Path
    name: Path

Scope: _Scope

class _SecurityRole(EntityType):
    id: Path
    name: Path
    type: Path
    user_security_roles: Path

SecurityRole: _SecurityRole

class _Sequence(_TypedContext): ...

Sequence: _Sequence

class _SequenceComponent(_Component):
    members: Path
    padding: Path

SequenceComponent: _SequenceComponent

class _Setting(EntityType):
    group: Path
    name: Path
    value: Path

Setting: _Setting

class _SettingComponent(EntityType):
    component: Path
    component_id: Path
    group: Path
    name: Path
    setting: Path
    thumbnail_url: Path
    url: Path

SettingComponent: _SettingComponent

class _Shot(_TypedContext): ...

Shot: _Shot

class _State(EntityType):
    id: Path
    name: Path
    short: Path

State: _State

class _Status(EntityType):
    color: Path
    id: Path
    is_active: Path
    name: Path
    sort: Path
    state: Path
    tasks: Path

Status: _Status

class _StatusChange(EntityType):
    date: Path
    from_status: Path
    from_status_id: Path
    id: Path
    parent_id: Path
    parent_type: Path
    status: Path
    status_id: Path
    user: Path
    user_id: Path

StatusChange: _StatusChange

class _Task(_TypedContext): ...

Task: _Task

class _TaskTemplate(EntityType):
    id: Path
    items: Path
    name: Path
    project_schema: Path
    project_schema_id: Path

TaskTemplate: _TaskTemplate

class _TaskTemplateItem(EntityType):
    id: Path
    task_type: Path
    task_type_id: Path
    template: Path
    template_id: Path

TaskTemplateItem: _TaskTemplateItem

class _TaskTypeSchema(EntityType):
    id: Path
    name: Path
    types: Path

TaskTypeSchema: _TaskTypeSchema

class _TaskTypeSchemaType(EntityType):
    task_type_schema_id: Path
    type_id: Path

TaskTypeSchemaType: _TaskTypeSchemaType

class _Timelog(EntityType):
    comment: Path
    context: Path
    context_id: Path
    duration: Path
    id: Path
    name: Path
    start: Path
    time_zone_offset: Path
    user: Path
    user_id: Path

Timelog: _Timelog

class _Timer(EntityType):
    comment: Path
    context: Path
    context_id: Path
    id: Path
    name: Path
    start: Path
    user: Path
    user_id: Path

Timer: _Timer

class _Type(EntityType):
    color: Path
    id: Path
    is_billable: Path
    name: Path
    sort: Path
    task_type_schemas: Path
    tasks: Path

Type: _Type

class _TypedContext(_Context):
    ancestors: Path
    bid: Path
    bid_time_logged_difference: Path
    descendants: Path
    description: Path
    end_date: Path
    incoming_links: Path
    lists: Path
    metadata: Path
    object_type: Path
    object_type_id: Path
    outgoing_links: Path
    priority: Path
    priority_id: Path
    project: Path
    sort: Path
    start_date: Path
    status: Path
    status_changes: Path
    status_id: Path
    time_logged: Path
    type: Path
    type_id: Path

TypedContext: _TypedContext

class _TypedContextLink(EntityType):
    from_id: Path
    id: Path
    metadata: Path
    to: Path
    to_id: Path

TypedContextLink: _TypedContextLink

class _TypedContextList(_List):
    items: Path

TypedContextList: _TypedContextList

class _TypedContextStatusChange(_StatusChange):
    parent: Path

TypedContextStatusChange: _TypedContextStatusChange

class _User(_Resource):
    custom_attribute_links: Path
    custom_attribute_links_from: Path
    custom_attributes: Path
    email: Path
    first_name: Path
    is_active: Path
    is_otp_enabled: Path
    is_totp_enabled: Path
    last_name: Path
    memberships: Path
    metadata: Path
    require_details_update: Path
    thumbnail: Path
    thumbnail_id: Path
    thumbnail_url: Path
    timelogs: Path
    user_security_roles: Path
    user_type: Path
    user_type_id: Path
    username: Path

User: _User

class _UserApplicationState(EntityType):
    key: Path
    user_id: Path
    value: Path

UserApplicationState: _UserApplicationState

class _UserCustomAttributeLink(_CustomAttributeLink):
    user: Path

UserCustomAttributeLink: _UserCustomAttributeLink

class _UserCustomAttributeLinkFrom(_CustomAttributeLinkFrom):
    user: Path

UserCustomAttributeLinkFrom: _UserCustomAttributeLinkFrom

class _UserCustomAttributeValue(EntityType):
    configuration: Path
    configuration_id: Path
    entity_id: Path
    key: Path
    value: Path

UserCustomAttributeValue: _UserCustomAttributeValue

class _UserSecurityRole(EntityType):
    id: Path
    is_all_open_projects: Path
    is_all_projects: Path
    security_role: Path
    security_role_id: Path
    user: Path
    user_id: Path
    user_security_role_projects: Path

UserSecurityRole: _UserSecurityRole

class _UserSecurityRoleProject(EntityType):
    id: Path
    project: Path
    project_id: Path
    user_security_role: Path
    user_security_role_id: Path

UserSecurityRoleProject: _UserSecurityRoleProject

class _UserType(EntityType):
    id: Path
    name: Path

UserType: _UserType

class _WorkflowSchema(EntityType):
    id: Path
    name: Path
    overrides: Path
    statuses: Path

WorkflowSchema: _WorkflowSchema

class _WorkflowSchemaStatus(EntityType):
    status_id: Path
    workflow_schema_id: Path

WorkflowSchemaStatus: _WorkflowSchemaStatus
