//! Messages: rows of the store, which become items of the thread's conversation before its next run.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, SENT, Table};
use super::{Members as _, content, conversation, given, machine, threads};

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let message = content::new(cx, &thread.id, &Value::Object(args), 0)?;
    free(&db, &thread.id).await?;
    threads::attach(&db, &thread, &content::attached(&message, "file_search")).await?;
    while !db.add_message(&message).await? {
        // Somebody was faster: the thread is gone, or a run holds it.
        db.thread(&thread.id).await?;
        free(&db, &thread.id).await?;
    }
    Ok(message)
}

async fn free(db: &Db<'_>, thread: &str) -> Result<()> {
    machine::free(db, thread, |run| format!("Can't add messages to {thread} while a run {run} is active")).await
}

pub(crate) async fn list_page(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    machine::settle(&db, &thread.id).await?;
    let mut within = vec![("thread", thread.id.as_str()), ("gone", "0")];
    if let Some(run) = args.get("run_id").and_then(Value::as_str) {
        within.push(("run", run));
    }
    db.page(Table::Messages, &within, &args).await
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    Ok(db.message(&thread.id, given(&args, "message_id")?).await?.doc)
}

pub(crate) async fn modify(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let change = |doc: &mut Value| {
        if let Some(metadata) = args.get("metadata") {
            doc.put("metadata", if metadata.is_null() { json!({}) } else { metadata.clone() });
        }
        Ok(())
    };
    db.change(Table::Messages, given(&args, "message_id")?, &[("thread", &thread.id), ("gone", "0")], change).await
}

pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let id = given(&args, "thread_id")?;
    let held = |run: &str| format!("Can't delete messages of {id} while a run {run} is active");
    db.thread(id).await?;
    machine::free(&db, id, held).await?;
    let (mut thread, mut message) = (db.thread(id).await?, db.message(id, given(&args, "message_id")?).await?);
    if let (Some(SENT), Some(conversation)) = (message.item.as_deref(), &thread.conversation) {
        conversation::reconcile(&db, id, conversation, thread.tail.as_deref()).await?;
        (thread, message) = (db.thread(id).await?, db.message(id, &message.id).await?);
    }
    // From here on the message is gone, and the next run would see to it, too.
    if !db.mark_message(&thread.id, &message.id, true).await?
        && let Some(run) = db.active_run(&thread.id).await?
    {
        return Err(machine::held(&run, held));
    }
    if let Err(error) = conversation::remove(&db, &thread, &message).await {
        db.mark_message(&thread.id, &message.id, false).await?;
        return Err(error);
    }
    Ok(json!({"id": message.id, "object": "thread.message.deleted", "deleted": true}))
}
