//! `/organization/projects`: projects with their users, service accounts, keys, rate limits and permissions.

use axum::extract::{Extension, Path};
use axum::routing::{delete, get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::access;
use super::common::{USERS as PEOPLE, conflict, ends, keep_owner, put, secret, shown_owner};
use crate::crud::{self, Collection, Field, Need, Object, Verb};
use crate::error::{Error, Result};
use crate::params::{Json, Params, Query};
use crate::setting::Setting;
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const RESIDENCIES: &[&str] = &[
    "GLOBAL",
    "US_STORAGE_PROCESSING",
    "EU_STORAGE_PROCESSING",
    "JP_STORAGE",
    "JP_STORAGE_PROCESSING",
    "KR_STORAGE",
    "CA_STORAGE",
    "SG_STORAGE",
    "IN_STORAGE",
    "IN_STORAGE_PROCESSING",
    "AU_STORAGE",
    "AU_STORAGE_PROCESSING",
    "GB_STORAGE",
    "AE_STORAGE",
    "AE_STORAGE_PROCESSING",
];
const RETENTIONS: &[&str] = &[
    "organization_default",
    "none",
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
];
/// What a project's users and service accounts can be.
const ROLES: &[&str] = &["member", "owner"];

static PROJECTS: Collection = Collection {
    path: "/organization/projects",
    serves: &[Verb::Get],
    object: "organization.project",
    prefix: "proj_",
    fields: &[
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::May },
        Field { name: "external_key_id", read: word, create: Need::May, modify: Need::May },
        Field { name: "geography", read: word, create: Need::May, modify: Need::May },
        Field {
            name: "residency",
            read: |params, name| Ok(params.one_of(name, RESIDENCIES)?.map(Value::from)),
            create: Need::May,
            modify: Need::No,
        },
    ],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "",
    missing: |id| Error::not_found(format!("No project found with id '{id}'.")),
};

static USERS: Collection = Collection {
    path: "/organization/projects/{project}/users",
    serves: &[Verb::List, Verb::Get],
    object: "organization.project.user",
    prefix: "user-",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.project.user.deleted",
    missing: |id| Error::not_found(format!("No user found with id '{id}' in this project.")),
};

static ACCOUNTS: Collection = Collection {
    path: "/organization/projects/{project}/service_accounts",
    serves: &[Verb::List, Verb::Get, Verb::Modify],
    object: "organization.project.service_account",
    prefix: "svc_acct_",
    fields: &[
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::May },
        Field {
            name: "role",
            read: |params, name| {
                params.need(name, |params, name| params.one_of(name, ROLES)).map(|role| Some(role.into()))
            },
            create: Need::No,
            modify: Need::May,
        },
    ],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.project.service_account.deleted",
    missing: |id| Error::not_found(format!("No service account found with id '{id}' in this project.")),
};

static KEYS: Collection = Collection {
    path: "/organization/projects/{project}/api_keys",
    serves: &[Verb::Get, Verb::Delete],
    object: "organization.project.api_key",
    prefix: "key_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.project.api_key.deleted",
    missing: |id| Error::not_found(format!("No API key found with id '{id}' in this project.")),
};

const fn bound(name: &'static str) -> Field {
    Field {
        name,
        read: |params, name| Ok(params.integer(name, 0..=i64::MAX)?.map(Value::from)),
        create: Need::No,
        modify: Need::May,
    }
}

static RATES: Collection = Collection {
    path: "/organization/projects/{project}/rate_limits",
    serves: &[Verb::List, Verb::Modify],
    object: "project.rate_limit",
    prefix: "rl-",
    fields: &[
        bound("batch_1_day_max_input_tokens"),
        bound("max_audio_megabytes_per_1_minute"),
        bound("max_images_per_1_minute"),
        bound("max_requests_per_1_day"),
        bound("max_requests_per_1_minute"),
        bound("max_tokens_per_1_minute"),
    ],
    paging: Paging { usual: 100, both_ways: true, ..Paging::OLDEST },
    filters: &[],
    deleted: "",
    missing: |id| Error::not_found(format!("No rate limit found with id '{id}' in this project.")),
};

static RETENTION: Setting = Setting {
    path: "/organization/projects/{project}/data_retention",
    object: "project.data_retention",
    fields: &[],
    usual: Some(|| json!({"type": "organization_default"})),
    deleted: None,
    missing: "",
};

const fn tool(name: &'static str) -> Field {
    Field { name, read: enabled, create: Need::No, modify: Need::May }
}

static TOOLS: Setting = Setting {
    path: "/organization/projects/{project}/hosted_tool_permissions",
    object: "project.hosted_tool_permissions",
    fields: &[tool("code_interpreter"), tool("file_search"), tool("image_generation"), tool("mcp"), tool("web_search")],
    usual: Some(|| {
        let on = json!({"enabled": true});
        json!({"code_interpreter": on, "file_search": on, "image_generation": on, "mcp": on, "web_search": on})
    }),
    deleted: None,
    missing: "",
};

static MODELS: Setting = Setting {
    path: "/organization/projects/{project}/model_permissions",
    object: "project.model_permissions",
    fields: &[
        Field {
            name: "mode",
            read: |params, name| {
                let mode = params.need(name, |params, name| params.one_of(name, &["allow_list", "deny_list"]))?;
                Ok(Some(mode.into()))
            },
            create: Need::No,
            modify: Need::Must,
        },
        Field {
            name: "model_ids",
            read: |params, name| {
                params.need(name, |params, name| params.strings(name, 0..=1000)).map(|ids| Some(ids.into()))
            },
            create: Need::No,
            modify: Need::Must,
        },
    ],
    usual: None,
    deleted: Some("project.model_permissions.deleted"),
    missing: "The project has no model permissions: all models are allowed.",
};

static TIERS: Setting = Setting {
    path: "/organization/projects/{project}/service_tier_settings",
    object: "project.service_tier_settings",
    fields: &[
        Field {
            name: "default",
            read: |params, name| Ok(params.one_of(name, &["standard", "fast", "scale"])?.map(Value::from)),
            create: Need::No,
            modify: Need::May,
        },
        Field { name: "enabled_tiers", read: tiers, create: Need::No, modify: Need::May },
    ],
    usual: Some(|| json!({"default": "standard", "enabled_tiers": "all"})),
    deleted: None,
    missing: "",
};

pub(super) fn routes() -> Router {
    let mut routes = Router::new();
    for collection in [&PROJECTS, &USERS, &ACCOUNTS, &KEYS, &RATES] {
        routes = routes.merge(collection.routes());
    }
    for setting in [&RETENTION, &TOOLS, &MODELS, &TIERS] {
        routes = routes.merge(setting.routes());
    }
    routes
        .route(PROJECTS.path, get(list).post(create))
        .route("/organization/projects/{id}", post(modify))
        .route("/organization/projects/{project}/archive", post(archive))
        .route(USERS.path, post(add_user))
        .route("/organization/projects/{project}/users/{id}", post(modify_user).delete(remove_user))
        .route(ACCOUNTS.path, post(create_account))
        .route("/organization/projects/{project}/service_accounts/{id}", delete(delete_account))
        .route("/organization/projects/{project}/service_accounts/{account}/api_keys", post(create_key))
        .route(KEYS.path, get(list_keys))
        .route("/organization/projects/{project}/api_keys/{id}", post(modify_key))
        .route(RETENTION.path, post(set_retention))
}

fn word(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(params.string(name)?.map(Value::from))
}

fn enabled(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut tool) = params.object(name)? else { return Ok(None) };
    let enabled = tool.need("enabled", Params::boolean)?;
    tool.finish()?;
    Ok(Some(json!({"enabled": enabled})))
}

fn tiers(params: &mut Params, name: &str) -> Result<Option<Value>> {
    match params.peek(name) {
        Some(Value::String(_)) => Ok(params.one_of(name, &["all"])?.map(Value::from)),
        _ => Ok(params.some_of(name, &["flex", "fast", "ultrafast"])?.map(Value::from)),
    }
}

pub(super) fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    PROJECTS.find(world, "", id)
}

/// A project that can be changed.
pub(super) fn find_active<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    let project = find(world, id)?;
    match project.text("status") {
        "archived" => Err(conflict(format!("The project '{id}' is archived and cannot be changed."))),
        _ => Ok(project),
    }
}

pub(super) fn find_account<'a>(world: &'a mut World, project: &str, id: &str) -> Result<&'a mut Object> {
    ACCOUNTS.find(world, project, id)
}

/// Makes a project.
pub(super) fn add(world: &mut World, id: &str, name: &str, at: u64) {
    access::sow_project(world, id, at);
    PROJECTS.keep(world, "", json!({"id": id, "object": PROJECTS.object, "name": name, "created_at": at, "archived_at": null, "status": "active"}));
}

pub(super) fn limit(world: &mut World, project: &str, model: &str, requests: u64, tokens: u64) {
    let limit = json!({
        "id": format!("{}{model}", RATES.prefix), "object": RATES.object, "model": model,
        "max_requests_per_1_minute": requests, "max_tokens_per_1_minute": tokens,
    });
    RATES.keep(world, project, limit);
}

/// Takes a user of the organization into a project.
pub(super) fn join(world: &mut World, project: &str, user: &str, role: &str, at: u64) -> Result<Value> {
    let user = PEOPLE.find(world, "", user)?.shown.clone();
    let field = |name: &str| user.get(name).cloned().unwrap_or_default();
    let id = crate::json::text(&user, "id").to_owned();
    let member = json!({
        "object": USERS.object, "id": id, "name": field("name"), "email": field("email"), "role": role, "added_at": at,
    });
    let member = USERS.keep(world, project, member);
    give_access(world, project, &id, true);
    Ok(member)
}

/// Says of the keys of a user whether he can still use them.
fn give_access(world: &mut World, project: &str, user: &str, access: bool) {
    for (_, key) in KEYS.shelf(world, project).iter_mut() {
        if key.shown.pointer("/owner/user/id").and_then(Value::as_str) == Some(user) {
            put(key, "owner_project_access", if access { "active" } else { "inactive" });
        }
    }
}

pub(super) fn add_account(world: &mut World, project: &str, id: &str, name: &str, at: u64) {
    let account = json!({"object": ACCOUNTS.object, "id": id, "name": name, "role": "member", "created_at": at});
    ACCOUNTS.keep(world, project, account);
}

/// Gives a key to a user or a service account.
pub(super) fn add_key(world: &mut World, project: &str, id: &str, name: &str, owner: &str, [made, used]: [u64; 2]) {
    let redacted = secret(world, "sk-proj-").1;
    let (kind, access) = match owner.starts_with(ACCOUNTS.prefix) {
        true => ("service_account", true),
        false => ("user", USERS.find(world, project, owner).is_ok()),
    };
    let owner = match kind {
        "user" => PEOPLE.find(world, "", owner),
        _ => ACCOUNTS.find(world, project, owner),
    };
    let owner = owner.map(|owner| owner.shown.clone()).unwrap_or_default();
    let key = json!({
        "object": KEYS.object, "id": id, "name": name, "created_at": made, "last_used_at": used, "expires_at": null,
        "owner": shown_owner(kind, &owner), "owner_project_access": if access { "active" } else { "inactive" },
        "redacted_value": redacted,
    });
    KEYS.keep(world, project, key);
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let archived = query.boolean("include_archived")?.unwrap_or(false);
    let wanted = |project: &Object| archived || project.text("status") == "active";
    PROJECTS.list_where(&mut account.world(), "", query, wanted).map(Answer)
}

async fn create(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    let mut fields = PROJECTS.read(body, true)?;
    fields.extend([("archived_at".to_owned(), Value::Null), ("status".to_owned(), "active".into())]);
    let mut world = account.world();
    let made = PROJECTS.insert(&mut world, "", fields, None);
    access::sow_project(&mut world, crate::json::text(&made, "id"), now());
    Ok(Answer(made))
}

async fn modify(Extension(account): Caller, Path(id): Path<String>, Json(body): Json) -> Result<Answer<Value>> {
    let fields = PROJECTS.read(body, false)?;
    let mut world = account.world();
    let project = find_active(&mut world, &id)?;
    project.merge(fields);
    Ok(project.answer())
}

async fn archive(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let project = find(&mut world, &id)?;
    put(project, "archived_at", now());
    Ok(Answer(put(project, "status", "archived")))
}

async fn add_user(
    Extension(account): Caller,
    Path(project): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let role = body.need("role", |body, name| body.one_of(name, ROLES))?;
    let (id, email) = (body.string("user_id")?, body.string("email")?);
    body.finish()?;
    let mut world = account.world();
    let user = match (id, email) {
        (Some(id), None) => PEOPLE.find(&mut world, "", &id)?.text("id").to_owned(),
        (None, Some(email)) => {
            let users = PEOPLE.shelf(&mut world, "");
            let found = users.iter().find(|(_, user)| user.text("email").eq_ignore_ascii_case(&email));
            let missing = || Error::not_found(format!("No user found with email '{email}' in this organization."));
            found.map(|(id, _)| id.clone()).ok_or_else(missing)?
        }
        _ => {
            let message = "Exactly one of 'user_id' and 'email' must be given.";
            return Err(Error::invalid("user_id", "invalid_value", message));
        }
    };
    if USERS.find(&mut world, &project, &user).is_ok() {
        return Err(conflict(format!("The user '{user}' is already a member of the project.")));
    }
    join(&mut world, &project, &user, role, now()).map(Answer)
}

async fn modify_user(
    Extension(account): Caller,
    Path((project, id)): Path<(String, String)>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let role = body.one_of("role", ROLES)?;
    body.finish()?;
    let mut world = account.world();
    USERS.find(&mut world, &project, &id)?;
    if role == Some("member") {
        keep_owner(USERS.shelf(&mut world, &project).iter().map(|(_, user)| user), &id, "project")?;
    }
    let user = USERS.find(&mut world, &project, &id)?;
    user.merge(role.map(|role| ("role".to_owned(), role.into())).into_iter().collect());
    Ok(user.answer())
}

async fn remove_user(Extension(account): Caller, Path((project, id)): Path<(String, String)>) -> Result<Answer<Value>> {
    let mut world = account.world();
    USERS.find(&mut world, &project, &id)?;
    keep_owner(USERS.shelf(&mut world, &project).iter().map(|(_, user)| user), &id, "project")?;
    give_access(&mut world, &project, &id, false);
    USERS.delete(&mut world, &project, &id).map(Answer)
}

/// Takes a user out of all projects.
pub(super) fn leave_all(world: &mut World, user: &str) {
    let projects: Vec<String> = PROJECTS.shelf(world, "").iter().map(|(id, _)| id.clone()).collect();
    for project in projects {
        give_access(world, &project, user, false);
        USERS.shelf(world, &project).remove(user);
    }
}

async fn create_account(
    Extension(account): Caller,
    Path(project): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let bare = body.boolean("create_service_account_only")?.unwrap_or(false);
    let expires = ends(&mut body, "expires_in_seconds")?;
    let mut fields = ACCOUNTS.read(body, true)?;
    fields.insert("role".to_owned(), if bare { "none" } else { "member" }.into());
    let mut world = account.world();
    let mut made = ACCOUNTS.insert(&mut world, &project, fields, None);
    let key = match bare {
        true => Value::Null,
        false => make_key(&mut world, &project, &made, "Secret Key", expires),
    };
    crate::json::put(&mut made, "api_key", key);
    Ok(Answer(made))
}

/// Makes a key of a service account, and shows it this once.
fn make_key(world: &mut World, project: &str, owner: &Value, name: &str, expires: Option<Value>) -> Value {
    let (value, redacted) = secret(world, "sk-svcacct-");
    let fields = json!({
        "name": name, "last_used_at": null, "expires_at": expires, "owner": shown_owner("service_account", owner),
        "owner_project_access": "active", "redacted_value": redacted,
    });
    let kept = KEYS.insert(world, project, fields.as_object().cloned().unwrap_or_default(), None);
    let field = |name: &str| kept.get(name).cloned().unwrap_or_default();
    json!({
        "object": "organization.project.service_account.api_key", "id": field("id"), "name": name, "value": value,
        "created_at": field("created_at"), "expires_at": field("expires_at"),
    })
}

async fn delete_account(
    Extension(account): Caller,
    Path((project, id)): Path<(String, String)>,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    let deleted = ACCOUNTS.delete(&mut world, &project, &id)?;
    let keys = KEYS.shelf(&mut world, &project);
    let owned = |key: &Object| key.shown.pointer("/owner/service_account/id").and_then(Value::as_str) == Some(&id);
    let owned: Vec<String> = keys.iter().filter(|(_, key)| owned(key)).map(|(id, _)| id.clone()).collect();
    for key in owned {
        keys.remove(&key);
    }
    Ok(Answer(deleted))
}

async fn create_key(
    Extension(account): Caller,
    Path((project, id)): Path<(String, String)>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let name = body.string("name")?;
    let expires = ends(&mut body, "expires_in_seconds")?;
    body.strings("scopes", 0..=100)?;
    body.finish()?;
    let mut world = account.world();
    let owner = ACCOUNTS.find(&mut world, &project, &id)?.shown.clone();
    Ok(Answer(make_key(&mut world, &project, &owner, name.as_deref().unwrap_or("Secret Key"), expires)))
}

async fn list_keys(
    Extension(account): Caller,
    Path(project): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let access = query.one_of("owner_project_access", &["active", "inactive", "any"])?.unwrap_or("active");
    let wanted = |key: &Object| access == "any" || key.text("owner_project_access") == access;
    KEYS.list_where(&mut account.world(), &project, query, wanted).map(Answer)
}

async fn modify_key(
    Extension(account): Caller,
    Path((project, id)): Path<(String, String)>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let expires = ends(&mut body, "expires_in_seconds")?;
    body.strings("scopes", 0..=100)?;
    body.finish()?;
    let mut world = account.world();
    let key = KEYS.find(&mut world, &project, &id)?;
    key.merge(expires.map(|at| ("expires_at".to_owned(), at)).into_iter().collect());
    Ok(key.answer())
}

async fn set_retention(
    Extension(account): Caller,
    Path(project): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let kind = body.need("retention_type", |body, name| body.one_of(name, RETENTIONS))?;
    body.finish()?;
    let fields = Map::from_iter([("type".to_owned(), kind.into())]);
    RETENTION.change(&mut account.world(), &project, fields).map(Answer)
}
