//! Environments, what is in them, and templates of them.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Extension, Path};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::config::{self, UPDATED};
use crate::crud::{Collection, Field, Need, Verb};
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::world::{Caller, World};

static TEMPLATES: Collection = Collection {
    path: "/agents/environments/templates",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "agent.environment.template",
    prefix: "envtmpl_",
    fields: &{
        let [files, packages, network, env, commands, skills, plugins, directories, desktop] = config::MACHINE;
        [
            Field { name: "name", read: config::text, create: Need::May, modify: Need::May },
            UPDATED,
            files,
            packages,
            network,
            env,
            commands,
            skills,
            plugins,
            directories,
            desktop,
        ]
    },
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "agent.environment.template.deleted",
    missing: |id| Error::not_found(format!("Environment template with id '{id}' not found.")),
};

pub(super) static ENVIRONMENTS: Collection = Collection {
    path: "/agents/environments",
    serves: &[Verb::List, Verb::Get],
    object: "agent.environment",
    prefix: "env_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &["type"],
    deleted: "agent.environment.deleted",
    missing: |id| Error::not_found(format!("Environment with id '{id}' not found.")),
};

/// Files by the environment that they are in and their path: their sizes.
#[derive(Default)]
struct Files(HashMap<String, BTreeMap<String, usize>>);

/// Environments that were made, by the key of the request that made them.
#[derive(Default)]
struct Made(HashMap<String, Value>);

pub(super) fn routes() -> Router {
    ENVIRONMENTS
        .routes()
        .merge(TEMPLATES.routes())
        .route("/agents/environments/templates", post(create_template))
        .route("/agents/environments", post(create))
        .route("/agents/environments/{id}/files", get(list_files).post(put_file))
}

async fn create_template(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    TEMPLATES.make(&mut account.world(), "", body).map(Answer)
}

async fn create(
    Extension(account): Caller,
    headers: axum::http::HeaderMap,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let mut environment = body.need("environment", Params::object)?;
    environment.need("type", |params, name| params.one_of(name, &["openai_hosted"]))?;
    body.strings("vault_ids", 0..=10)?;
    body.finish()?;
    let mut world = account.world();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    if let Some(made) = key.as_ref().and_then(|key| world.of::<Made>().0.get(key)) {
        return Ok(Answer(made.clone()));
    }
    let machine = machine(&mut world, &mut environment)?;
    environment.finish()?;
    let made = insert(&mut world, &machine);
    if let Some(key) = key {
        world.of::<Made>().0.insert(key, made.clone());
    }
    Ok(Answer(made))
}

/// A machine that is described, or made from a template.
pub(super) fn machine(world: &mut World, given: &mut Params) -> Result<Map<String, Value>> {
    let template = match given.string("environment_template_id")? {
        None => Map::new(),
        Some(id) => match &TEMPLATES.find(world, "", &id)?.shown {
            Value::Object(template) => template.clone(),
            _ => Map::new(),
        },
    };
    let mut machine = Map::new();
    for field in &config::MACHINE {
        let said = given.mentions(field.name);
        let shown = (field.read)(given, field.name)?;
        let shown = template.get(field.name).filter(|_| !said).cloned().or(shown);
        machine.extend(shown.map(|value| (field.name.to_owned(), value)));
    }
    config::made(&mut machine, || world.mint("envfile_"));
    Ok(machine)
}

/// Keeps an environment, with its files.
pub(super) fn insert(world: &mut World, machine: &Map<String, Value>) -> Value {
    let mut shown =
        Map::from_iter([("type".to_owned(), "openai_hosted".into()), ("status".to_owned(), "ready".into())]);
    for name in ["files", "plugins", "skills"] {
        shown.insert(name.to_owned(), machine.get(name).cloned().unwrap_or_else(|| json!([])));
    }
    let made = ENVIRONMENTS.insert(world, "", shown, None);
    let files = made.get("files").and_then(Value::as_array).into_iter().flatten();
    let sizes = files.map(|file| {
        let size = file.get("size_bytes").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        (json::text(file, "path").to_owned(), size.unwrap_or_default())
    });
    let sizes = sizes.collect();
    world.of::<Files>().0.insert(json::text(&made, "id").to_owned(), sizes);
    made
}

async fn put_file(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let kind = body.need("type", |params, name| params.one_of(name, &["file_id", "inline"]))?;
    let path = config::place(&mut body)?;
    let mut world = account.world();
    ENVIRONMENTS.find(&mut world, "", &id)?;
    let size = match kind {
        "inline" => config::bytes(&mut body, "data")?.len(),
        _ => {
            body.need("file_id", Params::string)?;
            0
        }
    };
    body.finish()?;
    world.of::<Files>().0.entry(id.clone()).or_default().insert(path.clone(), size);
    Ok(Answer(json!({"object": "agent.environment.file", "environment_id": id, "path": path, "size_bytes": size})))
}

async fn list_files(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let limit = query.integer("limit", 1..=100)?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(20);
    let ascending = query.one_of("order", &["asc", "desc"])? == Some("asc");
    let (page, folder) = (query.string("page")?, query.string("path")?);
    query.finish()?;
    let mut world = account.world();
    ENVIRONMENTS.find(&mut world, "", &id)?;
    let files = world.of::<Files>().0.entry(id.clone()).or_default();
    let within = |path: &str| {
        folder.as_ref().is_none_or(|folder| {
            path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let mut found: Vec<(&String, &usize)> = files.iter().filter(|(path, _)| within(path)).collect();
    if !ascending {
        found.reverse();
    }
    // A page is named by the path that it begins with.
    let start = page.and_then(|page| found.iter().position(|(path, _)| **path == page)).unwrap_or_default();
    let next = found.get(start + limit).map(|(path, _)| (*path).clone());
    let data: Vec<Value> = found
        .into_iter()
        .skip(start)
        .take(limit)
        .map(|(path, size)| {
            json!({"object": "agent.environment.file", "environment_id": id, "path": path, "size_bytes": size})
        })
        .collect();
    Ok(Answer(json!({"object": "list", "data": data, "has_more": next.is_some(), "next": next})))
}
