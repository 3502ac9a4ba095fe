//! The file of a batch: made of texts, rows or bodies, checked, uploaded.

use std::collections::BTreeSet;

use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{Format, Lines, Rows, not_json};
use serde_json::Map;

use crate::batch::{Create, Wait};
use crate::endpoint::Endpoint;
use crate::fill::{fill, has_fields};

tools![Prepare];

/// Most requests, or inputs of embeddings, and bytes of a file. <https://platform.openai.com/docs/guides/batch>
const MOST: usize = 50_000;
const LARGEST: usize = 200_000_000;
/// Most bytes of one request.
const LONGEST: usize = 32 * 1024 * 1024;
/// Most faults that are told.
const MOST_FAULTS: usize = 20;
/// Bytes of a text that are reckoned as a token.
const TOKEN: usize = 4;

/// Make the file of a batch: check its requests and upload them.
///
/// Give `texts`, `requests` or a `file`. Nothing is uploaded while a request is wrong; faults are told by line or index.
#[tool("batch-prepare", open)]
pub(crate) struct Prepare {
    endpoint: Endpoint,
    /// What all bodies share, as model. `{{name}}` in its texts is a field of the row; without any, a text becomes the input.
    body: Option<Raw<JsonObject>>,
    /// One request each; the row's field is text.
    texts: Option<Vec<String>>,
    /// Bodies, or {custom_id, body}.
    requests: Option<Vec<Raw<JsonObject>>>,
    /// CSV, JSON or JSONL of rows for `body`, or JSONL of whole requests.
    file: Option<FileInput>,
    /// Field of a row that becomes custom_id. Default custom_id or id, else the line.
    id_field: Option<String>,
    /// Leave wrong requests out instead of failing.
    skip_invalid: Option<bool>,
    /// Start the batch, too.
    create: Option<bool>,
    /// Of that batch.
    metadata: Option<Raw<Metadata>>,
    #[unlisted]
    model: Option<Raw<Json>>,
    #[unlisted]
    instructions: Option<Raw<Json>>,
    #[unlisted]
    input: Option<Raw<Json>>,
    #[unlisted]
    messages: Option<Raw<Json>>,
    #[unlisted]
    prompt: Option<Raw<Json>>,
}

/// A file for a batch.
#[request(POST "/files", multipart)]
struct Upload {
    file: FileInput,
    purpose: String,
}

impl Prepare {
    /// The body, with what stands beside it and can only be meant for it.
    fn body(&self) -> Result<Option<String>> {
        let beside = [
            ("model", &self.model),
            ("instructions", &self.instructions),
            ("input", &self.input),
            ("messages", &self.messages),
            ("prompt", &self.prompt),
        ];
        let mut body = self.body.as_ref().map(|body| body.text().to_owned());
        for (name, value) in beside {
            let Some(value) = value else { continue };
            let whole = Arguments::new(body.map(Bytes::from));
            if whole.member::<Raw<Json>>(name)?.is_some() {
                return Err(Error::argument(name, "`body` has it, too"));
            }
            body = Some(String::from_utf8_lossy(whole.set(name, value).text()).into_owned());
        }
        Ok(body)
    }

    async fn run(self, cx: Context) -> Result<Output> {
        let body = self.body()?;
        let Prepare { endpoint, texts, requests, file, id_field, skip_invalid, create, metadata, .. } = self;
        let template = Template { endpoint, body, id_field };
        // Beside the lines there is what they grew from, and what the host sends.
        let mut made = Made::new(endpoint, LARGEST.min(cx.room() / 2));
        match (texts, requests, file) {
            (Some(texts), None, None) => {
                for (index, text) in texts.into_iter().enumerate() {
                    made.add(&format!("texts[{index}]"), index + 1, template.text(text))?;
                }
            }
            (None, Some(requests), None) => {
                for (index, request) in requests.into_iter().enumerate() {
                    let request = Arguments::new(Some(request.text().to_owned().into()));
                    made.add(&format!("requests[{index}]"), index + 1, template.request(&request))?;
                }
            }
            (None, None, Some(FileInput(source))) => read(&cx, source, &template, &mut made).await?,
            _ => return Err(Error::argument("texts", "expected one of `texts`, `requests` and `file`")),
        }
        let faults = made.finish(skip_invalid == Some(true))?;
        let mut facts = Arguments::default().set("endpoint", endpoint.path());
        if let Some(model) = &made.model {
            facts = facts.set("model", model);
        }
        let facts = facts
            .set("requests", made.ids.len())
            .set("bytes", made.lines.len())
            .set("estimated_input_tokens", made.tokens);
        let source = Source::Inline {
            bytes: Bytes::from(made.lines),
            filename: "batch.jsonl".to_owned(),
            mime_type: Some("application/jsonl".to_owned()),
        };
        let arguments = Arguments::from(json!({"purpose": "batch"})).attach("file", source);
        let uploaded = cx.send(&Upload::SPEC, arguments).value().await?;
        let mut told = Arguments::default().set("input_file_id", uploaded.get("id")).merge(facts);
        if !faults.is_empty() {
            told = told.set("skipped", faults);
        }
        let mut batch = Arguments::default()
            .set("input_file_id", uploaded.get("id"))
            .set("endpoint", endpoint.path())
            .set("completion_window", "24h");
        if let Some(metadata) = metadata {
            batch = batch.set("metadata", metadata);
        }
        let (next, arguments) = match create {
            Some(true) => {
                let batch = cx.send(&Create::SPEC, batch).value().await.map_err(|error| {
                    let id = uploaded.get("id").and_then(Value::as_str).unwrap_or_default();
                    let then = match error.kind() {
                        // It may have begun all the same, and a second one would be paid for, too.
                        Kind::Connection | Kind::Answer | Kind::Status(500..) => {
                            "batch-list shows whether its batch has begun; only if not, batch-create takes it"
                        }
                        _ => "batch-create takes it",
                    };
                    Error::new(error.kind(), format!("{error}\nhint: the file is uploaded as {id}; {then}"))
                })?;
                told = told.set("batch_id", batch.get("id")).set("status", batch.get("status"));
                (Wait::SPEC.name, Arguments::from(json!({"batch_id": batch.get("id")})))
            }
            _ => (Create::SPEC.name, batch),
        };
        let next = Arguments::default().set("tool", next).set("arguments", arguments);
        Ok(Output::Json(told.set("next", next).text().clone()))
    }
}

/// Reads a file: rows for a template, or the lines of a batch as they are.
async fn read(cx: &Context, source: Source, template: &Template, made: &mut Made) -> Result<()> {
    let file = cx.open(source).await?;
    let jsonl = matches!(Format::of(&file.filename, &file.mime_type), Format::Jsonl | Format::Text);
    if template.body.is_none() && jsonl {
        let mut lines = Lines::new(file.filename, file.body, LARGEST as u64, LONGEST);
        let mut index = 0;
        while let Some((number, line)) = lines.next().await? {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            index += 1;
            let request = match serde_json::from_slice::<Raw<Json>>(line) {
                Ok(raw) => template.request(&Arguments::new(Some(raw.text().to_owned().into()))),
                Err(error) => Err(not_json(&error)),
            };
            made.add(&format!("line {number}"), index, request)?;
        }
        return Ok(());
    }
    let mut rows = Rows::new(file, LARGEST);
    let mut index = 0;
    while let Some(row) = rows.next().await? {
        index += 1;
        let request = row.value.and_then(|row| match row {
            Value::Object(row) if template.body.is_none() => template.request(&Arguments::from(Value::Object(row))),
            Value::Object(row) => template.row(row),
            Value::String(text) => template.text(text),
            _ => Err("expected an object or a text".to_owned()),
        });
        // Rows tell their line in what is wrong with them.
        let request = request.map_err(|problem| match problem.strip_prefix(&format!("line {}: ", row.line)) {
            Some(problem) => problem.to_owned(),
            None => problem,
        });
        made.add(&format!("line {}", row.line), index, request)?;
    }
    Ok(())
}

/// What requests are made of.
struct Template {
    endpoint: Endpoint,
    body: Option<String>,
    id_field: Option<String>,
}

/// A request: its id, if it has one, and its body.
struct Request {
    id: Option<String>,
    body: Arguments,
}

impl Template {
    fn body(&self) -> Arguments {
        Arguments::new(self.body.clone().map(Bytes::from))
    }

    fn text(&self, text: String) -> Result<Request, String> {
        if text.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        match &self.body {
            Some(body) if has_fields(body) => self.row(Map::from_iter([("text".to_owned(), Value::from(text))])),
            _ => Ok(Request { id: None, body: self.endpoint.ask(self.body(), &text)? }),
        }
    }

    fn row(&self, row: Map<String, Value>) -> Result<Request, String> {
        let body = self.body.as_deref().unwrap_or("{}");
        if !has_fields(body) {
            return Err("`body` would be the same for each row: name a field in it, as `{{text}}`".to_owned());
        }
        let filled = fill(body, &row, self.endpoint.needs())?;
        let names: &[&str] = match &self.id_field {
            Some(name) => &[name.as_str()],
            None => &["custom_id", "id"],
        };
        let id = names.iter().find_map(|name| row.get(*name)).and_then(id_of);
        if let (None, Some(name)) = (&id, &self.id_field) {
            return Err(format!("no field `{name}` for custom_id"));
        }
        Ok(Request { id, body: Arguments::new(Some(filled.into())) })
    }

    /// A body, or a whole line of a batch.
    fn request(&self, given: &Arguments) -> Result<Request, String> {
        let told = |error: Error| error.to_string();
        let members = given.members().map_err(|_| "expected an object".to_owned())?;
        let whole = members.names().any(|name| name == "body");
        if !whole {
            return Ok(Request { id: None, body: self.body().merge(given.clone()) });
        }
        // A request that failed may have its error beside it.
        let known = ["custom_id", "method", "url", "body", "error"];
        if let Some(name) = members.names().find(|name| !known.contains(name)) {
            return Err(format!("`{name}`: unknown; a request has custom_id, method, url and body"));
        }
        let is = |name: &str, expected: &str| match members.read::<Value>(name).map_err(told)? {
            Some(value) if value != expected => Err(format!("`{name}`: expected {expected}, got {value}")),
            _ => Ok(()),
        };
        is("method", "POST")?;
        is("url", self.endpoint.path())?;
        let body: Option<Raw<Json>> = members.read("body").map_err(told)?;
        let body = Arguments::new(body.map(|body| body.text().to_owned().into()));
        let id = members.read::<Value>("custom_id").map_err(told)?.as_ref().and_then(id_of);
        Ok(Request { id, body: self.body().merge(body) })
    }
}

fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The lines of a file as they are made.
struct Made {
    endpoint: Endpoint,
    room: usize,
    lines: Vec<u8>,
    ids: BTreeSet<String>,
    inputs: usize,
    model: Option<String>,
    tokens: usize,
    /// Where, and what.
    faults: Vec<(String, String)>,
    wrong: usize,
}

impl Made {
    fn new(endpoint: Endpoint, room: usize) -> Self {
        let (lines, ids, faults) = (Vec::new(), BTreeSet::new(), Vec::new());
        Made { endpoint, room, lines, ids, inputs: 0, model: None, tokens: 0, faults, wrong: 0 }
    }

    /// Adds a request, or takes note of what is wrong with it. `number` names one that has no id.
    fn add(&mut self, place: &str, number: usize, request: Result<Request, String>) -> Result<()> {
        if let Err(problem) = request.and_then(|request| self.line(number, request)) {
            self.wrong += 1;
            if self.faults.len() < MOST_FAULTS {
                self.faults.push((place.to_owned(), problem));
            }
        }
        if self.inputs > MOST {
            let what = if self.endpoint == Endpoint::Embeddings { "inputs" } else { "requests" };
            return Err(Error::new(Kind::Arguments, format!("expected at most {MOST} {what}: make several batches")));
        }
        if self.lines.len() > self.room {
            return Err(Error::new(
                Kind::Arguments,
                format!("expected at most {} bytes: make several batches", self.room),
            ));
        }
        Ok(())
    }

    fn line(&mut self, number: usize, Request { id, body }: Request) -> Result<(), String> {
        let body = self.endpoint.settle(body)?;
        let model = self.endpoint.check(&body)?;
        match (&self.model, &model) {
            (Some(one), Some(other)) if one != other => {
                return Err(format!("`body.model`: a batch has one model, {one} so far, got {other}"));
            }
            _ => {}
        }
        let id = id.unwrap_or_else(|| format!("request-{number}"));
        if self.ids.contains(&id) {
            return Err(format!("`custom_id`: `{id}` for the second time"));
        }
        self.model = model.or(self.model.take());
        self.inputs += self.endpoint.inputs(&body);
        let line = Arguments::default()
            .set("custom_id", &id)
            .set("method", "POST")
            .set("url", self.endpoint.path())
            .set("body", &body);
        // A line may have no break within: those that the caller wrote between the members go.
        let line = json::Line::new(line.text().clone()).map_err(|text| json::fault(&text))?;
        self.tokens += body.text().len() / TOKEN;
        self.lines.extend_from_slice(line.bytes());
        self.lines.push(b'\n');
        self.ids.insert(id);
        Ok(())
    }

    /// The faults that are passed over.
    ///
    /// # Errors
    /// There are faults that are not, or no requests.
    fn finish(&mut self, skip: bool) -> Result<Vec<String>> {
        let faults = std::mem::take(&mut self.faults);
        let more = (self.wrong > faults.len()).then(|| format!("… ({} in all)", self.wrong));
        if (!faults.is_empty() && !skip) || self.ids.is_empty() {
            let (right, wrong) = (self.ids.len(), self.wrong);
            if right + wrong == 0 {
                return Err(Error::new(Kind::Arguments, "there is no request"));
            }
            let hint = if right > 0 { "\nhint: `skip_invalid` true leaves them out" } else { "" };
            // One mistake of a template is one in each row.
            let alike = faults.chunk_by(|(_, one), (_, other)| one == other).filter_map(|alike| {
                let (place, problem) = alike.first()?;
                Some(match alike.len() - 1 {
                    0 => format!("{place}: {problem}"),
                    others => format!("{place}, and {others} like it: {problem}"),
                })
            });
            let faults: Vec<String> = alike.chain(more).collect();
            let text = format!("{wrong} of {} requests are wrong\n{}{hint}", right + wrong, faults.join("\n"));
            return Err(Error::new(Kind::Arguments, text));
        }
        let faults = faults.into_iter().map(|(place, problem)| format!("{place}: {problem}"));
        Ok(faults.chain(more).collect())
    }
}
