//! Schemas that are sent stricter than they were given, and answers as they were meant.

use std::collections::BTreeMap;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::strict;

/// What is sent.
pub(crate) struct Settled {
    pub(crate) arguments: Arguments,
    pub(crate) meant: Meant,
}

/// Schemas as the caller gave them, where stricter ones are sent.
#[derive(Default)]
pub(crate) struct Meant {
    /// Of the answer.
    format: Option<Value>,
    /// Of the arguments of functions, by their names.
    functions: BTreeMap<String, Value>,
}

/// Makes those schemas strict that are to be.
///
/// # Errors
/// One cannot be made strict.
pub(crate) fn settle(arguments: Arguments) -> Result<Settled> {
    let mut meant = Meant::default();
    let mut settled = arguments.clone();
    if let Some(tools) = arguments.member::<Vec<Raw<Json>>>("tools")? {
        let mut changed = false;
        let mut sent = Vec::new();
        for (index, tool) in tools.into_iter().enumerate() {
            let tool = object(&tool);
            let function = tool.member::<Raw<Json>>("function")?.map(|function| object(&function));
            let strict = match &function {
                Some(function) => strict::made(function, "parameters", &format!("tools[{index}].function.parameters"))?,
                None => None,
            };
            sent.push(match strict {
                Some((function, schema)) => {
                    changed = true;
                    meant.functions.extend(function.member("name")?.map(|name: String| (name, schema)));
                    tool.set("function", function)
                }
                None => tool,
            });
        }
        if changed {
            settled = settled.set("tools", sent);
        }
    }
    if let Some(format) = arguments.member::<Raw<Json>>("response_format")?.map(|format| object(&format))
        && let Some(named) = format.member::<Raw<Json>>("json_schema")?.map(|named| object(&named))
        && let Some((named, schema)) = strict::made(&named, "schema", "response_format.json_schema.schema")?
    {
        meant.format = Some(schema);
        settled = settled.set("response_format", format.set("json_schema", named));
    }
    Ok(Settled { arguments: settled, meant })
}

fn object(json: &Raw<Json>) -> Arguments {
    Arguments::new(Some(json.text().to_owned().into()))
}

impl Meant {
    /// A completion without the nulls that stricter schemas than were meant brought into it.
    pub(crate) fn of(&self, mut completion: Value) -> Value {
        let without = |schema: &Value, text: Option<&mut Value>| {
            if let Some(Value::String(text)) = text {
                *text = strict::text_without_added_nulls(schema, text);
            }
        };
        let choices = completion.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten();
        for message in choices.filter_map(|choice| choice.get_mut("message")) {
            if let Some(schema) = &self.format {
                without(schema, message.get_mut("content"));
            }
            let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten();
            for function in calls.filter_map(|call| call.get_mut("function")) {
                let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Some(schema) = self.functions.get(name) {
                    without(schema, function.get_mut("arguments"));
                }
            }
        }
        completion
    }
}
