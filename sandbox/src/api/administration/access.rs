//! Roles, groups, and who has which role: in the organization and in projects.

use axum::extract::{Extension, Path};
use axum::routing::{delete, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::common::{USERS, conflict};
use crate::crud::{Collection, Object, Place, Verb};
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params};
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const PAGING: Paging = Paging { most: 1000, names_next: true, ..Paging::NEWEST };

/// Roles that are there from the beginning: id, name, permissions.
type Predefined = &'static [(&'static str, &'static str, &'static [&'static str])];

const OF_ORGANIZATION: Predefined = &[
    ("role_reader", "reader", &["api.organization.read"]),
    ("role_owner", "owner", &["api.organization.read", "api.organization.write"]),
];
const OF_PROJECT: Predefined = &[
    ("role_project_viewer", "viewer", &["api.project.read"]),
    ("role_project_member", "member", &["api.project.read", "api.model.request"]),
    ("role_project_owner", "owner", &["api.project.read", "api.project.write", "api.model.request"]),
];

const ROLE: Collection = Collection {
    path: "/organization/roles",
    serves: &[Verb::List, Verb::Get],
    object: "role",
    prefix: "role_",
    fields: &[],
    paging: Paging { usual: 1000, ..PAGING },
    filters: &[],
    deleted: "role.deleted",
    missing: |id| Error::not_found(format!("No role found with id '{id}'.")),
};
static ROLES: Collection = ROLE;
static PROJECT_ROLES: Collection = Collection { path: "/projects/{project}/roles", ..ROLE };

static GROUPS: Collection = Collection {
    path: "/organization/groups",
    serves: &[Verb::List, Verb::Get],
    object: "group",
    prefix: "group_",
    fields: &[],
    paging: PAGING,
    filters: &[],
    deleted: "group.deleted",
    missing: |id| Error::not_found(format!("No group found with id '{id}'.")),
};

static GROUP_USERS: Collection = Collection {
    path: "/organization/groups/{group}/users",
    serves: &[Verb::List, Verb::Get],
    object: "group.user",
    prefix: "user-",
    fields: &[],
    paging: PAGING,
    filters: &[],
    deleted: "group.user.deleted",
    missing: |id| Error::not_found(format!("No user found with id '{id}' in this group.")),
};

static PROJECT_GROUPS: Collection = Collection {
    path: "/organization/projects/{project}/groups",
    serves: &[Verb::List, Verb::Get],
    object: "project.group",
    prefix: "group_",
    fields: &[],
    paging: PAGING,
    filters: &[],
    deleted: "project.group.deleted",
    missing: |id| Error::not_found(format!("No group found with id '{id}' in this project.")),
};

/// Roles that somebody has: those of the second collection.
struct Assigned {
    kept: Collection,
    roles: &'static Collection,
    to: &'static Collection,
    /// What it is called that has them.
    who: &'static str,
}

const fn assigned(path: &'static str, deleted: &'static str) -> Collection {
    Collection {
        path,
        serves: &[Verb::List, Verb::Get],
        object: "role",
        prefix: "role_",
        fields: &[],
        paging: PAGING,
        filters: &[],
        deleted,
        missing: |id| Error::not_found(format!("The role '{id}' is not assigned.")),
    }
}

static ASSIGNED: [Assigned; 4] = [
    Assigned {
        kept: assigned("/organization/users/{user}/roles", "user.role.deleted"),
        roles: &ROLES,
        to: &USERS,
        who: "user",
    },
    Assigned {
        kept: assigned("/organization/groups/{group}/roles", "group.role.deleted"),
        roles: &ROLES,
        to: &GROUPS,
        who: "group",
    },
    Assigned {
        kept: assigned("/projects/{project}/users/{user}/roles", "user.role.deleted"),
        roles: &PROJECT_ROLES,
        to: &USERS,
        who: "user",
    },
    Assigned {
        kept: assigned("/projects/{project}/groups/{group}/roles", "group.role.deleted"),
        roles: &PROJECT_ROLES,
        to: &GROUPS,
        who: "group",
    },
];

pub(super) fn routes() -> Router {
    let mut routes = Router::new();
    for collection in [&ROLES, &PROJECT_ROLES, &GROUPS, &GROUP_USERS, &PROJECT_GROUPS] {
        routes = routes.merge(collection.routes());
    }
    for roles in [&ROLES, &PROJECT_ROLES] {
        let create = async |Extension(account): Caller, place: Place, Json(body): Json| {
            create_role(roles, &mut account.world(), &place.scope(), body).map(Answer)
        };
        let modify = async |Extension(account): Caller, place: Place, Json(body): Json| {
            let (scope, id) = place.parts();
            modify_role(roles, &mut account.world(), &scope, &id, body).map(Answer)
        };
        let remove = async |Extension(account): Caller, place: Place| {
            let (scope, id) = place.parts();
            delete_role(roles, &mut account.world(), &scope, &id).map(Answer)
        };
        routes = routes.route(roles.path, post(create));
        routes = routes.route(&format!("{}/{{id}}", roles.path), post(modify).delete(remove));
    }
    for assigned in &ASSIGNED {
        let assign = async |Extension(account): Caller, place: Place, Json(mut body): Json| {
            let role = body.need("role_id", Params::string)?;
            body.finish()?;
            assign(assigned, &mut account.world(), &place.scope(), &role).map(Answer)
        };
        let unassign = async |Extension(account): Caller, place: Place| {
            let (scope, id) = place.parts();
            take_out(&assigned.kept, &mut account.world(), &scope, &id)
        };
        routes = routes.merge(assigned.kept.routes()).route(assigned.kept.path, post(assign));
        routes = routes.route(&format!("{}/{{id}}", assigned.kept.path), delete(unassign));
    }
    routes
        .route(GROUPS.path, post(create_group))
        .route("/organization/groups/{id}", post(modify_group).delete(delete_group))
        .route(GROUP_USERS.path, post(add_user))
        .route("/organization/groups/{group}/users/{id}", delete(remove_user))
        .route(PROJECT_GROUPS.path, post(add_group))
        .route("/organization/projects/{project}/groups/{id}", delete(remove_group))
}

/// The roles that an organization has from the beginning, and a group.
pub(super) fn sow(world: &mut World, at: u64) {
    sow_roles(&ROLES, world, "", OF_ORGANIZATION, at);
    let permissions = ["api.organization.projects.api_keys.read", "api.organization.projects.api_keys.write"];
    let role = shown_role(&ROLES, "role_key_manager", "Key manager", json!(permissions), "Manages keys", false, at);
    ROLES.keep(world, "", role);
    let group = json!({
        "id": "group_support", "object": GROUPS.object, "name": "Support", "created_at": at, "is_scim_managed": false,
        "group_type": "group",
    });
    GROUPS.keep(world, "", group);
    for user in ["user-emi", "user-farid"] {
        join(world, "group_support", user);
    }
}

/// The roles that a project has from the beginning.
pub(super) fn sow_project(world: &mut World, project: &str, at: u64) {
    sow_roles(&PROJECT_ROLES, world, project, OF_PROJECT, at);
}

fn sow_roles(roles: &'static Collection, world: &mut World, scope: &str, predefined: Predefined, at: u64) {
    for (id, name, permissions) in predefined {
        let role = shown_role(roles, id, name, json!(permissions), "", true, at);
        roles.keep(world, scope, role);
    }
}

fn shown_role(
    roles: &Collection,
    id: &str,
    name: &str,
    permissions: Value,
    description: &str,
    predefined: bool,
    at: u64,
) -> Value {
    let resource = if roles.path == ROLES.path { "api.organization" } else { "api.project" };
    json!({
        "id": id, "object": roles.object, "name": name, "permissions": permissions, "description": description,
        "predefined_role": predefined, "resource_type": resource, "created_at": at, "updated_at": at,
    })
}

/// What a body says of a role, by the names that roles show.
fn role_fields(body: &mut Params) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    let mut say = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    say("name", body.string("role_name")?.map(Value::from));
    say("permissions", body.strings("permissions", 0..=1000)?.map(Value::from));
    say("description", body.mentions("description").then_some(Value::Null));
    say("description", body.string("description")?.map(Value::from));
    Ok(fields)
}

/// Refuses a second one of the same name.
fn unique(objects: &'static Collection, world: &mut World, scope: &str, id: &str, name: &str) -> Result<()> {
    let mut others = objects.shelf(world, scope).iter().filter(|(other, _)| *other != id);
    match others.any(|(_, other)| other.text("name") == name) {
        true => Err(conflict(format!("There is a {} named '{name}' already.", objects.object))),
        false => Ok(()),
    }
}

fn create_role(roles: &'static Collection, world: &mut World, scope: &str, mut body: Params) -> Result<Value> {
    let fields = role_fields(&mut body)?;
    let name = body.required("role_name", fields.get("name").and_then(Value::as_str).map(str::to_owned))?;
    let permissions = body.required("permissions", fields.get("permissions").cloned())?;
    body.finish()?;
    unique(roles, world, scope, "", &name)?;
    let description = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let id = world.mint(roles.prefix);
    let role = shown_role(roles, &id, &name, permissions, description, false, now());
    Ok(roles.keep(world, scope, role))
}

/// A role that is not predefined.
fn own<'a>(roles: &'static Collection, world: &'a mut World, scope: &str, id: &str) -> Result<&'a mut Object> {
    let role = roles.find(world, scope, id)?;
    match role.shown.get("predefined_role") {
        Some(Value::Bool(true)) => Err(conflict(format!("The role '{id}' is predefined and cannot be changed."))),
        _ => Ok(role),
    }
}

fn modify_role(
    roles: &'static Collection,
    world: &mut World,
    scope: &str,
    id: &str,
    mut body: Params,
) -> Result<Value> {
    let fields = role_fields(&mut body)?;
    body.finish()?;
    own(roles, world, scope, id)?;
    if let Some(name) = fields.get("name").and_then(Value::as_str) {
        unique(roles, world, scope, id, name)?;
    }
    let role = own(roles, world, scope, id)?;
    role.merge(fields);
    put(&mut role.shown, "updated_at", now());
    Ok(role.shown.clone())
}

fn delete_role(roles: &'static Collection, world: &mut World, scope: &str, id: &str) -> Result<Value> {
    own(roles, world, scope, id)?;
    for assigned in ASSIGNED.iter().filter(|assigned| assigned.roles.path == roles.path) {
        let holders: Vec<String> = assigned.to.shelf(world, "").iter().map(|(id, _)| id.clone()).collect();
        for holder in holders {
            let place = if scope.is_empty() { holder } else { format!("{scope}/{holder}") };
            assigned.kept.shelf(world, &place).remove(id);
        }
    }
    roles.delete(world, scope, id)
}

/// Gives a role to what the ids of a path name: to the last, within the one before.
fn assign(assigned: &'static Assigned, world: &mut World, scope: &str, role: &str) -> Result<Value> {
    let (within, holder) = scope.rsplit_once('/').unwrap_or(("", scope));
    let role = assigned.roles.find(world, within, role)?.shown.clone();
    let mut holder = assigned.to.find(world, "", holder)?.shown.clone();
    if assigned.who == "group" {
        put(&mut holder, "scim_managed", false);
    }
    assigned.kept.keep(world, scope, role.clone());
    Ok(json!({"object": format!("{}.role", assigned.who), assigned.who: holder, "role": role}))
}

/// Gives a user a role of the organization.
pub(super) fn assign_to_user(world: &mut World, user: &str, role: &str) -> Result<()> {
    let [assigned, ..] = &ASSIGNED;
    assign(assigned, world, user, role).map(drop)
}

/// Takes a user out of all groups, with all roles.
pub(super) fn forget(world: &mut World, user: &str) {
    let groups: Vec<String> = GROUPS.shelf(world, "").iter().map(|(id, _)| id.clone()).collect();
    for group in groups {
        GROUP_USERS.shelf(world, &group).remove(user);
    }
    let [assigned, ..] = &ASSIGNED;
    *assigned.kept.shelf(world, user) = Default::default();
}

pub(super) fn find_group<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    GROUPS.find(world, "", id)
}

/// Ends what joins two objects, and has no id of its own to be told.
fn take_out(joins: &'static Collection, world: &mut World, scope: &str, id: &str) -> Result<Answer<Value>> {
    joins.delete(world, scope, id)?;
    Ok(Answer(json!({"object": joins.deleted, "deleted": true})))
}

async fn create_group(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let name = body.need("name", Params::string)?;
    body.finish()?;
    let mut world = account.world();
    unique(&GROUPS, &mut world, "", "", &name)?;
    let fields = json!({"name": name, "is_scim_managed": false, "group_type": "group"});
    Ok(Answer(GROUPS.insert(&mut world, "", fields.as_object().cloned().unwrap_or_default(), None)))
}

async fn modify_group(
    Extension(account): Caller,
    Path(id): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let name = body.need("name", Params::string)?;
    body.finish()?;
    let mut world = account.world();
    find_group(&mut world, &id)?;
    unique(&GROUPS, &mut world, "", &id, &name)?;
    let group = find_group(&mut world, &id)?;
    put(&mut group.shown, "name", name);
    Ok(group.answer())
}

async fn delete_group(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    GROUPS.delete(&mut account.world(), "", &id).map(Answer)
}

/// Takes a user into a group.
fn join(world: &mut World, group: &str, user: &str) {
    let Ok(user) = USERS.find(world, "", user).map(|user| user.shown.clone()) else { return };
    let member = json!({
        "id": text(&user, "id"), "name": text(&user, "name"), "email": text(&user, "email"), "picture": null,
        "is_service_account": false, "user_type": "user",
    });
    GROUP_USERS.keep(world, group, member);
}

async fn add_user(
    Extension(account): Caller,
    Path(group): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let user = body.need("user_id", Params::string)?;
    body.finish()?;
    let mut world = account.world();
    USERS.find(&mut world, "", &user)?;
    join(&mut world, &group, &user);
    Ok(Answer(json!({"object": GROUP_USERS.object, "group_id": group, "user_id": user})))
}

async fn remove_user(Extension(account): Caller, Path((group, id)): Path<(String, String)>) -> Result<Answer<Value>> {
    take_out(&GROUP_USERS, &mut account.world(), &group, &id)
}

async fn add_group(
    Extension(account): Caller,
    Path(project): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let (id, role) = (body.need("group_id", Params::string)?, body.need("role", Params::string)?);
    body.finish()?;
    let mut world = account.world();
    let name = find_group(&mut world, &id)?.text("name").to_owned();
    let [.., assigned] = &ASSIGNED;
    assign(assigned, &mut world, &format!("{project}/{id}"), &role)?;
    let shown = json!({
        "object": PROJECT_GROUPS.object, "project_id": project, "group_id": id, "group_name": name, "group_type": "group",
        "created_at": now(),
    });
    PROJECT_GROUPS.shelf(&mut world, &project).insert(id, Object { shown: shown.clone(), content: None });
    Ok(Answer(shown))
}

async fn remove_group(
    Extension(account): Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    let [.., assigned] = &ASSIGNED;
    *assigned.kept.shelf(&mut world, &format!("{project}/{id}")) = Default::default();
    take_out(&PROJECT_GROUPS, &mut world, &project, &id)
}
