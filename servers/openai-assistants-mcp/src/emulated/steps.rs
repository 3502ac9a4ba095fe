//! Run steps: rows of the store, written with the run they belong to.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, Table};
use super::{given, machine};

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let (thread, run) = (given(&args, "thread_id")?, given(&args, "run_id")?);
    machine::fresh(&db, thread, run).await?;
    let mut page = db.page(Table::Steps, &[("thread", thread), ("run", run)], &args).await?;
    for step in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        show(step, &args);
    }
    Ok(page)
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let (thread, run) = (given(&args, "thread_id")?, given(&args, "run_id")?);
    machine::fresh(&db, thread, run).await?;
    let mut step = db.get(Table::Steps, given(&args, "step_id")?, &[("thread", thread), ("run", run)]).await?;
    show(&mut step, &args);
    Ok(step)
}

/// Takes out what was found in files, unless `include` asks for it.
fn show(step: &mut Value, args: &Args) {
    if args.get("include").and_then(Value::as_array).is_some_and(|include| !include.is_empty()) {
        return;
    }
    let calls = step.pointer_mut("/step_details/tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten() {
        let results = call.pointer_mut("/file_search/results").and_then(Value::as_array_mut);
        for result in results.into_iter().flatten().filter_map(Value::as_object_mut) {
            result.remove("content");
        }
    }
}
