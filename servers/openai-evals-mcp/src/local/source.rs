//! Data sources: the rows of a run, and how a model is to be sampled for each.

use std::collections::VecDeque;

use openai_mcp_graders::Prompt;
use openai_mcp_graders::template::{self, Names};
use openai_mcp_kernel::json;
use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::Rows;
use serde_json::Map;

use super::upstream::{ChatList, ChatMessages, FileContent};
use super::{Members as _, Problem, list, text};

/// Most bytes of a file of rows.
const LARGEST: usize = 512 * 1024 * 1024;
/// Bytes of the rows of a call that its run goes on to show.
const INLINE: usize = 2048;
/// Stored completions that are taken where no limit is given.
const STORED: i64 = 200;
/// Where rows may come from, with what is said of them there.
const SOURCES: [(&str, &[&str]); 3] = [
    ("file_content", &["content"]),
    ("file_id", &["id"]),
    ("stored_completions", &["model", "metadata", "created_after", "created_before", "limit"]),
];

/// How a model is sampled for an item.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    model: String,
    messages: Messages,
    params: Map<String, Value>,
    /// By Responses in the background, not by Chat.
    pub(super) background: bool,
}

#[derive(Clone, Debug)]
enum Messages {
    Template(Vec<Value>),
    /// A path that leads to messages.
    Reference(String),
}

impl Sampling {
    /// Reads what a data source says of sampling; nothing if its rows have all that is graded.
    pub(super) fn read(source: &Value, faults: &mut Vec<String>) -> Option<Sampling> {
        let kind = text(source, "type");
        strangers("data_source", source, &["source", "model", "input_messages", "sampling_params"], faults);
        let rows = source.at("source");
        if let Some((_, members)) = SOURCES.iter().find(|(kind, _)| *kind == text(rows, "type")) {
            strangers("data_source.source", rows, members, faults);
        }
        let input = source.at("input_messages");
        strangers("data_source.input_messages", input, &["template", "item_reference"], faults);
        let given = |name: &str| !source.at(name).is_null();
        if kind == "jsonl" || !(given("model") || given("input_messages")) {
            let beside = ["model", "input_messages", "sampling_params"].into_iter().filter(|name| given(name));
            faults.extend(beside.map(|name| {
                format!("`data_source.{name}`: type {kind} samples nothing; type completions or responses does, with model and input_messages")
            }));
            return None;
        }
        let messages = match text(input, "type") {
            "template" => {
                let messages: Vec<Value> = list(input, "template").cloned().collect();
                if messages.is_empty() {
                    faults.push("`data_source.input_messages.template`: expected messages {role, content}".to_owned());
                }
                for (at, message) in messages.iter().enumerate() {
                    let place = format!("`data_source.input_messages.template[{at}]`");
                    if text(message, "role").is_empty() || message.at("content").is_null() {
                        faults.push(format!("{place}: expected a message {{role, content}}"));
                    }
                    texts(message.at("content"), &mut |text| {
                        let problem = template::check(text, true).err();
                        let early =
                            template::check(text, false).err().map(|_| "a prompt can name `item` alone".to_owned());
                        faults.extend(problem.or(early).map(|problem| format!("{place}: {problem}")));
                    });
                }
                Messages::Template(messages)
            }
            "item_reference" => {
                let path = text(input, "item_reference");
                if !path.starts_with("item.") {
                    faults.push(
                        "`data_source.input_messages.item_reference`: expected a path as item.messages".to_owned(),
                    );
                }
                Messages::Reference(path.to_owned())
            }
            _ => {
                let form = "{type: template, template: messages} or {type: item_reference, item_reference: \"item.…\"}";
                faults.push(format!("`data_source.input_messages`: expected {form}"));
                Messages::Template(Vec::new())
            }
        };
        if text(source, "model").is_empty() {
            faults.push("`data_source.model`: expected the model to sample".to_owned());
        }
        let mut params = source.at("sampling_params").as_object().cloned().unwrap_or_default();
        params.retain(|_, value| !value.is_null());
        Some(Sampling { model: text(source, "model").to_owned(), messages, params, background: kind == "responses" })
    }

    /// What the model is asked for an item.
    pub(super) fn prompt(&self, item: &Value) -> Result<Prompt, Problem> {
        let names = Names { item, sample: None };
        let unknown = |unknown: template::UnknownPath| Problem::new("unknown_path", unknown.to_string());
        let messages = match &self.messages {
            Messages::Template(messages) => {
                messages.iter().map(|message| template::render_within(message, names)).collect::<Result<_, _>>()
            }
            Messages::Reference(path) => template::lookup(path, names).map(|found| match found.into_owned() {
                Value::Array(messages) => messages,
                Value::String(said) => vec![json!({"role": "user", "content": said})],
                other => vec![other],
            }),
        };
        Ok(Prompt {
            model: self.model.clone(),
            messages: messages.map_err(unknown)?,
            sampling_params: self.params.clone(),
            schema: None,
        })
    }

    /// A parameter of sampling.
    pub(super) fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name)
    }
}

/// What a data source can only mean: rows alone are its content, messages alone are a template.
pub(super) fn even(data: &mut Value) {
    for (name, kind, member) in [("source", "file_content", "content"), ("input_messages", "template", "template")] {
        if data.at(name).is_array() {
            let items = data.at_mut(name).take();
            data.put(name, json!({"type": kind, member: items}));
        }
    }
    if let Some(Value::Object(source)) = data.get_mut("source")
        && !source.contains_key("id")
        && let Some(file) = source.remove("file_id")
    {
        source.insert("id".to_owned(), file);
    }
}

/// Takes note of the members of an object that are none of those there are: nothing would come of them.
pub(super) fn strangers(place: &str, object: &Value, known: &[&str], faults: &mut Vec<String>) {
    let given = object.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, _) in given.filter(|(name, _)| *name != "type" && !known.contains(&name.as_str())) {
        let there = known.iter().map(|name| format!(", `{name}`")).collect::<String>();
        let sampling = if known.contains(&"sampling_params") { ", which takes how a model samples" } else { "" };
        faults.push(format!("`{place}.{name}`: unknown field; there are `type`{there}{sampling}"));
    }
}

/// Every text within a content.
fn texts(content: &Value, see: &mut impl FnMut(&str)) {
    match content {
        Value::String(text) => see(text),
        Value::Array(parts) => parts.iter().for_each(|part| texts(part, see)),
        Value::Object(members) => members.values().for_each(|value| texts(value, see)),
        _ => {}
    }
}

/// A row: an item, and the sample that it comes with.
pub(super) struct Row {
    pub(super) item: Value,
    pub(super) sample: Option<Value>,
}

/// Where the rows of a run come from.
pub(super) enum Source {
    Content(VecDeque<Value>),
    File(Box<Rows>),
    Stored(Stored),
}

/// Stored completions, page after page.
pub(super) struct Stored {
    cx: Context,
    query: Value,
    created: [Option<i64>; 2],
    left: i64,
    page: VecDeque<Value>,
    ended: bool,
}

impl Source {
    /// Checks a data source, and opens it. Rows that it holds are taken out of it, if they are many.
    pub(super) async fn open(cx: &Context, data: &mut Value) -> Result<Source> {
        if text(data.at("source"), "type") == "file_content" && known(text(data, "type")) {
            let rows = taken(data.at_mut("source"));
            let none = || Error::argument("data_source.source.content", "expected rows {item, sample?}");
            return if rows.is_empty() { Err(none()) } else { Ok(Source::Content(rows.into())) };
        }
        let kind = text(data, "type");
        let source = data.at("source");
        let fault = |place: &str, problem: &str| Error::argument(place, problem);
        if !known(kind) {
            let problem = format!("expected jsonl, completions or responses, got `{kind}`");
            return Err(fault("data_source.type", &problem));
        }
        match text(source, "type") {
            "file_id" => {
                let id = text(source, "id");
                if id.is_empty() {
                    return Err(fault("data_source.source.id", "expected the id of a file of JSONL"));
                }
                let content = cx.send(&FileContent::SPEC, json!({"file_id": id})).response().await?;
                let file = Opened {
                    filename: format!("{id}.jsonl"),
                    mime_type: "application/jsonl".to_owned(),
                    body: content.into_body(),
                };
                Ok(Source::File(Box::new(Rows::new(file, LARGEST))))
            }
            "stored_completions" if kind == "completions" => Ok(Source::Stored(Stored {
                cx: cx.clone(),
                query: json::object(
                    ["model", "metadata"]
                        .into_iter()
                        .filter(|name| !source.at(name).is_null())
                        .map(|name| (name.to_owned(), source.at(name).clone())),
                )
                .into(),
                created: ["created_after", "created_before"].map(|name| source.at(name).as_i64()),
                left: source.at("limit").as_i64().unwrap_or(STORED),
                page: VecDeque::new(),
                ended: false,
            })),
            "responses" => Err(fault(
                "data_source.source.type",
                "OpenAI has no request that lists responses\nhint: give the rows as file_content or file_id, or stored_completions",
            )),
            other => {
                let known = if kind == "completions" { ", file_id or stored_completions" } else { " or file_id" };
                let problem = format!("expected file_content{known}, got `{other}`");
                Err(fault("data_source.source.type", &problem))
            }
        }
    }

    /// The next row; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Result<Row, String>>> {
        let row = match self {
            Source::Content(rows) => rows.pop_front().map(Ok),
            Source::File(rows) => rows.next().await?.map(|row| row.value),
            Source::Stored(stored) => return stored.next().await,
        };
        Ok(row.map(|row| read(row?)))
    }
}

/// The rows of a run's source, in whose place a count is put where they would take much room.
pub(super) fn taken(source: &mut Value) -> Vec<Value> {
    let long = source.to_string().len() > INLINE;
    let Some(rows) = source.get_mut("content").and_then(Value::as_array_mut) else { return Vec::new() };
    if !long {
        return rows.clone();
    }
    let rows = std::mem::take(rows);
    source.put("content_count", rows.len().into());
    rows
}

/// Whether a data source is of a type that there is.
fn known(kind: &str) -> bool {
    matches!(kind, "jsonl" | "completions" | "responses")
}

/// A row `{item, sample?}`, or a bare item.
fn read(row: Value) -> Result<Row, String> {
    let Value::Object(mut members) = row else { return Err("expected an object {item, sample?}".to_owned()) };
    match members.remove("item") {
        Some(item @ Value::Object(_)) => {
            Ok(Row { item, sample: members.remove("sample").filter(|sample| !sample.is_null()) })
        }
        Some(_) => Err("`item`: expected an object".to_owned()),
        None => Ok(Row { item: members.into(), sample: None }),
    }
}

impl Stored {
    async fn next(&mut self) -> Result<Option<Result<Row, String>>> {
        loop {
            if self.left <= 0 {
                return Ok(None);
            }
            let Some(completion) = self.page.pop_front() else {
                if self.ended {
                    return Ok(None);
                }
                let page = self.cx.send(&ChatList::SPEC, self.query.clone()).value().await?;
                self.page = list(&page, "data").cloned().collect();
                self.ended = *page.at("has_more") != true;
                match self.page.back() {
                    Some(last) => self.query.put("after", last.at("id").clone()),
                    None => self.ended = true,
                }
                continue;
            };
            let created = completion.at("created").as_i64().unwrap_or_default();
            let [after, before] = self.created;
            if after.is_some_and(|after| created < after) || before.is_some_and(|before| created > before) {
                continue;
            }
            self.left -= 1;
            let messages = json!({"completion_id": completion.at("id"), "limit": 100});
            let messages = self.cx.send(&ChatMessages::SPEC, messages).value().await?;
            let input: Vec<Value> = list(&messages, "data")
                .map(|message| {
                    let mut message = message.clone();
                    message.unset("id");
                    message
                })
                .collect();
            let item = json!({"input": input, "metadata": completion.at("metadata")});
            return Ok(Some(Ok(Row { item, sample: Some(completion) })));
        }
    }
}
