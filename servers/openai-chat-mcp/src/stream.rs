//! Completions, whole or streamed and put together again.
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::events::Streamed;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use openai_mcp_shapes::broken::{self, Begun};
use serde_json::Map;

use crate::strict::{self, Settled};

/// Makes a completion: by the first of two requests as a whole, or by the second, telling the text as it is written.
///
/// # Errors
/// OpenAI cannot be asked, or the stream ended before the answer did.
pub(crate) async fn complete(
    cx: &Context,
    [whole, streamed]: [&'static Spec; 2],
    arguments: Arguments,
    streams: bool,
) -> Result<Value> {
    // A schema of a few lines can ask for much work.
    let Settled { arguments, meant } = cx.compute(move || strict::settle(arguments)).await??;
    made(cx, [whole, streamed], arguments, streams).await.map(|completion| meant.of(completion))
}

async fn made(
    cx: &Context,
    [whole, streamed]: [&'static Spec; 2],
    arguments: Arguments,
    streams: bool,
) -> Result<Value> {
    let given = |name: &str| Ok::<_, Error>(arguments.member::<Value>(name)?.is_some());
    // The API takes the one only beside the other.
    let arguments = match given("top_logprobs")? && !given("logprobs")? {
        true => arguments.set("logprobs", true),
        false => arguments,
    };
    if !streams {
        return known(cx.send(whole, arguments.without("stream_options")).value().await?);
    }
    let mut options: Value = arguments.member("stream_options")?.unwrap_or_else(|| json!({}));
    if let Some(options) = options.as_object_mut() {
        options.entry("include_usage").or_insert(true.into());
    }
    let mut events = match cx.send(streamed, arguments.set("stream_options", options)).streamed().await? {
        Streamed::Events(events) => events,
        Streamed::Whole(completion) => return known(completion),
    };
    let mut answer = Assembly::default();
    let ended = loop {
        match events.next().await {
            Ok(Some(event)) => match answer.add(&event.data) {
                Ok(piece) => cx.tell_text(&piece),
                Err(error) => break Err(error),
            },
            Ok(None) => break answer.ended(),
            Err(error) => break Err(error),
        }
    };
    cx.flush_text();
    ended.map_err(|error| answer.broken(&error))?;
    Ok(answer.finish())
}

fn known(completion: Value) -> Result<Value> {
    match completion.get("choices") {
        Some(_) => Ok(completion),
        None => Err(Error::new(Kind::Answer, "the answer is no completion")),
    }
}

/// Values that a choice weighs of itself.
const CHOICE: usize = 16;

/// What is there of a completion so far.
#[derive(Default)]
struct Assembly {
    /// Everything that is not within a choice.
    head: Map<String, Value>,
    choices: BTreeMap<u64, Choice>,
    /// Bytes that came since it was last weighed.
    fresh: usize,
}

#[derive(Default)]
struct Choice {
    message: Value,
    logprobs: Value,
    finish_reason: Value,
    /// Every piece is base64 of its own, so their texts cannot be joined.
    sound: Vec<u8>,
}

impl Assembly {
    /// Takes in a chunk and gives the text that it adds to the first choice.
    ///
    /// # Errors
    /// It is not JSON, or the completion has more values than are held.
    fn add(&mut self, chunk: &[u8]) -> Result<String> {
        const WEIGHED: usize = 1024 * 1024;
        self.fresh += chunk.len();
        if self.fresh > WEIGHED {
            self.fresh = 0;
            self.weigh()?;
        }
        let chunk: Map<String, Value> = serde_json::from_slice(chunk)
            .map_err(|error| Error::new(Kind::Answer, format!("a chunk of the stream is not JSON: {error}")))?;
        let mut told = String::new();
        for (name, value) in chunk {
            match (name.as_str(), value) {
                ("choices", Value::Array(choices)) => {
                    choices.into_iter().for_each(|choice| self.choice(choice, &mut told))
                }
                // Padding that hides the lengths of chunks from who listens on the line.
                ("obfuscation", _) | (_, Value::Null) => {}
                (_, value) => {
                    self.head.insert(name, value);
                }
            }
        }
        Ok(told)
    }

    /// Chunks that are each small can come to very many values.
    fn weigh(&self) -> Result<()> {
        let choices =
            self.choices.values().map(|choice| CHOICE + json::weight(&choice.message) + json::weight(&choice.logprobs));
        let all = self.head.values().map(json::weight).chain(choices).sum::<usize>();
        if all > json::MOST_VALUES {
            return Err(Error::new(Kind::Answer, format!("the stream has more than {} values", json::MOST_VALUES)));
        }
        Ok(())
    }

    fn choice(&mut self, mut given: Value, told: &mut String) {
        let index = given.get("index").and_then(Value::as_u64).unwrap_or_default();
        let choice = self.choices.entry(index).or_default();
        let mut delta = given.get_mut("delta").map(Value::take).unwrap_or_default();
        if let Some(data) = delta.get_mut("audio").and_then(Value::as_object_mut).and_then(|audio| audio.remove("data"))
        {
            choice.sound.extend(STANDARD.decode(data.as_str().unwrap_or_default()).unwrap_or_default());
        }
        if index == 0 {
            told.extend(texts(&delta));
        }
        merge(&mut choice.message, delta);
        merge(&mut choice.logprobs, given.get_mut("logprobs").map(Value::take).unwrap_or_default());
        if let Some(reason) = given.get_mut("finish_reason").filter(|reason| !reason.is_null()) {
            choice.finish_reason = reason.take();
        }
    }

    /// # Errors
    /// The stream ended before the answer did.
    fn ended(&self) -> Result<()> {
        if self.choices.is_empty() || self.choices.values().any(|choice| choice.finish_reason.is_null()) {
            return Err(Error::new(Kind::Connection, "the stream ended before the answer did"));
        }
        Ok(())
    }

    /// An error with what there is of each choice, which was paid for.
    fn broken(&self, error: &Error) -> Error {
        let begun = self.choices.iter().map(|(index, choice)| Begun {
            index: *index,
            text: texts(&choice.message).collect(),
            whole: !choice.finish_reason.is_null(),
        });
        broken::choices(error, &begun.collect::<Vec<_>>())
    }

    /// The completion as it would have come without a stream.
    fn finish(self) -> Value {
        let mut completion = self.head;
        completion.insert("object".into(), "chat.completion".into());
        let choices = self.choices.into_iter().map(|(index, choice)| choice.finish(index));
        completion.insert("choices".into(), choices.collect());
        completion.into()
    }
}

impl Choice {
    fn finish(self, index: u64) -> Value {
        let Choice { message, logprobs, finish_reason, sound } = self;
        let mut message = match message {
            Value::Object(message) => message,
            _ => Map::new(),
        };
        for (name, usual) in [("role", json!("assistant")), ("content", Value::Null), ("refusal", Value::Null)] {
            message.entry(name).or_insert(usual);
        }
        message.entry("annotations").or_insert(json!([]));
        for name in ["content", "refusal"] {
            // Whatever the answer is, some models begin it with an empty text.
            let beside = ["tool_calls", "function_call", "audio", "refusal"]
                .iter()
                .any(|name| message.get(*name).is_some_and(|it| !it.is_null()));
            if beside && message.get(name).is_some_and(|text| text == "") {
                message.insert(name.into(), Value::Null);
            }
        }
        if let Some(audio) = message.get_mut("audio").and_then(Value::as_object_mut) {
            audio.insert("data".into(), STANDARD.encode(&sound).into());
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(call) = call.as_object_mut() {
                call.remove("index");
            }
        }
        json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish_reason})
    }
}

/// What a message says, or a piece of one.
fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let places = ["/content", "/refusal", "/audio/transcript"];
    places.into_iter().filter_map(|place| message.pointer(place)?.as_str())
}

/// Adds what a chunk says: texts go on, lists grow, items with an `index` go on where they are, the rest is replaced.
/// So what the API adds to its chunks one day is not lost.
fn merge(whole: &mut Value, piece: Value) {
    match (whole, piece) {
        (_, Value::Null) => {}
        (Value::Object(whole), Value::Object(piece)) => {
            for (name, value) in piece {
                match whole.get_mut(&name) {
                    // What names a thing comes once, or again and again.
                    Some(old) if !matches!(name.as_str(), "id" | "type" | "role" | "index") => merge(old, value),
                    _ => {
                        whole.insert(name.clone(), Value::Null);
                        if let Some(new) = whole.get_mut(&name) {
                            begin(new, value);
                        }
                    }
                }
            }
        }
        (Value::Array(whole), Value::Array(piece)) => {
            for item in piece {
                match place(whole, &item).and_then(|at| whole.get_mut(at)) {
                    Some(old) => merge(old, item),
                    None => whole.push(item),
                }
            }
        }
        (Value::String(whole), Value::String(piece)) => whole.push_str(&piece),
        (whole, piece) => begin(whole, piece),
    }
}

/// Where in a list the item is that a piece goes on with. Items mostly lie at their `index`; others are looked for among
/// the last alone, so that a list of any length is put together in a time that grows with it.
fn place(whole: &[Value], piece: &Value) -> Option<usize> {
    const LOOKED_AT: usize = 128;
    let index = |item: &Value| item.get("index").and_then(Value::as_u64);
    let wanted = index(piece)?;
    let there = |at: &usize| whole.get(*at).and_then(index) == Some(wanted);
    let expected = usize::try_from(wanted).ok().filter(there);
    expected.or_else(|| (whole.len().saturating_sub(LOOKED_AT)..whole.len()).rev().find(there))
}

/// A first piece. Its lists, however deep, are merged into empty ones, since one chunk may hold two pieces of an item.
fn begin(whole: &mut Value, piece: Value) {
    *whole = match &piece {
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
        _ => {
            *whole = piece;
            return;
        }
    };
    merge(whole, piece);
}
