//! Items of a response in short, and what those that wait for the caller want.

use std::borrow::Cow;
use std::iter;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json;
pub(crate) use openai_mcp_kernel::json::{list, member as text};
use openai_mcp_kernel::json_schema::faults;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::not_json;
use openai_mcp_kernel::strict;
use openai_mcp_shapes::said::Said;

use crate::request::Meant;

/// Most characters that are shown of a passage, of code or of the output of a hosted tool; what the caller is to run is whole.
const LONGEST: usize = 2000;

/// A member of an object; `null` where there is none.
pub(crate) fn at<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Whether OpenAI keeps a response.
pub(crate) fn kept(response: &Value) -> bool {
    at(response, "store") != &Value::Bool(false)
}

/// The agent that made an item, where it is another than the one that answers.
pub(crate) fn agent(item: &Value) -> Option<&str> {
    let name = text(at(item, "agent"), "agent_name");
    name.trim_start_matches('/').contains('/').then_some(name)
}

/// An item as a result lists it; nothing of messages of the agent that answers, whose text stands beside the list, and of
/// reasoning of which nothing can be read or given back.
pub(crate) fn short(item: &Value, response: &Value, meant: &Meant, coded: bool) -> Option<Arguments> {
    let kind = text(item, "type");
    let meant = meant.functions.get(text(item, "name")).filter(|_| kind == "function_call");
    let item = &match meant {
        Some(schema) => {
            let mut item = item.clone();
            if let Some(arguments @ Value::String(_)) = item.get_mut("arguments") {
                *arguments = strict::text_without_added_nulls(schema, arguments.as_str().unwrap_or_default()).into();
            }
            Cow::Owned(item)
        }
        None => Cow::Borrowed(item),
    };
    // Of what nobody keeps nothing can be had again.
    let shown = if answer(item).is_some() || !kept(response) { whole } else { cut };
    let wanted: &[&str] = match kind {
        "message" => {
            let agent = agent(item)?;
            let Said { answer, commentary, refusal, parts, .. } = Said::by(iter::once(item.as_ref()));
            let passage = if answer.text.is_empty() { commentary } else { answer };
            let some = |said: String| (!said.is_empty()).then_some(said);
            let said = json!({
                "text": some(passage.text), "refusal": some(refusal), "annotations": passage.annotations,
                "parts": parts,
            });
            let names = ["text", "refusal", "annotations", "parts"];
            return Some(members(begin(kind).set("agent", agent), &said, &names, shown));
        }
        "reasoning" => {
            let said: Vec<&str> = list(item, "summary").map(|part| text(part, "text")).collect();
            let mut short = (!said.is_empty()).then(|| begin(kind).set("summary", said.join("\n")));
            // Of a response that nobody keeps `next` has it.
            if let (Value::String(code), true) = (at(item, "encrypted_content"), coded && kept(response)) {
                short =
                    Some(short.unwrap_or_else(|| begin(kind)).set("id", at(item, "id")).set("encrypted_content", code));
            }
            return short;
        }
        "mcp_list_tools" => {
            let names: Vec<&Value> = list(item, "tools").map(|tool| at(tool, "name")).collect();
            return Some(members(begin(kind).set("tools", names), item, &["server_label", "error"], shown));
        }
        "function_call" => &["call_id", "name", "namespace", "arguments", "caller"],
        "custom_tool_call" => &["call_id", "name", "namespace", "input", "caller"],
        "mcp_approval_request" => &["id", "server_label", "name", "arguments"],
        "mcp_call" => &["server_label", "name", "arguments", "output", "error"],
        "image_generation_call" => &["id", "saved_to", "note", "size", "output_format", "revised_prompt", "error"],
        "code_interpreter_call" => &["container_id", "code", "outputs"],
        "file_search_call" => &["queries", "results"],
        "web_search_call" => &["action", "results"],
        "compaction" => &["id"],
        // Of the others everything but what no caller reads.
        _ => {
            let other = item.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let other: Vec<&str> =
                other.filter(|name| !matches!(*name, "type" | "encrypted_content" | "fingerprint")).collect();
            return Some(members(begin(kind), item, &other, shown));
        }
    };
    let begun = match agent(item) {
        Some(agent) => begin(kind).set("agent", agent),
        None => begin(kind),
    };
    let mut short = members(begun, item, wanted, shown);
    let faults = match kind {
        _ if is_cut_off(item) => vec!["cut off: the answer ended before this call did".to_owned()],
        "function_call" => misfit(item, response, meant),
        _ => Vec::new(),
    };
    if !faults.is_empty() {
        short = short.set("faults", faults);
    }
    Some(match text(item, "status") {
        "" | "completed" => short,
        status => short.set("status", status),
    })
}

/// Where the arguments of a call do not fit the schema of its function.
fn misfit(call: &Value, response: &Value, meant: Option<&Value>) -> Vec<String> {
    let mut functions = list(response, "tools").filter(|tool| text(tool, "type") == "function");
    let sent = functions.find(|tool| text(tool, "name") == text(call, "name")).map(|tool| at(tool, "parameters"));
    let schema = meant.or(sent);
    match (serde_json::from_str::<Value>(text(call, "arguments")), schema) {
        (Ok(arguments), Some(schema)) => faults(schema, &arguments),
        (Err(error), _) if !text(call, "arguments").is_empty() => vec![not_json(&error)],
        _ => Vec::new(),
    }
}

fn begin(kind: &str) -> Arguments {
    Arguments::default().set("type", kind)
}

/// What is there of some members, as `shown`; arguments that are JSON are shown as such.
fn members(mut short: Arguments, item: &Value, names: &[&str], shown: fn(&Value) -> Value) -> Arguments {
    for name in names {
        let value = at(item, name);
        let parsed = match (*name, value.as_str()) {
            ("arguments", Some("")) => Some(json!({})),
            ("arguments", Some(text)) => serde_json::from_str::<Value>(text).ok().filter(Value::is_object),
            _ => None,
        };
        if !value.is_null() && *value != json!([]) {
            short = short.set(name, parsed.unwrap_or_else(|| shown(value)));
        }
    }
    short
}

/// A value without members that are null.
fn whole(value: &Value) -> Value {
    texts(value, usize::MAX)
}

/// The same with its long texts cut.
fn cut(value: &Value) -> Value {
    texts(value, LONGEST)
}

fn texts(value: &Value, longest: usize) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(longest) {
            Some((end, _)) => {
                let begin = text.get(..end).unwrap_or_default();
                format!("{begin}… ({} bytes in all; response-get with `full` shows them)", text.len()).into()
            }
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| texts(item, longest)).collect(),
        Value::Object(members) => {
            let told = members.iter().filter(|(_, value)| !value.is_null());
            json::object(told.map(|(name, value)| (name.clone(), texts(value, longest)))).into()
        }
        other => other.clone(),
    }
}

/// What answers an item, as an item of the next input that lacks the caller's part; nothing where nothing is asked.
fn answer(item: &Value) -> Option<Value> {
    let call_id = at(item, "call_id");
    let mut answer = match text(item, "type") {
        "mcp_approval_request" => json!({"type": "mcp_approval_response", "approval_request_id": at(item, "id")}),
        "local_shell_call" => json!({"type": "local_shell_call_output", "id": call_id}),
        "tool_search_call" if text(item, "execution") == "client" => {
            json!({"type": "tool_search_output", "call_id": call_id, "execution": "client"})
        }
        // OpenAI runs it.
        "shell_call" if text(at(item, "environment"), "type") == "container_reference" => return None,
        kind @ ("function_call" | "custom_tool_call" | "computer_call" | "shell_call" | "apply_patch_call") => {
            json!({"type": format!("{kind}_output"), "call_id": call_id})
        }
        _ => return None,
    };
    // What a program asked for goes back to that program.
    if let (Some(answer), caller @ Value::Object(_)) = (answer.as_object_mut(), at(item, "caller")) {
        answer.insert("caller".to_owned(), caller.clone());
    }
    Some(answer)
}

/// Whether the answer ended before this call of its did.
pub(crate) fn is_cut_off(item: &Value) -> bool {
    text(item, "status") == "incomplete" && answer(item).is_some()
}

/// What is asked of the caller: an item for each call that is whole and has no output.
pub(crate) fn answers(response: &Value) -> Vec<Value> {
    let done: Vec<&Value> = list(response, "output")
        .filter(|item| text(item, "type").ends_with("_output"))
        .flat_map(|item| [at(item, "call_id"), at(item, "id")])
        .filter(|id| id.is_string())
        .collect();
    let open = |item: &&Value| !done.contains(&at(item, "call_id")) && !is_cut_off(item);
    list(response, "output").filter(open).filter_map(answer).collect()
}
