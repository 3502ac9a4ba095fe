//! Collections as they are stored: vectors in segments, with texts and metadata apart from them.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Statement, sql};
use openai_mcp_shapes::filter::{Filter, Known, see};
use serde_json::Map;

use crate::filter::admits;
use crate::model::Model;
use crate::rows::Row;
use crate::vector::{self, WIDTH};

/// Most bytes of the vectors in a segment: D1 takes values and rows of 2 MB.
const SEGMENT: usize = 1_800_000;
/// Most vectors in a segment, however short they are: their ids stand in one value.
const MOST_SLOTS: usize = 2048;
/// Most bytes of items in a statement, for the same reason.
const ITEMS: usize = 1_000_000;
/// Bytes of vectors that are read at once, several small segments together.
const PAGE: usize = 2_000_000;
/// Pages read ahead: while one is searched, the store reads the next.
const AHEAD: usize = 2;
/// Most keys of metadata that a scan remembers.
const MOST_KEYS: usize = 1000;
/// Most merges of segments after a write.
const MOST_MERGES: usize = 4;

/// A collection in the store.
pub(crate) struct Collection {
    id: i64,
    pub(crate) model: String,
    pub(crate) dimensions: usize,
    shortened: bool,
}

impl Collection {
    /// The model that its texts and queries are embedded with.
    pub(crate) fn model(&self) -> Model {
        let dimensions = self.shortened.then(|| i64::try_from(self.dimensions).unwrap_or(i64::MAX));
        Model { name: self.model.clone(), dimensions }
    }

    /// Refuses another model or other dimensions than its own.
    pub(crate) fn accept(&self, name: &str, model: Option<&str>, dimensions: Option<usize>) -> Result<()> {
        let differs = |argument: &str, own: &dyn std::fmt::Display, got: &dyn std::fmt::Display| {
            let problem = format!(
                "`{name}` holds vectors of {own}, got {got}\n\
                 hint: leave `{argument}` out, or use another collection"
            );
            Err(Error::argument(argument, problem))
        };
        match (model, dimensions) {
            (Some(model), _) if model != self.model => differs("model", &self.model, &model),
            (_, Some(dimensions)) if dimensions != self.dimensions => {
                differs("dimensions", &format!("{} dimensions", self.dimensions), &dimensions)
            }
            _ => Ok(()),
        }
    }

    /// Its id in the store.
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Deletes it, with its items.
    pub(crate) async fn delete(&self, cx: &Context) -> Result<()> {
        let delete = "DELETE FROM collection WHERE owner = ?1 AND id = ?2";
        cx.store().run(sql(delete, [cx.owner()?.into(), self.id.into()])).await.map(drop)
    }

    /// Deletes items, and gives how many there were.
    pub(crate) async fn delete_items(&self, cx: &Context, ids: &[String]) -> Result<u64> {
        let owner = || cx.owner().map(Datum::from);
        let ids = json!(ids).to_string();
        let statements = vec![
            bury(owner()?, self.id, &ids),
            sql(
                "DELETE FROM item WHERE owner = ?1 AND collection = ?2 AND id IN (SELECT value FROM json_each(?3))",
                [owner()?, self.id.into(), ids.into()],
            ),
            sweep(owner()?, self.id),
        ];
        let done = cx.store().batch(statements).await?;
        let deleted = done.get(1).map_or(0, |rows| rows.changed);
        self.tidy(cx, deleted).await;
        Ok(deleted)
    }

    /// Adds rows with their vectors, as many at a time as a segment takes; each lot is written whole or not at all.
    /// Gives how many replaced what was there.
    pub(crate) async fn add(&self, cx: &Context, items: &[(&Row, Vec<f32>)]) -> Result<u64> {
        let mut replaced = 0;
        for items in items.chunks((SEGMENT / (self.dimensions * WIDTH).max(1)).clamp(1, MOST_SLOTS)) {
            replaced += self.add_segment(cx, items).await?;
        }
        self.tidy(cx, replaced).await;
        Ok(replaced)
    }

    /// Which of these rows it holds already, just as they are.
    pub(crate) async fn held(&self, cx: &Context, rows: &[(usize, &Row)]) -> Result<HashSet<usize>> {
        let ids: Vec<String> = rows.iter().map(|(_, row)| row.id()).collect();
        // `CROSS` has SQLite begin with the ids, not with all items.
        let wanted = sql(
            "SELECT item.id, text, metadata FROM json_each(?3) AS wanted CROSS JOIN item ON item.id = wanted.value \
             WHERE owner = ?1 AND collection = ?2",
            [cx.owner()?.into(), self.id.into(), json!(ids).to_string().into()],
        );
        let found = cx.store().run(wanted).await?;
        let mut items = HashMap::new();
        for row in &found.rows {
            let metadata = row.get(2).and_then(|metadata| match metadata {
                Datum::Text(metadata) => Some(metadata.as_str()),
                _ => None,
            });
            items.insert(row.text(0)?, (row.text(1)?, metadata));
        }
        let same = |(row, id): (&Row, &String)| {
            let metadata = row.written_metadata();
            items.get(id.as_str()) == Some(&(row.text.as_str(), metadata.as_deref()))
        };
        let held = rows.iter().zip(&ids).filter(|((_, row), id)| same((*row, *id)));
        Ok(held.map(|((index, _), _)| *index).collect())
    }

    async fn add_segment(&self, cx: &Context, items: &[(&Row, Vec<f32>)]) -> Result<u64> {
        let owner = || cx.owner().map(Datum::from);
        // Of two items with the same id, the last counts.
        let mut last: HashMap<String, usize> = HashMap::new();
        let ids: Vec<String> = items.iter().map(|(row, _)| row.id()).collect();
        for (index, id) in ids.iter().enumerate() {
            last.insert(id.clone(), index);
        }
        let kept = items.iter().zip(&ids).enumerate().filter(|(index, (_, id))| last.get(*id) == Some(index));
        let (mut vectors, mut lots, mut size) = (Vec::new(), vec![String::new()], 0);
        for (_, ((row, vector), id)) in kept {
            vector::push_bytes(&mut vectors, &vector::unit(vector));
            let item = json!([id, size, row.written_metadata(), row.text]);
            let item = item.to_string();
            if lots.last().is_some_and(|lot| lot.len() + item.len() > ITEMS && !lot.is_empty()) {
                lots.push(String::new());
            }
            if let Some(lot) = lots.last_mut() {
                lot.push(if lot.is_empty() { '[' } else { ',' });
                lot.push_str(&item);
            }
            size += 1;
        }
        let mut statements: Vec<Statement> = vec![
            sql(
                "INSERT INTO segment (owner, collection, size, vectors) VALUES (?1, ?2, ?3, ?4)",
                [owner()?, self.id.into(), Datum::Integer(size), vectors.into()],
            ),
            bury(owner()?, self.id, &json!(ids).to_string()),
        ];
        for lot in lots {
            statements.push(sql(
                "INSERT OR REPLACE INTO item (owner, collection, id, segment, slot, metadata, text) \
                 SELECT ?1, ?2, value ->> 0, (SELECT max(id) FROM segment WHERE owner = ?1 AND collection = ?2), \
                 value ->> 1, value ->> 2, value ->> 3 FROM json_each(?3)",
                [owner()?, self.id.into(), format!("{lot}]").into()],
            ));
        }
        statements.push(sweep(owner()?, self.id));
        let done = cx.store().batch(statements).await?;
        Ok(done.get(1).map_or(0, |rows| rows.changed))
    }

    /// Takes segments together in which little lives, after `died` vectors have. Where that fails, the next time does it.
    async fn tidy(&self, cx: &Context, died: u64) {
        if died == 0 {
            return;
        }
        for _ in 0..MOST_MERGES {
            if !matches!(self.merge(cx).await, Ok(true)) {
                return;
            }
        }
    }

    /// Moves what lives of two segments that are more than half dead into a new one, where it fits. Tells whether there
    /// were any.
    async fn merge(&self, cx: &Context) -> Result<bool> {
        let owner = || cx.owner().map(Datum::from);
        let sparse = sql(
            "SELECT id FROM segment WHERE owner = ?1 AND collection = ?2 \
             AND size < 2 * (SELECT count(*) FROM dead WHERE dead.segment = segment.id) ORDER BY id LIMIT 2",
            [owner()?, self.id.into()],
        );
        let sparse = cx.store().run(sparse).await?.rows;
        if sparse.is_empty() {
            return Ok(false);
        }
        let sparse = json!(sparse.iter().map(|row| row.integer(0)).collect::<Result<Vec<_>>>()?).to_string();
        let with = |list: &str| -> Result<[Datum; 3]> { Ok([owner()?, self.id.into(), list.into()]) };
        let found = cx
            .store()
            .batch(vec![
                sql(
                    "SELECT id, vectors FROM segment WHERE owner = ?1 AND collection = ?2 \
                     AND id IN (SELECT value FROM json_each(?3))",
                    with(&sparse)?,
                ),
                sql(
                    "SELECT segment, slot FROM item WHERE owner = ?1 AND collection = ?2 \
                     AND segment IN (SELECT value FROM json_each(?3)) ORDER BY segment, slot",
                    with(&sparse)?,
                ),
            ])
            .await?;
        let [segments, living] = found.as_slice() else { return Ok(false) };
        let mut blobs = HashMap::new();
        for row in &segments.rows {
            blobs.insert(row.integer(0)?, row.blob(1)?);
        }
        let (mut vectors, mut moves) = (Vec::new(), Vec::new());
        let width = self.dimensions * WIDTH;
        for row in &living.rows {
            let (segment, slot) = (row.integer(0)?, row.integer(1)?);
            let at = usize::try_from(slot).unwrap_or(usize::MAX).saturating_mul(width);
            let vector = blobs.get(&segment).and_then(|blob| blob.get(at..at.saturating_add(width)));
            vectors.extend_from_slice(vector.ok_or_else(|| Error::new(Kind::Store, "a vector is missing"))?);
            moves.push([segment, slot, moves.len() as i64]);
        }
        let size = Datum::Integer(moves.len() as i64);
        let moves = json!(moves).to_string();
        cx.store()
            .batch(vec![
                sql(
                    "INSERT INTO segment (owner, collection, size, vectors) VALUES (?1, ?2, ?3, ?4)",
                    [owner()?, self.id.into(), size, vectors.into()],
                ),
                sql(
                    "INSERT OR REPLACE INTO item (owner, collection, id, segment, slot, metadata, text) \
                     SELECT owner, collection, item.id, (SELECT max(id) FROM segment WHERE owner = ?1 AND collection = ?2), \
                     moved.value ->> 2, metadata, text FROM json_each(?3) AS moved \
                     CROSS JOIN item ON segment = moved.value ->> 0 AND slot = moved.value ->> 1 \
                     WHERE owner = ?1 AND collection = ?2",
                    with(&moves)?,
                ),
                // What was replaced or deleted since it was read.
                sql(
                    "WITH fresh AS (SELECT max(id) AS id FROM segment WHERE owner = ?1 AND collection = ?2) \
                     INSERT INTO dead (owner, segment, slot) SELECT ?1, fresh.id, moved.value ->> 2 \
                     FROM fresh, json_each(?3) AS moved WHERE NOT EXISTS (SELECT 1 FROM item \
                     WHERE owner = ?1 AND collection = ?2 AND segment = fresh.id AND slot = moved.value ->> 2)",
                    with(&moves)?,
                ),
                sql(
                    "DELETE FROM segment WHERE owner = ?1 AND collection = ?2 \
                     AND id IN (SELECT value FROM json_each(?3))",
                    with(&sparse)?,
                ),
                sweep(owner()?, self.id),
            ])
            .await?;
        Ok(true)
    }

    /// Goes through the vectors in use, page by page, but for those of items that `filter` does not admit. Gives what
    /// it came by.
    pub(crate) async fn scan(
        &self,
        cx: &Context,
        filter: Option<&Filter>,
        mut each: impl FnMut(Place, &[u8]),
    ) -> Result<Scanned> {
        let owner = Datum::from(cx.owner()?);
        let wanted = sql(
            "SELECT id, size FROM segment WHERE owner = ?1 AND collection = ?2 ORDER BY id",
            [owner.clone(), self.id.into()],
        );
        let width = self.dimensions * WIDTH;
        let mut pages: Vec<(i64, i64)> = Vec::new();
        let (mut room, mut missing) = (0, 0);
        for row in cx.store().run(wanted).await?.rows {
            missing += 1;
            let (id, bytes) = (row.integer(0)?, usize::try_from(row.integer(1)?).unwrap_or_default() * width);
            match pages.last_mut().filter(|_| bytes <= room) {
                Some((_, last)) => {
                    *last = id;
                    room -= bytes;
                }
                None => {
                    pages.push((id, id));
                    room = PAGE.saturating_sub(bytes);
                }
            }
        }
        let read = |(first, last): (i64, i64)| {
            let within = [owner.clone(), first.into(), last.into(), self.id.into()];
            let vectors =
                "SELECT id, vectors FROM segment WHERE owner = ?1 AND id BETWEEN ?2 AND ?3 AND collection = ?4";
            let statements = vec![
                sql(vectors, within.clone()),
                match filter {
                    Some(_) => sql(
                        "SELECT segment, slot, metadata FROM item \
                         WHERE owner = ?1 AND segment BETWEEN ?2 AND ?3 AND collection = ?4",
                        within,
                    ),
                    None => sql(
                        "SELECT segment, slot FROM dead WHERE owner = ?1 AND segment BETWEEN ?2 AND ?3",
                        within.into_iter().take(3),
                    ),
                },
            ];
            async move { cx.store().batch(statements).await }
        };
        let mut pages = stream::iter(pages).map(read).buffered(AHEAD);
        let (mut count, mut keys) = (0, Known::new());
        while let Some(page) = pages.try_next().await? {
            let [segments, which] = page.as_slice() else { continue };
            let mut told: HashMap<Place, bool> = HashMap::new();
            for row in &which.rows {
                let metadata: Map<String, Value> = match row.get(2) {
                    Some(Datum::Text(metadata)) => serde_json::from_str(metadata).unwrap_or_default(),
                    _ => Map::new(),
                };
                let admitted = filter.is_some_and(|filter| admits(filter, &metadata));
                for (key, value) in &metadata {
                    if keys.len() < MOST_KEYS || keys.contains_key(key) {
                        see(&mut keys, key, value);
                    }
                }
                told.insert(Place { segment: row.integer(0)?, slot: row.integer(1)? }, admitted);
            }
            for row in &segments.rows {
                missing -= 1;
                let segment = row.integer(0)?;
                let vectors: &Bytes = row.blob(1)?;
                for (slot, vector) in (0..).zip(vectors.chunks_exact(width.max(1))) {
                    let place = Place { segment, slot };
                    if told.get(&place).copied().unwrap_or(filter.is_none()) {
                        count += 1;
                        each(place, vector);
                    }
                }
            }
        }
        Ok(Scanned { count, whole: missing == 0, keys })
    }

    /// The items at these places; one that is gone meanwhile is left out.
    pub(crate) async fn items(&self, cx: &Context, places: &[Place]) -> Result<HashMap<Place, Map<String, Value>>> {
        let places: Vec<[i64; 2]> = places.iter().map(|place| [place.segment, place.slot]).collect();
        // `CROSS` has SQLite begin with the places, not with all items.
        let wanted = sql(
            "SELECT segment, slot, item.id, text, metadata FROM json_each(?3) AS wanted \
             CROSS JOIN item ON segment = wanted.value ->> 0 AND slot = wanted.value ->> 1 \
             WHERE owner = ?1 AND collection = ?2",
            [cx.owner()?.into(), self.id.into(), json!(places).to_string().into()],
        );
        let mut items = HashMap::new();
        for row in cx.store().run(wanted).await?.rows {
            let place = Place { segment: row.integer(0)?, slot: row.integer(1)? };
            items.insert(place, item(row.text(2)?, row.text(3)?.to_owned(), row.get(4)));
        }
        Ok(items)
    }
}

/// What a scan came by.
pub(crate) struct Scanned {
    /// How many vectors the filter admits.
    pub(crate) count: usize,
    /// Whether every segment was still there when its turn came.
    pub(crate) whole: bool,
    /// What keys the metadata have, if there is a filter.
    pub(crate) keys: Known,
}

/// Where a vector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    segment: i64,
    slot: i64,
}

/// The caller's collection of a name, if there is one.
pub(crate) async fn find(cx: &Context, name: &str) -> Result<Option<Collection>> {
    let wanted = sql(
        "SELECT id, model, dimensions, shortened FROM collection WHERE owner = ?1 AND name = ?2",
        [cx.owner()?.into(), name.into()],
    );
    let found = cx.store().run(wanted).await?;
    let Some(row) = found.rows.first() else { return Ok(None) };
    Ok(Some(Collection {
        id: row.integer(0)?,
        model: row.text(1)?.to_owned(),
        dimensions: usize::try_from(row.integer(2)?).unwrap_or_default(),
        shortened: row.integer(3)? != 0,
    }))
}

/// The caller's collection of a name.
pub(crate) async fn require(cx: &Context, name: &str) -> Result<Collection> {
    find(cx, name).await?.ok_or_else(|| {
        let problem = format!(
            "no collection `{name}`\nhint: embedding-collection-list tells them, embedding-collection-add makes one"
        );
        Error::argument("collection", problem)
    })
}

/// The caller's collection of a name, made if there is none.
pub(crate) async fn open(cx: &Context, name: &str, model: &Model, dimensions: usize) -> Result<Collection> {
    let make = sql(
        "INSERT INTO collection (owner, name, model, dimensions, shortened, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (owner, name) DO NOTHING",
        [
            cx.owner()?.into(),
            name.into(),
            (&model.name).into(),
            Datum::Integer(i64::try_from(dimensions).unwrap_or(i64::MAX)),
            model.dimensions.is_some().into(),
            Datum::Integer(i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)),
        ],
    );
    cx.store().run(make).await?;
    let collection = require(cx, name).await?;
    collection.accept(name, Some(&model.name), Some(dimensions))?;
    Ok(collection)
}

/// Marks the vectors of these items as dead.
fn bury(owner: Datum, collection: i64, ids: &str) -> Statement {
    sql(
        "INSERT INTO dead (owner, segment, slot) SELECT owner, segment, slot FROM item \
         WHERE owner = ?1 AND collection = ?2 AND id IN (SELECT value FROM json_each(?3))",
        [owner, collection.into(), ids.into()],
    )
}

/// Drops the segments in which nothing lives.
fn sweep(owner: Datum, collection: i64) -> Statement {
    sql(
        "DELETE FROM segment WHERE owner = ?1 AND collection = ?2 \
         AND size <= (SELECT count(*) FROM dead WHERE dead.segment = segment.id)",
        [owner, collection.into()],
    )
}

/// An item as lists and hits show it.
pub(crate) fn item(id: &str, text: String, metadata: Option<&Datum>) -> Map<String, Value> {
    let mut item = Map::from_iter([("id".to_owned(), id.into()), ("text".to_owned(), text.into())]);
    if let Some(Datum::Text(metadata)) = metadata {
        item.insert("metadata".into(), serde_json::from_str(metadata).unwrap_or_default());
    }
    item
}
