//! The items of a run, as the API shows them.

use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;

use super::db::{Db, Item, Run};
use super::{Args, Members as _, given, sample};

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let run = db.run(given(&args, "eval_id")?, given(&args, "run_id")?).await?;
    let (items, has_more) = db.items(&run.id, &args, false).await?;
    Ok(json::page(items.iter().map(|item| show(&run, item)).collect(), has_more))
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let run = db.run(given(&args, "eval_id")?, given(&args, "run_id")?).await?;
    Ok(show(&run, &db.item(&run.id, given(&args, "output_item_id")?).await?))
}

fn show(run: &Run, item: &Item) -> Value {
    let mut shown = json!({
        "id": item.id, "object": "eval.run.output_item", "run_id": run.id, "eval_id": run.eval,
        "created_at": run.doc.at("created_at"), "status": item.stage, "datasource_item_id": item.row,
        "datasource_item": item.doc.at("item"),
        "results": item.work.get("results").cloned().unwrap_or_else(|| json!([])),
        "sample": item.work.get("sample").cloned().unwrap_or_else(sample::empty),
    });
    for (name, value) in
        [("errors", item.work.at("errors")), ("repeat", item.doc.at("repeat")), ("lost_attempts", item.work.at("lost"))]
    {
        if !value.is_null() {
            shown.put(name, value.clone());
        }
    }
    shown
}
