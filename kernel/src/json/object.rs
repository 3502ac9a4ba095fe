//! The members of a JSON object as texts, and what is done to lists by them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::{Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Node;
use super::text::push_string;

/// Most members of a page that is looked into: each weighs many times a short value.
const MOST: usize = 1000;

/// The entries of a JSON object, in order, each value as its text.
///
/// # Errors
/// The text is not a JSON object.
pub(crate) fn entries(text: &[u8]) -> serde_json::Result<Vec<(Cow<'_, str>, &RawValue)>> {
    few_entries(text, usize::MAX)
}

/// The same of an object that has so many at most.
fn few_entries(text: &[u8], most: usize) -> serde_json::Result<Vec<(Cow<'_, str>, &RawValue)>> {
    let mut entries = Vec::new();
    each(text, &mut |key, value| {
        if entries.len() >= most {
            return Err("too many members".into());
        }
        entries.push((key, value));
        Ok(())
    })?;
    Ok(entries)
}

/// The members of these names, each as its text; `null` is there as any other.
///
/// # Errors
/// No object, or one of the members twice.
pub(crate) fn named<'a, const N: usize>(
    text: &'a [u8],
    names: [&str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut found = [None; N];
    each(text, &mut |key, value| {
        if let Some((name, member)) = names.iter().zip(&mut found).find(|(name, _)| **name == key)
            && member.replace(value).is_some()
        {
            return Err(format!("duplicate field `{name}`"));
        }
        Ok(())
    })?;
    Ok(found)
}

/// What is done with a member; an error ends the reading.
type Take<'f, 'a> = &'f mut dyn FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), String>;

/// Reads an object member by member, in their order.
fn each<'a>(text: &'a [u8], take: Take<'_, 'a>) -> serde_json::Result<()> {
    struct Entries<'f, 'a>(Take<'f, 'a>);
    impl<'de> Visitor<'de> for Entries<'_, 'de> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<Node<'de>>()? {
                if let Node::Text(key) = key {
                    (self.0)(key, map.next_value()?).map_err(A::Error::custom)?;
                }
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.deserialize_map(Entries(take))?;
    deserializer.end()
}

/// What a list has.
struct Items<'a> {
    /// Those at its beginning that fit into some bytes: a text can have many more than there is memory for.
    fitting: Vec<&'a RawValue>,
    first: Option<&'a RawValue>,
    last: Option<&'a RawValue>,
    count: usize,
}

/// The items of a JSON array, of which so many bytes are wanted.
fn items(text: &[u8], room: usize) -> Option<Items<'_>> {
    struct Fitting(usize);
    impl<'de> Visitor<'de> for Fitting {
        type Value = Items<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut items = Items { fitting: Vec::new(), first: None, last: None, count: 0 };
            let mut room = Some(self.0);
            while let Some(item) = seq.next_element::<&RawValue>()? {
                items.first = items.first.or(Some(item));
                items.last = Some(item);
                items.count += 1;
                room = room.and_then(|room| room.checked_sub(item.get().len() + 1));
                if room.is_some() {
                    items.fitting.push(item);
                }
            }
            Ok(items)
        }
    }
    serde_json::Deserializer::from_slice(text).deserialize_seq(Fitting(room)).ok()
}

/// A page as OpenAI's lists have it, of objects that each have an `id`.
pub fn page(data: Vec<Value>, has_more: bool) -> Value {
    let id = |object: Option<&Value>| object.and_then(|object| object.get("id")).cloned();
    let (first, last) = (id(data.first()), id(data.last()));
    serde_json::json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more})
}

/// Cuts a list answer (an object with `data`) to at most `cap` bytes by leaving out items at its end.
///
/// `has_more` and `last_id`, or a `next` that is an id, are set to match, so that the caller goes on with `after` as with any page,
/// if there are pages. A token of the next page, which begins behind what was cut, is left out. Gives the cut text and a note
/// that says what was cut and what leads on, behind the list's own `note`, which goes from the list into it. `None` if the answer
/// is no such list, or not even one item fits.
pub fn cut_list(text: &[u8], cap: usize) -> Option<(Bytes, String)> {
    let entries = few_entries(text, MOST).ok()?;
    let data = entries.iter().find(|(name, _)| name == "data")?.1;
    let room = cap.checked_sub(text.len() - data.get().len() + 64)?;
    let Items { fitting, last, count, .. } = items(data.get().as_bytes(), room)?;
    let [last_id, end_time] = named(fitting.last()?.get().as_bytes(), ["id", "end_time"]).unwrap_or_default();
    let mut out = Vec::with_capacity(cap);
    out.push(b'{');
    let is_token = |(name, value): &(Cow<'_, str>, &RawValue)| is_token(name, value, last);
    let by_token = entries.iter().any(is_token);
    let mut note = String::new();
    for (name, value) in entries.iter().filter(|entry| !is_token(entry)) {
        if name == "note" {
            if let Ok(Node::Text(own)) = Node::parse(value.get()) {
                note = format!("{own}\n");
            }
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        push_string(&mut out, name);
        out.push(b':');
        match (name.as_ref(), &last_id) {
            ("data", _) => {
                out.push(b'[');
                for (index, item) in fitting.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(item.get().as_bytes());
                }
                out.push(b']');
            }
            // Who goes by it would take a part for all.
            ("has_more", _) => out.extend_from_slice(b"true"),
            ("last_id" | "next", Some(id)) => out.extend_from_slice(id.get().as_bytes()),
            _ => out.extend_from_slice(value.get().as_bytes()),
        }
    }
    out.push(b'}');
    let kept = fitting.len();
    note.push_str(&format!("cut to the first {kept} of {count} items to stay within {cap} bytes"));
    let pages = entries.iter().any(|(name, _)| name == "has_more");
    match (&last_id, end_time) {
        // Times in a row: the next begins where the last ends.
        (None, Some(end)) if pages => note.push_str(&format!("; go on with `start_time`: {end}")),
        _ if by_token => note.push_str("; ask again with a smaller `limit` and go on page by page"),
        (Some(id), _) if pages => note.push_str(&format!("; go on with `after`: {id} where the tool takes it")),
        _ => note.push_str("; ask for fewer or narrower results to see the others"),
    }
    Some((out.into(), note))
}

/// How to get past the first item of a list, which is too long for a result; nothing for what is no list with pages.
pub(crate) fn past_first(text: &[u8]) -> Option<String> {
    let entries = few_entries(text, MOST).ok()?;
    let member = |wanted| entries.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.get());
    member("has_more")?;
    let Items { first, last, .. } = items(member("data")?.as_bytes(), 0)?;
    let first = id(first?)?;
    let by_token = entries.iter().any(|(name, value)| is_token(name, value, last));
    Some(if by_token { String::new() } else { format!("; `after`: {first} goes on behind the first item") })
}

/// Whether a member of a list is a token of the next page. Some lists name that page by the id of their last item, others by a
/// token that they alone know, and one that has no `next` does not tell which it is.
fn is_token(name: &str, value: &RawValue, last: Option<&RawValue>) -> bool {
    let is_id = || last.and_then(id).is_some_and(|id| id.get() == value.get());
    (name == "next_page" && value.get() != "null") || (name == "next" && !is_id())
}

fn id(item: &RawValue) -> Option<&RawValue> {
    let [id] = named(item.get().as_bytes(), ["id"]).ok()?;
    id
}
