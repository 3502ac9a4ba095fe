//! Items: what conversations hold, and what responses take and give.

use std::collections::HashSet;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::tools;
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::{Params, mistyped};
use crate::world::World;

/// An item that is kept, as often as it is.
pub(crate) type Item = Arc<Value>;

/// Every type of item and how its ids begin. Of the types that [`read`] does not name, the sandbox keeps what it gets.
const KINDS: &[(&str, &str)] = &[
    ("message", "msg_"),
    ("function_call", "fc_"),
    ("function_call_output", "fco_"),
    ("file_search_call", "fs_"),
    ("code_interpreter_call", "ci_"),
    ("reasoning", "rs_"),
    ("compaction", "cmp_"),
    ("item_reference", ""),
    ("web_search_call", "ws_"),
    ("image_generation_call", "ig_"),
    ("computer_call", "cu_"),
    ("computer_call_output", "cuo_"),
    ("custom_tool_call", "ctc_"),
    ("custom_tool_call_output", "ctco_"),
    ("local_shell_call", "lsh_"),
    ("local_shell_call_output", "lsho_"),
    ("shell_call", "sh_"),
    ("shell_call_output", "sho_"),
    ("apply_patch_call", "apc_"),
    ("apply_patch_call_output", "apco_"),
    ("mcp_list_tools", "mcpl_"),
    ("mcp_approval_request", "mcpr_"),
    ("mcp_approval_response", "mcpa_"),
    ("mcp_call", "mcp_"),
];
const STATUSES: &[&str] = &["in_progress", "completed", "incomplete"];
const GIVEN: &[&str] = &["input_text", "input_image", "input_file"];
const SAID: &[&str] = &["output_text", "refusal"];

pub(crate) const REASONING: &str = "reasoning.encrypted_content";
const RESULTS: &str = "file_search_call.results";
const SOURCES: &str = "web_search_call.action.sources";
const OUTPUTS: &str = "code_interpreter_call.outputs";
const IMAGE: &str = "message.input_image.image_url";
const INCLUDABLE: &[&str] = &[
    RESULTS,
    "web_search_call.results",
    SOURCES,
    IMAGE,
    "computer_call_output.output.image_url",
    OUTPUTS,
    REASONING,
    "message.output_text.logprobs",
];

/// What a caller wants to see beyond the usual.
#[derive(Clone, Default)]
pub(crate) struct Include(Vec<&'static str>);

impl Include {
    pub(crate) fn read(params: &mut Params) -> Result<Self> {
        Ok(Self(params.some_of("include", INCLUDABLE)?.unwrap_or_default()))
    }

    pub(crate) fn and(mut self, field: &'static str) -> Self {
        self.0.push(field);
        self
    }

    /// An item as this caller sees it.
    pub(crate) fn show(&self, item: &Value) -> Value {
        let mut item = item.clone();
        let kind = text(&item, "type").to_owned();
        let without = |field: &str| !self.0.contains(&field);
        if let Value::Object(fields) = &mut item {
            match kind.as_str() {
                "file_search_call" if without(RESULTS) => _ = fields.insert("results".to_owned(), Value::Null),
                "code_interpreter_call" if without(OUTPUTS) => _ = fields.insert("outputs".to_owned(), Value::Null),
                "web_search_call" if without(SOURCES) => {
                    let action = fields.get_mut("action").and_then(Value::as_object_mut);
                    action.map(|action| action.remove("sources"));
                }
                "reasoning" if without(REASONING) => _ = fields.remove("encrypted_content"),
                "message" if without(IMAGE) => {
                    let parts = fields.get_mut("content").and_then(Value::as_array_mut);
                    for url in parts.into_iter().flatten().filter_map(|part| part.get_mut("image_url")) {
                        *url = Value::Null;
                    }
                }
                _ => {}
            }
        }
        item
    }
}

/// Reads a list of items. Those that came without an id have none yet.
pub(crate) fn read_list(params: &mut Params, name: &str, most: usize) -> Result<Option<Vec<Value>>> {
    let Some(items) = params.array(name, 0..=most)? else { return Ok(None) };
    items.into_iter().map(|(path, value)| read(Params::nested(path, value)?)).collect::<Result<_>>().map(Some)
}

/// A message of the user.
pub(crate) fn from_user(text: &str) -> Value {
    let content = [json!({"type": "input_text", "text": text})];
    json!({"type": "message", "status": "completed", "role": "user", "content": content})
}

fn read(mut item: Params) -> Result<Value> {
    let kinds: Vec<&'static str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let kind = match item.one_of("type", &kinds)? {
        Some(kind) => kind,
        None if item.mentions("role") => "message",
        None if item.mentions("id") => "item_reference",
        None => item.required("type", None)?,
    };
    let id = item.string("id")?;
    let prefix = KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, prefix)| prefix);
    if let Some(id) = id.as_deref().filter(|id| !id.starts_with(prefix)) {
        let path = item.path("id");
        let begins = prefix.trim_end_matches('_');
        let message = format!("Invalid '{path}': '{id}'. Expected an ID that begins with '{begins}'.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    let opaque = !matches!(kind, "message" | "function_call" | "function_call_output" | "item_reference");
    let mut read = match kind {
        "message" => read_message(&mut item)?,
        "function_call" => {
            let [call_id, name, arguments] = strings(&mut item, ["call_id", "name", "arguments"])?;
            json!({"call_id": call_id, "name": name, "arguments": arguments})
        }
        "function_call_output" => {
            let [call_id] = strings(&mut item, ["call_id"])?;
            let output = match item.take("output") {
                None => item.required("output", None)?,
                Some(Value::String(text)) => Value::String(text),
                Some(value) => Value::Array(read_parts(&item.path("output"), value, GIVEN)?),
            };
            json!({"call_id": call_id, "output": output})
        }
        "item_reference" => {
            item.required("id", id.as_ref())?;
            json!({})
        }
        _ => Value::Object(item.rest()),
    };
    if let (Value::Object(fields), false) = (&mut read, opaque) {
        let phase = item.one_of("phase", &["commentary", "final_answer"])?;
        fields.extend(phase.map(|phase| ("phase".to_owned(), json!(phase))));
        for name in ["caller", "namespace", "name", "created_by"] {
            fields.extend(item.take(name).map(|value| (name.to_owned(), value)));
        }
    }
    if kind != "item_reference"
        && let Value::Object(fields) = &mut read
    {
        let status = item.one_of("status", STATUSES)?;
        fields.entry("status").or_insert_with(|| json!(status.unwrap_or("completed")));
    }
    if let Value::Object(fields) = &mut read {
        fields.insert("type".to_owned(), json!(kind));
        fields.extend(id.map(|id| ("id".to_owned(), Value::String(id))));
    }
    item.finish()?;
    Ok(read)
}

fn strings<const N: usize>(item: &mut Params, names: [&str; N]) -> Result<[String; N]> {
    let mut read = [const { String::new() }; N];
    for (place, name) in read.iter_mut().zip(names) {
        let value = item.string(name)?;
        *place = item.required(name, value)?;
    }
    Ok(read)
}

fn read_message(item: &mut Params) -> Result<Value> {
    let role = item.need("role", |params, name| params.one_of(name, &["user", "assistant", "system", "developer"]))?;
    let content = match item.take("content") {
        None => item.required("content", None)?,
        Some(Value::String(text)) if role == "assistant" => json!([said(&text)]),
        Some(Value::String(text)) => json!([{"type": "input_text", "text": text}]),
        Some(value) => {
            Value::Array(read_parts(&item.path("content"), value, if role == "assistant" { SAID } else { GIVEN })?)
        }
    };
    Ok(json!({"role": role, "content": content}))
}

/// A piece of text of the model.
pub(crate) fn said(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn read_parts(path: &str, value: Value, kinds: &[&'static str]) -> Result<Vec<Value>> {
    let Value::Array(parts) = value else { return Err(mistyped(path, "an array of objects or a string", &value)) };
    let read = |(at, part)| read_part(Params::nested(format!("{path}[{at}]"), part)?, kinds);
    parts.into_iter().enumerate().map(read).collect()
}

fn read_part(mut part: Params, kinds: &[&'static str]) -> Result<Value> {
    let kind = part.need("type", |params, name| params.one_of(name, kinds))?;
    tools::breakpoint(&mut part)?;
    let read = match kind {
        "input_image" | "input_file" => {
            let sources: &[&str] =
                if kind == "input_image" { &["file_id", "image_url"] } else { &["file_id", "file_url", "file_data"] };
            if !sources.iter().any(|source| part.mentions(source)) {
                part.required(sources.first().copied().unwrap_or_default(), None::<()>)?;
            }
            let mut fields = Map::from_iter([("type".to_owned(), json!(kind))]);
            for name in sources.iter().chain(&["filename"]) {
                let value = if name.ends_with("_url") { part.url(name)? } else { part.string(name)? };
                fields.extend(value.map(|value| ((*name).to_owned(), Value::String(value))));
            }
            let detail = part.one_of("detail", &["auto", "low", "high", "original"])?;
            if kind == "input_image" {
                fields.insert("detail".to_owned(), json!(detail.unwrap_or("auto")));
            }
            Value::Object(fields)
        }
        "refusal" => {
            let [refusal] = strings(&mut part, ["refusal"])?;
            json!({"type": kind, "refusal": refusal})
        }
        "output_text" => {
            let [text] = strings(&mut part, ["text"])?;
            part.take("logprobs");
            let annotations = part.take("annotations").unwrap_or_else(|| json!([]));
            json!({"type": kind, "annotations": annotations, "logprobs": [], "text": text})
        }
        _ => {
            let [text] = strings(&mut part, ["text"])?;
            json!({"type": kind, "text": text})
        }
    };
    part.finish()?;
    Ok(read)
}

/// Refuses a function call that has no output, and an output that has no call.
pub(crate) fn check_calls<'a>(items: impl Iterator<Item = &'a Item> + Clone) -> Result<()> {
    for (call, output, name) in [
        ("function_call", "function_call_output", "function call"),
        ("custom_tool_call", "custom_tool_call_output", "custom tool call"),
    ] {
        let ids = |kind: &'static str| {
            items.clone().filter(move |item| text(item, "type") == kind).map(|item| text(item, "call_id"))
        };
        let (calls, outputs): (HashSet<&str>, HashSet<&str>) = (ids(call).collect(), ids(output).collect());
        let message = if let Some(id) = ids(call).find(|id| !outputs.contains(id)) {
            format!("No tool output found for {name} {id}.")
        } else if let Some(id) = ids(output).find(|id| !calls.contains(id)) {
            format!("No tool call found for {name} output with call_id {id}.")
        } else {
            continue;
        };
        return Err(Error::new(StatusCode::BAD_REQUEST, message).param("input"));
    }
    let requests: HashSet<&str> = items
        .clone()
        .filter(|item| text(item, "type") == "mcp_approval_request")
        .map(|item| text(item, "id"))
        .collect();
    for answer in items.filter(|item| text(item, "type") == "mcp_approval_response") {
        let request = text(answer, "approval_request_id");
        if !requests.contains(request) {
            let message = format!("No approval request found with id {request}.");
            return Err(Error::new(StatusCode::BAD_REQUEST, message).param("input"));
        }
    }
    Ok(())
}

/// A new id for an item of a type.
pub(crate) fn mint(world: &mut World, kind: &str) -> String {
    world.mint(KINDS.iter().find(|(known, _)| *known == kind).map_or("item_", |(_, prefix)| prefix))
}
