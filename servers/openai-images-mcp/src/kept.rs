//! The images that were made: listed, shown, forgotten.

use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::json::shorten;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use openai_mcp_kernel::sql::sql;
use openai_mcp_pictures::ROOM;

use crate::record::{self, COLUMNS, Record, find, unknown};
use crate::shapes::{FORMATS, Preview};
use crate::show;

tools![List, Get, Delete];

/// List the images generated or edited here, newest first.
///
/// `kept` tells how much the server's store holds.
#[tool("image-list", reads)]
struct List {
    /// Words that the prompt contains.
    #[alias("search")]
    query: Option<String>,
    /// Default 20.
    limit: Option<Int<1, 100>>,
    /// Id of the last image of the page before.
    after: Option<String>,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let List { query: words, limit, after } = self;
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
        let page = sql(query, [owner.clone().into(), after.into(), words.into(), (limit + 1).into()]);
        let mut answers = cx.store().batch(vec![page, sql(kept, [owner.into()])]).await?.into_iter();
        let (found, kept) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
        let kept = match kept.rows.first() {
            Some(row) => json!({"images": row.integer(0)?, "bytes": row.integer(1)?}),
            None => Value::Null,
        };
        let limit = usize::try_from(limit).unwrap_or_default();
        let records = found.rows.iter().take(limit).map(Record::read).collect::<Result<Vec<_>>>()?;
        let data: Vec<Value> = records.iter().map(|record| record.show(false).into()).collect();
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
    #[alias("id")]
    image_id: String,
    /// Default small. full may be several MB.
    preview: Option<Preview>,
    /// New local file for the whole image.
    save_to: Option<String>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        let Get { image_id: id, preview, save_to } = self;
        let record = find(&cx, "image_id", &id).await?;
        save::format(save_to.as_deref(), ("", Some(&record.format)), FORMATS)?;
        cx.reserve(save_to.as_deref()).await?;
        let mut told = record.show(true);
        let mut shown = Vec::new();
        if preview != Some(Preview::None) || save_to.is_some() {
            match record::content(&cx, &record).await {
                Ok(bytes) => {
                    let block = show::show(&cx, &bytes, preview.unwrap_or(Preview::Small), ROOM).await;
                    shown.extend(block.map(|block| (id, block)));
                    if let Some(path) = save_to {
                        told.remove("bytes");
                        told.insert("saved_to".into(), cx.save(path, Body::Full(bytes)).await?.show());
                    }
                }
                // What is recorded is worth showing without the image.
                Err(error) if save_to.is_none() => {
                    told.insert("note".into(), format!("the image is gone: {error}").into());
                }
                Err(error) => return Err(error),
            }
        }
        let (mut told, most) = (Value::Object(told), cx.max_result());
        if told.to_string().len() > most {
            told = shorten(&told, most, "the operator may raise OPENAI_MCP_MAX_RESULT");
        }
        Ok(show::output(told, shown))
    }
}

/// Forget images: their records, and what is kept under their ids.
///
/// Files that were saved stay.
#[tool("image-delete", destroys, idempotent)]
struct Delete {
    #[alias("id")]
    image_id: OneOrMany<String>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        let (ids, shown) = match self.image_id {
            OneOrMany::One(id) => (vec![id.clone()], Value::from(id)),
            OneOrMany::Many(ids) => (ids.clone(), Value::from(ids)),
        };
        let query = format!("SELECT {COLUMNS} WHERE owner = ?1 AND id IN (SELECT value FROM json_each(?2))");
        let found = cx.store().run(sql(query, [cx.owner()?.into(), json!(ids).to_string().into()])).await?;
        let records = found.rows.iter().map(Record::read).collect::<Result<Vec<_>>>()?;
        if let Some(id) = ids.iter().find(|id| !records.iter().any(|record| record.id == **id)) {
            return Err(unknown("image_id", id));
        }
        record::delete(&cx, &ids).await?;
        let mut gone = json!({"id": shown, "object": "image.deleted", "deleted": true});
        let files: Vec<String> = records.into_iter().filter_map(|record| record.path).collect();
        if let (false, Some(entries)) = (files.is_empty(), gone.as_object_mut()) {
            entries.insert("files_that_stay".into(), files.into());
        }
        Ok(Output::json(&gone))
    }
}
