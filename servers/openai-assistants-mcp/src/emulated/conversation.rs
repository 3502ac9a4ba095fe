//! The conversation that stands behind a thread: its items, and which message each is.

use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;

use super::db::{Db, Message, SENT, Thread};
use super::upstream::{ItemCreate, ItemDelete, ItemList};
use super::{Members as _, content, list, text};

/// Most items that one request adds.
pub(super) const ITEMS: usize = 20;

/// Adds items to a conversation and gives their ids.
pub(super) async fn add(db: &Db<'_>, conversation: &str, items: &[Value]) -> Result<Vec<String>> {
    let added = db.cx.send(&ItemCreate::SPEC, json!({"conversation_id": conversation, "items": items})).value().await?;
    Ok(list(&added, "data").map(|item| text(item, "id").to_owned()).collect())
}

/// The items of a conversation after one of them, oldest first.
pub(super) async fn newer(db: &Db<'_>, conversation: &str, since: Option<&str>) -> Result<Vec<Value>> {
    let (mut found, mut pages): (Vec<Value>, _) = (Vec::new(), Pages::default());
    loop {
        let mut page = json!({"conversation_id": conversation, "limit": 100, "order": "desc"});
        if let Some(last) = found.last() {
            page.put("after", last.at("id").clone());
        }
        let page = pages.next(db.cx, &ItemList::SPEC, page).await?;
        for item in list(&page, "data") {
            if since == Some(text(item, "id")) {
                found.reverse();
                return Ok(found);
            }
            found.push(item.clone());
        }
        if page.at("has_more") != true || list(&page, "data").next().is_none() {
            found.reverse();
            return Ok(found);
        }
    }
}

/// Finds out what became of messages that somebody sent who was killed before they could note it: what arrived is in the
/// conversation, after the last item that we know of. Gives the last that did.
pub(super) async fn reconcile(
    db: &Db<'_>,
    thread: &str,
    conversation: &str,
    tail: Option<&str>,
) -> Result<Option<String>> {
    let sent = db.undelivered(thread).await?.into_iter().filter(|message| message.item.as_deref() == Some(SENT));
    let sent: Vec<_> = sent.collect();
    if sent.is_empty() {
        return Ok(None);
    }
    let mut found = newer(db, conversation, tail).await?.into_iter();
    let mut arrived = None;
    let mut pairs = Vec::new();
    for message in &sent {
        let item = content::item(&message.doc);
        let at = found.clone().position(|found| content::same(&item, &found));
        let item = at.and_then(|at| found.nth(at)).map(|found| text(&found, "id").to_owned());
        arrived = item.clone().or(arrived);
        pairs.push((message.id.as_str(), item));
    }
    let pairs: Vec<_> = pairs.iter().map(|(id, item)| (*id, item.as_deref())).collect();
    db.set_items(&pairs).await?;
    if let Some(tail) = &arrived {
        db.set_tail(thread, Some(tail)).await?;
    }
    Ok(arrived)
}

/// Removes a message that is gone from the conversation, and from the store.
pub(super) async fn remove(db: &Db<'_>, thread: &Thread, message: &Message) -> Result<()> {
    if let (Some(item), Some(conversation)) = (&message.item, &thread.conversation) {
        if thread.tail.as_ref() == Some(item) {
            let last = json!({"conversation_id": conversation, "limit": 2, "order": "desc"});
            let last = db.cx.send(&ItemList::SPEC, last).value().await?;
            let before = list(&last, "data").map(|item| text(item, "id")).find(|id| id != item);
            db.set_tail(&thread.id, before).await?;
        }
        let item = json!({"conversation_id": conversation, "item_id": item});
        match db.cx.send(&ItemDelete::SPEC, item).bytes().await {
            Err(error) if error.kind() != Kind::Status(404) => return Err(error),
            _ => {}
        }
    }
    db.delete_message(&message.id).await
}
