//! Calls of tools that are given wild input, or get it for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::Script;
use serde_json::Value;

/// Whether the last panic was one of a decoder that is known to panic, and whose panics a server catches:
/// symphonia 0.6.1, in the floor of Vorbis, in Vorbis in Ogg and in its buffered source.
static KNOWN: AtomicBool = AtomicBool::new(false);

/// Says nothing of panics, which are told where they are caught, and remembers whose they are.
pub fn quiet() {
    std::panic::set_hook(Box::new(|panic| {
        KNOWN.store(panic.location().is_some_and(|at| at.file().contains("symphonia")), Ordering::Relaxed);
    }));
}

/// Calls a tool, which must answer.
pub(crate) fn call(server: &'static Definition, tool: &str, arguments: &Value, script: Arc<Script>) -> Value {
    let result = call_tool(server, tool, arguments, script);
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    let panicked = result["isError"] == true && text == "internal error";
    assert!(!panicked || KNOWN.load(Ordering::Relaxed), "{tool} panicked");
    assert!(result["content"].is_array(), "{tool}: {result}");
    result
}
