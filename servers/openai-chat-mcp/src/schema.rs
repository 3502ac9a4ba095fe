//! JSON Schema, as far as models are asked to keep to it: a check of values, and of schemas for strict mode.
//!
//! The libraries that check everything weigh hundreds of kilobytes in a Worker. This knows the keywords that schemas of
//! functions and answers use; of the others, which it lets pass, the usual ones are `pattern`, `format`, `contains`,
//! `patternProperties` and references to other documents.

use std::cell::Cell;

use serde_json::{Map, Value};

/// Most faults that are told.
const MOST: usize = 10;
/// Most steps of a check. A few lines of schema can ask for more than a machine can do: two references to itself, each
/// followed by two more.
const STEPS: usize = 500_000;
/// Most bytes of a value that a fault shows.
const SHOWN: usize = 200;
/// A schema that refers to itself for longer than any value is deep is not followed further.
const DEEPEST: usize = 128;

/// What is wrong with a value, each fault with its place. Empty if it fits.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let steps = Cell::new(STEPS);
    let mut checker = Checker { root: schema, steps: &steps, faults: Vec::new() };
    checker.check(schema, value, "", 0);
    let mut faults = checker.faults;
    faults.truncate(MOST);
    if steps.get() == 0 {
        faults.push("not checked to the end: the schema asks for too many steps".to_owned());
    }
    faults
}

struct Checker<'s> {
    root: &'s Value,
    /// What is left of them.
    steps: &'s Cell<usize>,
    faults: Vec<String>,
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

    fn fault(&mut self, path: &str, problem: &str) {
        if self.faults.len() >= MOST {
            return;
        }
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        self.faults.push(format!("{place}{problem}"));
    }

    fn fits(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        let mut inner = self.inner();
        inner.check(schema, value, "", depth);
        inner.faults.is_empty()
    }

    fn check(&mut self, schema: &Value, value: &Value, path: &str, depth: usize) {
        let schema = match schema {
            Value::Bool(false) => return self.fault(path, "nothing is allowed here"),
            Value::Object(schema) if depth < DEEPEST && self.faults.len() < MOST && self.step(1) => schema,
            _ => return,
        };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            if let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
                self.check(target, value, path, depth + 1);
            }
        }
        if let Some(kinds) = schema.get("type")
            && !is_a(kinds, value)
        {
            return self.fault(path, &format!("expected {}, got {}", kind_names(kinds), kind(value)));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array)
            && self.step(values.len())
            && !values.iter().any(|one| equal(one, value))
        {
            self.fault(path, &format!("expected one of {}, got {}", shown(values), shown(value)));
        }
        if let Some(constant) = schema.get("const")
            && !equal(constant, value)
        {
            self.fault(path, &format!("expected {}, got {}", shown(constant), shown(value)));
        }
        match value {
            Value::Object(members) => self.object(schema, members, path, depth),
            Value::Array(items) => self.array(schema, items, path, depth),
            Value::String(text) if self.step(text.len() / 64) => {
                let length = text.chars().count();
                self.size(schema, ["minLength", "maxLength"], length, "characters", path);
            }
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            _ => {}
        }
        self.combined(schema, value, path, depth);
    }

    fn size(&mut self, schema: &Map<String, Value>, [least, most]: [&str; 2], got: usize, of: &str, path: &str) {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        if let Some(least) = bound(least).filter(|least| (got as f64) < *least) {
            self.fault(path, &format!("expected at least {least} {of}, got {got}"));
        }
        if let Some(most) = bound(most).filter(|most| got as f64 > *most) {
            self.fault(path, &format!("expected at most {most} {of}, got {got}"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, value: f64, path: &str) {
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

    fn object(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>, path: &str, depth: usize) {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut needed: Vec<&str> = strings(schema.get("required")).collect();
        for (name, others) in schema.get("dependentRequired").and_then(Value::as_object).unwrap_or(&empty) {
            if members.contains_key(name) {
                needed.extend(strings(Some(others)));
            }
        }
        self.step(needed.len() + members.len());
        for name in needed {
            if !members.contains_key(name) {
                self.fault(&join(path, name), "required");
            }
        }
        self.size(schema, ["minProperties", "maxProperties"], members.len(), "properties", path);
        for (name, value) in members {
            let path = join(path, name);
            if let Some(names) = schema.get("propertyNames")
                && !self.fits(names, &Value::from(name.as_str()), depth + 1)
            {
                self.fault(&path, "a name that is not allowed");
            }
            match (properties.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => self.check(schema, value, &path, depth + 1),
                // Names that match a pattern are not additional, and patterns are not known here.
                _ if schema.contains_key("patternProperties") => {}
                (None, Some(Value::Bool(false))) => self.fault(&path, "unknown property"),
                (None, Some(schema)) => self.check(schema, value, &path, depth + 1),
                (None, None) => {}
            }
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &[Value], path: &str, depth: usize) {
        self.size(schema, ["minItems", "maxItems"], items.len(), "items", path);
        // Before 2020-12 the schemas of the first items were called `items`, and that of the others `additionalItems`.
        let (first, others) = match schema.get("items") {
            Some(Value::Array(first)) => (Some(first), schema.get("additionalItems")),
            others => (schema.get("prefixItems").and_then(Value::as_array), others),
        };
        for (index, value) in items.iter().enumerate() {
            if let Some(schema) = first.and_then(|first| first.get(index)).or(others) {
                self.check(schema, value, &format!("{path}[{index}]"), depth + 1);
            }
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let double = (1..items.len()).take_while(|at| self.step(*at)).find(|at| {
                let (before, after) = items.split_at(*at);
                after.first().is_some_and(|item| before.iter().any(|other| equal(item, other)))
            });
            if let Some(index) = double {
                self.fault(&format!("{path}[{index}]"), "an item for the second time");
            }
        }
    }

    fn combined(&mut self, schema: &Map<String, Value>, value: &Value, path: &str, depth: usize) {
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
    fn any(&mut self, options: &[Value], value: &Value, path: &str, depth: usize) {
        let mut closest: Option<Vec<String>> = None;
        for option in options {
            let mut inner = self.inner();
            inner.check(option, value, path, depth + 1);
            if inner.faults.is_empty() {
                return;
            }
            // An alternative of the right kind, with faults inside, was meant rather than one of another kind.
            let inside = |faults: &Vec<String>| faults.iter().all(|fault| deeper(fault, path));
            let closer = closest
                .as_ref()
                .is_none_or(|best| (!inside(&inner.faults), inner.faults.len()) < (!inside(best), best.len()));
            if closer {
                closest = Some(inner.faults);
            }
        }
        match closest {
            Some(faults) if options.len() == 1 || faults.iter().all(|fault| deeper(fault, path)) => {
                self.faults.extend(faults);
            }
            _ => self.fault(path, &format!("fits none of the {} alternatives, got {}", options.len(), kind(value))),
        }
    }
}

/// Whether a fault is of something within the value at `path`.
fn deeper(fault: &str, path: &str) -> bool {
    let place = fault.strip_prefix('`').and_then(|fault| fault.split_once('`')).map_or("", |(place, _)| place);
    place.len() > path.len()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
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

/// Equal as JSON Schema has it: `1` and `1.0` are the same.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => one == other,
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
        kinds => strings(Some(kinds)).map(article).collect::<Vec<_>>().join(" or "),
    }
}

/// What strict mode does not take of a schema: the root must be an object, every object closed, every property required.
/// <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
pub fn not_strict(schema: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if schema.get("type").is_none_or(|kind| kind != "object") || schema.get("anyOf").is_some() {
        faults.push("the root must have `type` \"object\" and no `anyOf`".to_owned());
    }
    level(schema, "", &mut faults);
    faults.truncate(MOST);
    faults
}

fn level(schema: &Value, path: &str, faults: &mut Vec<String>) {
    let Some(members) = schema.as_object() else { return };
    let place = if path.is_empty() { "the root" } else { path };
    if let Some(properties) = members.get("properties").and_then(Value::as_object) {
        if members.get("additionalProperties") != Some(&Value::Bool(false)) {
            faults.push(format!("{place}: `additionalProperties` must be false"));
        }
        let required: Vec<&str> = strings(members.get("required")).collect();
        let left: Vec<String> = properties
            .keys()
            .filter(|name| !required.contains(&name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        if !left.is_empty() {
            faults.push(format!("{place}: `required` must also have {}", left.join(", ")));
        }
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(inner)) => {
                for (name, schema) in inner {
                    level(schema, &join(&join(path, keyword), name), faults);
                }
            }
            ("anyOf" | "prefixItems", Value::Array(inner)) => {
                for (index, schema) in inner.iter().enumerate() {
                    level(schema, &format!("{}[{index}]", join(path, keyword)), faults);
                }
            }
            ("items", _) => level(value, &join(path, keyword), faults),
            _ => {}
        }
    }
}
