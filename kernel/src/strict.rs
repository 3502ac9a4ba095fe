//! Strict mode: from a schema as people write it to one that OpenAI takes, and from its answers back.
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
//!
//! Strict mode wants every object closed and every property required, and knows a part of JSON Schema. What a property need
//! not be it may then be instead: `null`, which is taken out of the answer again. What strict mode does not know is left
//! out where the answer is checked for it all the same, and told where it is not.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::arguments::Arguments;
use crate::error::{Error, Kind};
use crate::json::Node;
use crate::json_schema::{self, STEP, STEPS};
use crate::schema::{Json, Raw};

/// Most faults that are told.
const MOST: usize = 10;
/// Limits of strict mode.
const DEEPEST: usize = 10;
const MOST_PROPERTIES: usize = 5000;
const MOST_VALUES: usize = 1000;
/// A schema that refers to itself is not followed further.
const HOPS: usize = 128;
/// Keywords that strict mode does not take and answers are checked for, or that say nothing about them.
const LEFT_OUT: [&str; 9] = [
    "$id",
    "$schema",
    "default",
    "examples",
    "maxProperties",
    "minProperties",
    "propertyNames",
    "uniqueItems",
    "unevaluatedProperties",
];
/// Keywords that strict mode does not take, and that leave out nothing of what is meant if they are.
const REFUSED: [&str; 12] = [
    "additionalItems",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "patternProperties",
    "then",
    "unevaluatedItems",
];
/// Keywords that say what a value is.
const TYPES: [&str; 7] = ["$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"];
const FORMATS: [&str; 9] = ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

type Entries = Vec<(Cow<'static, str>, Node<'static>)>;

/// A schema as strict mode takes it, with its properties in the order that they had.
///
/// # Errors
/// What keeps it from being one, each fault with its place.
pub fn strict(schema: &Node<'_>) -> Result<Node<'static>, Vec<String>> {
    let mut schema = schema.clone().into_owned();
    let mut maker = Maker::default();
    maker.level(&mut schema, "", 0);
    if schema.get("type").and_then(Node::as_str) != Some("object") || schema.get("anyOf").is_some() {
        maker.fault("", "expected `type` \"object\" and no alternatives");
    }
    if maker.properties > MOST_PROPERTIES {
        maker.fault("", &format!("expected at most {MOST_PROPERTIES} properties in all, got {}", maker.properties));
    }
    if maker.faults.is_empty() { Ok(schema) } else { Err(maker.faults) }
}

#[derive(Default)]
struct Maker {
    faults: Vec<String>,
    properties: usize,
}

impl Maker {
    fn fault(&mut self, place: &str, problem: &str) {
        if self.faults.len() < MOST {
            let place = if place.is_empty() { "the root" } else { place };
            self.faults.push(format!("{place}: {problem}"));
        }
    }

    /// Makes a schema strict that lies within so many objects.
    fn level(&mut self, schema: &mut Node<'static>, place: &str, depth: usize) {
        if self.faults.len() >= MOST {
            return;
        }
        let Node::Object(members) = schema else {
            return self.fault(place, "expected a schema with a `type`");
        };
        if depth > DEEPEST {
            return self.fault(place, &format!("expected at most {DEEPEST} objects within each other"));
        }
        plain(members);
        let unknown = |format: &Node<'_>| format.as_str().is_none_or(|format| !FORMATS.contains(&format));
        members.retain(|(name, value)| match name.as_ref() {
            "format" => !unknown(value),
            name => !LEFT_OUT.contains(&name),
        });
        for (name, _) in members.iter().filter(|(name, _)| REFUSED.contains(&name.as_ref())) {
            self.fault(place, &format!("strict mode has no `{name}`"));
        }
        if members.iter().any(|(name, _)| name == "allOf") {
            self.fault(place, "strict mode has no `allOf`: put its schemas together into one");
        }
        self.typed(members, place);
        self.object(members, place);
        for (keyword, value) in members {
            let place = join(place, keyword);
            match (keyword.as_ref(), value) {
                ("properties", Node::Object(inner)) => {
                    self.properties += inner.len();
                    inner.iter_mut().for_each(|(name, schema)| self.level(schema, &join(&place, name), depth + 1));
                }
                ("$defs" | "definitions", Node::Object(inner)) => {
                    inner.iter_mut().for_each(|(name, schema)| self.level(schema, &join(&place, name), depth));
                }
                ("anyOf" | "prefixItems", Node::Array(inner)) => {
                    for (index, schema) in inner.iter_mut().enumerate() {
                        self.level(schema, &format!("{place}[{index}]"), depth);
                    }
                }
                ("items", inner @ Node::Object(_)) => self.level(inner, &place, depth),
                ("items", _) => self.fault(&place, "expected one schema for all items"),
                ("enum", Node::Array(values)) if values.len() > MOST_VALUES => {
                    self.fault(&place, &format!("expected at most {MOST_VALUES} values, got {}", values.len()));
                }
                _ => {}
            }
        }
    }

    /// Sees to a type, which strict mode always wants to have.
    fn typed(&mut self, members: &mut Entries, place: &str) {
        let has = |name: &str| members.iter().any(|(member, _)| member == name);
        if has("type") || has("anyOf") || has("$ref") {
            if is_a(members, "array") && !has("items") && !has("prefixItems") {
                self.fault(place, "an array needs `items`");
            }
            return;
        }
        let values = members.iter().find_map(|(name, value)| match (name.as_ref(), value) {
            ("enum", Node::Array(values)) => Some(values.as_slice()),
            ("const", value) => Some(std::slice::from_ref(value)),
            _ => None,
        });
        let kinds: BTreeSet<&str> = match values {
            _ if has("properties") => ["object"].into(),
            _ if has("items") => ["array"].into(),
            values => values.into_iter().flatten().filter_map(kind).collect(),
        };
        let mut kinds: Vec<_> = kinds.into_iter().map(|kind| Node::Text(kind.to_owned().into())).collect();
        match kinds.pop() {
            Some(only) if kinds.is_empty() => members.insert(0, ("type".into(), only)),
            Some(last) => {
                kinds.push(last);
                members.insert(0, ("type".into(), Node::Array(kinds)));
            }
            None => self.fault(place, "expected a `type`"),
        }
    }

    /// Closes an object and requires all of its properties, of which those that were not required may be null.
    fn object(&mut self, members: &mut Entries, place: &str) {
        let get = |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, value)| value);
        if !is_a(members, "object") {
            return;
        }
        match get("additionalProperties") {
            None | Some(Node::Bool(_)) => {}
            Some(_) => {
                self.fault(place, "strict mode has no open maps: make a list of objects with key and value of it")
            }
        }
        if get("properties").is_none() && get("additionalProperties") != Some(&Node::Bool(false)) {
            return self.fault(place, "expected an object with `properties`: strict mode has no open maps");
        }
        let required: BTreeSet<String> = match get("required") {
            Some(Node::Array(names)) => names.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            _ => BTreeSet::new(),
        };
        let mut names = Vec::new();
        for (name, value) in members.iter_mut() {
            if let ("properties", Node::Object(properties)) = (name.as_ref(), value) {
                for (name, schema) in properties.iter_mut() {
                    names.push(Node::Text(name.clone()));
                    if !required.contains(name.as_ref()) {
                        nullable(schema);
                    }
                }
            }
        }
        let known: BTreeSet<&str> = names.iter().filter_map(Node::as_str).collect();
        if let Some(name) = required.iter().find(|name| !known.contains(name.as_str())) {
            self.fault(place, &format!("`required` names `{name}`, which is not among the properties"));
        }
        put(members, "required", Node::Array(names));
        put(members, "additionalProperties", Node::Bool(false));
    }
}

/// Writes what strict mode has another word for, or takes alone: `oneOf`, `allOf` of one, `$ref` with words beside it.
fn plain(members: &mut Entries) {
    for (name, _) in members.iter_mut().filter(|(name, _)| name == "oneOf") {
        *name = "anyOf".into();
    }
    let single = members.iter().position(|(name, value)| {
        name == "allOf" && matches!(value, Node::Array(schemas) if matches!(schemas.as_slice(), [Node::Object(_)]))
    });
    if let Some(at) = single
        && let (_, Node::Array(schemas)) = members.remove(at)
    {
        // Callers choose how many keywords there are.
        let mut there: BTreeSet<Cow<'static, str>> = members.iter().map(|(name, _)| name.clone()).collect();
        for schema in schemas {
            let Node::Object(inner) = schema else { continue };
            members.extend(inner.into_iter().filter(|(name, _)| there.insert(name.clone())));
        }
    }
    let beside = |name: &str| !matches!(name, "$ref" | "$defs" | "definitions");
    if let Some(at) = members.iter().position(|(name, _)| name == "$ref")
        && members.iter().any(|(name, _)| beside(name))
    {
        let reference = Node::Object(vec![members.remove(at)]);
        members.insert(0, ("anyOf".into(), Node::Array(vec![reference])));
    }
}

/// Lets a value be null as well.
fn nullable(schema: &mut Node<'static>) {
    let null = || Node::Text("null".into());
    let Node::Object(members) = schema else { return };
    plain(members);
    let has = |name: &str| members.iter().any(|(member, _)| member == name);
    if has("const") || has("$ref") || !(has("type") || has("anyOf") || has("enum") || has("properties") || has("items"))
    {
        if members.is_empty() {
            return;
        }
        let own = std::mem::replace(schema, Node::Null);
        let nothing = Node::Object(vec![("type".into(), null())]);
        *schema = Node::Object(vec![("anyOf".into(), Node::Array(vec![own, nothing]))]);
        return;
    }
    let kind = if has("properties") { "object" } else { "array" };
    if !has("type") && !has("anyOf") && !has("enum") {
        members.insert(0, ("type".into(), Node::Text(kind.into())));
    }
    for (name, value) in members.iter_mut() {
        match (name.as_ref(), value) {
            ("type", kinds @ Node::Text(_)) if *kinds != null() => *kinds = Node::Array(vec![kinds.clone(), null()]),
            ("type", Node::Array(kinds)) if !kinds.contains(&null()) => kinds.push(null()),
            ("enum", Node::Array(values)) if !values.contains(&Node::Null) => values.push(Node::Null),
            ("anyOf", Node::Array(options)) => {
                let nothing = Node::Object(vec![("type".into(), null())]);
                if !options.contains(&nothing) {
                    options.push(nothing);
                }
            }
            _ => {}
        }
    }
}

fn put(members: &mut Entries, name: &'static str, value: Node<'static>) {
    match members.iter_mut().find(|(member, _)| member == name) {
        Some((_, old)) => *old = value,
        None => members.push((name.into(), value)),
    }
}

fn is_a(members: &Entries, kind: &str) -> bool {
    members.iter().any(|(name, value)| match value {
        Node::Text(own) => name == "type" && own == kind,
        Node::Array(kinds) => name == "type" && kinds.iter().any(|own| own.as_str() == Some(kind)),
        _ => false,
    })
}

fn kind(value: &Node<'_>) -> Option<&'static str> {
    Some(match value {
        Node::Null => "null",
        Node::Bool(_) => "boolean",
        Node::Unsigned(_) | Node::Signed(_) => "integer",
        Node::Float(_) => "number",
        Node::Text(_) => "string",
        Node::Array(_) | Node::Object(_) => return None,
    })
}

fn join(place: &str, name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    if place.is_empty() { name } else { format!("{place}.{name}") }
}

/// An object that is to be strict and whose schema, the member of this `name`, is not, with that made strict; and the schema
/// as it was. Nothing where nothing is to be changed.
///
/// # Errors
/// It cannot be made strict, or is not JSON. `place` says where it stands.
pub fn made(object: &Arguments, name: &str, place: &str) -> Result<Option<(Arguments, Value)>, Error> {
    if object.member::<bool>("strict")? != Some(true) {
        return Ok(None);
    }
    let Some(schema) = object.member::<Raw<Json>>(name)? else { return Ok(None) };
    let given = Node::parse(schema.text()).map_err(|error| Error::argument(place, error))?;
    let sent = strict(&given).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("`{place}`: {fault}")).collect();
        Error::new(Kind::Arguments, format!("{}\nhint: or give `strict` false", lines.join("\n")))
    })?;
    Ok(if sent == given { None } else { Some((object.clone().set(name, sent), schema.read(place)?)) })
}

/// [`without_added_nulls`] for JSON that is text, as arguments of calls are; what is not JSON stays as it is.
pub fn text_without_added_nulls(schema: &Value, text: &str) -> String {
    let Ok(answer) = Node::parse(text) else { return text.to_owned() };
    let mut pruned = answer.clone();
    without_added_nulls(schema, &mut pruned);
    if pruned == answer { text.to_owned() } else { pruned.to_json() }
}

/// Takes the nulls out of an answer that stand for properties which need not be there, by the schema as it was given.
pub fn without_added_nulls(schema: &Value, answer: &mut Node<'_>) {
    Pruner { root: schema, steps: Cell::new(STEPS) }.prune(schema, answer, 0);
}

struct Pruner<'s> {
    root: &'s Value,
    /// What is left of them: see [`json_schema`].
    steps: Cell<usize>,
}

impl Pruner<'_> {
    fn prune(&self, schema: &Value, value: &mut Node<'_>, hops: usize) {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        if hops > HOPS || left == 0 {
            return;
        }
        let list = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        for part in target.and_then(|target| self.root.pointer(target)).into_iter().chain(list("allOf")) {
            self.prune(part, value, hops + 1);
        }
        // Of alternatives the first one was meant whose value it is, once what need not be there is gone.
        let fitting = list("anyOf").chain(list("oneOf")).find_map(|option| {
            let mut tried = value.clone();
            self.prune(option, &mut tried, hops + 1);
            let text = tried.to_json();
            self.steps.set(self.steps.get().saturating_sub(text.len() / STEP));
            let whole: Value = serde_json::from_slice(text.as_bytes()).ok()?;
            json_schema::fits(self.root, option, &whole, &self.steps).then_some(tried)
        });
        if let Some(fitting) = fitting {
            *value = fitting;
        }
        match value {
            Node::Object(members) => {
                let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
                let required: BTreeSet<&str> = list("required").filter_map(Value::as_str).collect();
                // What says nothing of its type got one.
                let says = |own: &Value| TYPES.iter().any(|keyword| own.get(keyword).is_some());
                let may_be_null = |own| says(own) && json_schema::fits(self.root, own, &Value::Null, &self.steps);
                members.retain(|(name, value)| {
                    *value != Node::Null
                        || required.contains(name.as_ref())
                        || properties.get(name.as_ref()).is_none_or(may_be_null)
                });
                for (name, value) in members {
                    if let Some(own) = properties.get(name.as_ref()) {
                        self.prune(own, value, hops + 1);
                    }
                }
            }
            Node::Array(items) => {
                if let Some(own @ Value::Object(_)) = schema.get("items") {
                    items.iter_mut().for_each(|item| self.prune(own, item, hops + 1));
                }
            }
            _ => {}
        }
    }
}
