//! Waiting for the indexing that runs in the background.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::Patience;

use crate::{batch, file, store};

tools![Wait];

/// Wait until a vector store, one of its files or a file batch is indexed.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("vector-store-wait", reads)]
struct Wait {
    vector_store_id: String,
    /// Wait for this file alone.
    file_id: Option<String>,
    /// Wait for this file batch alone.
    batch_id: Option<String>,
    #[flatten]
    patience: Patience,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let Wait { vector_store_id, file_id, batch_id, patience } = self;
        let (spec, arguments) = match (file_id, batch_id) {
            (None, None) => (&store::Get::SPEC, json!({"vector_store_id": vector_store_id})),
            (Some(file_id), None) => {
                (&file::Get::SPEC, json!({"vector_store_id": vector_store_id, "file_id": file_id}))
            }
            (None, Some(batch_id)) => {
                (&batch::Get::SPEC, json!({"vector_store_id": vector_store_id, "batch_id": batch_id}))
            }
            (Some(_), Some(_)) => return Err(Error::argument("batch_id", "expected either `file_id` or `batch_id`")),
        };
        let again = Next { tool: Self::SPEC.name, arguments: arguments.clone() };
        wait(&cx, patience.timeout, again, Indexing { spec, arguments }).await
    }
}

/// What is being indexed: the request that shows it.
struct Indexing {
    spec: &'static Spec,
    arguments: Value,
}

impl Watched for Indexing {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let object = cx.send(self.spec, self.arguments.clone()).value().await?;
        let stage = match object.get("status").and_then(Value::as_str) {
            Some("completed" | "failed" | "cancelled" | "expired") => Stage::Done,
            // A status that is not known is one on the way.
            _ => {
                tell(cx, &object);
                Stage::Going
            }
        };
        Ok(Look { object, stage, beside: Default::default() })
    }
}

/// Files that are through, of all files: the measure of progress, where there are counts.
fn tell(cx: &Context, object: &Value) {
    let count = |name: &str| object.get("file_counts").and_then(|counts| counts.get(name)).and_then(Value::as_u64);
    match (count("total"), count("in_progress")) {
        (Some(total), Some(running)) if total > 0 => {
            let through = total.saturating_sub(running);
            cx.progress(through as f64, Some(total as f64), &format!("{through} of {total} files indexed"));
        }
        _ => cx.tell("indexing"),
    }
}
