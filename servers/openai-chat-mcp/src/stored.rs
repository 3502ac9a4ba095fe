//! A conversation that goes on from a stored completion, so that nobody has to repeat it.

use std::time::Duration;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::completion::{Get, Messages};
use crate::shapes::Tool;

/// OpenAI stores a completion a moment after it was given, so one that is missing is asked for again after these. Whoever
/// made an id up waits for them, too.
const PATIENCE: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(500), Duration::from_millis(800)];
/// Most pages of 100 messages.
const MOST_PAGES: usize = 20;

/// A stored completion.
pub(crate) struct Stored {
    id: String,
    pub(crate) model: Option<String>,
    pub(crate) tools: Option<Raw<Vec<Tool>>>,
    /// What the model said.
    reply: Map<String, Value>,
}

/// A call that waits for its output.
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Stored {
    /// # Errors
    /// It is not stored, or OpenAI cannot be asked.
    pub(crate) async fn get(cx: &Context, id: &str) -> Result<Self> {
        // What is no id of OpenAI's, or is asked of somebody else, comes no later.
        let patience = if cx.is_openai() && id.starts_with("chatcmpl-") { &PATIENCE[..] } else { &[] };
        let mut patience = patience.iter();
        let answer = loop {
            match cx.send(&Get::SPEC, json!({"completion_id": id})).bytes().await {
                Err(error) if error.kind() == Kind::Status(404) => match patience.next() {
                    Some(pause) => cx.sleep(*pause).await,
                    None => {
                        let problem = format!(
                            "OpenAI has no stored completion `{id}` for this key\n\
                             hint: begin anew with `messages`; an organization without data retention stores none"
                        );
                        return Err(Error::argument("completion_id", problem));
                    }
                },
                other => break other?,
            }
        };
        let answer = Arguments::new(Some(answer));
        let members = answer.members()?;
        let choices: Value = members.read("choices")?.unwrap_or_default();
        let reply = choices.pointer("/0/message").and_then(Value::as_object).cloned();
        let reply = reply.ok_or_else(|| Error::new(Kind::Answer, format!("completion `{id}` has no message")))?;
        Ok(Self { id: id.to_owned(), model: members.read("model")?, tools: members.read("tools")?, reply })
    }

    /// The calls of the model.
    pub(crate) fn pending(&self) -> Vec<Pending> {
        let pending = |call: &Value| {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let named = call.get("function").or(call.get("custom"))?;
            Some(Pending { id: text(call.get("id"))?, name: text(named.get("name")).unwrap_or_default() })
        };
        let calls = self.reply.get("tool_calls").and_then(Value::as_array);
        calls.into_iter().flatten().filter_map(pending).collect()
    }

    /// The conversation up to and with what the model said.
    ///
    /// # Errors
    /// OpenAI cannot be asked.
    pub(crate) async fn conversation(&self, cx: &Context) -> Result<Vec<Value>> {
        let (mut messages, mut pages): (Vec<Value>, _) = (Vec::new(), Pages::default());
        let mut after = Value::Null;
        for page in 0.. {
            if page == MOST_PAGES {
                return Err(Error::argument("completion_id", format!("expected at most {MOST_PAGES}00 messages")));
            }
            let mut arguments = json!({"completion_id": self.id, "limit": 100, "order": "asc"});
            if let (false, Some(arguments)) = (after.is_null(), arguments.as_object_mut()) {
                arguments.insert("after".into(), after.take());
            }
            let mut page = pages.next(cx, &Messages::SPEC, arguments).await?;
            let data = page.get_mut("data").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
            after = page.get("last_id").cloned().unwrap_or_default();
            messages.extend(data.into_iter().map(message));
            if page.get("has_more") != Some(&Value::Bool(true)) || after.is_null() {
                break;
            }
        }
        answer_calls(&mut messages);
        let reply = message(self.reply.clone().into());
        // Nothing says whether the answer is among the messages of a completion.
        if messages.last() != Some(&reply) {
            messages.push(reply);
        }
        Ok(messages)
    }
}

/// A stored message as a request takes it.
pub(crate) fn message(stored: Value) -> Value {
    let Value::Object(mut stored) = stored else { return stored };
    if let Some(Value::Array(parts)) = stored.remove("content_parts") {
        stored.insert("content".into(), parts.into());
    }
    let audio = stored.get("audio").and_then(|audio| audio.get("id")).map(|id| json!({"id": id}));
    let keeps = ["role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call"];
    stored.retain(|name, value| keeps.contains(&name.as_str()) && !value.is_null());
    stored.extend(audio.map(|audio| ("audio".to_owned(), audio)));
    stored.into()
}

/// A stored message of a tool may come without the id of its call. Outputs stand in the order of the calls before them.
fn answer_calls(messages: &mut [Value]) {
    let mut open: Vec<Value> = Vec::new();
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        if message.get("role").is_some_and(|role| role == "tool") {
            let known = message.get("tool_call_id");
            let at = known.and_then(|id| open.iter().position(|waiting| waiting == id)).unwrap_or_default();
            if at < open.len() {
                let id = open.remove(at);
                message.entry("tool_call_id").or_insert(id);
            }
        } else {
            let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
            open = calls.filter_map(|call| call.get("id").cloned()).collect();
        }
    }
}
