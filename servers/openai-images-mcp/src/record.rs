//! What was made: records in the server's store, with the images themselves where no file holds them.

use bytes::{Bytes, BytesMut};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Row, sql};

use crate::answer::{self, ROOM};
use crate::draw;
use crate::shapes::Preview;

tools![List, Get, Delete];

/// Bytes of one piece of a stored image: D1 takes 2 MB in a row.
const PIECE: usize = 1_500_000;
/// Pieces that are written at once: D1 takes 32 MB in a batch, and bytes count almost three times.
const PIECES: usize = 4;
/// Most bytes of an image that is read back.
const LARGEST: usize = 64 * 1024 * 1024;
/// Most characters of a prompt in a list.
const EXCERPT: usize = 200;

/// One image of ours.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    created_at: u64,
    tool: String,
    prompt: String,
    parameters: Value,
    usage: Option<Value>,
    pub(crate) format: String,
    size: Option<(u32, u32)>,
    bytes: usize,
    pub(crate) path: Option<String>,
    pub(crate) url: Option<String>,
}

impl Record {
    /// What is known before the image is looked at; without what was asked for where no history is kept.
    pub(crate) fn new(cx: &Context, id: String, tool: &str, asked: &Value, usage: Option<&Value>) -> Self {
        let mut parameters = if cx.keeps_history() { asked.clone() } else { json!({}) };
        let prompt = match parameters.as_object_mut() {
            Some(entries) => {
                entries.values_mut().for_each(forget_content);
                for ours in ["save_to", "preview"] {
                    entries.remove(ours);
                }
                entries.remove("prompt")
            }
            None => None,
        };
        Record {
            id,
            created_at: cx.now().as_secs(),
            tool: tool.to_owned(),
            prompt: prompt.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            parameters,
            usage: usage.cloned(),
            format: "png".into(),
            size: None,
            bytes: 0,
            path: None,
            url: None,
        }
    }

    /// Takes down what the bytes tell.
    pub(crate) fn describe(&mut self, bytes: &[u8]) {
        let facts = draw::facts(bytes);
        self.format = facts.format.unwrap_or("png").to_owned();
        self.size = facts.size;
        self.bytes = bytes.len();
    }

    /// One line with all that a caller needs to go on.
    pub(crate) fn line(&self) -> String {
        let size = self.size.map(|(width, height)| format!("{width}x{height} ")).unwrap_or_default();
        let place = match (&self.url, &self.path) {
            (Some(url), _) => return format!("{}: {url}", self.id),
            (None, Some(path)) => format!("saved to {path}"),
            (None, None) => "kept under this id".into(),
        };
        format!("{}: {size}{}, {} bytes, {place}", self.id, self.format, self.bytes)
    }

    /// For a list, with the beginning of the prompt, or whole.
    fn show(&self, whole: bool) -> Value {
        let mut prompt: String = self.prompt.chars().take(if whole { usize::MAX } else { EXCERPT }).collect();
        if prompt.len() < self.prompt.len() {
            prompt.push('…');
        }
        let mut shown = json!({
            "id": self.id, "created_at": self.created_at, "tool": self.tool, "prompt": prompt, "format": self.format,
            "bytes": self.bytes,
        });
        let mut add = |name: &str, value: Option<Value>| {
            if let (Some(entries), Some(value)) = (shown.as_object_mut(), value) {
                entries.insert(name.into(), value);
            }
        };
        add("size", self.size.map(|(width, height)| format!("{width}x{height}").into()));
        add("path", self.path.clone().map(Value::from));
        add("url", self.url.clone().map(Value::from));
        if whole {
            add("parameters", Some(self.parameters.clone()));
            add("usage", self.usage.clone());
        } else {
            add("model", self.parameters.get("model").cloned());
            add("total_tokens", self.usage.as_ref().and_then(|usage| usage.get("total_tokens")).cloned());
        }
        shown
    }

    fn read(row: &Row) -> Result<Self> {
        let optional = |column: usize| row.text(column).ok().map(str::to_owned);
        let edge = |column: usize| row.integer(column).ok().and_then(|edge| u32::try_from(edge).ok());
        let json = |column: usize| row.text(column).ok().and_then(|text| serde_json::from_str(text).ok());
        Ok(Record {
            id: row.text(0)?.to_owned(),
            created_at: row.integer(1)?.unsigned_abs(),
            tool: row.text(2)?.to_owned(),
            prompt: row.text(3)?.to_owned(),
            parameters: json(4).unwrap_or_default(),
            usage: json(5),
            format: row.text(6)?.to_owned(),
            size: edge(7).zip(edge(8)),
            bytes: usize::try_from(row.integer(9)?).unwrap_or_default(),
            path: optional(10),
            url: optional(11),
        })
    }
}

/// Of a file only where it came from is remembered.
fn forget_content(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for content in ["data", "text"] {
                entries.remove(content);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(forget_content),
        _ => {}
    }
}

const COLUMNS: &str =
    "id, created_at, tool, prompt, parameters, usage, format, width, height, bytes, path, url FROM image";

/// Keeps a record, with the image where no file holds it.
///
/// # Errors
/// The store fails, or no history is kept and the image is elsewhere.
pub(crate) async fn keep(cx: &Context, record: &Record, content: Option<&Bytes>) -> Result<()> {
    if content.is_none() && !cx.keeps_history() {
        return Err(Error::new(Kind::Store, "this server keeps no history"));
    }
    let owner = cx.owner()?;
    let values: [Datum; 13] = [
        owner.clone().into(),
        record.id.clone().into(),
        i64::try_from(record.created_at).unwrap_or_default().into(),
        record.tool.clone().into(),
        record.prompt.clone().into(),
        record.parameters.to_string().into(),
        record.usage.as_ref().map(Value::to_string).into(),
        record.format.clone().into(),
        record.size.map(|(width, _)| width).into(),
        record.size.map(|(_, height)| height).into(),
        i64::try_from(record.bytes).unwrap_or_default().into(),
        record.path.clone().into(),
        record.url.clone().into(),
    ];
    let mut batch = vec![sql(
        "INSERT INTO image (owner, id, created_at, tool, prompt, parameters, usage, format, width, height, bytes, path, url) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        values,
    )];
    let pieces = content.into_iter().flat_map(|content| content.chunks(PIECE).map(|piece| content.slice_ref(piece)));
    let pieces = (0i64..).zip(pieces).map(|(number, piece)| {
        sql(
            "INSERT INTO piece (owner, image, number, content) VALUES (?1, ?2, ?3, ?4)",
            [owner.clone().into(), record.id.clone().into(), number.into(), piece.into()],
        )
    });
    // On a Worker each byte of a batch takes some ten more on its way to D1.
    let at_once = if answer::room(cx).is_some() { 1 } else { PIECES };
    let mut pieces = pieces.collect::<Vec<_>>().into_iter();
    loop {
        batch.extend(pieces.by_ref().take(at_once));
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(error) = cx.store().batch(std::mem::take(&mut batch)).await {
            // A part of an image is of no use; if it cannot be deleted either, `content` notices.
            drop(delete(cx, std::slice::from_ref(&record.id)).await);
            return Err(error);
        }
    }
}

/// Deletes records and what is kept of their images.
async fn delete(cx: &Context, ids: &[String]) -> Result<()> {
    let values: [Datum; 2] = [cx.owner()?.into(), json!(ids).to_string().into()];
    let pieces = "DELETE FROM piece WHERE owner = ?1 AND image IN (SELECT value FROM json_each(?2))";
    let images = "DELETE FROM image WHERE owner = ?1 AND id IN (SELECT value FROM json_each(?2))";
    cx.store().batch(vec![sql(pieces, values.clone()), sql(images, values)]).await.map(drop)
}

async fn find(cx: &Context, argument: &str, id: &str) -> Result<Record> {
    let values = [cx.owner()?.into(), id.into()];
    let found = cx.store().run(sql(format!("SELECT {COLUMNS} WHERE owner = ?1 AND id = ?2"), values)).await?;
    found.rows.first().map_or_else(|| Err(unknown(argument, id)), Record::read)
}

fn unknown(argument: &str, id: &str) -> Error {
    let shown: String = id.chars().take(60).collect();
    let files = if argument == "image" {
        r#"; a file is {"path": …}, {"url": …} or {"data": …, "filename": …}"#
    } else {
        ""
    };
    let text = format!("no image `{shown}` is recorded for this key\nhint: image-list tells the ids{files}");
    Error::argument(argument, text)
}

/// The image of a record, from wherever it is.
async fn content(cx: &Context, record: &Record) -> Result<Bytes> {
    let source = match (&record.url, &record.path) {
        (Some(url), _) => Source::Url { url: url.clone(), filename: None, mime_type: None },
        (None, Some(path)) => Source::Path { path: path.clone(), filename: None, mime_type: None },
        (None, None) => {
            let owner = cx.owner()?;
            let mut whole = BytesMut::with_capacity(record.bytes);
            // One at a time: D1 gives bytes as numbers, which take many times their memory.
            for number in 0i64.. {
                let values = [owner.as_str().into(), (&record.id).into(), number.into()];
                let query = "SELECT content FROM piece WHERE owner = ?1 AND image = ?2 AND number = ?3";
                let found = cx.store().run(sql(query, values)).await?;
                let Some(piece) = found.rows.first() else { break };
                whole.extend_from_slice(piece.blob(0)?);
            }
            if whole.len() != record.bytes {
                let text = format!("only {} of {} bytes of `{}` were kept", whole.len(), record.bytes, record.id);
                return Err(Error::new(Kind::Store, text));
            }
            return Ok(whole.freeze());
        }
    };
    Ok(cx.read(source, LARGEST).await?.bytes)
}

/// The image with this id, as a file to send: its name and its bytes.
///
/// # Errors
/// There is none, or its file is gone.
pub(crate) async fn image(cx: &Context, argument: &str, id: &str) -> Result<(String, Bytes)> {
    let record = find(cx, argument, id).await?;
    Ok((format!("{id}.{}", record.format), content(cx, &record).await?))
}

/// List the images made with this server, newest first.
///
/// kept tells how much its store holds.
#[tool("image-list", reads)]
struct List {
    /// Only images whose prompt contains this.
    search: Option<String>,
    /// 20 unless told.
    limit: Option<Int<1, 100>>,
    /// Id of the last image of the page before.
    after: Option<String>,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let List { search, limit, after } = self;
        let limit = limit.map_or(20, |Int(limit)| limit);
        let owner = cx.owner()?;
        if let Some(after) = &after {
            find(&cx, "after", after).await?;
        }
        let query = format!(
            "SELECT {COLUMNS} WHERE owner = ?1 \
             AND (?2 IS NULL OR number < (SELECT number FROM image WHERE owner = ?1 AND id = ?2)) \
             AND (?3 IS NULL OR instr(lower(prompt), lower(?3)) > 0) ORDER BY number DESC LIMIT ?4"
        );
        let kept =
            "SELECT count(*), coalesce(sum(bytes), 0) FROM image WHERE owner = ?1 AND path IS NULL AND url IS NULL";
        let page = sql(query, [owner.clone().into(), after.into(), search.into(), (limit + 1).into()]);
        let mut answers = cx.store().batch(vec![page, sql(kept, [owner.into()])]).await?.into_iter();
        let (found, kept) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
        let kept = match kept.rows.first() {
            Some(row) => json!({"images": row.integer(0)?, "bytes": row.integer(1)?}),
            None => Value::Null,
        };
        let limit = usize::try_from(limit).unwrap_or_default();
        let records = found.rows.iter().take(limit).map(Record::read).collect::<Result<Vec<_>>>()?;
        let data: Vec<Value> = records.iter().map(|record| record.show(false)).collect();
        Ok(Output::json(&json!({
            "object": "list",
            "data": data,
            "first_id": records.first().map(|record| &record.id),
            "last_id": records.last().map(|record| &record.id),
            "has_more": found.rows.len() > limit,
            "kept": kept,
        })))
    }
}

/// Show an image made with this server, its prompt and parameters, or save it.
#[tool("image-get", reads, saves)]
struct Get {
    id: String,
    /// Full sends the image as it is, several MB perhaps.
    preview: Option<Preview>,
    /// New local file for the full image.
    save_to: Option<String>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        let Get { id, preview, save_to } = self;
        let record = find(&cx, "id", &id).await?;
        let mut shown = record.show(true);
        let mut add = |name: &str, value: String| {
            if let Some(entries) = shown.as_object_mut() {
                entries.insert(name.into(), value.into());
            }
        };
        let mut block = None;
        if preview != Some(Preview::None) || save_to.is_some() {
            match content(&cx, &record).await {
                Ok(bytes) => {
                    block = answer::show(&cx, &bytes, preview.unwrap_or(Preview::Small), ROOM).await;
                    if let Some(path) = save_to {
                        add("saved_to", cx.save(path, Body::Full(bytes)).await?.path);
                    }
                }
                // What is recorded is worth showing without the image.
                Err(error) if save_to.is_none() => add("image_is_gone", error.to_string()),
                Err(error) => return Err(error),
            }
        }
        let Some(block) = block else { return Ok(Output::json(&shown)) };
        let mut text = shown.to_string();
        let (whole, most) = (text.len(), cx.max_result());
        if whole > most {
            text.truncate(text.floor_char_boundary(most));
            text.push_str(&format!(
                "\ncut after {} of {whole} bytes; the operator may raise OPENAI_MCP_MAX_RESULT",
                text.len()
            ));
        }
        Ok(Output::Content(vec![Content::Text(text), block]))
    }
}

/// Forget images: their records, and what is kept under their ids.
///
/// Files that were saved stay.
#[tool("image-delete", destroys, idempotent)]
struct Delete {
    id: OneOrMany<String>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        let (ids, shown) = match self.id {
            OneOrMany::One(id) => (vec![id.clone()], Value::from(id)),
            OneOrMany::Many(ids) => (ids.clone(), Value::from(ids)),
        };
        let values: [Datum; 2] = [cx.owner()?.into(), json!(ids).to_string().into()];
        let query = format!("SELECT {COLUMNS} WHERE owner = ?1 AND id IN (SELECT value FROM json_each(?2))");
        let found = cx.store().run(sql(query, values)).await?;
        let records = found.rows.iter().map(Record::read).collect::<Result<Vec<_>>>()?;
        if let Some(id) = ids.iter().find(|id| !records.iter().any(|record| record.id == **id)) {
            return Err(unknown("id", id));
        }
        delete(&cx, &ids).await?;
        let mut gone = json!({"id": shown, "deleted": true});
        let files: Vec<String> = records.into_iter().filter_map(|record| record.path).collect();
        if let (false, Some(entries)) = (files.is_empty(), gone.as_object_mut()) {
            entries.insert("files_that_stay".into(), files.into());
        }
        Ok(Output::json(&gone))
    }
}
