//! Comparing runs item by item.

use openai_mcp_graders::runs::{Outcome, Run, Tally, compare};
use openai_mcp_graders::statistics::{Estimate, Paired};
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;

use crate::local::{Members as _, list, text};
use crate::whole;

tools![Compare];

/// Items that are named of those won and lost.
const NAMED: usize = 10;
/// Below this probability a difference is not taken for chance.
const LEVEL: f64 = 0.05;

/// Compare runs of an eval, item by item: which is better, and is it chance?
///
/// The first is what the others are held against. Intervals are of 95 %; p is McNemar's, exact. Repeats of an item are
/// averaged; errors count nowhere but in `errored`.
#[tool("eval-run-compare", reads)]
struct Compare {
    eval_id: String,
    /// 2 to 5.
    run_ids: ListOf<String, 2, 5>,
}

/// A run, as far as it is compared.
struct Side {
    run: Value,
    outcome: Outcome,
}

impl Compare {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut sides = Vec::new();
        for id in &self.run_ids.0 {
            let run = whole::run(&cx, &self.eval_id, id).await?;
            // Of long samples nothing is compared.
            let items = whole::items(&cx, &self.eval_id, id, |item| item.unset("sample")).await?;
            let outcome = Run { run: &run, items: &items }.outcome();
            sides.push(Side { run, outcome });
        }
        let Some((first, others)) = sides.split_first() else { return Err(Error::argument("run_ids", "expected two")) };
        let comparisons: Vec<Value> = others.iter().map(|other| compared(first, other)).collect();
        let runs: Vec<Value> = sides.iter().map(side).collect();
        Ok(Output::json(&json!({"runs": runs, "comparisons": comparisons})))
    }
}

/// A run by itself.
fn side(side: &Side) -> Value {
    let tokens: i64 = list(&side.run, "per_model_usage").filter_map(|usage| usage.at("total_tokens").as_i64()).sum();
    let criteria = side.outcome.criteria.iter().map(|(name, tally)| (name.clone(), tallied(tally)));
    let mut shown = json!({
        "id": side.run.at("id"), "model": side.run.at("model"), "status": side.run.at("status"), "total_tokens": tokens,
        "criteria": json::object(criteria),
    });
    if !text(&side.run, "name").is_empty() {
        shown.put("name", side.run.at("name").clone());
    }
    if let Value::Object(all) = tallied(&side.outcome.all) {
        for (name, value) in all.into_iter().filter(|(name, _)| name != "score") {
            shown.put(&name, value);
        }
    }
    shown
}

fn tallied(tally: &Tally) -> Value {
    let mut shown = json!({"passed": tally.passed, "failed": tally.failed, "pass_rate": tally.rate().map(estimate)});
    if tally.errored > 0 {
        shown.put("errored", tally.errored.into());
    }
    // Where there are just 1 and 0, the mean of scores is the rate of what passed.
    let scores = tally.scores.estimate().map(estimate).filter(|scores| shown.at("pass_rate") != scores);
    if let Some(scores) = scores {
        shown.put("score", scores);
    }
    shown
}

/// Of a second run against the first.
fn compared(first: &Side, second: &Side) -> Value {
    let difference = compare(&first.outcome, &second.outcome);
    let all = &difference.all;
    let better = all.difference.map(|difference| difference.value > 0.0);
    let verdict = match better {
        _ if all.items == 0 => "no item was graded in both runs",
        Some(true) if all.p < LEVEL => "better",
        Some(false) if all.p < LEVEL => "worse",
        _ => "no difference beyond chance",
    };
    let mut shown = pair(all);
    shown.put("run_id", second.run.at("id").clone());
    shown.put("against", first.run.at("id").clone());
    shown.put("verdict", verdict.into());
    let criteria = difference.criteria.iter().map(|(name, both)| {
        let mut shown = pair(&both.passes);
        for name in ["won", "lost", "items", "only_first", "only_second"] {
            shown.unset(name);
        }
        let scores = both.scores.difference.map(estimate).filter(|scores| shown.at("difference") != scores);
        if let Some(scores) = scores {
            shown.put("score_difference", scores);
        }
        (name.clone(), shown)
    });
    shown.put("criteria", json::object(criteria).into());
    shown
}

fn pair(pair: &Paired) -> Value {
    let named = |ids: &[String]| json!({"count": ids.len(), "items": ids.get(..NAMED.min(ids.len()))});
    let mut shown = json!({
        "items": pair.items, "difference": pair.difference.map(estimate), "p": rounded(pair.p),
        "won": named(&pair.won), "lost": named(&pair.lost),
    });
    for (name, count) in [("only_first", pair.only_first), ("only_second", pair.only_second)] {
        if count > 0 {
            shown.put(name, count.into());
        }
    }
    shown
}

fn estimate(estimate: Estimate) -> Value {
    json!({"value": rounded(estimate.value), "low": rounded(estimate.low), "high": rounded(estimate.high)})
}

/// To four places: what is behind them says nothing.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
