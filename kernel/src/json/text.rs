//! JSON as text: OpenAI's on its way to the client, put on one line and never re-modelled, and what is written besides.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use memchr::{memchr, memchr_iter, memchr2_iter};
use serde::de::Error as _;
use serde_json::Value;
use serde_json::value::RawValue;

/// Most values of an answer that is looked into, as [`values`] counts them: some 100 MB as a tree.
pub const MOST_VALUES: usize = 3_000_000;
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

/// A JSON text on one line, without indentation.
///
/// OpenAI prints its answers over many indented lines. Those cost tokens, and a line break would end a message on
/// stdio and a field of an event stream. No string of JSON spans lines, so lines can be trimmed without reading them.
#[derive(Clone, Debug)]
pub struct Line(ByteString);

impl Line {
    /// Checks that a text is JSON and puts it on one line. Text that is so already is not copied.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn new(text: Bytes) -> serde_json::Result<Self> {
        let text = ByteString::try_from(text).map_err(serde_json::Error::custom)?;
        let checked: &RawValue = serde_json::from_str(&text)?;
        let json = checked.get();
        let mut breaks = memchr2_iter(b'\n', b'\r', json.as_bytes());
        let Some(first) = breaks.next() else { return Ok(Line(text.slice_ref(json))) };
        let mut out = String::with_capacity(json.len());
        let mut start = 0;
        for end in std::iter::once(first).chain(breaks).chain([json.len()]) {
            out.push_str(json.get(start..end).unwrap_or_default().trim_ascii());
            start = end + 1;
        }
        Ok(Line(out.into()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The bytes of the text.
    pub fn bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Appends it as a JSON string.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn push_quoted(&self, out: &mut Vec<u8>) {
        // The widest registers that the processor has: twice as quick as searching for quotes, of which JSON is full.
        json_escape_simd::escape_into(self.text(), out);
    }

    /// Appends it as a JSON string.
    ///
    /// Outside of strings a line has no control character but the tab, and inside of them none, so there are three
    /// bytes to look for. On wasm that is several times as quick as what is used elsewhere.
    #[cfg(target_arch = "wasm32")]
    pub fn push_quoted(&self, out: &mut Vec<u8>) {
        let (line, mut plain) = (self.bytes(), 0);
        out.push(b'"');
        for at in memchr::memchr3_iter(b'"', b'\\', b'\t', line) {
            out.extend_from_slice(line.get(plain..at).unwrap_or_default());
            match line.get(at) {
                Some(b'"') => out.extend_from_slice(b"\\\""),
                Some(b'\\') => out.extend_from_slice(b"\\\\"),
                _ => out.extend_from_slice(b"\\t"),
            }
            plain = at + 1;
        }
        out.extend_from_slice(line.get(plain..).unwrap_or_default());
        out.push(b'"');
    }
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

/// Appends text as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
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
