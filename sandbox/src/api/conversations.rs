//! `/conversations` and their items.
//!
//! # Where it differs from the API
//!
//! While a response runs, its conversation can be read and have its metadata changed; everything else is refused as
//! `conversation_locked`. Items of types other than messages, function calls and their outputs are kept as they are given,
//! unchecked.

use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::api::history::{Conversation, Conversations, conversation as find, idle_conversation as find_idle, settle};
use crate::api::items::{self, Include};
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::{Json, Query};
use crate::shelf::{Paging, Shelf};
use crate::world::{Caller, now};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
const MOST_ITEMS: usize = 20;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/conversations", axum::routing::post(create))
        .route("/conversations/{id}", get(retrieve).post(update).delete(delete))
        .route("/conversations/{id}/items", get(list_items).post(create_items))
        .route("/conversations/{id}/items/{item_id}", get(retrieve_item).delete(delete_item))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

fn no_item(id: &str, item_id: &str) -> Error {
    Error::not_found(format!("Item with id '{item_id}' not found in conversation '{id}'."))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let items = items::read_list(&mut body, "items", MOST_ITEMS)?.unwrap_or_default();
    let metadata = body.labels("metadata", true)?.unwrap_or_default();
    body.finish()?;
    let mut world = account.world();
    let id = world.mint("conv_");
    let items = settle(&mut world, items, [].iter())?;
    let mut conversation = Conversation { created_at: now(), metadata, items: Shelf::default(), response: None };
    conversation.append(items);
    let shown = conversation.show(&id);
    world.of::<Conversations>().0.insert(id, conversation);
    Ok(Answer(shown))
}

async fn retrieve(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    Ok(Answer(find(&mut account.world(), &id)?.show(&id)))
}

async fn update(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    body.required("metadata", body.mentions("metadata").then_some(()))?;
    let metadata = body.labels("metadata", true)?.unwrap_or_default();
    body.finish()?;
    let mut world = account.world();
    let conversation = find(&mut world, &id)?;
    conversation.metadata = metadata;
    Ok(Answer(conversation.show(&id)))
}

async fn delete(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    find_idle(&mut world, &id)?;
    world.of::<Conversations>().0.remove(&id);
    Ok(Answer(json!({"id": id, "object": "conversation.deleted", "deleted": true})))
}

async fn list_items(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let page = Paging::NEWEST.read(&mut query)?;
    let include = Include::read(&mut query)?;
    query.finish()?;
    find(&mut account.world(), &id)?.items.page(&page, |_, item| Some(include.show(item))).map(Answer)
}

async fn create_items(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let include = Include::read(&mut query)?;
    query.finish()?;
    let items = items::read_list(&mut body, "items", MOST_ITEMS)?;
    let items = body.required("items", items)?;
    body.finish()?;
    let mut world = account.world();
    let before = find_idle(&mut world, &id)?.items();
    let items = settle(&mut world, items, before.iter())?;
    let data: Vec<Value> = items.iter().map(|item| include.show(item)).collect();
    find(&mut world, &id)?.append(items);
    let id_of = |item: Option<&Value>| item.map(|item| text(item, "id").to_owned());
    let (first_id, last_id) = (id_of(data.first()), id_of(data.last()));
    Ok(Answer(json!({"object": "list", "data": data, "first_id": first_id, "last_id": last_id, "has_more": false})))
}

async fn retrieve_item(
    Extension(account): Caller,
    Path((id, item_id)): Path<(String, String)>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let include = Include::read(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    let item = find(&mut world, &id)?.items.get(&item_id).ok_or_else(|| no_item(&id, &item_id))?;
    Ok(Answer(include.show(item)))
}

async fn delete_item(Extension(account): Caller, Path((id, item_id)): Path<(String, String)>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let conversation = find_idle(&mut world, &id)?;
    conversation.items.remove(&item_id).ok_or_else(|| no_item(&id, &item_id))?;
    Ok(Answer(conversation.show(&id)))
}
