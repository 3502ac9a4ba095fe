//! Objects of a given schema.

use openai_mcp_kernel::json::Node;
use openai_mcp_kernel::json_schema;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::strict;
use openai_mcp_shapes::attachment::Attachment;
use openai_mcp_shapes::tier;

use crate::brief::usage;
use crate::completion::{Create, Stream};
use crate::shapes::{Tuning, Turn};
use crate::{attach, long, stream};

tools![StructuredOutput];

/// Get an object that fits a JSON Schema from a model.
///
/// The output was checked against the schema; a refusal, a cut answer or one that does not fit is an error.
#[tool("chat-structured-output", open, saves)]
struct StructuredOutput {
    /// As gpt-6-astra.
    model: String,
    messages: Raw<Vec<Turn>>,
    /// JSON Schema of an object. It is made strict: what is not required may come as null, which is left out.
    schema: Raw<JsonObject>,
    /// Of the output, as letters, digits, _ and -.
    name: Option<String>,
    /// What the output is for.
    description: Option<String>,
    /// Default true. With false the schema goes out as it is, and the model may miss it.
    strict: Option<bool>,
    /// Files for the last user message.
    attach: Option<Vec<Attachment>>,
    /// More arguments of chat-completion-create.
    options: Options<Tuning>,
    #[unlisted]
    stream: Option<bool>,
}

impl StructuredOutput {
    async fn run(self, cx: Context) -> Result<Output> {
        let given = Node::parse(self.schema.text()).map_err(|error| Error::argument("schema", error))?;
        let wanted = Wanted::of(given.into_owned());
        let name = self.name.or(wanted.name).unwrap_or_else(|| "output".to_owned());
        check_name(&name)?;
        let strict = self.strict.or(wanted.strict).unwrap_or(true);
        let given = wanted.schema;
        let (given, sent) = cx
            .compute(move || {
                let sent = if strict { strict::strict(&given) } else { Ok(given.clone()) };
                (given, sent)
            })
            .await?;
        let sent = sent.map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(|fault| format!("`schema`: {fault}")).collect();
            Error::new(Kind::Arguments, format!("{}\nhint: or give `strict` false", lines.join("\n")))
        })?;

        let mut format = Arguments::default().set("name", &name);
        if let Some(description) = self.description.or(wanted.description) {
            format = format.set("description", description);
        }
        // The order of its properties is the order in which a model fills them in.
        let format = format.set("schema", sent).set("strict", strict);
        let format = Arguments::default().set("type", "json_schema").set("json_schema", format);

        let messages = self.messages.read("messages")?;
        let messages = attach::add_to(&cx, messages, self.attach.unwrap_or_default()).await?;
        let options = self.options.arguments();
        let stored = options.member("store")?.unwrap_or_default();
        let tier: Option<String> = options.member("service_tier")?;
        let body = options.set("model", &self.model).set("response_format", format);
        let body = body.set("messages", messages);
        let streams = self.stream == Some(true);
        let completion = stream::complete(&cx, [&Create::SPEC, &Stream::SPEC], body, streams).await?;
        let answer = answer(&completion)?;
        let checked = cx.compute(move || checked(&given, &answer, strict)).await?;
        let id = completion.get("id").and_then(Value::as_str).unwrap_or_default();
        let output = checked.map_err(|problem| failed(id, problem))?;

        let mut told = Arguments::default()
            .set("output", output)
            .set("completion_id", completion.get("id"))
            .set("model", completion.get("model"));
        if let Some(tier) = tier::unasked(&completion, tier.as_deref()) {
            told = told.set("service_tier", tier);
        }
        told = told.set("usage", usage(&completion));
        Ok(long::fit(&cx, told.text().clone(), stored).await)
    }
}

/// What a caller wants of the output.
struct Wanted {
    schema: Node<'static>,
    name: Option<String>,
    description: Option<String>,
    strict: Option<bool>,
}

impl Wanted {
    /// Takes a schema out of what may be around it: the `json_schema` of a `response_format`, or all of that.
    fn of(given: Node<'static>) -> Self {
        let plain = |schema| Wanted { schema, name: None, description: None, strict: None };
        let Node::Object(members) = given else { return plain(given) };
        let is_schema =
            ["properties", "anyOf", "$ref"].iter().any(|name| members.iter().any(|(member, _)| member == name));
        let inside = |name: &str| {
            !is_schema && members.iter().any(|(member, inner)| member == name && matches!(inner, Node::Object(_)))
        };
        let (format, wrapped) = (inside("json_schema"), inside("schema"));
        if !format && !wrapped {
            return plain(Node::Object(members));
        }
        let mut wanted = plain(Node::Null);
        for (name, value) in members {
            match (name.as_ref(), value) {
                ("json_schema", inner) if format => return Wanted::of(inner),
                ("schema", inner) => wanted.schema = inner,
                ("name", Node::Text(text)) => wanted.name = Some(text.into_owned()),
                ("description", Node::Text(text)) => wanted.description = Some(text.into_owned()),
                ("strict", Node::Bool(strict)) => wanted.strict = Some(strict),
                _ => {}
            }
        }
        wanted
    }
}

fn check_name(name: &str) -> Result<()> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(letter) {
        return Err(Error::argument("name", "expected 1 to 64 letters, digits, `_` or `-`"));
    }
    Ok(())
}

fn failed(id: &str, what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Answer, format!("{what} (completion {id})"))
}

/// What the model wrote, if it wrote all that it wanted to.
fn answer(completion: &Value) -> Result<String> {
    let id = completion.get("id").and_then(Value::as_str).unwrap_or_default();
    let choice = completion.pointer("/choices/0").unwrap_or(&Value::Null);
    let text = |name: &str| choice.get("message").and_then(|message| message.get(name)).and_then(Value::as_str);
    if let Some(refusal) = text("refusal") {
        return Err(failed(id, format!("the model refused: {refusal}")));
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => {
            let spent = completion.pointer("/usage/completion_tokens").cloned().unwrap_or_default();
            let cut = failed(id, format!("the answer was cut off after {spent} tokens"));
            Err(Error::new(cut.kind(), format!("{cut}\nhint: raise `max_completion_tokens`, or ask for less")))
        }
        Some("content_filter") => Err(failed(id, "the content filter stopped the answer")),
        _ => Ok(text("content").unwrap_or_default().to_owned()),
    }
}

/// The output in an answer, if it fits the schema that the caller gave.
///
/// # Errors
/// What is wrong with it, and its beginning.
fn checked(given: &Node<'_>, answer: &str, strict: bool) -> Result<Node<'static>, String> {
    let shown = || answer.chars().take(500).collect::<String>();
    let mut output =
        Node::parse(answer).map_err(|error| format!("the answer is not JSON: {error}: {}", shown()))?.into_owned();
    let value = |node: &Node<'_>| serde_json::from_slice::<Value>(node.to_json().as_bytes()).unwrap_or_default();
    let given = value(given);
    if strict {
        strict::without_added_nulls(&given, &mut output);
    }
    match json_schema::faults(&given, &value(&output)) {
        faults if faults.is_empty() => Ok(output),
        faults => Err(format!("the answer does not fit the schema: {}\nthe answer: {}", faults.join("; "), shown())),
    }
}
