//! What is kept of an upload until it ends: enough for another call to go on with it.

use std::collections::BTreeMap;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::sql;

/// An upload that has begun.
pub(crate) struct Record {
    pub(crate) id: String,
    /// The parts that are there, by number: id and MD5.
    pub(crate) parts: BTreeMap<usize, (String, String)>,
    /// How many calls took it up before this one.
    pub(crate) turn: i64,
}

impl Record {
    /// The upload of this id, or one that was asked for in the same words and takes parts for some time yet.
    pub(crate) async fn find(cx: &Context, id: Option<&str>, asked: &str) -> Result<Option<Self>> {
        let (owner, now) = (cx.owner()?, cx.now().as_secs() as i64);
        let found = match id {
            Some(id) => sql("SELECT id FROM upload WHERE owner = ?1 AND id = ?2", [owner.clone().into(), id.into()]),
            None => sql(
                "SELECT id FROM upload WHERE owner = ?1 AND asked = ?2 AND expires_at > ?3 ORDER BY expires_at DESC LIMIT 1",
                [owner.clone().into(), asked.into(), now.into()],
            ),
        };
        let rows = cx.store().run(found).await?.rows;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = row.text(0)?.to_owned();
        let taken = "UPDATE upload SET turn = turn + 1 WHERE owner = ?1 AND id = ?2 RETURNING turn";
        let taken = cx.store().run(sql(taken, [owner.clone().into(), (&id).into()])).await?.rows;
        let turn = taken.first().map_or(Ok(0), |row| row.integer(0))?;
        let kept = "SELECT number, id, md5 FROM part WHERE owner = ?1 AND upload = ?2";
        let mut parts = BTreeMap::new();
        for row in cx.store().run(sql(kept, [owner.into(), (&id).into()])).await?.rows {
            let number = usize::try_from(row.integer(0)?).unwrap_or_default();
            parts.insert(number, (row.text(1)?.to_owned(), row.text(2)?.to_owned()));
        }
        Ok(Some(Record { id, parts, turn }))
    }

    /// Keeps a new upload, and forgets those that OpenAI has forgotten.
    pub(crate) async fn begin(cx: &Context, id: String, asked: &str, expires_at: i64) -> Result<Self> {
        let (owner, now) = (cx.owner()?, cx.now().as_secs() as i64);
        let statements = vec![
            sql(
                "DELETE FROM part WHERE owner = ?1 AND upload IN (SELECT id FROM upload WHERE owner = ?1 AND expires_at <= ?2)",
                [owner.clone().into(), now.into()],
            ),
            sql("DELETE FROM upload WHERE owner = ?1 AND expires_at <= ?2", [owner.clone().into(), now.into()]),
            sql(
                "INSERT INTO upload (owner, id, asked, expires_at) VALUES (?1, ?2, ?3, ?4)",
                [owner.into(), (&id).into(), asked.into(), expires_at.into()],
            ),
        ];
        cx.store().batch(statements).await?;
        Ok(Record { id, parts: BTreeMap::new(), turn: 0 })
    }

    /// Whether an upload goes on, and no call has taken it up since.
    pub(crate) async fn is_left(cx: &Context, id: &str, turn: i64) -> Result<bool> {
        let left = "SELECT 1 FROM upload WHERE owner = ?1 AND id = ?2 AND turn = ?3";
        let found = cx.store().run(sql(left, [cx.owner()?.into(), id.into(), turn.into()])).await?;
        Ok(!found.rows.is_empty())
    }

    /// Keeps a part that is there.
    pub(crate) async fn part(cx: &Context, upload: &str, number: usize, id: &str, md5: &str) -> Result<()> {
        let kept = "INSERT INTO part (owner, upload, number, id, md5) VALUES (?1, ?2, ?3, ?4, ?5) \
                    ON CONFLICT (owner, upload, number) DO UPDATE SET id = excluded.id, md5 = excluded.md5";
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let values = [cx.owner()?.into(), upload.into(), number.into(), id.into(), md5.into()];
        cx.store().run(sql(kept, values)).await.map(drop)
    }

    /// Forgets an upload that has ended.
    pub(crate) async fn end(cx: &Context, id: &str) -> Result<()> {
        let owner = cx.owner()?;
        let statements = vec![
            sql("DELETE FROM part WHERE owner = ?1 AND upload = ?2", [owner.clone().into(), id.into()]),
            sql("DELETE FROM upload WHERE owner = ?1 AND id = ?2", [owner.into(), id.into()]),
        ];
        cx.store().batch(statements).await.map(drop)
    }
}
