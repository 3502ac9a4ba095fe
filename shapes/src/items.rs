//! Items of the Responses API, as results show them and as requests take them.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;

/// An item, of which is known what makes a message: text is one of the user's.
#[shape(open)]
pub struct Item {
    role: Option<Role>,
    content: Option<Json>,
}

/// Whose message it is.
#[shape]
pub enum Role {
    /// The user's.
    User,
    /// The model's.
    Assistant,
    /// The developer's, as older models call it.
    System,
    /// The developer's.
    Developer,
}

/// The arguments with the items in a list of theirs as the API takes them: what is JSON within results is text there.
///
/// # Errors
/// An item is not what was expected.
pub fn settle(arguments: Arguments, name: &str) -> Result<Arguments> {
    arguments.each(name, |item, _| settled(item))
}

/// An item whose arguments or output go out as the text of their JSON; nothing where they are that, or parts of a message.
fn settled(item: &Arguments) -> Result<Option<Arguments>> {
    let members = item.members()?;
    let kind: Option<String> = members.read("type")?;
    let name = match kind.as_deref() {
        Some("function_call" | "mcp_call" | "mcp_approval_request") => "arguments",
        Some("function_call_output" | "custom_tool_call_output") => "output",
        _ => return Ok(None),
    };
    let Some(given) = members.read::<Raw<Json>>(name)? else { return Ok(None) };
    let value: Value = given.read(name)?;
    let part = |part: &Value| part.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("input_"));
    let fits = match &value {
        Value::String(_) => true,
        Value::Array(parts) => name == "output" && !parts.is_empty() && parts.iter().all(part),
        _ => false,
    };
    Ok((!fits).then(|| item.clone().set(name, given.text())))
}
