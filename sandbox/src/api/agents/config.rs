//! What an agent is, and what is in its environment: read, and shown with what holds where nothing was said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::crud::{self, Field, Need};
use crate::error::{Error, Result};
use crate::json;
use crate::params::Params;
use crate::world::now;

const TIERS: &[&str] = &["auto", "default", "flex", "priority", "fast", "ultrafast"];
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const fn may(name: &'static str, read: fn(&mut Params, &str) -> Result<Option<Value>>) -> Field {
    Field { name, read, create: Need::May, modify: Need::May }
}

/// When something was made.
pub(super) const UPDATED: Field =
    Field { name: "updated_at", read: |_, _| Ok(Some(now().into())), create: Need::May, modify: Need::No };

/// What an agent is besides its model and its name.
pub(super) const SETTINGS: [Field; 8] = [
    may("instructions", text),
    may("tools", tools),
    may("reasoning", reasoning),
    may("text", format),
    may("multi_agent", multi_agent),
    may("service_tier", |params, name| Ok(Some(params.one_of(name, TIERS)?.unwrap_or("auto").into()))),
    may("compaction", |params, name| flag(params, name, "async").map(Some)),
    may("experimental", |params, name| flag(params, name, "time_awareness").map(Some)),
];

/// What is in a machine.
pub(super) const MACHINE: [Field; 9] = [
    may("files", files),
    may("packages", packages),
    may("network", network),
    may("env", |params, name| params.labels(name, true).map(|_| None)),
    may("setup_commands", commands),
    may("skills", |params, name| parts(params, name).map(Some)),
    may("plugins", |params, name| parts(params, name).map(Some)),
    may("capability_directories", |params, name| texts(params, name).map(Some)),
    may("desktop", desktop),
];

/// The fields of an object as they are shown.
pub(super) fn read(params: &mut Params, fields: &[Field]) -> Result<Map<String, Value>> {
    let mut shown = Map::new();
    for field in fields {
        shown.extend((field.read)(params, field.name)?.map(|value| (field.name.to_owned(), value)));
    }
    Ok(shown)
}

/// A text, or null.
pub(super) fn text(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.string(name)?.into()))
}

fn texts(params: &mut Params, name: &str) -> Result<Value> {
    Ok(params.strings(name, 0..=usize::MAX)?.unwrap_or_default().into())
}

/// An object with one switch, which is off by default.
fn flag(params: &mut Params, name: &str, switch: &str) -> Result<Value> {
    let mut on = false;
    if let Some(mut object) = params.object(name)? {
        on = object.boolean(switch)?.unwrap_or_default();
        object.finish()?;
    }
    Ok(json!({switch: on}))
}

fn reasoning(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let (mut effort, mut summary) = (None, None);
    if let Some(mut object) = params.object(name)? {
        effort = object.one_of("effort", EFFORTS)?;
        summary = object.one_of("summary", &["concise", "detailed", "auto"])?;
        object.finish()?;
    }
    Ok(Some(json!({"effort": effort, "summary": summary})))
}

fn format(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let (mut format, mut verbosity) = (json!({"type": "text"}), None);
    if let Some(mut object) = params.object(name)? {
        verbosity = object.one_of("verbosity", &["low", "medium", "high"])?;
        if let Some(mut given) = object.object("format")? {
            let kind = given.need("type", |params, name| params.one_of(name, &["text", "json_schema"]))?;
            json::put(&mut format, "type", kind);
            if kind == "json_schema" {
                json::put(&mut format, "schema", given.need("schema", Params::object)?.rest());
            }
            given.finish()?;
        }
        object.finish()?;
    }
    Ok(Some(json!({"format": format, "verbosity": verbosity.unwrap_or("medium")})))
}

fn multi_agent(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let (mut enabled, mut most) = (false, None);
    if let Some(mut object) = params.object(name)? {
        enabled = object.need("enabled", Params::boolean)?;
        most = object.integer("max_concurrent_subagents", 1..=100)?;
        object.finish()?;
    }
    Ok(Some(json!({"enabled": enabled, "max_concurrent_subagents": most.unwrap_or(6)})))
}

fn tools(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let given = params.array(name, 0..=usize::MAX)?.unwrap_or_default();
    let tools = given.into_iter().map(|(path, value)| tool(Params::nested(path, value)?));
    tools.collect::<Result<Vec<_>>>().map(|tools| Some(tools.into()))
}

fn tool(mut tool: Params) -> Result<Value> {
    const KINDS: &[&str] =
        &["function", "tool_search", "programmatic_tool_calling", "mcp", "web_search", "computer_use", "automations"];
    let kind = tool.need("type", |params, name| params.one_of(name, KINDS))?;
    let mut shown = match kind {
        "function" => json!({
            "name": tool.need("name", Params::string)?, "description": tool.need("description", Params::string)?,
            "parameters": tool.need("parameters", Params::object)?.rest(),
            "defer_loading": tool.boolean("defer_loading")?.unwrap_or(false),
        }),
        "programmatic_tool_calling" => json!({"enabled": tool.boolean("enabled")?.unwrap_or(true)}),
        "mcp" => json!({
            "server_label": tool.need("server_label", Params::string)?,
            "transport": transport(tool.need("transport", Params::object)?)?,
            "allowed_tools": tool.strings("allowed_tools", 0..=usize::MAX)?,
            "connection_origin": tool.one_of("connection_origin", &["service", "environment"])?.unwrap_or("service"),
            "credential_id": tool.string("credential_id")?,
            "request_metadata": tool.object("request_metadata")?.map(|mut object| object.rest()).unwrap_or_default(),
            "required": tool.boolean("required")?.unwrap_or(false),
        }),
        "web_search" => json!({
            "allowed_domains": tool.strings("allowed_domains", 0..=usize::MAX)?,
            "context_size": tool.one_of("context_size", &["low", "medium", "high"])?.unwrap_or("medium"),
            "location": tool.object("location")?.map(|mut object| object.rest()),
            "mode": tool.one_of("mode", &["disabled", "cached", "live"])?.unwrap_or("live"),
        }),
        "computer_use" => json!({"include_screenshots": tool.boolean("include_screenshots")?.unwrap_or(false)}),
        _ => json!({}),
    };
    json::put(&mut shown, "type", kind);
    tool.finish()?;
    Ok(shown)
}

/// How a server is reached; what could be secret is not shown.
fn transport(mut transport: Params) -> Result<Value> {
    let kind = transport.need("type", |params, name| params.one_of(name, &["http", "stdio"]))?;
    let shown = match kind {
        "http" => {
            transport.string("authorization")?;
            let headers = transport.object("headers")?.map(|mut headers| headers.rest()).unwrap_or_default();
            json!({"type": kind, "server_url": transport.need("server_url", Params::string)?, "headers": headers})
        }
        _ => {
            transport.labels("env", true)?;
            json!({
                "type": kind, "command": transport.need("command", Params::string)?,
                "cwd": transport.need("cwd", Params::string)?, "args": texts(&mut transport, "args")?,
                "env_vars": texts(&mut transport, "env_vars")?,
            })
        }
    };
    transport.finish()?;
    Ok(shown)
}

/// Where a file goes: a path in the folder that agents work in.
pub(super) fn place(params: &mut Params) -> Result<String> {
    let path = params.need("path", Params::string)?;
    if !path.starts_with("/workspace/") || path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) {
        let name = params.path("path");
        let message = format!("Invalid value for '{name}': expected an absolute path inside /workspace.");
        return Err(Error::invalid(&name, "invalid_value", message));
    }
    Ok(path)
}

/// Bytes that are given as base64.
pub(super) fn bytes(params: &mut Params, name: &str) -> Result<Vec<u8>> {
    let path = params.path(name);
    let data = params.need(name, Params::string)?;
    STANDARD.decode(data).map_err(|_| {
        Error::invalid(&path, "invalid_value", format!("Invalid value for '{path}': expected standard base64."))
    })
}

fn files(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let given = params.array(name, 0..=usize::MAX)?.unwrap_or_default();
    let file = |(path, value)| {
        let mut file = Params::nested(path, value)?;
        let kind = file.need("type", |params, name| params.one_of(name, &["file_id", "inline"]))?;
        let path = place(&mut file)?;
        let shown = match kind {
            "inline" => json!({"type": kind, "path": path, "size_bytes": bytes(&mut file, "data")?.len()}),
            _ => json!({"type": kind, "path": path, "file_id": file.need("file_id", Params::string)?}),
        };
        file.finish()?;
        Ok(shown)
    };
    given.into_iter().map(file).collect::<Result<Vec<_>>>().map(|files| Some(files.into()))
}

fn packages(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut packages) = params.object(name)? else {
        return Ok(Some(json!({"npm": [], "python": [], "system": []})));
    };
    let shown = json!({
        "npm": texts(&mut packages, "npm")?, "python": texts(&mut packages, "python")?,
        "system": texts(&mut packages, "system")?,
    });
    packages.finish()?;
    Ok(Some(shown))
}

fn network(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut network) = params.object(name)? else {
        return Ok(Some(json!({"access": "disabled", "allowed_domains": []})));
    };
    let access = network.need("access", |params, name| params.one_of(name, &["enabled", "disabled", "restricted"]))?;
    let (allowed, blocked) = (texts(&mut network, "allowed_domains")?, texts(&mut network, "blocked_domains")?);
    let some = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    if some(&blocked) && (access != "restricted" || some(&allowed)) {
        let path = network.path("blocked_domains");
        let message = format!("Invalid value for '{path}': it takes restricted access and no allowed domains.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    network.finish()?;
    Ok(Some(json!({"access": access, "allowed_domains": allowed})))
}

/// Commands, which are confidential.
fn commands(params: &mut Params, name: &str) -> Result<Option<Value>> {
    for (path, value) in params.array(name, 0..=usize::MAX)?.unwrap_or_default() {
        let mut command = Params::nested(path, value)?;
        command.need("command", Params::string)?;
        command.string("cwd")?;
        command.finish()?;
    }
    Ok(None)
}

/// Skills or plugins, without their archives.
fn parts(params: &mut Params, name: &str) -> Result<Value> {
    let kinds: &[&str] = if name == "plugins" { &["inline"] } else { &["inline", "skill_reference"] };
    let given = params.array(name, 0..=usize::MAX)?.unwrap_or_default();
    let part = |(path, value)| {
        let mut part = Params::nested(path, value)?;
        let kind = part.need("type", |params, name| params.one_of(name, kinds))?;
        let shown = if kind == "inline" {
            let mut source = part.need("source", Params::object)?;
            source.need("type", |params, name| params.one_of(name, &["base64"]))?;
            source.need("media_type", |params, name| params.one_of(name, &["application/zip"]))?;
            bytes(&mut source, "data")?;
            source.finish()?;
            json!({
                "type": kind, "name": part.need("name", Params::string)?,
                "description": part.need("description", Params::string)?,
            })
        } else {
            json!({
                "type": kind, "skill_id": part.need("skill_id", Params::string)?, "version": part.string("version")?,
            })
        };
        part.finish()?;
        Ok(shown)
    };
    given.into_iter().map(part).collect::<Result<Vec<_>>>().map(Value::from)
}

fn desktop(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut desktop) = params.object(name)? else { return Ok(Some(json!({"enabled": false}))) };
    let enabled = desktop.need("enabled", Params::boolean)?;
    desktop.finish()?;
    Ok(Some(json!({"enabled": enabled})))
}

/// What files, skills of a machine that was made are: each has an id or a version by then.
pub(super) fn made(machine: &mut Map<String, Value>, mut mint: impl FnMut() -> String) {
    for file in machine.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
        json::put(file, "id", mint());
        if file.get("size_bytes").is_none() {
            json::put(file, "size_bytes", 0);
        }
    }
    for skill in machine.get_mut("skills").and_then(Value::as_array_mut).into_iter().flatten() {
        if json::text(skill, "type") == "skill_reference" {
            let version =
                Some(json::text(skill, "version")).filter(|version| !version.is_empty()).unwrap_or("1").to_owned();
            json::put(skill, "version", version);
            json::put(skill, "name", "skill");
            json::put(skill, "description", "A skill that was uploaded.");
        }
    }
}

/// The messages of an input.
pub(super) fn messages(params: &mut Params, name: &str) -> Result<Vec<Value>> {
    if let Some(Value::String(text)) = params.peek(name) {
        let message = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        params.take(name);
        return Ok(vec![message]);
    }
    let given = params.array(name, 1..=usize::MAX)?.unwrap_or_default();
    let message = |(path, value)| {
        let mut message = Params::nested(path, value)?;
        message.one_of("type", &["message"])?;
        message.need("role", |params, name| params.one_of(name, &["user"]))?;
        let mut content = Vec::new();
        for (path, value) in message.need("content", |params, name| params.array(name, 1..=usize::MAX))? {
            let mut part = Params::nested(path, value)?;
            let kind = part.need("type", |params, name| params.one_of(name, &["input_text", "input_image"]))?;
            let field = if kind == "input_text" { "text" } else { "image_url" };
            content.push(json!({"type": kind, field: part.need(field, Params::string)?}));
            part.finish()?;
        }
        message.finish()?;
        Ok(json!({"type": "message", "role": "user", "content": content}))
    };
    given.into_iter().map(message).collect()
}

/// Up to 16 pairs of texts.
pub(super) fn metadata(params: &mut Params) -> Result<Value> {
    Ok(crud::metadata(params, "metadata")?.unwrap_or_default())
}
