//! Arguments to request: checks them, then says what is to be sent. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderName, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::file::Source;
use crate::headers;
use crate::schema::{self, Fault, Field, Node, Place, Shape};
use crate::tool::{Arguments, Endpoint, Spec};

/// What may stand unescaped in a path segment (RFC 3986 §3.3, `pchar`), as the official SDK has it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What may stand unescaped in a query name or value.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to be made.
#[derive(Debug)]
pub struct Plan {
    /// Method.
    pub method: Method,
    /// Path and query, to be appended to the base URL.
    pub target: String,
    /// Headers besides those that every request has.
    pub headers: Vec<(HeaderName, String)>,
    /// What goes in the body.
    pub body: Payload,
}

impl Plan {
    /// Puts another file in the place of the first of a form field.
    pub(crate) fn replace_file(&mut self, field: &str, source: Source) {
        if let Payload::Multipart(parts) = &mut self.body
            && let Some(part) = parts.iter_mut().find(|part| part.name == field)
        {
            part.value = PartValue::File(source);
        }
    }
}

/// The body of a [`Plan`].
#[derive(Debug)]
pub enum Payload {
    /// None.
    Empty,
    /// `application/json`.
    Json(Bytes),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
}

/// A part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part {
    /// Name of the form field.
    pub name: String,
    /// What it holds.
    pub value: PartValue,
}

/// What a part holds.
#[derive(Clone, Debug)]
pub enum PartValue {
    /// A plain field.
    Text(String),
    /// A file.
    File(Source),
}

/// Checks the arguments of a tool. With `open`, fields that we do not know pass.
///
/// # Errors
/// Every fault at once.
pub fn check(spec: &'static Spec, arguments: &Arguments, open: bool) -> Result<()> {
    read(spec, arguments, open).map(drop)
}

/// Checks the arguments and plans the request of an endpoint.
///
/// # Errors
/// Every fault of the arguments at once.
pub fn plan(spec: &'static Spec, endpoint: &Endpoint, arguments: &Arguments, open: bool) -> Result<Plan> {
    let entries = read(spec, arguments, open)?;
    let unknown = if endpoint.method == Method::POST { Place::Body } else { Place::Query };
    let placed = |entry: &Entry<'_>| entry.field.map_or(unknown, |field| field.place);

    let whole = entries.iter().all(|entry| !entry.left_out());
    let entries: Vec<_> = entries.into_iter().filter(|entry| !entry.left_out()).collect();
    let in_body = |entry: &Entry<'_>| matches!(placed(entry), Place::Body);

    let mut target = path(endpoint.path, &entries)?;
    let mut headers = Vec::new();
    if let Some(beta) = endpoint.beta {
        headers.push((headers::BETA, beta.to_owned()));
    }
    let mut separator = '?';
    for entry in &entries {
        match placed(entry) {
            Place::Query => flatten(entry.wire(), entry.scalar(), &entry.node, &mut |name, value| {
                let name = utf8_percent_encode(name, QUERY);
                // Writing to a string cannot fail.
                let _ = write!(target, "{separator}{name}={}", utf8_percent_encode(value, QUERY));
                separator = '&';
            }),
            Place::Header(name) if entry.node != Node::Null => headers.push((name(), entry.scalar().into_owned())),
            _ => {}
        }
    }
    let body = if endpoint.method != Method::POST || !spec.fields.iter().any(|field| matches!(field.place, Place::Body))
    {
        Payload::Empty
    } else if endpoint.multipart {
        Payload::Multipart(parts(entries.iter().filter(|entry| in_body(entry)), endpoint.streams)?)
    } else if whole && !endpoint.streams && entries.iter().all(|entry| in_body(entry) && entry.wire() == entry.name) {
        Payload::Json(arguments.text().clone())
    } else {
        Payload::Json(object(entries.iter().filter(|entry| in_body(entry)), endpoint.streams))
    };
    Ok(Plan { method: endpoint.method.clone(), target, headers, body })
}

/// One argument: its text for the wire, its value for the rules.
struct Entry<'a> {
    name: Cow<'a, str>,
    raw: &'a RawValue,
    node: Node<'a>,
    field: Option<&'static Field>,
}

impl Entry<'_> {
    fn left_out(&self) -> bool {
        self.field.is_some_and(|field| schema::left_out(field, &self.node))
    }

    fn wire(&self) -> &str {
        self.field.map_or(&self.name, |field| field.wire)
    }

    /// A scalar as it stands outside JSON: numbers as the caller wrote them, strings without quotes.
    fn scalar(&self) -> Cow<'_, str> {
        match &self.node {
            Node::Text(text) => Cow::Borrowed(text),
            _ => Cow::Borrowed(self.raw.get()),
        }
    }
}

fn read<'a>(spec: &'static Spec, arguments: &'a Arguments, open: bool) -> Result<Vec<Entry<'a>>> {
    let raw = arguments.entries()?;
    let mut nodes = Vec::with_capacity(raw.len());
    for (name, value) in &raw {
        let node = Node::parse(value.get()).map_err(|error| Error::argument(name, error))?;
        nodes.push((name.clone(), node));
    }
    let whole = Node::Object(nodes);
    let mut faults = Vec::new();
    schema::check_fields(spec.fields, &whole, "", open, &mut faults);
    let Node::Object(nodes) = whole else { return Ok(Vec::new()) };
    let entries: Vec<Entry<'a>> = raw
        .into_iter()
        .zip(nodes)
        .map(|((name, raw), (_, node))| {
            let field = spec.fields.iter().find(|field| field.name == name);
            Entry { name, raw, node, field }
        })
        .collect();
    for entry in &entries {
        if entry.field.is_some_and(|field| matches!(field.place, Place::Path))
            && let Some(problem) = bad_segment(&entry.scalar())
        {
            faults.push(Fault { path: entry.name.to_string(), problem });
        }
    }
    if faults.is_empty() { Ok(entries) } else { Err(Error::arguments(&faults)) }
}

/// Why a value cannot be a path segment. A segment of dots, escaped or not, would change which resource is meant, and so
/// may a slash on its way through a proxy that takes the escape off too early.
fn bad_segment(value: &str) -> Option<String> {
    let dots = value.replace("%2e", ".").replace("%2E", ".");
    if value.is_empty() {
        Some("expected an id, got an empty string".into())
    } else if dots == "." || dots == ".." {
        Some(format!("expected an id, got `{value}`"))
    } else if value.contains(['/', '\\']) {
        let shown: String = value.chars().take(60).collect();
        Some(format!("expected an id, which has no slash, got `{shown}`"))
    } else if value.chars().any(char::is_control) {
        Some("expected an id, got control characters".into())
    } else {
        None
    }
}

fn path(template: &str, entries: &[Entry<'_>]) -> Result<String> {
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            None => path.push_str(segment),
            Some(name) => {
                let entry = entries.iter().find(|entry| entry.name == name);
                let value = entry.map(Entry::scalar).ok_or_else(|| Error::argument(name, "required: a string"))?;
                path.extend(utf8_percent_encode(&value, SEGMENT));
            }
        }
    }
    Ok(path)
}

/// Names and values as the official SDK writes them: `a[]=1&a[]=2` for arrays, `a[b]=1` for objects, no `null`.
fn flatten(name: &str, scalar: Cow<'_, str>, node: &Node<'_>, emit: &mut impl FnMut(&str, &str)) {
    match node {
        Node::Null => {}
        Node::Array(items) => {
            for item in items {
                flatten(&format!("{name}[]"), text_of(item), item, emit);
            }
        }
        Node::Object(entries) => {
            for (key, value) in entries {
                flatten(&format!("{name}[{key}]"), text_of(value), value, emit);
            }
        }
        _ => emit(name, &scalar),
    }
}

fn text_of<'a>(node: &'a Node<'_>) -> Cow<'a, str> {
    match node {
        Node::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Plain fields first, then files: the order of the official SDK.
fn parts<'e, 'a: 'e>(entries: impl Iterator<Item = &'e Entry<'a>>, streams: bool) -> Result<Vec<Part>> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    for entry in entries {
        let source = |node: &Node<'_>| Source::read(node).map_err(|problem| Error::argument(&entry.name, problem));
        let mut file = |name: String, node: &Node<'_>| {
            source(node).map(|source| files.push(Part { name, value: PartValue::File(source) }))
        };
        match (&entry.node, entry.field.map(|field| holds_files((field.shape)()))) {
            (Node::Array(nodes), Some(true)) => {
                for node in nodes {
                    file(format!("{}[]", entry.wire()), node)?;
                }
            }
            (node @ Node::Object(_), Some(true)) => file(entry.wire().to_owned(), node)?,
            _ => flatten(entry.wire(), entry.scalar(), &entry.node, &mut |name, value| {
                fields.push(Part { name: name.to_owned(), value: PartValue::Text(value.to_owned()) });
            }),
        }
    }
    if streams {
        fields.push(Part { name: "stream".into(), value: PartValue::Text("true".into()) });
    }
    fields.append(&mut files);
    Ok(fields)
}

fn holds_files(shape: &'static Shape) -> bool {
    match shape {
        Shape::File => true,
        Shape::Array { items: inner, .. } | Shape::Nullable(inner) => holds_files(inner()),
        Shape::Union(shapes) => shapes.iter().any(|shape| holds_files(shape())),
        _ => false,
    }
}

/// The entries as a JSON object, each value as the caller wrote it.
fn object<'e, 'a: 'e>(entries: impl Iterator<Item = &'e Entry<'a>>, streams: bool) -> Bytes {
    let mut text = String::from("{");
    for entry in entries {
        if text.len() > 1 {
            text.push(',');
        }
        schema::render_text(&mut text, entry.wire());
        text.push(':');
        text.push_str(entry.raw.get());
    }
    if streams {
        text.push_str(if text.len() > 1 { r#","stream":true"# } else { r#""stream":true"# });
    }
    text.push('}');
    text.into()
}
