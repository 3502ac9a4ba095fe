//! What was made: records in the server's store, with the images themselves where no file holds them.

use bytes::{Bytes, BytesMut};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Row, sql};
use openai_mcp_kernel::time;
use openai_mcp_pictures as pictures;
use serde_json::Map;

use crate::room::room;

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
                for ours in ["save_to", "preview", "full"] {
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
        let facts = pictures::facts(bytes);
        self.format = facts.format.unwrap_or("png").to_owned();
        self.size = facts.size;
        self.bytes = bytes.len();
    }

    /// What it is and where: without `saved_to` and `url` it is in the store.
    pub(crate) fn place(&self) -> Map<String, Value> {
        let mut place = Map::new();
        if let Some(url) = &self.url {
            place.insert("url".into(), url.as_str().into());
            return place;
        }
        place.extend(self.size.map(|(width, height)| ("size".to_owned(), format!("{width}x{height}").into())));
        place.insert("format".into(), self.format.as_str().into());
        match &self.path {
            Some(path) => place.insert("saved_to".into(), json!({"path": path, "bytes": self.bytes})),
            None => place.insert("bytes".into(), self.bytes.into()),
        };
        place
    }

    /// For a list, with the beginning of the prompt, or whole.
    pub(crate) fn show(&self, whole: bool) -> Map<String, Value> {
        let mut prompt: String = self.prompt.chars().take(if whole { usize::MAX } else { EXCERPT }).collect();
        if prompt.len() < self.prompt.len() {
            prompt.push('…');
        }
        let mut shown = self.place();
        let mut add = |name: &str, value: Option<Value>| shown.extend(value.map(|value| (name.to_owned(), value)));
        add("id", Some(self.id.as_str().into()));
        add("created_at", Some(self.created_at.into()));
        add("time", i64::try_from(self.created_at).ok().map(|at| time::iso(at).into()));
        add("tool", Some(self.tool.as_str().into()));
        add("prompt", Some(prompt.into()));
        if whole {
            add("parameters", Some(self.parameters.clone()));
            add("usage", self.usage.clone());
        } else {
            add("model", self.parameters.get("model").cloned());
            add("total_tokens", self.usage.as_ref().and_then(|usage| usage.get("total_tokens")).cloned());
        }
        shown
    }

    /// Reads a row of [`COLUMNS`].
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(row: &Row) -> Result<Self> {
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

/// What a query for records begins with.
pub(crate) const COLUMNS: &str =
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
    let at_once = if room(cx).is_some() { 1 } else { PIECES };
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
///
/// # Errors
/// The store fails.
pub(crate) async fn delete(cx: &Context, ids: &[String]) -> Result<()> {
    let values: [Datum; 2] = [cx.owner()?.into(), json!(ids).to_string().into()];
    let pieces = "DELETE FROM piece WHERE owner = ?1 AND image IN (SELECT value FROM json_each(?2))";
    let images = "DELETE FROM image WHERE owner = ?1 AND id IN (SELECT value FROM json_each(?2))";
    cx.store().batch(vec![sql(pieces, values.clone()), sql(images, values)]).await.map(drop)
}

/// The record with this id, which is the value of an argument.
///
/// # Errors
/// There is none.
pub(crate) async fn find(cx: &Context, argument: &str, id: &str) -> Result<Record> {
    let values = [cx.owner()?.into(), id.into()];
    let found = cx.store().run(sql(format!("SELECT {COLUMNS} WHERE owner = ?1 AND id = ?2"), values)).await?;
    found.rows.first().map_or_else(|| Err(unknown(argument, id)), Record::read)
}

/// That there is no record with this id.
pub(crate) fn unknown(argument: &str, id: &str) -> Error {
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
///
/// # Errors
/// It is gone.
pub(crate) async fn content(cx: &Context, record: &Record) -> Result<Bytes> {
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
