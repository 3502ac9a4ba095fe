//! Past verdicts, as they were recorded.

use openai_mcp_kernel::near::{did_you_mean, nearest};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Row, sql};
use openai_mcp_kernel::time;

use crate::record::{hash, oldest};
use crate::verdict::CATEGORIES;

tools![History, Delete];

/// Verdicts on a page where no limit is given.
const PAGE: i64 = 20;

/// List past verdicts, the newest first.
///
/// Kept for 90 days unless the operator says otherwise.
#[tool("moderation-history", reads)]
struct History {
    flagged: Option<bool>,
    /// Flagged in this category.
    category: Option<String>,
    /// The exact input that was checked.
    input: Option<String>,
    /// Unix seconds, or ISO 8601.
    since: Option<Time>,
    until: Option<Time>,
    limit: Option<Int<1, 100>>,
    after: Option<String>,
}

impl History {
    async fn run(self, cx: Context) -> Result<Output> {
        let names = || CATEGORIES.iter().map(|(name, ..)| *name);
        if let Some(category) = self.category.as_deref().filter(|category| names().all(|name| name != *category)) {
            let hint = did_you_mean(nearest(category, names()));
            let problem = format!("expected one that moderation-categories lists, got `{category}`{hint}");
            return Err(Error::argument("category", problem));
        }
        let limit = self.limit.map_or(PAGE, |Int(limit)| limit);
        let since = self.since.map_or(i64::MIN, |Time(at)| at).max(oldest(&cx)?);
        let after = match self.after.map(|after| (after.parse::<i64>(), after)) {
            None => None,
            Some((Ok(after), _)) => Some(after),
            Some((Err(_), given)) => {
                return Err(Error::argument("after", format!("expected the `last_id` of a page, got `{given}`")));
            }
        };
        // A condition that may be left out would keep the index of hashes from use.
        let input = if self.input.is_some() { "hash = ?4" } else { "?4 IS NULL" };
        let wanted = sql(
            format!(
                "SELECT id, at, hash, excerpt, model, flagged, categories, scores FROM verdict \
                 WHERE owner = ?1 AND (?2 IS NULL OR flagged = ?2) \
                 AND (?3 IS NULL OR instr(categories, '\"' || ?3 || '\"') > 0) AND {input} \
                 AND at >= ?5 AND (?6 IS NULL OR at <= ?6) AND (?7 IS NULL OR id < ?7) \
                 ORDER BY id DESC LIMIT ?8"
            ),
            [
                cx.owner()?.into(),
                self.flagged.into(),
                self.category.into(),
                self.input.as_deref().map(hash).into(),
                since.into(),
                self.until.map(|Time(at)| at).into(),
                after.into(),
                Datum::Integer(limit + 1),
            ],
        );
        let page = cx.store().run(wanted).await?.page(usize::try_from(limit).unwrap_or_default(), show)?;
        Ok(Output::json(&page))
    }
}

fn show(row: &Row) -> Result<Value> {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut shown = json!({
        "id": row.integer(0)?.to_string(),
        "at": row.integer(1)?,
        "time": time::iso(row.integer(1)?),
        "hash": row.text(2)?,
        "model": row.text(4)?,
        "flagged": row.integer(5)? != 0,
        "categories": parsed(row.text(6)?),
        "scores": parsed(row.text(7)?),
    });
    if let (Ok(excerpt), Some(shown)) = (row.text(3), shown.as_object_mut()) {
        shown.insert("excerpt".into(), excerpt.into());
    }
    Ok(shown)
}

/// Delete past verdicts: those up to a time, or all.
#[tool("moderation-history-delete", destroys, idempotent)]
struct Delete {
    /// Those up to then: Unix seconds, or ISO 8601.
    until: Option<Time>,
    /// Delete every verdict.
    all: Option<bool>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        if self.until.is_some() == (self.all == Some(true)) {
            return Err(Error::argument(
                "until",
                "expected either `until` or `all`: true, which deletes every verdict",
            ));
        }
        let statement = sql(
            "DELETE FROM verdict WHERE owner = ?1 AND (?2 IS NULL OR at <= ?2)",
            [cx.owner()?.into(), self.until.map(|Time(at)| at).into()],
        );
        let changed = cx.store().run(statement).await?.changed;
        Ok(Output::json(&json!({"deleted_count": changed})))
    }
}
