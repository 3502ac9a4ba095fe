//! A tool that runs what a test wants to see run on a store.

use bytes::Bytes;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Rows, Statement, sql};

tools![Batch];

pub(super) const MIGRATIONS: &[&str] = &[
    "CREATE TABLE shelf (id INTEGER PRIMARY KEY, owner TEXT NOT NULL);
CREATE TABLE book (
    id INTEGER PRIMARY KEY,
    shelf INTEGER NOT NULL REFERENCES shelf (id) ON DELETE CASCADE,
    title TEXT, pages INTEGER, weight REAL, cover BLOB
);
",
    "CREATE UNIQUE INDEX book_title ON book (shelf, title)",
];

/// Run statements on the store.
#[tool("store-batch")]
struct Batch {
    /// Arrays of SQL and values; `{"blob": n}` is so many bytes, `{"owner": true}` the caller.
    statements: Json,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let statements = self.statements.0.as_array().cloned().unwrap_or_default();
        let statements = statements.iter().map(|statement| read(&cx, statement)).collect::<Result<_>>()?;
        let rows = cx.store().batch(statements).await?;
        Ok(Output::json(&rows.iter().map(told).collect()))
    }
}

fn read(cx: &Context, statement: &Value) -> Result<Statement> {
    let mut parts = statement.as_array().cloned().unwrap_or_default().into_iter();
    let text = parts.next().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
    Ok(sql(text, parts.map(|value| datum(cx, &value)).collect::<Result<Vec<_>>>()?))
}

fn datum(cx: &Context, value: &Value) -> Result<Datum> {
    Ok(match value {
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().into(), Datum::Integer),
        Value::String(text) => text.into(),
        Value::Object(object) if object.contains_key("owner") => cx.owner()?.into(),
        Value::Object(object) => object.get("blob").and_then(Value::as_u64).map(blob).into(),
        _ => Datum::Null,
    })
}

fn blob(length: u64) -> Bytes {
    (0..length).map(|index| (index % 251) as u8).collect()
}

fn told(rows: &Rows) -> Value {
    let value = |datum: &Datum| match datum {
        Datum::Null => Value::Null,
        Datum::Integer(number) => json!(number),
        Datum::Real(number) => json!(number),
        Datum::Text(text) => json!(text),
        Datum::Blob(bytes) => json!({"blob": bytes.len(), "whole": *bytes == blob(bytes.len() as u64)}),
    };
    let rows_of: Vec<Vec<_>> = rows.rows.iter().map(|row| row.0.iter().map(value).collect()).collect();
    json!({"rows": rows_of, "changed": rows.changed})
}
