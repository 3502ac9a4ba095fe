//! What came of a turn, told briefly: a model reads what was said, what was done, what is asked and what was made.

use std::time::Duration;

pub(crate) use openai_mcp_kernel::json::member as text;
use openai_mcp_kernel::json::shorten;
use openai_mcp_kernel::prelude::*;

/// Most characters of what is told of one deed.
const LONGEST: usize = 300;
/// Bytes that the words take about what is not told.
const NOTE: usize = 100;
/// Where all of it is.
const ALL: &str = "agent-session-turn-item-list has all";

/// What came of a turn.
pub(crate) struct Account {
    pub(crate) session: Value,
    pub(crate) turn: Value,
    pub(crate) items: Vec<Value>,
    pub(crate) asked: Vec<Value>,
    pub(crate) artifacts: Vec<Value>,
    /// The call to make.
    pub(crate) next: Option<Value>,
    /// Whether the turn is at work.
    pub(crate) going: bool,
}

impl Account {
    /// `{done, next, how, waited_seconds, object: {session_id, status, turn, text, did, asked, artifacts, error}}`; what is
    /// not there is left out. It has at most so many bytes: the oldest deeds are the first to go, and then the ends of texts.
    pub(crate) fn show(self, waited: Duration, most: usize) -> Value {
        let mut object = serde_json::Map::new();
        let mut put = |name: &str, value: Value| {
            let nothing = match &value {
                Value::Null => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                _ => false,
            };
            if !nothing {
                object.insert(name.to_owned(), value);
            }
        };
        put("session_id", self.session.get("id").cloned().unwrap_or_default());
        put("status", self.session.get("status").cloned().unwrap_or_default());
        put("turn", turn(&self.turn));
        let said: Vec<String> = self.items.iter().filter(|item| !is_comment(item)).filter_map(said).collect();
        put("text", said.join("\n\n").into());
        put("did", self.items.iter().filter_map(did).collect());
        let how = how(&self.asked);
        put("asked", self.asked.into());
        put("artifacts", self.artifacts.into());
        put("error", self.session.get("error").cloned().unwrap_or_default());
        let asks = object.contains_key("asked");
        let mut shown = json!({
            "done": !self.going && !asks, "waited_seconds": waited.as_secs(), "object": object,
        });
        if let Some(shown) = shown.as_object_mut() {
            shown.extend(self.next.map(|next| ("next".to_owned(), next)));
            if asks && !self.going {
                shown.insert("how".to_owned(), how.into());
            }
        }
        let left_out = fit(&mut shown, "/object/did", most);
        if left_out > 0
            && let Some(did) = shown.pointer_mut("/object/did").and_then(Value::as_array_mut)
        {
            did.insert(0, json!({"note": format!("earlier steps left out: {left_out}; {ALL}")}));
        }
        let over = shown.to_string().len().saturating_sub(most);
        if over > 0
            && let Some(object) = shown.get_mut("object")
        {
            *object = shorten(object, object.to_string().len().saturating_sub(over), ALL);
        }
        shown
    }
}

/// Drops the oldest of a list in a result until that has at most so many bytes beside a note; how many those are.
pub(crate) fn fit(shown: &mut Value, list: &str, most: usize) -> usize {
    let bytes = shown.to_string().len();
    let Some(list) = shown.pointer_mut(list).and_then(Value::as_array_mut).filter(|_| bytes > most) else { return 0 };
    let mut over = bytes + NOTE - most;
    let oldest = list.iter().take_while(|entry| {
        let goes = over > 0;
        over = over.saturating_sub(entry.to_string().len() + 1);
        goes
    });
    let dropped = oldest.count();
    list.drain(..dropped);
    dropped
}

/// A session that was told nothing yet.
pub(crate) fn idle(session: &Value) -> Value {
    let environment = session.get("environment").cloned().unwrap_or_default();
    let mut object = json!({"session_id": session.get("id"), "status": session.get("status")});
    if let Some(object) = object.as_object_mut() {
        for name in ["id", "remote_url"] {
            let value = environment.get(name).cloned();
            object.extend(
                value.map(|value| (if name == "id" { "environment_id".to_owned() } else { name.to_owned() }, value)),
            );
        }
    }
    let next = next("agent-session-send", &json!({"session_id": session.get("id")}));
    json!({"done": false, "object": object, "next": next, "how": "add `input`"})
}

/// An artifact with what callers need of it.
pub(crate) fn made(artifact: &Value) -> Value {
    json!({"id": artifact.get("id"), "path": artifact.get("path"), "bytes": artifact.get("size_bytes")})
}

/// The call to make next.
pub(crate) fn next(tool: &str, arguments: &Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// The items that are whole; of a turn at work, those before the first that is not.
pub(crate) fn whole(items: Vec<Value>, going: bool) -> Vec<Value> {
    let at_work = |item: &Value| matches!(text(item, "status"), "in_progress" | "queued" | "waiting");
    items.into_iter().take_while(|item| !going || !at_work(item)).collect()
}

/// A turn with what callers need of it.
fn turn(turn: &Value) -> Value {
    if turn.is_null() {
        return Value::Null;
    }
    let mut shown = json!({"id": turn.get("id"), "status": turn.get("status")});
    if let Some(shown) = shown.as_object_mut() {
        let error = turn.get("error").filter(|error| !error.is_null()).cloned();
        shown.extend(error.map(|error| ("error".to_owned(), error)));
        let usage = turn.get("usage").and_then(|usage| usage.get("total_tokens")).cloned();
        shown.extend(usage.map(|usage| ("total_tokens".to_owned(), usage)));
    }
    shown
}

/// What an item of the agent's says.
fn said(item: &Value) -> Option<String> {
    if text(item, "type") != "message" || text(item, "role") == "user" {
        return None;
    }
    let parts = item.get("content").and_then(Value::as_array).into_iter().flatten();
    Some(parts.map(|part| text(part, "text")).collect::<Vec<_>>().concat()).filter(|said| !said.is_empty())
}

fn is_comment(item: &Value) -> bool {
    text(item, "phase") == "commentary"
}

/// What an item says that was done, on the way to the answer.
fn did(item: &Value) -> Option<Value> {
    if is_comment(item) {
        return said(item).map(|said| json!({"said": cut(&said)}));
    }
    let mut deed = json!({"did": deed(item)?});
    if let Some(deed) = deed.as_object_mut() {
        let status = text(item, "status");
        if !matches!(status, "" | "completed") {
            deed.insert("status".to_owned(), status.into());
        }
        for name in ["exit_code", "error", "output"] {
            // A screenshot is base64, which no model can read.
            let told = |value: &&Value| !value.is_null() && **value != 0 && value.get("image_url").is_none();
            let value = item.get(name).filter(told);
            deed.extend(value.map(|value| (name.to_owned(), brief(value))));
        }
    }
    Some(deed)
}

/// An item in a line, if it is something that was done.
pub(crate) fn deed(item: &Value) -> Option<String> {
    let named = |name: &str| cut(text(item, name));
    Some(match text(item, "type") {
        "" | "message" | "reasoning" | "function_call_output" | "computer_use_approval_request" => return None,
        "command_execution" => format!("ran: {}", named("command")),
        "function_call" => format!("called the function {}", named("name")),
        "mcp_call" => format!("called {} of {}", named("name"), named("server_label")),
        other => other.replace('_', " "),
    })
}

fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) => cut(text).into(),
        Value::Number(_) | Value::Bool(_) => value.clone(),
        other => cut(&other.to_string()).into(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The call that answers what is asked, as far as it is known.
pub(crate) fn answers(session_id: &str, asked: &[Value]) -> Option<Value> {
    let events: Vec<Value> = asked.iter().filter_map(answer).collect();
    if events.is_empty() {
        return None;
    }
    Some(next("agent-session-send", &json!({"session_id": session_id, "events": events})))
}

fn answer(action: &Value) -> Option<Value> {
    let of = |name: &str| action.get(name).cloned().unwrap_or_default();
    let kind = action.get("request").map(|request| text(request, "type")).unwrap_or_default();
    Some(match text(action, "type") {
        "mcp_approval_request" => json!({
            "type": "agent.session.input.mcp_approval_request_result", "request_id": of("request_id"),
            "response": {"type": "mcp_tool_call"},
        }),
        "computer_use_approval_request" => json!({
            "type": "agent.session.input.computer_use_approval_request_result", "request_id": of("request_id"),
            "response": {"type": kind},
        }),
        "function_call" => json!({
            "type": "agent.session.input.tool_result", "turn_id": of("turn_id"), "call_id": of("call_id"), "success": true,
        }),
        _ => return None,
    })
}

/// How the call that answers is to be completed.
fn how(asked: &[Value]) -> String {
    let mut how = Vec::new();
    for action in asked {
        let kind = action.get("request").map(|request| text(request, "type")).unwrap_or_default();
        let line = match (text(action, "type"), kind) {
            ("function_call", _) => "run the function and add its `output`, or `success` false and `error`",
            ("environment_connection", _) => "connect the environment, then wait",
            ("computer_use_approval_request", "browser_authentication") => {
                "ask the user: add `action` submit with `fields` {field_id, value} and selected_option, or cancel"
            }
            ("mcp_approval_request" | "computer_use_approval_request", _) => {
                "ask the user: add `decision` approve, deny or cancel to the response"
            }
            _ => {
                "something is asked of a kind that is not known here: agent-session-send takes the event that answers it"
            }
        };
        if !how.contains(&line) {
            how.push(line);
        }
    }
    how.join("; ")
}

/// The items of a list.
pub(crate) fn list(page: &Value) -> impl Iterator<Item = &Value> {
    page.get("data").and_then(Value::as_array).into_iter().flatten()
}
