//! Checks a value against a shape and names every fault at once.

use std::fmt;

use super::{Field, Node, Shape};
use crate::json;

/// How many faults are told of one call; a model that got twenty things wrong starts again anyway.
const MOST_FAULTS: usize = 20;

/// One thing wrong with the arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where, as `chunking_strategy.static.max_chunk_size_tokens` or `file_ids[1]`.
    pub path: String,
    /// What is wrong: what was expected, and what was given.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.problem)
    }
}

/// Checks one value that stands at `path`.
pub fn check(shape: &'static Shape, node: &Node<'_>, path: &str, open: bool, faults: &mut Vec<Fault>) {
    Checker { faults, open }.value(shape, node, path);
}

/// Checks an object's entries against its fields: unknown, doubled and missing keys, then each value.
/// With `open`, unknown keys pass.
pub fn check_fields(fields: &'static [Field], node: &Node<'_>, path: &str, open: bool, faults: &mut Vec<Fault>) {
    Checker { faults, open }.fields(fields, None, node, path);
}

struct Checker<'f> {
    faults: &'f mut Vec<Fault>,
    open: bool,
}

impl Checker<'_> {
    fn fault(&mut self, path: &str, problem: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { path: path.to_owned(), problem: problem.into() });
        }
    }

    fn value(&mut self, shape: &'static Shape, node: &Node<'_>, path: &str) {
        match (shape, node) {
            (Shape::Any, _) | (Shape::Bool, Node::Bool(_)) | (Shape::Nullable(_), Node::Null) => {}
            (Shape::Nullable(inner), _) => self.value(inner(), node, path),
            (Shape::Int { min, max }, Node::Unsigned(_) | Node::Signed(_)) => {
                if !integer(node).is_some_and(|value| (*min..=*max).contains(&value)) {
                    self.expected(shape, node, path);
                }
            }
            (Shape::Number { min, max }, Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)) => {
                if !(*min..=*max).contains(&number(node)) {
                    self.expected(shape, node, path);
                }
            }
            (Shape::Text { min, max }, Node::Text(text)) => {
                let length = || text.chars().count();
                if (*min > 0 && length() < *min) || (text.len() > *max && length() > *max) {
                    let got = length();
                    self.fault(path, format!("expected {}, got {got} characters", expected(shape)));
                }
            }
            (Shape::Enum(values), Node::Text(text)) => {
                if !values.contains(&text.as_ref()) {
                    let hint = did_you_mean(text, values.iter().copied());
                    self.fault(path, format!("expected {}, got {node}{hint}", expected(shape)));
                }
            }
            (Shape::Array { items, min, max }, Node::Array(nodes)) => {
                if !(*min..=*max).contains(&nodes.len()) {
                    self.fault(path, format!("expected {}, got {} items", expected(shape), nodes.len()));
                }
                for (index, node) in nodes.iter().enumerate() {
                    self.value(items(), node, &format!("{path}[{index}]"));
                }
            }
            (Shape::Object(object), Node::Object(_)) => self.fields(object.fields, None, node, path),
            (Shape::Map { value, max_keys, max_key, .. }, Node::Object(entries)) => {
                self.doubled(entries, path);
                if entries.len() > *max_keys {
                    self.fault(path, format!("expected at most {max_keys} keys, got {}", entries.len()));
                }
                for (key, node) in entries {
                    let path = join(path, key);
                    if key.len() > *max_key && key.chars().count() > *max_key {
                        self.fault(&path, format!("expected a key of at most {max_key} characters"));
                    }
                    self.value(value(), node, &path);
                }
            }
            (Shape::Tagged { tag, variants, .. }, Node::Object(_)) => {
                let tags = || variants.iter().map(|variant| variant.tag);
                let at = join(path, tag);
                match node.get(tag) {
                    None => self.fault(&at, format!("required; one of {}", quoted(tags()))),
                    Some(value) => match variants.iter().find(|variant| value.as_str() == Some(variant.tag)) {
                        Some(variant) => self.fields(variant.fields, Some(tag), node, path),
                        None => {
                            let hint = value.as_str().map(|text| did_you_mean(text, tags())).unwrap_or_default();
                            self.fault(&at, format!("expected one of {}, got {value}{hint}", quoted(tags())));
                        }
                    },
                }
            }
            (Shape::Union(shapes), _) => self.union(shape, shapes, node, path),
            (Shape::File, Node::Object(_)) => {
                if let Err(problem) = crate::file::Source::read(node) {
                    self.fault(path, problem);
                }
            }
            _ => self.expected(shape, node, path),
        }
    }

    /// Only shapes of the value's own JSON kind are tried, so that the fault is about what the caller meant.
    fn union(&mut self, shape: &'static Shape, shapes: &'static [super::Ref], node: &Node<'_>, path: &str) {
        let mut best: Option<Vec<Fault>> = None;
        for candidate in shapes.iter().filter(|candidate| accepts_kind(candidate(), node)) {
            let mut faults = Vec::new();
            Checker { faults: &mut faults, open: self.open }.value(candidate(), node, path);
            if faults.is_empty() {
                return;
            }
            if best.as_ref().is_none_or(|best| faults.len() < best.len()) {
                best = Some(faults);
            }
        }
        match best {
            Some(faults) => {
                for fault in faults {
                    self.fault(&fault.path, fault.problem);
                }
            }
            None => self.expected(shape, node, path),
        }
    }

    fn fields(&mut self, fields: &'static [Field], tag: Option<&str>, node: &Node<'_>, path: &str) {
        let Node::Object(entries) = node else {
            return self.fault(path, format!("expected an object, got {node}"));
        };
        self.doubled(entries, path);
        for (key, value) in entries {
            match fields.iter().find(|field| field.name == key) {
                Some(field) if left_out(field, value) => {}
                Some(field) => self.value((field.shape)(), value, &join(path, key)),
                None if tag == Some(key.as_ref()) || self.open => {}
                None => {
                    let hint = did_you_mean(key, fields.iter().map(|field| field.name));
                    self.fault(&join(path, key), format!("unknown field{hint}"));
                }
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|(key, _)| key == field.name) {
                self.fault(&join(path, field.name), format!("required: {}", expected((field.shape)())));
            }
        }
    }

    /// JSON lets a key stand twice; which one counts depends on the reader, so neither may.
    fn doubled(&mut self, entries: &[(std::borrow::Cow<'_, str>, Node<'_>)], path: &str) {
        // The map of values, since code for sorting weighs as much as that for checking.
        let mut seen = serde_json::Map::new();
        for (key, _) in entries {
            let told = seen.insert(key.to_string(), false.into());
            if told == Some(false.into()) {
                self.fault(&join(path, key), "given twice");
            }
            if told.is_some() {
                seen.insert(key.to_string(), true.into());
            }
        }
    }

    fn expected(&mut self, shape: &'static Shape, node: &Node<'_>, path: &str) {
        self.fault(path, format!("expected {}, got {node}", expected(shape)));
    }
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(80).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Whether a field is as good as not given: hosts that make every field of a schema a required one send `null` for those
/// that need not be there. Where `null` is a value of its own, it is given.
pub fn left_out(field: &Field, node: &Node<'_>) -> bool {
    matches!(node, Node::Null) && !field.required && !accepts_kind((field.shape)(), node)
}

fn integer(node: &Node<'_>) -> Option<i64> {
    match node {
        Node::Unsigned(value) => i64::try_from(*value).ok(),
        Node::Signed(value) => Some(*value),
        _ => None,
    }
}

fn number(node: &Node<'_>) -> f64 {
    match node {
        Node::Unsigned(value) => *value as f64,
        Node::Signed(value) => *value as f64,
        Node::Float(value) => *value,
        _ => f64::NAN,
    }
}

fn accepts_kind(shape: &'static Shape, node: &Node<'_>) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Bool => matches!(node, Node::Bool(_)),
        Shape::Int { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_)),
        Shape::Number { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)),
        Shape::Text { .. } | Shape::Enum(_) => matches!(node, Node::Text(_)),
        Shape::Array { .. } => matches!(node, Node::Array(_)),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } | Shape::File => matches!(node, Node::Object(_)),
        Shape::Union(shapes) => shapes.iter().any(|shape| accepts_kind(shape(), node)),
        Shape::Nullable(inner) => matches!(node, Node::Null) || accepts_kind(inner(), node),
    }
}

/// What a shape wants, as a noun phrase.
fn expected(shape: &'static Shape) -> String {
    match shape {
        Shape::Any => "a value".into(),
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
        Shape::Array { min, max, .. } => match (*min, *max) {
            (0, usize::MAX) => "an array".into(),
            (min, usize::MAX) => format!("an array of at least {min} items"),
            (0, max) => format!("an array of at most {max} items"),
            (min, max) => format!("an array of {min} to {max} items"),
        },
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } => "an object".into(),
        Shape::Union(shapes) => {
            let all: Vec<String> = shapes.iter().map(|shape| expected(shape())).collect();
            all.join(" or ")
        }
        Shape::Nullable(inner) => format!("{} or null", expected(inner())),
        Shape::File => "an object with one of `path`, `url`, `text`, `data`".into(),
    }
}

fn range<T: fmt::Display>(has_min: bool, min: T, has_max: bool, max: T) -> String {
    match (has_min, has_max) {
        (false, false) => String::new(),
        (true, false) => format!(" from {min} up"),
        (false, true) => format!(" up to {max}"),
        (true, true) => format!(" from {min} to {max}"),
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn did_you_mean<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(given, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The name closest to `given`, if one is close enough to be meant.
pub fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Long garbage is nobody's typo, and the distance costs the product of the lengths.
    let given = (given.len() <= 80).then(|| given.to_ascii_lowercase())?;
    names
        .map(|name| (strsim::osa_distance(&given, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
