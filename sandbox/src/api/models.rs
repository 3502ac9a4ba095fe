//! `/models`: what there is to ask, and to be refused.
//!
//! # Where it differs from the API
//!
//! Models are those that the SDK names, and any that was fine-tuned from one of them. They come and go with the sandbox's
//! versions, not with the calendar. All of them are the same. A fine-tuned one that is deleted is not shown any more, and
//! answers all the same; in which words the API refuses to delete its own models is not known.

use std::collections::HashSet;

use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::engine::catalog::{self, Absence, Model, Use};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::world::Caller;

/// When models of the sandbox were made, in seconds since the epoch.
const CREATED: u64 = 1_750_000_000;

pub(crate) fn routes() -> Router {
    Router::new().route("/models", get(list)).route("/models/{model}", get(retrieve).delete(delete))
}

/// Reads the `model` of a request, which must be there for a use.
pub(crate) fn read(params: &mut Params, usual: Option<&str>, wanted: Use) -> Result<String> {
    let model = params.string("model")?.or(usual.map(str::to_owned));
    let model = params.required("model", model)?;
    check(&model, wanted).map(|()| model)
}

/// Refuses a model that is not there for a use.
pub(crate) fn check(model: &str, wanted: Use) -> Result<()> {
    let message = match (catalog::find(model, wanted), wanted) {
        (Ok(()), _) => return Ok(()),
        (Err(Absence::Gone), _) => format!(
            "The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        ),
        (Err(Absence::Other), Use::Chat) => {
            let message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint. \
                           Did you mean to use v1/completions?";
            return Err(Error::not_found(message).param("model"));
        }
        (Err(Absence::Unknown), Use::Response) => {
            return Err(absent(format!("The requested model '{model}' does not exist.")).param("model"));
        }
        (Err(Absence::Unknown | Absence::Other), _) => {
            format!("The model `{model}` does not exist or you do not have access to it.")
        }
    };
    Err(absent(message))
}

fn absent(message: String) -> Error {
    Error::not_found(message).code("model_not_found")
}

fn show(name: &str, ends: Option<&str>) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "sandbox", "shutdown_date": ends})
}

async fn list() -> Answer<Value> {
    let data: Vec<Value> =
        catalog::all().filter(|model| !model.is_gone()).map(|model| show(model.name, model.ends)).collect();
    Answer(json!({"object": "list", "data": data}))
}

/// Fine-tuned models that were deleted.
#[derive(Default)]
struct Deleted(HashSet<String>);

/// A model that is there, by its name and its base.
fn find(deleted: &Deleted, name: &str) -> Result<Model> {
    let known = catalog::base(name).filter(|model| !model.is_gone() && !deleted.0.contains(name));
    known.ok_or_else(|| absent(format!("The model '{name}' does not exist")).param("model"))
}

async fn retrieve(Extension(account): Caller, Path(name): Path<String>) -> Result<Answer<Value>> {
    let model = find(account.world().of(), &name)?;
    Ok(Answer(show(&name, model.ends)))
}

async fn delete(Extension(account): Caller, Path(name): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let deleted = world.of::<Deleted>();
    find(deleted, &name)?;
    if !name.starts_with("ft:") {
        let message = format!("The model '{name}' is OpenAI's. Only fine-tuned models can be deleted.");
        return Err(Error::new(StatusCode::FORBIDDEN, message).param("model"));
    }
    deleted.0.insert(name.clone());
    Ok(Answer(json!({"id": name, "object": "model", "deleted": true})))
}
