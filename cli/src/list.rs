//! `openai-mcp tools`: what tools there are, and what each costs a context window.

use std::fmt::Write as _;

use openai_mcp_kernel::server::{Definition, describe, weight};
use openai_mcp_kernel::spec::Spec;
use serde_json::Value;

/// How many bytes of JSON make a token, roughly, in the tokenizers of today's models.
const BYTES_PER_TOKEN: usize = 4;

/// The tools of a server, without those that the operator has not set up.
fn offered(definition: &Definition) -> impl Iterator<Item = &'static Spec> + Clone + use<> {
    let set = |spec: &&Spec| spec.setting.is_none_or(|name| std::env::var_os(format!("OPENAI_MCP_{name}")).is_some());
    definition.specs().filter(set)
}

/// The tools as a table, or as JSON.
pub(crate) fn render(servers: &[&'static Definition], json: bool) -> String {
    let specs = || servers.iter().flat_map(|definition| offered(definition));
    if json {
        return format!("[{}]", specs().map(entry).collect::<Vec<_>>().join(","));
    }
    let width = specs().map(|spec| spec.name.len()).max().unwrap_or_default().max("tool".len());
    let mut table = String::new();
    let mut row = |name: &str, bytes: &str, tokens: &str, about: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", format!("{name:width$}  {bytes:>6}  {tokens:>6}  {about}").trim_end());
    };
    row("tool", "bytes", "tokens", "");
    let (mut count, mut total) = (0, 0);
    for definition in servers {
        let mut sum = 0;
        for spec in offered(definition) {
            let bytes = weight(spec);
            (count, sum) = (count + 1, sum + bytes);
            let about = spec.doc.split_once(['.', '\n']).map_or(spec.doc, |(first, _)| first);
            row(spec.name, &bytes.to_string(), &(bytes / BYTES_PER_TOKEN).to_string(), about);
        }
        row(&definition.name(), &sum.to_string(), &(sum / BYTES_PER_TOKEN).to_string(), "in all");
        total += sum;
    }
    if servers.len() > 1 {
        row(&format!("{count} tools"), &total.to_string(), &(total / BYTES_PER_TOKEN).to_string(), "in all");
    }
    table
}

/// One tool: what it is for, and what it takes.
pub(crate) fn show(definition: &Definition, spec: &Spec, json: bool) -> String {
    if json {
        return entry(spec);
    }
    let bytes = weight(spec);
    let mut text = format!(
        "{}  (openai-mcp stdio {}; {bytes} bytes, about {} tokens)\n\n{}\n",
        spec.name,
        definition.domain,
        bytes / BYTES_PER_TOKEN,
        spec.doc
    );
    let tool: Value = serde_json::from_str(&entry(spec)).unwrap_or_default();
    let schema = tool.get("inputSchema").unwrap_or(&Value::Null);
    let needed = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|needed| needed == name))
    };
    let fields = || schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let first = fields().filter(|(name, _)| needed(name));
    for (name, field) in first.chain(fields().filter(|(name, _)| !needed(name))) {
        let need = if needed(name) { ", required" } else { "" };
        let doc = field.get("description").and_then(Value::as_str).unwrap_or_default();
        let _ = write!(text, "\n  {name}  {}{need}\n", kind(field));
        if !doc.is_empty() {
            let _ = writeln!(text, "      {}", doc.replace('\n', "\n      "));
        }
    }
    text
}

/// What a field takes, in a few words.
fn kind(schema: &Value) -> String {
    let alternatives = |name| schema.get(name).and_then(Value::as_array);
    if let Some(words) = alternatives("enum") {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    if let Some(shapes) = alternatives("anyOf").or(alternatives("oneOf")) {
        return shapes.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => match schema.get("items").map(kind).filter(|items| items != "anything") {
            Some(items) => format!("list of {items}"),
            None => "list".into(),
        },
        Some("object") => match schema.get("properties").and_then(Value::as_object) {
            Some(members) => {
                format!("object with {}", members.keys().cloned().collect::<Vec<_>>().join(", "))
            }
            None => "object".into(),
        },
        Some(kind) => {
            let bound = |name: &str, word: &str| schema.get(name).map(|bound| format!(" {word} {bound}"));
            let bounds = [bound("minimum", "from"), bound("maximum", "to")];
            format!("{kind}{}", bounds.into_iter().flatten().collect::<String>())
        }
        None => "anything".into(),
    }
}

/// Whether a tool has an argument of this name.
pub(crate) fn takes(spec: &Spec, name: &str) -> bool {
    let tool: Value = serde_json::from_str(&entry(spec)).unwrap_or_default();
    tool.pointer("/inputSchema/properties").is_some_and(|fields| fields.get(name).is_some())
}

/// The entry of `tools/list`.
fn entry(spec: &Spec) -> String {
    let mut text = String::new();
    describe(spec, &mut text);
    text
}
