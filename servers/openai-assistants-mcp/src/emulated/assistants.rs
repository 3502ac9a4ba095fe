//! Assistants: rows of the store.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, Table};
use super::upstream::ModelGet;
use super::{Members as _, given, id, now, request, threads};

/// What an assistant has besides id, kind and time, with what stands where nothing is given.
pub(super) fn fields() -> [(&'static str, Value); 11] {
    [
        ("model", Value::Null),
        ("name", Value::Null),
        ("description", Value::Null),
        ("instructions", Value::Null),
        ("tools", json!([])),
        ("tool_resources", json!({})),
        ("metadata", json!({})),
        ("temperature", json!(1.0)),
        ("top_p", json!(1.0)),
        ("response_format", json!("auto")),
        ("reasoning_effort", Value::Null),
    ]
}

pub(crate) async fn create(cx: &Context, mut args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    check(cx, &mut args).await?;
    let mut doc = json!({"id": id(cx, "asst_", 0), "object": "assistant", "created_at": now(cx)});
    for (name, usual) in fields() {
        doc.put(name, args.remove(name).filter(|value| !value.is_null()).unwrap_or(usual));
    }
    db.add_assistant(&doc).await?;
    Ok(doc)
}

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    Db::open(cx)?.page(Table::Assistants, &[], &args).await
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    Db::open(cx)?.get(Table::Assistants, given(&args, "assistant_id")?, &[]).await
}

pub(crate) async fn modify(cx: &Context, mut args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let assistant = given(&args, "assistant_id")?.to_owned();
    db.get(Table::Assistants, &assistant, &[]).await?;
    check(cx, &mut args).await?;
    let change = |doc: &mut Value| {
        for (name, usual) in fields() {
            if let Some(value) = args.get(name) {
                doc.put(name, if value.is_null() { usual } else { value.clone() });
            }
        }
        Ok(())
    };
    db.change(Table::Assistants, &assistant, &[], change).await
}

pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let id = given(&args, "assistant_id")?;
    Db::open(cx)?.delete_assistant(id).await?;
    Ok(json!({"id": id, "object": "assistant.deleted", "deleted": true}))
}

/// Refuses what no run could use, and makes the vector stores that are asked for.
async fn check(cx: &Context, args: &mut Args) -> Result<()> {
    for tool in args.get("tools").and_then(Value::as_array).into_iter().flatten() {
        request::tool(tool)?;
    }
    if let Some(format) = args.get("response_format") {
        request::format(format)?;
    }
    if let Some(model) = args.get("model").and_then(Value::as_str) {
        match cx.send(&ModelGet::SPEC, json!({"model": model})).bytes().await {
            Err(error) if error.kind() == Kind::Status(404) => {
                return Err(Error::refusal(400, format!("The requested model '{model}' does not exist")));
            }
            Err(error) if error.kind() == Kind::Status(401) || error.kind() == Kind::Key => return Err(error),
            // A key may lack the permission to ask, and have that to run.
            _ => {}
        }
    }
    if let Some(resources) = args.get_mut("tool_resources") {
        threads::make_stores(cx, resources, None).await?;
    }
    Ok(())
}
