//! The choice of a tool as the API takes it: by its word, its kind, or its name.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::member as text;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// Kinds of choices, and of tools that need no name.
const KINDS: [&str; 17] = [
    "allowed_tools",
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use",
    "computer_use_preview",
    "custom",
    "file_search",
    "function",
    "image_generation",
    "local_shell",
    "mcp",
    "programmatic_tool_calling",
    "shell",
    "web_search",
    "web_search_preview",
    "web_search_preview_2025_03_11",
];

/// The arguments with `tool_choice` as the API takes it. What can only mean one thing is put so: the name of a tool in
/// `tools`, a choice as chat completions have it, `any` for `required`.
///
/// # Errors
/// The choice names nothing that is there.
pub(crate) fn settle(arguments: Arguments) -> Result<Arguments> {
    let Some(Value::Object(given)) = arguments.member::<Value>("tool_choice")? else { return Ok(arguments) };
    let tools: Value = arguments.member("tools")?.unwrap_or_default();
    let tools: Vec<&Value> = tools.as_array().into_iter().flatten().collect();
    let kind = given.get("type").and_then(Value::as_str).unwrap_or_default();
    let of_kind = |kind: &str| tools.iter().any(|tool| text(tool, "type") == kind);
    let sent = match kind {
        "any" => Value::from("required"),
        "auto" | "none" | "required" => kind.into(),
        // As other vendors have it.
        "tool" => match named(&tools, given.get("name").and_then(Value::as_str).unwrap_or_default()) {
            Some(choice) => choice,
            None => return Err(unknown(given.get("name").and_then(Value::as_str).unwrap_or(kind), &tools)),
        },
        // A function may have the name of a kind.
        _ if given.len() == 1
            && !of_kind(kind)
            && let Some(choice) = named(&tools, kind) =>
        {
            choice
        }
        _ if KINDS.contains(&kind) => flat(given.clone()).into(),
        _ if of_kind(kind) => return Ok(arguments),
        _ => return Err(unknown(kind, &tools)),
    };
    Ok(if sent == Value::Object(given) { arguments } else { arguments.set("tool_choice", sent) })
}

/// The choice of the tool of this name.
fn named(tools: &[&Value], name: &str) -> Option<Value> {
    tools.iter().find_map(|tool| match text(tool, "type") {
        kind @ ("function" | "custom") if text(tool, "name") == name => Some(json!({"type": kind, "name": name})),
        "mcp" if text(tool, "server_label") == name => Some(json!({"type": "mcp", "server_label": name})),
        _ => None,
    })
}

/// A choice without the envelope that chat completions have around it, and those in it without theirs.
fn flat(mut choice: Map<String, Value>) -> Map<String, Value> {
    let kind = choice.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "allowed_tools" | "custom" | "function")
        && let Some(Value::Object(inner)) = choice.remove(&kind)
    {
        choice.extend(inner);
    }
    for tool in choice.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(inner) = tool {
            *inner = flat(std::mem::take(inner));
        }
    }
    choice
}

fn unknown(name: &str, tools: &[&Value]) -> Error {
    let names = tools.iter().map(|tool| match text(tool, "type") {
        "function" | "custom" => text(tool, "name"),
        "mcp" => text(tool, "server_label"),
        kind => kind,
    });
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(|name| format!("`{name}`")).collect();
    let there = if names.is_empty() { "none are given".to_owned() } else { format!("there are {}", names.join(", ")) };
    let shown: String = name.chars().take(60).collect();
    let problem = format!(
        "expected none, auto, required, the name of a tool in `tools`, or an object as {{type: function, name}}, got \
         `{shown}`\nhint: of `tools` {there}"
    );
    Error::argument("tool_choice", problem)
}
