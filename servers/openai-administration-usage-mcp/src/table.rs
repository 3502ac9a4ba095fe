//! What the buckets of an answer come to: rows by what they are grouped by, columns by time.

use std::collections::{BTreeMap, HashMap};

use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::range::Column;

/// Significant digits of an amount. OpenAI adds amounts up as doubles, whose sixteenth digit is dirt.
const DIGITS: u32 = 15;

/// Most values of a page, as [`json::values`] counts them. A result weighs little more than its text.
const MOST_VALUES: usize = 20_000_000;
/// Most rows of a table.
const MOST_ROWS: usize = 50_000;
/// Most bytes of a result, and numbers that are added up.
const LONGEST: usize = 16 * 1024;

/// What of a result is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    /// The sum of some fields.
    Count(&'static [&'static str]),
    /// A field that tells how much there is, of which a mean is taken, and no sum.
    Level(&'static str),
    /// Money, of each currency apart.
    Cost,
}

/// Rows by time.
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    group_by: Vec<String>,
    measure: Measure,
    /// Line items, or models, that costs are of; all, if there is none.
    pub(crate) only: Vec<String>,
    rows: HashMap<Key, BTreeMap<usize, Decimal>>,
    /// Seconds of buckets in each column, for means.
    lengths: Vec<i64>,
    /// Each number of the results, added up.
    pub(crate) sums: BTreeMap<String, Decimal>,
}

/// What a row is of: the value of each field that was grouped by, where there is one; and its currency, if it is of money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) currency: Option<String>,
    pub(crate) group: Vec<Option<String>>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) key: Key,
    /// By their columns. Most are empty where there are many rows.
    cells: BTreeMap<usize, Decimal>,
    /// All cells together; of levels, the mean.
    pub(crate) total: Decimal,
}

impl Row {
    pub(crate) fn at(&self, column: usize) -> Decimal {
        self.cells.get(&column).copied().unwrap_or_default()
    }

    /// What some of its cells come to.
    pub(crate) fn between(&self, columns: std::ops::Range<usize>) -> Decimal {
        let cells = self.cells.iter().filter(|(column, _)| columns.contains(column));
        cells.fold(Decimal::ZERO, |sum, (_, cell)| sum.saturating_add(*cell))
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<Bucket<'a>>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Bucket<'a> {
    start_time: i64,
    end_time: i64,
    #[serde(borrow, default)]
    results: Vec<&'a RawValue>,
}

impl Bucket<'_> {
    fn seconds(&self) -> i64 {
        self.end_time.saturating_sub(self.start_time)
    }
}

#[derive(Deserialize)]
struct Amount<'a> {
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    currency: Option<String>,
}

/// What costs are grouped by here and not at OpenAI, whose line items are `model, kind of tokens`.
pub(crate) const MODEL: &str = "model";

fn model(line_item: &str) -> &str {
    line_item.split(',').next().unwrap_or_default().trim()
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>, group_by: Vec<String>, measure: Measure) -> Self {
        let lengths = vec![0; columns.len()];
        let (only, rows, sums) = (Vec::new(), HashMap::new(), BTreeMap::new());
        Table { columns, group_by, measure, only, rows, lengths, sums }
    }

    /// Adds a page of the API's, and says which comes next.
    ///
    /// # Errors
    /// It is no page of buckets.
    pub(crate) fn add(&mut self, page: &[u8]) -> Result<Option<String>> {
        let odd = |problem: &str| Error::new(Kind::Answer, format!("the answer is no page of buckets: {problem}"));
        if json::values(page) > MOST_VALUES {
            return Err(odd(&format!("it has more than {MOST_VALUES} values")));
        }
        let page: Page<'_> = serde_json::from_slice(page).map_err(|error| odd(&error.to_string()))?;
        for bucket in &page.data {
            let column = self.column(bucket.start_time);
            if let Some(length) = self.lengths.get_mut(column) {
                *length = length.saturating_add(bucket.seconds());
            }
            for result in &bucket.results {
                self.add_result(column, bucket, result).ok_or_else(|| odd("a result has an odd number"))?;
                if self.rows.len() > MOST_ROWS {
                    let text = format!("there are more than {MOST_ROWS} groups\nhint: group by less, or filter");
                    return Err(Error::new(Kind::Answer, text));
                }
            }
        }
        match (page.has_more, page.next_page) {
            (true, None) => Err(odd("there is more, but no `next_page`")),
            (true, next) => Ok(next),
            (false, _) => Ok(None),
        }
    }

    /// Where a bucket belongs. What lies outside of all counts with the nearest.
    fn column(&self, start: i64) -> usize {
        self.columns.partition_point(|column| column.end <= start).min(self.columns.len().saturating_sub(1))
    }

    fn add_result(&mut self, column: usize, bucket: &Bucket<'_>, result: &RawValue) -> Option<()> {
        let result = Some(result.get()).filter(|result| result.len() <= LONGEST)?;
        let members: BTreeMap<&str, &RawValue> = serde_json::from_str(result).ok()?;
        let find = |name: &str| members.get(name).map(|value| value.get());
        let item = || find("line_item").and_then(word).unwrap_or_default();
        if !self.only.is_empty() && !self.only.iter().any(|only| *only == item() || only == model(&item())) {
            return Some(());
        }
        let value_of = |field: &String| match (field.as_str(), self.measure) {
            (MODEL, Measure::Cost) => Some(model(&item()).to_owned()).filter(|model| !model.is_empty()),
            (field, _) => find(field).and_then(word),
        };
        let group = self.group_by.iter().map(value_of).collect();
        let mut key = Key { currency: None, group };
        let value = match self.measure {
            Measure::Count(fields) => fields.iter().try_fold(Decimal::ZERO, |sum, field| {
                let value = find(field).filter(|text| *text != "null").map_or(Some(Decimal::ZERO), number)?;
                sum.checked_add(value)
            })?,
            Measure::Level(field) => {
                let seconds = Decimal::from(bucket.seconds());
                find(field).map_or(Some(Decimal::ZERO), number)?.checked_mul(seconds)?
            }
            Measure::Cost => {
                let amount = find("amount").filter(|text| *text != "null");
                let amount: Amount<'_> = serde_json::from_str(amount.unwrap_or("{}")).ok()?;
                // Nothing that was spent is in no currency.
                let Some(value) = amount.value else { return Some(()) };
                key.currency = Some(amount.currency.unwrap_or_default().to_ascii_lowercase());
                money(value.get())?
            }
        };
        let cell = self.rows.entry(key).or_default().entry(column).or_default();
        *cell = cell.checked_add(value)?;
        if matches!(self.measure, Measure::Count(_)) {
            for (name, value) in &members {
                if let Some(value) = number(value.get()) {
                    if self.sums.len() > LONGEST {
                        return None;
                    }
                    let sum = self.sums.entry(name.to_string()).or_default();
                    *sum = sum.checked_add(value)?;
                }
            }
        }
        Some(())
    }

    /// What is in its columns from `first` on, in others of which each is made up of some of them.
    pub(crate) fn part(&self, first: usize, columns: Vec<Column>) -> Self {
        let mut part = Table::new(columns, self.group_by.clone(), self.measure);
        part.sums.clone_from(&self.sums);
        let places: Vec<usize> = self.columns.iter().map(|column| part.column(column.start)).collect();
        let place = |column: usize| places.get(column).copied().filter(|_| column >= first);
        for (column, length) in self.lengths.iter().enumerate() {
            if let Some(sum) = place(column).and_then(|place| part.lengths.get_mut(place)) {
                *sum = sum.saturating_add(*length);
            }
        }
        for (key, cells) in &self.rows {
            for (column, value) in cells {
                if let Some(place) = place(*column) {
                    let cell = part.rows.entry(key.clone()).or_default().entry(place).or_default();
                    *cell = cell.saturating_add(*value);
                }
            }
        }
        part
    }

    /// The rows, those with most in front.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mean = |value: Decimal, seconds: i64| match self.measure {
            Measure::Level(_) => value.checked_div(Decimal::from(seconds.max(1))).unwrap_or_default().round(),
            Measure::Count(_) | Measure::Cost => value,
        };
        let row = |(key, cells): (&Key, &BTreeMap<usize, Decimal>)| {
            let sum = cells.values().fold(Decimal::ZERO, |sum, cell| sum.saturating_add(*cell));
            let length = |column: usize| self.lengths.get(column).copied().unwrap_or_default();
            let cells = cells.iter().map(|(column, value)| (*column, mean(*value, length(*column)))).collect();
            Row { key: key.clone(), cells, total: mean(sum, self.lengths.iter().sum()) }
        };
        let mut rows: Vec<Row> = self.rows.iter().map(row).collect();
        rows.sort_by(|one, other| other.total.cmp(&one.total).then_with(|| one.key.cmp(&other.key)));
        rows
    }
}

/// The first `most` rows, and what the others come to, with how many those are.
pub(crate) fn shorten(rows: &[Row], most: usize) -> (&[Row], Option<(usize, Row)>) {
    match rows.split_at_checked(most) {
        // One row is as long as what would be said of it.
        Some((first, others)) if others.len() > 1 => (first, Some((others.len(), sum(others)))),
        _ => (rows, None),
    }
}

/// All rows together.
pub(crate) fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Row {
    let mut all = Row::default();
    for row in rows {
        for (column, value) in &row.cells {
            let cell = all.cells.entry(*column).or_default();
            *cell = cell.saturating_add(*value);
        }
        all.total = all.total.saturating_add(row.total);
    }
    all
}

/// A value that results are grouped by, if it is there.
fn word(text: &str) -> Option<String> {
    match serde_json::from_str(text).ok()? {
        Value::Null => None,
        Value::String(word) => Some(word),
        other => Some(other.to_string()),
    }
}

fn number(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// An amount of money, in decimals as they were meant: as a number or as text, without what a double adds to it.
pub(crate) fn money(text: &str) -> Option<Decimal> {
    let text = text.trim_matches('"');
    // Of a double this is the shortest text that tells it from all others, so a digit more is no digit of the amount.
    let value = match text.parse().or_else(|_| Decimal::from_scientific_lossy(text)) {
        Ok(value) => value,
        // As JSON: `str::parse` brings tables of 10 KB, which a Worker would carry for this alone.
        Err(_) => serde_json::from_str(text).ok().filter(|value: &f64| value.abs() < 1e-20).map(|_| Decimal::ZERO)?,
    };
    Some(value.round_sf(DIGITS).unwrap_or(value).normalize())
}
