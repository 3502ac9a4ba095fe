//! Who does what a tool asks for: OpenAI's Responses and Conversations with our store, or a server that speaks the
//! Assistants API itself.

use futures_util::future::{BoxFuture, FutureExt as _};
use openai_mcp_kernel::events::Streamed;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::emulated::{assistants, messages, runs, steps, threads};

/// Answers the requests of the Assistants API with Responses and the store, unless the operator chose otherwise with
/// `OPENAI_MCP_ASSISTANTS`.
pub(crate) fn stand_in(
    cx: &Context,
    spec: &'static Spec,
    arguments: &Arguments,
) -> Option<BoxFuture<'static, Result<Value>>> {
    let (cx, arguments) = (cx.clone(), arguments.clone());
    match cx.setting("ASSISTANTS") {
        None | Some("responses") => emulated(cx, spec, &arguments),
        Some("native") => {
            let streams = arguments.member("stream").is_ok_and(|stream| stream == Some(true));
            streams.then(|| async move { follow(&cx, spec, arguments).await }.boxed())
        }
        Some(other) => {
            let text = format!("the operator's OPENAI_MCP_ASSISTANTS: expected `responses` or `native`, got `{other}`");
            Some(async move { Err(Error::new(Kind::Unsupported, text)) }.boxed())
        }
    }
}

/// The function that does the same with Responses and the store.
fn emulated(cx: Context, spec: &Spec, arguments: &Arguments) -> Option<BoxFuture<'static, Result<Value>>> {
    macro_rules! emulate {
        ($($tool:literal => $function:path),* $(,)?) => {
            match spec.name {
                $($tool => {
                    let args = arguments.read();
                    Some(async move { $function(&cx, args?).await }.boxed())
                })*
                _ => None,
            }
        };
    }
    emulate! {
        "assistant-create" => assistants::create,
        "assistant-list" => assistants::list,
        "assistant-get" => assistants::get,
        "assistant-modify" => assistants::modify,
        "assistant-delete" => assistants::delete,
        "thread-create" => threads::create,
        "thread-get" => threads::get,
        "thread-modify" => threads::modify,
        "thread-delete" => threads::delete,
        "message-create" => messages::create,
        "message-list" => messages::list_page,
        "message-get" => messages::get,
        "message-modify" => messages::modify,
        "message-delete" => messages::delete,
        "run-create" => runs::create,
        "run-list" => runs::list,
        "run-get" => runs::get,
        "run-modify" => runs::modify,
        "run-cancel" => runs::cancel,
        "run-submit-tool-outputs" => runs::submit,
        "thread-run-create" => runs::create_with_thread,
        "run-step-list" => steps::list,
        "run-step-get" => steps::get,
    }
}

/// Sends a request for a stream, tells the text as it comes, and gives the last run.
async fn follow(cx: &Context, spec: &'static Spec, arguments: Arguments) -> Result<Value> {
    let mut events = match cx.send(spec, arguments).past_stand_in().streamed().await? {
        Streamed::Events(events) => events,
        Streamed::Whole(run) => return Ok(run),
    };
    let mut last = None;
    while let Some(event) = events.next().await? {
        match event.name.as_deref() {
            Some("thread.message.delta") => {
                let delta: Value = serde_json::from_slice(&event.data).unwrap_or_default();
                let parts = delta.pointer("/delta/content").and_then(Value::as_array);
                for text in parts.into_iter().flatten().filter_map(|part| part.pointer("/text/value")?.as_str()) {
                    cx.tell_text(text);
                }
            }
            Some(name) if name.starts_with("thread.run.") && !name.starts_with("thread.run.step.") => {
                last = Some(event.data);
            }
            _ => {}
        }
    }
    cx.flush_text();
    let last = last.ok_or_else(|| Error::new(Kind::Answer, "the stream ended without a run"))?;
    serde_json::from_slice(&last).map_err(|error| Error::new(Kind::Answer, format!("the run is not JSON: {error}")))
}
