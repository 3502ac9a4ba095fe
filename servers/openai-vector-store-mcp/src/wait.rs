//! Waiting for the indexing that runs in the background.

use std::time::Duration;

use openai_mcp_kernel::prelude::*;

use crate::{batch, file, store};

tools![Wait];

/// Wait until a vector store, one of its files or a file batch is indexed.
///
/// Returns after `timeout` at the latest; if `done` is false, call again.
#[tool("vector-store-wait", reads)]
struct Wait {
    vector_store_id: String,
    /// Wait for this file alone.
    file_id: Option<String>,
    /// Wait for this file batch alone.
    batch_id: Option<String>,
    /// Seconds; 45 unless told.
    timeout: Option<Int<0, 3600>>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let Wait { vector_store_id, file_id, batch_id, timeout } = self;
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
        let started = cx.now();
        let patience = Duration::from_secs(timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        loop {
            let object = cx.call_value(spec, arguments.clone()).await?;
            let done = object.get("status").and_then(Value::as_str) != Some("in_progress");
            let waited = cx.now().saturating_sub(started);
            let pause = cx.poll_pause();
            if done || waited + pause > patience {
                return Ok(Output::json(&json!({"done": done, "waited_seconds": waited.as_secs(), "object": object})));
            }
            tell(&cx, &object);
            cx.sleep(pause).await;
        }
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
