//! What is asked of a model, as a request of Chat or of Responses.

use serde_json::{Map, Value, json};

/// Messages and settings as evals have them, for a sample or for a grade.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// The model.
    pub model: String,
    /// `{role, content}`, all templates rendered; the content is text, one part or a list of parts: `input_text`,
    /// `output_text`, `input_image`, `input_audio`. Other members, such as `tool_calls`, go along.
    pub messages: Vec<Value>,
    /// `temperature`, `top_p`, `seed`, `reasoning_effort`, `max_completion_tokens` (or `max_completions_tokens`, as the API
    /// spells it for graders), `tools`, `response_format`, `text`.
    pub sampling_params: Map<String, Value>,
    /// The name and the strict schema of the answer, where there is one.
    pub schema: Option<(String, Value)>,
}

impl Prompt {
    /// The body of `POST /chat/completions`.
    #[must_use]
    pub fn chat(&self) -> Value {
        let mut body = Map::from_iter([("model".to_owned(), json!(self.model))]);
        body.insert(
            "messages".to_owned(),
            self.messages.iter().map(|message| message_with(message, &chat_part)).collect(),
        );
        for (name, value) in &self.sampling_params {
            let name = if name == "max_completions_tokens" { "max_completion_tokens" } else { name };
            match (name, value.get("format")) {
                // A format as Responses have it.
                ("text", Some(format)) => body.insert("response_format".to_owned(), nested(format)),
                ("text", None) => None,
                _ => body.insert(name.to_owned(), value.clone()),
            };
        }
        if let Some((name, schema)) = &self.schema {
            let format =
                json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": true}});
            body.insert("response_format".to_owned(), format);
        }
        body.into()
    }

    /// The body of `POST /responses`. It has no `seed`, which Responses do not take.
    #[must_use]
    pub fn response(&self) -> Value {
        let mut body = Map::from_iter([("model".to_owned(), json!(self.model))]);
        body.insert(
            "input".to_owned(),
            self.messages.iter().map(|message| message_with(message, &response_part)).collect(),
        );
        for (name, value) in &self.sampling_params {
            match name.as_str() {
                "max_completion_tokens" | "max_completions_tokens" => {
                    body.insert("max_output_tokens".to_owned(), value.clone());
                }
                "reasoning_effort" => {
                    body.insert("reasoning".to_owned(), json!({"effort": value}));
                }
                "response_format" => {
                    body.insert("text".to_owned(), json!({"format": flat(value)}));
                }
                "tools" => {
                    body.insert(name.clone(), value.as_array().into_iter().flatten().map(flat_tool).collect());
                }
                "seed" => {}
                _ => {
                    body.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some((name, schema)) = &self.schema {
            let format = json!({"type": "json_schema", "name": name, "schema": schema, "strict": true});
            body.insert("text".to_owned(), json!({"format": format}));
        }
        body.into()
    }
}

/// A message whose parts are written by `part`, which also gets its role.
fn message_with(message: &Value, part: &dyn Fn(&str, &Value) -> Value) -> Value {
    let mut message = message.as_object().cloned().unwrap_or_default();
    message.remove("type");
    let role = message.get("role").and_then(Value::as_str).unwrap_or("user").to_owned();
    let content = match message.get("content") {
        Some(Value::Array(parts)) => parts.iter().map(|one| part(&role, one)).collect(),
        Some(one @ Value::Object(_)) => json!([part(&role, one)]),
        Some(other) => other.clone(),
        None => return message.into(),
    };
    message.insert("content".to_owned(), content);
    message.into()
}

fn chat_part(_: &str, part: &Value) -> Value {
    let text = |text: Option<&Value>| json!({"type": "text", "text": text});
    match part.get("type").and_then(Value::as_str) {
        None if part.is_string() => text(Some(part)),
        Some("input_text" | "output_text") => text(part.get("text")),
        Some("input_image") => {
            let mut image = json!({"url": part.get("image_url")});
            if let (Some(detail), Some(image)) = (part.get("detail"), image.as_object_mut()) {
                image.insert("detail".to_owned(), detail.clone());
            }
            json!({"type": "image_url", "image_url": image})
        }
        _ => part.clone(),
    }
}

fn response_part(role: &str, part: &Value) -> Value {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    match part.get("type").and_then(Value::as_str) {
        None if part.is_string() => json!({"type": kind, "text": part}),
        Some("text" | "input_text" | "output_text") => json!({"type": kind, "text": part.get("text")}),
        Some("image_url") => {
            let image = part.get("image_url");
            let url = image.and_then(|image| image.get("url")).or(image);
            let detail = image.and_then(|image| image.get("detail"));
            json!({"type": "input_image", "image_url": url, "detail": detail.unwrap_or(&json!("auto"))})
        }
        _ => part.clone(),
    }
}

/// A format of Responses as Chat has it.
fn nested(format: &Value) -> Value {
    match (format.get("type").and_then(Value::as_str), format.as_object()) {
        (Some("json_schema"), Some(members)) if !members.contains_key("json_schema") => {
            let mut members = members.clone();
            members.remove("type");
            json!({"type": "json_schema", "json_schema": members})
        }
        _ => format.clone(),
    }
}

/// A format of Chat as Responses have it.
fn flat(format: &Value) -> Value {
    hoisted(format, "json_schema")
}

/// A tool of Chat as Responses have it.
fn flat_tool(tool: &Value) -> Value {
    hoisted(tool, "function")
}

/// An object whose member `name` is an object, with that one's members in its place.
fn hoisted(value: &Value, name: &str) -> Value {
    let Some(Value::Object(inner)) = value.get(name) else { return value.clone() };
    let mut members = value.as_object().cloned().unwrap_or_default();
    members.remove(name);
    members.extend(inner.clone());
    members.into()
}
