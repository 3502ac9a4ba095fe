//! Runs of an assistant on a thread. <https://platform.openai.com/docs/api-reference/runs>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::page::TwoWayPage;
use openai_mcp_shapes::{Effort, Patience};
use serde_json::Map;

use crate::emulated::Members as _;
use crate::shapes::{Include, NewMessage, NewThread, ResponseFormat, Tool, ToolChoice, ToolResources, Truncation};
use crate::{brief, message};

tools![Create, List, Get, Modify, Cancel, SubmitToolOutputs, Wait, ThreadRunCreate];

/// Run an assistant on a thread, in the background; then run-wait.
///
/// Arguments replace the assistant's own. A thread has one active run at a time, and takes no messages meanwhile.
#[tool("run-create", POST "/threads/{thread_id}/runs", run)]
struct Create {
    thread_id: String,
    assistant_id: String,
    model: Option<Nullable<String>>,
    instructions: Option<Nullable<Text<0, 256_000>>>,
    additional_instructions: Option<Nullable<String>>,
    /// As in thread-create.
    additional_messages: Option<Nullable<Vec<Brief<NewMessage>>>>,
    /// As in assistant-create.
    tools: Option<Nullable<Vec<Brief<Tool>>>>,
    /// A tool: {"type": …, "function": {"name"}}.
    tool_choice: Option<Nullable<ToolChoice>>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Nullable<ResponseFormat>>,
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
    #[local]
    full: Option<bool>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let run = cx.send(&Self::SPEC, cx.arguments()).value().await?;
        show(&cx, run, self.full).await
    }
}

/// List the runs of a thread.
#[tool("run-list", GET "/threads/{thread_id}/runs", records, brief = brief::run)]
struct List {
    thread_id: String,
    #[flatten]
    page: TwoWayPage,
}

/// Get a run: status, required action, error, usage.
#[tool("run-get", GET "/threads/{thread_id}/runs/{run_id}", records, brief = brief::run)]
struct Get {
    thread_id: String,
    run_id: String,
}

/// Replace the metadata of a run.
#[tool("run-modify", POST "/threads/{thread_id}/runs/{run_id}", destroys, idempotent, brief = brief::run)]
struct Modify {
    thread_id: String,
    run_id: String,
    metadata: Option<Nullable<Metadata>>,
}

/// Cancel an active run.
#[tool("run-cancel", POST "/threads/{thread_id}/runs/{run_id}/cancel", destroys, idempotent, brief = brief::run)]
struct Cancel {
    thread_id: String,
    run_id: String,
}

/// Give a run in requires_action the outputs of its function calls, all at once.
#[tool("run-submit-tool-outputs", POST "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", run)]
struct SubmitToolOutputs {
    thread_id: String,
    run_id: String,
    #[read]
    tool_outputs: Vec<ToolOutput>,
    stream: Option<Nullable<bool>>,
    #[local]
    full: Option<bool>,
}

#[shape(read)]
struct ToolOutput {
    tool_call_id: Option<String>,
    /// Text, or JSON.
    output: Option<Json>,
}

impl SubmitToolOutputs {
    async fn run(self, cx: Context) -> Result<Output> {
        let outputs = self.tool_outputs.into_iter().map(|given| {
            let output = given.output.map(|Json(output)| match output {
                Value::String(text) => text,
                other => other.to_string(),
            });
            let members = [("tool_call_id", given.tool_call_id), ("output", output)];
            let members = members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
            Value::Object(members.collect())
        });
        let arguments = cx.arguments().clone().set("tool_outputs", outputs.collect::<Vec<_>>());
        let run = cx.send(&Self::SPEC, arguments).value().await?;
        show(&cx, run, self.full).await
    }
}

/// Create a thread and run an assistant on it, in the background.
#[tool("thread-run-create", POST "/threads/runs", run)]
struct ThreadRunCreate {
    assistant_id: String,
    /// As thread-create takes it.
    thread: Option<Brief<NewThread>>,
    model: Option<Nullable<String>>,
    instructions: Option<Nullable<Text<0, 256_000>>>,
    /// As in assistant-create.
    tools: Option<Nullable<Vec<Brief<Tool>>>>,
    /// {code_interpreter: {file_ids}, file_search: {vector_store_ids}}
    tool_resources: Option<Nullable<Brief<ToolResources>>>,
    tool_choice: Option<Nullable<ToolChoice>>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<Nullable<ResponseFormat>>,
    temperature: Option<Nullable<Num<0, 2>>>,
    top_p: Option<Nullable<Num<0, 1>>>,
    max_prompt_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    max_completion_tokens: Option<Nullable<Int<256, 1_000_000_000>>>,
    truncation_strategy: Option<Nullable<Truncation>>,
    metadata: Option<Nullable<Metadata>>,
    stream: Option<Nullable<bool>>,
    #[local]
    full: Option<bool>,
}

impl ThreadRunCreate {
    async fn run(self, cx: Context) -> Result<Output> {
        let run = cx.send(&Self::SPEC, cx.arguments()).value().await?;
        show(&cx, run, self.full).await
    }
}

/// Shows a run that a call made go, and what it wrote if the call followed it to its end.
async fn show(cx: &Context, run: Value, full: Option<bool>) -> Result<Output> {
    if full == Some(true) {
        return Ok(Output::json(&run));
    }
    let mut shown = brief::run(run);
    if has_ended(&shown) {
        let ids = json!({"thread_id": shown.at("thread_id"), "run_id": shown.at("id")});
        match wrote(cx, &ids).await {
            Ok(messages) if messages.as_array().is_some_and(Vec::is_empty) => {}
            Ok(messages) => shown.put("messages", messages),
            // The run is paid for, so it is shown in any case.
            Err(error) => shown.put("note", format!("its messages could not be listed: {error}").into()),
        }
    }
    Ok(Output::json(&shown))
}

fn has_ended(run: &Value) -> bool {
    matches!(run.at("status").as_str(), Some("completed" | "failed" | "cancelled" | "incomplete" | "expired"))
}

/// The messages that a run wrote, from the oldest on.
async fn wrote(cx: &Context, run: &Value) -> Result<Value> {
    let asked = Arguments::from(run.clone()).set("order", "asc").set("limit", 100);
    let mut page = cx.send(&message::List::SPEC, asked).value().await?;
    let messages = page.at_mut("data").as_array_mut().map(std::mem::take).unwrap_or_default();
    Ok(messages.into_iter().map(brief::message).collect())
}

/// Wait until a run ends or requires action; gives the messages it wrote.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("run-wait", reads, records)]
struct Wait {
    thread_id: String,
    run_id: String,
    #[flatten]
    patience: Patience,
    full: Option<bool>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let run = json!({"thread_id": self.thread_id, "run_id": self.run_id});
        let again = Next { tool: Self::SPEC.name, arguments: run.clone() };
        wait(&cx, self.patience.timeout, again, Running { run, full: self.full == Some(true) }).await
    }
}

struct Running {
    /// Its thread and itself.
    run: Value,
    full: bool,
}

impl Watched for Running {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let mut run = cx.send(&Get::SPEC, self.run.clone()).value().await?;
        let stage = match run.at("status").as_str().unwrap_or_default() {
            _ if has_ended(&run) => Stage::Done,
            "requires_action" => Stage::Asks(Next { tool: SubmitToolOutputs::SPEC.name, arguments: self.run.clone() }),
            // A status that is not known is one on the way.
            status => {
                cx.tell(status);
                Stage::Going
            }
        };
        let mut beside = Map::new();
        if matches!(stage, Stage::Done) {
            beside.insert("messages".to_owned(), wrote(cx, &self.run).await?);
        }
        if !self.full {
            run = brief::run(run);
            // It stands beside the object.
            run.as_object_mut().map(|run| run.remove("next"));
        }
        Ok(Look { object: run, stage, beside })
    }
}
