//! Past verdicts: when, on what, which. What was checked is kept as a hash, unless the caller wants an excerpt.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, sql};
use sha2::{Digest as _, Sha256};

use crate::verdict::Verdict;

tools![History, Delete];

/// Characters of an excerpt.
const EXCERPT: usize = 80;
/// Verdicts that one statement keeps: a value of the store has at most 2 MB.
const LOT: usize = 512;
/// Verdicts on a page, unless told.
const PAGE: i64 = 20;
/// How long verdicts are kept, unless the operator says otherwise with `OPENAI_MCP_HISTORY_DAYS`.
const DAYS: u32 = 90;
const DAY: i64 = 24 * 60 * 60;

/// What the history keeps of the input.
#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum Keep {
    None,
    Hash,
    Excerpt,
}

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
        let since = self.since.unwrap_or(i64::MIN).max(oldest(&cx)?);
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
                self.until.into(),
                self.after.into(),
                Datum::Integer(limit + 1),
            ],
        );
        let rows = cx.store().run(wanted).await?.rows;
        let limit = usize::try_from(limit).unwrap_or_default();
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut data = Vec::with_capacity(limit);
        let mut room = cx.max_result().saturating_sub(256);
        for row in rows.iter().take(limit) {
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
            // A page ends where the result would be cut, so that the next goes on with what is left out.
            match room.checked_sub(shown.to_string().len() + 1) {
                Some(left) => room = left,
                None if data.is_empty() => {}
                None => break,
            }
            data.push(shown);
        }
        let last_id = data.last().and_then(|last| last.get("id")).cloned().unwrap_or_default();
        Ok(Output::json(&json!({"data": data, "has_more": rows.len() > data.len(), "last_id": last_id})))
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
    let failed = |error: &Error| cx.log("warning", &json!(format!("the verdict was not kept: {error}")));
    let oldest = match oldest(cx) {
        Ok(oldest) => oldest,
        Err(error) => return failed(&error),
    };
    let at = now(cx);
    let records: Vec<Value> = records
        .map(|(input, verdict)| {
            let excerpt = (keep == Keep::Excerpt).then(|| input.chars().take(EXCERPT).collect::<String>());
            let categories: Vec<&str> = verdict.categories().collect();
            let (categories, scores) = (json!(categories).to_string(), json!(verdict.scores()).to_string());
            json!([hash(&input), excerpt, verdict.flagged(), categories, scores])
        })
        .collect();
    if records.is_empty() {
        return;
    }
    // What is too old goes whoever it belongs to: whose key is no longer in use never comes back to delete it.
    let expired = sql("DELETE FROM verdict WHERE at < ?1", [oldest.into()]);
    let lots = records.chunks(LOT).map(|lot| {
        sql(
            "INSERT INTO verdict (owner, at, model, hash, excerpt, flagged, categories, scores) \
             SELECT ?1, ?2, ?3, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?4)",
            [owner.clone().into(), at.into(), model.into(), json!(lot).to_string().into()],
        )
    });
    if let Err(error) = cx.store().batch(std::iter::once(expired).chain(lots).collect()).await {
        failed(&error);
    }
}

fn now(cx: &Context) -> i64 {
    i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)
}

/// Since when verdicts are kept, in Unix seconds.
fn oldest(cx: &Context) -> Result<i64> {
    let days = match cx.setting("HISTORY_DAYS") {
        None => DAYS,
        Some(text) => text.parse().ok().filter(|days| *days > 0).ok_or_else(|| {
            let problem = format!("the operator's OPENAI_MCP_HISTORY_DAYS: expected a number of days, got `{text}`");
            Error::new(Kind::Unsupported, problem)
        })?,
    };
    Ok(now(cx) - i64::from(days) * DAY)
}

/// SHA-256 in hexadecimal.
fn hash(input: &str) -> String {
    Sha256::digest(input.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
