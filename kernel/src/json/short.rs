//! Values that are longer than a result should be: they stay JSON, with their long texts and lists cut.

use bytes::Bytes;
use serde_json::Value;

use super::{object, text, tree};

/// Shortest text that is cut further.
const SHORTEST: usize = 64;
/// Bytes that an item of a list is reckoned with.
const ITEM: usize = 64;
/// Most bytes of an object that is read to be cut: each value weighs many times its text.
const LARGEST: usize = 1 << 20;

/// The text of a JSON object that has more than so many bytes, as that of an object of so many; nothing where cutting texts and
/// lists does not do.
pub(crate) fn short_object(bytes: &[u8], most: usize) -> Option<Bytes> {
    if bytes.len() > LARGEST {
        return None;
    }
    let value = tree(bytes).ok().filter(Value::is_object)?;
    let short = text(&shorten(&value, most, "ask for less, or let the operator raise OPENAI_MCP_MAX_RESULT"));
    (short.len() <= most).then(|| short.into())
}

/// A value of at most so many bytes, as far as cutting texts and lists can do that, with a member `cut` that says what was
/// done and, by `whole`, how to see all.
pub fn shorten(value: &Value, most: usize, whole: &str) -> Value {
    // Beside the words about what was cut.
    let room = most - (most / 4).min(1024);
    noted(short(value, room), &format!("long texts and lists are cut; {whole}"))
}

pub(crate) fn noted(mut answer: Value, note: &str) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("cut".to_owned(), note.into());
    }
    answer
}

/// A value of at most so many bytes, as far as cutting texts and lists can do that.
pub(crate) fn short(value: &Value, most: usize) -> Value {
    let fits = |cut: &Value| text(cut).len() <= most;
    let mut longest = most.max(SHORTEST);
    let mut best = cut(value, longest);
    if fits(&best) {
        return best;
    }
    while longest > SHORTEST && !fits(&best) {
        longest /= 2;
        best = cut(value, longest);
    }
    // As much of the room as is worth the search.
    let mut step = longest;
    while step > longest / 16 && step > SHORTEST {
        step /= 2;
        let more = cut(value, longest + step);
        if fits(&more) {
            (longest, best) = (longest + step, more);
        }
    }
    best
}

fn cut(value: &Value, longest: usize) -> Value {
    match value {
        Value::String(text) if text.len() > longest => {
            let end = text.floor_char_boundary(longest);
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
            object(members.iter().map(|(name, value)| (name.clone(), cut(value, longest)))).into()
        }
        other => other.clone(),
    }
}
