//! Answers that are longer than a result should be: they stay JSON, with their long texts and lists cut.

use bytes::Bytes;
use openai_mcp_kernel::platform::Body;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// Shortest text that is cut further.
const SHORTEST: usize = 64;
/// Bytes that an item of a list is reckoned with.
const ITEM: usize = 64;

/// An answer as a result. One that is too long goes into a new file, since it was paid for and may be kept nowhere else,
/// and what is shown of it is cut.
pub(crate) async fn fit(cx: &Context, answer: String) -> Bytes {
    let bytes = answer.len();
    if bytes <= cx.max_result() {
        return answer.into();
    }
    let value: Value = serde_json::from_str(&answer).unwrap_or_default();
    let id = value.get("id").or(value.get("completion_id")).and_then(Value::as_str).unwrap_or("completion");
    let name: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let whole = match cx.save(format!("{name}.json"), Body::Full(answer.into())).await {
        Ok(saved) => format!("all {bytes} bytes are saved to {}", saved.path),
        Err(error) => format!(
            "there are {bytes} bytes, which could not be saved: {error}\n\
             if it was made with `store`, chat-completion-get with `max_bytes` {} shows all",
            bytes.next_power_of_two()
        ),
    };
    let shown = short(&value, room(cx.max_result()));
    noted(shown, &format!("long texts and lists are cut; {whole}")).to_string().into()
}

/// What OpenAI keeps, of which the caller takes as much as `max_bytes` says. `how` is what goes before that word.
pub(crate) fn window(cx: &Context, answer: Value, max_bytes: Option<usize>, how: &str) -> Output {
    let (bytes, most) = (answer.to_string().len(), max_bytes.unwrap_or_else(|| cx.max_result()));
    let answer = if bytes <= most {
        answer
    } else {
        noted(short(&answer, room(most)), &format!("long texts and lists are cut; {how}`max_bytes` {bytes} shows all"))
    };
    match max_bytes {
        Some(_) => Output::Text { text: answer.to_string(), structured: answer },
        None => Output::json(&answer),
    }
}

/// A page of which every item takes a quarter of a result at most, so that the page can be cut between them.
pub(crate) fn page(cx: &Context, mut page: Value, whole: &str) -> Output {
    let most = cx.max_result() / 4;
    let mut cut = false;
    for item in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        if item.to_string().len() > most {
            *item = short(item, most);
            cut = true;
        }
    }
    Output::json(&if cut { noted(page, &format!("long texts and lists are cut; {whole}")) } else { page })
}

/// What is left of a result beside the words about what was cut.
fn room(most: usize) -> usize {
    most - (most / 4).min(1024)
}

fn noted(mut answer: Value, note: &str) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("cut".to_owned(), note.into());
    }
    answer
}

/// A value of at most so many bytes, as far as cutting texts and lists can do that.
fn short(value: &Value, most: usize) -> Value {
    let mut longest = most.max(SHORTEST);
    loop {
        let cut = cut(value, longest);
        if cut.to_string().len() <= most || longest <= SHORTEST {
            return cut;
        }
        longest /= 2;
    }
}

fn cut(value: &Value, longest: usize) -> Value {
    match value {
        Value::String(text) if text.len() > longest => {
            let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            format!("{}… ({} bytes in all)", text.get(..end).unwrap_or_default(), text.len()).into()
        }
        Value::Array(items) => {
            let most = (longest / ITEM).max(1);
            let mut shown: Vec<Value> = items.iter().take(most).map(|item| cut(item, longest)).collect();
            if items.len() > most {
                shown.push(format!("… ({} items in all)", items.len()).into());
            }
            shown.into()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), cut(value, longest))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
