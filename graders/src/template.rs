//! Templates: texts with `{{item.…}}` and `{{sample.…}}` in them.
//!
//! A path names a member after each dot and an element in each pair of brackets: `{{ item.a.b[0] }}`; blanks within the
//! braces do not count. Text goes in as it is, every other value as JSON. A path may go on into a text that is JSON, as in
//! `sample.output_tools[0].function.arguments.city`. What was put in is never read as a template again.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::object;

/// What templates can name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// A row of the data: `item`.
    pub item: &'a Value,
    /// What was answered to it: `sample`, as [`sample`] makes it. `None` where there are no samples.
    pub sample: Option<&'a Value>,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPath {
    /// The whole path, as the template has it.
    pub path: String,
    /// What is there instead, for a person.
    pub reason: String,
}

impl fmt::Display for UnknownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.reason)
    }
}

/// A template's text with every path replaced by its value.
///
/// # Errors
///
/// A path leads nowhere, the template is none that [`check`] passes, or it comes to more than 8 MiB of text.
pub fn render(template: &str, names: Names<'_>) -> Result<String, UnknownPath> {
    render_in(template, names, &mut { MOST })
}

/// Most bytes of text that templates come to which are rendered as one, and of JSON that is read on the way: a path of a
/// few letters may name a whole file, and stand there a thousand times.
const MOST: usize = 8 * 1024 * 1024;

fn render_in(template: &str, names: Names<'_>, room: &mut usize) -> Result<String, UnknownPath> {
    let mut rendered = String::new();
    for piece in pieces(template) {
        let (path, text) = match piece {
            Piece::Text(text) => ("", Cow::Borrowed(text)),
            Piece::Path(path) => match lookup_in(path, names, room)? {
                Cow::Borrowed(Value::String(text)) => (path, Cow::Borrowed(text.as_str())),
                Cow::Owned(Value::String(text)) => (path, Cow::Owned(text)),
                value => (path, Cow::Owned(value.to_string())),
            },
            Piece::Open(text) => return Err(unknown(text, "`{{` without `}}`")),
        };
        take(room, text.len(), path)?;
        rendered.push_str(&text);
    }
    Ok(rendered)
}

/// Takes what a path comes to from what there is room for.
fn take(room: &mut usize, bytes: usize, path: &str) -> Result<(), UnknownPath> {
    *room =
        room.checked_sub(bytes).ok_or_else(|| unknown(path, format!("the text comes to more than {MOST} bytes")))?;
    Ok(())
}

/// A value with every text within it rendered, such as a list of messages; the names of members stay what they are.
///
/// # Errors
///
/// Those of [`render`].
pub fn render_within(value: &Value, names: Names<'_>) -> Result<Value, UnknownPath> {
    render_all(value, names, &mut { MOST })
}

fn render_all(value: &Value, names: Names<'_>, room: &mut usize) -> Result<Value, UnknownPath> {
    Ok(match value {
        Value::String(text) => render_in(text, names, room)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| render_all(item, names, room)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Ok((name.clone(), render_all(value, names, room)?));
            object(members.iter().map(member).collect::<Result<Vec<_>, UnknownPath>>()?).into()
        }
        other => other.clone(),
    })
}

/// The value that a path such as `item.messages[0]` leads to.
///
/// # Errors
///
/// It leads nowhere.
pub fn lookup<'a>(path: &str, names: Names<'a>) -> Result<Cow<'a, Value>, UnknownPath> {
    lookup_in(path, names, &mut { MOST })
}

fn lookup_in<'a>(path: &str, names: Names<'a>, room: &mut usize) -> Result<Cow<'a, Value>, UnknownPath> {
    let path = path.trim();
    let mut steps = steps(path).map_err(|reason| unknown(path, reason))?.into_iter();
    let mut value = match steps.next() {
        Some(Step::Member("item")) => Cow::Borrowed(names.item),
        Some(Step::Member("sample")) => {
            Cow::Borrowed(names.sample.ok_or_else(|| unknown(path, "there is no sample here"))?)
        }
        _ => return Err(unknown(path, ROOTS)),
    };
    for step in steps {
        if let Value::String(text) = value.as_ref() {
            take(room, text.len(), path)?;
            let within = serde_json::from_str(text).map_err(|_| unknown(path, format!("no JSON to take {step} of")))?;
            value = Cow::Owned(within);
        }
        value = match value {
            Cow::Borrowed(value) => step.of(value).map(Cow::Borrowed),
            Cow::Owned(value) => step.of(&value).cloned().map(Cow::Owned),
        }
        .ok_or_else(|| unknown(path, format!("there is no {step}")))?;
    }
    Ok(value)
}

/// What is wrong with a template; `samples` says whether there will be samples.
///
/// # Errors
///
/// Braces that do not close, a path that is none, or one that names something else than `item` and `sample`.
pub fn check(template: &str, samples: bool) -> Result<(), String> {
    for piece in pieces(template) {
        let path = match piece {
            Piece::Text(_) => continue,
            Piece::Open(text) => return Err(format!("`{{{{` without `}}}}`: `{text}`")),
            Piece::Path(path) => path,
        };
        match steps(path).map_err(|reason| format!("`{path}`: {reason}"))?.first() {
            Some(Step::Member("item")) => {}
            Some(Step::Member("sample")) if samples => {}
            Some(Step::Member("sample")) => {
                return Err(format!("`{path}`: there are no samples, since the data has no `include_sample_schema`"));
            }
            _ => return Err(format!("`{path}`: {ROOTS}")),
        }
    }
    Ok(())
}

/// Whether an item has all that a template names of it.
pub(crate) fn check_item(template: &str, item: &Value) -> Result<(), UnknownPath> {
    let of_item = |piece: &Piece<'_>| match piece {
        Piece::Path(path) => lookup(path, Names { item, sample: Some(&Value::Null) }).map(drop),
        Piece::Text(_) | Piece::Open(_) => Ok(()),
    };
    let is_sample = |piece: &Piece<'_>| matches!(piece, Piece::Path(path) if path.starts_with("sample"));
    pieces(template).iter().filter(|piece| !is_sample(piece)).try_for_each(of_item)
}

/// The `sample` of an answer: `output_text`, `output_json` if the text is JSON, `output_tools`, and `more`, such as `choices` or
/// `output_audio`.
///
/// `tool_calls` are those of Chat: `[{id, type: "function", function: {name, arguments}}]`.
#[must_use]
pub fn sample(text: &str, tool_calls: Option<Value>, more: Map<String, Value>) -> Value {
    let mut sample = more;
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        sample.insert("output_json".to_owned(), value);
    }
    sample.insert("output_text".to_owned(), text.into());
    sample.insert("output_tools".to_owned(), tool_calls.unwrap_or_else(|| json!([])));
    sample.into()
}

const ROOTS: &str = "a path begins with `item` or `sample`";

fn unknown(path: &str, reason: impl Into<String>) -> UnknownPath {
    UnknownPath { path: path.to_owned(), reason: reason.into() }
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between two pairs of braces, without the blanks around it.
    Path(&'a str),
    /// Braces that do not close, and what follows them.
    Open(&'a str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        pieces.push(Piece::Text(before));
        let Some((path, after)) = after.split_once("}}") else {
            pieces.push(Piece::Open(after));
            return pieces;
        };
        pieces.push(Piece::Path(path.trim()));
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl Step<'_> {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Step::Member(name) => value.get(name),
            Step::Element(index) => value.get(index),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Member(name) => write!(f, "`{name}`"),
            Step::Element(index) => write!(f, "[{index}]"),
        }
    }
}

fn steps(path: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut elements) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.trim().is_empty() {
            return Err("a name is missing");
        }
        steps.push(Step::Member(name.trim()));
        while !elements.trim().is_empty() {
            let element = elements.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let (index, rest) = element.ok_or("brackets hold the number of an element, as in `[0]`")?;
            let index = index.trim().parse().map_err(|_| "brackets hold the number of an element, as in `[0]`")?;
            steps.push(Step::Element(index));
            elements = rest;
        }
    }
    Ok(steps)
}
