//! JSON as text: OpenAI's on its way to the client, put on one line and never re-modelled, and what little is read and
//! written besides.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr2_iter, memchr3_iter};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::schema::Node;

/// A JSON text on one line, without indentation.
///
/// OpenAI prints its answers over many indented lines. Those cost tokens, and a line break would end a message on
/// stdio and a field of an event stream. No string of JSON spans lines, so lines can be trimmed without reading them.
#[derive(Clone, Debug)]
pub struct Line(Bytes);

impl Line {
    /// Checks that a text is JSON and puts it on one line. Text that is so already is not copied.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn new(text: Bytes) -> serde_json::Result<Self> {
        let checked: &RawValue = serde_json::from_slice(&text)?;
        let json = checked.get().as_bytes();
        let mut breaks = memchr2_iter(b'\n', b'\r', json);
        let Some(first) = breaks.next() else { return Ok(Line(text.slice_ref(json))) };
        let mut out = Vec::with_capacity(json.len());
        let mut start = 0;
        for end in std::iter::once(first).chain(breaks).chain([json.len()]) {
            out.extend_from_slice(json.get(start..end).unwrap_or_default().trim_ascii());
            start = end + 1;
        }
        Ok(Line(out.into()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        // What serde_json took is UTF-8, and lines were cut between characters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The bytes of the text.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// Appends it as a JSON string.
    ///
    /// Outside of strings a line has no control character but the tab, and inside of them none, so there are three
    /// bytes to look for.
    pub fn push_quoted(&self, out: &mut Vec<u8>) {
        let (line, mut plain) = (self.0.as_ref(), 0);
        out.push(b'"');
        for at in memchr3_iter(b'"', b'\\', b'\t', line) {
            out.extend_from_slice(line.get(plain..at).unwrap_or_default());
            match line.get(at) {
                Some(b'"') => out.extend_from_slice(b"\\\""),
                Some(b'\\') => out.extend_from_slice(b"\\\\"),
                _ => out.push(b' '),
            }
            plain = at + 1;
        }
        out.extend_from_slice(line.get(plain..).unwrap_or_default());
        out.push(b'"');
    }
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

/// The entries of a JSON object, in order, each value as its text.
///
/// # Errors
/// The text is not a JSON object.
pub(crate) fn entries(text: &[u8]) -> serde_json::Result<Vec<(Cow<'_, str>, &RawValue)>> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(key) = map.next_key::<Node<'de>>()? {
                if let Node::Text(key) = key {
                    entries.push((key, map.next_value()?));
                }
            }
            Ok(entries)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let entries = deserializer.deserialize_map(Entries)?;
    deserializer.end()?;
    Ok(entries)
}

/// Cuts a list answer (an object with `data`) to at most `cap` bytes by leaving out items at its end.
///
/// `has_more` and `last_id` are set to match, so that the caller goes on with `after` as with any page. Gives the cut
/// text and a line that says what was cut. `None` if the answer is no such list, or not even one item fits.
pub fn cut_list(text: &[u8], cap: usize) -> Option<(Bytes, String)> {
    let entries = entries(text).ok()?;
    let data = entries.iter().find(|(name, _)| name == "data")?.1;
    let items: Vec<&RawValue> = serde_json::from_slice(data.get().as_bytes()).ok()?;
    let mut room = cap.checked_sub(text.len() - data.get().len() + 64)?;
    let mut kept = 0usize;
    for item in &items {
        match room.checked_sub(item.get().len() + 1) {
            Some(rest) => room = rest,
            None => break,
        }
        kept += 1;
    }
    let last = items.get(kept.checked_sub(1)?)?;
    let last_id = id(last);
    let mut out = Vec::with_capacity(cap);
    out.push(b'{');
    for (name, value) in &entries {
        if out.len() > 1 {
            out.push(b',');
        }
        push_string(&mut out, name);
        out.push(b':');
        match (name.as_ref(), &last_id) {
            ("data", _) => {
                out.push(b'[');
                for (index, item) in items.iter().take(kept).enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(item.get().as_bytes());
                }
                out.push(b']');
            }
            ("has_more", _) => out.extend_from_slice(b"true"),
            ("last_id", Some(id)) => out.extend_from_slice(id.get().as_bytes()),
            _ => out.extend_from_slice(value.get().as_bytes()),
        }
    }
    out.push(b'}');
    let mut note = format!("cut to the first {kept} of {} items to stay within {cap} bytes", items.len());
    match (&last_id, entries.iter().any(|(name, _)| name == "has_more")) {
        (Some(id), true) => note.push_str(&format!("; go on with `after`: {id} where the tool takes it")),
        _ => note.push_str("; ask for fewer or narrower results to see the others"),
    }
    Some((out.into(), note))
}

/// How to get past the first item of a list, which is too long for a result; nothing for what is no list with pages.
pub(crate) fn past_first(text: &[u8]) -> Option<String> {
    let entries = entries(text).ok()?;
    let member = |wanted| entries.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.get());
    member("has_more")?;
    let items: Vec<&RawValue> = serde_json::from_slice(member("data")?.as_bytes()).ok()?;
    Some(format!("; `after`: {} goes on behind the first item", id(items.first()?)?))
}

fn id(item: &RawValue) -> Option<&RawValue> {
    entries(item.get().as_bytes()).ok()?.into_iter().find(|(name, _)| name == "id").map(|(_, value)| value)
}
