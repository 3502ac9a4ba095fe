//! The record of past verdicts: when, on what, which. What was checked is kept as a hash, unless the caller wants an excerpt.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::sql;
use sha2::{Digest as _, Sha256};

use crate::verdict::Verdict;

/// Characters of an excerpt.
const EXCERPT: usize = 80;
/// Verdicts that one statement keeps: a value of the store has at most 2 MB.
const LOT: usize = 512;
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
    if let Err(error) = cx.store().batch(std::iter::once(expired.clone()).chain(lots).collect()).await {
        // Where nothing can be added for want of room, what is too old has to go all the same.
        let _ = cx.store().run(expired).await;
        failed(&error);
    }
}

fn now(cx: &Context) -> i64 {
    i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)
}

/// Since when verdicts are kept, in Unix seconds.
pub(crate) fn oldest(cx: &Context) -> Result<i64> {
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
pub(crate) fn hash(input: &str) -> String {
    Sha256::digest(input.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
