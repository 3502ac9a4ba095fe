//! Graders: what can be graded by rules is; nothing here runs Python or asks a model.
//!
//! A grader is the API's object, which must have been checked.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What came of a grading.
pub(crate) struct Graded {
    pub(crate) reward: f64,
    /// By the name of each grader that took part.
    pub(crate) scores: Map<String, Value>,
    /// Every kind of error, and whether it came up, as the API tells them.
    pub(crate) errors: Map<String, Value>,
}

/// Grades: `names` is what templates can name, as `{"item": …, "sample": …}`.
pub(crate) fn run(grader: &Value, names: &Value) -> Graded {
    let mut errors = Errors::default();
    let text = |name: &str| grader.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut scores = Map::new();
    let reward = match text("type") {
        "multi" => {
            let parts = grader.get("graders").and_then(Value::as_object).into_iter().flatten();
            let parts: BTreeMap<&str, f64> =
                parts.map(|(key, grader)| (key.as_str(), grade(grader, names, &mut errors))).collect();
            scores.extend(parts.iter().map(|(key, score)| ((*key).to_owned(), json!(score))));
            formula(text("calculate_output"), &parts).unwrap_or_else(|| {
                errors.set("formula_parse_error");
                0.0
            })
        }
        _ => grade(grader, names, &mut errors),
    };
    if scores.is_empty() {
        scores.insert(text("name").to_owned(), json!(reward));
    }
    Graded { reward, scores, errors: errors.0 }
}

struct Errors(Map<String, Value>);

impl Default for Errors {
    fn default() -> Self {
        let flags = [
            "formula_parse_error",
            "sample_parse_error",
            "truncated_observation_error",
            "unresponsive_reward_error",
            "invalid_variable_error",
            "other_error",
            "python_grader_server_error",
            "python_grader_runtime_error",
            "model_grader_server_error",
            "model_grader_refusal_error",
            "model_grader_parse_error",
        ];
        let details = [
            "python_grader_server_error_type",
            "python_grader_runtime_error_details",
            "model_grader_server_error_details",
        ];
        let flags = flags.into_iter().map(|name| (name.to_owned(), json!(false)));
        Self(flags.chain(details.into_iter().map(|name| (name.to_owned(), Value::Null))).collect())
    }
}

impl Errors {
    fn set(&mut self, name: &str) {
        self.0.insert(name.to_owned(), json!(true));
    }
}

fn grade(grader: &Value, names: &Value, errors: &mut Errors) -> f64 {
    let text = |name: &str| grader.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut filled = |name: &str| {
        fill(text(name), names).unwrap_or_else(|| {
            errors.set("invalid_variable_error");
            String::new()
        })
    };
    match text("type") {
        "string_check" => {
            let (input, reference) = (filled("input"), filled("reference"));
            let passed = match text("operation") {
                "eq" => input == reference,
                "ne" => input != reference,
                "like" => input.contains(&reference),
                _ => input.to_lowercase().contains(&reference.to_lowercase()),
            };
            f64::from(u8::from(passed))
        }
        "text_similarity" => {
            let (input, reference) = (filled("input"), filled("reference"));
            similarity(text("evaluation_metric"), &input, &reference).unwrap_or_else(|| {
                errors.set("other_error");
                0.0
            })
        }
        "python" => {
            errors.set("python_grader_server_error");
            errors.0.insert("python_grader_server_error_type".to_owned(), json!("the sandbox runs no Python"));
            0.0
        }
        _ => {
            errors.set("model_grader_server_error");
            errors.0.insert("model_grader_server_error_details".to_owned(), json!("the sandbox has no model to ask"));
            0.0
        }
    }
}

/// A text with `{{item.name}}` and the like replaced.
fn fill(text: &str, names: &Value) -> Option<String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        let value = name.trim().split('.').try_fold(names, |value, part| value.get(part))?;
        filled.push_str(before);
        filled.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// From 0 to 1; `None` for what takes a model. The measures are those of rapidfuzz, nltk and rouge-score, with which the
/// API grades: ROUGE alone takes no notice of case and punctuation.
fn similarity(metric: &str, input: &str, reference: &str) -> Option<f64> {
    let (said, wanted): (Vec<&str>, Vec<&str>) =
        (input.split_whitespace().collect(), reference.split_whitespace().collect());
    match metric {
        "fuzzy_match" => {
            let (a, b): (Vec<char>, Vec<char>) = (input.chars().collect(), reference.chars().collect());
            Some(if a.is_empty() && b.is_empty() { 1.0 } else { f1(common(&a, &b), a.len(), b.len()) })
        }
        "bleu" => Some(bleu(&said, &wanted)),
        "gleu" => {
            let sum = |of: &dyn Fn(usize) -> usize| (1..=4).map(of).sum::<usize>();
            let both = sum(&|n| matches(&said, &wanted, n));
            let all = sum(&|n| count(&said, n)).max(sum(&|n| count(&wanted, n)));
            Some(both as f64 / all.max(1) as f64)
        }
        _ => {
            let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
            let (said, wanted) = (rouge_words(&input), rouge_words(&reference));
            Some(match metric.strip_prefix("rouge_")? {
                "l" => f1(common(&said, &wanted), said.len(), wanted.len()),
                n => {
                    let n = n.parse().ok()?;
                    f1(matches(&said, &wanted, n), count(&said, n), count(&wanted, n))
                }
            })
        }
    }
}

fn rouge_words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit())).filter(|word| !word.is_empty()).collect()
}

/// Of up to four words in a row, or as many as are said. An order without a match counts as next to nothing.
fn bleu(said: &[&str], wanted: &[&str]) -> f64 {
    let orders = said.len().min(4);
    if matches(said, wanted, 1) == 0 {
        return 0.0;
    }
    let logs = (1..=orders).map(|n| match matches(said, wanted, n) {
        0 => f64::MIN_POSITIVE.ln(),
        both => (both as f64 / count(said, n) as f64).ln(),
    });
    let mean = logs.sum::<f64>() / orders as f64;
    let short = (1.0 - wanted.len() as f64 / said.len() as f64).min(0.0);
    (mean + short).exp()
}

fn count(words: &[&str], n: usize) -> usize {
    (words.len() + 1).saturating_sub(n)
}

/// Runs of `n` words that both have.
fn matches(said: &[&str], wanted: &[&str], n: usize) -> usize {
    let mut left: Vec<&[&str]> = wanted.windows(n).collect();
    let mut found = 0;
    for run in said.windows(n) {
        if let Some(at) = left.iter().position(|other| *other == run) {
            left.swap_remove(at);
            found += 1;
        }
    }
    found
}

/// Length of the longest common subsequence.
fn common<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for one in a {
        let mut corner = 0;
        for (at, other) in b.iter().enumerate() {
            let (above, left) = (row.get(at + 1).copied().unwrap_or(0), row.get(at).copied().unwrap_or(0));
            let best = if one == other { corner + 1 } else { above.max(left) };
            corner = above;
            if let Some(cell) = row.get_mut(at + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

fn f1(both: usize, a: usize, b: usize) -> f64 {
    if a + b == 0 { 0.0 } else { 2.0 * both as f64 / (a + b) as f64 }
}

/// A formula of numbers, graders, `+ - * /`, parentheses and the functions that the API has.
fn formula(text: &str, parts: &BTreeMap<&str, f64>) -> Option<f64> {
    let mut formula = Formula { rest: text, parts, depth: 0 };
    let value = formula.sum()?;
    (formula.rest.trim().is_empty() && value.is_finite()).then_some(value)
}

struct Formula<'a> {
    rest: &'a str,
    parts: &'a BTreeMap<&'a str, f64>,
    depth: u8,
}

impl Formula<'_> {
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.one()?;
        loop {
            if self.takes('*') {
                value *= self.one()?;
            } else if self.takes('/') {
                value /= self.one()?;
            } else {
                return Some(value);
            }
        }
    }

    fn one(&mut self) -> Option<f64> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth < 100)?;
        let value = self.value();
        self.depth -= 1;
        value
    }

    fn value(&mut self) -> Option<f64> {
        if self.takes('-') {
            return self.one().map(|value| -value);
        }
        if self.takes('(') {
            let value = self.sum()?;
            return self.takes(')').then_some(value);
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        if !self.takes('(') {
            return self.parts.get(word).copied().or_else(|| word.parse().ok());
        }
        let mut values = vec![self.sum()?];
        while self.takes(',') {
            values.push(self.sum()?);
        }
        let (first, takes) = (*values.first()?, self.takes(')'));
        let value = match (word, values.len()) {
            ("min", _) => values.into_iter().fold(f64::INFINITY, f64::min),
            ("max", _) => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            ("abs", 1) => first.abs(),
            ("floor", 1) => first.floor(),
            ("ceil", 1) => first.ceil(),
            ("exp", 1) => first.exp(),
            ("sqrt", 1) => first.sqrt(),
            ("log", 1) => first.ln(),
            _ => return None,
        };
        takes.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Figures of rapidfuzz 3.10.1, nltk 3.9.1 and rouge-score 0.1.2.
    #[test]
    fn similarities_are_those_of_the_libraries_that_the_api_uses() {
        const METRICS: [&str; 6] = ["fuzzy_match", "bleu", "gleu", "rouge_1", "rouge_2", "rouge_l"];
        for (input, reference, expected) in [
            ("The cat sat on the mat.", "the cat is on the mat", [0.863636, 0.0, 0.222222, 0.833333, 0.6, 0.833333]),
            (
                "A fast brown fox leaps over a lazy dog",
                "The quick brown fox jumps over the lazy dog",
                [0.716049, 0.0, 0.233333, 0.555556, 0.25, 0.555556],
            ),
            ("Paris", "Paris", [1.0, 1.0, 1.0, 1.0, 0.0, 1.0]),
            ("Paris", "paris", [0.8, 0.0, 0.0, 1.0, 0.0, 1.0]),
            ("", "", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        ] {
            for (metric, expected) in METRICS.iter().zip(expected) {
                let got = similarity(metric, input, reference).unwrap();
                assert!((got - expected).abs() < 1e-6, "{metric} of {input:?} and {reference:?}: {got}");
            }
        }
    }
}
