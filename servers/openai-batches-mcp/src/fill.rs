//! A template of JSON filled in with the fields of a row: `{{name}}` in a text becomes the field's text, a text that is
//! `{{name}}` alone becomes the field's value.

use std::borrow::Cow;

use openai_mcp_kernel::json::{self, Node};
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// Whether a text names any field.
pub(crate) fn has_fields(template: &str) -> bool {
    template.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}

/// The template as JSON with the fields of a row. The order of its members stays.
///
/// # Errors
/// It is no JSON, or names a field that the row does not have, or one that leaves nothing of a text within the members
/// `asks`: such a request is paid for, and asks for nothing.
pub(crate) fn fill(template: &str, row: &Map<String, Value>, asks: &[&str]) -> Result<String, String> {
    let mut node = Node::parse(template).map_err(|error| format!("`body`: {error}"))?;
    match &mut node {
        Node::Object(members) => {
            members.iter_mut().try_for_each(|(name, value)| level(value, row, asks.contains(&name.as_ref())))?;
        }
        node => level(node, row, false)?,
    }
    Ok(node.to_json())
}

fn level(node: &mut Node<'_>, row: &Map<String, Value>, asks: bool) -> Result<(), String> {
    let is_empty = |node: &Node<'_>| *node == Node::Null || node.as_str().is_some_and(|text| text.trim().is_empty());
    match node {
        Node::Text(text) if has_fields(text) => {
            let template = text.to_string();
            let alone = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
            if let Some(value) = alone.filter(|name| !name.contains(['{', '}'])).map(|name| field(row, name)) {
                let value = json::text(value?);
                *node = Node::parse(&value).map_err(|error| error.to_string())?.into_owned();
            } else {
                *text = Cow::Owned(filled(text, row)?);
            }
            if asks && is_empty(node) {
                return Err(format!("`{template}` is empty"));
            }
        }
        Node::Array(items) => items.iter_mut().try_for_each(|item| level(item, row, asks))?,
        Node::Object(members) => members.iter_mut().try_for_each(|(_, value)| level(value, row, asks))?,
        _ => {}
    }
    Ok(())
}

fn filled(template: &str, row: &Map<String, Value>) -> Result<String, String> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        text.push_str(before);
        match field(row, name.trim())? {
            Value::String(value) => text.push_str(value),
            Value::Null => {}
            other => text.push_str(&json::text(other)),
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn field<'r>(row: &'r Map<String, Value>, name: &str) -> Result<&'r Value, String> {
    row.get(name).ok_or_else(|| {
        let names: Vec<String> = row.keys().take(20).map(|name| format!("`{name}`")).collect();
        format!("no field `{name}`; there is {}", names.join(", "))
    })
}
