//! `/vaults` and their credentials.
//!
//! # Where it differs from the API
//!
//! Secrets are checked and forgotten: nothing uses them here. Whether a URL can be reached is not asked.

use axum::extract::{Extension, Path};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use crate::crud::{self, Collection, Field, Need, Verb};
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::world::{Caller, now};

static VAULTS: Collection = Collection {
    path: "/vaults",
    serves: &[Verb::Get, Verb::Modify, Verb::Delete],
    object: "vault",
    prefix: "vault_",
    fields: &[
        Field { name: "name", read: name, create: Need::May, modify: Need::May },
        Field { name: "metadata", read: crud::metadata, create: Need::May, modify: Need::May },
    ],
    paging: Paging::NEWEST,
    filters: &["metadata"],
    deleted: "vault.deleted",
    missing: |id| Error::not_found(format!("Vault with id '{id}' not found.")),
};

static CREDENTIALS: Collection = Collection {
    path: "/vaults/{vault_id}/credentials",
    serves: &[Verb::Get, Verb::Delete],
    object: "vault.credential",
    prefix: "cred_",
    fields: &[
        Field { name: "name", read: named, create: Need::Must, modify: Need::No },
        Field { name: "auth", read: auth, create: Need::Must, modify: Need::No },
        Field { name: "metadata", read: crud::metadata, create: Need::May, modify: Need::May },
    ],
    paging: Paging::NEWEST,
    filters: &["metadata"],
    deleted: "vault.credential.deleted",
    missing: |id| Error::not_found(format!("Credential with id '{id}' not found.")),
};

pub(crate) fn routes() -> Router {
    VAULTS
        .routes()
        .merge(CREDENTIALS.routes())
        .route("/vaults", get(list).post(create))
        .route("/vaults/{vault_id}/credentials", get(list_credentials).post(create_credential))
        .route("/vaults/{vault_id}/credentials/{id}", post(rotate))
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let active = wants_active(&mut query)?;
    VAULTS.list_where(&mut account.world(), "", query, |_| active).map(Answer)
}

async fn list_credentials(
    Extension(account): Caller,
    Path(vault): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let active = wants_active(&mut query)?;
    CREDENTIALS.list_where(&mut account.world(), &vault, query, |_| active).map(Answer)
}

/// Whether a list is to have what is active, as all is that can be made here.
fn wants_active(query: &mut Params) -> Result<bool> {
    let wanted = query.some_of("status", &["active", "archived"])?;
    Ok(wanted.is_none_or(|wanted| wanted.is_empty() || wanted.contains(&"active")))
}

fn name(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(text) = params.string(name)? else { return Ok(Some(Value::Null)) };
    let text = text.trim();
    if text.is_empty() || text.len() > 256 {
        let message = format!("Invalid '{name}': expected 1 to 256 bytes.");
        return Err(Error::invalid(name, "invalid_value", message));
    }
    Ok(Some(text.into()))
}

fn named(params: &mut Params, field: &str) -> Result<Option<Value>> {
    let name = name(params, field)?.filter(|name| !name.is_null());
    params.required(field, name).map(Some)
}

/// What is shown of the way to sign in.
fn auth(params: &mut Params, field: &str) -> Result<Option<Value>> {
    let mut auth = params.need(field, Params::object)?;
    let kinds = ["mcp_oauth", "static_bearer", "environment_variable"];
    let kind = auth.need("type", |params, name| params.one_of(name, &kinds))?;
    let mut shown = Map::from_iter([("type".to_owned(), kind.into())]);
    match kind {
        "environment_variable" => {
            shown.insert("secret_name".to_owned(), auth.need("secret_name", Params::string)?.into());
            secret(&mut auth, "secret_value", true)?;
            let mut networking = auth.need("networking", Params::object)?;
            let allows = networking.need("type", |params, name| params.one_of(name, &["unrestricted", "limited"]))?;
            let mut told = json!({"type": allows});
            if allows == "limited" {
                let hosts = networking.need("allowed_hosts", |params, name| params.strings(name, 1..=16))?;
                let hosts: Value = hosts.into_iter().map(|host| host.to_lowercase()).collect();
                json::put(&mut told, "allowed_hosts", hosts);
            }
            networking.finish()?;
            shown.insert("networking".to_owned(), told);
        }
        _ => {
            shown.insert("mcp_server_url".to_owned(), https(&mut auth, "mcp_server_url")?);
            if kind == "static_bearer" {
                secret(&mut auth, "token", true)?;
            } else {
                secret(&mut auth, "access_token", true)?;
                shown.insert("expires_at".to_owned(), auth.string("expires_at")?.into());
                let refresh = auth.object("refresh")?.map(refresh).transpose()?;
                shown.insert("refresh".to_owned(), refresh.unwrap_or_default());
            }
        }
    }
    auth.finish()?;
    Ok(Some(shown.into()))
}

fn refresh(mut refresh: Params) -> Result<Value> {
    let client = refresh.need("client_id", Params::string)?;
    secret(&mut refresh, "refresh_token", true)?;
    let endpoint = https(&mut refresh, "token_endpoint")?;
    let mut way = refresh.need("token_endpoint_auth", Params::object)?;
    let kinds = ["none", "client_secret_basic", "client_secret_post"];
    let kind = way.need("type", |params, name| params.one_of(name, &kinds))?;
    if kind != "none" {
        secret(&mut way, "client_secret", true)?;
    }
    way.finish()?;
    let (resource, scope) = (refresh.string("resource")?, refresh.string("scope")?);
    refresh.finish()?;
    Ok(json!({
        "client_id": client, "token_endpoint": endpoint, "token_endpoint_auth": {"type": kind}, "resource": resource,
        "scope": scope,
    }))
}

fn https(params: &mut Params, name: &str) -> Result<Value> {
    let url = params.need(name, Params::string)?;
    if !url.starts_with("https://") {
        let path = params.path(name);
        let message = format!("Invalid value for '{path}': expected an HTTPS URL.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    Ok(url.into())
}

fn secret(params: &mut Params, name: &str, required: bool) -> Result<()> {
    let path = params.path(name);
    let secret = params.string(name)?;
    let secret = if required { Some(params.required(name, secret)?) } else { secret };
    if secret.is_some_and(|secret| secret.is_empty() || secret.contains(['\r', '\n', '\0'])) {
        let message = format!("Invalid value for '{path}': expected a secret of one line.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    Ok(())
}

async fn create(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    VAULTS.make(&mut account.world(), "", body).map(Answer)
}

async fn create_credential(
    Extension(account): Caller,
    Path(vault): Path<String>,
    Json(body): Json,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    VAULTS.find(&mut world, "", &vault)?;
    let made = CREDENTIALS.make(&mut world, &vault, body)?;
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = &mut CREDENTIALS.find(&mut world, &vault, &id)?.shown;
    let created = shown.get("created_at").cloned();
    json::put(shown, "vault_id", vault);
    json::put(shown, "updated_at", created);
    Ok(Answer(shown.clone()))
}

/// Replaces secrets, which are of the type that the credential has.
async fn rotate(
    Extension(account): Caller,
    Path((vault, id)): Path<(String, String)>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    VAULTS.find(&mut world, "", &vault)?;
    let object = CREDENTIALS.find(&mut world, &vault, &id)?;
    let mut shown = object.shown.clone();
    if body.mentions("metadata") {
        json::put(&mut shown, "metadata", body.labels("metadata", true)?.unwrap_or_default());
    }
    if let (Some(auth), Some(shown)) = (body.object("auth")?, json::field(&mut shown, "auth")) {
        turn(auth, shown)?;
    }
    body.finish()?;
    json::put(&mut shown, "updated_at", now());
    object.shown = shown.clone();
    Ok(Answer(shown))
}

fn turn(mut auth: Params, shown: &mut Value) -> Result<()> {
    let kind = auth.need("type", Params::string)?;
    let is = json::text(shown, "type");
    if is != kind {
        let path = auth.path("type");
        let message = format!("Invalid value for '{path}': the credential is of the type '{is}'.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    match kind.as_str() {
        "static_bearer" => secret(&mut auth, "token", true)?,
        "environment_variable" => secret(&mut auth, "secret_value", true)?,
        _ => {
            let turned = auth.mentions("access_token");
            secret(&mut auth, "access_token", false)?;
            if turned || auth.mentions("expires_at") {
                json::put(shown, "expires_at", auth.string("expires_at")?);
            }
            if let Some(mut refresh) = auth.object("refresh")? {
                secret(&mut refresh, "refresh_token", false)?;
                if refresh.mentions("scope") {
                    let scope = refresh.string("scope")?;
                    if let Some(shown) = json::field(shown, "refresh") {
                        json::put(shown, "scope", scope);
                    }
                }
                if let Some(mut way) = refresh.object("token_endpoint_auth")? {
                    way.need("type", |params, name| {
                        params.one_of(name, &["client_secret_basic", "client_secret_post"])
                    })?;
                    secret(&mut way, "client_secret", false)?;
                    way.finish()?;
                }
                refresh.finish()?;
            }
        }
    }
    auth.finish()
}
