//! Values made from shapes: what a shape describes must pass its check, what it excludes must not.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::plan;
use openai_mcp_kernel::schema::{Field, Place, Shape, Variant};
use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::spec::Spec;
use serde_json::{Map, Value, json};

/// How deep recursive shapes are filled in.
const DEPTH: usize = 4;

/// For every tool: calls with every argument given pass, whatever branch of a union their values take; with a required
/// one missing, an unknown one added, or any one of another kind, they fail and name that argument.
///
/// # Panics
/// A call passes that should not, or the other way round.
pub fn check(server: &'static Definition) {
    for spec in server.specs() {
        let calls = calls(spec);
        for call in &calls {
            // Alternatives that exclude each other, and ids that stand for files, are for the tool's own code.
            assert_eq!(checked(spec, call), Ok(()), "{}: {call:?}", spec.name);
        }
        let Some(whole) = calls.first() else { continue };
        assert_eq!(verdict(spec, whole), Ok(()), "{}: {whole:?}", spec.name);
        let mut unknown = whole.clone();
        unknown.insert("no_such_argument".into(), json!(1));
        refused(spec, "no_such_argument", verdict(spec, &unknown));
        for field in spec.fields {
            let mut without = whole.clone();
            without.remove(field.name);
            match (field.required && field.only().is_none(), verdict(spec, &without)) {
                (true, verdict) => refused(spec, field.name, verdict),
                (false, verdict) => assert_eq!(verdict, Ok(()), "{}: without {}", spec.name, field.name),
            }
            if let Some(wrong) = wrong((field.shape)()) {
                let mut broken = whole.clone();
                broken.insert(field.name.into(), wrong);
                refused(spec, field.name, verdict(spec, &broken));
            }
        }
    }
}

/// Calls of a tool with every argument given, as many as it takes to have each branch of every union in one of them.
pub fn calls(spec: &Spec) -> Vec<Map<String, Value>> {
    objects(spec.fields, DEPTH)
}

fn checked(spec: &'static Spec, arguments: &Map<String, Value>) -> Result<(), String> {
    let arguments = Arguments::from(Value::Object(arguments.clone()));
    plan::check(spec, &arguments, false).map(drop).map_err(|error| error.to_string())
}

/// Whether it can be checked and planned.
fn verdict(spec: &'static Spec, arguments: &Map<String, Value>) -> Result<(), String> {
    checked(spec, arguments)?;
    let arguments = Arguments::from(Value::Object(arguments.clone()));
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

/// Objects with these fields, each value of a field in one of them at least.
fn objects(fields: &'static [Field], depth: usize) -> Vec<Map<String, Value>> {
    let filled: Vec<(&str, Vec<Value>)> = fields
        .iter()
        .filter(|field| field.required || depth > 0)
        .map(|field| {
            let values = if matches!(field.place, Place::Path) {
                vec![json!("id 1?ü")]
            } else {
                values((field.shape)(), depth)
            };
            (field.name, values)
        })
        .collect();
    // What a tool has an argument of its own for is not given among its options, too.
    let beside = |(name, value): (&str, Value)| match value {
        Value::Object(mut options) if fields.iter().any(|field| field.name == name && holds_options(field)) => {
            options.retain(|option, _| !fields.iter().any(|field| field.name == option));
            (name.to_owned(), Value::Object(options))
        }
        value => (name.to_owned(), value),
    };
    let count = filled.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
    let object = |at: usize| {
        let member =
            |(name, values): &(&'static str, Vec<Value>)| Some(beside((*name, values.get(at % values.len())?.clone())));
        filled.iter().filter_map(member).collect()
    };
    (0..count).map(object).collect()
}

fn holds_options(field: &Field) -> bool {
    matches!((field.shape)(), Shape::Brief { options: true, .. })
}

/// Values of the shape, one at least, with every optional field down to `depth`.
fn values(shape: &'static Shape, depth: usize) -> Vec<Value> {
    let deeper = depth.saturating_sub(1);
    match shape {
        Shape::Any => vec![json!({"any": [1, null]})],
        Shape::Bool => vec![json!(true)],
        Shape::Int { min, max } => vec![json!((*min).max(0).min(*max))],
        Shape::Number { min, max } => vec![json!(min.max(0.5).min(*max))],
        Shape::Text { min, .. } => vec![json!("ü".repeat((*min).max(1)))],
        Shape::Enum(words) => vec![json!(words.last())],
        Shape::Array { min: 0, .. } if depth == 0 => vec![json!([])],
        Shape::Array { items, min, .. } => {
            values(items(), deeper).into_iter().map(|item| json!(vec![item; (*min).max(1)])).collect()
        }
        Shape::Object(shape) => objects(shape.fields, deeper).into_iter().map(Value::Object).collect(),
        Shape::Map { value, .. } => values(value(), deeper).into_iter().map(|value| json!({"key": value})).collect(),
        // A type that holds itself ends in its first branch.
        Shape::Union(shapes) => {
            let shapes = if depth == 0 { shapes.get(..1) } else { None }.unwrap_or(shapes);
            shapes.iter().flat_map(|shape| values(shape(), deeper)).collect()
        }
        Shape::Tagged { tag, variants, .. } => {
            let variants = if depth == 0 { variants.get(..1) } else { None }.unwrap_or(variants);
            let tagged = |variant: &'static Variant| {
                objects(variant.fields, deeper).into_iter().map(|mut object| {
                    object.insert((*tag).into(), json!(variant.tag));
                    Value::Object(object)
                })
            };
            variants.iter().flat_map(tagged).collect()
        }
        Shape::Nullable(inner) => values(inner(), depth).into_iter().chain([Value::Null]).collect(),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => values(inner(), depth),
        Shape::File => vec![json!({"text": "content", "filename": "a.txt"})],
    }
}

/// A value of a kind that the shape does not take; `None` if it takes all kinds.
fn wrong(shape: &'static Shape) -> Option<Value> {
    match shape {
        Shape::Any => None,
        // One value is a list of one.
        Shape::Array { items, .. } => {
            let all = [json!({"an": "object"}), json!(1.5), json!(true), json!("text")];
            all.into_iter().find(|value| !takes_kind(items(), value))
        }
        Shape::Bool | Shape::Int { .. } | Shape::Number { .. } => Some(json!("text")),
        Shape::Text { .. } | Shape::Enum(_) => Some(json!({"an": "object"})),
        // A text may be the one that an object has.
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } => Some(json!(1.5)),
        Shape::File => Some(json!(1)),
        Shape::Nullable(inner) => wrong(inner()),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => wrong(inner()),
        Shape::Union(shapes) => {
            let all = [json!(1.5), json!(true), json!("text"), json!({"an": "object"}), json!([{}]), Value::Null];
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
        // A number is a text, too.
        Shape::Text { .. } | Shape::Enum(_) => value.is_string() || value.is_number(),
        // One value is a list of one.
        Shape::Array { items, .. } => value.is_array() || matches!(items(), Shape::Any),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } => value.is_object(),
        Shape::File => value.is_object() || value.is_string(),
        Shape::Union(shapes) => shapes.iter().any(|shape| takes_kind(shape(), value)),
        Shape::Nullable(inner) => value.is_null() || takes_kind(inner(), value),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => takes_kind(inner(), value),
    }
}
