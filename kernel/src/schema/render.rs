//! Shapes as JSON Schema, written straight into the text of the tool list.
//!
//! The output is the flat subset that every client takes: object root, no `$ref`, no root combinators. A tagged union
//! becomes one object with all its variants' fields; a recursive type is cut where it meets itself.

use super::{Field, JsonObject, Object, Ref, Shape, Variant, of};
use crate::json;

/// Appends `text` as a JSON string.
pub(crate) fn text(out: &mut String, text: &str) {
    out.push_str(&json::quoted(text));
}

/// Appends the schema of an object with these fields.
pub(crate) fn fields(out: &mut String, fields: &[Field]) {
    object(out, fields, &mut Seen::default());
    out.push('}');
}

/// What bears on the schemas within another.
#[derive(Default)]
struct Seen {
    /// The types that they are in.
    types: Vec<&'static str>,
    /// Whether objects are told as such alone.
    brief: bool,
}

/// Writes an object schema without its closing brace, so that the caller can add to it.
fn object(out: &mut String, fields: &[Field], seen: &mut Seen) {
    out.push_str(r#"{"type":"object","properties":{"#);
    for (index, field) in fields.iter().filter(|field| field.listed).enumerate() {
        comma(out, index);
        text(out, field.name);
        out.push(':');
        let before = seen.brief;
        seen.brief |= field.brief;
        schema(out, field.shape, field.doc, false, seen);
        seen.brief = before;
    }
    out.push('}');
    required(out, fields.iter().filter(|field| field.required && field.listed).map(|field| field.name));
}

fn required<'a>(out: &mut String, names: impl Iterator<Item = &'a str>) {
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        out.push_str(r#","required":"#);
        list(out, &names);
    }
}

fn list(out: &mut String, names: &[&str]) {
    out.push('[');
    for (index, name) in names.iter().enumerate() {
        comma(out, index);
        text(out, name);
    }
    out.push(']');
}

fn comma(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// Every schema says a type, or `anyOf` of such: hosts send what has none as a string, or refuse the list.
fn schema(out: &mut String, shape: Ref, doc: &str, nullable: bool, seen: &mut Seen) {
    let (mut doc, mut nullable) = (doc, nullable);
    match shape() {
        // What is neither can be written as a text, or is given all the same.
        Shape::Any => {
            union(out, &[of::<String>, of::<JsonObject>], std::mem::take(&mut nullable), seen);
        }
        Shape::Bool => out.push_str(r#"{"type":"boolean""#),
        Shape::Int { min, max } => {
            out.push_str(r#"{"type":"integer""#);
            // Bounds of the machine type are no bounds of the API, and nobody asks for less than one of a thing.
            bound(out, "minimum", (!matches!(min, &(i64::MIN | 0 | 1))).then_some(min));
            bound(out, "maximum", (*max < i64::from(u32::MAX)).then_some(max));
        }
        Shape::Number { min, max } => {
            out.push_str(r#"{"type":"number""#);
            bound(out, "minimum", (*min > f64::MIN).then(|| json::number(*min)));
            bound(out, "maximum", (*max < f64::MAX).then(|| json::number(*max)));
        }
        Shape::Text { .. } => out.push_str(r#"{"type":"string""#),
        Shape::Enum(values) => {
            out.push_str(r#"{"type":"string","enum":"#);
            list(out, values);
        }
        Shape::Array { items, .. } => {
            out.push_str(r#"{"type":"array","items":"#);
            schema(out, *items, "", false, seen);
        }
        Shape::Object(Object { doc: own, fields: [], open: true, .. }) => {
            if doc.is_empty() {
                doc = own;
            }
            out.push_str(r#"{"type":"object""#);
        }
        Shape::Object(Object { name, doc: own, fields, .. }) => {
            if doc.is_empty() {
                doc = own;
            }
            nested(out, name, seen, |out, seen| object(out, fields, seen));
        }
        Shape::Map { doc: own, .. } => {
            if doc.is_empty() {
                doc = own;
            }
            out.push_str(r#"{"type":"object""#);
        }
        Shape::Tagged { name, tag, variants, .. } => {
            nested(out, name, seen, |out, seen| tagged(out, tag, variants, seen));
        }
        // A file takes many words, and one is taken for a list of one.
        Shape::Union([one, many]) if matches!((one(), many()), (Shape::File, Shape::Array { .. })) => {
            return schema(out, *many, doc, nullable, seen);
        }
        Shape::Union(shapes) => {
            union(out, shapes, std::mem::take(&mut nullable), seen);
        }
        Shape::Hidden(inner) => return schema(out, *inner, doc, nullable, seen),
        Shape::Brief { listed, .. } => return schema(out, *listed, doc, nullable, seen),
        Shape::Nullable(inner) => return schema(out, *inner, doc, true, seen),
        Shape::File => {
            out.push_str(r#"{"type":"object""#);
            if !seen.brief {
                out.push_str(concat!(
                    r#","properties":{"path":{"type":"string"},"url":{"type":"string"},"text":{"type":"string"},"#,
                    r#""data":{"type":"string","description":"Base64"},"filename":{"type":"string"}}"#
                ));
            }
            if doc.is_empty() {
                doc = "Local path, url, text or data; filename with text or data";
            }
        }
    }
    if !doc.is_empty() {
        out.push_str(r#","description":"#);
        text(out, doc);
    }
    if nullable {
        // OpenAPI's keyword: validators that clients use know it or pass over it, and unlike `"type": [..., "null"]` no
        // client refuses a whole tool list for it. They refuse it without a type beside it.
        out.push_str(r#","nullable":true"#);
    }
    out.push('}');
}

/// Several schemas; the first says for all of them that `null` is taken, too.
fn union(out: &mut String, shapes: &[Ref], nullable: bool, seen: &mut Seen) {
    out.push_str(r#"{"anyOf":["#);
    for (index, shape) in shapes.iter().enumerate() {
        comma(out, index);
        schema(out, *shape, "", nullable && index == 0, seen);
    }
    out.push(']');
}

/// Renders a named type, or a bare object where it would contain itself or is told elsewhere.
fn nested(out: &mut String, name: &'static str, seen: &mut Seen, render: impl FnOnce(&mut String, &mut Seen)) {
    if seen.brief || seen.types.contains(&name) {
        out.push_str(r#"{"type":"object""#);
    } else {
        seen.types.push(name);
        render(out, seen);
        seen.types.pop();
    }
}

fn tagged(out: &mut String, tag: &'static str, variants: &'static [Variant], seen: &mut Seen) {
    out.push_str(r#"{"type":"object","properties":{"#);
    text(out, tag);
    out.push_str(r#":{"type":"string","enum":"#);
    let tags: Vec<&str> = variants.iter().map(|variant| variant.tag).collect();
    list(out, &tags);
    out.push('}');
    let mut names: Vec<&str> = Vec::new();
    for field in variants.iter().flat_map(|variant| variant.fields) {
        if !names.contains(&field.name) {
            names.push(field.name);
            out.push(',');
            text(out, field.name);
            out.push(':');
            schema(out, field.shape, field.doc, false, seen);
        }
    }
    out.push('}');
    let everywhere = names.into_iter().filter(|name| {
        variants.iter().all(|variant| variant.fields.iter().any(|field| field.name == *name && field.required))
    });
    required(out, std::iter::once(tag).chain(everywhere));
}

fn bound<T: std::fmt::Display>(out: &mut String, keyword: &str, value: Option<T>) {
    if let Some(value) = value {
        out.push_str(&format!(r#","{keyword}":{value}"#));
    }
}
