//! The page: one file, without a network.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{cut, errors, outcomes, said, title, tokens};
use crate::plot;
use crate::runs::{Difference, Outcome, Run, Tally, criterion_name, list, text};
use crate::statistics::{Estimate, Paired};

/// Characters of one text that are shown.
const SHOWN: usize = 4000;
/// Characters of a text in a row of the table.
const PREVIEW: usize = 160;
/// Items that are listed. The counts are of all.
const ITEMS: usize = 5000;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// No other script runs, whatever an item has in it.
const SCRIPT_HASH: &str = "0m+gkjbVwOZnBsU3dmJnJG1meW2Lep9cnUX4yspGeVE=";

/// A page of the runs of an eval, with a plot, a comparison with the first run, and their items, which can be sorted, sought
/// and opened.
///
/// Texts of items are shown as they are and never taken for markup. Of more than 5,000 items the first are listed.
#[must_use]
pub fn html(eval: &Value, runs: &[Run<'_>]) -> String {
    let outcomes = outcomes(runs);
    let name = escape(title(eval));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>\n{STYLE}</style></head>\n<body>\n<h1 dir=\"auto\">{name}</h1>\n"
    );
    summary(&mut page, runs, &outcomes);
    if let Some(png) = plot::png(runs) {
        let data = STANDARD.encode(png);
        let _ = writeln!(
            page,
            "<p><img alt=\"Rates of what passed, and scores\" src=\"data:image/png;base64,{data}\"></p>"
        );
    }
    criteria(&mut page, runs, &outcomes);
    differences(&mut page, runs, &outcomes);
    items(&mut page, runs, &outcomes);
    let _ = write!(
        page,
        "<footer>Intervals are of 95 %: Wilson's of rates, Student's t of means, Bonett and Price's of differences of rates. \
         Repeats of an item are averaged first. p is of McNemar's exact test. Errors are no failures: they have no score \
         and are counted apart.</footer>\n<script>{SCRIPT}</script>\n</body></html>\n"
    );
    page
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && !c.is_whitespace() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

fn percent(estimate: Option<Estimate>) -> String {
    let Some(Estimate { value, low, high, .. }) = estimate else { return "<td>–</td><td></td>".to_owned() };
    let (value, low, high) = (value * 100.0, low * 100.0, high * 100.0);
    format!("<td data-v=\"{value}\"><b>{value:.1} %</b></td><td>{low:.1} to {high:.1} %</td>")
}

/// A difference of rates, and the chance of one as large if there were none.
fn points(paired: &Paired) -> String {
    let Some(Estimate { value, low, high, .. }) = paired.difference else { return "<td>–<td><td>".to_owned() };
    let (value, low, high, p) = (value * 100.0, low * 100.0, high * 100.0, paired.p);
    let shown = if p < 0.0001 { "&lt; 0.0001".to_owned() } else { format!("{p:.4}") };
    format!(
        "<td data-v=\"{value}\">{value:+.1} points<td data-v=\"{low}\">{low:+.1} to {high:+.1}<td data-v=\"{p}\">{shown}"
    )
}

fn number(estimate: Option<Estimate>) -> String {
    let Some(Estimate { value, low, high, .. }) = estimate else { return "<td>–</td><td></td>".to_owned() };
    format!("<td data-v=\"{value}\">{value:.3}</td><td>{low:.3} to {high:.3}</td>")
}

fn summary(page: &mut String, runs: &[Run<'_>], outcomes: &[(Outcome, Option<Difference>)]) {
    page.push_str(
        "<table><thead><tr><th>Run<th>Model<th>Status<th>Rate<th>Interval<th>Passed<th>Failed<th>Errors<th>Tokens in<th>cached<th>out\
         <th>Made</tr></thead><tbody>\n",
    );
    for (run, (outcome, _)) in runs.iter().zip(outcomes) {
        let Tally { passed, failed, errored, .. } = &outcome.all;
        let at = run.run.get("created_at").and_then(Value::as_i64).unwrap_or_default();
        let _ = writeln!(
            page,
            "<tr><td dir=\"auto\">{}<br><small>{}</small><td>{}<td>{}{}<td>{passed}<td>{failed}<td class=\"{}\">{errored}<td>{}<td>{}<td>{}\
             <td><time data-unix=\"{at}\">{at}</time></tr>",
            escape(run.title()),
            escape(text(run.run, "id")),
            escape(text(run.run, "model")),
            escape(text(run.run, "status")),
            percent(outcome.all.rate()),
            if *errored > 0 { "error" } else { "" },
            tokens(run.run, "prompt_tokens"),
            tokens(run.run, "cached_tokens"),
            tokens(run.run, "completion_tokens"),
        );
    }
    page.push_str("</tbody></table>\n");
}

fn criteria(page: &mut String, runs: &[Run<'_>], outcomes: &[(Outcome, Option<Difference>)]) {
    page.push_str(
        "<h2>Criteria</h2>\n<table class=\"sorts\"><thead><tr><th>Criterion<th>Run<th>Rate<th>Interval<th>Mean score<th>Interval<th>Errors</tr>\
         </thead><tbody>\n",
    );
    for (run, (outcome, _)) in runs.iter().zip(outcomes) {
        for (name, tally) in &outcome.criteria {
            let means: Vec<f64> = tally.scores.means().map(|(_, mean)| mean).collect();
            let _ = writeln!(
                page,
                "<tr><td dir=\"auto\">{}<td dir=\"auto\">{}{}{}<td data-v=\"{errored}\">{errored}</tr>",
                escape(name),
                escape(run.title()),
                percent(tally.rate()),
                number(crate::statistics::mean(&means)),
                errored = tally.errored,
            );
        }
    }
    page.push_str("</tbody></table>\n");
}

fn differences(page: &mut String, runs: &[Run<'_>], outcomes: &[(Outcome, Option<Difference>)]) {
    let Some(first) = runs.first().filter(|_| runs.len() > 1) else { return };
    let _ = writeln!(
        page,
        "<h2>Against <bdi>{}</bdi>, item by item</h2>\n<table class=\"sorts\"><thead><tr><th>Run<th>Criterion<th>Difference<th>Interval\
         <th>p<th>Won<th>Lost<th>Items in both</tr></thead><tbody>",
        escape(first.title())
    );
    for (run, (_, difference)) in runs.iter().zip(outcomes) {
        let Some(difference) = difference else { continue };
        let mut row = |name: &str, paired: &Paired| {
            let sure = if paired.p < 0.05 { " class=\"sure\"" } else { "" };
            let _ = writeln!(
                page,
                "<tr{sure}><td dir=\"auto\">{}<td dir=\"auto\">{}{}<td data-v=\"{won}\">{won}<td data-v=\"{lost}\">{lost}\
                 <td data-v=\"{items}\">{items}</tr>",
                escape(run.title()),
                escape(name),
                points(paired),
                won = paired.won.len(),
                lost = paired.lost.len(),
                items = paired.items,
            );
        };
        row("all criteria", &difference.all);
        for (name, criterion) in &difference.criteria {
            row(name, &criterion.passes);
        }
    }
    page.push_str("</tbody></table>\n");
}

fn items(page: &mut String, runs: &[Run<'_>], outcomes: &[(Outcome, Option<Difference>)]) {
    let mut names: Vec<&str> =
        outcomes.iter().flat_map(|(outcome, _)| outcome.criteria.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let all: usize = runs.iter().map(|run| run.items.len()).sum();
    page.push_str("<h2>Items</h2>\n<p id=\"tools\"></p>\n");
    if all > ITEMS {
        let _ = writeln!(page, "<p>The first {ITEMS} of {all} are listed.</p>");
    }
    page.push_str("<table class=\"sorts\" id=\"items\"><thead><tr><th>#<th>Run<th>Status<th>Item<th>Answer");
    for name in &names {
        let _ = write!(page, "<th dir=\"auto\">{}", escape(name));
    }
    page.push_str("<th>Tokens</tr></thead><tbody>\n");
    let rows = runs.iter().flat_map(|run| run.items.iter().map(move |item| (run, item)));
    for (run, item) in rows.take(ITEMS) {
        row(page, run, item, &names);
    }
    page.push_str("</tbody></table>\n");
}

fn row(page: &mut String, run: &Run<'_>, item: &Value, names: &[&str]) {
    let status = match text(item, "status") {
        status @ ("pass" | "fail") => status,
        _ => "error",
    };
    let number = item.get("datasource_item_id").and_then(Value::as_i64).unwrap_or_default();
    let data = item.get("datasource_item").unwrap_or(&Value::Null);
    let answer = said(item);
    let _ = write!(
        page,
        "<tr class=\"{status}\"><td data-v=\"{number}\">{number}<td dir=\"auto\">{}<td class=\"status\">{status}\
         <td dir=\"auto\"><details><summary>{}</summary>",
        escape(run.title()),
        escape(&cut(&flat(data), PREVIEW)),
    );
    let shown = serde_json::to_string_pretty(data).unwrap_or_default();
    let _ = write!(
        page,
        "<small>{}</small><pre dir=\"auto\">{}</pre>",
        escape(text(item, "id")),
        escape(&cut(&shown, SHOWN))
    );
    for error in errors(item) {
        let place = criterion_name(text(error, "name"));
        let parts = [place, text(error, "code"), text(error, "message")];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let _ = write!(page, "<p class=\"error\" dir=\"auto\">{}</p>", escape(&cut(&parts.join(": "), SHOWN)));
    }
    let _ = write!(
        page,
        "</details><td dir=\"auto\"><details><summary>{}</summary><pre dir=\"auto\">{}</pre></details>",
        escape(&cut(&answer.split_whitespace().collect::<Vec<_>>().join(" "), PREVIEW)),
        escape(&cut(&answer, SHOWN)),
    );
    let results: HashMap<&str, &Value> =
        list(item, "results").map(|result| (criterion_name(text(result, "name")), result)).collect();
    for name in names {
        match results.get(name) {
            Some(result) => grade(page, result),
            None => page.push_str("<td>–"),
        }
    }
    let tokens = item.get("sample").and_then(|sample| sample.get("usage")?.get("total_tokens")?.as_u64());
    let _ = writeln!(page, "<td data-v=\"{0}\">{0}</tr>", tokens.unwrap_or_default());
}

fn grade(page: &mut String, result: &Value) {
    let passed = result.get("passed").and_then(Value::as_bool).unwrap_or(false);
    let score = result.get("score").and_then(Value::as_f64).unwrap_or_default();
    let class = if passed { "pass" } else { "fail" };
    let label = text(result, "label");
    let shown =
        if label.is_empty() { format!("{}", (score * 1000.0).round() / 1000.0) } else { escape(&cut(label, PREVIEW)) };
    let _ = write!(page, "<td class=\"{class}\" data-v=\"{score}\">");
    let mut reasons: Vec<String> = list(result, "steps")
        .map(|step| format!("{} → {}", text(step, "description"), text(step, "conclusion")))
        .collect();
    reasons.extend(Some(text(result, "reason").to_owned()).filter(|reason| !reason.is_empty()));
    let parts = result.get("parts").and_then(Value::as_object).into_iter().flatten();
    reasons.extend(parts.map(|(name, score)| format!("{name}: {score}")));
    if reasons.is_empty() {
        page.push_str(&shown);
        return;
    }
    let _ = write!(page, "<details><summary>{shown}</summary>");
    for reason in reasons {
        let _ = write!(page, "<p dir=\"auto\">{}</p>", escape(&cut(&reason, SHOWN)));
    }
    page.push_str("</details>");
}

/// An item on one line: of an object its values.
fn flat(data: &Value) -> String {
    match data {
        Value::Object(members) => members.values().map(flat).collect::<Vec<_>>().join(" · "),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
