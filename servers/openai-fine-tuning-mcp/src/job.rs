//! Jobs. <https://platform.openai.com/docs/api-reference/fine-tuning>

use std::sync::Arc;

use openai_mcp_graders::{Api, Criterion};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped};
use openai_mcp_shapes::page::Page;

use crate::example::Format;
use crate::training::{self, Paid, Wanted};

tools![Create, List, Get, Cancel, Pause, Resume, Events, Checkpoints];

/// Check the training file, then start a fine-tuning job.
///
/// A fault in the file is told by its line and nothing is spent. OpenAI takes no new jobs from 2027-01-06, and since
/// 2026-07-02 only from organizations that use fine-tuned models. Then: fine-tune-wait.
#[tool("fine-tune-create", POST "/fine_tuning/jobs", run)]
struct Create {
    /// As gpt-4.1-mini-2025-04-14.
    model: String,
    /// Id of a JSONL file with purpose fine-tune; with check only also a path or URL.
    #[read]
    training_file: String,
    #[read]
    validation_file: Option<Nullable<String>>,
    /// Default supervised.
    method: Option<Method>,
    /// Ends the model's name.
    suffix: Option<Nullable<Text<1, 64>>>,
    seed: Option<Nullable<Int<0, 2_147_483_647>>>,
    metadata: Option<Nullable<Metadata>>,
    integrations: Option<Nullable<Vec<Integration>>>,
    /// Deprecated: use method.
    #[unlisted]
    hyperparameters: Option<Hyperparameters>,
    /// Default first: then create. only: create nothing, tell examples and tokens. skip: leave it to OpenAI.
    #[local]
    check: Option<Check>,
}

#[shape(read)]
enum Check {
    First,
    Only,
    Skip,
}

#[shape(tag = "type")]
enum Method {
    Supervised {
        supervised: Option<Supervised>,
    },
    Dpo {
        /// {hyperparameters: {as supervised, and beta up to 2: higher keeps the model closer to its base}}
        dpo: Option<Brief<Dpo>>,
    },
    Reinforcement {
        /// {grader: as fine-tune-grader-run takes it, response_format?: {type: json_schema, json_schema}, hyperparameters?: {as
        /// supervised, and compute_multiplier up to 10, eval_interval in steps, eval_samples, reasoning_effort}}
        reinforcement: Brief<Reinforcement>,
    },
}

#[shape]
struct Supervised {
    hyperparameters: Option<Hyperparameters>,
}

#[shape]
struct Dpo {
    hyperparameters: Option<DpoHyperparameters>,
}

#[shape]
struct Reinforcement {
    grader: JsonObject,
    response_format: Option<JsonObject>,
    hyperparameters: Option<ReinforcementHyperparameters>,
}

#[shape]
struct Hyperparameters {
    n_epochs: Option<Whole<1, 50>>,
    batch_size: Option<Whole<1, 256>>,
    learning_rate_multiplier: Option<Number>,
}

#[shape]
struct DpoHyperparameters {
    #[flatten]
    usual: Hyperparameters,
    beta: Option<Number>,
}

#[shape]
struct ReinforcementHyperparameters {
    #[flatten]
    usual: Hyperparameters,
    compute_multiplier: Option<Number>,
    eval_interval: Option<Whole<1, 2_147_483_647>>,
    eval_samples: Option<Whole<1, 2_147_483_647>>,
    reasoning_effort: Option<Effort>,
}

#[shape]
enum Auto {
    Auto,
}

/// A whole number, or `auto`.
enum Whole<const MIN: i64, const MAX: i64> {}

impl<const MIN: i64, const MAX: i64> Shaped for Whole<MIN, MAX> {
    const SHAPE: Shape =
        Shape::Union(&[openai_mcp_kernel::schema::of::<Auto>, openai_mcp_kernel::schema::of::<Int<MIN, MAX>>]);
}

#[shape]
enum Number {
    Auto(Auto),
    Number(f64),
}

#[shape]
enum Effort {
    Default,
    Low,
    Medium,
    High,
}

#[shape]
struct Integration {
    #[unlisted]
    r#type: Kind,
    wandb: Wandb,
}

#[shape]
enum Kind {
    Wandb,
}

#[shape]
struct Wandb {
    project: String,
    name: Option<Nullable<String>>,
    entity: Option<Nullable<String>>,
    tags: Option<Vec<String>>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let given: Value = cx.arguments().read()?;
        let check = self.check.unwrap_or(Check::First);
        let validation = self.validation_file.and_then(|Nullable(id)| id);
        for (argument, id) in [("training_file", Some(&self.training_file)), ("validation_file", validation.as_ref())] {
            if let Some(id) = id.filter(|id| !matches!(check, Check::Only) && training::local(id).is_some()) {
                let problem = format!(
                    "expected the id of a file at OpenAI, got `{id}`\nhint: file-upload with purpose fine-tune gives one; \
                     `check` only checks the file where it is"
                );
                return Err(Error::argument(argument, problem));
            }
        }
        let mut checked = serde_json::Map::new();
        if !matches!(check, Check::Skip) {
            let wanted = Wanted { format: Format::of(&given), grader: grader(&given)?.map(Arc::new) };
            let trained = training::check(&cx, "training_file", &self.training_file, wanted.clone()).await?;
            checked.insert("training_file".into(), trained.show(&Paid::of(&given)));
            if let Some(id) = validation {
                let mut validated = training::check(&cx, "validation_file", &id, wanted).await?;
                validated.compare(&trained);
                checked.insert("validation_file".into(), validated.show(&Paid::Nothing));
            }
        }
        let checked = Value::Object(checked);
        if matches!(check, Check::Only) {
            return Ok(Output::json(&json!({"created": false, "check": checked})));
        }
        let job = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        // The job goes out as OpenAI wrote it.
        match String::from_utf8_lossy(&job).trim_start().strip_prefix('{') {
            Some(rest) if checked != json!({}) => {
                let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
                Ok(Output::Json(format!(r#"{{"check":{checked}{comma}{rest}"#).into()))
            }
            _ => Ok(Output::Json(job)),
        }
    }
}

/// The grader of a job by reinforcement, if it is of a type that is known here.
fn grader(given: &Value) -> Result<Option<Criterion>> {
    const PLACE: &str = "method.reinforcement.grader";
    let Some(grader) = given.pointer("/method/reinforcement/grader") else { return Ok(None) };
    match Criterion::read(grader, PLACE, Api::FineTuning) {
        Ok(criterion) => Ok(Some(criterion)),
        Err(faults) if faults.iter().any(|fault| fault.place.ends_with(".type")) => Ok(None),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let problem = format!(
                "nothing can be graded so, nothing was created\n{}\nhint: `check` skip leaves it to OpenAI",
                faults.join("\n")
            );
            Err(Error::argument(PLACE, problem))
        }
    }
}

/// List fine-tuning jobs.
#[tool("fine-tune-list", GET "/fine_tuning/jobs")]
struct List {
    #[flatten]
    page: Page,
    /// Jobs with these values.
    metadata: Option<Metadata>,
}

/// Get a fine-tuning job: status, error, model, result files.
#[tool("fine-tune-get", GET "/fine_tuning/jobs/{fine_tuning_job_id}")]
pub(crate) struct Get {
    fine_tuning_job_id: String,
}

/// Cancel a fine-tuning job for good.
#[tool("fine-tune-cancel", POST "/fine_tuning/jobs/{fine_tuning_job_id}/cancel", destroys, idempotent)]
struct Cancel {
    fine_tuning_job_id: String,
}

/// Pause a running fine-tuning job at its next checkpoint.
#[tool("fine-tune-pause", POST "/fine_tuning/jobs/{fine_tuning_job_id}/pause", idempotent)]
struct Pause {
    fine_tuning_job_id: String,
}

/// Resume a paused fine-tuning job.
#[tool("fine-tune-resume", POST "/fine_tuning/jobs/{fine_tuning_job_id}/resume", idempotent)]
pub(crate) struct Resume {
    fine_tuning_job_id: String,
}

/// List what happened in a fine-tuning job, the latest first.
#[tool("fine-tune-events", GET "/fine_tuning/jobs/{fine_tuning_job_id}/events")]
pub(crate) struct Events {
    fine_tuning_job_id: String,
    #[flatten]
    page: Page,
}

/// List the checkpoints of a fine-tuning job: usable models with their metrics.
#[tool("fine-tune-checkpoints", GET "/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints")]
pub(crate) struct Checkpoints {
    fine_tuning_job_id: String,
    #[flatten]
    page: Page,
}
