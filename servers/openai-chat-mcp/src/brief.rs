//! What callers mostly need of a completion.

use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::tier;
use serde_json::Map;

/// What nobody who has just asked needs to be told: the kind of the answer, and notes of OpenAI's own.
const KNOWN: [&str; 5] = ["created", "object", "role", "service_tier", "system_fingerprint"];

/// A completion in brief: its one choice beside id, model and usage, or its `choices`. What the API adds one day is shown, and the
/// service tier where it is not as it was `asked` for.
pub(crate) fn completion(completion: Value, asked: Option<&str>) -> Value {
    let usage = usage(&completion);
    let tier = tier::unasked(&completion, asked).map(Value::from);
    let Value::Object(mut told) = completion else { return completion };
    let choices = match told.remove("choices") {
        Some(Value::Array(choices)) => choices,
        _ => Vec::new(),
    };
    told.insert("usage".to_owned(), usage.into());
    let mut choices: Vec<_> = choices.into_iter().map(choice).collect();
    match choices.pop() {
        Some(only) if choices.is_empty() => told.extend(only),
        last => {
            choices.extend(last);
            told.insert("choices".to_owned(), choices.into_iter().map(Value::from).collect());
        }
    }
    told.retain(|name, value| tells(name, value));
    told.extend(tier.map(|tier| ("service_tier".to_owned(), tier)));
    told.into()
}

/// A stored completion in brief, or a page of them, each with when it was made.
pub(crate) fn stored(mut answer: Value) -> Value {
    let one = |stored: Value| {
        let created = stored.at("created").clone();
        let mut told = completion(stored, None);
        told.put("created", created);
        told
    };
    match answer.get_mut("data") {
        Some(Value::Array(page)) => page.iter_mut().for_each(|stored| *stored = one(stored.take())),
        _ => return one(answer),
    }
    answer
}

/// What the model said, as `text`, and why it ended.
fn choice(choice: Value) -> Map<String, Value> {
    let Value::Object(mut choice) = choice else { return Map::new() };
    let mut told = match choice.remove("message") {
        Some(Value::Object(message)) => message,
        _ => Map::new(),
    };
    if let Some(content) = told.remove("content") {
        told.insert("text".to_owned(), content);
    }
    choice.remove("index");
    told.extend(choice);
    told.retain(|name, value| tells(name, value));
    told
}

fn tells(name: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    !empty && !KNOWN.contains(&name)
}

/// The numbers that cost money.
pub(crate) fn usage(completion: &Value) -> Map<String, Value> {
    const DETAILS: [(&str, &str); 7] = [
        ("/prompt_tokens_details/cached_tokens", "cached_tokens"),
        ("/prompt_tokens_details/cache_write_tokens", "cache_write_tokens"),
        ("/prompt_tokens_details/audio_tokens", "prompt_audio_tokens"),
        ("/prompt_tokens_details/image_tokens", "prompt_image_tokens"),
        ("/completion_tokens_details/reasoning_tokens", "reasoning_tokens"),
        ("/completion_tokens_details/audio_tokens", "completion_audio_tokens"),
        ("/completion_tokens_details/rejected_prediction_tokens", "rejected_prediction_tokens"),
    ];
    let Some(given) = completion.get("usage") else { return Map::new() };
    let mut usage = given.as_object().cloned().unwrap_or_default();
    usage.retain(|_, value| value.is_number());
    for (place, name) in DETAILS {
        if let Some(count) = given.pointer(place).filter(|count| count.as_u64().is_some_and(|count| count > 0)) {
            usage.insert(name.to_owned(), count.clone());
        }
    }
    usage
}
