//! JSON as text: what it weighs, and how it is written.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memmem};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Most values of an answer that is looked into, as [`values`] counts them: some 100 MB as a tree.
pub const MOST_VALUES: usize = 3_000_000;
/// Longest run of letters and digits that is shown whatever it is.
const SHORTEST_CODE: usize = 200;
/// What counts as so many values, by the memory that it takes.
const LIST: usize = 4;
const OBJECT: usize = 16;
const MEMBER: usize = 2;

/// About how many values a text of JSON has, an object counting as sixteen, since that is what it weighs: read, each weighs
/// many times its text, so they are counted before. Any text may be given.
pub fn values(text: &[u8]) -> usize {
    // Most texts have so few that it does not matter which of them stand in strings.
    const FEW: usize = 10_000;
    let each = [(b',', 1), (b':', MEMBER), (b'[', LIST), (b'{', OBJECT)];
    let most: usize = each.iter().map(|(mark, weight)| weight * memchr_iter(*mark, text).count()).sum();
    if most <= FEW {
        return 1 + most;
    }
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => count += 1,
            b':' if !quoted => count += MEMBER,
            b'[' if !quoted => count += LIST,
            b'{' if !quoted => count += OBJECT,
            _ => {}
        }
    }
    count
}

/// The same of a value that was read.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => LIST + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => OBJECT + members.values().map(|value| MEMBER + weight(value)).sum::<usize>(),
        _ => 1,
    }
}

/// Makes sure that a text of JSON has no more values than are looked into.
///
/// # Errors
/// It has more than [`MOST_VALUES`].
pub fn narrow(text: &[u8]) -> Result<(), String> {
    if values(text) > MOST_VALUES { Err(format!("has more than {MOST_VALUES} values")) } else { Ok(()) }
}

/// Why a text is not JSON, for a person.
pub fn fault(text: &[u8]) -> String {
    if let Err(error) = std::str::from_utf8(text) {
        return error.to_string();
    }
    serde_json::from_slice::<IgnoredAny>(text).err().map_or_else(|| "not valid".to_owned(), |error| error.to_string())
}

/// About how many bytes a text of JSON takes when it is held and read.
pub fn held(text: &[u8]) -> usize {
    const VALUE: usize = 32;
    text.len() + VALUE * values(text)
}

/// Reads JSON that somebody else wrote as a tree.
///
/// # Errors
/// It is not JSON, or has more than [`MOST_VALUES`].
pub fn tree(text: &[u8]) -> Result<Value, String> {
    narrow(text)?;
    serde_json::from_slice(text).map_err(|error| format!("is not JSON: {error}"))
}

/// The text of JSON with U+FFFD for every escape that is half of a character: programs that cut text by UTF-16 units
/// write such, and no reader takes them.
pub(crate) fn mended(text: Bytes) -> Bytes {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    };
    let mut halves = Vec::new();
    let mut at = 0;
    while let Some(next) = memchr(b'\\', text.get(at..).unwrap_or_default()) {
        at += next;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                halves.push(at);
                6
            }
            _ => 2,
        };
    }
    if halves.is_empty() {
        return text;
    }
    let mut mended = text.to_vec();
    for half in halves {
        if let Some(escape) = mended.get_mut(half..half + 6) {
            escape.copy_from_slice(b"\\ufffd");
        }
    }
    mended.into()
}

/// A message for who reads lines: U+0085, U+2028 and U+2029, which many take for the end of one, are escaped. As JSON has none of
/// them outside of strings, it says the same.
pub fn unbroken(message: Bytes) -> Bytes {
    const BREAKS: [(&str, &[u8]); 3] = [("\u{85}", br"\u0085"), ("\u{2028}", br"\u2028"), ("\u{2029}", br"\u2029")];
    if message.is_ascii() {
        return message;
    }
    BREAKS.into_iter().fold(message, |message, (found, escape)| {
        let (mut out, mut done) = (Vec::new(), 0);
        for at in memmem::find_iter(&message, found) {
            out.extend_from_slice(message.get(done..at).unwrap_or_default());
            out.extend_from_slice(escape);
            done = at + found.len();
        }
        if done == 0 {
            return message;
        }
        out.extend_from_slice(message.get(done..).unwrap_or_default());
        out.into()
    })
}

/// Appends text as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Names and values as a JSON object, each value as the JSON text that it is.
pub(crate) fn written<'e>(entries: impl Iterator<Item = (&'e str, &'e str)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in entries {
        out.push(if out.is_empty() { b'{' } else { b',' });
        push_string(&mut out, name);
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    out
}

/// Text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A value as compact JSON. `Value::to_string` does the same by a second writer, of which a Worker needs none.
pub fn text(value: &Value) -> String {
    // Keys are texts, and writing to memory cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// A number as JSON and people write it; what JSON cannot write is `null`.
///
/// By serde_json: the standard library's way brings tables and code of 20 KB, which a Worker would carry for this alone.
pub fn number(value: f64) -> String {
    // The largest whole numbers that a float tells apart.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.trunc() == value && value.abs() <= WHOLE {
        return (value as i64).to_string();
    }
    serde_json::Number::from_f64(value).map_or_else(|| "null".into(), |number| number.to_string())
}

/// A text, or its beginning of so many characters.
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{beginning}…").into(),
        None => text.into(),
    }
}

/// Whether there is a run of characters that only base64 has so long.
pub(crate) fn coded(text: &[u8]) -> bool {
    text.split(|byte| !is_base64(*byte)).any(|run| run.len() > SHORTEST_CODE)
}

/// Whether a text is such a run.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() > SHORTEST_CODE && text.bytes().all(is_base64)
}

/// A text without such runs.
pub(crate) fn without_code(text: &str) -> Cow<'_, str> {
    if !coded(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let pieces = text.split_inclusive(|letter: char| !u8::try_from(letter).is_ok_and(is_base64)).map(|piece| {
        let code = piece.bytes().take_while(|byte| is_base64(*byte)).count();
        match code > SHORTEST_CODE {
            true => format!("({code} characters of base64 left out){}", piece.get(code..).unwrap_or_default()),
            false => piece.to_owned(),
        }
    });
    Cow::Owned(pieces.collect())
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
