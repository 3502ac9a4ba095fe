//! OpenAI's JSON on its way to the client: made compact, never re-modelled.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};

/// The same JSON without white space between tokens, checked to be JSON. Text that is compact already is not copied.
///
/// OpenAI prints its answers over many indented lines. Those cost tokens, and a line break would end a message on
/// stdio and a field of an event stream.
///
/// # Errors
/// The text is not JSON.
pub fn compact(text: Bytes) -> Result<Bytes> {
    let not_json = |error: serde_json::Error| Error::new(Kind::Answer, format!("the answer is not JSON: {error}"));
    let checked: &RawValue = serde_json::from_slice(&text).map_err(not_json)?;
    let source = checked.get().as_bytes();
    let mut out: Option<Vec<u8>> = None;
    // `start` is where the run of bytes to keep began; `at` walks over tokens.
    let (mut start, mut at) = (0, 0);
    while let Some(byte) = source.get(at) {
        match byte {
            b'"' => at = end_of_string(source, at),
            b' ' | b'\n' | b'\r' | b'\t' => {
                let out = out.get_or_insert_with(|| Vec::with_capacity(source.len()));
                out.extend_from_slice(source.get(start..at).unwrap_or_default());
                while matches!(source.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
                    at += 1;
                }
                start = at;
            }
            _ => at += 1,
        }
    }
    Ok(match out {
        Some(mut out) => {
            out.extend_from_slice(source.get(start..).unwrap_or_default());
            out.into()
        }
        None => text.slice_ref(source),
    })
}

/// The index after the string that begins at `at`; the text is known to be JSON.
fn end_of_string(source: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = source.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Whether a compact JSON text is an object.
pub fn is_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{')
}

/// Appends text as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Cuts a list answer (an object with `data`) to at most `cap` bytes by leaving out items at its end.
///
/// `has_more` and `last_id` are set to match, so that the caller goes on with `after` as with any page. Gives the cut
/// text and a line that says what was cut. `None` if the answer is no such list, or not even one item fits.
pub fn cut_list(text: &[u8], cap: usize) -> Option<(Bytes, String)> {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        id: Option<std::borrow::Cow<'a, str>>,
    }
    let entries = crate::tool::entries(text).ok()?;
    let data = entries.iter().find(|(name, _)| name == "data")?.1;
    let items: Vec<&RawValue> = serde_json::from_str(data.get()).ok()?;
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
    let last_id = serde_json::from_str::<Item<'_>>(last.get()).ok().and_then(|item| item.id);
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
            ("last_id", Some(id)) => push_string(&mut out, id),
            _ => out.extend_from_slice(value.get().as_bytes()),
        }
    }
    out.push(b'}');
    let mut note = format!("cut to the first {kept} of {} items to stay within {cap} bytes", items.len());
    match (&last_id, entries.iter().any(|(name, _)| name == "has_more")) {
        (Some(id), true) => note.push_str(&format!("; go on with `after`: \"{id}\" where the tool takes it")),
        _ => note.push_str("; ask for fewer or narrower results to see the others"),
    }
    Some((out.into(), note))
}
