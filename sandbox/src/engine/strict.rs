//! What the API would not take of a schema.

use serde_json::{Map, Value};

/// Keywords outside of the part of JSON Schema that strict mode has.
const REFUSED: &[&str] = &[
    "allOf",
    "contains",
    "default",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "maxProperties",
    "minContains",
    "minProperties",
    "not",
    "oneOf",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];
/// The most properties of a schema in all, how deep they may lie, and the most values of an enum.
const MOST_PROPERTIES: usize = 5_000;
const DEEPEST: usize = 10;
const MOST_VALUES: usize = 1_000;
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Finds what keeps a schema from being the arguments of a function, strict or not.
///
/// # Errors
///
/// The fault, in OpenAI's words.
pub(crate) fn check_function(schema: &Value, strict: bool) -> Result<(), String> {
    is_object(schema)?;
    if schema.get("properties").is_none() {
        return fault(&[], "object schema missing properties.");
    }
    if strict { check(schema) } else { Ok(()) }
}

/// Finds what strict mode would not take of a schema.
///
/// # Errors
///
/// The fault, in OpenAI's words.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    is_object(schema)?;
    let mut properties = 0;
    check_level(schema, 0, &mut Vec::new(), &mut properties)?;
    if properties > MOST_PROPERTIES {
        return fault(&[], &format!("schema has {properties} properties, of which {MOST_PROPERTIES} are allowed."));
    }
    Ok(())
}

fn is_object(schema: &Value) -> Result<(), String> {
    match schema.get("type") {
        Some(kind) if kind == "object" => Ok(()),
        kind => {
            let kind = kind.map_or_else(|| "None".to_owned(), |kind| kind.as_str().unwrap_or("None").to_owned());
            Err(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."))
        }
    }
}

fn fault(context: &[String], what: &str) -> Result<(), String> {
    Err(format!("In context=({}), {what}", context.join(", ")))
}

fn check_level(schema: &Value, level: usize, context: &mut Vec<String>, properties: &mut usize) -> Result<(), String> {
    let Some(keys) = schema.as_object() else { return fault(context, "schema must be an object.") };
    if let Some(key) = REFUSED.iter().find(|key| keys.contains_key(**key)) {
        return fault(context, &format!("'{key}' is not permitted."));
    }
    if let Some(format) = keys.get("format").and_then(Value::as_str).filter(|format| !FORMATS.contains(format)) {
        return fault(context, &format!("'{format}' is not a valid format."));
    }
    if keys.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() > MOST_VALUES) {
        return fault(context, &format!("enum has more than {MOST_VALUES} values."));
    }
    *properties += keys.get("properties").and_then(Value::as_object).map_or(0, Map::len);
    if level > DEEPEST {
        return fault(context, &format!("schema is nested deeper than {DEEPEST} levels."));
    }
    if keys.contains_key("$ref") {
        return match keys.keys().find(|key| *key != "$ref" && *key != "$defs" && *key != "definitions") {
            Some(key) => fault(context, &format!("$ref cannot have keywords {{'{key}'}}.")),
            None => Ok(()),
        };
    }
    if !keys.contains_key("type") && !keys.contains_key("anyOf") {
        return fault(context, "schema must have a 'type' key.");
    }
    let is = |kind: &str| match keys.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        own => own.is_some_and(|own| own == kind),
    };
    if is("array") && !keys.contains_key("items") {
        return fault(context, "array schema missing items.");
    }
    if is("object") || keys.contains_key("properties") {
        check_object(keys, context)?;
    }
    for (key, value) in keys {
        let inner: Vec<(String, &Value)> = match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(of)) => {
                of.iter().map(|(name, schema)| (name.clone(), schema)).collect()
            }
            ("anyOf" | "prefixItems", Value::Array(of)) => {
                of.iter().enumerate().map(|(at, schema)| (at.to_string(), schema)).collect()
            }
            ("items", Value::Object(_)) => vec![(String::new(), value)],
            _ => continue,
        };
        for (name, schema) in inner {
            let depth = context.len();
            context.push(format!("'{key}'"));
            if !name.is_empty() {
                context.push(format!("'{name}'"));
            }
            check_level(schema, level + usize::from(key == "properties"), context, properties)?;
            context.truncate(depth);
        }
    }
    Ok(())
}

/// An object is closed, and all of its properties are required.
fn check_object(schema: &Map<String, Value>, context: &[String]) -> Result<(), String> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return fault(context, "'additionalProperties' is required to be supplied and to be false.");
    }
    let required = || schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let properties = || schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let all = "'required' is required to be supplied and to be an array including every key in properties.";
    if let Some(name) = properties().find(|name| !required().any(|one| one == *name)) {
        return fault(context, &format!("{all} Missing '{name}'."));
    }
    match required().find(|one| !properties().any(|name| name == one)) {
        Some(name) => fault(context, &format!("{all} Extra required key '{name}' supplied.")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use serde_json::json;

    use super::*;

    #[test]
    fn strict_schemas_are_closed_and_whole() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "array", "items": {
            "type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"], "additionalProperties": false,
        }}}, "required": ["a"], "additionalProperties": false});
        assert_eq!(check(&closed), Ok(()));
        let mut open = closed.clone();
        open["properties"]["a"]["items"]["additionalProperties"] = json!(true);
        let place = "In context=('properties', 'a', 'items'), 'additionalProperties'";
        assert!(check(&open).unwrap_err().starts_with(place));
        let mut part = closed.clone();
        part["required"] = json!([]);
        assert!(check(&part).unwrap_err().contains("Missing 'a'"));
        let mut more = closed;
        more["required"] = json!(["a", "z"]);
        assert!(check(&more).unwrap_err().contains("Extra required key 'z'"));
    }

    #[test]
    fn strict_schemas_have_no_other_keywords() {
        let with = |schema: Value| json!({"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": false});
        for (schema, fault) in [
            (json!({"oneOf": [{"type": "string"}]}), "'oneOf' is not permitted."),
            (json!({"type": "string", "default": "x"}), "'default' is not permitted."),
            (json!({"type": "string", "format": "uri"}), "'uri' is not a valid format."),
            (json!({"const": "x"}), "schema must have a 'type' key."),
            (json!({"type": "array"}), "array schema missing items."),
            (json!({"type": "object"}), "'additionalProperties' is required to be supplied and to be false."),
            (json!({"$ref": "#", "description": "x"}), "$ref cannot have keywords {'description'}."),
        ] {
            assert_eq!(check(&with(schema)).unwrap_err(), format!("In context=('properties', 'a'), {fault}"));
        }
        let deep = (0..11).fold(json!({"type": "string"}), |schema, _| with(schema));
        assert!(check(&deep).unwrap_err().ends_with("schema is nested deeper than 10 levels."));
        let values: Vec<usize> = (0..1001).collect();
        assert!(
            check(&with(json!({"type": "integer", "enum": values}))).unwrap_err().contains("more than 1000 values")
        );
        for schema in [
            json!({"type": ["string", "null"], "pattern": "^a", "enum": ["a"]}),
            json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
            json!({"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}),
        ] {
            assert_eq!(check(&with(schema)), Ok(()));
        }
    }

    #[test]
    fn arguments_are_an_object() {
        let fault = check_function(&json!({"type": "object"}), false).unwrap_err();
        assert_eq!(fault, "In context=(), object schema missing properties.");
        let fault = check_function(&json!({"properties": {}}), false).unwrap_err();
        assert_eq!(fault, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.");
        assert_eq!(check_function(&json!({"type": "object", "properties": {"a": {}}}), false), Ok(()));
    }
}
