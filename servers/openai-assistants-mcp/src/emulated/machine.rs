//! The state machine of a run.
//!
//! ```text
//! starting ─→ running ─→ done (completed)
//!    │         │   ↑
//!    │         ↓   │
//!    │      waiting → submitting        waiting: requires_action
//!    └─────────┴──────┬──────┘
//!                  closing ─→ done (cancelled, failed, incomplete, expired)
//! ```
//!
//! A run goes on when somebody reads it or its thread. Every step writes the run only if nobody else did since it was
//! read, so any number of processes may try. What must not be done twice (creating a response) is done by who holds the
//! run's lease, after noting that it will be; should that one be killed, the next reader after the lease finds the note.
//! In `closing` the conversation is put in order: a function call without an output would make the next response fail.

use std::time::Duration;

use openai_mcp_kernel::events::Streamed;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::patience;

use super::db::{Db, News, Phase, Run, SENT};
use super::items::{self, Reading};
use super::upstream::{
    ConversationCreate, ConversationDelete, InputTokens, ResponseCancel, ResponseCreate, ResponseGet, VectorStoreGet,
};
use super::{Members as _, answer, content, conversation, list, now, request, text, threads};

/// How long one process may be at work on a run without writing it, in seconds.
pub(super) const LEASE: i64 = 120;
/// How long a run waits for the outputs of functions, in seconds.
const PATIENCE: i64 = 600;
/// Pause before a conversation that is busy is tried again, in seconds.
const BUSY: i64 = 2;
/// How often putting a conversation in order is tried before the run ends all the same.
const TRIES: u64 = 5;
/// Fewest tokens that a response may be limited to.
const FEWEST: i64 = 16;
/// How long files that were just attached may take to be indexed before a run goes without them.
const INDEXING: Duration = Duration::from_secs(60);

/// Brings the active run of a thread up to date, and gives it if it is active still.
pub(super) async fn settle(db: &Db<'_>, thread: &str) -> Result<Option<Run>> {
    let Some(run) = db.active_run(thread).await? else { return Ok(None) };
    let run = refresh(db, run).await?;
    Ok((run.phase != Phase::Done).then_some(run))
}

/// Fails while a run holds a thread, with the `refusal` that names the run.
pub(super) async fn free(db: &Db<'_>, thread: &str, refusal: impl Fn(&str) -> String) -> Result<()> {
    match settle(db, thread).await? {
        Some(run) => Err(held(&run, refusal)),
        None => Ok(()),
    }
}

/// That a run holds its thread, and what ends that.
pub(super) fn held(run: &Run, refusal: impl Fn(&str) -> String) -> Error {
    let next = match run.phase {
        Phase::Waiting => "run-submit-tool-outputs gives it what it waits for",
        _ => "run-wait waits for its end",
    };
    Error::refusal(400, format!("{}\nhint: {next}, run-cancel ends it", refusal(&run.id)))
}

/// A run, up to date.
pub(super) async fn fresh(db: &Db<'_>, thread: &str, run: &str) -> Result<Run> {
    db.thread(thread).await?;
    refresh(db, db.run(thread, run).await?).await
}

async fn refresh(db: &Db<'_>, mut run: Run) -> Result<Run> {
    let now = now(db.cx);
    match run.phase {
        // To bring it up to date is to write: where nothing may change, it is shown as it was last seen.
        _ if db.cx.read_only() => Ok(run),
        Phase::Done => Ok(run),
        Phase::Running => poll(db, run).await,
        Phase::Waiting if run.doc.at("expires_at").as_i64().is_some_and(|at| at <= now) => {
            end(db, run, json!({"status": "expired"}), News::default()).await
        }
        Phase::Waiting => Ok(run),
        _ if run.lease > now => Ok(run),
        phase => {
            run.lease = now + LEASE;
            if !db.write(&mut run, &News::default()).await? {
                return reload(db, &run).await;
            }
            match phase {
                Phase::Closing => close(db, run).await,
                _ if run.work.at("posted").is_i64() => recover(db, run).await,
                _ if *run.work.at("cancel") == true => cancelled(db, run).await,
                _ => go(db, run, false).await,
            }
        }
    }
}

async fn reload(db: &Db<'_>, run: &Run) -> Result<Run> {
    db.run(&run.thread, &run.id).await
}

/// Why a run did not go on.
enum Stop {
    /// Somebody else has it.
    Lost,
    /// It ends so.
    End(Value),
    /// It was not accepted.
    Refused(Error),
    /// Nobody knows whether it was: time will tell.
    Unknown,
    /// We cannot go on.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Connection => Stop::Unknown,
            Kind::Store => Stop::Failed(error),
            _ => Stop::Refused(error),
        }
    }
}

/// Creates the next response of a run whose lease we hold: of one that starts, or one that got its outputs.
pub(super) async fn go(db: &Db<'_>, mut run: Run, stream: bool) -> Result<Run> {
    let outcome = async {
        if run.phase == Phase::Starting {
            // Nothing was asked for yet, so a broken connection leaves nothing behind.
            prepare(db, &mut run).await.map_err(|stop| match stop {
                Stop::Unknown => Stop::Refused(Error::new(Kind::Connection, "openai could not be reached")),
                stop => stop,
            })?;
        }
        let body = body(db, &run).await?;
        match create(db, &mut run, body.clone(), stream).await {
            Err(Stop::Refused(error)) if error.to_string().contains("No tool output found") => {
                // An earlier response that we lost sight of left a call open.
                if let Some(tail) = heal(db, &run, None).await? {
                    run.work.put("tail", json!(tail));
                    run.work.put("since", json!(tail));
                }
                create(db, &mut run, body, stream).await
            }
            outcome => outcome,
        }
    };
    match outcome.await {
        Ok(response) => {
            let run = apply(db, run, &response).await?;
            let stopped = run.phase == Phase::Running && *run.work.at("cancel") == true;
            if stopped { stop(db, run).await } else { Ok(run) }
        }
        Err(Stop::Lost) => {
            let run = reload(db, &run).await?;
            // Whoever cancels a run leaves it to us, who know what is under way.
            let ours = matches!(run.phase, Phase::Starting | Phase::Submitting) && *run.work.at("cancel") == true;
            if ours { cancelled(db, run).await } else { Ok(run) }
        }
        Err(Stop::End(ending)) => end(db, run, ending, News::default()).await,
        Err(Stop::Refused(error)) => fail(db, run, &error).await,
        Err(Stop::Unknown) => reload(db, &run).await,
        Err(Stop::Failed(error)) => Err(error),
    }
}

async fn cancelled(db: &Db<'_>, run: Run) -> Result<Run> {
    end(db, run, json!({"status": "cancelled"}), News::default()).await
}

async fn fail(db: &Db<'_>, run: Run, error: &Error) -> Result<Run> {
    let code = if error.kind() == Kind::Status(429) { "rate_limit_exceeded" } else { "server_error" };
    let ending = json!({"status": "failed", "last_error": {"code": code, "message": error.to_string()}});
    end(db, run, ending, News::default()).await
}

/// Brings the messages of the thread into the conversation that the run is to go on.
async fn prepare(db: &Db<'_>, run: &mut Run) -> Result<(), Stop> {
    let thread = db.thread(&run.thread).await?;
    let (conversation, tail) = match run.doc.pointer("/truncation_strategy/last_messages").and_then(Value::as_i64) {
        None => {
            let conversation = threads::conversation(db, &thread).await?;
            let gone = db.gone(&thread.id).await?;
            for message in &gone {
                conversation::remove(db, &thread, message).await?;
            }
            // With a message may have gone the last item that we knew of.
            let thread = if gone.is_empty() { thread.clone() } else { db.thread(&thread.id).await? };
            let tail = deliver(db, &thread.id, &conversation, thread.tail).await?;
            (conversation, tail)
        }
        // A response sees the whole of a conversation: to see the last messages alone it needs one of its own.
        Some(count) => {
            run.work.put("aside", json!(true));
            let messages = db.last_messages(&thread.id, count).await?;
            let made = json!({"metadata": {"thread_id": thread.id, "run_id": run.id}});
            let made = db.cx.send(&ConversationCreate::SPEC, made).value().await?;
            let conversation = text(&made, "id").to_owned();
            let items: Vec<Value> = messages.iter().map(|message| content::item(&message.doc)).collect();
            let mut tail = None;
            for items in items.chunks(conversation::ITEMS) {
                tail = conversation::add(db, &conversation, items).await?.pop();
            }
            (conversation, tail)
        }
    };
    run.work.put("conversation", json!(conversation));
    run.work.put("since", json!(tail));
    run.work.put("tail", json!(tail));
    let started = db.cx.monotonic();
    for store in threads::resources(&[&thread.doc], "file_search", "vector_store_ids") {
        loop {
            let store = match db.cx.send(&VectorStoreGet::SPEC, json!({"vector_store_id": store})).value().await {
                Ok(store) => store,
                // A run whose store is gone fails with what OpenAI says of that.
                Err(_) => break,
            };
            let indexing = store.pointer("/file_counts/in_progress").and_then(Value::as_u64).unwrap_or_default() > 0;
            if !indexing || db.cx.left(started + INDEXING).is_zero() {
                break;
            }
            db.cx.tell("indexing attached files");
            db.cx.sleep(db.cx.poll_pause()).await;
        }
    }
    Ok(())
}

/// Makes items of the messages that are none yet, and gives the last item of the conversation.
async fn deliver(db: &Db<'_>, thread: &str, conversation: &str, mut tail: Option<String>) -> Result<Option<String>> {
    if let Some(arrived) = conversation::reconcile(db, thread, conversation, tail.as_deref()).await? {
        tail = Some(arrived);
    }
    let waiting = db.undelivered(thread).await?;
    for messages in waiting.chunks(conversation::ITEMS) {
        let sent: Vec<_> = messages.iter().map(|message| (message.id.as_str(), Some(SENT))).collect();
        db.set_items(&sent).await?;
        let items: Vec<Value> = messages.iter().map(|message| content::item(&message.doc)).collect();
        let ids = match conversation::add(db, conversation, &items).await {
            Ok(ids) => ids,
            Err(error) => {
                // What may have arrived is looked for before it is sent again.
                if !error.perhaps_carried_out() {
                    let unsent: Vec<_> = messages.iter().map(|message| (message.id.as_str(), None)).collect();
                    db.set_items(&unsent).await?;
                }
                return Err(error);
            }
        };
        if ids.len() != messages.len() {
            return Err(answer("a list of the items that were added"));
        }
        let pairs: Vec<_> =
            messages.iter().zip(&ids).map(|(message, item)| (message.id.as_str(), Some(item.as_str()))).collect();
        db.set_items(&pairs).await?;
        if let Some(last) = ids.last() {
            db.set_tail(thread, Some(last)).await?;
            tail = Some(last.clone());
        }
    }
    Ok(tail)
}

/// What the next response is asked for, unless the run has used up what it may.
async fn body(db: &Db<'_>, run: &Run) -> Result<Value, Stop> {
    let mut body = run.work.at("config").clone();
    body.put("conversation", run.work.at("conversation").clone());
    let outputs: Vec<Value> = list(&run.work, "outputs")
        .map(
            |output| json!({"type": "function_call_output", "call_id": output.at("id"), "output": output.at("output")}),
        )
        .collect();
    if !outputs.is_empty() {
        body.put("input", Value::Array(outputs));
        // A choice that forces a call is met by now; forced again, the run would never end.
        if body.at("tool_choice") != "none" {
            body.as_object_mut().map(|body| body.remove("tool_choice"));
        }
    }
    let spent = |kind: &str| run.work.at("spent").at(kind).as_i64().unwrap_or_default();
    let over = |reason: &str| Stop::End(json!({"status": "incomplete", "reason": reason}));
    if let Some(most) = run.doc.at("max_completion_tokens").as_i64() {
        let left = most - spent("completion_tokens");
        if left < FEWEST {
            return Err(over("max_completion_tokens"));
        }
        body.put("max_output_tokens", json!(left));
    }
    if let Some(most) = run.doc.at("max_prompt_tokens").as_i64() {
        let mut count = body.clone();
        for name in ["include", "max_output_tokens", "temperature", "top_p"] {
            count.as_object_mut().map(|count| count.remove(name));
        }
        let counted = db.cx.send(&InputTokens::SPEC, count).value().await?;
        let counted = counted.at("input_tokens").as_i64().ok_or_else(|| answer("a count of tokens"))?;
        if spent("prompt_tokens") + counted > most {
            return Err(over("max_prompt_tokens"));
        }
    }
    body.put("background", json!(true));
    body.put("store", json!(true));
    body.put("metadata", json!({"thread_id": run.thread, "run_id": run.id}));
    Ok(body)
}

/// Creates a response, and notes before and after that it did. A streamed one is followed to its end.
async fn create(db: &Db<'_>, run: &mut Run, mut body: Value, stream: bool) -> Result<Value, Stop> {
    run.work.put("posted", json!(now(db.cx)));
    run.work.put("doubt", Value::Null);
    run.lease = now(db.cx) + LEASE;
    if !db.write(run, &News::default()).await? {
        return Err(Stop::Lost);
    }
    if !stream {
        let response = match db.cx.send(&ResponseCreate::SPEC, body).value().await {
            Ok(response) => response,
            Err(error) => return Err(doubt(db, run, error).await),
        };
        begun(db, run, &response).await?;
        return Ok(response);
    }
    body.put("stream", json!(true));
    let mut events = match db.cx.send(&ResponseCreate::SPEC, body).streamed().await {
        Ok(Streamed::Events(events)) => events,
        Ok(Streamed::Whole(response)) => {
            begun(db, run, &response).await?;
            return Ok(response);
        }
        Err(error) => return Err(doubt(db, run, error).await),
    };
    let mut latest = Value::Null;
    loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            // The response goes on without its stream.
            Err(_) if latest.is_object() => return Err(Stop::Unknown),
            // An event says that it was not accepted.
            Err(error) if error.kind() == Kind::Answer => return Err(Stop::Refused(error)),
            Err(error) => return Err(doubt(db, run, error).await),
        };
        let Ok(event) = serde_json::from_slice::<Value>(&event.data) else { continue };
        if text(&event, "type") == "response.output_text.delta" {
            db.cx.tell_text(text(&event, "delta"));
        }
        if event.at("response").is_object() {
            if latest.is_null() {
                begun(db, run, event.at("response")).await?;
            }
            latest = event.at("response").clone();
        }
    }
    db.cx.flush_text();
    match latest {
        Value::Null => Err(doubt(db, run, answer("a stream of a response")).await),
        latest => Ok(latest),
    }
}

/// Why a run does not go on whose response was asked for and not had. What OpenAI did not refuse it may have begun, and
/// charges for: that is noted, for whoever reads the run next to look for it.
async fn doubt(db: &Db<'_>, run: &mut Run, error: Error) -> Stop {
    if !error.perhaps_carried_out() {
        return error.into();
    }
    run.work.put("doubt", json!(error.to_string()));
    run.lease = now(db.cx) + LEASE / 4;
    match db.write(run, &News::default()).await {
        Ok(_) => Stop::Unknown,
        Err(error) => Stop::Failed(error),
    }
}

/// Notes the response that was created.
async fn begun(db: &Db<'_>, run: &mut Run, response: &Value) -> Result<(), Stop> {
    let id = text(response, "id");
    if id.is_empty() {
        return Err(doubt(db, run, answer("a response")).await);
    }
    run.response = Some(id.to_owned());
    run.phase = Phase::Running;
    run.work.put("posted", Value::Null);
    if db.write(run, &News::default()).await? {
        return Ok(());
    }
    if let Ok(mut latest) = reload(db, run).await
        && matches!(latest.phase, Phase::Starting | Phase::Submitting)
        && *latest.work.at("cancel") == true
    {
        latest.response = Some(id.to_owned());
        latest.phase = Phase::Running;
        latest.work.put("posted", Value::Null);
        if db.write(&mut latest, &News::default()).await? {
            *run = latest;
            return Ok(());
        }
    }
    // Somebody ended the run. What runs on is of no use; that it has ended already is as good.
    let _ = db.cx.send(&ResponseCancel::SPEC, json!({"response_id": id})).bytes().await;
    Err(Stop::Lost)
}

/// Asks how the response of a run is getting on.
async fn poll(db: &Db<'_>, run: Run) -> Result<Run> {
    let mut get = json!({"response_id": run.response});
    if run.work.at("config").at("include").is_array() {
        get.put("include", json!(request::INCLUDE));
    }
    match db.cx.send(&ResponseGet::SPEC, get).value().await {
        Ok(response) => apply(db, run, &response).await,
        Err(error) if error.kind() == Kind::Status(404) => fail(db, run, &error).await,
        Err(error) => Err(error),
    }
}

/// Takes in what a response says.
async fn apply(db: &Db<'_>, mut run: Run, response: &Value) -> Result<Run> {
    let at = now(db.cx);
    match text(response, "status") {
        "queued" | "in_progress"
            if run.doc.at("status") == "cancelling" || run.doc.at("status") == response.at("status") =>
        {
            Ok(run)
        }
        status @ ("queued" | "in_progress") => {
            if status == "in_progress" {
                started(&mut run, at);
            }
            run.doc.put("status", json!(status));
            written(db, run, News::default()).await
        }
        "completed" => {
            let reading = items::read(&run, response, at, None);
            let calls = reading.calls.clone();
            let news = take(&mut run, response, reading);
            if calls.is_empty() {
                run.phase = Phase::Done;
                run.doc.put("status", json!("completed"));
                run.doc.put("completed_at", json!(at));
                run.doc.put("usage", run.work.at("spent").clone());
                let run = written(db, run, news).await?;
                leave(db, &run).await;
                return Ok(run);
            }
            if run.work.at("cancel") == true {
                return end(db, run, json!({"status": "cancelled"}), news).await;
            }
            run.phase = Phase::Waiting;
            run.doc.put("status", json!("requires_action"));
            run.doc.put("expires_at", json!(at + PATIENCE));
            run.doc.put(
                "required_action",
                json!({"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}),
            );
            written(db, run, news).await
        }
        "incomplete" => {
            let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
            let (of_message, of_run) = match reason {
                Some("max_output_tokens") => ("max_tokens", "max_completion_tokens"),
                _ => ("content_filter", "content_filter"),
            };
            let reading = items::read(&run, response, at, Some(of_message));
            let news = take(&mut run, response, reading);
            end(db, run, json!({"status": "incomplete", "reason": of_run}), news).await
        }
        "cancelled" => {
            let news = take(&mut run, response, Reading::default());
            end(db, run, json!({"status": "cancelled"}), news).await
        }
        "failed" => {
            let news = take(&mut run, response, Reading::default());
            let code = response.pointer("/error/code").and_then(Value::as_str);
            let code = code.filter(|code| matches!(*code, "rate_limit_exceeded" | "invalid_prompt"));
            let code = code.unwrap_or("server_error");
            let message = response.pointer("/error/message").and_then(Value::as_str).unwrap_or("the response failed");
            end(db, run, json!({"status": "failed", "last_error": {"code": code, "message": message}}), news).await
        }
        // What OpenAI calls otherwise one day goes on until it ends or is cancelled: an error would lock the thread.
        _ => Ok(run),
    }
}

fn started(run: &mut Run, at: i64) {
    if run.doc.at("started_at").is_null() {
        run.doc.put("started_at", json!(at));
    }
}

/// Takes what was read and what it cost into the run, and gives what is to be written with it.
fn take(run: &mut Run, response: &Value, reading: Reading) -> News {
    // It was not seen at work.
    let created = run.doc.at("created_at").as_i64().unwrap_or_default();
    started(run, created);
    let usage = items::usage(response);
    for kind in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        let spent = run.work.at("spent").at(kind).as_i64().unwrap_or_default();
        run.work.at_mut("spent").put(kind, json!(spent + usage.at(kind).as_i64().unwrap_or_default()));
    }
    // Its outputs are in the conversation now.
    run.work.put("outputs", json!([]));
    let mut news = News { messages: reading.messages, steps: reading.steps, tail: None };
    if let Some(tail) = reading.tail {
        run.work.put("tail", json!(tail));
        news.tail = (run.work.at("aside") != true).then_some(tail);
    }
    if run.work.at("aside") == true {
        // What was said aside becomes items of the thread's own conversation before its next run.
        news.messages.iter_mut().for_each(|(_, item)| *item = None);
    }
    news
}

async fn written(db: &Db<'_>, mut run: Run, news: News) -> Result<Run> {
    if db.write(&mut run, &news).await? { Ok(run) } else { reload(db, &run).await }
}

/// Begins to end a run that does not succeed, and ends it if its conversation can be put in order now.
async fn end(db: &Db<'_>, mut run: Run, ending: Value, news: News) -> Result<Run> {
    run.phase = Phase::Closing;
    run.lease = now(db.cx) + LEASE;
    if ending.at("status") == "cancelled" {
        run.doc.put("status", json!("cancelling"));
    }
    run.doc.put("required_action", Value::Null);
    run.work.put("ending", ending);
    if !db.write(&mut run, &news).await? {
        return reload(db, &run).await;
    }
    close(db, run).await
}

/// Puts the conversation in order and ends the run.
async fn close(db: &Db<'_>, mut run: Run) -> Result<Run> {
    let at = now(db.cx);
    let mut news = News::default();
    if run.work.at("aside") != true && run.work.at("conversation").is_string() {
        match heal(db, &run, run.work.at("since").as_str()).await {
            Ok(tail) => news.tail = tail,
            Err(error) if error.kind() == Kind::Status(404) => {}
            Err(error) => {
                // What is still at work there ends some time, and what fails may pass; a thread locked for ever is worse
                // than a call without an output, which the next run finds.
                let tries = run.work.at("tries").as_u64().unwrap_or_default();
                let locked = error.to_string().contains("conversation_locked");
                if locked || tries < TRIES {
                    run.work.put("tries", json!(tries + u64::from(!locked)));
                    run.lease = at + BUSY;
                    return written(db, run, News::default()).await;
                }
            }
        }
    }
    let ending = run.work.at("ending").clone();
    let status = text(&ending, "status");
    run.phase = Phase::Done;
    run.doc.put("status", json!(status));
    run.doc.put("usage", run.work.at("spent").clone());
    let column = match status {
        "cancelled" => Some("cancelled_at"),
        "failed" => Some("failed_at"),
        "expired" => Some("expired_at"),
        _ => None,
    };
    match status {
        "cancelled" => run.doc.put("cancelled_at", json!(at)),
        "failed" => {
            run.doc.put("failed_at", json!(at));
            run.doc.put("last_error", ending.at("last_error").clone());
        }
        "incomplete" => run.doc.put("incomplete_details", json!({"reason": ending.at("reason")})),
        _ => {}
    }
    if status != "expired" {
        run.doc.put("expires_at", Value::Null);
    }
    for mut step in db.steps(&run.id).await?.into_iter().filter(|step| step.at("status") == "in_progress") {
        step.put("status", json!(if column.is_some() { status } else { "failed" }));
        step.put(column.unwrap_or("failed_at"), json!(at));
        news.steps.push(step);
    }
    let run = written(db, run, news).await?;
    leave(db, &run).await;
    Ok(run)
}

/// Gives every open function call of a conversation an output: the one that was submitted, or that there is none.
async fn heal(db: &Db<'_>, run: &Run, since: Option<&str>) -> Result<Option<String>> {
    let conversation = text(&run.work, "conversation");
    let found = conversation::newer(db, conversation, since).await?;
    let answered = |call: &Value| {
        found.iter().any(|item| item.at("type") == "function_call_output" && item.at("call_id") == call.at("call_id"))
    };
    let open: Vec<Value> = found
        .iter()
        .filter(|item| item.at("type") == "function_call" && !answered(item))
        .map(|call| {
            let given = list(&run.work, "outputs").find(|output| output.at("id") == call.at("call_id"));
            let output =
                given.map_or_else(|| json!("cancelled: the call was not carried out"), |it| it.at("output").clone());
            json!({"type": "function_call_output", "call_id": call.at("call_id"), "output": output})
        })
        .collect();
    let mut tail = found.last().map(|item| text(item, "id").to_owned());
    for items in open.chunks(conversation::ITEMS) {
        tail = conversation::add(db, conversation, items).await?.pop();
    }
    Ok(tail)
}

/// Throws away the conversation that a run had aside. That it stays, should this fail, disturbs nobody.
async fn leave(db: &Db<'_>, run: &Run) {
    if run.phase == Phase::Done && run.work.at("aside") == true {
        let conversation = json!({"conversation_id": run.work.at("conversation")});
        let _ = db.cx.send(&ConversationDelete::SPEC, conversation).bytes().await;
    }
}

/// Goes on where somebody was killed while they created a response, or got no answer, so that nobody knows its id: when it
/// is through, its items are in the conversation. If that does not come to pass, it was never created or failed, and so has
/// the run.
async fn recover(db: &Db<'_>, mut run: Run) -> Result<Run> {
    let found = match conversation::newer(db, text(&run.work, "conversation"), run.work.at("tail").as_str()).await {
        Ok(found) => found,
        Err(error) if error.kind() == Kind::Status(404) => Vec::new(),
        Err(error) => return Err(error),
    };
    let own = |item: &Value| item.at("type") == "function_call_output" || item.at("role") == "user";
    let output: Vec<Value> = found.into_iter().filter(|item| !own(item)).collect();
    if !output.is_empty() {
        return apply(db, run, &json!({"status": "completed", "output": output})).await;
    }
    if *run.work.at("cancel") == true {
        return cancelled(db, run).await;
    }
    let at = now(db.cx);
    if run.work.at("posted").as_i64().is_some_and(|posted| at < posted + PATIENCE) {
        run.lease = at + LEASE / 4;
        return written(db, run, News::default()).await;
    }
    let why = run.work.at("doubt").as_str().unwrap_or("the server was stopped while it created it");
    let message = format!("nothing was found of the response: {why}");
    let ending = json!({"status": "failed", "last_error": {"code": "server_error", "message": message}});
    end(db, run, ending, News::default()).await
}

/// Cancels a run that is active.
pub(super) async fn cancel(db: &Db<'_>, run: Run) -> Result<Run> {
    let mut run = refresh(db, run).await?;
    match run.phase {
        Phase::Done => {
            Err(Error::refusal(400, format!("Cannot cancel run with status '{}'", text(&run.doc, "status"))))
        }
        Phase::Closing => Ok(run),
        Phase::Waiting => cancelled(db, run).await,
        phase => {
            run.work.put("cancel", json!(true));
            run.doc.put("status", json!("cancelling"));
            if !db.write(&mut run, &News::default()).await? {
                return reload(db, &run).await;
            }
            if phase != Phase::Running {
                return Ok(run);
            }
            stop(db, run).await
        }
    }
}

/// Cancels the response of a run.
async fn stop(db: &Db<'_>, run: Run) -> Result<Run> {
    match db.cx.send(&ResponseCancel::SPEC, json!({"response_id": run.response})).value().await {
        Ok(response) => apply(db, run, &response).await,
        // It ended before.
        Err(error) if matches!(error.kind(), Kind::Status(400 | 404 | 409)) => poll(db, run).await,
        Err(error) => Err(error),
    }
}

/// Gives a run that waits the outputs of its function calls.
pub(super) async fn submit(db: &Db<'_>, run: Run, outputs: &Value, stream: bool) -> Result<Run> {
    let mut run = refresh(db, run).await?;
    if run.phase != Phase::Waiting {
        return Err(Error::refusal(
            400,
            format!("Runs in status \"{}\" do not accept tool outputs", text(&run.doc, "status")),
        ));
    }
    let wanted: Vec<String> = run
        .doc
        .pointer("/required_action/submit_tool_outputs")
        .into_iter()
        .flat_map(|action| list(action, "tool_calls"))
        .map(|call| text(call, "id").to_owned())
        .collect();
    let given: Vec<(&str, &str)> = outputs
        .as_array()
        .into_iter()
        .flatten()
        .map(|output| (text(output, "tool_call_id"), text(output, "output")))
        .collect();
    let mut ids: Vec<&str> = given.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    let mut sorted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    if ids != sorted {
        let quoted = |ids: Vec<&str>| ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        let missing = quoted(sorted.iter().copied().filter(|id| !ids.contains(id)).collect());
        let told = given.iter().map(|(id, _)| *id).collect();
        let mut message = format!(
            "Expected tool outputs for call_ids [{}], got [{}]",
            quoted(wanted.iter().map(String::as_str).collect()),
            quoted(told)
        );
        if !missing.is_empty() {
            message.push_str(&format!("\nhint: the outputs of {missing} are missing; submit all of them at once"));
        }
        return Err(Error::refusal(400, message));
    }
    let at = now(db.cx);
    let mut news = News::default();
    for mut step in db.steps(&run.id).await?.into_iter().filter(|step| step.at("status") == "in_progress") {
        let calls = step.pointer_mut("/step_details/tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            let output = given.iter().find(|(id, _)| *id == text(call, "id")).map(|(_, output)| *output);
            call.at_mut("function").put("output", json!(output));
        }
        step.put("status", json!("completed"));
        step.put("completed_at", json!(at));
        news.steps.push(step);
    }
    run.work.put("outputs", given.iter().map(|(id, output)| json!({"id": id, "output": output})).collect());
    run.work.put("posted", Value::Null);
    run.phase = Phase::Submitting;
    run.lease = at + LEASE;
    run.doc.put("status", json!("queued"));
    run.doc.put("required_action", Value::Null);
    run.doc.put("expires_at", Value::Null);
    if !db.write(&mut run, &news).await? {
        return reload(db, &run).await;
    }
    go(db, run, stream).await
}

/// Follows a run whose response is at work until it is not, or for as long as a call waits.
pub(super) async fn follow(db: &Db<'_>, mut run: Run) -> Result<Run> {
    let until = db.cx.monotonic() + patience(None);
    while matches!(run.phase, Phase::Running) && !db.cx.left(until).is_zero() {
        db.cx.sleep(db.cx.poll_pause()).await;
        run = refresh(db, run).await?;
    }
    Ok(run)
}
