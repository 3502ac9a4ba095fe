//! The tables: every statement here asks for the owner, and none elsewhere names a table.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Row, Rows, Statement, sql};

use super::{Args, Members as _, now, text};

/// Bytes and number of items that are written at once; one that is larger is written alone.
const CHUNK: (usize, usize) = (500_000, 500);

/// A kind of object that is listed.
#[derive(Clone, Copy)]
pub(super) enum Table {
    Evals,
    Runs,
    Items,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Evals => "evals",
            Table::Runs => "runs",
            Table::Items => "items",
        }
    }

    /// That there is no such object, as the original said it.
    pub(super) fn missing(self, id: &str) -> Error {
        let noun = match self {
            Table::Evals => "eval",
            Table::Runs => "eval run",
            Table::Items => "output item",
        };
        let error = Error::refusal(404, format!("No {noun} found with id '{id}'"));
        match self {
            Table::Evals | Table::Runs => error.or_hint(
                "there is what was made here with this key; an export of those at OpenAI comes in by eval-import",
            ),
            Table::Items => error,
        }
    }
}

/// What a run is, as this server sees it.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) eval: String,
    /// `loading` while its items are being written, then as the API has it.
    pub(super) status: String,
    /// What is needed to go on: see [`super::engine`].
    pub(super) work: Value,
    /// The `eval.run`, without what changes: status, counts, usage, error.
    pub(super) doc: Value,
    /// `{code, message}`, or `null`.
    pub(super) error: Value,
}

impl Run {
    pub(super) fn is_going(&self) -> bool {
        matches!(self.status.as_str(), "queued" | "in_progress")
    }
}

/// An item of a run.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// Its place in the data source, from 0.
    pub(super) row: i64,
    /// `new`, `begun`, `pass`, `fail` or `error`.
    pub(super) stage: String,
    /// `{item, sample?, repeat?}`.
    pub(super) doc: Value,
    /// What was done so far: see [`super::engine`].
    pub(super) work: Value,
    /// Tokens that it used.
    pub(super) tokens: i64,
}

/// An item that is to be written.
pub(super) struct New {
    pub(super) id: String,
    pub(super) row: usize,
    pub(super) stage: &'static str,
    pub(super) doc: Value,
    pub(super) work: Value,
}

/// Where the items of a run are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// Not at their end.
    pub(super) open: i64,
    /// Of these, those that somebody is at.
    pub(super) held: i64,
    /// At their end.
    pub(super) done: i64,
    /// Used by all.
    pub(super) tokens: i64,
}

/// The tables of one owner.
pub(super) struct Db<'a> {
    pub(super) cx: &'a Context,
    owner: String,
}

fn datum(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

fn optional(value: &Value) -> Datum {
    if value.is_null() { Datum::Null } else { Datum::Text(value.to_string()) }
}

/// The items that are not at their end.
const OPEN: &str = "(stage IN ('new', 'begun'))";
/// That the run of `?2` goes on.
const GOING: &str = "EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND id = ?2 AND status IN ('queued', 'in_progress'))";
const RUN: &str = "SELECT id, eval, status, work, doc, error FROM runs WHERE owner = ?1";
const ITEM: &str = "id, row, stage, doc, work, tokens";

impl<'a> Db<'a> {
    pub(super) fn open(cx: &'a Context) -> Result<Self> {
        Ok(Db { cx, owner: cx.owner()? })
    }

    /// A statement whose first parameter is the owner.
    fn sql(&self, text: impl Into<std::borrow::Cow<'static, str>>, values: Vec<Datum>) -> Statement {
        sql(text, std::iter::once(Datum::Text(self.owner.clone())).chain(values))
    }

    async fn run_sql(&self, text: impl Into<std::borrow::Cow<'static, str>>, values: Vec<Datum>) -> Result<Rows> {
        self.cx.store().run(self.sql(text, values)).await
    }

    /// The rows of a page, as `limit`, `order` and `after` want it, with one more if there is one; and the limit.
    async fn page(
        &self,
        table: Table,
        (columns, order): (&str, &str),
        (within, condition): (&[(&str, &str)], &str),
        args: &Args,
    ) -> Result<(Vec<Row>, usize)> {
        let name = table.name();
        let given = |name: &str| args.get(name).and_then(Value::as_str);
        let limit = args.get("limit").and_then(Value::as_u64).unwrap_or(20) as usize;
        let (sign, direction) = if given("order") == Some("desc") { ('<', "DESC") } else { ('>', "ASC") };
        let mut text = format!("SELECT {columns} FROM {name} WHERE owner = ?1{condition}");
        let mut values = Vec::new();
        for (column, value) in within {
            values.push(datum(value));
            text.push_str(&format!(" AND {column} = ?{}", values.len() + 1));
        }
        if let Some(after) = given("after") {
            values.push(datum(after));
            let at = values.len() + 1;
            text.push_str(&format!(
                " AND ({order}) {sign} (SELECT {order} FROM {name} WHERE owner = ?1 AND id = ?{at})"
            ));
        }
        let order: Vec<String> = order.split(", ").map(|column| format!("{column} {direction}")).collect();
        text.push_str(&format!(" ORDER BY {} LIMIT {}", order.join(", "), limit + 1));
        let rows = self.run_sql(text, values).await?.rows;
        if let Some(after) = given("after").filter(|_| rows.is_empty()) {
            let known = format!("SELECT 1 FROM {name} WHERE owner = ?1 AND id = ?2");
            if self.run_sql(known, vec![datum(after)]).await?.rows.is_empty() {
                return Err(Error::argument("after", format!("there is no `{after}`")));
            }
        }
        Ok((rows, limit))
    }

    pub(super) async fn add_eval(&self, doc: &Value) -> Result<()> {
        const ADD: &str = "INSERT INTO evals (owner, id, doc, updated) VALUES (?1, ?2, ?3, ?4)";
        let values = vec![datum(text(doc, "id")), Datum::Text(doc.to_string()), now(self.cx).into()];
        self.run_sql(ADD, values).await.map(drop)
    }

    pub(super) async fn eval(&self, id: &str) -> Result<Value> {
        let rows = self.run_sql("SELECT doc FROM evals WHERE owner = ?1 AND id = ?2", vec![datum(id)]).await?.rows;
        rows.first().map_or_else(|| Err(Table::Evals.missing(id)), |row| row.json(0))
    }

    pub(super) async fn evals(&self, args: &Args) -> Result<Value> {
        let by_change = args.get("order_by").is_some_and(|by| by == "updated_at");
        let order = if by_change { "updated, seq" } else { "seq" };
        let (rows, limit) = self.page(Table::Evals, ("doc", order), (&[], ""), args).await?;
        Rows { rows, changed: 0 }.page(limit, |row| row.json(0))
    }

    /// Changes an eval, again if somebody else changed it meanwhile.
    pub(super) async fn change_eval(&self, id: &str, change: impl Fn(&mut Value)) -> Result<Value> {
        const CHANGE: &str = "UPDATE evals SET doc = ?3, updated = ?5 WHERE owner = ?1 AND id = ?2 AND doc = ?4";
        for _ in 0..8 {
            let mut doc = self.eval(id).await?;
            let before = doc.to_string();
            change(&mut doc);
            let values = vec![datum(id), Datum::Text(doc.to_string()), Datum::Text(before), now(self.cx).into()];
            if self.run_sql(CHANGE, values).await?.changed > 0 {
                return Ok(doc);
            }
        }
        Err(Error::refusal(409, format!("'{id}' is being changed by others; try again")))
    }

    pub(super) async fn delete_eval(&self, id: &str) -> Result<()> {
        const RUNS: &str = "SELECT id FROM runs WHERE owner = ?1 AND eval = ?2";
        let batch = [
            "DELETE FROM evals WHERE owner = ?1 AND id = ?2".to_owned(),
            format!("DELETE FROM items WHERE owner = ?1 AND run IN ({RUNS})"),
            "DELETE FROM runs WHERE owner = ?1 AND eval = ?2".to_owned(),
        ];
        let batch = batch.into_iter().map(|text| self.sql(text, vec![datum(id)])).collect();
        let deleted = self.cx.store().batch(batch).await?.first().is_some_and(|rows| rows.changed > 0);
        if deleted { Ok(()) } else { Err(Table::Evals.missing(id)) }
    }

    /// Adds a run of an eval that is there, whose items are to come.
    pub(super) async fn add_run(&self, doc: &Value, work: &Value, lease: i64) -> Result<()> {
        const ADD: &str = "INSERT INTO runs (owner, id, eval, status, lease, work, doc) \
                           SELECT ?1, ?2, ?3, 'loading', ?4, ?5, ?6 \
                           WHERE EXISTS (SELECT 1 FROM evals WHERE owner = ?1 AND id = ?3)";
        let eval = text(doc, "eval_id");
        let values = vec![
            datum(text(doc, "id")),
            datum(eval),
            lease.into(),
            Datum::Text(work.to_string()),
            Datum::Text(doc.to_string()),
        ];
        let added = self.run_sql(ADD, values).await?.changed > 0;
        if added { Ok(()) } else { Err(Table::Evals.missing(eval)) }
    }

    /// Adds items, as many at once as one value may hold.
    pub(super) async fn add_items(&self, run: &str, items: &[New]) -> Result<()> {
        const ADD: &str = "INSERT INTO items (owner, run, id, row, stage, holder, lease, doc, work, tokens) \
                           SELECT ?1, ?2, json_extract(value, '$.id'), json_extract(value, '$.row'), \
                           json_extract(value, '$.stage'), '', 0, json_extract(value, '$.doc'), \
                           json_extract(value, '$.work'), 0 FROM json_each(?3)";
        let add = |rows: Vec<String>| self.run_sql(ADD, vec![datum(run), Datum::Text(format!("[{}]", rows.join(",")))]);
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for item in items {
            let row = json!({
                "id": item.id, "row": item.row, "stage": item.stage, "doc": item.doc, "work": item.work,
            })
            .to_string();
            if chunk.len() >= CHUNK.1 || (bytes + row.len() > CHUNK.0 && !chunk.is_empty()) {
                add(std::mem::take(&mut chunk)).await?;
                bytes = 0;
            }
            bytes += row.len();
            chunk.push(row);
        }
        if !chunk.is_empty() {
            add(chunk).await?;
        }
        Ok(())
    }

    /// Gives a run whose items are all there its status, and the error that it ended with.
    pub(super) async fn loaded(&self, doc: &Value, work: &Value, (status, error): (&str, &Value)) -> Result<()> {
        const LOADED: &str = "UPDATE runs SET status = ?3, error = ?4, lease = 0, doc = ?5, work = ?6 \
                              WHERE owner = ?1 AND id = ?2 AND status = 'loading'";
        let values = vec![
            datum(text(doc, "id")),
            datum(status),
            optional(error),
            Datum::Text(doc.to_string()),
            Datum::Text(work.to_string()),
        ];
        self.run_sql(LOADED, values).await.map(drop)
    }

    pub(super) async fn run(&self, eval: &str, id: &str) -> Result<Run> {
        let rows = self.run_sql(format!("{RUN} AND eval = ?2 AND id = ?3"), vec![datum(eval), datum(id)]).await?.rows;
        rows.first().map_or_else(|| Err(Table::Runs.missing(id)), run_of)
    }

    pub(super) async fn runs(&self, eval: &str, args: &Args) -> Result<(Vec<Run>, bool)> {
        let mut within = vec![("eval", eval)];
        within.extend(args.get("status").and_then(Value::as_str).map(|status| ("status", status)));
        let columns = ("id, eval, status, work, doc, error", "seq");
        let (rows, limit) = self.page(Table::Runs, columns, (&within, ""), args).await?;
        let runs = rows.iter().take(limit).map(run_of).collect::<Result<_>>()?;
        Ok((runs, rows.len() > limit))
    }

    /// Ends a run that goes on; tells whether it did. Of one that was not loaded to its end, only if nobody is at it.
    pub(super) async fn end(&self, run: &str, status: &str, error: &Value) -> Result<bool> {
        const END: &str = "UPDATE runs SET status = ?3, error = ?4 WHERE owner = ?1 AND id = ?2 \
                           AND (status IN ('queued', 'in_progress') OR status = 'loading' AND lease <= ?5)";
        let values = vec![datum(run), datum(status), optional(error), now(self.cx).into()];
        Ok(self.run_sql(END, values).await?.changed > 0)
    }

    pub(super) async fn delete_run(&self, eval: &str, run: &str) -> Result<()> {
        let batch = vec![
            self.sql("DELETE FROM runs WHERE owner = ?1 AND id = ?2 AND eval = ?3", vec![datum(run), datum(eval)]),
            self.sql(
                "DELETE FROM items WHERE owner = ?1 AND run = ?2 \
                 AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND id = ?2)",
                vec![datum(run)],
            ),
        ];
        let deleted = self.cx.store().batch(batch).await?.first().is_some_and(|rows| rows.changed > 0);
        if deleted { Ok(()) } else { Err(Table::Runs.missing(run)) }
    }

    /// Takes items of a run that goes on and that nobody is at, first those that were begun.
    pub(super) async fn claim(&self, run: &str, holder: &str, lease: i64, most: usize) -> Result<Vec<Item>> {
        const BEGIN: &str = "UPDATE runs SET status = 'in_progress' WHERE owner = ?1 AND id = ?2 AND status = 'queued'";
        let claim = format!(
            "UPDATE items SET holder = ?3, lease = ?4 WHERE owner = ?1 AND run = ?2 AND seq IN \
             (SELECT seq FROM items WHERE owner = ?1 AND run = ?2 AND {OPEN} AND lease <= ?5 ORDER BY stage, seq LIMIT {most}) \
             AND {GOING} RETURNING {ITEM}"
        );
        let values = vec![datum(run), datum(holder), lease.into(), now(self.cx).into()];
        let batch = vec![self.sql(BEGIN, vec![datum(run)]), self.sql(claim, values)];
        let rows = self.cx.store().batch(batch).await?.pop().unwrap_or_default().rows;
        let mut items = rows.iter().map(item_of).collect::<Result<Vec<_>>>()?;
        items.sort_by_key(|item| (item.stage != "begun", item.row));
        Ok(items)
    }

    /// Writes an item that the holder still holds. Tells whether it did, and whether the run goes on.
    pub(super) async fn save(&self, run: &str, holder: &str, lease: i64, item: &Item) -> Result<(bool, bool)> {
        const SAVE: &str = "UPDATE items SET stage = ?4, lease = ?5, work = ?6, tokens = ?7 \
                            WHERE owner = ?1 AND id = ?2 AND holder = ?3";
        let values = vec![
            datum(&item.id),
            datum(holder),
            datum(&item.stage),
            lease.into(),
            Datum::Text(item.work.to_string()),
            item.tokens.into(),
        ];
        let batch = vec![self.sql(SAVE, values), self.sql(format!("SELECT {GOING}"), vec![datum(run)])];
        let rows = self.cx.store().batch(batch).await?;
        let written = rows.first().is_some_and(|rows| rows.changed > 0);
        let going = rows.last().and_then(|rows| rows.rows.first()).map_or(Ok(0), |row| row.integer(0))? != 0;
        Ok((written, going))
    }

    /// Lets go of what a holder holds.
    pub(super) async fn release(&self, run: &str, holder: &str) -> Result<()> {
        let text = format!("UPDATE items SET lease = 0 WHERE owner = ?1 AND run = ?2 AND {OPEN} AND holder = ?3");
        self.run_sql(text, vec![datum(run), datum(holder)]).await.map(drop)
    }

    pub(super) async fn state(&self, run: &str) -> Result<State> {
        let text = format!(
            "SELECT coalesce(sum({OPEN}), 0), coalesce(sum({OPEN} AND lease > ?3), 0), count(*), \
             coalesce(sum(tokens), 0) FROM items WHERE owner = ?1 AND run = ?2"
        );
        let rows = self.run_sql(text, vec![datum(run), now(self.cx).into()]).await?.rows;
        let Some(row) = rows.first() else { return Ok(State::default()) };
        let open = row.integer(0)?;
        Ok(State { open, held: row.integer(1)?, done: row.integer(2)? - open, tokens: row.integer(3)? })
    }

    /// What the items of a run come to: `result_counts`, `per_testing_criteria_results` and `per_model_usage`.
    pub(super) async fn tally(&self, run: &str) -> Result<Value> {
        const STAGES: &str = "SELECT stage, count(*) FROM items WHERE owner = ?1 AND run = ?2 GROUP BY stage";
        const CRITERIA: &str = "SELECT json_extract(j.value, '$.name') AS name, \
                                sum(json_extract(j.value, '$.passed')) AS passed, count(*) AS graded \
                                FROM items, json_each(items.work, '$.results') AS j \
                                WHERE items.owner = ?1 AND items.run = ?2 GROUP BY name";
        const USAGE: &str = "SELECT j.key AS model, sum(json_extract(j.value, '$.invocation_count')) AS calls, \
                             sum(json_extract(j.value, '$.prompt_tokens')) AS prompt, \
                             sum(json_extract(j.value, '$.completion_tokens')) AS completion, \
                             sum(json_extract(j.value, '$.cached_tokens')) AS cached, \
                             sum(json_extract(j.value, '$.total_tokens')) AS total \
                             FROM items, json_each(items.work, '$.usage') AS j \
                             WHERE items.owner = ?1 AND items.run = ?2 GROUP BY model";
        let batch = [STAGES, CRITERIA, USAGE].map(|text| self.sql(text, vec![datum(run)]));
        let mut rows = self.cx.store().batch(batch.into()).await?.into_iter().map(|rows| rows.rows);
        let mut counts = json!({"total": 0, "errored": 0, "failed": 0, "passed": 0});
        let mut total = 0;
        for row in rows.next().unwrap_or_default() {
            let count = row.integer(1)?;
            total += count;
            let name = match row.text(0)? {
                "pass" => "passed",
                "fail" => "failed",
                "error" => "errored",
                _ => continue,
            };
            counts.put(name, count.into());
        }
        counts.put("total", total.into());
        let criterion = |row: &Row| {
            let (passed, graded) = (row.integer(1)?, row.integer(2)?);
            Ok(json!({"testing_criteria": row.text(0)?, "passed": passed, "failed": graded - passed}))
        };
        let criteria = rows.next().unwrap_or_default().iter().map(criterion).collect::<Result<Vec<_>>>()?;
        let model = |row: &Row| {
            Ok(json!({
                "model_name": row.text(0)?, "invocation_count": row.integer(1)?, "prompt_tokens": row.integer(2)?,
                "completion_tokens": row.integer(3)?, "cached_tokens": row.integer(4)?, "total_tokens": row.integer(5)?,
            }))
        };
        let usage = rows.next().unwrap_or_default().iter().map(model).collect::<Result<Vec<_>>>()?;
        Ok(json!({
            "result_counts": counts, "per_testing_criteria_results": criteria, "per_model_usage": usage,
        }))
    }

    /// Items of a run, those that have come to their end or `all`.
    pub(super) async fn items(&self, run: &str, args: &Args, all: bool) -> Result<(Vec<Item>, bool)> {
        let mut within = vec![("run", run)];
        within.extend(args.get("status").and_then(Value::as_str).map(|status| ("stage", status)));
        let ended = if all { String::new() } else { format!(" AND NOT {OPEN}") };
        let (rows, limit) = self.page(Table::Items, (ITEM, "seq"), (&within, &ended), args).await?;
        let items = rows.iter().take(limit).map(item_of).collect::<Result<_>>()?;
        Ok((items, rows.len() > limit))
    }

    pub(super) async fn item(&self, run: &str, id: &str) -> Result<Item> {
        let text = format!("SELECT {ITEM} FROM items WHERE owner = ?1 AND run = ?2 AND id = ?3");
        let rows = self.run_sql(text, vec![datum(run), datum(id)]).await?.rows;
        rows.first().map_or_else(|| Err(Table::Items.missing(id)), item_of)
    }

    /// The responses of a run that are in the background.
    pub(super) async fn responses(&self, run: &str) -> Result<Vec<String>> {
        let text = format!(
            "SELECT json_extract(work, '$.response') FROM items WHERE owner = ?1 AND run = ?2 AND {OPEN} \
             AND json_extract(work, '$.response') IS NOT NULL AND json_extract(work, '$.sample') IS NULL"
        );
        let rows = self.run_sql(text, vec![datum(run)]).await?.rows;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }
}

fn run_of(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.text(0)?.to_owned(),
        eval: row.text(1)?.to_owned(),
        status: row.text(2)?.to_owned(),
        work: row.json(3)?,
        doc: row.json(4)?,
        error: row.json(5).unwrap_or_default(),
    })
}

fn item_of(row: &Row) -> Result<Item> {
    Ok(Item {
        id: row.text(0)?.to_owned(),
        row: row.integer(1)?,
        stage: row.text(2)?.to_owned(),
        doc: row.json(3)?,
        work: row.json(4)?,
        tokens: row.integer(5)?,
    })
}
