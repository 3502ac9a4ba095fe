//! The reference page of a server, made from its tools.

use std::fmt::Write as _;
use std::path::Path;

use openai_mcp_kernel::schema::Place;
use openai_mcp_kernel::server::{Definition, describe};
use openai_mcp_kernel::spec::{Effect, Spec};
use serde_json::Value;

use crate::golden;

/// Compares `docs/reference/{domain}.md` with what the tools say.
///
/// # Panics
/// They differ.
pub fn check(server: &'static Definition, folder: &str) {
    let file = Path::new(folder).join(format!("../../docs/reference/{}.md", server.domain));
    golden::compare(&file, &page(server));
}

fn page(server: &'static Definition) -> String {
    let mut out = format!("# {}\n\n{}\n", server.name(), server.about);
    for spec in server.specs() {
        let _ = write!(out, "\n## {}\n\n{}\n\n{}\n", spec.name, spec.doc, facts(spec));
        if let Some(name) = spec.setting {
            let _ = writeln!(out, "\nOffered where `OPENAI_MCP_{name}` is set.");
        }
        if !spec.fields.is_empty() {
            out.push_str("\n| argument | type | |\n|---|---|---|\n");
        }
        let mut entry = String::new();
        describe(spec, &mut entry);
        let entry: Value = serde_json::from_str(&entry).unwrap_or_default();
        for field in spec.fields.iter().filter(|field| field.listed) {
            let kind = kind(&entry["inputSchema"]["properties"][field.name]);
            let required = field.required.then_some("**required**");
            let local =
                (spec.endpoint.is_some() && matches!(field.place, Place::Local)).then_some("Not sent to OpenAI.");
            let words = [required, Some(field.doc).filter(|doc| !doc.is_empty()), local];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            let _ = writeln!(out, "| `{}` | {kind} | {} |", field.name, words.join(" "));
        }
    }
    out
}

fn facts(spec: &Spec) -> String {
    let request = spec.endpoint.as_ref().map(|endpoint| format!("`{} {}`", endpoint.method, endpoint.path));
    let Effect { reads, destroys, idempotent, saves, .. } = spec.effect;
    let mut facts = vec![request.unwrap_or_else(|| "No request of its own.".into())];
    facts.extend(reads.then(|| "Changes nothing at OpenAI.".to_owned()));
    facts.extend(saves.then(|| "Writes a new local file if asked to.".to_owned()));
    facts.extend(destroys.then(|| "Deletes or overwrites.".to_owned()));
    facts.extend((idempotent && !reads).then(|| "Safe to repeat.".to_owned()));
    facts.join(" ")
}

/// The type of a property in one cell of a table.
fn kind(schema: &Value) -> String {
    let names = |values: &Value| {
        let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
    };
    let mut text = match schema {
        schema if schema["enum"].is_array() => names(&schema["enum"]),
        schema if schema["anyOf"].is_array() => {
            let all: Vec<String> = schema["anyOf"].as_array().into_iter().flatten().map(kind).collect();
            all.join(" or ")
        }
        schema if schema["type"] == "array" => format!("array of {}", kind(&schema["items"])),
        schema if schema["properties"].is_object() => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let members: Vec<String> = members.map(|(name, member)| format!("`{name}`: {}", kind(member))).collect();
            format!("object: {}", members.join("; "))
        }
        schema => schema["type"].as_str().unwrap_or("any").to_owned(),
    };
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => {}
        (min, Value::Null) => text.push_str(&format!(" from {min}")),
        (Value::Null, max) => text.push_str(&format!(" up to {max}")),
        (min, max) => text.push_str(&format!(" {min} to {max}")),
    }
    if schema["nullable"] == true {
        text.push_str(" or null");
    }
    text
}
