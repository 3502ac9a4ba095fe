//! The metrics of a job as a table: a row per step, a column per metric.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_graders::number;
use openai_mcp_kernel::prelude::*;

/// Most metrics.
const COLUMNS: usize = 100;
/// Longest name of a metric, in bytes.
const NAME: usize = 200;
/// Most values, some 50 MB. A row counts as [`ROW`] more, which is what it takes.
const CELLS: usize = 1_000_000;
const ROW: usize = 4;
/// Greatest value: the sums and distances of such numbers are finite, too.
const GREATEST: f64 = 1e300;

/// Metrics by step.
#[derive(Default)]
pub(crate) struct Table {
    /// In the order in which they came, without `step`.
    pub(crate) columns: Vec<String>,
    rows: BTreeMap<u64, Vec<Option<f64>>>,
    cells: usize,
    /// Whether there was more than has room.
    pub(crate) is_cut: bool,
}

impl Table {
    /// Reads a result file: CSV, which OpenAI has also been seen to give in base64.
    pub(crate) fn read_csv(&mut self, file: &[u8]) -> Result<()> {
        let csv = match file.contains(&b',') {
            true => Cow::Borrowed(file),
            false => Cow::Owned(STANDARD.decode(file.trim_ascii()).unwrap_or_default()),
        };
        let broken = |error: csv::Error| Error::new(Kind::Answer, format!("the result file is not CSV: {error}"));
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_ref());
        let names: Vec<String> = reader.headers().map_err(broken)?.iter().map(|name| name.trim().to_owned()).collect();
        let Some(step) = names.iter().position(|name| name == "step") else {
            let names: Vec<&str> =
                names.iter().take(COLUMNS).filter(|name| name.len() <= NAME).map(String::as_str).collect();
            return Err(Error::new(Kind::Answer, format!("the result file has no column `step`, but {names:?}")));
        };
        for record in reader.records() {
            let record = record.map_err(broken)?;
            let cell = |index: usize| record.get(index).and_then(|text| number(text.trim()));
            let Some(at) = cell(step) else { continue };
            let metrics = names.iter().enumerate().filter(|(index, _)| *index != step);
            self.add(at, metrics.filter_map(|(index, name)| Some((name.as_str(), cell(index)?))));
        }
        Ok(())
    }

    /// Reads the metrics of an event.
    pub(crate) fn read_event(&mut self, event: &Value) {
        let Some(data) = event.get("data").and_then(Value::as_object) else { return };
        let Some(step) = data.get("step").and_then(Value::as_f64) else { return };
        let metrics = data.iter().filter(|(name, _)| !matches!(name.as_str(), "step" | "total_steps"));
        self.add(step, metrics.filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?))));
    }

    fn add<'a>(&mut self, step: f64, metrics: impl Iterator<Item = (&'a str, f64)>) {
        if !(0.0..=1e15).contains(&step) {
            return;
        }
        if !self.rows.contains_key(&(step as u64)) {
            if self.cells + ROW > CELLS {
                self.is_cut = true;
                return;
            }
            self.cells += ROW;
        }
        let row = self.rows.entry(step as u64).or_default();
        for (name, value) in metrics.filter(|(_, value)| value.abs() <= GREATEST) {
            let known = self.columns.iter().position(|column| column == name);
            let column = known.unwrap_or(self.columns.len());
            let more = (column + 1).saturating_sub(row.len());
            if column >= COLUMNS || name.len() > NAME || self.cells + more > CELLS {
                self.is_cut = true;
                continue;
            }
            if known.is_none() {
                self.columns.push(name.to_owned());
            }
            self.cells += more;
            if more > 0 {
                row.resize(column + 1, None);
            }
            if let Some(cell) = row.get_mut(column) {
                *cell = Some(value);
            }
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.rows.len()
    }

    /// The points of a metric, by step.
    pub(crate) fn points(&self, metric: &str) -> Vec<(u64, f64)> {
        let Some(column) = self.columns.iter().position(|column| column == metric) else { return Vec::new() };
        let points = self.rows.iter().map(|(step, row)| Some((*step, (*row.get(column)?)?)));
        points.flatten().collect()
    }

    /// At most `most` rows, evenly spread, the first and the last among them: `[step, metric, …]`.
    pub(crate) fn sample(&self, most: usize) -> Vec<Value> {
        let count = self.rows.len();
        let most = most.max(2);
        let wanted = |index: usize| {
            count <= most || index == 0 || index * (most - 1) / (count - 1) != (index - 1) * (most - 1) / (count - 1)
        };
        let rows = self.rows.iter().enumerate().filter(|(index, _)| wanted(*index));
        rows.map(|(_, (step, row))| {
            let cells = (0..self.columns.len()).map(|column| row.get(column).copied().flatten().map(short));
            let mut shown: Vec<Value> = vec![(*step).into()];
            shown.extend(cells.map(|cell| cell.map_or(Value::Null, Value::from)));
            Value::Array(shown)
        })
        .collect()
    }
}

/// Five significant places.
pub(crate) fn short(value: f64) -> f64 {
    number(&format!("{value:.4e}")).unwrap_or(value)
}

/// Each point as the mean of itself and of `half` points to either side, or of as many as there are.
pub(crate) fn smooth(points: &[(u64, f64)], half: usize) -> Vec<(u64, f64)> {
    let mut sums = vec![0.0];
    sums.extend(points.iter().scan(0.0, |sum, (_, value)| {
        *sum += value;
        Some(*sum)
    }));
    let mean = |index: usize| {
        let (from, to) = (index.saturating_sub(half), points.len().min(index + half + 1));
        Some((sums.get(to)? - sums.get(from)?) / (to - from) as f64).filter(|mean| mean.is_finite())
    };
    points.iter().enumerate().map(|(index, (step, value))| (*step, mean(index).unwrap_or(*value))).collect()
}
