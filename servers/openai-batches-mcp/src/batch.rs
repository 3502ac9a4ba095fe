//! Batches themselves. <https://platform.openai.com/docs/api-reference/batch>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::Patience;
use openai_mcp_shapes::page::Page;
use openai_mcp_shapes::upload::ExpiresAfter;

use crate::endpoint::Endpoint;

tools![Create, Get, List, Cancel, Wait];

/// Start a batch; batch-prepare makes its file.
#[tool("batch-create", POST "/batches", run)]
pub(crate) struct Create {
    /// Of purpose batch.
    input_file_id: String,
    endpoint: Endpoint,
    #[unlisted]
    completion_window: Option<Window>,
    metadata: Option<Metadata>,
    /// Of the files with results. Default 30 days.
    output_expires_after: Option<ExpiresAfter>,
}

#[shape]
enum Window {
    #[wire("24h")]
    Day,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = cx.arguments();
        let arguments = match arguments.member::<String>("completion_window")? {
            Some(_) => arguments.clone(),
            None => arguments.clone().set("completion_window", "24h"),
        };
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// Get a batch: status, counts, files, usage.
#[tool("batch-get", GET "/batches/{batch_id}")]
pub(crate) struct Get {
    batch_id: String,
}

/// List batches, newest first.
#[tool("batch-list", GET "/batches")]
struct List {
    #[flatten]
    page: Page,
}

/// Cancel a batch; what is done by then stays, and is paid.
#[tool("batch-cancel", POST "/batches/{batch_id}/cancel", destroys, idempotent)]
struct Cancel {
    batch_id: String,
}

/// Wait until a batch has ended, and tell how far it is.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`. Then batch-results.
#[tool("batch-wait", reads)]
pub(crate) struct Wait {
    batch_id: String,
    #[flatten]
    patience: Patience,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let batch = json!({"batch_id": self.batch_id});
        let again = Next { tool: Self::SPEC.name, arguments: batch.clone() };
        wait(&cx, self.patience.timeout, again, Running(batch)).await
    }
}

/// A batch, by its id.
struct Running(Value);

impl Watched for Running {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let mut batch = cx.send(&Get::SPEC, self.0.clone()).value().await?;
        let count = |name: &str| batch.pointer(&format!("/request_counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
        let (total, through) = (count("total"), count("completed") + count("failed"));
        let status = batch.get("status").and_then(Value::as_str).unwrap_or_default();
        let stage = match status {
            "completed" | "failed" | "expired" | "cancelled" => Stage::Done,
            // A status that is not known is one on the way.
            _ => {
                let message = format!("{status}: {through} of {total} requests");
                cx.progress(through as f64, (total > 0).then_some(total as f64), &message);
                Stage::Going
            }
        };
        if let Some(batch) = batch.as_object_mut() {
            batch.retain(|_, value| !value.is_null());
        }
        Ok(Look { object: batch, stage, beside: Default::default() })
    }
}
