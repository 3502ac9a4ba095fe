//! Certificates for mutual TLS, keys and stores of other clouds, workload identity.

use axum::extract::{Extension, Path};
use axum::routing::{delete, get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::common::conflict;
use super::projects;
use crate::crud::{self, Collection, Field, Need, Object, Place, Verb};
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const YEAR: u64 = 365 * 86_400;

static CERTIFICATES: Collection = Collection {
    path: "/organization/certificates",
    serves: &[],
    object: "certificate",
    prefix: "cert_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "certificate.deleted",
    missing: |id| Error::not_found(format!("No certificate found with id '{id}'.")),
};

/// Where certificates can be active: paths, and what they are called there.
struct Stage {
    list: &'static str,
    activate: &'static str,
    deactivate: &'static str,
    object: &'static str,
}

static STAGES: [Stage; 2] = [
    Stage {
        list: "/organization/certificates",
        activate: "/organization/certificates/activate",
        deactivate: "/organization/certificates/deactivate",
        object: "organization.certificate",
    },
    Stage {
        list: "/organization/projects/{project}/certificates",
        activate: "/organization/projects/{project}/certificates/activate",
        deactivate: "/organization/projects/{project}/certificates/deactivate",
        object: "organization.project.certificate",
    },
];

static KEYS: Collection = Collection {
    path: "/organization/external_keys",
    serves: &[Verb::List, Verb::Get],
    object: "organization.external_key",
    prefix: "ek_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &["purpose"],
    deleted: "",
    missing: |id| Error::not_found(format!("No external key found with id '{id}'.")),
};

/// What each kind of key management needs, and what it takes besides.
const KMS: &[(&str, &[&str], &[&str])] = &[
    ("aws", &["external_id", "kms_arn", "role_arn"], &[]),
    ("azure", &["key_name", "tenant_id", "vault_uri"], &["key_version"]),
    (
        "gcp",
        &[
            "audience",
            "kms_key_location",
            "kms_key_name",
            "kms_key_ring_name",
            "kms_project_id",
            "workload_identity_pool_id",
            "workload_identity_project_number",
            "workload_identity_provider_id",
        ],
        &["kms_key_version"],
    ),
    ("oci", &["key_ocid", "region", "vault_ocid"], &["key_version_ocid"]),
];

static STORES: Collection = Collection {
    path: "/organization/external_storage",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "organization.external_storage",
    prefix: "es_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &["project_id"],
    deleted: "organization.external_storage.deleted",
    missing: |id| Error::not_found(format!("No external storage found with id '{id}'.")),
};

/// What each kind of store needs, and what is found out about it.
const CLOUDS: &[(&str, &[&str], &[&str])] = &[
    ("aws", &["bucket", "role_arn"], &["account_id", "external_id", "region"]),
    ("azure", &["account_name", "container", "resource_group", "subscription_id", "tenant_id"], &["region"]),
    (
        "gcp",
        &["bucket", "workload_identity_pool_id", "workload_identity_project_number", "workload_identity_provider_id"],
        &["audience", "region"],
    ),
    ("oci", &["bucket", "region", "tenancy_ocid"], &[]),
];

static PROVIDERS: Collection = Collection {
    path: "/organization/workload_identity_providers",
    serves: &[Verb::List, Verb::Get],
    object: "organization.workload_identity_provider",
    prefix: "wip_",
    fields: &[
        Field { name: "audience", read: crud::text, create: Need::Must, modify: Need::May },
        Field { name: "issuer", read: crud::text, create: Need::Must, modify: Need::May },
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::May },
        Field {
            name: "type",
            read: |params, name| {
                params.need(name, |params, name| params.one_of(name, &["oidc"])).map(|it| Some(it.into()))
            },
            create: Need::Must,
            modify: Need::No,
        },
        Field { name: "attribute_transformations", read: transformations, create: Need::May, modify: Need::May },
        Field { name: "description", read: nullable, create: Need::May, modify: Need::May },
        Field { name: "enabled", read: enabled, create: Need::May, modify: Need::May },
        Field { name: "verification", read: verification, create: Need::May, modify: Need::May },
    ],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.workload_identity_provider.deleted",
    missing: |id| Error::not_found(format!("No workload identity provider found with id '{id}'.")),
};

static RULES: Collection = Collection {
    path: "/organization/workload_identity_providers/{provider}/federation_rules",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "organization.workload_identity_federation_rule",
    prefix: "wifr_",
    fields: &[
        Field { name: "attribute_matchers", read: matchers, create: Need::Must, modify: Need::May },
        Field { name: "project_id", read: crud::text, create: Need::Must, modify: Need::No },
        Field { name: "service_account_id", read: crud::text, create: Need::Must, modify: Need::No },
        Field { name: "description", read: nullable, create: Need::May, modify: Need::May },
        Field { name: "enabled", read: enabled, create: Need::May, modify: Need::May },
        Field { name: "name", read: nullable, create: Need::May, modify: Need::May },
        Field { name: "permissions", read: permissions, create: Need::May, modify: Need::May },
    ],
    paging: Paging::NEWEST,
    filters: &["service_account_id"],
    deleted: "organization.workload_identity_federation_rule.deleted",
    missing: |id| Error::not_found(format!("No federation rule found with id '{id}'.")),
};

pub(super) fn routes() -> Router {
    let mut routes = Router::new();
    for collection in [&KEYS, &STORES, &PROVIDERS, &RULES] {
        routes = routes.merge(collection.routes());
    }
    for stage in &STAGES {
        let list = async |Extension(account): Caller, place: Place, Query(query): Query| {
            list_certificates(stage, &mut account.world(), &place.scope(), query).map(Answer)
        };
        let switch = |active| {
            post(async move |Extension(account): Caller, place: Place, Json(body): Json| {
                switch(stage, &mut account.world(), &place.scope(), body, active).map(Answer)
            })
        };
        routes = routes.route(stage.list, get(list));
        routes = routes.route(stage.activate, switch(true)).route(stage.deactivate, switch(false));
    }
    routes
        .route(CERTIFICATES.path, post(create_certificate))
        .route(
            "/organization/certificates/{id}",
            get(get_certificate).post(modify_certificate).delete(delete_certificate),
        )
        .route(KEYS.path, post(create_key))
        .route("/organization/external_keys/{id}", delete(delete_key))
        .route("/organization/external_keys/{id}/validate", post(validate_key))
        .route(STORES.path, post(create_store))
        .route("/organization/external_storage/{id}/validate", post(validate_store))
        .route(PROVIDERS.path, post(create_provider))
        .route("/organization/workload_identity_providers/{id}", delete(delete_provider).post(modify_provider))
        .route(RULES.path, post(create_rule))
        .route("/organization/workload_identity_providers/{provider}/federation_rules/{id}", post(modify_rule))
}

pub(super) fn find_provider<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    PROVIDERS.find(world, "", id)
}

fn nullable(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.string(name)?.into()))
}

fn enabled(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.boolean(name)?.unwrap_or(true).into()))
}

fn transformations(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let mut read = Vec::new();
    for (path, item) in params.array(name, 0..=50)?.unwrap_or_default() {
        let mut item = Params::nested(path, item)?;
        let attribute = item.need("attribute", Params::string)?;
        let expression = item.need("expression", Params::string)?;
        item.finish()?;
        read.push(json!({"attribute": attribute, "expression": expression}));
    }
    Ok(Some(read.into()))
}

fn verification(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut said) = params.object(name)? else {
        return Ok(Some(json!({"type": "discovery", "discovery_url": null})));
    };
    let kind = said.need("type", |said, name| said.one_of(name, &["discovery", "uploaded_jwks"]))?;
    let read = match kind {
        "discovery" => json!({"type": kind, "discovery_url": said.string("discovery_url")?}),
        _ => json!({"type": kind, "jwks": said.need("jwks", Params::object)?.rest()}),
    };
    said.finish()?;
    Ok(Some(read))
}

fn matchers(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let mut said = params.need(name, Params::object)?;
    Ok(Some(said.rest().into()))
}

fn permissions(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut said) = params.object(name)? else { return Ok(Some(json!({"type": "service_account_default"}))) };
    let kind = said.need("type", |said, name| said.one_of(name, &["service_account_default", "restricted"]))?;
    let read = match kind {
        "restricted" => json!({"type": kind, "scopes": said.need("scopes", |said, name| said.strings(name, 0..=100))?}),
        _ => json!({"type": kind}),
    };
    said.finish()?;
    Ok(Some(read))
}

/// A certificate as a path shows it: with what it is called there, and whether it is active there.
fn shown_at(stage: &Stage, scope: &str, certificate: &Object) -> Value {
    let mut shown = shown(certificate, false);
    put(&mut shown, "object", stage.object);
    put(&mut shown, "active", active_in(certificate).any(|place| place == scope));
    shown
}

/// Where a certificate is active: the organization is the empty text, a project its id.
fn active_in(certificate: &Object) -> impl Iterator<Item = &str> {
    certificate.shown.get("active_in").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn shown(certificate: &Object, content: bool) -> Value {
    let mut shown = certificate.shown.clone();
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("active_in");
        if let (false, Some(Value::Object(details))) = (content, fields.get_mut("certificate_details")) {
            details.remove("content");
        }
    }
    shown
}

fn list_certificates(stage: &Stage, world: &mut World, scope: &str, mut query: Params) -> Result<Value> {
    let page = CERTIFICATES.paging.read(&mut query)?;
    query.finish()?;
    CERTIFICATES.shelf(world, "").page(&page, |_, certificate| Some(shown_at(stage, scope, certificate)))
}

fn switch(stage: &Stage, world: &mut World, scope: &str, mut body: Params, active: bool) -> Result<Value> {
    let ids = body.need("certificate_ids", |body, name| body.strings(name, 1..=10))?;
    body.finish()?;
    for id in &ids {
        CERTIFICATES.find(world, "", id)?;
    }
    let mut data = Vec::new();
    for id in &ids {
        let certificate = CERTIFICATES.find(world, "", id)?;
        let mut places: Vec<String> =
            active_in(certificate).filter(|place| *place != scope).map(str::to_owned).collect();
        places.extend(active.then(|| scope.to_owned()));
        put(&mut certificate.shown, "active_in", places);
        data.push(shown_at(stage, scope, certificate));
    }
    let what = if active { "activation" } else { "deactivation" };
    Ok(json!({"object": format!("{}.{what}", stage.object), "data": data}))
}

async fn create_certificate(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let (content, name) = (body.need("certificate", Params::string)?, body.string("name")?);
    body.finish()?;
    if !content.trim_start().starts_with("-----BEGIN CERTIFICATE-----") {
        let message = "Invalid value for 'certificate': expected a certificate in PEM format.";
        return Err(Error::invalid("certificate", "invalid_value", message));
    }
    let details = json!({"valid_at": now(), "expires_at": now() + YEAR, "content": content});
    let fields = Map::from_iter([("name".to_owned(), name.into()), ("certificate_details".to_owned(), details)]);
    let mut world = account.world();
    let made = CERTIFICATES.insert(&mut world, "", fields, None);
    CERTIFICATES.find(&mut world, "", text(&made, "id")).map(|made| Answer(shown(made, false)))
}

async fn get_certificate(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let content = query.some_of("include", &["content"])?.is_some_and(|include| !include.is_empty());
    query.finish()?;
    CERTIFICATES.find(&mut account.world(), "", &id).map(|certificate| Answer(shown(certificate, content)))
}

async fn modify_certificate(
    Extension(account): Caller,
    Path(id): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let name = body.string("name")?;
    body.finish()?;
    let mut world = account.world();
    let certificate = CERTIFICATES.find(&mut world, "", &id)?;
    put(&mut certificate.shown, "name", name);
    Ok(Answer(shown(certificate, false)))
}

async fn delete_certificate(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    if active_in(CERTIFICATES.find(&mut world, "", &id)?).next().is_some() {
        return Err(conflict(format!("The certificate '{id}' is active. Deactivate it everywhere first.")));
    }
    CERTIFICATES.delete(&mut world, "", &id).map(Answer)
}

async fn create_key(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let name = body.need("name", Params::string)?;
    let kinds: Vec<&str> = KMS.iter().map(|(kind, ..)| *kind).collect();
    let kind = body.need("type", |body, name| body.one_of(name, &kinds))?;
    let purpose = body.one_of("purpose", &["ekm", "psp_decryption"])?.unwrap_or("ekm");
    let mut fields = Map::new();
    for (_, needed, may) in KMS.iter().filter(|(one, ..)| *one == kind) {
        for field in *needed {
            fields.insert((*field).to_owned(), body.need(field, Params::string)?.into());
        }
        for field in *may {
            fields.extend(body.string(field)?.map(|value| ((*field).to_owned(), value.into())));
        }
    }
    body.finish()?;
    let said = [("name", name.into()), ("type", kind.into()), ("purpose", purpose.into())];
    fields.extend(said.map(|(name, value): (_, Value)| (name.to_owned(), value)));
    fields.extend([("api_project_ids".to_owned(), json!([])), ("workspace_id".to_owned(), "ws_sandbox".into())]);
    Ok(Answer(KEYS.insert(&mut account.world(), "", fields, None)))
}

/// The answer is the key that was.
async fn delete_key(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let shown = KEYS.find(&mut world, "", &id)?.shown.clone();
    KEYS.shelf(&mut world, "").remove(&id);
    Ok(Answer(shown))
}

async fn validate_key(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    KEYS.find(&mut account.world(), "", &id)?;
    Ok(Answer(json!({"status": "valid"})))
}

async fn create_store(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let project = body.need("project_id", Params::string)?;
    let mut said = body.need("provider", Params::object)?;
    body.finish()?;
    let kinds: Vec<&str> = CLOUDS.iter().map(|(kind, ..)| *kind).collect();
    let kind = said.need("type", |said, name| said.one_of(name, &kinds))?;
    let mut provider = json!({"type": kind});
    for (_, needed, found) in CLOUDS.iter().filter(|(one, ..)| *one == kind) {
        for field in *found {
            put(&mut provider, field, "sandbox");
        }
        for field in *needed {
            put(&mut provider, field, said.need(field, Params::string)?);
        }
    }
    said.finish()?;
    let mut world = account.world();
    projects::find_active(&mut world, &project)?;
    let fields = json!({"project_id": project, "provider": provider, "geography": "EU", "status": "pending"});
    Ok(Answer(STORES.insert(&mut world, "", fields.as_object().cloned().unwrap_or_default(), None)))
}

async fn validate_store(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let store = STORES.find(&mut world, "", &id)?;
    put(&mut store.shown, "status", "validated");
    Ok(store.answer())
}

async fn create_provider(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    let mut fields = PROVIDERS.read(body, true)?;
    fields.insert("updated_at".to_owned(), now().into());
    Ok(Answer(PROVIDERS.insert(&mut account.world(), "", fields, None)))
}

async fn modify_provider(
    Extension(account): Caller,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Answer<Value>> {
    let mut fields = PROVIDERS.read(body, false)?;
    fields.insert("updated_at".to_owned(), now().into());
    let mut world = account.world();
    let provider = find_provider(&mut world, &id)?;
    provider.merge(fields);
    Ok(provider.answer())
}

async fn delete_provider(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    find_provider(&mut world, &id)?;
    if RULES.shelf(&mut world, &id).iter().next().is_some() {
        return Err(conflict(format!("The provider '{id}' has federation rules. Delete them first.")));
    }
    PROVIDERS.delete(&mut world, "", &id).map(Answer)
}

async fn create_rule(
    Extension(account): Caller,
    Path(provider): Path<String>,
    Json(body): Json,
) -> Result<Answer<Value>> {
    let mut fields = RULES.read(body, true)?;
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut world = account.world();
    projects::find_active(&mut world, field("project_id"))?;
    projects::find_account(&mut world, field("project_id"), field("service_account_id"))?;
    let besides = [("workload_identity_provider_id", Value::from(provider.as_str())), ("updated_at", now().into())];
    fields.extend(besides.map(|(name, value)| (name.to_owned(), value)));
    Ok(Answer(RULES.insert(&mut world, &provider, fields, None)))
}

async fn modify_rule(
    Extension(account): Caller,
    Path((provider, id)): Path<(String, String)>,
    Json(body): Json,
) -> Result<Answer<Value>> {
    let mut fields = RULES.read(body, false)?;
    fields.insert("updated_at".to_owned(), now().into());
    let mut world = account.world();
    let rule = RULES.find(&mut world, &provider, &id)?;
    rule.merge(fields);
    Ok(rule.answer())
}
