//! The tables: every statement here asks for the owner, and none elsewhere names a table.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::sql::{Datum, Row, Rows, Statement, sql};

use super::Args;
use super::{Members as _, id, now, text};

/// A kind of object.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Table {
    Assistants,
    Threads,
    Messages,
    Runs,
    Steps,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Assistants => "assistants",
            Table::Threads => "threads",
            Table::Messages => "messages",
            Table::Runs => "runs",
            Table::Steps => "steps",
        }
    }

    /// Its objects as SQL. Of a run everything but the metadata belongs to who works on it.
    fn doc(self) -> &'static str {
        match self {
            Table::Runs => "json_set(doc, '$.metadata', json(metadata))",
            _ => "doc",
        }
    }

    /// That there is no such object, as the original said it.
    pub(super) fn missing(self, id: &str) -> Error {
        let noun = match self {
            Table::Assistants => "assistant",
            Table::Threads => "thread",
            Table::Messages => "message",
            Table::Runs => "run",
            Table::Steps => "run step",
        };
        let error = Error::refusal(404, format!("No {noun} found with id '{id}'"));
        match self {
            Table::Assistants | Table::Threads => error.or_hint(
                "there is what was made here with this key: what OpenAI had is gone from there, and an export comes in by \
                 `openai-mcp assistants import`",
            ),
            _ => error,
        }
    }
}

/// Where a run is, as this server sees it; its status is told from this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// Its messages are on their way to the conversation, or its response is being created.
    Starting,
    /// Its response is at work.
    Running,
    /// It waits for the outputs of functions.
    Waiting,
    /// Outputs are there, and the response that takes them is being created.
    Submitting,
    /// It has come to an end of some other kind than success, and its conversation is being put in order.
    Closing,
    /// It has ended.
    Done,
}

impl Phase {
    const ALL: [(Phase, &str); 6] = [
        (Phase::Starting, "starting"),
        (Phase::Running, "running"),
        (Phase::Waiting, "waiting"),
        (Phase::Submitting, "submitting"),
        (Phase::Closing, "closing"),
        (Phase::Done, "done"),
    ];

    fn name(self) -> &'static str {
        Phase::ALL.iter().find(|(phase, _)| *phase == self).map_or("done", |(_, name)| name)
    }

    fn named(name: &str) -> Phase {
        Phase::ALL.iter().find(|(_, known)| *known == name).map_or(Phase::Done, |(phase, _)| *phase)
    }
}

/// A run with what only this server knows of it.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) thread: String,
    pub(super) phase: Phase,
    /// Changes with every write: who writes must have read the latest.
    stamp: String,
    /// Until when the one who wrote last may be at work on it, in seconds since the epoch.
    pub(super) lease: i64,
    /// The latest response.
    pub(super) response: Option<String>,
    /// What is needed to go on: see [`super::machine`].
    pub(super) work: Value,
    /// The `thread.run`.
    pub(super) doc: Value,
}

/// A thread with what only this server knows of it.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) id: String,
    pub(super) doc: Value,
    pub(super) conversation: Option<String>,
    /// The last item of the conversation that we know of.
    pub(super) tail: Option<String>,
    pub(super) deleted: bool,
}

/// A message with what only this server knows of it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) doc: Value,
    /// Its item in the conversation; [`SENT`] while it may or may not have arrived.
    pub(super) item: Option<String>,
}

/// Stands for the id of an item that was sent and not yet acknowledged.
pub(super) const SENT: &str = "?";

/// The tables of one owner.
pub(super) struct Db<'a> {
    pub(super) cx: &'a Context,
    owner: String,
}

fn datum(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

fn maybe(row: &Row, column: usize) -> Option<String> {
    row.text(column).ok().map(str::to_owned)
}

const RUN: &str = "SELECT id, thread, phase, stamp, lease, response, work, \
                   json_set(doc, '$.metadata', json(metadata)) FROM runs WHERE owner = ?1";

impl<'a> Db<'a> {
    pub(super) fn open(cx: &'a Context) -> Result<Self> {
        Ok(Db { cx, owner: cx.owner()? })
    }

    /// A statement whose first parameter is the owner.
    fn sql(&self, text: impl Into<std::borrow::Cow<'static, str>>, values: Vec<Datum>) -> Statement {
        sql(text, std::iter::once(Datum::Text(self.owner.clone())).chain(values))
    }

    async fn run_sql(&self, statement: Statement) -> Result<Rows> {
        self.cx.store().run(statement).await
    }

    /// An object with all of these columns, or the error that there is none.
    pub(super) async fn get(&self, table: Table, id: &str, within: &[(&str, &str)]) -> Result<Value> {
        let mut text = format!("SELECT {} FROM {} WHERE owner = ?1 AND id = ?2", table.doc(), table.name());
        let mut values = vec![datum(id)];
        for (column, value) in within {
            values.push(datum(value));
            text.push_str(&format!(" AND {column} = ?{}", values.len() + 1));
        }
        let rows = self.run_sql(self.sql(text, values)).await?.rows;
        rows.first().map_or_else(|| Err(table.missing(id)), |row| row.json(0))
    }

    /// A page of objects with all of these columns, as `limit`, `order`, `after` and `before` want it.
    pub(super) async fn page(&self, table: Table, within: &[(&str, &str)], args: &Args) -> Result<Value> {
        let name = table.name();
        let given = |name: &str| args.get(name).and_then(Value::as_str);
        let limit = args.get("limit").and_then(Value::as_u64).unwrap_or(20) as usize;
        let ascending = given("order") == Some("asc");
        let (after, before) = (given("after"), given("before"));
        let mut text = format!("SELECT id, {} FROM {name} WHERE owner = ?1", table.doc());
        let mut values = Vec::new();
        let mut cursors = Vec::new();
        for (column, value) in within {
            values.push(datum(value));
            text.push_str(&format!(" AND {column} = ?{}", values.len() + 1));
        }
        for (argument, cursor, forward) in [("after", after, true), ("before", before, false)] {
            let Some(cursor) = cursor else { continue };
            values.push(datum(cursor));
            let sign = if forward == ascending { '>' } else { '<' };
            let at = values.len() + 1;
            text.push_str(&format!(" AND seq {sign} (SELECT seq FROM {name} WHERE owner = ?1 AND id = ?{at})"));
            cursors.push((argument, cursor));
        }
        // A page before something is the one next to it, so it is read backwards.
        let backwards = before.is_some() && after.is_none();
        let direction = if ascending != backwards { "ASC" } else { "DESC" };
        text.push_str(&format!(" ORDER BY seq {direction} LIMIT {}", limit + 1));
        let rows = self.run_sql(self.sql(text, values)).await?.rows;
        if rows.is_empty() {
            for (argument, cursor) in cursors {
                let known = format!("SELECT 1 FROM {name} WHERE owner = ?1 AND id = ?2");
                if self.run_sql(self.sql(known, vec![datum(cursor)])).await?.rows.is_empty() {
                    return Err(Error::argument(argument, format!("there is no `{cursor}`")));
                }
            }
        }
        let has_more = rows.len() > limit;
        let mut data = rows.iter().take(limit).map(|row| row.json(1)).collect::<Result<Vec<_>>>()?;
        if backwards {
            data.reverse();
        }
        let id = |object: Option<&Value>| object.map(|object| object.at("id").clone());
        let (first, last) = (id(data.first()), id(data.last()));
        Ok(json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}))
    }

    /// Changes an object, again if somebody else changed it meanwhile.
    pub(super) async fn change(
        &self,
        table: Table,
        id: &str,
        within: &[(&str, &str)],
        change: impl Fn(&mut Value) -> Result<()>,
    ) -> Result<Value> {
        let update = format!("UPDATE {} SET doc = ?3 WHERE owner = ?1 AND id = ?2 AND doc = ?4", table.name());
        for _ in 0..8 {
            let mut doc = self.get(table, id, within).await?;
            let before = doc.to_string();
            change(&mut doc)?;
            let after = doc.to_string();
            let values = vec![datum(id), Datum::Text(after), Datum::Text(before)];
            if self.run_sql(self.sql(update.clone(), values)).await?.changed > 0 {
                return Ok(doc);
            }
        }
        Err(Error::refusal(409, format!("'{id}' is being changed by others; try again")))
    }

    pub(super) async fn add_assistant(&self, doc: &Value) -> Result<()> {
        let values = vec![datum(text(doc, "id")), Datum::Text(doc.to_string())];
        self.run_sql(self.sql("INSERT INTO assistants (owner, id, doc) VALUES (?1, ?2, ?3)", values)).await.map(drop)
    }

    pub(super) async fn delete_assistant(&self, id: &str) -> Result<()> {
        let rows =
            self.run_sql(self.sql("DELETE FROM assistants WHERE owner = ?1 AND id = ?2", vec![datum(id)])).await?;
        if rows.changed == 0 { Err(Table::Assistants.missing(id)) } else { Ok(()) }
    }

    /// Takes in objects that were made elsewhere, where there are none of their ids.
    pub(super) async fn take(&self, objects: &[Value]) -> Result<Vec<Taken>> {
        const ASSISTANT: &str = "INSERT INTO assistants (owner, id, doc) VALUES (?1, ?2, ?3) \
                                 ON CONFLICT (owner, id) DO NOTHING";
        const THREAD: &str = "INSERT INTO threads (owner, id, doc) VALUES (?1, ?2, ?3) \
                              ON CONFLICT (owner, id) DO NOTHING";
        const MESSAGE: &str = "INSERT INTO messages (owner, id, doc, thread, run) SELECT ?1, ?2, ?3, ?4, ?5 \
                               WHERE EXISTS (SELECT 1 FROM threads WHERE owner = ?1 AND id = ?4 AND deleted = 0) \
                               ON CONFLICT (owner, id) DO NOTHING";
        const THERE: &str = "SELECT 1 FROM messages WHERE owner = ?1 AND id = ?2";
        let mut batch = Vec::with_capacity(objects.len() * 2);
        for object in objects {
            let mut values = vec![datum(text(object, "id")), Datum::Text(object.to_string())];
            let statement = match text(object, "object") {
                "assistant" => ASSISTANT,
                "thread" => THREAD,
                _ => {
                    let run = object.get("run_id").and_then(Value::as_str);
                    values.extend([datum(text(object, "thread_id")), run.map(str::to_owned).into()]);
                    MESSAGE
                }
            };
            batch.push(self.sql(statement, values));
            batch.push(self.sql(THERE, vec![datum(text(object, "id"))]));
        }
        let rows = self.cx.store().batch(batch).await?;
        let pairs = objects.iter().zip(rows.chunks(2));
        Ok(pairs
            .map(|(object, rows)| match rows {
                [added, _] if added.changed > 0 => Taken::Added,
                [_, there] if there.rows.is_empty() && text(object, "object") == "thread.message" => Taken::Homeless,
                _ => Taken::Present,
            })
            .collect())
    }

    /// Adds a thread with its first messages.
    pub(super) async fn add_thread(&self, doc: &Value, messages: &[Value]) -> Result<()> {
        let values = vec![datum(text(doc, "id")), Datum::Text(doc.to_string())];
        let mut batch = vec![self.sql("INSERT INTO threads (owner, id, doc) VALUES (?1, ?2, ?3)", values)];
        batch.extend(messages.iter().map(|message| self.new_message(message)));
        self.cx.store().batch(batch).await.map(drop)
    }

    pub(super) async fn thread(&self, id: &str) -> Result<Thread> {
        let thread = self.any_thread(id).await?;
        if thread.deleted { Err(Table::Threads.missing(id)) } else { Ok(thread) }
    }

    /// A thread, be it on its way to deletion.
    pub(super) async fn any_thread(&self, id: &str) -> Result<Thread> {
        const THREAD: &str = "SELECT doc, conversation, tail, deleted FROM threads WHERE owner = ?1 AND id = ?2";
        let rows = self.run_sql(self.sql(THREAD, vec![datum(id)])).await?.rows;
        let row = rows.first().ok_or_else(|| Table::Threads.missing(id))?;
        Ok(Thread {
            id: id.to_owned(),
            doc: row.json(0)?,
            conversation: maybe(row, 1),
            tail: maybe(row, 2),
            deleted: row.integer(3)? != 0,
        })
    }

    /// Gives a thread its conversation, unless it has one, and tells which it has.
    pub(super) async fn set_conversation(&self, thread: &str, conversation: &str) -> Result<Option<String>> {
        const SET: &str = "UPDATE threads SET conversation = coalesce(conversation, ?3) WHERE owner = ?1 AND id = ?2 \
                           RETURNING conversation";
        let rows = self.run_sql(self.sql(SET, vec![datum(thread), datum(conversation)])).await?.rows;
        Ok(rows.first().and_then(|row| maybe(row, 0)))
    }

    pub(super) async fn set_tail(&self, thread: &str, tail: Option<&str>) -> Result<()> {
        let text = "UPDATE threads SET tail = ?3 WHERE owner = ?1 AND id = ?2";
        self.run_sql(self.sql(text, vec![datum(thread), tail.map(str::to_owned).into()])).await.map(drop)
    }

    pub(super) async fn mark_thread_deleted(&self, id: &str) -> Result<()> {
        let text = "UPDATE threads SET deleted = 1 WHERE owner = ?1 AND id = ?2";
        self.run_sql(self.sql(text, vec![datum(id)])).await.map(drop)
    }

    pub(super) async fn purge_thread(&self, id: &str) -> Result<()> {
        let texts = [
            "DELETE FROM steps WHERE owner = ?1 AND thread = ?2",
            "DELETE FROM runs WHERE owner = ?1 AND thread = ?2",
            "DELETE FROM messages WHERE owner = ?1 AND thread = ?2",
            "DELETE FROM threads WHERE owner = ?1 AND id = ?2",
        ];
        let batch = texts.map(|text| self.sql(text, vec![datum(id)]));
        self.cx.store().batch(batch.into()).await.map(drop)
    }

    fn new_message(&self, doc: &Value) -> Statement {
        const ADD: &str = "INSERT INTO messages (owner, id, thread, doc) VALUES (?1, ?2, ?3, ?4)";
        self.sql(ADD, vec![datum(text(doc, "id")), datum(text(doc, "thread_id")), Datum::Text(doc.to_string())])
    }

    /// Adds a message to a thread that has no active run, and tells whether it did.
    pub(super) async fn add_message(&self, doc: &Value) -> Result<bool> {
        const ADD: &str = "INSERT INTO messages (owner, id, thread, doc) SELECT ?1, ?2, ?3, ?4 \
                           WHERE EXISTS (SELECT 1 FROM threads WHERE owner = ?1 AND id = ?3 AND deleted = 0) \
                           AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND thread = ?3 AND phase <> 'done')";
        let values = vec![datum(text(doc, "id")), datum(text(doc, "thread_id")), Datum::Text(doc.to_string())];
        Ok(self.run_sql(self.sql(ADD, values)).await?.changed > 0)
    }

    pub(super) async fn message(&self, thread: &str, id: &str) -> Result<Message> {
        const ONE: &str =
            "SELECT id, doc, item FROM messages WHERE owner = ?1 AND thread = ?2 AND id = ?3 AND gone = 0";
        let rows = self.run_sql(self.sql(ONE, vec![datum(thread), datum(id)])).await?.rows;
        rows.first().map_or_else(|| Err(Table::Messages.missing(id)), message_of)
    }

    /// The last messages of a thread, oldest first.
    pub(super) async fn last_messages(&self, thread: &str, count: i64) -> Result<Vec<Message>> {
        const LAST: &str = "SELECT id, doc, item FROM messages WHERE owner = ?1 AND thread = ?2 AND gone = 0 \
                            ORDER BY seq DESC LIMIT ?3";
        let rows = self.run_sql(self.sql(LAST, vec![datum(thread), count.into()])).await?.rows;
        rows.iter().rev().map(message_of).collect()
    }

    /// The messages of a thread that are not known to be items of its conversation, oldest first.
    pub(super) async fn undelivered(&self, thread: &str) -> Result<Vec<Message>> {
        const UNDELIVERED: &str = "SELECT id, doc, item FROM messages WHERE owner = ?1 AND thread = ?2 \
                                   AND (item IS NULL OR item = '?') AND gone = 0 ORDER BY seq";
        let rows = self.run_sql(self.sql(UNDELIVERED, vec![datum(thread)])).await?.rows;
        rows.iter().map(message_of).collect()
    }

    /// The messages of a thread whose attachments concern a tool are among these: those with attachments.
    pub(super) async fn with_attachments(&self, thread: &str) -> Result<Vec<Message>> {
        const ATTACHED: &str = "SELECT id, doc, item FROM messages WHERE owner = ?1 AND thread = ?2 \
                                AND json_array_length(doc, '$.attachments') > 0 AND gone = 0 ORDER BY seq";
        let rows = self.run_sql(self.sql(ATTACHED, vec![datum(thread)])).await?.rows;
        rows.iter().map(message_of).collect()
    }

    /// Notes which items messages have become.
    pub(super) async fn set_items(&self, pairs: &[(&str, Option<&str>)]) -> Result<()> {
        const SET: &str = "UPDATE messages SET item = ?3 WHERE owner = ?1 AND id = ?2";
        let set = |(id, item): &(&str, Option<&str>)| self.sql(SET, vec![datum(id), item.map(str::to_owned).into()]);
        if pairs.is_empty() {
            return Ok(());
        }
        self.cx.store().batch(pairs.iter().map(set).collect()).await.map(drop)
    }

    /// Marks a message of a thread that has no active run as gone, or not gone after all; tells whether it did.
    pub(super) async fn mark_message(&self, thread: &str, id: &str, gone: bool) -> Result<bool> {
        const MARK: &str = "UPDATE messages SET gone = ?4 WHERE owner = ?1 AND thread = ?2 AND id = ?3 \
                            AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND thread = ?2 AND phase <> 'done')";
        Ok(self.run_sql(self.sql(MARK, vec![datum(thread), datum(id), gone.into()])).await?.changed > 0)
    }

    /// The messages of a thread that are gone, and may be items of the conversation still.
    pub(super) async fn gone(&self, thread: &str) -> Result<Vec<Message>> {
        const GONE: &str = "SELECT id, doc, item FROM messages WHERE owner = ?1 AND thread = ?2 AND gone = 1";
        let rows = self.run_sql(self.sql(GONE, vec![datum(thread)])).await?.rows;
        rows.iter().map(message_of).collect()
    }

    pub(super) async fn delete_message(&self, id: &str) -> Result<()> {
        const DELETE: &str = "DELETE FROM messages WHERE owner = ?1 AND id = ?2";
        self.run_sql(self.sql(DELETE, vec![datum(id)])).await.map(drop)
    }

    /// Adds a run, and with it messages, to a thread that has no active run. Gives nothing if it has one.
    pub(super) async fn add_run(&self, doc: Value, work: Value, lease: i64, messages: &[Value]) -> Result<Option<Run>> {
        const ADD: &str = "INSERT INTO runs (owner, id, thread, phase, stamp, lease, work, doc, metadata) \
                           SELECT ?1, ?2, ?3, 'starting', ?4, ?5, ?6, ?7, json_extract(?7, '$.metadata') \
                           WHERE EXISTS (SELECT 1 FROM threads WHERE owner = ?1 AND id = ?3 AND deleted = 0) \
                           AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND thread = ?3 AND phase <> 'done')";
        const MESSAGE: &str = "INSERT INTO messages (owner, id, thread, doc) SELECT ?1, ?2, ?3, ?4 \
                               WHERE EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND id = ?5 AND stamp = ?6)";
        let run = Run {
            id: text(&doc, "id").to_owned(),
            thread: text(&doc, "thread_id").to_owned(),
            phase: Phase::Starting,
            stamp: id(self.cx, "", 0),
            lease: now(self.cx) + lease,
            response: None,
            work,
            doc,
        };
        let values = vec![
            datum(&run.id),
            datum(&run.thread),
            datum(&run.stamp),
            run.lease.into(),
            Datum::Text(run.work.to_string()),
            Datum::Text(run.doc.to_string()),
        ];
        let mut batch = vec![self.sql(ADD, values)];
        batch.extend(messages.iter().map(|message| {
            let values = vec![
                datum(text(message, "id")),
                datum(&run.thread),
                Datum::Text(message.to_string()),
                datum(&run.id),
                datum(&run.stamp),
            ];
            self.sql(MESSAGE, values)
        }));
        let added = self.cx.store().batch(batch).await?.first().is_some_and(|rows| rows.changed > 0);
        Ok(added.then_some(run))
    }

    pub(super) async fn run(&self, thread: &str, id: &str) -> Result<Run> {
        let text = format!("{RUN} AND thread = ?2 AND id = ?3");
        let rows = self.run_sql(self.sql(text, vec![datum(thread), datum(id)])).await?.rows;
        rows.first().map_or_else(|| Err(Table::Runs.missing(id)), run_of)
    }

    pub(super) async fn active_run(&self, thread: &str) -> Result<Option<Run>> {
        let text = format!("{RUN} AND thread = ?2 AND phase <> 'done'");
        let rows = self.run_sql(self.sql(text, vec![datum(thread)])).await?.rows;
        rows.first().map(run_of).transpose()
    }

    /// Replaces the metadata of a run.
    pub(super) async fn set_run_metadata(&self, run: &str, metadata: &Value) -> Result<()> {
        const SET: &str = "UPDATE runs SET metadata = ?3 WHERE owner = ?1 AND id = ?2";
        self.run_sql(self.sql(SET, vec![datum(run), Datum::Text(metadata.to_string())])).await.map(drop)
    }

    /// Writes a run with what belongs to it, if nobody else wrote it since it was read; tells whether it did.
    pub(super) async fn write(&self, run: &mut Run, news: &News) -> Result<bool> {
        const UPDATE: &str = "UPDATE runs SET phase = ?3, stamp = ?4, lease = ?5, response = ?6, work = ?7, doc = ?8 \
                              WHERE owner = ?1 AND id = ?2 AND stamp = ?9";
        const HELD: &str = "EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND id = ?2 AND stamp = ?3)";
        let stamp = id(self.cx, "", 0);
        let values = vec![
            datum(&run.id),
            datum(run.phase.name()),
            datum(&stamp),
            run.lease.into(),
            run.response.clone().into(),
            Datum::Text(run.work.to_string()),
            Datum::Text(run.doc.to_string()),
            datum(&run.stamp),
        ];
        let held = |text: String, more: Vec<Datum>| {
            let mut values = vec![datum(&run.id), datum(&stamp)];
            values.extend(more);
            self.sql(text, values)
        };
        let mut batch = vec![self.sql(UPDATE, values)];
        for (message, item) in &news.messages {
            batch.push(held(
                format!(
                    "INSERT INTO messages (owner, run, id, thread, doc, item) SELECT ?1, ?2, ?4, ?5, ?6, ?7 WHERE {HELD} \
                     ON CONFLICT (owner, id) DO NOTHING"
                ),
                vec![
                    datum(text(message, "id")),
                    datum(&run.thread),
                    Datum::Text(message.to_string()),
                    item.clone().into(),
                ],
            ));
        }
        for step in &news.steps {
            batch.push(held(
                format!(
                    "INSERT INTO steps (owner, run, id, thread, doc) SELECT ?1, ?2, ?4, ?5, ?6 WHERE {HELD} \
                     ON CONFLICT (owner, id) DO UPDATE SET doc = excluded.doc"
                ),
                vec![datum(text(step, "id")), datum(&run.thread), Datum::Text(step.to_string())],
            ));
        }
        if let Some(tail) = &news.tail {
            batch.push(held(
                format!("UPDATE threads SET tail = ?5 WHERE owner = ?1 AND id = ?4 AND {HELD}"),
                vec![datum(&run.thread), datum(tail)],
            ));
        }
        let written = self.cx.store().batch(batch).await?.first().is_some_and(|rows| rows.changed > 0);
        if written {
            run.stamp = stamp;
        }
        Ok(written)
    }

    /// The steps of a run, oldest first.
    pub(super) async fn steps(&self, run: &str) -> Result<Vec<Value>> {
        let text = "SELECT doc FROM steps WHERE owner = ?1 AND run = ?2 ORDER BY seq";
        let rows = self.run_sql(self.sql(text, vec![datum(run)])).await?.rows;
        rows.iter().map(|row| row.json(0)).collect()
    }
}

/// What became of an object that was taken in.
pub(super) enum Taken {
    Added,
    Present,
    Homeless,
}

/// What is written together with a run.
#[derive(Default)]
pub(super) struct News {
    /// Messages, with the items they are; without one where they are still to become items.
    pub(super) messages: Vec<(Value, Option<String>)>,
    /// Steps, new or changed.
    pub(super) steps: Vec<Value>,
    /// The last item of the thread's conversation.
    pub(super) tail: Option<String>,
}

fn message_of(row: &Row) -> Result<Message> {
    Ok(Message { id: row.text(0)?.to_owned(), doc: row.json(1)?, item: maybe(row, 2) })
}

fn run_of(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.text(0)?.to_owned(),
        thread: row.text(1)?.to_owned(),
        phase: Phase::named(row.text(2)?),
        stamp: row.text(3)?.to_owned(),
        lease: row.integer(4)?,
        response: maybe(row, 5),
        work: row.json(6)?,
        doc: row.json(7)?,
    })
}
