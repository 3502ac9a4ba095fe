//! Checks a value against a shape and names every fault at once.

use std::borrow::Cow;
use std::fmt;

use super::{Field, Shape};
use crate::json::{self, Node};
use crate::near::{did_you_mean, nearest};

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

/// What became of one argument.
pub struct Settled {
    /// The field that it is for, if there is one.
    pub field: Option<&'static Field>,
    /// Whether its value was rewritten.
    pub changed: bool,
}

/// Checks the arguments of a call against a tool's fields: unknown, doubled and missing keys, then each value, which is
/// rewritten where it was written in another form than the shape has. With `open`, unknown keys pass. What is `attached`
/// counts as given.
pub fn settle(
    fields: &'static [Field],
    arguments: &mut [(Cow<'_, str>, Node<'_>)],
    attached: impl Fn(&str) -> bool,
    open: bool,
    faults: &mut Vec<Fault>,
) -> Vec<Settled> {
    let mut checker = Checker { faults, open, changed: false };
    checker.doubled(arguments, "");
    let mut settled = Vec::with_capacity(arguments.len());
    for (name, node) in &mut *arguments {
        checker.changed = false;
        let field = fields.iter().find(|field| field.is_named(name));
        checker.entry(fields, field, name, node, "");
        settled.push(Settled { field, changed: checker.changed });
    }
    for field in fields {
        let mut given = arguments.iter().filter(|(name, _)| field.is_named(name));
        let (first, second) = (given.next(), given.next());
        if let (Some((first, _)), Some((second, _))) = (first, second)
            && first != second
        {
            checker.fault(second, format!("given twice: as `{first}`, too"));
        }
        if first.is_none() && !attached(field.name) {
            checker.missing(field, "");
        }
    }
    settled
}

struct Checker<'f> {
    faults: &'f mut Vec<Fault>,
    open: bool,
    /// Whether a value was rewritten.
    changed: bool,
}

impl Checker<'_> {
    /// Takes note of a fault, as long as there is room for more. What costs much is put into words only then.
    fn fault(&mut self, path: &str, problem: impl Into<String>) {
        if !self.is_full() {
            self.faults.push(Fault { path: path.to_owned(), problem: problem.into() });
        }
    }

    fn is_full(&self) -> bool {
        self.faults.len() >= MOST_FAULTS
    }

    fn value(&mut self, shape: &'static Shape, node: &mut Node<'_>, path: &str) {
        if self.is_full() {
            return;
        }
        if !accepts_kind(shape, node)
            && let Some(meant) = meant(shape, node)
        {
            *node = meant;
            self.changed = true;
        }
        match (shape, &mut *node) {
            (Shape::Any, _) | (Shape::Bool, Node::Bool(_)) | (Shape::Nullable(_), Node::Null) => {}
            (Shape::Nullable(inner) | Shape::Brief { taken: inner, .. }, _) => self.value(inner(), node, path),
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
                    let hint = did_you_mean(nearest(text, values.iter().copied()));
                    self.fault(path, format!("expected {}, got {node}{hint}", expected(shape)));
                }
            }
            (Shape::Array { items, min, max }, Node::Array(nodes)) => {
                if !(*min..=*max).contains(&nodes.len()) {
                    self.fault(path, format!("expected {}, got {} items", expected(shape), nodes.len()));
                }
                for (index, node) in nodes.iter_mut().enumerate() {
                    self.value(items(), node, &format!("{path}[{index}]"));
                }
            }
            (Shape::Object(object), Node::Object(entries)) => {
                self.fields(object.fields, None, entries, path, object.open);
            }
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
            (Shape::Tagged { tag, variants, open, .. }, Node::Object(entries)) => {
                let tags = || variants.iter().map(|variant| variant.tag);
                let at = join(path, tag);
                match entries.iter().find(|(key, _)| key == tag).map(|(_, value)| value) {
                    None => self.fault(&at, format!("required; one of {}", quoted(tags()))),
                    Some(value) => match variants.iter().find(|variant| value.as_str() == Some(variant.tag)) {
                        Some(variant) => self.fields(variant.fields, Some(tag), entries, path, *open),
                        None => {
                            let hint =
                                value.as_str().map(|text| did_you_mean(nearest(text, tags()))).unwrap_or_default();
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
    fn union(&mut self, shape: &'static Shape, shapes: &'static [super::Ref], node: &mut Node<'_>, path: &str) {
        let mut candidates = shapes.iter().map(|shape| shape()).filter(|shape| accepts_kind(shape, node));
        let Some(first) = candidates.next() else { return self.expected(shape, node, path) };
        let Some(second) = candidates.next() else { return self.value(first, node, path) };
        let mut best: Option<Vec<Fault>> = None;
        for candidate in [first, second].into_iter().chain(candidates) {
            let (mut faults, mut tried) = (Vec::new(), node.clone());
            let mut checker = Checker { faults: &mut faults, open: self.open, changed: false };
            checker.value(candidate, &mut tried, path);
            let changed = checker.changed;
            if faults.is_empty() {
                if changed {
                    *node = tried;
                    self.changed = true;
                }
                return;
            }
            if best.as_ref().is_none_or(|best| faults.len() < best.len()) {
                best = Some(faults);
            }
        }
        for fault in best.unwrap_or_default() {
            self.fault(&fault.path, fault.problem);
        }
    }

    fn fields(
        &mut self,
        fields: &'static [Field],
        tag: Option<&str>,
        entries: &mut [(Cow<'_, str>, Node<'_>)],
        path: &str,
        open: bool,
    ) {
        self.doubled(entries, path);
        for (key, value) in &mut *entries {
            let field = fields.iter().find(|field| field.name == key);
            if tag != Some(key.as_ref()) && !(open && field.is_none()) {
                self.entry(fields, field, key, value, path);
            }
        }
        for field in fields {
            if !entries.iter().any(|(key, _)| key == field.name) {
                self.missing(field, path);
            }
        }
    }

    /// Checks the value of one key.
    fn entry(
        &mut self,
        fields: &'static [Field],
        field: Option<&'static Field>,
        key: &str,
        value: &mut Node<'_>,
        path: &str,
    ) {
        match field {
            Some(field) if left_out(field, value) => {}
            Some(field) => self.value((field.shape)(), value, &join(path, key)),
            None if self.open || self.is_full() => {}
            None => {
                let hint = did_you_mean(nearest(key, fields.iter().map(|field| field.name)));
                self.fault(&join(path, key), format!("unknown field{hint}"));
            }
        }
    }

    fn missing(&mut self, field: &'static Field, path: &str) {
        if field.required {
            self.fault(&join(path, field.name), format!("required: {}", expected((field.shape)())));
        }
    }

    /// JSON lets a key stand twice; which one counts depends on the reader, so neither may.
    fn doubled(&mut self, entries: &[(Cow<'_, str>, Node<'_>)], path: &str) {
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

/// What a value that is not of the shape's kind can only mean, if there is such a thing: JSON that came as text, a whole
/// number written with a point, one item where a list is wanted.
fn meant(shape: &'static Shape, node: &Node<'_>) -> Option<Node<'static>> {
    let parsed = match node {
        Node::Text(text) => Node::parse(text.trim()).ok().map(Node::into_owned),
        Node::Float(value) => match json::number(*value).parse::<i64>() {
            Ok(whole) => Some(u64::try_from(whole).map_or(Node::Signed(whole), Node::Unsigned)),
            Err(_) => None,
        },
        _ => None,
    };
    if let Some(parsed) = parsed.filter(|parsed| fits(shape, parsed)) {
        return Some(parsed);
    }
    let broken = |text: &str| text.is_empty() || text.trim_start().starts_with(['[', '{']);
    if matches!(node, Node::Null | Node::Array(_)) || node.as_str().is_some_and(broken) {
        return None;
    }
    Some(Node::Array(vec![node.clone().into_owned()])).filter(|list| fits(shape, list))
}

/// Whether a value is of the shape's kind, and the items of an array of that of its items.
fn fits(shape: &'static Shape, node: &Node<'_>) -> bool {
    match (shape, node) {
        (Shape::Array { items, .. }, Node::Array(nodes)) => nodes.iter().all(|node| accepts_kind(items(), node)),
        (Shape::Union(shapes), Node::Array(_)) => shapes.iter().any(|shape| fits(shape(), node)),
        (Shape::Nullable(inner) | Shape::Brief { taken: inner, .. }, Node::Array(_)) => fits(inner(), node),
        _ => accepts_kind(shape, node),
    }
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
        Shape::Brief { taken, .. } => accepts_kind(taken(), node),
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
        Shape::Brief { taken, .. } => expected(taken()),
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
