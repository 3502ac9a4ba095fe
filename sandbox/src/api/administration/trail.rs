//! `/organization/audit_logs`: what was changed, and by whom.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, MatchedPath, RawPathParams, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::common::USERS;
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

/// Whose the admin keys are.
pub(super) const ACTOR: &str = "user-ada";

/// Which changes are told, and as what. A path is told by its end.
const TOLD: &[(&str, &str, &str)] = &[
    ("POST", "/organization/projects", "project.created"),
    ("POST", "/organization/projects/{id}", "project.updated"),
    ("POST", "/organization/projects/{project}/archive", "project.archived"),
    ("POST", "/organization/projects/{project}/users", "user.added"),
    ("POST", "/organization/projects/{project}/users/{id}", "user.updated"),
    ("DELETE", "/organization/projects/{project}/users/{id}", "user.deleted"),
    ("POST", "/organization/projects/{project}/service_accounts", "service_account.created"),
    ("POST", "/organization/projects/{project}/service_accounts/{id}", "service_account.updated"),
    ("DELETE", "/organization/projects/{project}/service_accounts/{id}", "service_account.deleted"),
    ("POST", "/organization/projects/{project}/service_accounts/{account}/api_keys", "api_key.created"),
    ("POST", "/organization/projects/{project}/api_keys/{id}", "api_key.updated"),
    ("DELETE", "/organization/projects/{project}/api_keys/{id}", "api_key.deleted"),
    ("POST", "/organization/projects/{project}/rate_limits/{id}", "rate_limit.updated"),
    ("POST", "/organization/users/{id}", "user.updated"),
    ("DELETE", "/organization/users/{id}", "user.deleted"),
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
    let told = TOLD.iter().find(|(method, one, _)| *method == request.method() && *one == path);
    let Some((_, _, kind)) = told else { return Ok(next.run(request).await) };
    let (head, body) = request.into_parts();
    let asked = read(body).await?;
    let said: Map<String, Value> = serde_json::from_slice(&asked).unwrap_or_default();
    let response = next.run(Request::from_parts(head, Body::from(asked))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let answered = read(body).await?;
    let made: Value = serde_json::from_slice(&answered).unwrap_or_default();
    let mut details = json!({"id": text(&made, "id")});
    match kind.rsplit('.').next() {
        Some("created" | "added") => put(&mut details, "data", said),
        Some("updated") => put(&mut details, "changes_requested", said),
        _ => {}
    }
    let project = ids.iter().find(|(name, _)| *name == "project").map(|(_, id)| id);
    tell(&mut account.world(), now(), ACTOR, kind, project, details);
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
