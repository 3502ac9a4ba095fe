//! Cases, schemas and the rules of the tool list; what the plot shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use openai_administration_usage_mcp::SERVER;
use openai_mcp_testkit::case::{call_tool, call_with_progress};
use openai_mcp_testkit::picture::{colours, shown};
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 15 * 1024);

const DAY: u64 = 86_400;
/// 2026-11-27T10:00:00Z.
const NOW: u64 = 1_795_773_600;
/// 2026-11-01.
const NOVEMBER: u64 = 1_793_491_200;

fn bucket(start: u64, results: Vec<Value>) -> Value {
    json!({"object": "bucket", "start_time": start, "end_time": start + DAY, "results": results})
}

fn page(buckets: &[Value], next: Option<&str>) -> Reply {
    Reply::json(&json!({"object": "page", "data": buckets, "has_more": next.is_some(), "next_page": next}))
}

fn cost(value: f64, currency: &str, item: &str) -> Value {
    json!({"object": "organization.costs.result", "amount": {"value": value, "currency": currency}, "line_item": item})
}

fn script(replies: Vec<Reply>) -> Arc<Script> {
    Arc::new(Script::new(replies).at(NOW))
}

fn text(result: &Value) -> Value {
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// Hundreds of thousands of rows are no table, and would take as many times the memory of their text.
#[test]
fn there_are_so_many_groups() {
    let result = |number: usize| json!({"object": "organization.usage.completions.result", "input_tokens": 1, "model": number.to_string()});
    let page = page(&[bucket(NOVEMBER, (0..50_001).map(result).collect())], None);
    let answer = call_tool(&SERVER, "usage-report", json!({"range": "2026-11-01"}), script(vec![page]));
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "there are more than 50000 groups\nhint: group by less, or filter");
}

const BLUE: [u8; 3] = [31, 119, 180];
const RED: [u8; 3] = [214, 39, 40];

#[test]
fn bars_are_as_high_as_their_costs_and_each_currency_has_a_chart() {
    let days = (0..10).map(|day| {
        let dollars = [cost(3.0, "usd", "a"), cost(1.0, "usd", "b")];
        let euros = [cost(5.0, "eur", "a")];
        bucket(NOVEMBER + day * DAY, if day < 5 { dollars.to_vec() } else { euros.to_vec() })
    });
    let days: Vec<Value> = days.collect();
    let result =
        call_tool(&SERVER, "cost-report", r#"{"range": "2026-11-01..2026-11-10"}"#, script(vec![page(&days, None)]));
    let (width, height, colours) = colours(&shown(&result));
    assert_eq!((width, height), (960, 720));
    // Of the dollars blue is three parts of four, and red one; the euros are blue. The legends have a stroke of each.
    let (blue, red) = (colours[&BLUE], colours[&RED]);
    assert!(red > 5000 && blue > 6 * red && blue < 8 * red, "{blue} {red}");
}

#[test]
fn odd_numbers_are_drawn_without_harm() {
    for values in [vec![], vec![0.0], vec![-1.0], vec![1e-12], vec![1e24], vec![5.0, -5.0], vec![1e-300]] {
        let results: Vec<Value> =
            values.iter().enumerate().map(|(at, value)| cost(*value, "usd", &format!("é{at}"))).collect();
        let reply = page(&[bucket(NOVEMBER, results)], None);
        let result = call_tool(&SERVER, "cost-report", r#"{"range": "2026-11-01"}"#, script(vec![reply]));
        assert_eq!(result["isError"], false, "{values:?}: {result}");
        if values.iter().any(|value| value.abs() > 1e-13) {
            assert_eq!(colours(&shown(&result)).0, 960, "{values:?}");
        }
    }
}

#[test]
fn a_plot_is_saved_as_a_picture() {
    let script = script(vec![page(&[bucket(NOVEMBER, vec![cost(1.5, "usd", "a")])], None)]);
    let call = r#"{"range": "2026-11-01", "plot": false, "save_to": "costs.png"}"#;
    let result = call_tool(&SERVER, "cost-report", call, script.clone());
    let (path, content) = script.saved().remove(0);
    assert_eq!((path.as_str(), colours(&content).0), ("costs.png", 960));
    assert_eq!(result["structuredContent"]["saved_to"]["bytes"], content.len(), "{result}");
}

#[test]
fn fifty_thousand_results_are_added_up_and_a_table_still_fits() {
    let usage = |key: u64, tokens: u64| {
        json!({"object": "organization.usage.completions.result", "input_tokens": tokens, "output_tokens": 1,
            "num_model_requests": 1, "api_key_id": null, "model": format!("model-{key:04}")})
    };
    // 125 days of 400 models: pages of 31 days.
    let first = NOVEMBER - 99 * DAY;
    let pages: Vec<Reply> = (0..5)
        .map(|index| {
            let days = (index * 31..(index * 31 + 31).min(125))
                .map(|day| bucket(first + day * DAY, (0..400).map(|key| usage(key, key)).collect()));
            page(&days.collect::<Vec<_>>(), (index < 4).then_some(["b", "c", "d", "e", ""][index as usize]))
        })
        .collect();
    let call = r#"{"range": "2026-07-25..2026-11-26", "per": "day", "plot": false, "save_to": "all.csv"}"#;
    let script = script(pages);
    let messages = call_with_progress(&SERVER, "usage-report", call, script.clone());
    let told: Vec<&Value> = messages.iter().filter_map(|message| message["params"].get("message")).collect();
    assert!(told.contains(&&json!("4 pages read")), "{told:?}");
    let result = &messages.last().unwrap()["result"];
    let shown = text(result);
    assert!(shown.to_string().len() < 32_000, "{}", shown.to_string().len());
    // Each model has its number of tokens a day, and one that came out.
    assert_eq!(shown["totals"].as_array().unwrap().last().unwrap(), &json!(125 * (400 * 399 / 2 + 400)));
    assert_eq!(
        shown["sums"],
        json!({"input_tokens": 125 * 400 * 399 / 2, "num_model_requests": 50_000, "output_tokens": 50_000})
    );
    assert_eq!(shown["rows"][0][0], "model-0399");
    let csv = String::from_utf8(script.saved().remove(0).1.to_vec()).unwrap();
    assert_eq!((csv.lines().count(), csv.lines().next().unwrap().split(',').count()), (401, 127));
}

#[test]
fn ranges_are_what_people_mean() {
    for (said, from, to) in [
        ("last 30 days", "2026-10-29", "2026-11-28"),
        ("LAST_7_DAYS", "2026-11-21", "2026-11-28"),
        ("30d", "2026-10-29", "2026-11-28"),
        ("2 weeks", "2026-11-14", "2026-11-28"),
        ("the past 3 months", "2026-08-28", "2026-11-28"),
        ("today", "2026-11-27", "2026-11-28"),
        ("yesterday", "2026-11-26", "2026-11-27"),
        ("this week", "2026-11-23", "2026-11-28"),
        ("last week", "2026-11-16", "2026-11-23"),
        ("month to date", "2026-11-01", "2026-11-28"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("this year", "2026-01-01", "2026-11-28"),
        ("2025", "2025-01-01", "2026-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-11-03", "2026-11-03", "2026-11-04"),
        ("2026-11-01..2026-11-10", "2026-11-01", "2026-11-11"),
        ("from 2026-11-01 to 2026-11-10", "2026-11-01", "2026-11-11"),
        ("2026-11-01/2026-11-10", "2026-11-01", "2026-11-11"),
        ("2026-09 - 2026-10", "2026-09-01", "2026-11-01"),
        ("since 2026-11-01", "2026-11-01", "2026-11-28"),
        ("2026-11-01T00:00:00Z..now", "2026-11-01", "2026-11-28"),
        ("1793491200..1793577600", "2026-11-01", "2026-11-02"),
        ("2026-11-01T02:00:00+02:00 to 2026-11-02T00:00", "2026-11-01", "2026-11-02"),
    ] {
        let call = json!({"range": said, "group_by": [], "plot": false});
        let result = call_tool(&SERVER, "usage-report", &call, script(vec![page(&[], None)]));
        assert_eq!(result["isError"], false, "{said}: {result}");
        let range = &text(&result)["range"];
        let time = |day: &str| json!(format!("{day}T00:00:00Z"));
        assert_eq!((&range["from"], &range["to"]), (&time(from), &time(to)), "{said}");
    }
}
