//! OpenAI's JSON on its way to the client: put on one line, never re-modelled.

use bytes::Bytes;
use memchr::{memchr2, memchr3};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};

/// The same JSON on one line, without indentation, checked to be JSON. Text that is so already is not copied.
///
/// OpenAI prints its answers over many indented lines. Those cost tokens, and a line break would end a message on
/// stdio and a field of an event stream. No string of JSON spans lines, so lines can be trimmed without reading them.
///
/// # Errors
/// The text is not JSON.
pub fn one_line(text: Bytes) -> Result<Bytes> {
    let not_json = |error: serde_json::Error| Error::new(Kind::Answer, format!("the answer is not JSON: {error}"));
    let checked: &RawValue = serde_json::from_slice(&text).map_err(not_json)?;
    let mut rest = checked.get().as_bytes();
    let Some(first) = memchr2(b'\n', b'\r', rest) else { return Ok(text.slice_ref(rest)) };
    let mut out = Vec::with_capacity(rest.len());
    let mut end = first;
    loop {
        let (line, after) = rest.split_at(end);
        out.extend_from_slice(line.trim_ascii());
        rest = after.trim_ascii_start();
        if rest.is_empty() {
            return Ok(out.into());
        }
        end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    }
}

/// Whether a JSON text from [`one_line`] is an object.
pub fn is_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{')
}

/// Appends text as a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a JSON text from [`one_line`] as a JSON string.
///
/// Outside of strings such a text has no control character but the tab, and inside of them none, so there are three
/// bytes to look for.
pub fn push_json(out: &mut Vec<u8>, json: &[u8]) {
    out.push(b'"');
    let mut rest = json;
    while let Some(at) = memchr3(b'"', b'\\', b'\t', rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        match special.split_first() {
            Some((b'\t', after)) => {
                out.push(b' ');
                rest = after;
            }
            Some((byte, after)) => {
                out.extend_from_slice(&[b'\\', *byte]);
                rest = after;
            }
            None => rest = &[],
        }
    }
    out.extend_from_slice(rest);
    out.push(b'"');
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
