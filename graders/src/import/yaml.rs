//! YAML as the values of JSON: scalars by YAML 1.2's core schema, and the merge keys of 1.1, as promptfoo reads them.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::memory::weight;

/// Collections within each other, with those that an alias stands for.
const DEPTH: usize = 64;
/// Most bytes of memory, counted roughly, that anchors and aliases come to: a few letters may stand for very much.
const COPIES: usize = 32 * 1024 * 1024;

/// The value of the one document of a text, `null` if it has none; else why not, with the place.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let mut reader = Reader { events: Parser::new_from_str(text), anchors: HashMap::new(), depth: 0, room: COPIES };
    reader.document().map_err(|error| {
        let (at, why) = (error.marker(), error.info());
        format!("no YAML: line {} column {}: {why}", at.line(), at.col() + 1)
    })
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
    /// Collections that are begun.
    depth: usize,
    /// What there is room for.
    room: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value, ScanError> {
        let mut found = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(found.unwrap_or_default()),
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (_, at) if found.is_some() => return Err(fault(at, "expected one document")),
                (event, at) => found = Some(self.node(event, at)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), ScanError> {
        self.events.next().unwrap_or_else(|| Err(ScanError::new(Marker::new(0, 1, 0), "it breaks off")))
    }

    /// What begins with an event.
    fn node(&mut self, event: Event<'a>, at: Span) -> Result<Value, ScanError> {
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                (value.ok_or_else(|| fault(at, format!("JSON has no number `{text}`")))?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.within(at, Self::items)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.within(at, Self::members)?, anchor),
            Event::Alias(id) => {
                let Some(value) = self.anchors.get(&id) else {
                    return Err(fault(at, "the alias is within what it stands for"));
                };
                if self.depth + depth(value) > DEPTH {
                    return Err(deep(at));
                }
                return copy(value, &mut self.room, at);
            }
            _ => return Err(fault(at, "expected a value")),
        };
        if anchor > 0 {
            let value = copy(&value, &mut self.room, at)?;
            self.anchors.insert(anchor, value);
        }
        Ok(value)
    }

    fn within(&mut self, at: Span, read: fn(&mut Self) -> Result<Value, ScanError>) -> Result<Value, ScanError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(deep(at));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn items(&mut self) -> Result<Value, ScanError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, at) => items.push(self.node(event, at)?),
            }
        }
    }

    fn members(&mut self) -> Result<Value, ScanError> {
        let (mut members, mut merged) = (Map::new(), Vec::new());
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => {
                    let (event, at) = self.next()?;
                    match self.node(event, at)? {
                        Value::Array(values) => merged.extend(values.into_iter().map(|value| (value, at))),
                        value => merged.push((value, at)),
                    }
                    continue;
                }
                // `1: x` is a member `1`.
                Event::Scalar(text, _, anchor, tag) => Event::Scalar(text, ScalarStyle::SingleQuoted, anchor, tag),
                event => event,
            };
            let Value::String(name) = self.node(key, at)? else { return Err(fault(at, "a key of JSON is a text")) };
            if members.contains_key(&name) {
                return Err(fault(at, format!("the key `{name}` stands there twice")));
            }
            let (event, at) = self.next()?;
            members.insert(name, self.node(event, at)?);
        }
        // What a mapping says itself goes before what it takes over.
        for (value, at) in merged {
            let Value::Object(others) = value else { return Err(fault(at, "`<<` takes over mappings")) };
            for (name, value) in others {
                members.entry(name).or_insert(value);
            }
        }
        Ok(Value::Object(members))
    }
}

/// Collections within each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn deep(at: Span) -> ScanError {
    fault(at, format!("more than {DEPTH} collections are within each other"))
}

fn copy(value: &Value, room: &mut usize, at: Span) -> Result<Value, ScanError> {
    let left = room.checked_sub(weight(value));
    *room = left.ok_or_else(|| fault(at, format!("aliases come to more than {COPIES} bytes of memory")))?;
    Ok(value.clone())
}

fn fault(at: Span, what: impl Into<String>) -> ScanError {
    ScanError::new(at.start, what)
}

/// What a scalar is; `None` for numbers that JSON does not have.
/// <https://yaml.org/spec/1.2.2/#103-core-schema>
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Value> {
    let plain = match tag.map(|tag| (tag.core_suffix(), tag.handle(), tag.suffix())) {
        Some((Some("str"), ..) | (_, "", "!") | (_, "!", "")) => false,
        Some((Some(_), ..)) => true,
        _ => style == ScalarStyle::Plain,
    };
    if !plain {
        return Some(text.into());
    }
    let radix = |prefix: &str, radix: u32| u64::from_str_radix(text.strip_prefix(prefix)?, radix).ok();
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF") => return None,
        // Rust has words for some numbers.
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            if let Ok(number) = text.parse::<i64>() {
                number.into()
            } else if let Ok(number) = text.parse::<u64>() {
                number.into()
            } else if let Some(number) = crate::number(text) {
                Number::from_f64(number)?.into()
            } else {
                text.into()
            }
        }
        _ => radix("0x", 16).or_else(|| radix("0o", 8)).map_or_else(|| text.into(), Value::from),
    })
}
