//! Objects of a given schema.

use openai_mcp_kernel::json_schema;
use openai_mcp_kernel::prelude::*;

use crate::attach;
use crate::completion::Create;
use crate::function_call::{options, usage};
use crate::long;
use crate::shapes::Turn;

tools![StructuredOutput];

/// Get an object that fits a JSON Schema from a model.
///
/// The output was checked against the schema; a refusal, a cut answer or one that does not fit is an error.
#[tool("chat-structured-output", open, saves)]
struct StructuredOutput {
    /// As gpt-6-astra.
    model: String,
    messages: Raw<Vec<Turn>>,
    /// Of an object. In strict mode each object has additionalProperties false and all properties required.
    schema: Raw<Json>,
    /// Of the output, as letters, digits, _ and -.
    name: Option<String>,
    /// What the output is for.
    description: Option<String>,
    /// Default true.
    strict: Option<bool>,
    /// Files for the last user message.
    attach: Option<Vec<FileInput>>,
    /// More arguments of chat-completion-create.
    options: Option<Raw<Json>>,
}

impl StructuredOutput {
    async fn run(self, cx: Context) -> Result<Output> {
        let schema: Value = self.schema.read("schema")?;
        let name = self.name.unwrap_or_else(|| "output".to_owned());
        let strict = self.strict.unwrap_or(true);
        check(&name, &schema, strict)?;

        let mut format = Arguments::default().set("name", &name);
        if let Some(description) = &self.description {
            format = format.set("description", description);
        }
        // As the caller wrote it: the order of its properties is the order in which a model fills them in.
        let format = format.set("schema", &self.schema).set("strict", strict);
        let format = Arguments::default().set("type", "json_schema").set("json_schema", format);

        let messages = self.messages.read("messages")?;
        let messages = attach::add_to(&cx, messages, self.attach.unwrap_or_default()).await?;
        let own = ["model", "messages", "response_format", "tools", "modalities"];
        let body = options(self.options, &own)?.set("model", &self.model).set("response_format", format);
        let completion = cx.send(&Create::SPEC, body.set("messages", messages)).value().await?;
        let output = output(&completion, &schema)?;

        let told = Arguments::default()
            .set("output", output)
            .set("completion_id", completion.get("id"))
            .set("model", completion.get("model"))
            .set("usage", usage(&completion));
        Ok(Output::Json(long::fit(&cx, told.text().clone()).await))
    }
}

/// Tells of a schema that OpenAI would refuse.
fn check(name: &str, schema: &Value, strict: bool) -> Result<()> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(letter) {
        return Err(Error::argument("name", "expected 1 to 64 letters, digits, `_` or `-`"));
    }
    if !schema.is_object() {
        return Err(Error::argument("schema", "expected a JSON Schema, which is an object"));
    }
    let faults = if strict { json_schema::not_strict(schema) } else { Vec::new() };
    if faults.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(|fault| format!("`schema`: {fault}")).collect();
    let hint = "hint: strict mode takes no other schema; an optional property is one that may also be null; or give \
                `strict` false";
    Err(Error::new(Kind::Arguments, format!("{}\n{hint}", lines.join("\n"))))
}

/// The output of a completion, if it is one.
fn output(completion: &Value, schema: &Value) -> Result<Raw<Json>> {
    let id = completion.get("id").and_then(Value::as_str).unwrap_or_default();
    let choice = completion.pointer("/choices/0").unwrap_or(&Value::Null);
    let text = |name: &str| choice.get("message").and_then(|message| message.get(name)).and_then(Value::as_str);
    let failed = |what: String| Error::new(Kind::Answer, format!("{what} (completion {id})"));
    if let Some(refusal) = text("refusal") {
        return Err(failed(format!("the model refused: {refusal}")));
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => {
            let spent = completion.pointer("/usage/completion_tokens").cloned().unwrap_or_default();
            return Err(Error::new(
                Kind::Answer,
                format!(
                    "the answer was cut off after {spent} tokens (completion {id})\n\
                     hint: raise `options.max_completion_tokens`, or ask for less"
                ),
            ));
        }
        Some("content_filter") => return Err(failed("the content filter stopped the answer".to_owned())),
        _ => {}
    }
    let answer = text("content").unwrap_or_default();
    let shown = || answer.chars().take(500).collect::<String>();
    let raw: Raw<Json> = serde_json::from_str(answer)
        .map_err(|error| failed(format!("the answer is not JSON: {error}: {}", shown())))?;
    let value: Value = serde_json::from_str(answer).unwrap_or_default();
    let faults = json_schema::faults(schema, &value);
    if faults.is_empty() {
        return Ok(raw);
    }
    Err(failed(format!("the answer does not fit the schema: {}\nthe answer: {}", faults.join("; "), shown())))
}
