//! Agents that are kept.

use axum::extract::Extension;
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::Value;

use super::config::{self, UPDATED};
use crate::api::models;
use crate::crud::{self, Collection, Field, Need, Verb};
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::shelf::Paging;
use crate::world::Caller;

pub(super) static AGENTS: Collection = Collection {
    path: "/agents",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "agent",
    prefix: "agent_",
    fields: &{
        let [instructions, tools, reasoning, text, multi_agent, service_tier, compaction, experimental] =
            config::SETTINGS;
        [
            Field { name: "model", read: model, create: Need::Must, modify: Need::May },
            Field { name: "name", read: config::text, create: Need::May, modify: Need::May },
            Field { name: "metadata", read: crud::metadata, create: Need::May, modify: Need::May },
            UPDATED,
            instructions,
            tools,
            reasoning,
            text,
            multi_agent,
            service_tier,
            compaction,
            experimental,
        ]
    },
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "agent.deleted",
    missing: |id| Error::not_found(format!("Agent with id '{id}' not found.")),
};

pub(super) fn routes() -> Router {
    AGENTS.routes().route("/agents", post(create))
}

/// A model that answers.
fn model(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let model = params.need(name, Params::string)?;
    models::check(&model, Use::Response)?;
    Ok(Some(model.into()))
}

async fn create(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    AGENTS.make(&mut account.world(), "", body).map(Answer)
}
