//! Collections: named sets of vectors with their texts.

use openai_mcp_kernel::batch;
use openai_mcp_kernel::json::excerpt;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::Kept;
use openai_mcp_kernel::sql::sql;
use openai_mcp_shapes::page::Page;

use crate::fill::{self, Part, Target};
use crate::rows::Row;
use crate::stored;
use crate::vector::Dimensions;

tools![Add, List, Delete];

/// Items of a page where no limit is given.
const PAGE: i64 = 20;
/// Characters of a text that lists show.
const EXCERPT: usize = 160;

/// Embed texts into a collection, made if new, for embedding-search.
///
/// An id that is there is replaced. Many texts, or a file: embedding-batch.
#[tool("embedding-collection-add", destroys, idempotent)]
struct Add {
    collection: String,
    items: Vec<Item>,
    /// Default text-embedding-3-small or the collection's own.
    model: Option<String>,
    dimensions: Option<Dimensions>,
    offset: Option<u64>,
}

#[shape(read)]
enum Item {
    Text(String),
    Record(Record),
}

#[shape(read)]
struct Record {
    text: String,
    /// Default a hash of the text.
    id: Option<String>,
    /// For filters.
    metadata: Option<Attributes>,
}

impl Add {
    async fn run(self, cx: Context) -> Result<Output> {
        let row = |item| match item {
            Item::Text(text) => Row::from(text).into(),
            Item::Record(Record { text, id, metadata }) => {
                let id = id.filter(|id| !id.is_empty());
                let told = id.as_deref().map(Value::from);
                let row = Row { text, id, metadata: metadata.map(|Attributes(metadata)| metadata) };
                Kept { line: None, id: told, value: Ok(row) }
            }
        };
        let offset = usize::try_from(self.offset.unwrap_or_default()).unwrap_or(usize::MAX);
        let total = self.items.len();
        let rows = self.items.into_iter().skip(offset).map(row).collect();
        let part = Part { rows, offset, total, deadline: batch::deadline(&cx, None) };
        fill::run(&cx, part, (self.model, self.dimensions), Target::Collection(self.collection)).await
    }
}

/// List collections, or the items of one.
#[tool("embedding-collection-list", reads)]
struct List {
    /// List its items, texts cut short.
    collection: Option<String>,
    /// Only these, texts whole.
    ids: Option<Vec<String>>,
    #[flatten]
    page: Page,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let limit = self.page.limit.map_or(PAGE, |Int(limit)| limit);
        let after = self.page.after.unwrap_or_default();
        let owner = cx.owner()?;
        let shown = usize::try_from(limit).unwrap_or_default();
        let Some(name) = self.collection else {
            let wanted = sql(
                "SELECT name, model, dimensions, created_at, (SELECT count(*) FROM item WHERE item.collection = collection.id) \
                 FROM collection WHERE owner = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
                [owner.into(), after.into(), (limit + 1).into()],
            );
            let page = cx.store().run(wanted).await?.page(shown, |row| {
                Ok(json!({
                    "id": row.text(0)?, "model": row.text(1)?, "dimensions": row.integer(2)?,
                    "created_at": row.integer(3)?, "items": row.integer(4)?,
                }))
            });
            return page.map(|page| Output::json(&page));
        };
        let collection = stored::require(&cx, &name).await?;
        let whole = self.ids.is_some();
        let ids = self.ids.map(|ids| json!(ids).to_string());
        let among = if whole { "id IN (SELECT value FROM json_each(?5))" } else { "?5 IS NULL" };
        let wanted = sql(
            format!(
                "SELECT id, text, metadata FROM item WHERE owner = ?1 AND collection = ?2 AND id > ?3 AND {among} \
                 ORDER BY id LIMIT ?4"
            ),
            [owner.into(), collection.id().into(), after.into(), (limit + 1).into(), ids.into()],
        );
        let page = cx.store().run(wanted).await?.page(shown, |row| {
            let most = if whole { usize::MAX } else { EXCERPT };
            Ok(stored::item(row.text(0)?, excerpt(row.text(1)?, most).into(), row.get(2)).into())
        });
        page.map(|page| Output::json(&page))
    }
}

/// Delete items of a collection, or the collection.
#[tool("embedding-collection-delete", destroys, idempotent)]
struct Delete {
    collection: String,
    /// These items.
    ids: Option<Vec<String>>,
    /// Delete the collection itself.
    all: Option<bool>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        let collection = stored::require(&cx, &self.collection).await?;
        match (self.ids, self.all) {
            (Some(ids), None | Some(false)) => {
                let deleted = collection.delete_items(&cx, &ids).await?;
                Ok(Output::json(&json!({"id": self.collection, "deleted_count": deleted})))
            }
            (None, Some(true)) => {
                collection.delete(&cx).await?;
                Ok(Output::json(
                    &json!({"id": self.collection, "object": "embedding.collection.deleted", "deleted": true}),
                ))
            }
            _ => Err(Error::argument("ids", "expected either `ids` or `all`: true, which deletes the collection")),
        }
    }
}
