//! What was expected, in words from which a caller can write it, and where a name belongs that is not known.

use std::fmt;

use super::{Field, Shape, Variant};
use crate::file;
use crate::json;
use crate::near::{akin, did_you_mean, nearest};

/// Most names that are told of one object.
const NAMES: usize = 24;
/// Most words of a set that are told where it is one of many things.
const WORDS: usize = 6;
/// How deep a name is looked for, and most places that are told.
const DEPTH: usize = 6;
const PLACES: usize = 3;

/// Names that other APIs have for what is here one of these, the first that there is; `text.format` is one in an object.
const ALIASES: [(&str, &[&str]); 36] = [
    ("content", &["input", "prompt"]),
    ("context", &["instructions", "messages"]),
    ("count", &["limit", "n"]),
    ("cursor", &["after"]),
    ("file_ids", &["attach"]),
    ("files", &["attach", "file_ids"]),
    ("function_call", &["tool_choice"]),
    ("functions", &["tools"]),
    ("history", &["messages"]),
    ("input", &["messages", "prompt", "query", "text"]),
    ("instructions", &["messages"]),
    ("json_schema", &["response_format", "text.format"]),
    ("k", &["max_num_results", "limit"]),
    ("limit", &["max_num_results"]),
    ("max_completion_tokens", &["max_output_tokens"]),
    ("max_output_tokens", &["max_completion_tokens"]),
    ("max_tokens", &["max_completion_tokens", "max_output_tokens"]),
    ("messages", &["input"]),
    ("num", &["n", "limit"]),
    ("output", &["save_to"]),
    ("output_file", &["save_to"]),
    ("output_path", &["save_to"]),
    ("page_size", &["limit"]),
    ("page_token", &["after"]),
    ("prompt", &["input", "messages", "query"]),
    ("question", &["query", "input"]),
    ("response_format", &["text.format"]),
    ("seconds", &["timeout"]),
    ("stop_sequences", &["stop"]),
    ("system", &["instructions", "messages"]),
    ("system_prompt", &["instructions", "messages"]),
    ("text", &["input", "prompt", "query"]),
    ("texts", &["inputs", "input"]),
    ("top_k", &["max_num_results", "limit"]),
    ("wait", &["timeout"]),
    ("web_search_options", &["tools"]),
];

/// What is said of a name that an object at `path` does not know: the one that is meant, where it belongs, or what there is.
pub(super) fn unknown(given: &str, fields: &'static [Field], all: &'static [Field], path: &str) -> String {
    let names = || fields.iter().filter(|field| field.listed).map(|field| field.name);
    if let Some(name) = nearest(given, names()) {
        return did_you_mean(Some(name));
    }
    let here = any_item(path);
    // What is below the object at hand is what was meant: elsewhere, a common name is one of many things.
    let mut places = Vec::new();
    if !here.is_empty() {
        find(given, fields, &here, DEPTH, &mut places);
    }
    if places.is_empty() {
        if all.iter().any(|field| field.name == given) {
            return "; it is an argument of its own".into();
        }
        find(given, all, "", DEPTH, &mut places);
    }
    if let Some(Place { tag, kinds, .. }) = places.iter().find(|place| place.path == here && !place.kinds.is_empty()) {
        return format!("; only with `{tag}` {}", quoted(kinds.iter().copied()));
    }
    if !places.is_empty() {
        return format!("; it belongs in {}", listed(places.iter().map(|place| format!("`{}`", place.path)), " or "));
    }
    let other = ALIASES.iter().find(|(alias, _)| *alias == given);
    let is_there = |meant: &str| match meant.rsplit_once('.') {
        None => names().any(|name| name == meant),
        Some((place, name)) => {
            let mut places = Vec::new();
            find(name, fields, "", DEPTH, &mut places);
            places.iter().any(|found| found.path == place)
        }
    };
    let other = other.and_then(|(_, meant)| meant.iter().copied().find(|meant| is_there(meant)));
    if let Some(name) = other.or_else(|| akin(given, names())) {
        return did_you_mean(Some(name));
    }
    if names().next().is_none() {
        return "; nothing is taken here".into();
    }
    let mut told: Vec<String> = names().take(NAMES).map(|name| format!("`{name}`")).collect();
    if names().nth(NAMES).is_some() {
        told.push("…".into());
    }
    format!("; there {} {}", if told.len() == 1 { "is" } else { "are" }, told.join(", "))
}

fn listed(items: impl Iterator<Item = String>, between: &str) -> String {
    items.collect::<Vec<_>>().join(between)
}

/// An object that has a field.
struct Place {
    /// With `[]` for an item of a list.
    path: String,
    /// The words of `tag` with which it has it, where it depends on that.
    kinds: Vec<&'static str>,
    tag: &'static str,
}

/// A path with the numbers of items left out.
fn any_item(path: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for letter in path.chars() {
        inside &= letter != ']';
        if !inside {
            out.push(letter);
        }
        inside |= letter == '[';
    }
    out
}

/// The objects below these fields that have one of this name.
fn find(wanted: &str, fields: &'static [Field], path: &str, depth: usize, places: &mut Vec<Place>) {
    if depth == 0 {
        return;
    }
    for field in fields {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        within(wanted, (field.shape)(), &path, depth, places);
    }
}

fn within(wanted: &str, shape: &'static Shape, path: &str, depth: usize, places: &mut Vec<Place>) {
    let mut inside = |fields: &'static [Field], tag: &'static str, kind: Option<&'static str>| {
        let room = places.len() < PLACES;
        if fields.iter().any(|field| field.name == wanted) || tag == wanted {
            let kind = kind.filter(|_| tag != wanted);
            match places.iter_mut().find(|place| place.path == path) {
                // All of them, lest it be said to be only with some.
                Some(place) => place.kinds.extend(kind),
                None if room => places.push(Place { path: path.to_owned(), kinds: Vec::from_iter(kind), tag }),
                None => {}
            }
        }
        if room {
            find(wanted, fields, path, depth - 1, places);
        }
    };
    match shape {
        Shape::Object(object) => inside(object.fields, "", None),
        Shape::Tagged { tag, variants, .. } => {
            variants.iter().for_each(|variant| inside(variant.fields, tag, Some(variant.tag)));
        }
        Shape::Array { items, .. } => within(wanted, items(), &format!("{path}[]"), depth, places),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => {
            within(wanted, inner(), path, depth, places);
        }
        Shape::Union(shapes) => shapes.iter().for_each(|shape| within(wanted, shape(), path, depth, places)),
        Shape::File if file::KEYS.contains(&wanted) && places.len() < PLACES => {
            places.push(Place { path: path.to_owned(), kinds: Vec::new(), tag: "" });
        }
        _ => {}
    }
}

/// What a shape wants, as a noun phrase.
pub(super) fn expected(shape: &'static Shape) -> String {
    match shape {
        // As lists have it.
        Shape::Any => "a string or an object".into(),
        Shape::Bool => "true or false".into(),
        Shape::Int { min, max } => {
            format!("an integer{}", range(*min > i64::MIN, min, *max < i64::from(u32::MAX), max))
        }
        Shape::Number { min, max } => {
            format!("a number{}", range(*min > f64::MIN, json::number(*min), *max < f64::MAX, json::number(*max)))
        }
        Shape::Text { min, max } => match (*min, *max) {
            (0, usize::MAX) => "a string".into(),
            (min, usize::MAX) => format!("a string of at least {min} characters"),
            (0, max) => format!("a string of at most {max} characters"),
            (min, max) => format!("a string of {min} to {max} characters"),
        },
        Shape::Enum(values) => match values {
            [one] => format!("`{one}`"),
            _ => format!("one of {}", quoted(values.iter().copied())),
        },
        Shape::Array { items, min, max } => {
            // Whoever has to write an object needs to know which.
            let items = expected(items());
            let object = items.strip_prefix("an object {").map(|members| format!("objects {{{members}"));
            let items = object.as_deref().unwrap_or("items");
            match (*min, *max) {
                (0, usize::MAX) if items == "items" => "an array".into(),
                (0, usize::MAX) => format!("an array of {items}"),
                (min, usize::MAX) => format!("an array of at least {min} {items}"),
                (0, max) => format!("an array of at most {max} {items}"),
                (min, max) => format!("an array of {min} to {max} {items}"),
            }
        }
        Shape::Object(object) => format!("an object {{{}}}", members(object.fields)),
        Shape::Tagged { tag, variants, .. } => {
            format!("an object {{{tag}: {}, …}}", words(variants.iter().map(|variant| variant.tag)))
        }
        Shape::Map { .. } => "an object".into(),
        Shape::Union(shapes) => listed(shapes.iter().map(|shape| expected(shape())), " or "),
        Shape::Nullable(inner) => format!("{} or null", expected(inner())),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => expected(inner()),
        Shape::File => "a path, a URL, or an object with one of `path`, `url`, `text`, `data`".into(),
    }
}

/// How one kind of an object is written.
pub(super) fn example(tag: &str, variant: &'static Variant) -> String {
    let members = members(variant.fields);
    format!(", as {{{tag}: \"{}\"{}{members}}}", variant.tag, if members.is_empty() { "" } else { ", " })
}

fn members(fields: &'static [Field]) -> String {
    let listed = || fields.iter().filter(|field| field.listed || field.only().is_some());
    let more = listed().nth(NAMES).is_some();
    let mut told: Vec<String> = listed()
        .take(NAMES)
        .map(|field| format!("{}{}: {}", field.name, if field.required { "" } else { "?" }, sketch((field.shape)())))
        .collect();
    if more {
        told.push("…".into());
    }
    told.join(", ")
}

/// A shape in a word or two, for the one that it stands in.
fn sketch(shape: &'static Shape) -> String {
    match shape {
        Shape::Any => "any".into(),
        Shape::Bool => "boolean".into(),
        Shape::Int { .. } => "integer".into(),
        Shape::Number { .. } => "number".into(),
        Shape::Text { .. } => "string".into(),
        Shape::Enum(values) => words(values.iter().copied()),
        Shape::Array { items, .. } => format!("[{}]", sketch(items())),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } | Shape::File => "{…}".into(),
        Shape::Union(shapes) => listed(shapes.iter().map(|shape| sketch(shape())), " | "),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => sketch(inner()),
    }
}

fn words(words: impl ExactSizeIterator<Item = &'static str>) -> String {
    let more = words.len() > WORDS;
    let mut told: Vec<String> = words.take(WORDS).map(|word| format!("\"{word}\"")).collect();
    if more {
        told.push("…".into());
    }
    told.join(" | ")
}

fn range<T: fmt::Display>(has_min: bool, min: T, has_max: bool, max: T) -> String {
    match (has_min, has_max) {
        (false, false) => String::new(),
        (true, false) => format!(" from {min} up"),
        (false, true) => format!(" up to {max}"),
        (true, true) => format!(" from {min} to {max}"),
    }
}

pub(super) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    listed(names.map(|name| format!("`{name}`")), ", ")
}
