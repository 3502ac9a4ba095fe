//! Runs of an eval. <https://platform.openai.com/docs/api-reference/evals/createRun>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;

use crate::brief;
use crate::local::{self, runs};

tools![Create, List, Get, Cancel, Delete];

/// Run an eval: sample a model for each item, or not, and grade.
///
/// Then eval-run-wait. Models that answer or grade are paid for; `check` tells before.
#[tool("eval-run-create", POST "/evals/{eval_id}/runs", run, open)]
pub(crate) struct Create {
    eval_id: String,
    name: Option<String>,
    /// {type: jsonl | completions | responses, source: {type: file_content, content: [{item, sample?}]} or {type: file_id, id} or
    /// {type: stored_completions, model?, metadata?, created_after?, created_before?, limit?}}; to sample also {model,
    /// input_messages: {type: template, template: messages} or {type: item_reference, item_reference: "item.…"},
    /// sampling_params?}. `responses` samples in the background, fit for slow models
    data_source: JsonObject,
    metadata: Option<Nullable<Metadata>>,
    /// Samples of each item.
    #[local]
    repeats: Option<Int<1, 100>>,
    /// Items at work at once.
    #[local]
    concurrency: Option<Int<1, 64>>,
    /// End the run when it has used so many tokens.
    #[local]
    max_tokens: Option<Int<1, 1_000_000_000>>,
    /// Count items and requests, show the first prompt; nothing is kept or spent.
    #[local]
    check: Option<Check>,
    #[local]
    full: Option<bool>,
}

#[shape(read)]
enum Check {
    Only,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let Create { repeats, concurrency, max_tokens, check, full } = self;
        let own = [
            ("repeats", repeats.is_some()),
            ("concurrency", concurrency.is_some()),
            ("max_tokens", max_tokens.is_some()),
            ("check", check.is_some()),
        ];
        if local::is_native(&cx)
            && let Some((name, _)) = own.into_iter().find(|(_, given)| *given)
        {
            return Err(local::not_native(name));
        }
        if let Some(Check::Only) = check {
            return Ok(Output::json(&runs::check(&cx).await?));
        }
        let run = cx.send(&Self::SPEC, cx.arguments()).value().await?;
        Ok(Output::json(&if full == Some(true) { run } else { brief::run(run) }))
    }
}

/// List runs of an eval.
#[tool("eval-run-list", GET "/evals/{eval_id}/runs", brief = brief::run)]
struct List {
    eval_id: String,
    limit: Option<Int<1, 100>>,
    order: Option<Order>,
    status: Option<Status>,
    after: Option<String>,
}

#[shape]
enum Status {
    Queued,
    InProgress,
    Completed,
    Canceled,
    Failed,
}

/// Get a run: status, counts, usage. One that is not done goes on meanwhile.
#[tool("eval-run-get", GET "/evals/{eval_id}/runs/{run_id}", records, brief = brief::run)]
pub(crate) struct Get {
    eval_id: String,
    run_id: String,
}

/// Cancel a run: what is not begun is not done.
#[tool("eval-run-cancel", POST "/evals/{eval_id}/runs/{run_id}/cancel", destroys, idempotent, brief = brief::run)]
struct Cancel {
    eval_id: String,
    run_id: String,
}

/// Delete a run with its items.
#[tool("eval-run-delete", DELETE "/evals/{eval_id}/runs/{run_id}")]
struct Delete {
    eval_id: String,
    run_id: String,
}
