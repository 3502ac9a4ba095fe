//! Reports of an eval's runs: a page, a text, and what other programs read.
//!
//! All are made of the API's own objects, so a report of an export is one of a live run.

mod html;
mod table;

use serde_json::Value;

use crate::runs::{Difference, Outcome, Run, compare};

pub use html::html;
pub use table::{csv, junit, markdown};

/// The eval's name, as far as it is known.
fn title(eval: &Value) -> &str {
    Some(crate::runs::text(eval, "name")).filter(|name| !name.is_empty()).unwrap_or("Eval")
}

/// What came out of each run, and how each but the first differs from it.
fn outcomes(runs: &[Run<'_>]) -> Vec<(Outcome, Option<Difference>)> {
    let outcomes: Vec<Outcome> = runs.iter().map(Run::outcome).collect();
    let first = outcomes.first().cloned().unwrap_or_default();
    let differs = |(index, outcome): (usize, Outcome)| {
        let difference = (index > 0).then(|| compare(&first, &outcome));
        (outcome, difference)
    };
    outcomes.into_iter().enumerate().map(differs).collect()
}

/// What was answered, as a person reads it: the text, or what was called.
fn said(item: &Value) -> String {
    let output = item.get("sample").into_iter().flat_map(|sample| crate::runs::list(sample, "output"));
    let of = |message: &Value| {
        let content = message.get("content").unwrap_or(&Value::Null);
        let calls = message.get("tool_calls").filter(|calls| !calls.is_null());
        let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
        match calls {
            Some(calls) if content.is_empty() || content == "null" => calls.to_string(),
            Some(calls) => format!("{content}\n{calls}"),
            None => content,
        }
    };
    output.map(of).collect::<Vec<_>>().join("\n")
}

/// Tokens of a kind that a run used, over all models.
fn tokens(run: &Value, kind: &str) -> u64 {
    crate::runs::list(run, "per_model_usage").filter_map(|usage| usage.get(kind)?.as_u64()).sum()
}

/// How many criteria could not grade, or what else went wrong: `{name, code, message}`.
fn errors(item: &Value) -> impl Iterator<Item = &Value> {
    let own = item.get("sample").and_then(|sample| sample.get("error")).filter(|error| !error.is_null());
    crate::runs::list(item, "errors").chain(own)
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => {
            let more = text.chars().count() - most;
            format!("{}… ({more} more characters)", text.get(..at).unwrap_or_default())
        }
        None => text.to_owned(),
    }
}
