//! `/containers`, in which code interpreters work.
//!
//! # Where it differs from the API
//!
//! Nothing runs in a container, and none expires. It has no files; those that it is to begin with, and its skills, are not
//! looked at.

use axum::Router;
use serde_json::{Value, json};

use crate::crud::{self, Collection, Field, Need, Verb};
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::Params;
use crate::shelf::Paging;
use crate::world::{World, now};

static CONTAINERS: Collection = Collection {
    path: "/containers",
    serves: &[Verb::Create, Verb::List, Verb::Get, Verb::Delete],
    object: "container",
    prefix: "cntr_",
    fields: &[
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::No },
        Field { name: "status", read: |_, _| Ok(Some("running".into())), create: Need::May, modify: Need::No },
        Field { name: "last_active_at", read: |_, _| Ok(Some(now().into())), create: Need::May, modify: Need::No },
        Field { name: "expires_after", read: expires_after, create: Need::May, modify: Need::No },
        Field { name: "memory_limit", read: memory_limit, create: Need::May, modify: Need::No },
        Field { name: "network_policy", read: network_policy, create: Need::May, modify: Need::No },
        Field { name: "file_ids", read: unseen, create: Need::May, modify: Need::No },
        Field { name: "skills", read: unseen, create: Need::May, modify: Need::No },
    ],
    paging: Paging::NEWEST,
    filters: &["name"],
    deleted: "container.deleted",
    missing: |id| Error::not_found(format!("Container with id '{id}' not found.")),
};

pub(crate) fn routes() -> Router {
    CONTAINERS.routes()
}

/// Refuses a container that is not there.
pub(crate) fn check(world: &mut World, id: &str) -> Result<()> {
    CONTAINERS.find(world, "", id).map(drop)
}

/// A container for a response that brings none.
pub(crate) fn open(world: &mut World) -> Result<String> {
    let made = CONTAINERS.make(world, "", Params::nested(String::new(), json!({"name": "auto"}))?)?;
    Ok(text(&made, "id").to_owned())
}

fn expires_after(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut after) = params.object(name)? else {
        return Ok(Some(json!({"anchor": "last_active_at", "minutes": 20})));
    };
    let anchor = after.need("anchor", |params, name| params.one_of(name, &["last_active_at"]))?;
    let minutes = after.need("minutes", |params, name| params.integer(name, 1..=20))?;
    after.finish()?;
    Ok(Some(json!({"anchor": anchor, "minutes": minutes})))
}

fn memory_limit(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.one_of(name, &["1g", "4g", "16g", "64g"])?.unwrap_or("1g").into()))
}

fn network_policy(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut policy) = params.object(name)? else { return Ok(Some(json!({"type": "disabled"}))) };
    let kind = policy.need("type", |params, name| params.one_of(name, &["allowlist", "disabled"]))?;
    if kind == "disabled" {
        policy.finish()?;
        return Ok(Some(json!({"type": "disabled"})));
    }
    let domains = policy.need("allowed_domains", |params, name| params.strings(name, 1..=usize::MAX))?;
    policy.array("domain_secrets", 0..=usize::MAX)?;
    policy.finish()?;
    Ok(Some(json!({"type": "allowlist", "allowed_domains": domains})))
}

fn unseen(params: &mut Params, name: &str) -> Result<Option<Value>> {
    params.array(name, 0..=usize::MAX).map(|_| None)
}
