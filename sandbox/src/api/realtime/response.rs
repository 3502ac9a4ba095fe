//! How answers are asked for and told.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::engine::model::{Ask, Choice, Role, Tool, Turn};
use crate::engine::tokens::pieces;
use crate::json::text;
use crate::socket::Out;

/// Bytes of a piece of sound: 200 ms.
const PIECE: usize = 9_600;

/// A message of the model's.
pub(super) fn message(id: &str, spoken: bool, said: &str, status: &str) -> Value {
    let content = match spoken {
        true => json!([{"type": "output_audio", "transcript": said}]),
        false => json!([{"type": "output_text", "text": said}]),
    };
    json!({"id": id, "object": "realtime.item", "type": "message", "status": status, "role": "assistant", "content": content})
}

/// What is told of an answer.
pub(super) struct Telling<'a> {
    pub(super) out: &'a mut Out,
    /// Its id.
    pub(super) response: &'a str,
    /// Between its pieces.
    pub(super) pause: Duration,
}

impl Telling<'_> {
    fn say(&mut self, kind: &str, item: &str, index: usize, fields: Value) {
        let pause = if kind.ends_with(".delta") { self.pause } else { Duration::ZERO };
        let mut event =
            json!({"response_id": self.response, "item_id": item, "output_index": index, "content_index": 0});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        self.out.say_later(pause, &format!("response.{kind}"), event);
    }

    /// Tells that an item begins or is done.
    fn item(&mut self, state: &str, index: usize, item: &Value) {
        let fields = json!({"response_id": self.response, "output_index": index, "item": item});
        self.out.say_later(Duration::ZERO, &format!("response.output_item.{state}"), fields);
        let fields = json!({"item": item, "previous_item_id": null});
        self.out.say_later(Duration::ZERO, &format!("conversation.item.{state}"), fields);
    }

    pub(super) fn message(&mut self, id: &str, words: &str, sound: Option<&[u8]>) -> Value {
        let spoken = sound.is_some();
        self.item("added", 0, &message(id, spoken, "", "in_progress"));
        let part = |said: &str| match spoken {
            true => json!({"part": {"type": "audio", "transcript": said}}),
            false => json!({"part": {"type": "text", "text": said}}),
        };
        self.say("content_part.added", id, 0, part(""));
        let name = if spoken { "output_audio_transcript" } else { "output_text" };
        for piece in pieces(words) {
            self.say(&format!("{name}.delta"), id, 0, json!({"delta": piece}));
        }
        for piece in sound.into_iter().flat_map(|sound| sound.chunks(PIECE)) {
            self.say("output_audio.delta", id, 0, json!({"delta": STANDARD.encode(piece)}));
        }
        if spoken {
            self.say("output_audio.done", id, 0, json!({}));
            self.say("output_audio_transcript.done", id, 0, json!({"transcript": words}));
        } else {
            self.say("output_text.done", id, 0, json!({"text": words}));
        }
        self.say("content_part.done", id, 0, part(words));
        let done = message(id, spoken, words, "completed");
        self.item("done", 0, &done);
        done
    }

    pub(super) fn call(&mut self, index: usize, id: &str, call_id: &str, name: &str, arguments: &str) -> Value {
        let item = |arguments: &str, status: &str| {
            json!({
                "id": id, "object": "realtime.item", "type": "function_call", "status": status, "name": name,
                "call_id": call_id, "arguments": arguments,
            })
        };
        self.item("added", index, &item("", "in_progress"));
        for piece in pieces(arguments) {
            self.say("function_call_arguments.delta", id, index, json!({"call_id": call_id, "delta": piece}));
        }
        let fields = json!({"call_id": call_id, "name": name, "arguments": arguments});
        self.say("function_call_arguments.done", id, index, fields);
        let done = item(arguments, "completed");
        self.item("done", index, &done);
        done
    }
}

/// The question that the items make.
pub(super) fn ask(instructions: &str, items: &[Value], tools: &Value, choice: &Value, max_tokens: Option<u64>) -> Ask {
    let mut turns = Vec::new();
    if !instructions.is_empty() {
        turns.push(Turn::Said { role: Role::System, text: instructions.to_owned(), attached: Vec::new() });
    }
    for item in items {
        turns.extend(match text(item, "type") {
            "function_call" => {
                Some(Turn::Called { id: text(item, "call_id").to_owned(), name: text(item, "name").to_owned() })
            }
            "function_call_output" => {
                Some(Turn::Output { id: text(item, "call_id").to_owned(), text: text(item, "output").to_owned() })
            }
            "message" => {
                let parts = item.get("content").and_then(Value::as_array).into_iter().flatten();
                let said: Vec<&str> = parts
                    .clone()
                    .flat_map(|part| [text(part, "text"), text(part, "transcript")])
                    .filter(|said| !said.is_empty())
                    .collect();
                let attached = parts.filter(|part| text(part, "type") == "input_image").map(|_| "image").collect();
                let role = match text(item, "role") {
                    "user" => Role::User,
                    "assistant" => Role::Assistant,
                    _ => Role::System,
                };
                Some(Turn::Said { role, text: said.join("\n"), attached })
            }
            _ => None,
        });
    }
    let offered = tools.as_array().into_iter().flatten().filter(|tool| text(tool, "type") == "function");
    let tool = |tool: &Value| Tool {
        name: text(tool, "name").to_owned(),
        description: text(tool, "description").to_owned(),
        parameters: Some(
            tool.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object", "properties": {}})),
        ),
    };
    let choice = match (choice.as_str(), choice.get("name").and_then(Value::as_str)) {
        (_, Some(name)) => Choice::Named(name.to_owned()),
        (Some("none"), _) => Choice::None,
        (Some("required"), _) => Choice::Required,
        _ => Choice::Auto,
    };
    let max_tokens = max_tokens.and_then(|most| usize::try_from(most).ok());
    Ask { turns, tools: offered.map(tool).collect(), choice, parallel: true, max_tokens, ..Ask::default() }
}
