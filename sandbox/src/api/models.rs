//! `/models`: what there is to ask, and to be refused.
//!
//! # Where it differs from the API
//!
//! Models are those that the SDK names, and any that was fine-tuned from one of them. They come and go with the sandbox's
//! versions, not with the calendar. All of them are the same.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::engine::catalog::{self, Absence, Use};
use crate::error::{Error, Result};
use crate::params::Params;

/// When models of the sandbox were made, in seconds since the epoch.
const CREATED: u64 = 1_750_000_000;

pub(crate) fn routes() -> Router {
    Router::new().route("/models", get(list)).route("/models/{model}", get(retrieve))
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

async fn retrieve(Path(name): Path<String>) -> Result<Answer<Value>> {
    let known = catalog::base(&name).filter(|model| !model.is_gone());
    let model = known.ok_or_else(|| absent(format!("The model '{name}' does not exist")).param("model"))?;
    Ok(Answer(show(&name, model.ends)))
}
