//! `/organization/audit_logs`: what was changed, and by whom.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, MatchedPath, RawPathParams, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::common::{ACTOR, USERS};
use super::projects;
use crate::crud::{Collection, Object};
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::Query;
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

static LOG: Collection = Collection {
    path: "/organization/audit_logs",
    serves: &[],
    object: "organization.audit_log",
    prefix: "audit_log-",
    fields: &[],
    paging: Paging { both_ways: true, ..Paging::NEWEST },
    filters: &[],
    deleted: "",
    missing: |id| Error::not_found(format!("No audit log found with id '{id}'.")),
};

/// What is told of a change, besides the id of what was changed.
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    /// What the caller said, under this name.
    As(&'static str),
    /// What the caller said, each by its name.
    Plainly,
    /// Who got the role or lost it, and where.
    Holder,
    /// Which certificates.
    Certificates,
}

const DATA: Told = Told::As("data");
const CHANGES: Told = Told::As("changes_requested");

/// Which changes are told: method, path, type of the event.
const TOLD: &[(&str, &str, &str, Told)] = &[
    ("POST", "/organization/projects", "project.created", DATA),
    ("POST", "/organization/projects/{id}", "project.updated", CHANGES),
    ("POST", "/organization/projects/{project}/archive", "project.archived", Told::Nothing),
    ("POST", "/organization/projects/{project}/users", "user.added", DATA),
    ("POST", "/organization/projects/{project}/users/{id}", "user.updated", CHANGES),
    ("DELETE", "/organization/projects/{project}/users/{id}", "user.deleted", Told::Nothing),
    ("POST", "/organization/projects/{project}/service_accounts", "service_account.created", DATA),
    ("POST", "/organization/projects/{project}/service_accounts/{id}", "service_account.updated", CHANGES),
    ("DELETE", "/organization/projects/{project}/service_accounts/{id}", "service_account.deleted", Told::Nothing),
    ("POST", "/organization/projects/{project}/service_accounts/{account}/api_keys", "api_key.created", DATA),
    ("POST", "/organization/projects/{project}/api_keys/{id}", "api_key.updated", CHANGES),
    ("DELETE", "/organization/projects/{project}/api_keys/{id}", "api_key.deleted", Told::Nothing),
    ("POST", "/organization/projects/{project}/rate_limits/{id}", "rate_limit.updated", CHANGES),
    ("POST", "/organization/users/{id}", "user.updated", CHANGES),
    ("DELETE", "/organization/users/{id}", "user.deleted", Told::Nothing),
    ("POST", "/organization/invites", "invite.sent", DATA),
    ("DELETE", "/organization/invites/{id}", "invite.deleted", Told::Nothing),
    ("POST", "/organization/admin_api_keys", "api_key.created", DATA),
    ("DELETE", "/organization/admin_api_keys/{id}", "api_key.deleted", Told::Nothing),
    ("POST", "/organization/groups", "group.created", DATA),
    ("POST", "/organization/groups/{id}", "group.updated", CHANGES),
    ("DELETE", "/organization/groups/{id}", "group.deleted", Told::Nothing),
    ("POST", "/organization/roles", "role.created", Told::Plainly),
    ("POST", "/organization/roles/{id}", "role.updated", CHANGES),
    ("DELETE", "/organization/roles/{id}", "role.deleted", Told::Nothing),
    ("POST", "/projects/{project}/roles", "role.created", Told::Plainly),
    ("POST", "/projects/{project}/roles/{id}", "role.updated", CHANGES),
    ("DELETE", "/projects/{project}/roles/{id}", "role.deleted", Told::Nothing),
    ("POST", "/organization/users/{user}/roles", "role.assignment.created", Told::Holder),
    ("DELETE", "/organization/users/{user}/roles/{id}", "role.assignment.deleted", Told::Holder),
    ("POST", "/organization/groups/{group}/roles", "role.assignment.created", Told::Holder),
    ("DELETE", "/organization/groups/{group}/roles/{id}", "role.assignment.deleted", Told::Holder),
    ("POST", "/projects/{project}/users/{user}/roles", "role.assignment.created", Told::Holder),
    ("DELETE", "/projects/{project}/users/{user}/roles/{id}", "role.assignment.deleted", Told::Holder),
    ("POST", "/projects/{project}/groups/{group}/roles", "role.assignment.created", Told::Holder),
    ("DELETE", "/projects/{project}/groups/{group}/roles/{id}", "role.assignment.deleted", Told::Holder),
    ("POST", "/organization/certificates", "certificate.created", Told::Nothing),
    ("POST", "/organization/certificates/{id}", "certificate.updated", Told::Plainly),
    ("DELETE", "/organization/certificates/{id}", "certificate.deleted", Told::Nothing),
    ("POST", "/organization/certificates/activate", "certificates.activated", Told::Certificates),
    ("POST", "/organization/certificates/deactivate", "certificates.deactivated", Told::Certificates),
    ("POST", "/organization/projects/{project}/certificates/activate", "certificates.activated", Told::Certificates),
    (
        "POST",
        "/organization/projects/{project}/certificates/deactivate",
        "certificates.deactivated",
        Told::Certificates,
    ),
    ("POST", "/organization/external_keys", "external_key.registered", DATA),
    ("DELETE", "/organization/external_keys/{id}", "external_key.removed", Told::Nothing),
    ("POST", "/organization/external_storage", "external_storage.registered", Told::Nothing),
    ("DELETE", "/organization/external_storage/{id}", "external_storage.removed", Told::Nothing),
    ("POST", "/organization/workload_identity_providers", "workload_identity_provider.created", DATA),
    ("POST", "/organization/workload_identity_providers/{id}", "workload_identity_provider.updated", CHANGES),
    ("DELETE", "/organization/workload_identity_providers/{id}", "workload_identity_provider.deleted", Told::Nothing),
    (
        "POST",
        "/organization/workload_identity_providers/{provider}/federation_rules",
        "workload_identity_provider_mapping.created",
        DATA,
    ),
    (
        "POST",
        "/organization/workload_identity_providers/{provider}/federation_rules/{id}",
        "workload_identity_provider_mapping.updated",
        CHANGES,
    ),
    (
        "DELETE",
        "/organization/workload_identity_providers/{provider}/federation_rules/{id}",
        "workload_identity_provider_mapping.deleted",
        Told::Nothing,
    ),
];

pub(super) fn routes() -> Router {
    Router::new().route(LOG.path, get(list))
}

/// Tells in the log what a request has changed.
pub(super) async fn keep(
    Extension(account): Caller,
    path: MatchedPath,
    ids: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response> {
    let path = path.as_str().strip_prefix("/v1").unwrap_or(path.as_str());
    let told = TOLD.iter().find(|(method, one, ..)| *method == request.method() && *one == path);
    let Some((_, _, kind, told)) = told else { return Ok(next.run(request).await) };
    let (head, body) = request.into_parts();
    let asked = read(body).await?;
    let mut said: Map<String, Value> = serde_json::from_slice(&asked).unwrap_or_default();
    if kind.starts_with("group.")
        && let Some(name) = said.remove("name")
    {
        said.insert("group_name".to_owned(), name);
    }
    let response = next.run(Request::from_parts(head, Body::from(asked))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let answered = read(body).await?;
    let made: Value = serde_json::from_slice(&answered).unwrap_or_default();
    let id = |kind: &str| ids.iter().find(|(name, _)| *name == kind).map(|(_, id)| id);
    let mut details = json!({"id": made.get("id").and_then(Value::as_str).or_else(|| id("id"))});
    match told {
        Told::Nothing => {}
        Told::As(name) => put(&mut details, name, said),
        Told::Plainly => said.into_iter().for_each(|(name, value)| put(&mut details, &name, value)),
        Told::Holder => {
            let (kind, holder) = [("user", id("user")), ("group", id("group"))]
                .into_iter()
                .find_map(|(kind, id)| Some((kind, id?)))
                .unwrap_or_default();
            let role = made.pointer("/role/id").and_then(Value::as_str).or_else(|| id("id"));
            let place = if id("project").is_some() { "project" } else { "organization" };
            details = json!({
                "id": role, "principal_id": holder, "principal_type": kind, "resource_id": id("project"),
                "resource_type": place,
            });
        }
        Told::Certificates => {
            let named = |one: &Value| json!({"id": text(one, "id"), "name": one.get("name")});
            let all = made.get("data").and_then(Value::as_array).into_iter().flatten().map(named);
            details = json!({"certificates": all.collect::<Value>()});
        }
    }
    tell(&mut account.world(), now(), ACTOR, kind, id("project"), details);
    Ok((head, Body::from(answered)).into_response())
}

async fn read(body: Body) -> Result<Bytes> {
    to_bytes(body, 1024 * 1024).await.map_err(|fault| Error::invalid("body", "invalid_value", fault.to_string()))
}

/// Puts an event into the log. One that a seeded user did was done in a session, one of an admin key by that key.
pub(super) fn tell(world: &mut World, at: u64, user: &str, kind: &str, project: Option<&str>, details: Value) {
    let email = USERS.find(world, "", user).map(|user| user.text("email").to_owned()).unwrap_or_default();
    let who = json!({"id": user, "email": email});
    let actor = match user {
        ACTOR => json!({"type": "api_key", "api_key": {"id": "key_admin", "type": "user", "user": who}}),
        _ => json!({"type": "session", "session": {"user": who, "ip_address": "192.0.2.7"}}),
    };
    let mut event = json!({
        "id": world.mint(LOG.prefix), "object": LOG.object, "type": kind, "effective_at": at, "actor": actor,
    });
    if let Some(id) = project {
        let name = projects::find(world, id).map(|project| project.text("name").to_owned()).unwrap_or_default();
        put(&mut event, "project", json!({"id": id, "name": name}));
    }
    put(&mut event, kind, details);
    LOG.keep(world, "", event);
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let mut wanted = |name: &str| query.strings(name, 1..=100);
    let (kinds, emails, actors) = (wanted("event_types")?, wanted("actor_emails")?, wanted("actor_ids")?);
    let (of_projects, resources) = (wanted("project_ids")?, wanted("resource_ids")?);
    query.boolean("tenant_only")?;
    let mut bounds = Vec::new();
    for (bound, seconds) in query.bracketed("effective_at") {
        let seconds: u64 = seconds.parse().map_err(|_| {
            let path = format!("effective_at[{bound}]");
            Error::invalid(&path, "invalid_type", format!("Invalid type for '{path}': expected an integer."))
        })?;
        bounds.push((bound, seconds));
    }
    let fits = |event: &Object| {
        let event = &event.shown;
        let at = event.get("effective_at").and_then(Value::as_u64).unwrap_or_default();
        let timely = bounds.iter().all(|(bound, seconds)| match bound.as_str() {
            "gt" => at > *seconds,
            "gte" => at >= *seconds,
            "lt" => at < *seconds,
            _ => at <= *seconds,
        });
        let one_of = |wanted: &Option<Vec<String>>, paths: &[&str]| {
            let has = |path: &&str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
            wanted.as_ref().is_none_or(|wanted| paths.iter().filter_map(has).any(|it| wanted.contains(&it)))
        };
        let users = ["/actor/session/user", "/actor/api_key/user"];
        let [by_email, by_id] = ["email", "id"].map(|field| users.map(|user| format!("{user}/{field}")));
        let by_email: Vec<&str> = by_email.iter().map(String::as_str).collect();
        let by_id: Vec<&str> = by_id.iter().map(String::as_str).chain(["/actor/api_key/id"]).collect();
        let resource = format!("/{}/id", text(event, "type"));
        timely
            && one_of(&kinds, &["/type"])
            && one_of(&emails, &by_email)
            && one_of(&actors, &by_id)
            && one_of(&of_projects, &["/project/id"])
            && one_of(&resources, &[resource.as_str()])
    };
    LOG.list_where(&mut account.world(), "", query, fits).map(Answer)
}
