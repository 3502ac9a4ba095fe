//! From an assistant, a thread and a run's own arguments to what a response is asked for.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::{Members as _, list, text};

/// What a response is to include, so that steps can show it.
pub(super) const INCLUDE: [&str; 2] = ["file_search_call.results", "code_interpreter_call.outputs"];

/// The part of a request that stays the same for all responses of a run.
///
/// `stores` and `files` are what the tools may search and compute with.
pub(super) fn config(run: &Value, stores: &[String], files: &[String]) -> Result<Value> {
    let tools =
        list(run, "tools").filter_map(|it| tool_of(it, stores, files).transpose()).collect::<Result<Vec<_>>>()?;
    let mut config = json!({
        "model": run.at("model"),
        "truncation": "auto",
        "parallel_tool_calls": run.at("parallel_tool_calls"),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.put(name, value);
        }
    };
    let told = |name: &str| run.get(name).filter(|value| !value.is_null()).cloned();
    set("instructions", told("instructions").filter(|it| it != ""));
    // 1 is what stands where nothing is said, and models that reason take neither.
    set("temperature", told("temperature").filter(|it| it.as_f64() != Some(1.0)));
    set("top_p", told("top_p").filter(|it| it.as_f64() != Some(1.0)));
    set("reasoning", told("reasoning_effort").map(|effort| json!({"effort": effort})));
    set("text", format(run.at("response_format"))?.map(|format| json!({"format": format})));
    if !tools.is_empty() {
        let include: Vec<&str> =
            INCLUDE.into_iter().filter(|name| tools.iter().any(|tool| name.starts_with(text(tool, "type")))).collect();
        set("include", (!include.is_empty()).then(|| json!(include)));
        set("tool_choice", choice(run.at("tool_choice"))?);
        set("tools", Some(Value::Array(tools)));
    }
    Ok(config)
}

/// Checks a tool of an assistant.
pub(super) fn tool(tool: &Value) -> Result<()> {
    tool_of(tool, &[String::new()], &[]).map(drop)
}

/// A tool as responses take it; none for a search where there is nothing to search.
fn tool_of(tool: &Value, stores: &[String], files: &[String]) -> Result<Option<Value>> {
    let wrong = |problem: &str| Err(Error::argument("tools", problem));
    Ok(match text(tool, "type") {
        "code_interpreter" => {
            let mut container = json!({"type": "auto"});
            if !files.is_empty() {
                container.put("file_ids", json!(files));
            }
            Some(json!({"type": "code_interpreter", "container": container}))
        }
        "file_search" if stores.is_empty() => None,
        "file_search" => {
            let options = tool.get("file_search").unwrap_or(&Value::Null);
            let mut search = json!({"type": "file_search", "vector_store_ids": stores});
            if let Some(max) = options.get("max_num_results").filter(|it| !it.is_null()) {
                search.put("max_num_results", max.clone());
            }
            if let Some(ranking) = options.get("ranking_options").filter(|it| it.is_object()) {
                let mut ranking = ranking.clone();
                // The ranker of 2024-08-21 is gone; what `auto` stands for took its place.
                if ranking.at("ranker") == "default_2024_08_21" || ranking.at("ranker").is_null() {
                    ranking.put("ranker", json!("auto"));
                }
                search.put("ranking_options", ranking);
            }
            Some(search)
        }
        "function" => {
            let function = tool.get("function").unwrap_or(&Value::Null);
            if text(function, "name").is_empty() {
                return wrong("a function needs `function.name`");
            }
            let mut flat = json!({
                "type": "function",
                "name": function.at("name"),
                "parameters": function.get("parameters").filter(|it| it.is_object()).cloned()
                    .unwrap_or_else(|| json!({"type": "object", "properties": {}})),
                // Responses are strict by default, assistants were not.
                "strict": function.at("strict") == true,
            });
            if let Some(description) = function.get("description").filter(|it| it.is_string()) {
                flat.put("description", description.clone());
            }
            Some(flat)
        }
        other => return wrong(&format!("expected type code_interpreter, file_search or function, got `{other}`")),
    })
}

/// `response_format` as `text.format`; none for `auto`.
pub(super) fn format(format: &Value) -> Result<Option<Value>> {
    match (format, text(format, "type")) {
        (Value::Null, _) => Ok(None),
        (Value::String(word), _) if word == "auto" => Ok(None),
        (Value::Object(_), "text" | "json_object") => Ok(Some(json!({"type": format.at("type")}))),
        (Value::Object(_), "json_schema") if format.at("json_schema").is_object() => {
            let mut flat = format.at("json_schema").clone();
            flat.put("type", json!("json_schema"));
            Ok(Some(flat))
        }
        _ => Err(Error::argument(
            "response_format",
            "expected `auto`, or an object with type text, json_object, or json_schema and `json_schema`",
        )),
    }
}

/// `tool_choice`; none for `auto`.
pub(super) fn choice(choice: &Value) -> Result<Option<Value>> {
    match (choice, text(choice, "type")) {
        (Value::Null, _) => Ok(None),
        (Value::String(word), _) if word == "auto" => Ok(None),
        (Value::String(word), _) if word == "none" || word == "required" => Ok(Some(choice.clone())),
        (Value::Object(_), "code_interpreter" | "file_search") => Ok(Some(json!({"type": choice.at("type")}))),
        (Value::Object(_), "function") if choice.at("function").at("name").is_string() => {
            Ok(Some(json!({"type": "function", "name": choice.at("function").at("name")})))
        }
        _ => Err(Error::argument(
            "tool_choice",
            "expected none, auto, required, or an object with type function (and function.name), code_interpreter \
             or file_search",
        )),
    }
}

/// The `thread.run` of an assistant with a caller's arguments, before it starts.
pub(super) fn run(assistant: &Value, args: &Args) -> Result<Value> {
    let own = |name: &str| args.get(name).filter(|value| !value.is_null());
    let either = |name: &str| own(name).or_else(|| assistant.get(name)).cloned().unwrap_or_default();
    let mut instructions = text_of(&either("instructions"));
    if let Some(more) = own("additional_instructions").and_then(Value::as_str).filter(|more| !more.is_empty()) {
        if !instructions.is_empty() {
            instructions.push('\n');
        }
        instructions.push_str(more);
    }
    let truncation = own("truncation_strategy").cloned().unwrap_or_else(|| json!({"type": "auto"}));
    let last = truncation.get("last_messages").cloned().unwrap_or_default();
    if (truncation.at("type") == "last_messages") != last.is_number() {
        return Err(Error::argument(
            "truncation_strategy",
            "type last_messages wants `last_messages`, and type auto takes none",
        ));
    }
    let run = json!({
        "object": "thread.run",
        "assistant_id": assistant.at("id"),
        "status": "queued",
        "started_at": null,
        "expires_at": null,
        "cancelled_at": null,
        "failed_at": null,
        "completed_at": null,
        "required_action": null,
        "last_error": null,
        "incomplete_details": null,
        "usage": null,
        "model": either("model"),
        "instructions": instructions,
        "tools": either("tools"),
        "metadata": own("metadata").cloned().unwrap_or_else(|| json!({})),
        "temperature": either("temperature"),
        "top_p": either("top_p"),
        "reasoning_effort": either("reasoning_effort"),
        "max_prompt_tokens": own("max_prompt_tokens"),
        "max_completion_tokens": own("max_completion_tokens"),
        "truncation_strategy": {"type": truncation.at("type"), "last_messages": last},
        "response_format": either("response_format"),
        "tool_choice": own("tool_choice").cloned().unwrap_or_else(|| json!("auto")),
        "parallel_tool_calls": own("parallel_tool_calls").cloned().unwrap_or(Value::Bool(true)),
    });
    choice(run.at("tool_choice"))?;
    Ok(run)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
