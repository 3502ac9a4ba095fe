//! Reports as texts: Markdown, CSV, and JUnit's XML for CI.

use std::fmt::Write as _;

use openai_mcp_tables::{Cell, push_line};
use serde_json::Value;

use super::{cut, errors, outcomes, said, title, tokens};
use crate::runs::{Run, criterion_name, list, text};
use crate::statistics::Estimate;

/// Failures that a text lists of each run.
const LISTED: usize = 20;

/// Tables of the runs, their criteria, how they differ from the first, and what failed first.
#[must_use]
pub fn markdown(eval: &Value, runs: &[Run<'_>]) -> String {
    let outcomes = outcomes(runs);
    let mut page = format!("# {}\n\n", line(title(eval)));
    page.push_str(
        "| run | passed | 95 % interval | failed | errors | tokens in | out |\n|---|---|---|---|---|---|---|\n",
    );
    for (run, (outcome, _)) in runs.iter().zip(&outcomes) {
        let all = &outcome.all;
        let (rate, interval) = percent(all.rate());
        let (tokens_in, tokens_out) = (tokens(run.run, "prompt_tokens"), tokens(run.run, "completion_tokens"));
        let _ = writeln!(
            page,
            "| {} | {} of {} ({rate}) | {interval} | {} | {} | {tokens_in} | {tokens_out} |",
            line(run.title()),
            all.passed,
            all.passed + all.failed,
            all.failed,
            all.errored,
        );
    }
    page.push_str("\n| criterion | run | passed | 95 % interval | errors |\n|---|---|---|---|---|\n");
    for (run, (outcome, _)) in runs.iter().zip(&outcomes) {
        for (name, tally) in &outcome.criteria {
            let (rate, interval) = percent(tally.rate());
            let _ =
                writeln!(page, "| {} | {} | {rate} | {interval} | {} |", line(name), line(run.title()), tally.errored);
        }
    }
    if let Some(first) = runs.first().filter(|_| runs.len() > 1) {
        let _ = write!(
            page,
            "\nAgainst {}, item by item:\n\n| run | difference | 95 % interval | p (McNemar) | won | lost |\n|---|---|---|---|---|---|\n",
            line(first.title())
        );
        for (run, (_, difference)) in runs.iter().zip(&outcomes) {
            let Some(difference) = difference else { continue };
            let (rate, interval) = points(difference.all.difference);
            let (won, lost) = (difference.all.won.len(), difference.all.lost.len());
            let _ = writeln!(
                page,
                "| {} | {rate} | {interval} | {:.4} | {won} | {lost} |",
                line(run.title()),
                difference.all.p
            );
        }
    }
    for run in runs {
        let bad = run.items.iter().filter(|item| text(item, "status") != "pass");
        let mut listed = bad.take(LISTED).peekable();
        if listed.peek().is_some() {
            let _ = write!(page, "\n## Not passed in {}\n\n", line(run.title()));
        }
        for item in listed {
            let why = why(item);
            let _ =
                writeln!(page, "- `{}` {}: {}", text(item, "id"), line(&cut(&said(item), 160)), line(&cut(&why, 300)));
        }
    }
    page
}

/// One line of Markdown, with nothing in it that Markdown or HTML reads.
fn line(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(c, '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '\\' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn percent(estimate: Option<Estimate>) -> (String, String) {
    let Some(Estimate { value, low, high, .. }) = estimate else { return ("–".to_owned(), String::new()) };
    (format!("{:.1} %", value * 100.0), format!("{:.1} to {:.1} %", low * 100.0, high * 100.0))
}

fn points(estimate: Option<Estimate>) -> (String, String) {
    let Some(Estimate { value, low, high, .. }) = estimate else { return ("–".to_owned(), String::new()) };
    (format!("{:+.1} points", value * 100.0), format!("{:+.1} to {:+.1}", low * 100.0, high * 100.0))
}

/// What did not pass, and what could not be graded.
fn why(item: &Value) -> String {
    let failed = list(item, "results").filter(|result| result.get("passed") != Some(&Value::Bool(true)));
    let failed = failed.map(|result| {
        let score = result.get("score").unwrap_or(&Value::Null);
        let label = text(result, "label");
        let reached = if label.is_empty() { score.to_string() } else { label.to_owned() };
        format!("{} {reached}", criterion_name(text(result, "name")))
    });
    let errors = errors(item).map(|error| {
        let name = criterion_name(text(error, "name"));
        format!("{name} error {}: {}", text(error, "code"), text(error, "message"))
    });
    failed.chain(errors.map(|error| error.trim_start().to_owned())).collect::<Vec<_>>().join("; ")
}

/// A row an output item: run, id, item, answer, status, error, and of each criterion whether it passed and its score. A
/// text that a spreadsheet would take for a formula begins with an apostrophe.
#[must_use]
pub fn csv(runs: &[Run<'_>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for result in runs.iter().flat_map(|run| run.items).flat_map(|item| list(item, "results")) {
        let name = criterion_name(text(result, "name"));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut page = String::new();
    let columns = names.iter().flat_map(|name| [format!("{name} passed"), format!("{name} score")]);
    let heads = ["run", "id", "number", "item", "answer", "status", "error"].map(str::to_owned);
    push_line(&mut page, heads.into_iter().chain(columns).map(Cell::Text));
    for (run, item) in runs.iter().flat_map(|run| run.items.iter().map(move |item| (run, item))) {
        let errors: Vec<String> = errors(item).map(|error| text(error, "message").to_owned()).collect();
        let number = item.get("datasource_item_id").map(Value::to_string).unwrap_or_default();
        let data = item.get("datasource_item").map(Value::to_string).unwrap_or_default();
        let (title, id, status) =
            (run.title().to_owned(), text(item, "id").to_owned(), text(item, "status").to_owned());
        let own = [title, id, number, data, said(item), status, errors.join("; ")];
        let grades = names.iter().flat_map(|name| {
            let result = list(item, "results").find(|result| criterion_name(text(result, "name")) == *name);
            let member =
                |name: &str| result.and_then(|result| result.get(name)).map(Value::to_string).unwrap_or_default();
            [member("passed"), member("score")]
        });
        push_line(&mut page, own.into_iter().map(Cell::Text).chain(grades.map(Cell::Number)));
    }
    page
}

/// What CI servers read of test runs: a suite a run, a case an output item, failures and errors apart.
#[must_use]
pub fn junit(eval: &Value, runs: &[Run<'_>]) -> String {
    let mut page = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n", xml(title(eval)));
    for (run, (outcome, _)) in runs.iter().zip(outcomes(runs)) {
        let all = outcome.all;
        let tests = all.passed + all.failed + all.errored;
        let name = xml(run.title());
        let _ = writeln!(
            page,
            "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{}\" errors=\"{}\">",
            all.failed, all.errored
        );
        for item in run.items {
            let number = item.get("datasource_item_id").map(Value::to_string).unwrap_or_default();
            let case = format!("<testcase classname=\"{name}\" name=\"{number} {}\"", xml(text(item, "id")));
            let message = || xml(&cut(&why(item), 1000));
            let _ = match text(item, "status") {
                "pass" => writeln!(page, "{case}/>"),
                "fail" => {
                    let said = xml(&cut(&said(item), 4000));
                    writeln!(page, "{case}><failure message=\"{}\">{said}</failure></testcase>", message())
                }
                _ => writeln!(page, "{case}><error message=\"{}\"/></testcase>", message()),
            };
        }
        page.push_str("</testsuite>\n");
    }
    page.push_str("</testsuites>\n");
    page
}

/// Escaped, and without what XML cannot hold.
fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
