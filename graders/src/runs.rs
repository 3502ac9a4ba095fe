//! Runs as the API shows them, read for what came out.
//!
//! Beyond the API's fields, an output item may have the status `error`, `errors` (`{name, code, message}`) of criteria that
//! could not grade, and the number of its `repeat`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::statistics::{Estimate, Paired, Results, paired};

/// A run and its output items, all as the API shows them.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The run, or null where only its items are known.
    pub run: &'a Value,
    /// Its output items.
    pub items: &'a [Value],
}

/// What came out of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By all criteria together; the score is 1 for what passed all and 0 for what did not.
    pub all: Tally,
    /// By the name of each criterion.
    pub criteria: BTreeMap<String, Tally>,
    /// The output items of each item, by its key in [`Results`].
    pub ids: BTreeMap<String, Vec<String>>,
}

/// What came of the items by a criterion, or by all of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// 1 for each repeat that passed, 0 for each that did not.
    pub passes: Results,
    /// The score of each repeat.
    pub scores: Results,
    /// Repeats that passed.
    pub passed: usize,
    /// Repeats that did not.
    pub failed: usize,
    /// Repeats that have no result.
    pub errored: usize,
}

impl Tally {
    fn add(&mut self, key: &str, passed: bool, score: Option<f64>) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
        self.passes.add(key, f64::from(u8::from(passed)));
        if let Some(score) = score {
            self.scores.add(key, score);
        }
    }

    /// The rate of what passed, repeats of an item averaged first.
    #[must_use]
    pub fn rate(&self) -> Option<Estimate> {
        self.passes.estimate()
    }
}

impl Run<'_> {
    /// What came out.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for item in self.items {
            let key = item.get("datasource_item").map(Value::to_string).unwrap_or_default();
            outcome.ids.entry(key.clone()).or_default().push(text(item, "id").to_owned());
            match text(item, "status") {
                "pass" => outcome.all.add(&key, true, Some(1.0)),
                "fail" => outcome.all.add(&key, false, Some(0.0)),
                _ => outcome.all.errored += 1,
            }
            for result in list(item, "results") {
                let tally = outcome.criteria.entry(criterion_name(text(result, "name")).to_owned()).or_default();
                let passed = result.get("passed").and_then(Value::as_bool).unwrap_or(false);
                tally.add(&key, passed, result.get("score").and_then(Value::as_f64));
            }
            for error in list(item, "errors") {
                outcome.criteria.entry(criterion_name(text(error, "name")).to_owned()).or_default().errored += 1;
            }
        }
        // What is no criterion's, such as a model that did not answer, is an error of the item alone.
        outcome.criteria.remove("");
        outcome
    }

    /// Its name, or its model, or its id: what tells it from others.
    #[must_use]
    pub fn title(&self) -> &str {
        let named = ["name", "model", "id"].into_iter().map(|name| text(self.run, name));
        named.into_iter().find(|name| !name.is_empty()).unwrap_or("run")
    }
}

/// How the second of two runs differs from the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// By all criteria together. What was won and lost are ids of the second run's output items, of an item's repeats the
    /// first.
    pub all: Paired,
    /// By each criterion that both have.
    pub criteria: BTreeMap<String, CriterionDifference>,
}

/// How two runs differ by a criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionDifference {
    /// In what passed.
    pub passes: Paired,
    /// In scores.
    pub scores: Paired,
}

/// Compares two runs by the items that both have.
#[must_use]
pub fn compare(first: &Outcome, second: &Outcome) -> Difference {
    let compared = |a: &Results, b: &Results| {
        let mut paired = paired(a, b);
        for keys in [&mut paired.won, &mut paired.lost] {
            *keys = keys.iter().filter_map(|key| second.ids.get(key)?.first().cloned()).collect();
        }
        paired
    };
    let criterion = |(name, a): (&String, &Tally)| {
        let b = second.criteria.get(name)?;
        let difference =
            CriterionDifference { passes: compared(&a.passes, &b.passes), scores: compared(&a.scores, &b.scores) };
        Some((name.clone(), difference))
    };
    Difference {
        all: compared(&first.all.passes, &second.all.passes),
        criteria: first.criteria.iter().filter_map(criterion).collect(),
    }
}

/// The name that a criterion's maker gave it, of the id that the API makes of it: `<name>-<uuid>`.
#[must_use]
pub fn criterion_name(id: &str) -> &str {
    let uuid = |text: &str| {
        let part = |(text, length): (&str, usize)| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        let parts: Vec<&str> = text.split('-').collect();
        parts.len() == 5 && parts.into_iter().zip([8, 4, 4, 4, 12]).all(part)
    };
    let cut = id.len().checked_sub(36).and_then(|at| id.split_at_checked(at));
    cut.filter(|(_, tail)| uuid(tail)).and_then(|(name, _)| name.strip_suffix('-')).unwrap_or(id)
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
