//! Runs, as tools ask for them; [`machine`] makes them go.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, Run, Table};
use super::{Members as _, content, given, id, machine, now, request, threads};

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = given(&args, "thread_id")?.to_owned();
    start(&db, &thread, &args).await
}

pub(crate) async fn create_with_thread(cx: &Context, mut args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    // What cannot be run needs no thread.
    request::run(&assistant(&db, &args).await?, &args)?;
    let thread = match args.remove("thread") {
        Some(Value::Object(thread)) => thread,
        None | Some(Value::Null) => Args::new(),
        Some(_) => return Err(Error::argument("thread", "expected an object")),
    };
    let thread = threads::add(&db, thread).await?;
    start(&db, super::text(&thread, "id"), &args).await
}

/// The assistant of a run, with the tool resources that the run has instead of the assistant's.
async fn assistant(db: &Db<'_>, args: &Args) -> Result<Value> {
    let mut assistant = db.get(Table::Assistants, given(args, "assistant_id")?, &[]).await?;
    if let Some(resources) = args.get("tool_resources").filter(|it| !it.is_null()) {
        assistant.put("tool_resources", resources.clone());
    }
    Ok(assistant)
}

async fn start(db: &Db<'_>, thread: &str, args: &Args) -> Result<Value> {
    let cx = db.cx;
    let assistant = assistant(db, args).await?;
    let mut doc = request::run(&assistant, args)?;
    doc.put("id", json!(id(cx, "run_", 0)));
    doc.put("thread_id", json!(thread));
    doc.put("created_at", json!(now(cx)));
    let mut more = Vec::new();
    for (nth, message) in args.get("additional_messages").and_then(Value::as_array).into_iter().flatten().enumerate() {
        more.push(content::new(cx, thread, message, nth)?);
    }
    let found = db.thread(thread).await?;
    free(db, thread).await?;
    let attached: Vec<String> = more.iter().flat_map(|message| content::attached(message, "file_search")).collect();
    threads::attach(db, &found, &attached).await?;
    let found = db.thread(thread).await?;
    let docs = [&assistant, &found.doc];
    let stores = threads::resources(&docs, "file_search", "vector_store_ids");
    let mut files = threads::resources(&docs, "code_interpreter", "file_ids");
    let attachments = db.with_attachments(thread).await?;
    for file in attachments
        .iter()
        .map(|message| &message.doc)
        .chain(&more)
        .flat_map(|message| content::attached(message, "code_interpreter"))
    {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let work = json!({"config": request::config(&doc, &stores, &files)?, "outputs": []});
    let run = loop {
        if let Some(run) = db.add_run(doc.clone(), work.clone(), machine::LEASE, &more).await? {
            break run;
        }
        // Somebody was faster: the thread is gone, or another run holds it.
        db.thread(thread).await?;
        free(db, thread).await?;
    };
    let stream = args.get("stream") == Some(&Value::Bool(true));
    followed(db, machine::go(db, run, stream).await?, stream).await
}

async fn free(db: &Db<'_>, thread: &str) -> Result<()> {
    machine::free(db, thread, |run| format!("Thread {thread} already has an active run {run}")).await
}

async fn followed(db: &Db<'_>, run: Run, stream: bool) -> Result<Value> {
    let run = if stream { machine::follow(db, run).await? } else { run };
    Ok(run.doc)
}

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    machine::settle(&db, &thread.id).await?;
    db.page(Table::Runs, &[("thread", &thread.id)], &args).await
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    Ok(machine::fresh(&db, given(&args, "thread_id")?, given(&args, "run_id")?).await?.doc)
}

pub(crate) async fn modify(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let (thread, id) = (given(&args, "thread_id")?, given(&args, "run_id")?);
    let run = machine::fresh(&db, thread, id).await?;
    if let Some(metadata) = args.get("metadata") {
        let metadata = if metadata.is_null() { &json!({}) } else { metadata };
        db.set_run_metadata(&run.id, metadata).await?;
    }
    Ok(db.run(thread, id).await?.doc)
}

pub(crate) async fn cancel(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let run = db.run(&thread.id, given(&args, "run_id")?).await?;
    Ok(machine::cancel(&db, run).await?.doc)
}

pub(crate) async fn submit(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let run = db.run(&thread.id, given(&args, "run_id")?).await?;
    let stream = args.get("stream") == Some(&Value::Bool(true));
    let run = machine::submit(&db, run, args.get("tool_outputs").unwrap_or(&Value::Null), stream).await?;
    followed(&db, run, stream).await
}
