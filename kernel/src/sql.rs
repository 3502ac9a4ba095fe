//! SQL as data: statements with their values, and the rows they give.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::json;

/// A value in a row, or one bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// `NULL`
    Null,
    /// A whole number.
    Integer(i64),
    /// A number. One that is whole comes back from D1 as [`Datum::Integer`].
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

/// One SQL statement, with the values of its parameters `?1`, `?2`, ….
#[derive(Clone, Debug)]
pub struct Statement {
    /// The SQL.
    pub text: Cow<'static, str>,
    /// Value of each parameter, in order.
    pub values: Vec<Datum>,
}

impl Statement {
    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        self.begins_with("select")
    }

    /// Whether it adds rows.
    pub(crate) fn adds(&self) -> bool {
        self.begins_with("insert") || self.begins_with("with")
    }

    fn begins_with(&self, verb: &str) -> bool {
        self.text.trim_start().get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
    }

    /// Bytes of its values.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = |value: &Datum| match value {
            Datum::Text(text) => text.len(),
            Datum::Blob(bytes) => bytes.len(),
            Datum::Null | Datum::Integer(_) | Datum::Real(_) => 0,
        };
        self.values.iter().map(bytes).sum::<usize>() as u64
    }
}

/// A statement.
pub fn sql(text: impl Into<Cow<'static, str>>, values: impl IntoIterator<Item = Datum>) -> Statement {
    Statement { text: text.into(), values: values.into_iter().collect() }
}

/// What a statement gave.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The rows of a `SELECT` or of `RETURNING`.
    pub rows: Vec<Row>,
    /// How many rows an `INSERT`, `UPDATE` or `DELETE` changed, with those that a foreign key took along.
    pub changed: u64,
}

impl Rows {
    /// A page as OpenAI's lists have it, of rows of which one more than `limit` was asked for. What is shown of a row is an
    /// object with an `id`.
    ///
    /// # Errors
    /// A row cannot be shown.
    pub fn page(&self, limit: usize, show: impl FnMut(&Row) -> Result<Value>) -> Result<Value> {
        let data = self.rows.iter().take(limit).map(show).collect::<Result<_>>()?;
        Ok(json::page(data, self.rows.len() > limit))
    }
}

/// The values of one row, in the order of the statement's columns.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Datum>);

impl Row {
    /// The value of a column.
    pub fn get(&self, column: usize) -> Option<&Datum> {
        self.0.get(column)
    }

    /// The text of a column.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, column: usize) -> Result<&str> {
        match self.get(column) {
            Some(Datum::Text(text)) => Ok(text),
            other => Err(unexpected(column, "text", other)),
        }
    }

    /// The JSON that a column has as text.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self, column: usize) -> Result<Value> {
        serde_json::from_str(self.text(column)?)
            .map_err(|error| Error::new(Kind::Store, format!("a row of the store is not JSON: {error}")))
    }

    /// The whole number of a column.
    ///
    /// # Errors
    /// It is something else.
    pub fn integer(&self, column: usize) -> Result<i64> {
        match self.get(column) {
            Some(Datum::Integer(number)) => Ok(*number),
            other => Err(unexpected(column, "a whole number", other)),
        }
    }

    /// The number of a column.
    ///
    /// # Errors
    /// It is something else.
    pub fn real(&self, column: usize) -> Result<f64> {
        match self.get(column) {
            Some(Datum::Real(number)) => Ok(*number),
            Some(Datum::Integer(number)) => Ok(*number as f64),
            other => Err(unexpected(column, "a number", other)),
        }
    }

    /// The bytes of a column.
    ///
    /// # Errors
    /// It is something else.
    pub fn blob(&self, column: usize) -> Result<&Bytes> {
        match self.get(column) {
            Some(Datum::Blob(bytes)) => Ok(bytes),
            other => Err(unexpected(column, "bytes", other)),
        }
    }
}

fn unexpected(column: usize, expected: &str, found: Option<&Datum>) -> Error {
    let found = match found {
        None => "no such column",
        Some(Datum::Null) => "NULL",
        Some(Datum::Integer(_)) => "a whole number",
        Some(Datum::Real(_)) => "a number",
        Some(Datum::Text(_)) => "text",
        Some(Datum::Blob(_)) => "bytes",
    };
    Error::new(Kind::Store, format!("column {column} of the store: expected {expected}, found {found}"))
}

impl From<i64> for Datum {
    fn from(number: i64) -> Self {
        Datum::Integer(number)
    }
}

impl From<i32> for Datum {
    fn from(number: i32) -> Self {
        Datum::Integer(number.into())
    }
}

impl From<u32> for Datum {
    fn from(number: u32) -> Self {
        Datum::Integer(number.into())
    }
}

impl From<bool> for Datum {
    fn from(value: bool) -> Self {
        Datum::Integer(value.into())
    }
}

impl From<f64> for Datum {
    fn from(number: f64) -> Self {
        Datum::Real(number)
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Datum::Text(text.to_owned())
    }
}

impl From<&String> for Datum {
    fn from(text: &String) -> Self {
        Datum::Text(text.clone())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Datum::Text(text)
    }
}

impl From<Bytes> for Datum {
    fn from(bytes: Bytes) -> Self {
        Datum::Blob(bytes)
    }
}

impl From<Vec<u8>> for Datum {
    fn from(bytes: Vec<u8>) -> Self {
        Datum::Blob(bytes.into())
    }
}

impl<T: Into<Datum>> From<Option<T>> for Datum {
    fn from(value: Option<T>) -> Self {
        value.map_or(Datum::Null, Into::into)
    }
}
