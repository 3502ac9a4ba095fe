//! State that outlives a call: a SQL database of the server's domain, SQLite on a machine and D1 on Workers.
//!
//! ```
//! # use openai_mcp_kernel::prelude::*;
//! # use openai_mcp_kernel::store::sql;
//! # async fn example(cx: Context) -> Result<()> {
//! let notes = sql("SELECT id, body FROM note WHERE owner = ?1", [cx.owner()?.into()]);
//! for note in cx.store().run(notes).await?.rows {
//!     cx.tell(note.text(1)?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The SQL must mean the same to both. D1 has no transaction that lasts over an await, so conditions stand in the SQL
//! (`UPDATE … WHERE version = ?2 RETURNING id`), and what belongs together goes into one [`Store::batch`]. A value or row
//! has at most 2 MB there, a statement at most 100 parameters (`json_each(?1)` takes a list as one), the columns of a row
//! have different names, and whole numbers are below 2⁵³. Every row has an owner, and every statement asks for it,
//! but for one that forgets what is too old: the owner may have got another key.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::context::Context;
use crate::error::{Error, Kind, Result};

/// Largest whole number that JavaScript keeps exact.
const EXACT: u64 = (1 << 53) - 1;

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

/// The store of a server, as a running tool sees it: [`Context::store`].
pub struct Store<'a> {
    cx: &'a Context,
}

impl<'a> Store<'a> {
    pub(crate) fn new(cx: &'a Context) -> Self {
        Store { cx }
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// There is no store here, it cannot be used, or it refuses the statement.
    pub async fn run(&self, statement: Statement) -> Result<Rows> {
        let mut rows = self.batch(vec![statement]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Runs statements in one transaction, all or none, and gives what each gave.
    ///
    /// # Errors
    /// As [`Store::run`].
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>> {
        let exact = |value: &Datum| !matches!(value, Datum::Integer(number) if number.unsigned_abs() > EXACT);
        if !statements.iter().flat_map(|statement| &statement.values).all(exact) {
            return Err(Error::new(Kind::Store, "a whole number for the store is above 2^53 - 1"));
        }
        let migrated = self.cx.migrated();
        if !migrated.load(Ordering::Relaxed) {
            self.migrate().await?;
            migrated.store(true, Ordering::Relaxed);
        }
        self.query(statements).await
    }

    async fn query(&self, statements: Vec<Statement>) -> Result<Vec<Rows>> {
        self.cx.platform().query(self.cx.definition().domain, statements).await
    }

    /// Brings the tables up to date. Others may do the same at the same time: the version row that goes with each
    /// migration lets one of them win, and the rest find it done.
    async fn migrate(&self) -> Result<()> {
        let migrations = self.cx.definition().migrations;
        let mut version = self.version().await?;
        while let Some(migration) = migrations.get(version) {
            let row = sql("INSERT INTO migration (version) VALUES (?1)", [Datum::Integer(version as i64 + 1)]);
            let steps = split(migration).map(|text| sql(text, []));
            let applied = self.query(std::iter::once(row).chain(steps).collect()).await;
            let reached = self.version().await?;
            if reached <= version {
                return Err(applied.err().unwrap_or_else(|| Error::new(Kind::Store, "the store keeps no migration")));
            }
            version = reached;
        }
        if version > migrations.len() {
            return Err(Error::new(
                Kind::Store,
                format!(
                    "the store is of a newer release of {}: it has version {version}, this release knows {}\n\
                     hint: update the server",
                    self.cx.definition().name(),
                    migrations.len()
                ),
            ));
        }
        Ok(())
    }

    async fn version(&self) -> Result<usize> {
        let statements = vec![
            sql("CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY)", []),
            sql("SELECT coalesce(max(version), 0) FROM migration", []),
        ];
        let rows = self.query(statements).await?;
        let version = rows.last().and_then(|rows| rows.rows.first()).map_or(Ok(0), |row| row.integer(0))?;
        Ok(usize::try_from(version).unwrap_or(usize::MAX))
    }
}

/// The statements of a migration: each ends with a `;` at the end of a line.
fn split(migration: &'static str) -> impl Iterator<Item = &'static str> {
    migration.split(";\n").map(|text| text.trim().trim_end_matches(';')).filter(|text| !text.is_empty())
}
