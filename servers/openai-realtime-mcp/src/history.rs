//! What was said before: items of a conversation of OpenAI's, or those that the caller gives.

use std::collections::HashSet;

use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;

use crate::line::text;

/// Most items that are read, and most bytes of their texts: each answer is billed for all of them.
const MOST: usize = 300;
const MOST_BYTES: usize = 200_000;
/// Most items that are added at once.
const ADDED: usize = 20;

#[request(POST "/conversations")]
struct Create {}

#[request(GET "/conversations/{conversation_id}/items")]
struct List {
    conversation_id: String,
    limit: Option<i64>,
    order: Option<String>,
    after: Option<String>,
}

#[request(POST "/conversations/{conversation_id}/items")]
struct Add {
    conversation_id: String,
    items: Vec<JsonObject>,
}

/// Where the history is kept.
pub(crate) enum Place {
    /// In a conversation of OpenAI's.
    Conversation(String),
    /// With the caller, if they want it.
    Caller(bool),
}

/// What was said before, as Realtime takes it.
pub(crate) struct History {
    pub(crate) place: Place,
    /// Oldest first.
    pub(crate) items: Vec<Value>,
    /// Items that Realtime does not take, or for which there is no room.
    pub(crate) left_out: usize,
}

impl History {
    /// Reads what there is; `new` begins a conversation.
    ///
    /// # Errors
    /// There is no such conversation.
    pub(crate) async fn read(cx: &Context, conversation: Option<&str>, given: Option<Vec<Value>>) -> Result<Self> {
        let (place, items) = match (conversation, given) {
            (Some(_), Some(_)) => {
                return Err(Error::argument("history", "the conversation has it: give one of both"));
            }
            (Some("new"), None) => {
                let made = cx.send(&Create::SPEC, json!({})).value().await?;
                (Place::Conversation(text(&made, "id").to_owned()), Vec::new())
            }
            (Some(id), None) => (Place::Conversation(id.to_owned()), list(cx, id).await?),
            (None, given) => (Place::Caller(given.is_some()), given.unwrap_or_default()),
        };
        let (all, mut bytes) = (items.len(), 0);
        // The newest that there is room for.
        let mut items: Vec<Value> = items.iter().rev().filter_map(as_item).collect();
        items.truncate(MOST);
        let fits = items.iter().take_while(|item| {
            bytes += item.to_string().len();
            bytes <= MOST_BYTES
        });
        let fits = fits.count();
        items.truncate(fits);
        items.reverse();
        // Realtime refuses the output of a call that it does not know.
        let mut made = HashSet::new();
        items.retain(|item| match text(item, "type") {
            "function_call" => {
                made.insert(text(item, "call_id").to_owned());
                true
            }
            "function_call_output" => made.contains(text(item, "call_id")),
            _ => true,
        });
        let left_out = all - items.len();
        Ok(History { place, items, left_out })
    }

    /// The calls of functions that were made.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &str> {
        let calls = self.items.iter().filter(|item| text(item, "type") == "function_call");
        calls.map(|item| text(item, "call_id"))
    }

    /// Adds what was said now.
    ///
    /// # Errors
    /// The conversation does not take it.
    pub(crate) async fn add(&self, cx: &Context, items: &[Value]) -> Result<()> {
        let Place::Conversation(id) = &self.place else { return Ok(()) };
        for items in items.chunks(ADDED) {
            cx.send(&Add::SPEC, json!({"conversation_id": id, "items": items})).bytes().await?;
        }
        Ok(())
    }
}

/// Reads a conversation, newest first, up to what is used of it; gives it oldest first.
async fn list(cx: &Context, id: &str) -> Result<Vec<Value>> {
    let (mut items, mut pages): (Vec<Value>, _) = (Vec::new(), Pages::default());
    let mut after: Option<String> = None;
    while items.len() < MOST {
        let mut page = json!({"conversation_id": id, "limit": 100, "order": "desc"});
        if let (Some(after), Value::Object(page)) = (after.take(), &mut page) {
            page.insert("after".to_owned(), after.into());
        }
        let mut page = pages.next(cx, &List::SPEC, page).await?;
        let more = page.get("has_more") == Some(&Value::Bool(true));
        let Some(Value::Array(data)) = page.get_mut("data").map(Value::take) else { break };
        after = data.last().map(|item| text(item, "id").to_owned()).filter(|id| more && !id.is_empty());
        items.extend(data);
        if after.is_none() {
            break;
        }
    }
    items.reverse();
    Ok(items)
}

/// An item as Realtime takes it, from one that Responses, Conversations or Realtime made.
fn as_item(item: &Value) -> Option<Value> {
    match text(item, "type") {
        "function_call" => Some(json!({
            "type": "function_call", "call_id": text(item, "call_id"), "name": text(item, "name"),
            "arguments": text(item, "arguments"),
        })),
        "function_call_output" => {
            let output = item.get("output").and_then(words)?;
            Some(json!({"type": "function_call_output", "call_id": text(item, "call_id"), "output": output}))
        }
        "message" | "" => {
            let (role, kind) = match text(item, "role") {
                "assistant" => ("assistant", "output_text"),
                // There is no developer.
                "system" | "developer" => ("system", "input_text"),
                "user" => ("user", "input_text"),
                _ => return None,
            };
            let words = item.get("content").and_then(words)?;
            Some(json!({"type": "message", "role": role, "content": [{"type": kind, "text": words}]}))
        }
        _ => None,
    }
}

/// The words of a content: those of its parts that have any.
fn words(content: &Value) -> Option<String> {
    let words = match content {
        Value::String(words) => words.clone(),
        Value::Array(parts) => {
            let part = |part: &Value| match (text(part, "text"), text(part, "transcript")) {
                ("", "") => None,
                ("", transcript) => Some(transcript.to_owned()),
                (text, _) => Some(text.to_owned()),
            };
            parts.iter().filter_map(part).collect::<Vec<_>>().join("\n")
        }
        _ => return None,
    };
    (!words.is_empty()).then_some(words)
}
