//! Whether an example is what jobs take, and how many tokens it has.
//! <https://platform.openai.com/docs/guides/supervised-fine-tuning#formatting-your-data>,
//! <https://platform.openai.com/docs/guides/vision-fine-tuning>

use std::collections::BTreeSet;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::not_json;

/// Characters of a file that a fault quotes.
const QUOTED: usize = 40;
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// What a line has to look like.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Format {
    #[default]
    Chat,
    Completion,
    Preference,
    Reinforcement,
}

impl Format {
    /// The format that the arguments of a job ask for.
    pub(crate) fn of(given: &Value) -> Self {
        let text = |at: &str| given.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let model = text("/model");
        match text("/method/type") {
            "dpo" => Format::Preference,
            "reinforcement" => Format::Reinforcement,
            _ if ["babbage-002", "davinci-002"]
                .iter()
                .any(|base| model.trim_start_matches("ft:").starts_with(base)) =>
            {
                Format::Completion
            }
            _ => Format::Chat,
        }
    }
}

/// Images among the messages of an example.
pub(crate) fn images(example: &Value) -> u64 {
    let input = example.get("input").unwrap_or(example);
    let messages = input.get("messages").and_then(Value::as_array).into_iter().flatten();
    let parts = messages.filter_map(|message| message.get("content")?.as_array()).flatten();
    parts.filter(|part| part.get("type").is_some_and(|kind| kind == "image_url")).count() as u64
}

/// An estimate of an example's tokens; what is wrong with it goes into `faults`.
pub(crate) fn tokens_of(example: &Value, format: Format, faults: &mut Vec<String>) -> u64 {
    if !example.is_object() {
        faults.push(format!("expected an object, got {}", kind(example)));
        return 0;
    }
    match format {
        Format::Completion => text(example, "prompt", faults) + text(example, "completion", faults),
        Format::Chat | Format::Reinforcement => {
            let (tools, mut calls) = tools(example, "", faults);
            let tokens = tools + messages(example.get("messages"), "messages", &mut calls, faults);
            if let Some(messages) = example.get("messages").and_then(Value::as_array).filter(|_| format == Format::Chat)
            {
                let last = messages.last().and_then(|message| message.get("role"));
                if faults.is_empty() && last.is_some_and(|role| role != "assistant") {
                    faults.push("`messages`: expected the last message to be the assistant's".into());
                }
            }
            tokens
        }
        Format::Preference => {
            let input = example.get("input").unwrap_or(&Value::Null);
            if !input.is_object() {
                faults.push(format!("`input`: expected an object with `messages`, got {}", kind(input)));
                return 0;
            }
            let (tools, mut calls) = tools(input, "input.", faults);
            let mut tokens = tools + messages(input.get("messages"), "input.messages", &mut calls, faults);
            for name in ["preferred_output", "non_preferred_output"] {
                tokens += messages(example.get(name), name, &mut calls.clone(), faults);
                let output = example.get(name).and_then(Value::as_array).into_iter().flatten();
                if output.into_iter().any(|message| message.get("role").is_some_and(|role| role == "user")) {
                    faults.push(format!("`{name}`: expected messages of the assistant"));
                }
            }
            tokens
        }
    }
}

/// The functions that an example has, and the calls of them that stand in it so far.
#[derive(Clone, Default)]
struct Calls<'e> {
    functions: BTreeSet<&'e str>,
    ids: BTreeSet<&'e str>,
}

impl<'e> Calls<'e> {
    /// Checks a call: `{"name", "arguments"}`, in which the arguments are a text.
    fn function(&self, call: &Value, place: &str, faults: &mut Vec<String>) {
        match call.get("name").and_then(Value::as_str) {
            None => faults.push(format!("`{place}.name`: required: a string")),
            Some(name) if !self.functions.contains(name) => {
                faults.push(format!("`{place}.name`: no function `{}` among the `tools` of the example", quoted(name)));
            }
            Some(_) => {}
        }
        match call.get("arguments") {
            Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(_)) => {}
                Ok(other) => faults.push(format!(
                    "`{place}.arguments`: expected the text of a JSON object, got that of {}",
                    kind(&other)
                )),
                Err(error) => faults.push(format!("`{place}.arguments`: {}", not_json(&error))),
            },
            other => {
                let got = kind(other.unwrap_or(&Value::Null));
                faults.push(format!("`{place}.arguments`: expected the text of a JSON object, got {got}"));
            }
        }
    }

    /// Checks the calls of a message, and takes note of their ids.
    fn take(&mut self, calls: &'e Value, place: &str, faults: &mut Vec<String>) {
        let Some(calls) = calls.as_array().filter(|calls| !calls.is_empty()) else {
            let got = if calls.is_array() { "an empty one" } else { kind(calls) };
            return faults.push(format!("`{place}`: expected an array of calls, got {got}"));
        };
        for (index, call) in calls.iter().enumerate() {
            let place = format!("{place}[{index}]");
            match call.get("id").and_then(Value::as_str) {
                Some(id) => drop(self.ids.insert(id)),
                None => faults.push(format!("`{place}.id`: required: a string")),
            }
            self.function(call.get("function").unwrap_or(&Value::Null), &format!("{place}.function"), faults);
        }
    }
}

/// The tokens of an example's tools, and what may be called of them.
fn tools<'e>(example: &'e Value, prefix: &str, faults: &mut Vec<String>) -> (u64, Calls<'e>) {
    let mut calls = Calls::default();
    let mut sum = 0;
    for member in ["tools", "functions"] {
        match example.get(member) {
            None | Some(Value::Null) => {}
            Some(given @ Value::Array(tools)) => {
                sum += tokens(&given.to_string());
                for (index, tool) in tools.iter().enumerate() {
                    let function = if member == "tools" { tool.get("function") } else { Some(tool) };
                    match function.and_then(|function| function.get("name")?.as_str()) {
                        Some(name) => drop(calls.functions.insert(name)),
                        None => faults.push(format!("`{prefix}{member}[{index}]`: expected a function with a `name`")),
                    }
                }
            }
            Some(other) => faults.push(format!("`{prefix}{member}`: expected an array, got {}", kind(other))),
        }
    }
    (sum, calls)
}

fn text(example: &Value, name: &str, faults: &mut Vec<String>) -> u64 {
    match example.get(name) {
        Some(Value::String(text)) => tokens(text),
        other => {
            faults.push(format!("`{name}`: expected a string, got {}", kind(other.unwrap_or(&Value::Null))));
            0
        }
    }
}

fn messages<'e>(given: Option<&'e Value>, place: &str, calls: &mut Calls<'e>, faults: &mut Vec<String>) -> u64 {
    let Some(messages) = given.and_then(Value::as_array).filter(|messages| !messages.is_empty()) else {
        let got = given.map_or("nothing", |given| if given == &json!([]) { "an empty one" } else { kind(given) });
        faults.push(format!("`{place}`: expected an array of messages, got {got}"));
        return 0;
    };
    let each =
        messages.iter().enumerate().map(|(index, one)| message(one, &format!("{place}[{index}]"), calls, faults));
    3 + each.sum::<u64>()
}

fn message<'e>(message: &'e Value, place: &str, calls: &mut Calls<'e>, faults: &mut Vec<String>) -> u64 {
    if !message.is_object() {
        faults.push(format!("`{place}`: expected an object, got {}", kind(message)));
        return 0;
    }
    let role = match message.get("role") {
        Some(Value::String(role)) if ROLES.contains(&role.as_str()) => role.as_str(),
        Some(Value::String(role)) => {
            let (known, got) = (ROLES.join("`, `"), quoted(role));
            faults.push(format!("`{place}.role`: expected one of `{known}`, got `{got}`"));
            return 0;
        }
        other => {
            faults.push(format!("`{place}.role`: expected a string, got {}", kind(other.unwrap_or(&Value::Null))));
            return 0;
        }
    };
    if message.get("weight").is_some_and(|weight| !matches!(weight.as_f64(), Some(0.0 | 1.0))) {
        faults.push(format!("`{place}.weight`: expected 0 or 1"));
    }
    if role == "tool" {
        match message.get("tool_call_id").and_then(Value::as_str) {
            None => faults.push(format!("`{place}.tool_call_id`: required: a string")),
            Some(id) if !calls.ids.contains(id) => {
                faults.push(format!("`{place}.tool_call_id`: no call `{}` before it", quoted(id)));
            }
            Some(_) => {}
        }
    }
    let given = |name: &str| message.get(name).filter(|given| !given.is_null());
    let called = given("tool_calls").or(given("function_call"));
    if let Some(made) = given("tool_calls") {
        calls.take(made, &format!("{place}.tool_calls"), faults);
    }
    if let Some(call) = given("function_call") {
        calls.function(call, &format!("{place}.function_call"), faults);
    }
    let content = match message.get("content") {
        Some(Value::String(text)) if text.is_empty() && role == "assistant" && called.is_none() => {
            faults.push(format!("`{place}.content`: expected what the assistant is to say, got an empty string"));
            0
        }
        Some(Value::String(text)) => tokens(text),
        Some(Value::Array(parts)) if !parts.is_empty() => {
            let each = parts.iter().enumerate();
            each.map(|(index, one)| part(one, role, &format!("{place}.content[{index}]"), faults)).sum()
        }
        None | Some(Value::Null) if role == "assistant" && (called.is_some() || message.get("refusal").is_some()) => 0,
        other => {
            let other = other.unwrap_or(&Value::Null);
            let got = if other.is_array() { "an empty one" } else { kind(other) };
            faults.push(format!("`{place}.content`: expected a string or an array of parts, got {got}"));
            0
        }
    };
    3 + content + called.map_or(0, |called| tokens(&called.to_string()))
}

fn part(part: &Value, role: &str, place: &str, faults: &mut Vec<String>) -> u64 {
    let text = |at: &str| part.pointer(at).and_then(Value::as_str);
    match text("/type") {
        Some("text") if text("/text").is_none() => faults.push(format!("`{place}.text`: required: a string")),
        Some("image_url") if role != "user" => {
            faults.push(format!("`{place}`: only messages of the user may hold pictures, this is of the {role}"));
        }
        Some("image_url") if text("/image_url/url").is_none() => {
            faults.push(format!("`{place}.image_url`: required: an object with `url`"));
        }
        Some("text" | "image_url" | "refusal") => {}
        Some(other) => faults
            .push(format!("`{place}.type`: expected one of `text`, `image_url`, `refusal`, got `{}`", quoted(other))),
        None => faults.push(format!("`{place}`: expected an object with `type`, got {}", kind(part))),
    }
    text("/text").map_or(0, tokens)
}

/// About four characters of English to a token; letters of other scripts are closer to one each.
fn tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().count() as u64 - ascii;
    ascii.div_ceil(4) + others * 3 / 4
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
