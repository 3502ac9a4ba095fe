//! Completions of text. <https://platform.openai.com/docs/api-reference/completions>

use std::collections::BTreeMap;

use openai_mcp_kernel::events::Streamed;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::broken::{self, Begun};
use serde_json::Map;

tools![Create];

/// Let a model go on with a text.
///
/// OpenAI's last model for it ended on 2026-09-28: for servers that are compatible. Gives text, why it ended and usage.
#[tool("completion-create", POST "/completions", run, open)]
struct Create {
    model: String,
    /// Texts or tokens, one or several.
    prompt: Nullable<Prompt>,
    /// Of so many, give the best.
    best_of: Option<Nullable<Int<0, 20>>>,
    echo: Option<Nullable<bool>>,
    frequency_penalty: Option<Nullable<Num<-2, 2>>>,
    /// Token ids with a bias from -100 to 100.
    logit_bias: Option<Nullable<JsonObject>>,
    /// Shown with full.
    logprobs: Option<Nullable<Int<0, 5>>>,
    max_tokens: Option<Nullable<u32>>,
    n: Option<Nullable<Int<1, 128>>>,
    presence_penalty: Option<Nullable<Num<-2, 2>>>,
    seed: Option<Nullable<i64>>,
    /// At most 4.
    stop: Option<Nullable<OneOrMany<String>>>,
    /// Tell the text as progress while it grows.
    #[read]
    stream: Option<Nullable<bool>>,
    #[unlisted]
    stream_options: Option<Nullable<StreamOptions>>,
    /// Goes after what is written.
    suffix: Option<Nullable<String>>,
    temperature: Option<Nullable<Num<0, 2>>>,
    top_p: Option<Nullable<Num<0, 1>>>,
    user: Option<String>,
    /// The API's whole answer.
    #[local]
    full: Option<bool>,
}

#[shape]
enum Prompt {
    Text(String),
    Many(Vec<Piece>),
}

#[shape]
enum Piece {
    Text(String),
    Token(i64),
    Tokens(Vec<i64>),
}

#[shape]
struct StreamOptions {
    include_obfuscation: Option<bool>,
    include_usage: Option<bool>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let streams = self.stream.and_then(|Nullable(stream)| stream) == Some(true);
        let call = cx.send(&Self::SPEC, cx.arguments());
        let completion = match streams {
            false => call.value().await?,
            true => match call.streamed().await? {
                Streamed::Events(events) => followed(&cx, events).await?,
                Streamed::Whole(completion) => completion,
            },
        };
        let shown = if self.full == Some(true) { completion } else { compact(&completion) };
        Ok(cx.give_json("completion", shown.to_string().into()).await)
    }
}

/// The completion as it would have come without a stream; its first text is told while it grows.
async fn followed(cx: &Context, mut events: Events) -> Result<Value> {
    let (mut head, mut choices) = (Map::new(), BTreeMap::new());
    let ended = loop {
        match events.next().await {
            Ok(Some(event)) => match serde_json::from_slice(&event.data) {
                Ok(chunk) => cx.tell_text(&add(chunk, &mut head, &mut choices)),
                Err(error) => {
                    break Err(Error::new(Kind::Answer, format!("a chunk of the stream is not JSON: {error}")));
                }
            },
            Ok(None) if !choices.is_empty() && choices.values().all(ends) => break Ok(()),
            Ok(None) => break Err(Error::new(Kind::Connection, "the stream ended before the answer did")),
            Err(error) => break Err(error),
        }
    };
    cx.flush_text();
    if let Err(error) = ended {
        // What there is of them was paid for.
        let begun = choices.iter().map(|(index, choice)| Begun {
            index: *index,
            text: choice.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            whole: ends(choice),
        });
        return Err(broken::choices(&error, &begun.collect::<Vec<_>>()));
    }
    head.insert("choices".to_owned(), choices.into_values().map(Value::Object).collect());
    Ok(head.into())
}

fn ends(choice: &Map<String, Value>) -> bool {
    choice.get("finish_reason").is_some_and(|reason| !reason.is_null())
}

/// Puts a chunk to what there is, and gives the text that it adds to the first choice.
fn add(
    chunk: Map<String, Value>,
    head: &mut Map<String, Value>,
    choices: &mut BTreeMap<u64, Map<String, Value>>,
) -> String {
    let mut told = String::new();
    for (name, value) in chunk {
        match (name.as_str(), value) {
            ("choices", Value::Array(given)) => {
                for given in given {
                    let Value::Object(given) = given else { continue };
                    let index = given.get("index").and_then(Value::as_u64).unwrap_or_default();
                    if index == 0 {
                        told += given.get("text").and_then(Value::as_str).unwrap_or_default();
                    }
                    merge(choices.entry(index).or_default(), given);
                }
            }
            // Padding that hides the lengths of chunks from who listens on the line.
            ("obfuscation", _) | (_, Value::Null) => {}
            (_, value) => {
                head.insert(name, value);
            }
        }
    }
    told
}

/// Texts and lists grow, objects are merged, and anything else is what was said last.
fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, part) in part {
        match (whole.get_mut(&name), part) {
            (Some(_), Value::Null) => {}
            (Some(Value::String(text)), Value::String(more)) if name == "text" => text.push_str(&more),
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (Some(Value::Object(members)), Value::Object(more)) => merge(members, more),
            (_, part) => {
                whole.insert(name, part);
            }
        }
    }
}

/// What a caller looks for in a completion.
fn compact(completion: &Value) -> Value {
    let take = |from: &Value, names: &[&str]| -> Map<String, Value> {
        let there = names.iter().filter_map(|name| Some(((*name).to_owned(), from.get(name)?.clone())));
        there.filter(|(_, value)| !value.is_null()).collect()
    };
    let mut result = take(completion, &["id", "model"]);
    let choices = completion.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match choices {
        [one] => result.extend(take(one, &["text", "finish_reason"])),
        several => {
            let shown = several.iter().map(|choice| Value::Object(take(choice, &["index", "text", "finish_reason"])));
            result.insert("choices".to_owned(), shown.collect());
        }
    }
    result.extend(take(completion, &["usage"]));
    result.into()
}
