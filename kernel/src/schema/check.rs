//! Checks a value against a shape and names every fault at once.

use std::borrow::Cow;
use std::fmt;

use super::ids;
use super::meant::{self, accepts_kind, left_out, meant, takes};
use super::told::{self, expected, quoted};
use super::{Field, Shape, Variant};
use crate::file;
use crate::json::Node;
use crate::near::{did_you_mean, nearest};

/// How many faults are told of one call; a model that got twenty things wrong starts again anyway.
const MOST_FAULTS: usize = 20;

/// Longest id, or cursor, in bytes: some ten times the longest that the API gives, since compatible servers have longer ones.
const LONGEST_ID: usize = 2048;

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

/// One argument of a call.
pub struct Given<'a> {
    /// Its name, as the caller wrote it.
    pub name: Cow<'a, str>,
    /// Its value.
    pub node: Node<'a>,
    /// The text of the value; none if it was rewritten since.
    pub text: Option<&'a str>,
    /// The field that it is for, if there is one.
    pub field: Option<&'static Field>,
}

/// What a call is held to besides its tool's fields.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The path of the tool's endpoint; empty where it has none.
    pub path: &'a str,
    /// The tool changes nothing: an empty text is none.
    pub reads: bool,
    /// The tool puts what is given in the place of what there is.
    pub replaces: bool,
    /// Unknown keys pass.
    pub open: bool,
}

/// Checks the arguments of a call against a tool's fields: unknown, doubled and missing keys, then each value, which is
/// rewritten where it was written in another form than the shape has. What is as good as not given is taken out, and so is
/// what hosts add of their own. What is `attached` counts as given.
pub fn settle(
    fields: &'static [Field],
    given: &mut Vec<Given<'_>>,
    attached: impl Fn(&str) -> bool,
    rules: Rules<'_>,
    faults: &mut Vec<Fault>,
) {
    let Rules { reads, open, .. } = rules;
    for one in &mut *given {
        one.field = fields.iter().find(|field| field.is_named(&one.name));
    }
    given.retain(|one| match one.field {
        Some(field) => !left_out(field, &one.node, reads),
        None => !(of_host(&one.name) || !open && says_nothing(&one.name, &one.node)),
    });
    lone_file(fields, given, &attached);
    let mut checker = Checker { faults, all: fields, rules, hidden: false, changed: false };
    checker.doubled(given.iter().map(|one| one.name.as_ref()), "");
    for one in &mut *given {
        checker.changed = false;
        checker.entry(fields, one.field, &one.name, &mut one.node, "");
        one.text = one.text.filter(|_| !checker.changed);
    }
    let mut unsaid = Vec::new();
    for field in fields {
        let mut named = given.iter().map(|one| one.name.as_ref()).filter(|name| field.is_named(name));
        let (first, second) = (named.next(), named.next());
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            checker.fault(second, format!("given twice: as `{first}`, too"));
        }
        if first.is_none() && !attached(field.name) {
            match field.only() {
                Some(word) => unsaid.push((field, word)),
                None => checker.missing(field, ""),
            }
        }
    }
    given.extend(unsaid.into_iter().map(|(field, word)| Given {
        name: field.name.into(),
        node: Node::Text(word.into()),
        text: None,
        field: Some(field),
    }));
}

/// Whether an argument that is not known asks for nothing: for no value, or for no stream, which is what comes anyway.
fn says_nothing(name: &str, node: &Node<'_>) -> bool {
    *node == Node::Null || (name == "stream" && *node == Node::Bool(false))
}

/// What hosts put among the arguments of every call, for themselves.
fn of_host(name: &str) -> bool {
    const THEIRS: [&str; 6] =
        ["chatInput", "security_risk", "sessionId", "task_progress", "toolCallId", "wait_for_previous"];
    name.starts_with('_') || THEIRS.contains(&name)
}

/// Where a tool takes files by one argument alone, what tells a file beside it is put into it: `{"path": …}` is
/// `{"file": {"path": …}}`. What need not be a file says so by a place or a name.
fn lone_file(fields: &'static [Field], given: &mut Vec<Given<'_>>, attached: impl Fn(&str) -> bool) {
    let takes = |field: &&Field| takes_file((field.shape)());
    let required = meant::only(fields.iter().filter(|field| field.required && takes(field)));
    let Some(field) = required.or_else(|| meant::only(fields.iter().filter(takes))) else { return };
    let of_file = |one: &Given<'_>| one.field.is_none() && file::KEYS.contains(&one.name.as_ref());
    let telling: &[&str] = if field.required { &file::CONTENT } else { &["path", "url", "filename"] };
    let tells = |one: &Given<'_>| of_file(one) && telling.contains(&one.name.as_ref());
    if given.iter().any(|one| field.is_named(&one.name)) || attached(field.name) || !given.iter().any(tells) {
        return;
    }
    let members = given.extract_if(.., |one| of_file(one)).map(|one| (one.name, one.node)).collect();
    given.push(Given { name: field.name.into(), node: Node::Object(members), text: None, field: Some(field) });
}

/// Whether a value may be a file, or a list of them.
fn takes_file(shape: &'static Shape) -> bool {
    match shape {
        Shape::File => true,
        Shape::Array { items: inner, .. } | Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => {
            takes_file(inner())
        }
        Shape::Union(shapes) => shapes.iter().any(|shape| takes_file(shape())),
        _ => false,
    }
}

struct Checker<'f> {
    faults: &'f mut Vec<Fault>,
    /// All arguments of the tool.
    all: &'static [Field],
    rules: Rules<'f>,
    /// Whether what is being checked holds secrets, so that nothing of it is quoted.
    hidden: bool,
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
        if !takes(shape, node)
            && let Some(meant) = meant(shape, node)
        {
            *node = meant;
            self.changed = true;
        }
        match (shape, &mut *node) {
            (Shape::Any, _) | (Shape::Bool, Node::Bool(_)) | (Shape::Nullable(_), Node::Null) => {}
            (Shape::Hidden(inner), _) => {
                let before = std::mem::replace(&mut self.hidden, true);
                self.value(inner(), node, path);
                self.hidden = before;
            }
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
                    self.fault(path, format!("expected {}{}{hint}", expected(shape), self.got(node)));
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
                self.doubled(names(entries), path);
                let given = entries.len();
                self.even(value(), entries);
                if self.rules.replaces && entries.is_empty() && given > 0 {
                    self.fault(path, "expected values, got null alone: nothing would be left; `{}` says so");
                }
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
                if let Some((_, Node::Text(given))) = entries.iter_mut().find(|(key, _)| key == tag)
                    && tags().all(|tag| tag != given)
                    && let Some(tag) = tags().find(|tag| meant::even(tag) == meant::even(given))
                {
                    *given = tag.into();
                    self.changed = true;
                }
                match entries.iter().find(|(key, _)| key == tag).map(|(_, value)| value) {
                    None | Some(Node::Null) => self.untagged(tag, variants, entries, path, *open),
                    Some(value) => match variants.iter().find(|variant| value.as_str() == Some(variant.tag)) {
                        Some(variant) => self.fields(variant.fields, Some(tag), entries, path, *open),
                        None => {
                            let hint =
                                value.as_str().map(|text| did_you_mean(nearest(text, tags()))).unwrap_or_default();
                            self.fault(&at, format!("expected one of {}{}{hint}", quoted(tags()), self.got(value)));
                        }
                    },
                }
            }
            (Shape::Union(shapes), _) => self.union(shape, shapes, node, path),
            (Shape::File, Node::Object(_) | Node::Text(_)) => {
                if let Err(problem) = file::Source::read(node) {
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
            let mut checker = Checker { faults: &mut faults, all: self.all, changed: false, ..*self };
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

    /// An object that does not say of which kind it is: of the one that has all that is given, if nothing is missing.
    fn untagged<'a>(
        &mut self,
        tag: &'static str,
        variants: &'static [Variant],
        entries: &mut Vec<(Cow<'a, str>, Node<'a>)>,
        path: &str,
        open: bool,
    ) {
        let given = entries.iter().filter(|(key, value)| key != tag && *value != Node::Null);
        let given: Vec<&str> = given.map(|(key, _)| key.as_ref()).collect();
        let has = |variant: &Variant, key: &str| variant.fields.iter().any(|field| field.name == key);
        let fits = |variant: &&Variant| !given.is_empty() && given.iter().all(|key| has(variant, key));
        let fitting: Vec<&Variant> = variants.iter().filter(fits).collect();
        let is_given = |field: &Field| !field.required || field.only().is_some() || given.contains(&field.name);
        let tags = |variants: &mut dyn Iterator<Item = &Variant>| quoted(variants.map(|variant| variant.tag));
        let (tags, example) = match *fitting {
            [variant] if variant.fields.iter().all(is_given) => {
                entries.retain(|(key, _)| key != tag);
                entries.push((tag.into(), Node::Text(variant.tag.into())));
                self.changed = true;
                return self.fields(variant.fields, Some(tag), entries, path, open);
            }
            [variant] => (tags(&mut variants.iter()), Some(variant)),
            [] => {
                let stranger = !given.iter().any(|key| variants.iter().any(|variant| has(variant, key)));
                (tags(&mut variants.iter()), variants.first().filter(|_| stranger && !given.is_empty()))
            }
            _ => (tags(&mut fitting.iter().copied()), None),
        };
        let example = example.map(|variant| told::example(tag, variant)).unwrap_or_default();
        self.fault(&join(path, tag), format!("required; one of {tags}{example}"));
    }

    fn fields<'a>(
        &mut self,
        fields: &'static [Field],
        tag: Option<&str>,
        entries: &mut Vec<(Cow<'a, str>, Node<'a>)>,
        path: &str,
        open: bool,
    ) {
        self.changed |= take_out(fields, tag, entries);
        self.doubled(names(entries), path);
        let before = entries.len();
        entries.retain(|(key, value)| match fields.iter().find(|field| field.name == key) {
            Some(field) => !left_out(field, value, false),
            None => open || self.rules.open || *value != Node::Null,
        });
        self.changed |= entries.len() < before;
        self.changed |= put_in(fields, tag, entries);
        for (key, value) in &mut *entries {
            let field = fields.iter().find(|field| field.name == key);
            if tag != Some(key.as_ref()) && !(open && field.is_none()) {
                self.entry(fields, field, key, value, path);
            }
        }
        for field in fields {
            if !entries.iter().any(|(key, _)| key == field.name) {
                match field.only() {
                    Some(word) => {
                        entries.push((field.name.into(), Node::Text(word.into())));
                        self.changed = true;
                    }
                    None => self.missing(field, path),
                }
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
            Some(field) => {
                let path = join(path, key);
                if let Some(other) = meant::ids(field, value).or_else(|| meant::by_id(field, value)) {
                    *value = other;
                    self.changed = true;
                }
                if !takes((field.shape)(), value) {
                    self.own_ids(field, value);
                }
                self.bare_ids(field, value);
                self.value((field.shape)(), value, &path);
                self.ids(field, value, &path);
            }
            None if self.rules.open || self.is_full() => {}
            None => {
                let hint = told::unknown(key, fields, self.all, path);
                self.fault(&join(path, key), format!("unknown field{hint}"));
            }
        }
    }

    /// Takes ids out of the things that have them.
    fn own_ids(&mut self, field: &Field, value: &mut Node<'_>) {
        match value {
            Node::Object(_) => {
                if let Some(id) = meant::own_id(field, value) {
                    *value = Node::Text(id.to_owned().into());
                    self.changed = true;
                }
            }
            Node::Array(items) => items.iter_mut().for_each(|item| self.own_ids(field, item)),
            _ => {}
        }
    }

    /// Takes ids out of what they were copied with.
    fn bare_ids(&mut self, field: &Field, value: &mut Node<'_>) {
        match value {
            Node::Text(text) => {
                if let Some(id) = meant::bare_id(field, text) {
                    *value = Node::Text(id.to_owned().into());
                    self.changed = true;
                }
            }
            Node::Array(items) => items.iter_mut().for_each(|item| self.bare_ids(field, item)),
            _ => {}
        }
    }

    /// An id, or a list of them, that is empty or plainly of another kind of thing.
    fn ids(&mut self, field: &'static Field, value: &Node<'_>, path: &str) {
        match value {
            Node::Text(id) if id.trim().is_empty() && meant::is_id(field.name) => {
                self.fault(path, "expected an id, got an empty string");
            }
            Node::Text(id) if id.len() > LONGEST_ID && meant::is_id(field.name) => {
                self.fault(path, format!("expected an id of at most {LONGEST_ID} bytes, got {}", id.len()));
            }
            Node::Text(id) => {
                let place = || {
                    (ids::is_of_file(field.name) && ids::is_place(field.name, id))
                        .then(|| self.not_uploaded(field, value, path))
                };
                if let Some(problem) = ids::wrong_kind(field.name, id).or_else(place) {
                    self.fault(path, problem);
                }
            }
            Node::Object(_) if ids::is_of_file(field.name) => {
                let problem = self.not_uploaded(field, value, path);
                if let Some(fault) = self.faults.last_mut().filter(|fault| fault.path == path) {
                    fault.problem = problem;
                }
            }
            Node::Array(items) => items.iter().for_each(|item| self.ids(field, item, path)),
            _ => {}
        }
    }

    /// What is said of a file itself, as a path, a URL or an object, that stands where the id of one is asked for: of one that
    /// OpenAI has to have already, that is all.
    fn not_uploaded(&self, field: &Field, value: &Node<'_>, path: &str) -> String {
        let Rules { path: endpoint, reads, .. } = self.rules;
        if endpoint.contains(&format!("{{{}}}", field.name)) || (reads && endpoint.is_empty() && path == field.name) {
            return format!("expected the id of a file{}, got {value}", ids::listed(endpoint));
        }
        let attach = self.all.iter().any(|field| field.name == "attach");
        format!(
            "expected the id of a file (`file-…`): {}upload it first, file-upload's answer has its id (server files)",
            if attach { "the argument `attach` takes the file itself; or " } else { "" }
        )
    }

    /// Takes what is `null` out of a map whose values cannot be that, and writes scalars as the texts that they are to be.
    fn even(&mut self, shape: &'static Shape, entries: &mut Vec<(Cow<'_, str>, Node<'_>)>) {
        let before = entries.len();
        entries.retain(|(_, value)| *value != Node::Null || takes(shape, value));
        self.changed |= entries.len() < before;
        for (_, value) in entries {
            if matches!(
                (shape, &*value),
                (Shape::Text { .. }, Node::Bool(_) | Node::Unsigned(_) | Node::Signed(_) | Node::Float(_))
            ) {
                *value = Node::Text(value.to_json().into());
                self.changed = true;
            }
        }
    }

    fn missing(&mut self, field: &'static Field, path: &str) {
        if field.required {
            self.fault(&join(path, field.name), format!("required: {}", expected((field.shape)())));
        }
    }

    /// JSON lets a key stand twice; which one counts depends on the reader, so neither may.
    fn doubled<'a>(&mut self, keys: impl Iterator<Item = &'a str>, path: &str) {
        // The map of values, since code for sorting weighs as much as that for checking.
        let mut seen = serde_json::Map::new();
        for key in keys {
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
        self.fault(path, format!("expected {}{}", expected(shape), self.got(node)));
    }

    /// What was given in place of what was expected.
    fn got(&self, node: &Node<'_>) -> String {
        if self.hidden { String::new() } else { format!(", got {node}") }
    }
}

/// Puts what is within the object that is named as the kind beside it, where the kind has no such field: another API has the
/// name of a function in `"function": {…}`. Returns whether it did.
fn take_out<'a>(fields: &'static [Field], tag: Option<&str>, entries: &mut Vec<(Cow<'a, str>, Node<'a>)>) -> bool {
    let Some(kind) = entries.iter().find(|(key, _)| tag == Some(key.as_ref())).and_then(|(_, kind)| kind.as_str())
    else {
        return false;
    };
    let stray = |(key, value): &(Cow<'_, str>, Node<'_>)| key == kind && matches!(value, Node::Object(_));
    let Some(at) = entries.iter().position(stray).filter(|_| fields.iter().all(|field| field.name != kind)) else {
        return false;
    };
    if let (_, Node::Object(inner)) = entries.remove(at) {
        entries.extend(inner);
    }
    true
}

/// Puts into the one object that is missing what was written beside it, if that is all of its members, as the name of a
/// function beside `"type": "function"`. Returns whether it did.
fn put_in<'a>(fields: &'static [Field], tag: Option<&str>, entries: &mut Vec<(Cow<'a, str>, Node<'a>)>) -> bool {
    let is_there = |field: &Field| names(entries).any(|key| key == field.name);
    let missing = fields.iter().filter(|field| field.required && field.only().is_none() && !is_there(field));
    let Some((field, members)) = meant::only(missing).and_then(|field| Some((field, members((field.shape)())?))) else {
        return false;
    };
    let stray = |key: &str| tag != Some(key) && !fields.iter().any(|field| field.name == key);
    let of_members = |key: &str| members.iter().any(|member| member.name == key);
    if !names(entries).any(stray) || names(entries).any(|key| stray(key) && !of_members(key)) {
        return false;
    }
    let inner = entries.extract_if(.., |(key, _)| stray(key)).collect();
    entries.push((field.name.into(), Node::Object(inner)));
    true
}

/// The fields of a shape that is an object.
fn members(shape: &'static Shape) -> Option<&'static [Field]> {
    match shape {
        Shape::Object(object) => Some(object.fields),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => members(inner()),
        _ => None,
    }
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(80).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn names<'a>(entries: &'a [(Cow<'_, str>, Node<'_>)]) -> impl Iterator<Item = &'a str> {
    entries.iter().map(|(key, _)| key.as_ref())
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
