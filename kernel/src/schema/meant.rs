//! What a value means that is not of its shape's kind, where there is no doubt about it.

use super::{Field, Shape, Variant, ids};
use crate::json::{self, Node};
use crate::time;

/// Arguments that name a place in a list.
const CURSORS: [&str; 3] = ["after", "before", "cursor"];

/// The one member of an object that stands for its text.
const WRAPS: [&str; 4] = ["id", "text", "url", "value"];

/// Who says what is said to a model.
const USER: &str = "user";

/// Whether an argument takes ids, or other names of places, and no text of the caller's.
pub(super) fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("_id") || name.ends_with("_ids") || CURSORS.contains(&name)
}

/// The list of ids that came as text, where one id could be a text as well: none begins as a list does.
pub(super) fn ids(field: &Field, node: &Node<'_>) -> Option<Node<'static>> {
    let text = node.as_str().filter(|text| is_id(field.name) && text.trim_start().starts_with('['))?;
    let list = Node::parse(text).ok()?.into_owned();
    takes((field.shape)(), &list).then_some(list)
}

/// The id that a text has in it: in blanks, line ends or quotes that were copied along, or in the URL of one of OpenAI's
/// pages.
pub(super) fn bare_id<'a>(field: &Field, text: &'a str) -> Option<&'a str> {
    if !field.name.ends_with("_id") && !field.name.ends_with("_ids") {
        return None;
    }
    let text_of = |quote: &char| text.trim().strip_prefix(*quote)?.strip_suffix(*quote);
    let bare = ['"', '\'', '`'].iter().find_map(text_of).unwrap_or(text).trim();
    let page = bare.strip_prefix("https://").and_then(|page| page.split(['?', '#']).next()?.split_once('/'));
    let bare = match page {
        Some((host, path)) if host.ends_with("openai.com") => path.split('/').find(|id| ids::is_of(field.name, id))?,
        _ => bare,
    };
    // What has blanks within is no id that was copied.
    (bare != text && !bare.is_empty() && !bare.contains(char::is_whitespace)).then_some(bare)
}

/// The id of a thing that is given whole, as answers of the API have it; of a file that is elsewhere, where an argument may take
/// its place, that place.
pub(super) fn own_id<'a>(field: &Field, thing: &'a Node<'_>) -> Option<&'a str> {
    let member = |name| thing.get(name).and_then(Node::as_str);
    let places = || ids::is_of_file(field.name) && !is_id(field.name);
    let id =
        member("id").filter(|id| (is_id(field.name) || ids::is_known(field.name)) && ids::is_likely(field.name, id));
    id.or_else(|| member("path").filter(|_| places()))
}

/// The object that has an id, where a text is a name: an id begins as what it is of is called, as `voice_…`.
pub(super) fn by_id(field: &Field, node: &Node<'_>) -> Option<Node<'static>> {
    let id = node.as_str()?.trim();
    let Shape::Union(shapes) = (field.shape)() else { return None };
    let of_id = |shape: &Shape| match shape {
        Shape::Object(object) => matches!(object.fields, [field] if field.name == "id"),
        _ => false,
    };
    (id.strip_prefix(field.name)?.starts_with('_') && shapes.iter().any(|shape| of_id(shape())))
        .then(|| Node::Object(vec![("id".into(), Node::Text(id.to_owned().into()))]))
}

/// Whether a field is as good as not given. Hosts that make every field of a schema a required one send `null` for those
/// that need not be there, or what is empty where that cannot stand: a text for an id, a cursor, a word of a set or a place
/// to save to, and any text where the tool only `reads`; an object for one that has to have something. Where `null` is a
/// value of its own, it is given.
pub(super) fn left_out(field: &Field, node: &Node<'_>, reads: bool) -> bool {
    let shape = (field.shape)();
    let named = || is_id(field.name) || field.name == "save_to";
    !field.required
        && match node {
            Node::Null => !accepts_kind(shape, node),
            Node::Text(text) => text.trim().is_empty() && (named() || is_word(shape) || reads && is_text(shape)),
            Node::Object(members) => members.is_empty() && has_to_have(shape),
            _ => false,
        }
}

fn is_text(shape: &'static Shape) -> bool {
    match shape {
        Shape::Text { .. } => true,
        Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => is_text(inner()),
        Shape::Union(shapes) => shapes.iter().any(|shape| is_text(shape())),
        _ => false,
    }
}

/// Whether an object is none without a member. Where `null` takes away what was there, an empty one may be meant so.
fn has_to_have(shape: &'static Shape) -> bool {
    match shape {
        Shape::Object(object) => object.fields.iter().any(|field| field.required && field.only().is_none()),
        Shape::Tagged { .. } => true,
        Shape::Brief { taken: inner, .. } => has_to_have(inner()),
        _ => false,
    }
}

fn is_word(shape: &'static Shape) -> bool {
    match shape {
        Shape::Enum(words) => !words.contains(&""),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => is_word(inner()),
        Shape::Union(shapes) => {
            let all = || shapes.iter().map(|shape| shape());
            all().any(is_word) && !all().any(|shape| matches!(shape, Shape::Text { .. } | Shape::Any | Shape::File))
        }
        _ => false,
    }
}

/// What a value that the shape does not take can only mean, if there is such a thing: JSON that came as text, a whole
/// number written with a point, a number that is to be a text, a time written as a date, a word in other letters, one item
/// where a list is wanted, or a list of one where that is.
pub(super) fn meant(shape: &'static Shape, node: &Node<'_>) -> Option<Node<'static>> {
    let other = match node {
        Node::Text(text) => of_text(shape, text.trim()),
        Node::Object(entries) => match entries.as_slice() {
            // What has nothing but an id is that id, and so it is with what other APIs wrap.
            [(name, text @ Node::Text(_))] if WRAPS.contains(&name.as_ref()) => Some(text.clone().into_owned()),
            _ => None,
        },
        Node::Array(items) => match items.as_slice() {
            [one] if *one != Node::Null && takes(shape, one) => Some(one.clone().into_owned()),
            _ => None,
        },
        Node::Float(value) => {
            let whole = json::number(*value).parse::<i64>().ok();
            let whole = whole.map(|whole| u64::try_from(whole).map_or(Node::Signed(whole), Node::Unsigned));
            whole.filter(|whole| takes(shape, whole)).or_else(|| of_number(shape, node))
        }
        Node::Unsigned(_) | Node::Signed(_) => of_number(shape, node),
        Node::Bool(value) => switch(shape, *value),
        _ => None,
    };
    if let Some(other) = other.filter(|other| takes(shape, other)) {
        return Some(other);
    }
    if matches!(node, Node::Null | Node::Array(_)) || node.as_str().is_some_and(is_broken) {
        return None;
    }
    Some(Node::Array(vec![node.clone().into_owned()])).filter(|list| takes(shape, list))
}

/// Whether a text that is no JSON was perhaps to be that, or says nothing.
fn is_broken(text: &str) -> bool {
    text.trim().is_empty() || text.trim_start().starts_with(['[', '{'])
}

/// A number where a text stands that is no name of a file.
fn of_number(shape: &'static Shape, number: &Node<'_>) -> Option<Node<'static>> {
    match shape {
        Shape::Text { .. } | Shape::Enum(_) => Some(Node::Text(number.to_json().into())),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => of_number(inner(), number),
        Shape::Union(shapes) => shapes.iter().find_map(|shape| of_number(shape(), number)),
        _ => None,
    }
}

/// The object that has to have one thing alone, which is on or off; or the one word that there is, if it is on.
fn switch(shape: &'static Shape, on: bool) -> Option<Node<'static>> {
    match shape {
        Shape::Object(inner) => {
            let field = only(inner.fields.iter().filter(|field| field.required))?;
            matches!((field.shape)(), Shape::Bool).then(|| Node::Object(vec![(field.name.into(), Node::Bool(on))]))
        }
        Shape::Enum([word]) if on => Some(Node::Text((*word).into())),
        Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => switch(inner(), on),
        _ => None,
    }
}

fn of_text(shape: &'static Shape, text: &str) -> Option<Node<'static>> {
    if let Some(word) = word(shape, text) {
        return Some(Node::Text(word.into()));
    }
    if let Some(seconds) = moment(shape, text) {
        return Some(seconds);
    }
    let parsed = match text {
        // As Python writes them.
        "True" => Node::Bool(true),
        "False" => Node::Bool(false),
        _ => match Node::parse(text) {
            Ok(parsed) => parsed.into_owned(),
            Err(_) => return held(shape, text),
        },
    };
    if takes(shape, &parsed) || matches!(parsed, Node::Text(_)) {
        return Some(parsed);
    }
    // A text that can be an item as it is, is one: "2024" is no number where a list takes both.
    let is_item = || takes(shape, &Node::Array(vec![Node::Text(text.into())]));
    if !matches!(parsed, Node::Array(_) | Node::Object(_)) && is_item() {
        return None;
    }
    meant(shape, &parsed)
}

/// A point in time in ISO 8601 where a number is wanted that can be its seconds.
fn moment(shape: &'static Shape, text: &str) -> Option<Node<'static>> {
    match shape {
        // A number with bounds is a count of something.
        Shape::Int { min: i64::MIN, max: i64::MAX } => {
            let seconds = time::seconds(text)?;
            Some(u64::try_from(seconds).map_or(Node::Signed(seconds), Node::Unsigned))
        }
        Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => moment(inner(), text),
        _ => None,
    }
}

/// The object that a text can only be a part of: what a user says, the one text without which it is none, the text or the
/// name of its variant, or a word that one field alone has.
fn held(shape: &'static Shape, text: &str) -> Option<Node<'static>> {
    let object = |members: &[(&'static str, &str)]| {
        let member = |(name, value): &(&'static str, &str)| ((*name).into(), Node::Text((*value).to_owned().into()));
        Some(Node::Object(members.iter().map(member).collect()))
    };
    match shape {
        _ if is_broken(text) => None,
        Shape::Object(inner) if is_said(inner.fields, text) => object(&[("role", USER), ("content", text)]),
        Shape::Object(inner) => {
            let required = || inner.fields.iter().filter(|field| field.required && field.only().is_none());
            if required().next().is_some() {
                let field = only(required()).filter(|field| takes_text(field))?;
                // Of a set of words it is one of these, or something else is meant.
                let text = if is_word((field.shape)()) { word((field.shape)(), text)? } else { text };
                return object(&[(field.name, text)]);
            }
            let worded = |field: &Field| Some((field.name, word((field.shape)(), text)?));
            only(inner.fields.iter().filter_map(worded)).and_then(|member| object(&[member]))
        }
        Shape::Tagged { tag, variants, .. } => {
            // What is said may be the name of a variant, too.
            let of_text = |variant: &&Variant| {
                let required = variant.fields.iter().filter(|field| field.required);
                only(required).is_some_and(|field| field.name == "text" && takes_text(field))
            };
            if let Some(variant) = only(variants.iter().filter(of_text)) {
                return object(&[(tag, variant.tag), ("text", text)]);
            }
            let variant = variants.iter().find(|variant| even(variant.tag) == even(text))?;
            object(&[(tag, variant.tag)])
        }
        // What an item takes as it is, is no part of one.
        Shape::Array { items, .. } if accepts_kind(items(), &Node::Text("".into())) => None,
        Shape::Array { items, .. } => held(items(), text).map(|item| Node::Array(vec![item])),
        Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => held(inner(), text),
        Shape::Union(shapes) => only(shapes.iter().filter_map(|shape| held(shape(), text))),
        _ => None,
    }
}

/// Whether an object can be what a user says: it tells whose the words are, and may have this text for them.
fn is_said(fields: &'static [Field], text: &str) -> bool {
    let has =
        |name: &str, takes: &dyn Fn(&Field) -> bool| fields.iter().any(|field| field.name == name && takes(field));
    has("role", &|field| takes((field.shape)(), &Node::Text(USER.into())))
        && has("content", &|field| takes_text(field) || held((field.shape)(), text).is_some())
}

fn takes_text(field: &Field) -> bool {
    accepts_kind((field.shape)(), &Node::Text("".into()))
}

/// What there is one of.
pub(super) fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

pub(super) fn even(text: &str) -> String {
    text.to_ascii_lowercase().replace(['-', ' '], "_")
}

/// The word of a set that was written in other letters, or with other signs between its parts.
fn word(shape: &'static Shape, text: &str) -> Option<&'static str> {
    match shape {
        Shape::Enum(words) => words.iter().copied().find(|word| even(word) == even(text)),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => word(inner(), text),
        Shape::Union(shapes) => shapes.iter().find_map(|shape| word(shape(), text)),
        _ => None,
    }
}

/// Whether a value is one of the shape as far as its kind tells; of a set of words, whether it is one of them, and of a
/// list, whether its items are of their kind.
pub(super) fn takes(shape: &'static Shape, node: &Node<'_>) -> bool {
    match (shape, node) {
        (Shape::Enum(words), Node::Text(text)) => words.contains(&text.as_ref()),
        (Shape::Array { items, .. }, Node::Array(nodes)) => nodes.iter().all(|node| accepts_kind(items(), node)),
        (Shape::Union(shapes), _) => shapes.iter().any(|shape| takes(shape(), node)),
        (Shape::Nullable(inner), _) => *node == Node::Null || takes(inner(), node),
        (Shape::Hidden(inner) | Shape::Brief { taken: inner, .. }, _) => takes(inner(), node),
        _ => accepts_kind(shape, node),
    }
}

pub(super) fn accepts_kind(shape: &'static Shape, node: &Node<'_>) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Bool => matches!(node, Node::Bool(_)),
        Shape::Int { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_)),
        Shape::Number { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)),
        Shape::Text { .. } | Shape::Enum(_) => matches!(node, Node::Text(_)),
        Shape::Array { .. } => matches!(node, Node::Array(_)),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } => matches!(node, Node::Object(_)),
        Shape::File => matches!(node, Node::Object(_) | Node::Text(_)),
        Shape::Union(shapes) => shapes.iter().any(|shape| accepts_kind(shape(), node)),
        Shape::Nullable(inner) => matches!(node, Node::Null) || accepts_kind(inner(), node),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => accepts_kind(inner(), node),
    }
}
