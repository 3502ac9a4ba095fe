//! Who does what a tool asks for: OpenAI's Responses and Conversations with our store, or a server that speaks the
//! Assistants API itself.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use serde_json::Map;

/// The arguments of a call, read.
pub(crate) type Args = Map<String, Value>;

/// The two ways.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Backend {
    /// Responses, Conversations and the store.
    Responses,
    /// The requests as they are.
    Native,
}

/// The one that the operator chose with `OPENAI_MCP_ASSISTANTS`.
pub(crate) fn of(cx: &Context) -> Result<Backend> {
    match cx.setting("ASSISTANTS") {
        None | Some("responses") => Ok(Backend::Responses),
        Some("native") => Ok(Backend::Native),
        Some(other) => Err(Error::new(
            Kind::Unsupported,
            format!("the operator's OPENAI_MCP_ASSISTANTS: expected `responses` or `native`, got `{other}`"),
        )),
    }
}

/// Gives tools their code: for each a function that does the same with Responses and the store.
macro_rules! backed {
    ($($tool:ident => $emulated:path),* $(,)?) => {$(
        impl $tool {
            async fn run(self, cx: Context) -> Result<Output> {
                let arguments = cx.arguments().clone();
                match $crate::backend::of(&cx)? {
                    $crate::backend::Backend::Native => $crate::backend::send(&cx, &Self::SPEC, arguments).await,
                    $crate::backend::Backend::Responses => {
                        $emulated(&cx, arguments.read()?).await.map(|value| Output::json(&value))
                    }
                }
            }
        }
    )*};
}
pub(crate) use backed;

/// Sends the request as it is. A stream is told as it comes, and its last run is the result.
pub(crate) async fn send(cx: &Context, spec: &'static Spec, arguments: Arguments) -> Result<Output> {
    let args: Args = arguments.read()?;
    if args.get("stream") != Some(&Value::Bool(true)) {
        return cx.send(spec, arguments).bytes().await.map(Output::Json);
    }
    let mut events = Events::new(cx.send(spec, arguments).response().await?)?;
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
    last.map(Output::Json).ok_or_else(|| Error::new(Kind::Answer, "the stream ended without a run"))
}
