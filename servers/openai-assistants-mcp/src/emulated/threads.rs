//! Threads: rows of the store with a conversation each.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, Table, Thread};
use super::upstream::{ConversationCreate, ConversationDelete, ResponseCancel, VectorStoreCreate, VectorStoreFileAdd};
use super::{Members as _, answer, content, given, id, list, now, text};

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    add(&db, args).await
}

/// Makes a thread of `messages`, `tool_resources` and `metadata`.
pub(super) async fn add(db: &Db<'_>, args: Args) -> Result<Value> {
    let mut resources = args.get("tool_resources").cloned().unwrap_or_default();
    make_stores(db.cx, &mut resources, Some(7)).await?;
    let mut doc = json!({
        "id": id(db.cx, "thread_", 0),
        "object": "thread",
        "created_at": now(db.cx),
        "tool_resources": if resources.is_null() { json!({}) } else { resources },
        "metadata": args.get("metadata").filter(|it| !it.is_null()).cloned().unwrap_or_else(|| json!({})),
    });
    let mut first = Vec::new();
    for (nth, message) in args.get("messages").and_then(Value::as_array).into_iter().flatten().enumerate() {
        first.push(content::new(db.cx, text(&doc, "id"), message, nth)?);
    }
    let attached: Vec<String> = first.iter().flat_map(|message| content::attached(message, "file_search")).collect();
    if !attached.is_empty() {
        let store = file_search_store(&doc);
        let store = add_files(db.cx, store, &attached).await?;
        doc.at_mut("tool_resources").put("file_search", json!({"vector_store_ids": [store]}));
    }
    db.add_thread(&doc, &first).await?;
    let made = conversation(db, &db.thread(text(&doc, "id")).await?).await;
    if let Err(error) = made {
        // Nobody knows the thread yet; without a conversation it is better not there.
        db.purge_thread(text(&doc, "id")).await?;
        return Err(error);
    }
    Ok(doc)
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    Ok(Db::open(cx)?.thread(given(&args, "thread_id")?).await?.doc)
}

pub(crate) async fn modify(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let change = |doc: &mut Value| {
        for name in ["tool_resources", "metadata"] {
            if let Some(value) = args.get(name) {
                doc.put(name, if value.is_null() { json!({}) } else { value.clone() });
            }
        }
        Ok(())
    };
    db.change(Table::Threads, &thread.id, &[("deleted", "0")], change).await
}

/// Marks the thread, deletes its conversation, then its rows: called again, it goes on where it was interrupted.
pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.any_thread(given(&args, "thread_id")?).await?;
    db.mark_thread_deleted(&thread.id).await?;
    if let Some(response) = db.active_run(&thread.id).await?.and_then(|run| run.response) {
        // What runs on is of no use to anybody; that it has ended already is as good.
        let _ = cx.send(&ResponseCancel::SPEC, json!({"response_id": response})).bytes().await;
    }
    if let Some(conversation) = &thread.conversation {
        match cx.send(&ConversationDelete::SPEC, json!({"conversation_id": conversation})).bytes().await {
            Err(error) if error.kind() != Kind::Status(404) => return Err(error),
            _ => {}
        }
    }
    db.purge_thread(&thread.id).await?;
    Ok(json!({"id": thread.id, "object": "thread.deleted", "deleted": true}))
}

/// The conversation of a thread, made if there is none yet.
pub(super) async fn conversation(db: &Db<'_>, thread: &Thread) -> Result<String> {
    if let Some(conversation) = &thread.conversation {
        return Ok(conversation.clone());
    }
    let made = db.cx.send(&ConversationCreate::SPEC, json!({"metadata": {"thread_id": thread.id}})).value().await?;
    let conversation = text(&made, "id");
    match db.set_conversation(&thread.id, conversation).await? {
        Some(conversation) => Ok(conversation),
        None => Err(answer("a conversation")),
    }
}

/// The vector store of a thread's files.
fn file_search_store(doc: &Value) -> Option<String> {
    doc.pointer("/tool_resources/file_search/vector_store_ids/0")?.as_str().map(str::to_owned)
}

/// Adds files to a vector store, or to a new one, and tells which.
async fn add_files(cx: &Context, store: Option<String>, files: &[String]) -> Result<String> {
    let Some(store) = store else {
        let made = json!({"file_ids": files, "expires_after": {"anchor": "last_active_at", "days": 7}});
        return Ok(text(&cx.send(&VectorStoreCreate::SPEC, made).value().await?, "id").to_owned());
    };
    for file in files {
        cx.send(&VectorStoreFileAdd::SPEC, json!({"vector_store_id": store, "file_id": file})).bytes().await?;
    }
    Ok(store)
}

/// Adds files to the vector store of a thread, which gets one if it has none.
pub(super) async fn attach(db: &Db<'_>, thread: &Thread, files: &[String]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let had = file_search_store(&thread.doc);
    let store = add_files(db.cx, had.clone(), files).await?;
    if had.is_none() {
        let change = |doc: &mut Value| {
            let stores = match file_search_store(doc) {
                Some(other) => json!([other, store]),
                None => json!([store]),
            };
            if !doc.at("tool_resources").is_object() {
                doc.put("tool_resources", json!({}));
            }
            doc.at_mut("tool_resources").put("file_search", json!({"vector_store_ids": stores}));
            Ok(())
        };
        db.change(Table::Threads, &thread.id, &[("deleted", "0")], change).await?;
    }
    Ok(())
}

/// Makes the vector stores that `tool_resources` describes instead of naming them, and names them there.
pub(super) async fn make_stores(cx: &Context, resources: &mut Value, days: Option<u32>) -> Result<()> {
    let Some(search) = resources.get_mut("file_search").and_then(Value::as_object_mut) else { return Ok(()) };
    let Some(wanted) = search.remove("vector_stores") else { return Ok(()) };
    if search.get("vector_store_ids").and_then(Value::as_array).is_some_and(|ids| !ids.is_empty()) {
        return Err(Error::refusal(400, "Only one of `vector_store_ids` and `vector_stores` may be given"));
    }
    let mut made = Vec::new();
    for wanted in wanted.as_array().into_iter().flatten() {
        let mut store = wanted.clone();
        if let Some(days) = days {
            store.put("expires_after", json!({"anchor": "last_active_at", "days": days}));
        }
        made.push(cx.send(&VectorStoreCreate::SPEC, store).value().await?.at("id").clone());
    }
    search.insert("vector_store_ids".into(), Value::Array(made));
    Ok(())
}

/// The ids that an assistant's and a thread's `tool_resources` name for a tool, each once.
pub(super) fn resources(docs: &[&Value], tool: &str, member: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for doc in docs {
        let named = doc.get("tool_resources").and_then(|it| it.get(tool)).unwrap_or(&Value::Null);
        for id in list(named, member).filter_map(Value::as_str) {
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}
