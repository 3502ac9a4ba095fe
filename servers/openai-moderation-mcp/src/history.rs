//! Past verdicts: when, on what, which. What was checked is kept as a hash, unless the caller wants an excerpt.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::store::{Datum, Statement, sql};
use sha2::{Digest as _, Sha256};

use crate::verdict::Verdict;

tools![History, Delete];

/// Characters of an excerpt.
const EXCERPT: usize = 80;
/// Verdicts on a page, unless told.
const PAGE: i64 = 20;

/// What the history keeps of the input.
#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum Keep {
    None,
    Hash,
    Excerpt,
}

/// List past verdicts, the newest first.
#[tool("moderation-history", reads)]
struct History {
    flagged: Option<bool>,
    /// Flagged in this category.
    category: Option<String>,
    /// The exact input that was checked.
    input: Option<String>,
    /// Unix seconds.
    since: Option<i64>,
    until: Option<i64>,
    limit: Option<Int<1, 100>>,
    /// last_id of the page before.
    after: Option<i64>,
}

impl History {
    async fn run(self, cx: Context) -> Result<Output> {
        let limit = self.limit.map_or(PAGE, |Int(limit)| limit);
        let rows = cx
            .store()
            .run(sql(
                "SELECT id, at, hash, excerpt, model, flagged, categories, scores FROM verdict \
                 WHERE owner = ?1 AND (?2 IS NULL OR flagged = ?2) \
                 AND (?3 IS NULL OR instr(categories, '\"' || ?3 || '\"') > 0) AND (?4 IS NULL OR hash = ?4) \
                 AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at <= ?6) AND (?7 IS NULL OR id < ?7) \
                 ORDER BY id DESC LIMIT ?8",
                [
                    cx.owner()?.into(),
                    self.flagged.into(),
                    self.category.into(),
                    self.input.as_deref().map(hash).into(),
                    self.since.into(),
                    self.until.into(),
                    self.after.into(),
                    Datum::Integer(limit + 1),
                ],
            ))
            .await?
            .rows;
        let kept = usize::try_from(limit).unwrap_or_default();
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut data = Vec::with_capacity(kept);
        for row in rows.iter().take(kept) {
            let mut shown = json!({
                "id": row.integer(0)?,
                "at": row.integer(1)?,
                "hash": row.text(2)?,
                "model": row.text(4)?,
                "flagged": row.integer(5)? != 0,
                "categories": parsed(row.text(6)?),
                "scores": parsed(row.text(7)?),
            });
            if let (Ok(excerpt), Some(shown)) = (row.text(3), shown.as_object_mut()) {
                shown.insert("excerpt".into(), excerpt.into());
            }
            data.push(shown);
        }
        let last_id = data.last().and_then(|last| last.get("id")).cloned().unwrap_or_default();
        Ok(Output::json(&json!({"data": data, "has_more": rows.len() > kept, "last_id": last_id})))
    }
}

/// Delete past verdicts: all, or those up to a time.
#[tool("moderation-history-delete", destroys, idempotent)]
struct Delete {
    /// Unix seconds; every verdict unless told.
    until: Option<i64>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        let statement = sql(
            "DELETE FROM verdict WHERE owner = ?1 AND (?2 IS NULL OR at <= ?2)",
            [cx.owner()?.into(), self.until.into()],
        );
        let changed = cx.store().run(statement).await?.changed;
        Ok(Output::json(&json!({"deleted": changed})))
    }
}

/// Keeps verdicts, if the caller and the operator want that. A verdict is worth more than its record: where there is no
/// store, or it fails, the check goes on without.
pub(crate) async fn keep<'a>(
    cx: &Context,
    keep: Option<Keep>,
    model: &str,
    records: impl Iterator<Item = (String, &'a Verdict)>,
) {
    let keep = keep.unwrap_or(Keep::Hash);
    if keep == Keep::None || !cx.keeps_history() {
        return;
    }
    let Ok(owner) = cx.owner() else { return };
    let at = i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX);
    let statements: Vec<Statement> = records
        .map(|(input, verdict)| {
            let excerpt = (keep == Keep::Excerpt).then(|| input.chars().take(EXCERPT).collect::<String>());
            let categories: Vec<&str> = verdict.categories().collect();
            sql(
                "INSERT INTO verdict (owner, at, hash, excerpt, model, flagged, categories, scores) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                [
                    owner.clone().into(),
                    at.into(),
                    hash(&input).into(),
                    excerpt.into(),
                    model.into(),
                    verdict.flagged().into(),
                    json!(categories).to_string().into(),
                    json!(verdict.scores()).to_string().into(),
                ],
            )
        })
        .collect();
    if !statements.is_empty()
        && let Err(error) = cx.store().batch(statements).await
    {
        cx.log("warning", &json!(format!("the verdict was not kept: {error}")));
    }
}

/// SHA-256 in hexadecimal.
fn hash(input: &str) -> String {
    Sha256::digest(input.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
