//! Arguments to request: checks them, then says what is to be sent. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderName, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::arguments::{Arguments, Members};
use crate::error::{Error, Result};
use crate::file::Source;
use crate::json::{self, Node};
use crate::options;
use crate::schema::{self, Fault, Field, Given, Place, Shape};
use crate::spec::{Endpoint, Spec, TWIN};

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

/// The body of a [`Plan`].
#[derive(Debug)]
pub enum Payload {
    /// None.
    Empty,
    /// `application/json`.
    Json(Bytes),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
    /// A text of another media type.
    Text {
        /// The media type.
        media_type: &'static str,
        /// The text.
        text: String,
    },
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
    /// A text of a media type that is no file.
    Typed {
        /// The media type.
        media_type: &'static str,
        /// The text.
        text: String,
    },
}

/// Checks the arguments of a tool and gives them as they are meant: under their listed names, without those that are as
/// good as not given, and with values that were written in another form than the shape has. With `open`, fields that we
/// do not know pass.
///
/// # Errors
/// Every fault at once.
pub fn check(spec: &Spec, arguments: &Arguments, open: bool) -> Result<Arguments> {
    let arguments = &options::sorted(spec, arguments)?;
    let Entries { entries, as_given } = read(spec, arguments, open)?;
    if as_given {
        return Ok(arguments.clone());
    }
    let text = json::written(entries.iter().map(|entry| (entry.name(), entry.text.as_ref()))).into();
    let files = arguments.files().iter().cloned();
    Ok(files.fold(Arguments::new(Some(text)), |arguments, (name, file)| arguments.attach(name, file)))
}

/// Checks the arguments and plans the request of an endpoint.
///
/// # Errors
/// Every fault of the arguments at once.
pub fn plan(spec: &Spec, endpoint: &Endpoint, arguments: &Arguments, open: bool) -> Result<Plan> {
    let Entries { mut entries, as_given } = read(spec, arguments, open)?;
    let unknown = if endpoint.method == Method::POST { Place::Body } else { Place::Query };
    let placed = |entry: &Entry<'_>| entry.field.map_or(unknown, |field| endpoint.place(field));

    entries.retain(|entry| !arguments.files().iter().any(|(name, _)| *name == entry.name()));
    let in_body = |entry: &Entry<'_>| matches!(placed(entry), Place::Body | Place::Part(_));

    let mut target = path(endpoint.path, &entries)?;
    let mut headers: Vec<_> = endpoint.accept.map(|accept| (ACCEPT, accept.to_owned())).into_iter().collect();
    let mut separator = '?';
    if endpoint.twin.is_some_and(|twin| entries.iter().any(|entry| entry.name() == twin)) {
        target.push(separator);
        target.push_str(TWIN);
        separator = '&';
    }
    for entry in &entries {
        match placed(entry) {
            Place::Query => flatten(entry.wire(), entry.scalar(), &entry.node, &mut |name, value| {
                let name = utf8_percent_encode(name, QUERY);
                // Writing to a string cannot fail.
                let _ = write!(target, "{separator}{name}={}", utf8_percent_encode(value, QUERY));
                separator = '&';
            }),
            Place::Header(name) if entry.node != Node::Null => headers.push((name(), entry.listed())),
            _ => {}
        }
    }
    let has_body = || spec.fields.iter().any(|field| matches!(endpoint.place(field), Place::Body | Place::Part(_)));
    let body = if endpoint.method != Method::POST || !has_body() {
        Payload::Empty
    } else if endpoint.multipart {
        let entries = entries.iter().filter(|entry| in_body(entry));
        form(parts(spec, entries, arguments.files(), endpoint.streams)?)
    } else if as_given
        && !endpoint.streams
        && entries.iter().all(|entry| in_body(entry) && entry.wire() == entry.name())
    {
        Payload::Json(arguments.text().clone())
    } else {
        let entries = entries.iter().filter(|entry| in_body(entry));
        let streams = endpoint.streams.then_some(("stream", "true"));
        Payload::Json(json::written(entries.map(|entry| (entry.wire(), entry.text.as_ref())).chain(streams)).into())
    };
    Ok(Plan { method: endpoint.method.clone(), target, headers, body })
}

/// The arguments of a call that are to be sent.
struct Entries<'a> {
    entries: Vec<Entry<'a>>,
    /// Whether they are all that was given, with names and values as the caller wrote them.
    as_given: bool,
}

/// One argument: its text for the wire, its value for the rules.
struct Entry<'a> {
    given: Cow<'a, str>,
    text: Cow<'a, str>,
    node: Node<'a>,
    field: Option<&'static Field>,
}

impl Entry<'_> {
    fn name(&self) -> &str {
        self.field.map_or(&self.given, |field| field.name)
    }

    fn wire(&self) -> &str {
        self.field.map_or(&self.given, |field| field.wire)
    }

    /// A scalar as it stands outside JSON: numbers as the caller wrote them, strings without quotes.
    fn scalar(&self) -> Cow<'_, str> {
        match &self.node {
            Node::Text(text) => Cow::Borrowed(text),
            _ => Cow::Borrowed(&self.text),
        }
    }

    /// A value of a header: a scalar, or several with commas between them.
    fn listed(&self) -> String {
        match &self.node {
            Node::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
            _ => self.scalar().into_owned(),
        }
    }
}

fn read<'a>(spec: &Spec, arguments: &'a Arguments, open: bool) -> Result<Entries<'a>> {
    let Members(members) = arguments.members()?;
    let count = members.len();
    let mut given = Vec::with_capacity(count);
    for (name, text) in members {
        let node = Node::parse(text.get()).map_err(|error| Error::argument(&name, error))?;
        given.push(Given { name, node, text: Some(text.get()), field: None });
    }
    let mut faults = Vec::new();
    let attached = |name: &str| arguments.files().iter().any(|(file, _)| *file == name);
    let path = spec.endpoint.as_ref().map_or("", |endpoint| endpoint.path);
    let rules = schema::Rules { path, reads: spec.effect.reads, replaces: spec.effect.destroys, open };
    schema::settle(spec.fields, &mut given, attached, rules, &mut faults);
    let mut as_given = given.len() == count;
    let mut entries = Vec::with_capacity(given.len());
    for Given { name: given, node, text, field } in given {
        as_given &= text.is_some() && field.is_none_or(|field| field.name == given);
        let text = text.map_or_else(|| Cow::Owned(node.to_json()), Cow::Borrowed);
        let entry = Entry { given, text, node, field };
        if let (Some(endpoint), Some(field)) = (&spec.endpoint, entry.field)
            && matches!(endpoint.place(field), Place::Path)
            && !faults.iter().any(|fault| fault.path == field.name)
            && let Some(problem) = bad_segment(&entry.scalar(), matches!(field.place, Place::Name))
        {
            faults.push(Fault { path: field.name.to_owned(), problem });
        }
        entries.push(entry);
    }
    if faults.is_empty() { Ok(Entries { entries, as_given }) } else { Err(Error::arguments(&faults)) }
}

/// Why a value cannot be a path segment. A segment of dots, escaped or not, would change which resource is meant, and so
/// may a slash on its way through a proxy that takes the escape off too early; only names that have them by nature may.
fn bad_segment(value: &str, slashes: bool) -> Option<String> {
    let dots = match value.contains('%') {
        true => Cow::Owned(value.replace("%2e", ".").replace("%2E", ".")),
        false => Cow::Borrowed(value),
    };
    let leads_away = |part: &str| matches!(part, "" | "." | "..");
    if value.is_empty() {
        Some("expected an id, got an empty string".into())
    } else if leads_away(dots.as_ref()) || (slashes && dots.split('/').any(leads_away)) {
        Some(format!("expected an id, got `{value}`"))
    } else if value.contains('\\') || (value.contains('/') && !slashes) {
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
                let entry = entries.iter().find(|entry| entry.name() == name);
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
fn parts<'e, 'a: 'e>(
    spec: &Spec,
    entries: impl Iterator<Item = &'e Entry<'a>>,
    attached: &[(&'static str, Source)],
    streams: bool,
) -> Result<Vec<Part>> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut file = |name: String, node: &Node<'_>| {
            let source = Source::read(node).map_err(|problem| Error::argument(entry.name(), problem))?;
            files.push(Part { name, value: PartValue::File(source) });
            Ok(())
        };
        if let Some(Place::Part(media_type)) = entry.field.map(|field| field.place) {
            let value = PartValue::Typed { media_type, text: entry.scalar().into_owned() };
            files.push(Part { name: entry.wire().to_owned(), value });
            continue;
        }
        match (&entry.node, entry.field.map(|field| holds_files((field.shape)()))) {
            (Node::Array(nodes), Some(true)) => {
                for node in nodes {
                    file(format!("{}[]", entry.wire()), node)?;
                }
            }
            // Where a reference may stand for a file, it is an object, too.
            (node @ Node::Object(_), Some(true)) if Source::is_named_by(node) => file(entry.wire().to_owned(), node)?,
            (node @ Node::Text(_), _) if entry.field.is_some_and(|field| names_a_file((field.shape)())) => {
                file(entry.wire().to_owned(), node)?;
            }
            _ => flatten(entry.wire(), entry.scalar(), &entry.node, &mut |name, value| {
                fields.push(Part { name: name.to_owned(), value: PartValue::Text(value.to_owned()) });
            }),
        }
    }
    for (name, source) in attached {
        let field = spec.fields.iter().find(|field| field.name == *name);
        let wire = field.map_or(*name, |field| field.wire);
        let one = attached.iter().filter(|(other, _)| other == name).count() == 1;
        let listed = !one || field.is_some_and(|field| matches!((field.shape)(), Shape::Array { .. }));
        let name = if listed { format!("{wire}[]") } else { wire.to_owned() };
        files.push(Part { name, value: PartValue::File(source.clone()) });
    }
    if streams {
        fields.push(Part { name: "stream".into(), value: PartValue::Text("true".into()) });
    }
    fields.append(&mut files);
    Ok(fields)
}

/// A text of a media type of its own that is alone needs no form around it.
fn form(mut parts: Vec<Part>) -> Payload {
    match (parts.pop(), parts.is_empty()) {
        (Some(Part { value: PartValue::Typed { media_type, text }, .. }), true) => Payload::Text { media_type, text },
        (last, _) => {
            parts.extend(last);
            Payload::Multipart(parts)
        }
    }
}

/// Whether a text of this shape is a file's path or URL.
fn names_a_file(shape: &'static Shape) -> bool {
    match shape {
        Shape::File => true,
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => names_a_file(inner()),
        Shape::Union(shapes) => {
            let plain = |shape: &Shape| matches!(shape, Shape::Any | Shape::Text { .. } | Shape::Enum(_));
            shapes.iter().any(|shape| names_a_file(shape())) && !shapes.iter().any(|shape| plain(shape()))
        }
        _ => false,
    }
}

fn holds_files(shape: &'static Shape) -> bool {
    match shape {
        Shape::File => true,
        Shape::Array { items: inner, .. }
        | Shape::Nullable(inner)
        | Shape::Hidden(inner)
        | Shape::Brief { taken: inner, .. } => holds_files(inner()),
        Shape::Union(shapes) => shapes.iter().any(|shape| holds_files(shape())),
        _ => false,
    }
}
