//! What a caller asks for, as the API takes it: what can only mean one thing is put so, and what it would refuse is told
//! before anything is spent.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json_schema::not_strict;
use openai_mcp_kernel::prelude::*;

/// The beta that `multi_agent` belongs to.
const MULTI_AGENT: &str = "responses_multi_agent=v1";

/// The arguments as they are sent. What needs no change stays as it was written.
///
/// # Errors
/// They exclude each other, or hold a schema that strict mode does not take.
pub(crate) fn settle(arguments: &Arguments) -> Result<Arguments> {
    let given = |name: &str| Ok::<_, Error>(arguments.member::<Raw<Json>>(name)?.is_some());
    if given("previous_response_id")? && given("conversation")? {
        let problem = "excludes `previous_response_id`: a response goes on from one of them";
        return Err(Error::argument("conversation", problem));
    }
    let arguments = each(arguments.clone(), "input", item)?;
    let arguments = each(arguments, "tools", tool)?;
    let arguments = format(arguments)?;
    check(&arguments)?;
    Ok(match given("multi_agent")? && !given("betas")? {
        true => arguments.set("betas", [MULTI_AGENT]),
        false => arguments,
    })
}

/// The arguments with the items of a list changed, each of them an object; a list in which nothing changes stays as it is.
fn each(
    arguments: Arguments,
    name: &str,
    change: impl Fn(&Arguments) -> Result<Option<Arguments>>,
) -> Result<Arguments> {
    let list = arguments.member::<Raw<Json>>(name)?.filter(|list| list.text().starts_with('['));
    let Some(list) = list else { return Ok(arguments) };
    let mut items = Vec::new();
    let mut changed = false;
    for item in list.read::<Vec<Raw<Json>>>(name)? {
        let item = Arguments::new(Some(item.text().to_owned().into()));
        let other = change(&item)?;
        changed |= other.is_some();
        items.push(other.unwrap_or(item));
    }
    Ok(if changed { arguments.set(name, items) } else { arguments })
}

/// An output of a function that is neither text nor parts of a message goes out as the text of its JSON.
fn item(item: &Arguments) -> Result<Option<Arguments>> {
    let members = item.members()?;
    let kind: Option<String> = members.read("type")?;
    if !matches!(kind.as_deref(), Some("function_call_output" | "custom_tool_call_output")) {
        return Ok(None);
    }
    let Some(output) = members.read::<Raw<Json>>("output")? else { return Ok(None) };
    let value: Value = output.read("output")?;
    let part = |part: &Value| part.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("input_"));
    let fits = match &value {
        Value::String(_) => true,
        Value::Array(parts) => !parts.is_empty() && parts.iter().all(part),
        _ => false,
    };
    Ok((!fits).then(|| item.clone().set("output", output.text())))
}

/// A function as chat completions have it loses its envelope; a code interpreter without a container gets a new one.
fn tool(tool: &Arguments) -> Result<Option<Arguments>> {
    let members = tool.members()?;
    let kind: Option<String> = members.read("type")?;
    let has = |name: &str| members.names().any(|member| member == name);
    Ok(match kind.as_deref() {
        Some("code_interpreter") if !has("container") => Some(tool.clone().set("container", json!({"type": "auto"}))),
        Some(kind @ ("function" | "custom")) if !has("name") => unwrapped(tool, kind)?,
        _ => None,
    })
}

/// The object with the members of one of its members in place of that.
fn unwrapped(object: &Arguments, name: &str) -> Result<Option<Arguments>> {
    let inner = object.member::<Raw<Json>>(name)?.filter(|inner| inner.text().starts_with('{'));
    Ok(inner.map(|inner| object.clone().without(name).merge(Arguments::new(Some(inner.text().to_owned().into())))))
}

/// The form of the answer, with the name that a schema must have.
fn format(arguments: Arguments) -> Result<Arguments> {
    let object = |raw: Option<Raw<Json>>| raw.map(|raw| Arguments::new(Some(raw.text().to_owned().into())));
    let Some(text) = object(arguments.member("text")?) else { return Ok(arguments) };
    let Some(given) = object(text.member("format")?) else { return Ok(arguments) };
    if given.member::<String>("type")?.as_deref() != Some("json_schema") {
        return Ok(arguments);
    }
    let mut format = given.clone();
    if given.member::<Raw<Json>>("schema")?.is_none() {
        format = unwrapped(&given, "json_schema")?.unwrap_or(format);
    }
    if format.member::<String>("name")?.is_none() {
        format = format.set("name", "output");
    }
    if format.text() == given.text() {
        return Ok(arguments);
    }
    Ok(arguments.set("text", text.set("format", format)))
}

/// Tells of schemas that strict mode would refuse: of the answer, and of functions.
fn check(arguments: &Arguments) -> Result<()> {
    let text: Value = arguments.member("text")?.unwrap_or_default();
    let tools: Value = arguments.member("tools")?.unwrap_or_default();
    let strict = |of: &Value| of.get("strict") == Some(&Value::Bool(true));
    let format = text.get("format").filter(|format| strict(format)).and_then(|format| format.get("schema"));
    let mut faults = Vec::new();
    let mut tell = |place: String, schema: &Value| {
        faults.extend(not_strict(schema).iter().map(|fault| format!("`{place}`: {fault}")));
    };
    if let Some(schema) = format {
        tell("text.format.schema".to_owned(), schema);
    }
    for (index, tool) in tools.as_array().into_iter().flatten().enumerate().filter(|(_, tool)| strict(tool)) {
        if let Some(schema) = tool.get("parameters").filter(|schema| schema.is_object()) {
            tell(format!("tools[{index}].parameters"), schema);
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let hint =
        "strict mode takes no other schema; an optional property is one that may also be null; or give `strict` false";
    Err(Error::new(Kind::Arguments, format!("{}\nhint: {hint}", faults.join("\n"))))
}
