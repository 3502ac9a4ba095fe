//! Automations and their runs.

use axum::extract::{Extension, Path};
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use super::agent::AGENTS;
use super::{config, environment};
use crate::crud::{Collection, Verb};
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params};
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

static AUTOMATIONS: Collection = Collection {
    path: "/agents/automations",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "agent.automation",
    prefix: "auto_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &["session_id"],
    deleted: "agent.automation.deleted",
    missing: |id| Error::not_found(format!("Automation with id '{id}' not found.")),
};

static INVOCATIONS: Collection = Collection {
    path: "/agents/automations/{automation_id}/invocations",
    serves: &[Verb::List, Verb::Get],
    object: "agent.automation.invocation",
    prefix: "inv_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "agent.automation.invocation.deleted",
    missing: |id| Error::not_found(format!("Invocation with id '{id}' not found.")),
};

pub(super) fn routes() -> Router {
    AUTOMATIONS
        .routes()
        .merge(INVOCATIONS.routes())
        .route("/agents/automations", post(create))
        .route("/agents/automations/{id}", post(modify))
        .route("/agents/automations/{id}/pause", post(pause))
        .route("/agents/automations/{id}/resume", post(resume))
        .route("/agents/automations/{automation_id}/invocations", post(invoke))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let mut world = account.world();
    let kind = body.need("type", |params, name| params.one_of(name, &["periodic", "once"]))?;
    let mut shown = json!({
        "type": kind, "name": body.need("name", Params::string)?, "metadata": config::metadata(&mut body)?,
        "status": "active", "created_by": {"type": "developer"},
    });
    if kind == "once" {
        json::put(&mut shown, "run_at", run_at(&mut body)?);
    } else {
        json::put(&mut shown, "expression", expression(&mut body)?);
        json::put(&mut shown, "timezone", body.need("timezone", Params::string)?);
    }
    let given = body.need("target", Params::object)?;
    json::put(&mut shown, "target", target(&mut world, given)?);
    body.finish()?;
    match shown {
        Value::Object(fields) => Ok(Answer(AUTOMATIONS.insert(&mut world, "", fields, None))),
        other => Ok(Answer(other)),
    }
}

fn run_at(body: &mut Params) -> Result<i64> {
    let at = body.need("run_at", |params, name| params.integer(name, 0..=i64::MAX))?;
    if at.unsigned_abs() <= now() {
        return Err(Error::invalid("run_at", "invalid_value", "Invalid 'run_at': expected a time in the future."));
    }
    Ok(at)
}

fn expression(body: &mut Params) -> Result<String> {
    let expression = body.need("expression", Params::string)?;
    if expression.split_whitespace().count() != 5 {
        let message = "Invalid 'expression': expected a standard five-field cron expression.";
        return Err(Error::invalid("expression", "invalid_value", message));
    }
    Ok(expression)
}

fn target(world: &mut World, mut target: Params) -> Result<Value> {
    let kind = target.need("type", |params, name| params.one_of(name, &["new_session", "existing_session"]))?;
    let shown = if kind == "existing_session" {
        json!({
            "type": kind, "session_id": target.need("session_id", Params::string)?,
            "instructions": target.need("instructions", Params::string)?,
        })
    } else {
        let agent_id = target.string("agent_id")?;
        if let Some(id) = &agent_id {
            AGENTS.find(world, "", id)?;
        }
        let agent = match target.object("agent")? {
            None => Value::Null,
            Some(mut agent) => {
                let model = agent.need("model", Params::string)?;
                let mut shown = config::read(&mut agent, &config::SETTINGS)?;
                shown.insert("model".to_owned(), model.into());
                agent.finish()?;
                shown.into()
            }
        };
        if agent_id.is_some() != agent.is_null() {
            let path = target.path("agent");
            let message = format!("Invalid '{path}': provide exactly one of agent and agent_id.");
            return Err(Error::invalid(&path, "invalid_value", message));
        }
        let environment = environment(world, target.need("environment", Params::object)?)?;
        json!({
            "type": kind, "agent": agent, "agent_id": agent_id, "environment": environment,
            "input": config::messages(&mut target, "input")?, "metadata": config::metadata(&mut target)?,
            "vault_ids": target.strings("vault_ids", 0..=10)?.unwrap_or_default(),
        })
    };
    target.finish()?;
    Ok(shown)
}

/// The environment of sessions to come, as it is told.
fn environment(world: &mut World, mut given: Params) -> Result<Value> {
    let kind = given.need("type", |params, name| params.one_of(name, &["none", "openai_hosted", "self_hosted"]))?;
    let mut shown = Map::from_iter([("type".to_owned(), kind.into())]);
    match kind {
        "openai_hosted" => {
            for name in ["environment_id", "environment_template_id"] {
                shown.insert(name.to_owned(), given.peek(name).cloned().unwrap_or_default());
            }
            given.take("environment_id");
            let size = given.one_of("container_size", &["small", "medium", "large"])?;
            shown.insert("container_size".to_owned(), size.into());
            let mut machine = environment::machine(world, &mut given)?;
            // Files get their ids when a session begins.
            machine.remove("files");
            machine.remove("skills");
            shown.extend(machine);
        }
        "self_hosted" => {
            shown.insert("workspace_directory".to_owned(), given.need("workspace_directory", Params::string)?.into());
            let directories = given.strings("capability_directories", 0..=usize::MAX)?.unwrap_or_default();
            shown.insert("capability_directories".to_owned(), directories.into());
        }
        _ => {}
    }
    given.finish()?;
    Ok(shown.into())
}

async fn modify(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let mut world = account.world();
    let mut shown = AUTOMATIONS.find(&mut world, "", &id)?.shown.clone();
    if body.mentions("name") {
        json::put(&mut shown, "name", body.need("name", Params::string)?);
    }
    if body.mentions("metadata") {
        json::put(&mut shown, "metadata", config::metadata(&mut body)?);
    }
    let once = json::text(&shown, "type") == "once";
    if body.mentions("run_at") && once {
        json::put(&mut shown, "run_at", run_at(&mut body)?);
    }
    if body.mentions("expression") && !once {
        json::put(&mut shown, "expression", expression(&mut body)?);
    }
    if body.mentions("timezone") && !once {
        json::put(&mut shown, "timezone", body.need("timezone", Params::string)?);
    }
    if let Some(given) = body.object("target")? {
        json::put(&mut shown, "target", target(&mut world, given)?);
    }
    body.finish()?;
    AUTOMATIONS.find(&mut world, "", &id)?.shown = shown.clone();
    Ok(Answer(shown))
}

async fn pause(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    turn(&mut account.world(), &id, "paused")
}

async fn resume(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    turn(&mut account.world(), &id, "active")
}

fn turn(world: &mut World, id: &str, status: &str) -> Result<Answer<Value>> {
    let shown = &mut AUTOMATIONS.find(world, "", id)?.shown;
    json::put(shown, "status", status);
    Ok(Answer(shown.clone()))
}

async fn invoke(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let target = AUTOMATIONS.find(&mut world, "", &id)?.shown.get("target").cloned().unwrap_or_default();
    let session = target.get("session_id").cloned().unwrap_or_default();
    let invocation = json!({
        "automation_id": id, "error": null, "scheduled_at": null, "session_id": session, "skip_reason": null,
        "source": {"type": "manual"}, "status": "completed",
    });
    match invocation {
        Value::Object(fields) => Ok(Answer(INVOCATIONS.insert(&mut world, &id, fields, None))),
        other => Ok(Answer(other)),
    }
}
