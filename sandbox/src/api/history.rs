//! What conversations and responses keep of each other: the same items.

use std::collections::HashSet;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::api::files;
use crate::api::items::{self, Include, Item};
use crate::engine::model::Failure;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::shelf::Shelf;
use crate::world::World;

#[derive(Default)]
pub(crate) struct Conversations(pub(crate) Shelf<Conversation>);

#[derive(Default)]
pub(crate) struct Runs(pub(crate) Shelf<Run>);

pub(crate) struct Conversation {
    pub(crate) created_at: u64,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) items: Shelf<Item>,
    /// The response that runs on it now. Until it ends nothing else may change the items.
    pub(crate) response: Option<String>,
}

impl Conversation {
    pub(crate) fn show(&self, id: &str) -> Value {
        json!({"id": id, "object": "conversation", "created_at": self.created_at, "metadata": self.metadata})
    }

    pub(crate) fn append(&mut self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.items.insert(text(&item, "id").to_owned(), item);
        }
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        self.items.iter().map(|(_, item)| Item::clone(item)).collect()
    }
}

pub(crate) fn conversation<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Conversation> {
    let missing = || Error::not_found(format!("Conversation with id '{id}' not found."));
    world.of::<Conversations>().0.get_mut(id).ok_or_else(missing)
}

/// The conversation, if no response runs on it.
pub(crate) fn idle_conversation<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Conversation> {
    let conversation = conversation(world, id)?;
    if conversation.response.is_some() {
        let message = "Another process is currently operating on this conversation. Please retry in a few seconds.";
        let error = Error::new(StatusCode::BAD_REQUEST, message);
        return Err(error.param("conversation").code("conversation_locked"));
    }
    Ok(conversation)
}

/// A response, running or ended.
pub(crate) struct Run {
    pub(crate) created_at: u64,
    pub(crate) completed_at: Option<u64>,
    pub(crate) settings: Map<String, Value>,
    pub(crate) include: Include,
    pub(crate) store: bool,
    pub(crate) background: bool,
    pub(crate) streamed: bool,
    pub(crate) conversation: Option<String>,
    /// What precedes the input: the conversation as it was, or the previous response with all that preceded it.
    pub(crate) before: Vec<Item>,
    pub(crate) input: Vec<Item>,
    pub(crate) output: Vec<Item>,
    pub(crate) status: &'static str,
    pub(crate) error: Option<Failure>,
    pub(crate) cut: Option<&'static str>,
    pub(crate) usage: Value,
    pub(crate) events: Vec<Value>,
    pub(crate) changed: watch::Sender<()>,
}

impl Run {
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.input.iter().chain(&self.output)
    }

    pub(crate) fn context(&self) -> impl Iterator<Item = &Item> + Clone {
        self.before.iter().chain(&self.input)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status, "queued" | "in_progress")
    }

    pub(crate) fn show(&self, id: &str, include: &Include) -> Value {
        let output: Vec<Value> = self.output.iter().map(|item| include.show(item)).collect();
        let mut shown = json!({
            "id": id, "object": "response", "created_at": self.created_at, "status": self.status,
            "completed_at": self.completed_at, "output": output, "usage": self.usage,
            "conversation": self.conversation.as_ref().map(|id| json!({"id": id})),
            "error": self.error.map(|error| json!({"code": error.code(), "message": Failure::MESSAGE})),
            "incomplete_details": self.cut.map(|reason| json!({"reason": reason})),
        });
        if let Value::Object(fields) = &mut shown {
            fields.extend(self.settings.clone());
        }
        shown
    }

    pub(crate) fn tell(&mut self, mut event: Value) {
        put(&mut event, "sequence_number", self.events.len());
        self.events.push(event);
        self.changed.send_replace(());
    }

    /// Tells of the response as it stands now.
    pub(crate) fn tell_state(&mut self, id: &str, kind: &str) {
        if self.streamed {
            let response = self.show(id, &self.include);
            self.tell(json!({"type": format!("response.{kind}"), "response": response}));
        }
        self.changed.send_replace(());
    }
}

/// Makes items of a request part of the world: references become what they name, and each has an id of its own.
/// `before` are the items that precede them.
pub(crate) fn settle<'a>(
    world: &mut World,
    items: Vec<Value>,
    before: impl Iterator<Item = &'a Item>,
) -> Result<Vec<Item>> {
    let mut seen: HashSet<String> = before.map(|item| text(item, "id").to_owned()).collect();
    let mut settled = Vec::new();
    for mut item in items {
        if text(&item, "type") == "item_reference" {
            let id = text(&item, "id");
            if seen.contains(id) {
                return Err(duplicate(id));
            }
            let referred = find(world, id)?;
            seen.insert(id.to_owned());
            settled.push(referred);
            continue;
        }
        for part in ["content", "output"].iter().filter_map(|field| item.get(*field)?.as_array()).flatten() {
            if let Some(file_id) = part.get("file_id").and_then(Value::as_str) {
                files::find(world, file_id)?;
            }
        }
        let kind = text(&item, "type").to_owned();
        if let Value::Object(fields) = &mut item {
            fields.entry("id").or_insert_with(|| Value::String(items::mint(world, &kind)));
        }
        let id = text(&item, "id");
        if !seen.insert(id.to_owned()) {
            return Err(duplicate(id));
        }
        settled.push(Arc::new(item));
    }
    Ok(settled)
}

fn duplicate(id: &str) -> Error {
    let message = format!("Duplicate item found with id {id}. Remove duplicate items from your input and try again.");
    Error::new(StatusCode::BAD_REQUEST, message).param("input")
}

/// The item with this id, wherever it is kept.
fn find(world: &mut World, id: &str) -> Result<Item> {
    let conversations = world.of::<Conversations>().0.iter();
    let in_conversations = conversations.filter_map(|(_, conversation)| conversation.items.get(id)).next().cloned();
    let in_responses = || {
        let kept = world.of::<Runs>().0.iter().filter(|(_, run)| run.store).flat_map(|(_, run)| run.items());
        kept.into_iter().find(|item| text(item, "id") == id).cloned()
    };
    in_conversations.or_else(in_responses).ok_or_else(|| {
        let message = format!(
            "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."
        );
        Error::not_found(message).param("input")
    })
}
