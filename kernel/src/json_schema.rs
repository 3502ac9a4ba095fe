//! JSON Schema, as far as models are asked to keep to it: a check of values.
//!
//! The libraries that check everything weigh hundreds of kilobytes in a Worker. This knows the keywords that schemas of
//! functions and answers use; of the others, which it lets pass, the usual ones are `pattern`, `format`, `contains`,
//! `patternProperties` and references to other documents.

use std::cell::Cell;
use std::fmt;

use serde_json::{Map, Value};

/// Most faults that are told.
const MOST: usize = 10;
/// Most steps of a check. A few lines of schema can ask for more than a machine can do: two references to itself, each
/// followed by two more.
pub(crate) const STEPS: usize = 500_000;
/// Bytes that are looked at in a step.
pub(crate) const STEP: usize = 64;
/// Most bytes of a value, or of a name in a place, that a fault shows.
const SHOWN: usize = 200;
/// Most words of a list that a fault shows.
const WORDS: usize = 10;
/// A schema that refers to itself for longer than any value is deep is not followed further.
const DEEPEST: usize = 128;

/// What is wrong with a value, each fault with its place. Empty if it fits.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let steps = Cell::new(STEPS);
    let mut checker = Checker { root: schema, steps: &steps, faults: Vec::new() };
    checker.check(schema, value, Place::Root, 0);
    let mut faults: Vec<String> = checker.faults.into_iter().take(MOST).map(|fault| fault.text).collect();
    if steps.get() == 0 {
        faults.push("not checked to the end: the schema asks for too many steps".to_owned());
    }
    faults
}

/// Whether a value fits a schema that is part of another one, its root, where references are looked up. Where there are no
/// steps left, nothing does.
pub(crate) fn fits(root: &Value, schema: &Value, value: &Value, steps: &Cell<usize>) -> bool {
    Checker { root, steps, faults: Vec::new() }.fits(schema, value, 0) && steps.get() > 0
}

/// Where in a value or a schema something is. It becomes text in a fault alone: of long names and many members that
/// would be the most work of all.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn depth(&self) -> usize {
        match self {
            Place::Root => 0,
            Place::Member(outer, _) | Place::Item(outer, _) => outer.depth() + 1,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Member(outer, name) => {
                let dot = if matches!(outer, Place::Root) { "" } else { "." };
                let end = name.floor_char_boundary(SHOWN);
                let rest = if end < name.len() { "…" } else { "" };
                write!(f, "{outer}{dot}{}{rest}", name.get(..end).unwrap_or_default())
            }
            Place::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

struct Fault {
    /// How deep within the value it is.
    depth: usize,
    text: String,
}

struct Checker<'s> {
    root: &'s Value,
    /// What is left of them.
    steps: &'s Cell<usize>,
    faults: Vec<Fault>,
}

impl<'s> Checker<'s> {
    fn inner(&self) -> Checker<'s> {
        Checker { root: self.root, steps: self.steps, faults: Vec::new() }
    }

    /// Takes steps, and says whether there were any left.
    fn step(&self, steps: usize) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(steps));
        left > 0
    }

    fn fault(&mut self, place: Place<'_>, problem: &str) {
        // What comes out once there are no steps left may be no fault.
        if self.faults.len() >= MOST || self.steps.get() == 0 {
            return;
        }
        let text = match place {
            Place::Root => problem.to_owned(),
            place => format!("`{place}`: {problem}"),
        };
        self.step(text.len() / STEP);
        self.faults.push(Fault { depth: place.depth(), text });
    }

    /// Equal as JSON Schema has it: `1` and `1.0` are the same. Where there are no steps left, all is.
    fn equal(&self, one: &Value, other: &Value) -> bool {
        if !self.step(1) {
            return true;
        }
        match (one, other) {
            (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
            (Value::String(a), Value::String(b)) => a.len() == b.len() && self.step(a.len() / STEP) && a == b,
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.equal(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| self.equal(a, b)))
            }
            _ => one == other,
        }
    }

    fn fits(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        let mut inner = self.inner();
        inner.check(schema, value, Place::Root, depth);
        inner.faults.is_empty()
    }

    fn check(&mut self, schema: &Value, value: &Value, path: Place<'_>, depth: usize) {
        let schema = match schema {
            Value::Bool(false) => return self.fault(path, "nothing is allowed here"),
            Value::Object(schema) if depth < DEEPEST && self.faults.len() < MOST && self.step(1) => schema,
            _ => return,
        };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            if self.step(target.len() / STEP)
                && let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
            {
                self.check(target, value, path, depth + 1);
            }
        }
        if let Some(kinds) = schema.get("type")
            && self.step(kinds.as_array().map_or(0, Vec::len))
            && !is_a(kinds, value)
        {
            return self.fault(path, &format!("expected {}, got {}", kind_names(kinds), kind(value)));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array)
            && !values.iter().any(|one| self.equal(one, value))
        {
            self.fault(path, &format!("expected one of {}, got {}", shown(values), shown(value)));
        }
        if let Some(constant) = schema.get("const")
            && !self.equal(constant, value)
        {
            self.fault(path, &format!("expected {}, got {}", shown(constant), shown(value)));
        }
        match value {
            Value::Object(members) => self.object(schema, members, path, depth),
            Value::Array(items) => self.array(schema, items, path, depth),
            Value::String(text) if self.step(text.len() / STEP) => {
                let length = text.chars().count();
                self.size(schema, ["minLength", "maxLength"], length, "characters", path);
            }
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            _ => {}
        }
        self.combined(schema, value, path, depth);
    }

    fn size(&mut self, schema: &Map<String, Value>, [least, most]: [&str; 2], got: usize, of: &str, path: Place<'_>) {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        if let Some(least) = bound(least).filter(|least| (got as f64) < *least) {
            self.fault(path, &format!("expected at least {least} {of}, got {got}"));
        }
        if let Some(most) = bound(most).filter(|most| got as f64 > *most) {
            self.fault(path, &format!("expected at most {most} {of}, got {got}"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, value: f64, path: Place<'_>) {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        let broken = [
            ("at least", bound("minimum").filter(|bound| value < *bound)),
            ("at most", bound("maximum").filter(|bound| value > *bound)),
            ("more than", bound("exclusiveMinimum").filter(|bound| value <= *bound)),
            ("less than", bound("exclusiveMaximum").filter(|bound| value >= *bound)),
        ];
        for (words, bound) in broken {
            if let Some(bound) = bound {
                self.fault(path, &format!("expected {words} {bound}, got {value}"));
            }
        }
        if let Some(step) = schema.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0) {
            let steps = value / step;
            if (steps - steps.round()).abs() > 1e-9 * steps.abs().max(1.0) {
                self.fault(path, &format!("expected a multiple of {step}, got {value}"));
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>, path: Place<'_>, depth: usize) {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut needed: Vec<&str> = strings(schema.get("required")).collect();
        let dependent = schema.get("dependentRequired").and_then(Value::as_object).unwrap_or(&empty);
        for (name, others) in dependent {
            if members.contains_key(name) {
                needed.extend(strings(Some(others)));
            }
        }
        self.step(dependent.len() + needed.len() + members.len());
        for name in needed {
            if !members.contains_key(name) {
                self.fault(Place::Member(&path, name), "required");
            }
        }
        self.size(schema, ["minProperties", "maxProperties"], members.len(), "properties", path);
        for (name, value) in members {
            let path = Place::Member(&path, name);
            if let Some(names) = schema.get("propertyNames")
                && self.step(name.len() / STEP)
                && !self.fits(names, &Value::from(name.as_str()), depth + 1)
            {
                self.fault(path, "a name that is not allowed");
            }
            match (properties.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => self.check(schema, value, path, depth + 1),
                // Names that match a pattern are not additional, and patterns are not known here.
                _ if schema.contains_key("patternProperties") => {}
                (None, Some(Value::Bool(false))) => self.fault(path, "unknown property"),
                (None, Some(schema)) => self.check(schema, value, path, depth + 1),
                (None, None) => {}
            }
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &[Value], path: Place<'_>, depth: usize) {
        self.size(schema, ["minItems", "maxItems"], items.len(), "items", path);
        // Before 2020-12 the schemas of the first items were called `items`, and that of the others `additionalItems`.
        let (first, others) = match schema.get("items") {
            Some(Value::Array(first)) => (Some(first), schema.get("additionalItems")),
            others => (schema.get("prefixItems").and_then(Value::as_array), others),
        };
        for (index, value) in items.iter().enumerate() {
            if let Some(schema) = first.and_then(|first| first.get(index)).or(others) {
                self.check(schema, value, Place::Item(&path, index), depth + 1);
            }
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let double = (1..items.len()).take_while(|at| self.step(*at)).find(|at| {
                let (before, after) = items.split_at(*at);
                after.first().is_some_and(|item| before.iter().any(|other| self.equal(item, other)))
            });
            if let Some(index) = double {
                self.fault(Place::Item(&path, index), "an item for the second time");
            }
        }
    }

    fn combined(&mut self, schema: &Map<String, Value>, value: &Value, path: Place<'_>, depth: usize) {
        let list = |name| schema.get(name).and_then(Value::as_array);
        for part in list("allOf").into_iter().flatten() {
            self.check(part, value, path, depth + 1);
        }
        if let Some(options) = list("anyOf") {
            self.any(options, value, path, depth);
        }
        if let Some(options) = list("oneOf") {
            match options.iter().filter(|option| self.fits(option, value, depth + 1)).count() {
                0 => self.any(options, value, path, depth),
                1 => {}
                many => self.fault(path, &format!("fits {many} of the alternatives, expected one")),
            }
        }
        if let Some(not) = schema.get("not")
            && self.fits(not, value, depth + 1)
        {
            self.fault(path, "a value that is not allowed");
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.fits(condition, value, depth + 1) { "then" } else { "else" };
            if let Some(branch) = schema.get(branch) {
                self.check(branch, value, path, depth + 1);
            }
        }
    }

    /// Tells of the alternative that comes closest, since that is the one that was meant.
    fn any(&mut self, options: &[Value], value: &Value, path: Place<'_>, depth: usize) {
        let within = path.depth();
        let mut closest: Option<Vec<Fault>> = None;
        for option in options {
            let mut inner = self.inner();
            inner.check(option, value, path, depth + 1);
            if inner.faults.is_empty() {
                return;
            }
            // An alternative of the right kind, with faults inside, was meant rather than one of another kind.
            let inside = |faults: &Vec<Fault>| faults.iter().all(|fault| fault.depth > within);
            let closer = closest
                .as_ref()
                .is_none_or(|best| (!inside(&inner.faults), inner.faults.len()) < (!inside(best), best.len()));
            if closer {
                closest = Some(inner.faults);
            }
        }
        match closest {
            Some(faults) if options.len() == 1 || faults.iter().all(|fault| fault.depth > within) => {
                self.faults.extend(faults);
            }
            _ => self.fault(path, &format!("fits none of the {} alternatives, got {}", options.len(), kind(value))),
        }
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn is_a(kinds: &Value, value: &Value) -> bool {
    let fits = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    };
    match kinds {
        Value::String(kind) => fits(kind),
        Value::Array(_) => strings(Some(kinds)).any(fits),
        _ => true,
    }
}

/// A value as JSON, or the beginning of it.
fn shown(value: &impl serde::Serialize) -> String {
    struct Start(Vec<u8>);
    impl std::io::Write for Start {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.extend_from_slice(bytes);
            if self.0.len() > SHOWN { Err(std::io::ErrorKind::WriteZero.into()) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut start = Start(Vec::new());
    match serde_json::to_writer(&mut start, value) {
        Ok(()) => String::from_utf8_lossy(&start.0).into_owned(),
        Err(_) => {
            start.0.truncate(SHOWN);
            format!("{}…", String::from_utf8_lossy(&start.0).trim_end_matches('\u{fffd}'))
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn kind_names(kinds: &Value) -> String {
    let article = |kind: &str| match kind {
        "null" => "null".to_owned(),
        "integer" | "array" | "object" => format!("an {kind}"),
        kind => format!("a {kind}"),
    };
    match kinds {
        Value::String(kind) => article(kind),
        kinds => strings(Some(kinds)).take(WORDS).map(article).collect::<Vec<_>>().join(" or "),
    }
}
