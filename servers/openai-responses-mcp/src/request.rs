//! What a caller asks for, as the API takes it: what can only mean one thing is put so, and what it would refuse is told
//! before anything is spent.

use std::collections::BTreeMap;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::strict;
use openai_mcp_shapes::items;

use crate::choice;

/// The beta that `multi_agent` belongs to.
const MULTI_AGENT: &str = "responses_multi_agent=v1";

/// The betas of a call, which all calls about the same response have to name.
#[derive(Clone, Default)]
pub(crate) struct Betas(pub(crate) Option<Value>);

impl Betas {
    /// Those that arguments name.
    pub(crate) fn of(arguments: &Arguments) -> Result<Self> {
        arguments.member("betas").map(Betas)
    }

    /// The same arguments with them.
    pub(crate) fn added(&self, mut arguments: Value) -> Value {
        if let (Some(betas), Some(arguments)) = (&self.0, arguments.as_object_mut()) {
            arguments.insert("betas".to_owned(), betas.clone());
        }
        arguments
    }
}

/// What is sent.
pub(crate) struct Settled {
    pub(crate) arguments: Arguments,
    pub(crate) meant: Meant,
}

/// Schemas as the caller gave them, where stricter ones are sent.
#[derive(Default)]
pub(crate) struct Meant {
    /// Of the answer.
    pub(crate) format: Option<Value>,
    /// Of the arguments of functions, by their names.
    pub(crate) functions: BTreeMap<String, Value>,
}

/// The arguments as they are sent. What needs no change stays as it was written.
///
/// # Errors
/// They exclude each other, or hold a schema that cannot be made a strict one.
pub(crate) async fn settle(cx: &Context) -> Result<Settled> {
    // A schema of a few lines can ask for much work.
    let arguments = cx.arguments().clone();
    cx.compute(move || settled(&arguments)).await?
}

fn settled(arguments: &Arguments) -> Result<Settled> {
    let given = |name: &str| Ok::<_, Error>(arguments.member::<Raw<Json>>(name)?.is_some());
    if given("previous_response_id")? && given("conversation")? {
        let problem = "excludes `previous_response_id`: a response goes on from one of them";
        return Err(Error::argument("conversation", problem));
    }
    let arguments = items::settle(arguments.clone(), "input")?;
    if let Some(conversation) = id_of(&arguments, "conversation")?
        && conversation.starts_with("resp_")
    {
        let problem = format!(
            "expected the id of a conversation (`conv_…`), got `{conversation}`, which is one of a response\n\
             hint: `previous_response_id` takes it"
        );
        return Err(Error::argument("conversation", problem));
    }
    if let Some(prompt) = id_of(&arguments, "prompt")?
        && !prompt.starts_with("pmpt_")
    {
        let shown: String = prompt.chars().take(60).collect();
        let problem = format!(
            "expected the id of a stored prompt (`pmpt_…`), got `{shown}`\n\
             hint: did you mean `input`? It takes what the model is to answer"
        );
        return Err(Error::argument("prompt", problem));
    }
    let mut functions = BTreeMap::new();
    let arguments = arguments.each("tools", |given, index| tool(given, index, &mut functions))?;
    let arguments = choice::settle(arguments)?;
    let (arguments, format) = format(arguments)?;
    let arguments = match given("multi_agent")? && !given("betas")? {
        true => arguments.set("betas", [MULTI_AGENT]),
        false => arguments,
    };
    Ok(Settled { arguments, meant: Meant { format, functions } })
}

/// The id in an argument that is one, or an object with one.
fn id_of(arguments: &Arguments, name: &str) -> Result<Option<String>> {
    let given: Option<Value> = arguments.member(name)?;
    let id = |given: Value| given.get("id").unwrap_or(&given).as_str().map(str::to_owned);
    Ok(given.and_then(id))
}

/// The schema of a strict function is made strict; a code interpreter without a container, or with "auto" for one, gets a new
/// one.
fn tool(tool: &Arguments, index: usize, meant: &mut BTreeMap<String, Value>) -> Result<Option<Arguments>> {
    let members = tool.members()?;
    let kind: Option<String> = members.read("type")?;
    let has = |name: &str| members.names().any(|member| member == name);
    let changed = match kind.as_deref() {
        Some("code_interpreter") if !has("container") || members.text("container") == Some("\"auto\"") => {
            Some(tool.clone().set("container", json!({"type": "auto"})))
        }
        _ => None,
    };
    let now = changed.as_ref().unwrap_or(tool);
    let Some((sent, schema)) = strict::made(now, "parameters", &format!("tools[{index}].parameters"))? else {
        return Ok(changed);
    };
    if let Some(name) = now.member("name")? {
        meant.insert(name, schema);
    }
    Ok(Some(sent))
}

/// The form of the answer, with the name that a schema must have and a strict schema made strict; and the schema as it was
/// given, where that changed it.
fn format(arguments: Arguments) -> Result<(Arguments, Option<Value>)> {
    let object = |raw: Option<Raw<Json>>| raw.map(|raw| Arguments::new(Some(raw.text().to_owned().into())));
    let Some(text) = object(arguments.member("text")?) else { return Ok((arguments, None)) };
    let Some(given) = object(text.member("format")?) else { return Ok((arguments, None)) };
    if given.member::<String>("type")?.as_deref() != Some("json_schema") {
        return Ok((arguments, None));
    }
    let mut format = given.clone();
    if format.member::<String>("name")?.is_none() {
        format = format.set("name", "output");
    }
    let mut changed = None;
    if let Some((sent, schema)) = strict::made(&format, "schema", "text.format.schema")? {
        format = sent;
        changed = Some(schema);
    }
    if format.text() == given.text() {
        return Ok((arguments, None));
    }
    Ok((arguments.set("text", text.set("format", format)), changed))
}
