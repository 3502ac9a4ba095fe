//! What Python's libraries say, which the API grades with, and scipy: `tests/judges/judges.py` has how they were asked.

use std::path::Path;
use std::process::Command;

use openai_mcp_graders::statistics::{Results, mcnemar, mean, paired, rate};
use openai_mcp_graders::text;
use serde_json::Value;

const PAIRS: &str = include_str!("../judges/pairs.jsonl");
const STATISTICS: &str = include_str!("../judges/statistics.json");

type Measure = (&'static str, fn(&str, &str) -> f64);

const MEASURES: [Measure; 10] = [
    ("fuzzy_match", text::fuzzy_match),
    ("bleu", text::bleu),
    ("gleu", text::gleu),
    ("meteor", text::meteor),
    ("rouge_1", |a, b| text::rouge_n(a, b, 1)),
    ("rouge_2", |a, b| text::rouge_n(a, b, 2)),
    ("rouge_3", |a, b| text::rouge_n(a, b, 3)),
    ("rouge_4", |a, b| text::rouge_n(a, b, 4)),
    ("rouge_5", |a, b| text::rouge_n(a, b, 5)),
    ("rouge_l", text::rouge_l),
];

#[test]
fn texts_are_as_alike_as_the_judges_find_them() {
    let mut wrong = Vec::new();
    for line in PAIRS.lines() {
        let row: Vec<Value> = serde_json::from_str(line).unwrap();
        let (said, wanted) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        for ((name, measure), expected) in MEASURES.iter().zip(&row[2..]) {
            let (got, expected) = (measure(said, wanted), expected.as_f64().unwrap());
            if (got - expected).abs() > 1e-9 {
                wrong.push(format!("{name} of {said:?} and {wanted:?}: {got}, not {expected}"));
            }
        }
    }
    assert!(PAIRS.lines().count() > 2000);
    assert_eq!(wrong, [""; 0], "{} differ", wrong.len());
}

#[test]
fn intervals_and_chances_are_those_of_scipy() {
    let data: Value = serde_json::from_str(STATISTICS).unwrap();
    let rows = |name: &str| data[name].as_array().unwrap().clone();
    let close = |got: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap();
        assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got}, not {expected}");
    };
    for row in rows("rates") {
        let estimate = rate(row[0].as_u64().unwrap() as usize, row[1].as_u64().unwrap() as usize).unwrap();
        close(estimate.value, &row[2]);
        close(estimate.low, &row[3]);
        close(estimate.high, &row[4]);
    }
    for row in rows("means") {
        let values: Vec<f64> = row[0].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let estimate = mean(&values).unwrap();
        close(estimate.value, &row[1]);
        close(estimate.low, &row[2]);
        close(estimate.high, &row[3]);
    }
    for row in rows("mcnemar") {
        close(mcnemar(row[0].as_u64().unwrap() as usize, row[1].as_u64().unwrap() as usize), &row[2]);
    }
}

/// How likely an interval of a difference holds the true one, if an item is won and lost with these chances.
fn coverage(items: usize, won: f64, lost: f64) -> f64 {
    let mut covered = 0.0;
    for gains in 0..=items {
        for losses in 0..=items - gains {
            let (mut first, mut second) = (Results::default(), Results::default());
            for item in 0..items {
                let item_of = |value: bool| f64::from(u8::from(value));
                first.add(&item.to_string(), item_of(item >= gains));
                second.add(&item.to_string(), item_of(item < gains || item >= gains + losses));
            }
            let interval = paired(&first, &second).difference.unwrap();
            if interval.low <= won - lost && won - lost <= interval.high {
                let same = items - gains - losses;
                let ways = ways(items, gains) * ways(items - gains, losses);
                covered +=
                    ways * won.powi(gains as i32) * lost.powi(losses as i32) * (1.0 - won - lost).powi(same as i32);
            }
        }
    }
    covered
}

fn ways(of: usize, chosen: usize) -> f64 {
    (0..chosen).map(|n| (of - n) as f64 / (n + 1) as f64).product()
}

#[test]
fn intervals_of_differences_hold_what_they_promise() {
    for (won, lost) in [(0.05, 0.05), (0.3, 0.1), (0.5, 0.05), (0.2, 0.2), (0.01, 0.0), (0.1, 0.6), (0.02, 0.1)] {
        let coverage = coverage(20, won, lost);
        assert!((0.94..=1.0).contains(&coverage), "{won} and {lost}: {coverage}");
    }
}

#[test]
fn the_judges_still_say_so() {
    let Some(python) = std::env::var_os("OPENAI_MCP_JUDGES") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/judges.py");
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new(python).arg(script).arg(folder.path()).status().unwrap().success());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("pairs.jsonl") == PAIRS && read("statistics.json") == STATISTICS, "write the judges' files again");
}
