//! Functions: the model calls, the caller runs, the model goes on.

use std::collections::BTreeMap;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json_schema;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::tier;

use crate::brief::usage;
use crate::completion::{Create, Stream};
use crate::media::Keep;
use crate::shapes::{MoreOptions, Tool, ToolChoice, Turn};
use crate::stored::{self, Pending, Stored};
use crate::{long, stream};

tools![FunctionCall];

/// Let a model call functions, and go on with their outputs.
///
/// Begin with model, messages and tools. The result has the calls: arguments parsed and checked against the schemas.
/// Run them, then call again with completion_id and outputs alone, until done is true. Completions are kept at OpenAI
/// for that.
#[tool("chat-function-call", open, saves)]
struct FunctionCall {
    /// As gpt-6-astra.
    model: Option<String>,
    /// The conversation; with completion_id, what the user adds to it.
    messages: Option<Raw<Vec<Turn>>>,
    tools: Option<Raw<Vec<Tool>>>,
    tool_choice: Option<Raw<ToolChoice>>,
    parallel_tool_calls: Option<bool>,
    /// Go on from this result.
    completion_id: Option<String>,
    /// One for each call of that result.
    outputs: Option<Vec<CallOutput>>,
    /// More arguments of chat-completion-create; they hold for this call alone.
    options: Options<MoreOptions>,
    #[unlisted]
    stream: Option<bool>,
}

#[shape(read)]
struct CallOutput {
    tool_call_id: String,
    /// Text, or JSON.
    output: Json,
}

impl FunctionCall {
    async fn run(self, cx: Context) -> Result<Output> {
        let FunctionCall { mut model, messages, mut tools, completion_id, outputs, .. } = self;
        let messages: Option<Vec<Value>> = messages.map(|messages| messages.read("messages")).transpose()?;
        let messages = match completion_id {
            Some(id) => {
                let stored = Stored::get(&cx, &id).await?;
                let answers = answers(&stored.pending(), outputs.unwrap_or_default())?;
                if answers.is_empty() && messages.as_ref().is_none_or(Vec::is_empty) {
                    let problem = "the model called no function there\nhint: give what the user says next";
                    return Err(Error::argument("messages", problem));
                }
                let mut whole = stored.conversation(&cx).await?;
                whole.extend(answers);
                whole.extend(messages.unwrap_or_default());
                tools = tools.or(stored.tools);
                model = model.or(stored.model);
                whole
            }
            None if outputs.is_some() => {
                return Err(Error::argument(
                    "completion_id",
                    "required with `outputs`: that of the result with the calls",
                ));
            }
            None => {
                let missing =
                    [("messages", messages.is_none()), ("tools", tools.is_none()), ("model", model.is_none())];
                let missing = missing.iter().filter(|(_, missing)| *missing);
                let missing: Vec<String> =
                    missing.map(|(name, _)| format!("`{name}`: required without `completion_id`")).collect();
                if !missing.is_empty() {
                    return Err(Error::new(Kind::Arguments, missing.join("\n")));
                }
                messages.unwrap_or_default()
            }
        };

        let options = self.options.arguments();
        let store = options.member("store")?.unwrap_or(true);
        let mut body = options.set("store", store).set("model", &model).set("messages", &messages);
        if let Some(tools) = &tools {
            body = body.set("tools", tools);
        }
        if let Some(choice) = self.tool_choice {
            body = body.set("tool_choice", choice);
        }
        if let Some(parallel) = self.parallel_tool_calls {
            body = body.set("parallel_tool_calls", parallel);
        }
        let keep = Keep::read(&body, None)?;
        let streams = self.stream == Some(true);
        let completion = stream::complete(&cx, [&Create::SPEC, &Stream::SPEC], body, streams).await?;
        let goes_on = match (store, &tools) {
            (false, _) => GoesOn::NotStored("not stored"),
            (true, _) if messages.iter().any(not_kept) => {
                GoesOn::NotStored("OpenAI keeps no files, sounds and large images of a conversation")
            }
            (true, None) => GoesOn::WithTools,
            (true, Some(_)) => GoesOn::Alone,
        };
        told(&cx, completion, tools.as_ref(), goes_on, &keep).await
    }
}

/// The outputs as messages, in the order of the calls.
fn answers(pending: &[Pending], outputs: Vec<CallOutput>) -> Result<Vec<Value>> {
    let mut given: BTreeMap<String, Value> = BTreeMap::new();
    let mut faults = Vec::new();
    let waiting = || match pending {
        [] => "that result has no calls".to_owned(),
        calls => format!("the calls are {}", calls.iter().map(named).collect::<Vec<_>>().join(", ")),
    };
    for (index, CallOutput { tool_call_id: id, output: Json(content) }) in outputs.into_iter().enumerate() {
        if !pending.iter().any(|call| call.id == id) {
            faults.push(format!("`outputs[{index}].tool_call_id`: no call `{id}`; {}", waiting()));
        } else if given.insert(id.clone(), content).is_some() {
            faults.push(format!("`outputs[{index}].tool_call_id`: a second output for `{id}`"));
        }
    }
    let missing: Vec<String> = pending.iter().filter(|call| !given.contains_key(&call.id)).map(named).collect();
    if !missing.is_empty() {
        faults.push(format!("`outputs`: missing for {}", missing.join(", ")));
    }
    if !faults.is_empty() {
        return Err(Error::new(Kind::Arguments, faults.join("\n")));
    }
    let answer = |call: &Pending| {
        let content = match given.remove(&call.id) {
            Some(Value::String(text)) => text,
            other => other.unwrap_or_default().to_string(),
        };
        json!({"role": "tool", "tool_call_id": call.id, "content": content})
    };
    Ok(pending.iter().map(answer).collect())
}

fn named(call: &Pending) -> String {
    format!("`{}` ({})", call.id, call.name)
}

/// How the caller goes on with the outputs.
#[derive(Clone, Copy)]
enum GoesOn {
    /// The id of the completion says it all.
    Alone,
    /// The tools are to be given again.
    WithTools,
    /// All is to be given again, for this reason.
    NotStored(&'static str),
}

/// Whether a stored message would lack some of this one.
/// <https://platform.openai.com/docs/api-reference/chat/create#chat_create-store>
fn not_kept(message: &Value) -> bool {
    /// 8 MB as base64.
    const LARGEST_IMAGE: usize = 8_000_000 / 3 * 4;
    let parts = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let url = |part: &Value| part.pointer("/image_url/url").and_then(Value::as_str).map_or(0, str::len);
    let mut parts = parts.map(|part| (part.get("type").and_then(Value::as_str).unwrap_or_default(), url(part)));
    parts.any(|(kind, url)| matches!(kind, "file" | "input_audio") || url > LARGEST_IMAGE)
}

/// What the caller needs of a completion.
async fn told(
    cx: &Context,
    mut completion: Value,
    tools: Option<&Raw<Vec<Tool>>>,
    goes_on: GoesOn,
    keep: &Keep,
) -> Result<Output> {
    let mut choice = completion.pointer_mut("/choices/0").map(Value::take).unwrap_or_default();
    let mut message = choice.get_mut("message").map(Value::take).unwrap_or_default();
    let sound = match message.get_mut("audio").and_then(Value::as_object_mut) {
        Some(audio) => keep.take_sound(cx, audio, None).await?,
        None => None,
    };
    let cut = choice.get("finish_reason").is_some_and(|reason| reason == "length");
    let schemas = schemas(tools);
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls: Vec<Value> = calls.map(|call| checked(call, &schemas, cut)).collect();
    let done = calls.is_empty();

    let mut told = Arguments::default().set("completion_id", completion.get("id")).set("done", done);
    if !done {
        told = told.set("calls", &calls);
    }
    for (name, shown) in
        [("content", "text"), ("refusal", "refusal"), ("audio", "audio"), ("annotations", "annotations")]
    {
        if let Some(value) = message.get(name).filter(|value| !value.is_null() && **value != json!([])) {
            told = told.set(shown, value);
        }
    }
    told = told.set("finish_reason", choice.get("finish_reason"));
    told = told.set("model", completion.get("model"));
    if let Some(tier) = tier::unasked(&completion, keep.tier.as_deref()) {
        told = told.set("service_tier", tier);
    }
    told = told.set("usage", usage(&completion));
    if !done {
        let next = |arguments: Value| json!({"tool": FunctionCall::SPEC.name, "arguments": arguments});
        let again = next(json!({"completion_id": completion.get("id")}));
        told = match goes_on {
            GoesOn::Alone => told.set("next", again),
            GoesOn::WithTools => told.set("next", again).set("note", "OpenAI kept no tools: give them again"),
            GoesOn::NotStored(why) => {
                let note = format!(
                    "{why}: give the whole conversation: its messages, this message, and one of role tool for each call"
                );
                told.set("message", stored::message(message)).set("next", next(json!({}))).set("note", note)
            }
        };
    }
    Ok(long::fit(cx, told.text().clone(), keep.stored).await.beside(sound.into_iter().collect()))
}

/// The schema of each function's arguments; of a function that has none, no arguments at all.
fn schemas(tools: Option<&Raw<Vec<Tool>>>) -> BTreeMap<String, Value> {
    let tools: Vec<Value> = tools.and_then(|tools| tools.read("tools").ok()).unwrap_or_default();
    let schema = |tool: &Value| {
        let function = tool.get("function")?;
        let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
        Some((function.get("name")?.as_str()?.to_owned(), schema))
    };
    tools.iter().filter_map(schema).collect()
}

/// A call with its arguments parsed and checked.
fn checked(call: &Value, schemas: &BTreeMap<String, Value>, cut: bool) -> Value {
    let id = call.get("id");
    if let Some(custom) = call.get("custom") {
        return json!({"tool_call_id": id, "name": custom.get("name"), "input": custom.get("input")});
    }
    let text = |name: &str| call.get("function")?.get(name)?.as_str();
    let (name, arguments) = (text("name").unwrap_or_default(), text("arguments").unwrap_or_default());
    // A function without parameters may be called with no arguments at all.
    let parsed = serde_json::from_str::<Value>(if arguments.trim().is_empty() { "{}" } else { arguments });
    let faults = match (&parsed, schemas.get(name)) {
        (Err(error), _) if cut => vec![format!("cut off by the limit of tokens: {error}")],
        (Err(error), _) => vec![format!("not JSON: {error}")],
        (Ok(_), None) => vec![format!("no function `{name}` in tools")],
        (Ok(arguments), Some(schema)) => json_schema::faults(schema, arguments),
    };
    let mut told = json!({"tool_call_id": id, "name": name, "valid": faults.is_empty()});
    if let Some(told) = told.as_object_mut() {
        match parsed {
            Ok(arguments) => told.insert("arguments".into(), arguments),
            Err(_) => told.insert("arguments_text".into(), arguments.into()),
        };
        if !faults.is_empty() {
            told.insert("faults".into(), faults.into());
        }
    }
    told
}
