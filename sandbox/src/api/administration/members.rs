//! `/organization/users`, invites, admin keys, and how long data is kept.

use axum::extract::{Extension, Path};
use axum::routing::{delete, get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::common::{ACTOR, USERS, conflict, ends, keep_owner, secret};
use super::{access, projects};
use crate::crud::{Collection, Object, Verb};
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params, Query};
use crate::setting::Setting;
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

/// How long an invite is good for.
const WEEK: u64 = 7 * 86_400;
const RETENTIONS: &[&str] = &[
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
];

static INVITES: Collection = Collection {
    path: "/organization/invites",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "organization.invite",
    prefix: "invite-",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.invite.deleted",
    missing: |id| Error::not_found(format!("No invite found with id '{id}'.")),
};

static KEYS: Collection = Collection {
    path: "/organization/admin_api_keys",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "organization.admin_api_key",
    prefix: "key_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.admin_api_key.deleted",
    missing: |id| Error::not_found(format!("No admin API key found with id '{id}'.")),
};

static RETENTION: Setting = Setting {
    path: "/organization/data_retention",
    object: "organization.data_retention",
    fields: &[],
    usual: Some(|| json!({"type": "modified_abuse_monitoring"})),
    deleted: None,
    missing: "",
};

pub(super) fn routes() -> Router {
    USERS
        .routes()
        .merge(INVITES.routes())
        .merge(KEYS.routes())
        .merge(RETENTION.routes())
        .route(USERS.path, get(list))
        .route("/organization/users/{id}", delete(remove).post(modify))
        .route(INVITES.path, post(invite))
        .route(KEYS.path, post(create_key))
        .route(RETENTION.path, post(set_retention))
}

/// Takes a user into the organization.
pub(super) fn add(world: &mut World, id: &str, name: &str, role: &str, at: u64) {
    let email = format!("{}@example.com", name.split(' ').next().unwrap_or_default().to_lowercase());
    let user = json!({
        "object": USERS.object, "id": id, "name": name, "email": email, "role": role, "added_at": at, "created": at,
        "is_service_account": false, "is_scim_managed": false,
    });
    USERS.keep(world, "", user);
}

/// The key that an organization is administered with from the beginning.
pub(super) fn sow_key(world: &mut World, at: u64) {
    let (_, redacted) = secret(world, "sk-admin-");
    let key = shown_key(world, "key_admin", "administration", at, &Value::Null, &redacted);
    KEYS.keep(world, "", key);
}

fn shown_key(world: &mut World, id: &str, name: &str, at: u64, expires: &Value, redacted: &str) -> Value {
    let owner = USERS.find(world, "", ACTOR).map(|owner| owner.shown.clone()).unwrap_or_default();
    let owner = json!({
        "type": "user", "object": USERS.object, "id": ACTOR, "name": text(&owner, "name"), "role": "owner",
        "created_at": owner.get("added_at"),
    });
    json!({
        "id": id, "object": KEYS.object, "name": name, "created_at": at, "expires_at": expires, "last_used_at": null,
        "owner": owner, "redacted_value": redacted,
    })
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let emails = query.strings("emails", 0..=usize::MAX)?;
    let wanted = |user: &Object| emails.as_ref().is_none_or(|emails| emails.iter().any(|it| it == user.text("email")));
    USERS.list_where(&mut account.world(), "", query, wanted).map(Answer)
}

async fn modify(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let role = body.one_of("role", &["owner", "reader"])?;
    let role_id = body.string("role_id")?;
    let mut said: Map<String, Value> = role.map(|role| ("role".to_owned(), role.into())).into_iter().collect();
    for name in ["developer_persona", "technical_level"] {
        if body.mentions(name) {
            said.insert(name.to_owned(), body.string(name)?.into());
        }
    }
    body.finish()?;
    let mut world = account.world();
    USERS.find(&mut world, "", &id)?;
    if role == Some("reader") {
        keep_owner(USERS.shelf(&mut world, "").iter().map(|(_, user)| user), &id, "organization")?;
    }
    if let Some(role) = role_id {
        access::assign_to_user(&mut world, &id, &role)?;
    }
    let user = USERS.find(&mut world, "", &id)?;
    user.merge(said);
    Ok(user.answer())
}

async fn remove(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    USERS.find(&mut world, "", &id)?;
    keep_owner(USERS.shelf(&mut world, "").iter().map(|(_, user)| user), &id, "organization")?;
    projects::leave_all(&mut world, &id);
    access::forget(&mut world, &id);
    USERS.delete(&mut world, "", &id).map(Answer)
}

async fn invite(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let email = body.need("email", Params::string)?;
    let role = body.need("role", |body, name| body.one_of(name, &["reader", "owner"]))?;
    let wanted = body.array("projects", 0..=100)?.unwrap_or_default();
    body.finish()?;
    if !email.contains('@') {
        return Err(Error::invalid("email", "invalid_value", format!("Invalid value for 'email': '{email}'.")));
    }
    let mut world = account.world();
    let mut projects = Vec::new();
    for (path, project) in wanted {
        let mut project = Params::nested(path, project)?;
        let id = project.need("id", Params::string)?;
        let role = project.need("role", |project, name| project.one_of(name, &["member", "owner"]))?;
        project.finish()?;
        projects::find_active(&mut world, &id)?;
        projects.push(json!({"id": id, "role": role}));
    }
    if USERS.shelf(&mut world, "").iter().any(|(_, user)| user.text("email").eq_ignore_ascii_case(&email)) {
        return Err(conflict(format!("'{email}' is a user of the organization already.")));
    }
    let made = json!({
        "id": world.mint(INVITES.prefix), "object": INVITES.object, "email": email, "role": role, "status": "pending",
        "projects": projects, "created_at": now(), "expires_at": now() + WEEK, "accepted_at": null,
    });
    Ok(Answer(INVITES.keep(&mut world, "", made)))
}

async fn create_key(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let name = body.need("name", Params::string)?;
    let expires = Value::from(ends(&mut body, "expires_in_seconds")?);
    body.finish()?;
    let mut world = account.world();
    let (value, redacted) = secret(&mut world, "sk-admin-");
    let id = world.mint(KEYS.prefix);
    let key = shown_key(&mut world, &id, &name, now(), &expires, &redacted);
    let mut shown = KEYS.keep(&mut world, "", key);
    put(&mut shown, "value", value);
    Ok(Answer(shown))
}

async fn set_retention(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let kind = body.need("retention_type", |body, name| body.one_of(name, RETENTIONS))?;
    body.finish()?;
    let fields = Map::from_iter([("type".to_owned(), kind.into())]);
    RETENTION.change(&mut account.world(), "", fields).map(Answer)
}
