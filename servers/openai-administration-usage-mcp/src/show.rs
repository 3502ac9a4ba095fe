//! A table as results and as files have it.

use openai_mcp_kernel::prelude::*;
use openai_mcp_tables::{Cell, push_line};
use rust_decimal::Decimal;
use serde_json::Map;

use crate::names::{Names, beside};
use crate::range::Column;
use crate::table::{Key, Row, shorten, sum};

/// Longest name of a row in a plot, in characters.
const NAME: usize = 40;

/// What is said of a table of which not all is shown.
pub(crate) const SHORTENED: &str = "the table was shortened to fit a result; `save_to` a .csv has all of it";

/// That there is nothing, with the filters that nothing may pass.
pub(crate) fn nothing(what: &str, filters: &Arguments) -> Result<String> {
    let filters: Map<String, Value> = filters.read()?;
    let filters: Vec<String> = filters.iter().map(|(name, values)| format!("`{name}` {values}")).collect();
    Ok(match filters.is_empty() {
        true => format!("nothing was {what} in this time"),
        false => {
            format!("nothing was {what} in this time with {}; without that there may be more", filters.join(" and "))
        }
    })
}

/// How rows are shown.
pub(crate) struct Look<'a> {
    pub(crate) group_by: &'a [String],
    pub(crate) names: &'a Names,
    /// Whether numbers are amounts of money: those are texts, which no reader takes for doubles.
    pub(crate) money: bool,
}

impl Look<'_> {
    /// What stands above the cells: fields with the names of their ids, times, the total.
    fn head(&self, columns: &[Column]) -> Vec<String> {
        let mut head = Vec::new();
        for field in self.group_by {
            head.push(field.clone());
            head.extend(beside(field).map(str::to_owned));
        }
        head.extend(columns.iter().map(|column| column.label.clone()));
        head.push("total".into());
        head
    }

    /// What a row is of, in as many cells as the head has for it.
    fn key(&self, key: &Key) -> Vec<Value> {
        let mut cells = Vec::new();
        for (field, value) in self.group_by.iter().zip(&key.group) {
            cells.push(value.clone().into());
            if beside(field).is_some() {
                cells.push(value.as_deref().and_then(|id| self.names.of(id)).into());
            }
        }
        cells
    }

    fn line(&self, mut line: Vec<Value>, row: &Row, width: usize) -> Vec<Value> {
        line.extend((0..width).map(|column| row.at(column)).chain([row.total]).map(|value| self.number(value)));
        line
    }

    pub(crate) fn number(&self, value: Decimal) -> Value {
        let text = value.normalize().to_string();
        match self.money {
            true => text.into(),
            false => serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// A table of at most so many rows: `columns`, `rows` and, of more than one row, `totals`.
    pub(crate) fn table(&self, columns: &[Column], rows: &[Row], most: usize) -> Arguments {
        let head = self.head(columns);
        let first = |word: Option<String>| {
            let mut cells = vec![Value::Null; head.len().saturating_sub(columns.len() + 1)];
            if let Some(cell) = cells.first_mut() {
                *cell = word.into();
            }
            cells
        };
        let line = |key, row: &Row| self.line(key, row, columns.len());
        let (shown, others) = shorten(rows, most);
        let mut lines: Vec<Vec<Value>> = shown.iter().map(|row| line(self.key(&row.key), row)).collect();
        lines.extend(others.map(|(count, row)| line(first(Some(format!("({count} others)"))), &row)));
        let totals = (lines.len() > 1).then(|| line(first(None), &sum(rows)));
        let table = Arguments::default().set("columns", head).set("rows", lines);
        match totals {
            Some(totals) => table.set("totals", totals),
            None => table,
        }
    }

    /// All rows as CSV; of money with the currency in front.
    pub(crate) fn csv(&self, columns: &[Column], rows: &[Row]) -> Vec<u8> {
        let mut text = String::new();
        let currency = |word: Option<&str>| word.filter(|_| self.money).map(str::to_owned);
        let head = currency(Some("currency")).into_iter().chain(self.head(columns));
        push_line(&mut text, head.map(Cell::Text));
        for row in rows {
            let word = |value: &Value| match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let currency = currency(Some(row.key.currency.as_deref().unwrap_or_default()));
            let key = self.key(&row.key);
            let words = currency.into_iter().chain(key.iter().map(word)).map(Cell::Text);
            let numbers = self.line(Vec::new(), row, columns.len());
            push_line(&mut text, words.chain(numbers.iter().map(word).map(Cell::Number)));
        }
        text.into_bytes()
    }

    /// What a row is called, in a plot or a sentence.
    pub(crate) fn name(&self, key: &Key) -> String {
        let parts = key.group.iter().map(|value| match value {
            Some(id) => self.names.of(id).unwrap_or(id),
            None => "(none)",
        });
        let name = parts.collect::<Vec<_>>().join(", ");
        match name.char_indices().nth(NAME) {
            Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
            None if name.is_empty() => "all".into(),
            None => name,
        }
    }
}
