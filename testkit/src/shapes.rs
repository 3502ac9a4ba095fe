//! Values made from shapes: what a shape describes must pass its check, what it excludes must not.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::plan;
use openai_mcp_kernel::schema::{Field, Place, Shape};
use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::spec::Spec;
use serde_json::{Map, Value, json};

/// How deep recursive shapes are filled in.
const DEPTH: usize = 4;

/// For every tool: a call with every argument given passes; with a required one missing, an unknown one added, or any
/// one of another kind, it fails and names that argument.
///
/// # Panics
/// A call passes that should not, or the other way round.
pub fn check(server: &'static Definition) {
    for spec in server.specs() {
        let whole = object(spec.fields, DEPTH);
        let passes = |value: &Map<String, Value>| verdict(spec, value);
        // Alternatives that exclude each other are for the tool's own code to tell, after the check of shapes.
        assert_eq!(passes(&whole), Ok(()), "{}: {whole:?}", spec.name);

        let mut unknown = whole.clone();
        unknown.insert("no_such_argument".into(), json!(1));
        refused(spec, "no_such_argument", passes(&unknown));
        for field in spec.fields {
            let mut without = whole.clone();
            without.remove(field.name);
            match (field.required, passes(&without)) {
                (true, verdict) => refused(spec, field.name, verdict),
                (false, verdict) => assert_eq!(verdict, Ok(()), "{}: without {}", spec.name, field.name),
            }
            if let Some(wrong) = wrong((field.shape)()) {
                let mut broken = whole.clone();
                broken.insert(field.name.into(), wrong);
                refused(spec, field.name, passes(&broken));
            }
        }
    }
}

fn verdict(spec: &'static Spec, arguments: &Map<String, Value>) -> Result<(), String> {
    let arguments = Arguments::from(Value::Object(arguments.clone()));
    plan::check(spec, &arguments, false).map_err(|error| error.to_string())?;
    match &spec.endpoint {
        Some(endpoint) => plan::plan(spec, endpoint, &arguments, false).map(drop).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

fn refused(spec: &Spec, field: &str, verdict: Result<(), String>) {
    match verdict {
        Err(message) if message.contains(&format!("`{field}")) => {}
        other => panic!("{}: expected a fault of `{field}`, got {other:?}", spec.name),
    }
}

fn object(fields: &'static [Field], depth: usize) -> Map<String, Value> {
    fields
        .iter()
        .filter(|field| field.required || depth > 0)
        .map(|field| {
            let value =
                if matches!(field.place, Place::Path) { json!("id 1?ü") } else { valid((field.shape)(), depth) };
            (field.name.to_owned(), value)
        })
        .collect()
}

/// A value of the shape, with every optional field down to `depth`.
fn valid(shape: &'static Shape, depth: usize) -> Value {
    let deeper = depth.saturating_sub(1);
    match shape {
        Shape::Any => json!({"any": [1, null]}),
        Shape::Bool => json!(true),
        Shape::Int { min, max } => json!((*min).max(0).min(*max)),
        Shape::Number { min, max } => json!(min.max(0.5).min(*max)),
        Shape::Text { min, .. } => json!("ü".repeat((*min).max(1))),
        Shape::Enum(values) => json!(values.last()),
        Shape::Array { items, min, .. } => {
            let count = if depth == 0 { *min } else { (*min).max(1) };
            (0..count).map(|_| valid(items(), deeper)).collect()
        }
        Shape::Object(shape) => Value::Object(object(shape.fields, deeper)),
        Shape::Map { value, .. } => json!({"key": valid(value(), deeper)}),
        Shape::Union(shapes) => shapes.first().map_or(Value::Null, |shape| valid(shape(), deeper)),
        Shape::Tagged { tag, variants, .. } => {
            let variant = if depth == 0 { variants.first() } else { variants.last() };
            let Some(variant) = variant else { return Value::Null };
            let mut value = object(variant.fields, deeper);
            value.insert((*tag).into(), json!(variant.tag));
            Value::Object(value)
        }
        Shape::Nullable(_) if depth % 2 == 1 => Value::Null,
        Shape::Nullable(inner) => valid(inner(), deeper),
        Shape::File => json!({"text": "content", "filename": "a.txt"}),
    }
}

/// A value of a kind that the shape does not take; `None` if it takes all kinds.
fn wrong(shape: &'static Shape) -> Option<Value> {
    match shape {
        Shape::Any => None,
        // One value is a list of one.
        Shape::Array { items, .. } if matches!(items(), Shape::Any) => None,
        Shape::Bool | Shape::Int { .. } | Shape::Number { .. } => Some(json!("text")),
        Shape::Text { .. } | Shape::Enum(_) | Shape::Array { .. } => Some(json!({"an": "object"})),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } | Shape::File => Some(json!("text")),
        Shape::Nullable(inner) => wrong(inner()),
        Shape::Union(shapes) => {
            let all = [json!("text"), json!(1.5), json!(true), json!({"an": "object"}), json!([{}]), Value::Null];
            let takes = |value: &Value| shapes.iter().any(|shape| takes_kind(shape(), value));
            all.into_iter().find(|value| !takes(value))
        }
    }
}

fn takes_kind(shape: &'static Shape, value: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Bool => value.is_boolean(),
        Shape::Int { .. } | Shape::Number { .. } => value.is_number(),
        Shape::Text { .. } | Shape::Enum(_) => value.is_string(),
        Shape::Array { .. } => value.is_array(),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } | Shape::File => value.is_object(),
        Shape::Union(shapes) => shapes.iter().any(|shape| takes_kind(shape(), value)),
        Shape::Nullable(inner) => value.is_null() || takes_kind(inner(), value),
    }
}
