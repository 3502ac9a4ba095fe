//! Runs of an assistant on a thread. <https://platform.openai.com/docs/api-reference/runs>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::page::TwoWayPage;
use openai_mcp_shapes::{Effort, Patience};

use crate::emulated::Members as _;
use crate::shapes::{Include, NewMessage, Tool, ToolResources, Truncation};

tools![Create, List, Get, Modify, Cancel, SubmitToolOutputs, Wait, ThreadRunCreate];

/// Run an assistant on a thread, in the background; then run-wait.
///
/// What is given stands above the assistant's own. A thread has one active run at a time and takes no messages meanwhile.
#[tool("run-create", POST "/threads/{thread_id}/runs")]
struct Create {
    thread_id: String,
    assistant_id: String,
    model: Option<Nullable<String>>,
    instructions: Option<Nullable<Text<0, 256_000>>>,
    additional_instructions: Option<Nullable<String>>,
    additional_messages: Option<Nullable<Vec<NewMessage>>>,
    tools: Option<Nullable<Vec<Tool>>>,
    /// none, auto, required, or {"type": …, "function": {"name"}}.
    tool_choice: Option<Nullable<Json>>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Nullable<Json>>,
    reasoning_effort: Option<Nullable<Effort>>,
    temperature: Option<Nullable<Num<0, 2>>>,
    top_p: Option<Nullable<Num<0, 1>>>,
    max_prompt_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    max_completion_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    truncation_strategy: Option<Nullable<Truncation>>,
    metadata: Option<Nullable<Metadata>>,
    /// Follow to the end, with the text as progress.
    stream: Option<Nullable<bool>>,
    #[query]
    include: Option<Vec<Include>>,
}

/// List the runs of a thread.
#[tool("run-list", GET "/threads/{thread_id}/runs", records)]
struct List {
    thread_id: String,
    #[flatten]
    page: TwoWayPage,
}

/// Get a run: status, required action, error, usage.
#[tool("run-get", GET "/threads/{thread_id}/runs/{run_id}", records)]
struct Get {
    thread_id: String,
    run_id: String,
}

/// Replace the metadata of a run.
#[tool("run-modify", POST "/threads/{thread_id}/runs/{run_id}", destroys, idempotent)]
struct Modify {
    thread_id: String,
    run_id: String,
    metadata: Option<Nullable<Metadata>>,
}

/// Cancel an active run.
#[tool("run-cancel", POST "/threads/{thread_id}/runs/{run_id}/cancel", destroys, idempotent)]
struct Cancel {
    thread_id: String,
    run_id: String,
}

/// Give a run in requires_action the outputs of its function calls, all at once.
#[tool("run-submit-tool-outputs", POST "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs")]
struct SubmitToolOutputs {
    thread_id: String,
    run_id: String,
    tool_outputs: Vec<ToolOutput>,
    stream: Option<Nullable<bool>>,
}

#[shape]
struct ToolOutput {
    tool_call_id: Option<String>,
    output: Option<String>,
}

/// Create a thread and run an assistant on it, in the background.
#[tool("thread-run-create", POST "/threads/runs")]
struct ThreadRunCreate {
    assistant_id: String,
    /// messages, tool_resources and metadata, as thread-create takes them.
    thread: Option<Json>,
    model: Option<Nullable<String>>,
    instructions: Option<Nullable<Text<0, 256_000>>>,
    tools: Option<Nullable<Vec<Tool>>>,
    tool_resources: Option<Nullable<ToolResources>>,
    tool_choice: Option<Nullable<Json>>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Nullable<Json>>,
    temperature: Option<Nullable<Num<0, 2>>>,
    top_p: Option<Nullable<Num<0, 1>>>,
    max_prompt_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    max_completion_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    truncation_strategy: Option<Nullable<Truncation>>,
    metadata: Option<Nullable<Metadata>>,
    stream: Option<Nullable<bool>>,
}

/// Wait until a run ends or requires action.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`. Before run-submit-tool-outputs, run
/// the functions of `required_action` first.
#[tool("run-wait", reads, records)]
struct Wait {
    thread_id: String,
    run_id: String,
    #[flatten]
    patience: Patience,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let run = json!({"thread_id": self.thread_id, "run_id": self.run_id});
        let again = Next { tool: Self::SPEC.name, arguments: run.clone() };
        wait(&cx, self.patience.timeout, again, Running(run)).await
    }
}

/// A run, by its thread and itself.
struct Running(Value);

impl Watched for Running {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let run = cx.send(&Get::SPEC, self.0.clone()).value().await?;
        let stage = match run.at("status").as_str().unwrap_or_default() {
            status @ ("queued" | "in_progress" | "cancelling") => {
                cx.tell(status);
                Stage::Going
            }
            "requires_action" => Stage::Asks(Next { tool: SubmitToolOutputs::SPEC.name, arguments: self.0.clone() }),
            _ => Stage::Done,
        };
        Ok(Look { object: run, stage, beside: Default::default() })
    }
}
