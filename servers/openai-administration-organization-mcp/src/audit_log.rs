//! What was changed, and by whom. <https://platform.openai.com/docs/api-reference/audit-logs>

use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::json;
use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use openai_mcp_kernel::time;

tools![List];

/// Most events that a call writes to a file: some 50 MB.
const MOST: usize = 50_000;
/// Events that are fetched at once for a file.
const PAGE: u32 = 100;
/// Most characters of what a line says of an event.
const LONGEST: usize = 300;

/// List who changed what, a line an event, the newest first.
///
/// save_to writes all pages to a file, as JSON Lines.
#[tool("audit-log-list", GET "/organization/audit_logs", run, saves)]
struct List {
    /// As rate_limit.updated, api_key.created, login.failed.
    event_types: Option<Vec<String>>,
    #[read]
    effective_at: Option<Range>,
    actor_emails: Option<Vec<String>>,
    /// Of users, service accounts or keys.
    actor_ids: Option<Vec<String>>,
    project_ids: Option<Vec<String>>,
    /// What was changed.
    resource_ids: Option<Vec<String>>,
    tenant_only: Option<bool>,
    limit: Option<Int<1, 100>>,
    after: Option<String>,
    before: Option<String>,
    #[local]
    save_to: Option<String>,
    #[local]
    full: Option<bool>,
}

/// Unix seconds or ISO 8601.
#[shape(read)]
struct Range {
    gte: Option<Time>,
    gt: Option<Time>,
    lte: Option<Time>,
    lt: Option<Time>,
}

impl Range {
    /// As the API has it, in seconds.
    fn wire(&self) -> Value {
        let bounds = [("gte", self.gte), ("gt", self.gt), ("lte", self.lte), ("lt", self.lt)];
        bounds.into_iter().filter_map(|(name, time)| Some((name, time?.0))).collect()
    }
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut arguments = cx.arguments().clone();
        if let Some(range) = &self.effective_at {
            arguments = arguments.set("effective_at", range.wire());
        }
        if let Some(path) = self.save_to {
            return save_all(&cx, arguments, path).await;
        }
        let page = cx.send(&Self::SPEC, arguments);
        if self.full == Some(true) {
            return page.bytes().await.map(Output::Json);
        }
        let mut page = page.value().await?;
        for event in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
            *event = json!({"id": event.get("id"), "event": line(event)});
        }
        Ok(Output::json(&page))
    }
}

/// Writes page after page to a file, and tells what is in it.
async fn save_all(cx: &Context, arguments: Arguments, path: String) -> Result<Output> {
    save::format(Some(&path), ("", Some("jsonl")), &[("jsonl", &["jsonl", "ndjson"])])?;
    cx.reserve(Some(&path)).await?;
    let mut arguments = arguments.set("limit", PAGE);
    let mut pages = Pages::default();
    let (mut lines, mut count, mut span) = (String::new(), 0, (None, None));
    let next = loop {
        let page = pages.next(cx, &List::SPEC, arguments.clone()).await?;
        let events = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for event in events {
            lines += &json::text(event);
            lines.push('\n');
            let at = event.get("effective_at").and_then(Value::as_i64).map(time::iso);
            span.0 = span.0.or_else(|| at.clone());
            span.1 = at.or(span.1);
        }
        count += events.len();
        cx.progress(count as f64, None, &format!("{count} events"));
        let last = page.get("last_id").or_else(|| events.last()?.get("id")).and_then(Value::as_str);
        let more = page.get("has_more") == Some(&Value::Bool(true)) && !events.is_empty();
        match last.filter(|_| more) {
            None => break None,
            Some(last) if count >= MOST || cx.requests_left() == 0 => break Some(last.to_owned()),
            Some(last) => arguments = arguments.set("after", last),
        }
    };
    let saved = cx.save(path, Body::Full(lines.into())).await?;
    let mut told = json!({"saved_to": saved.show(), "events": count, "newest": span.0, "oldest": span.1});
    if let (Some(next), Some(told)) = (next, told.as_object_mut()) {
        told.insert(
            "note".to_owned(),
            format!("there are more: go on with `after`: \"{next}\" and another file").into(),
        );
    }
    Ok(Output::json(&told))
}

/// An event as a line: when, what, to which object, where, by whom, and how.
fn line(event: &Value) -> String {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let kind = text("/type").unwrap_or("?");
    // A dot in a name is none of a path.
    let details = event.get(kind).and_then(Value::as_object);
    let mut line = event.get("effective_at").and_then(Value::as_i64).map(time::iso).unwrap_or_default();
    line += " ";
    line += kind;
    if let Some(id) = details.and_then(|details| details.get("id")?.as_str()) {
        line += " ";
        line += id;
    }
    if let Some(id) = text("/project/id") {
        line += &match text("/project/name") {
            Some(name) => format!(" in {name} ({id})"),
            None => format!(" in {id}"),
        };
    }
    line += " by ";
    line += &actor(event);
    let mut said = Vec::new();
    for (name, value) in details.into_iter().flatten().filter(|(name, _)| *name != "id") {
        match (name.as_str(), value) {
            ("data" | "changes_requested", Value::Object(changes)) => {
                said.extend(changes.iter().filter(|(_, value)| !value.is_null()).map(shown));
            }
            (_, Value::Null) => {}
            pair => said.push(shown((name, pair.1))),
        }
    }
    if !said.is_empty() {
        line += ": ";
        line += &json::excerpt(&said.join(", "), LONGEST);
    }
    line
}

fn shown((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    }
}

/// Who did it, and by which key.
fn actor(event: &Value) -> String {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let user =
        |at: &str| text(&format!("{at}/user/email")).or_else(|| text(&format!("{at}/user/id"))).map(str::to_owned);
    let session = user("/actor/session");
    let account = || text("/actor/api_key/service_account/id").map(str::to_owned);
    let by_key = || {
        let who = user("/actor/api_key").or_else(account);
        match (who, text("/actor/api_key/id")) {
            (Some(who), Some(key)) => Some(format!("{who} with {key}")),
            (who, key) => who.or_else(|| key.map(str::to_owned)),
        }
    };
    let address = text("/actor/session/ip_address").map(|address| format!(" from {address}")).unwrap_or_default();
    session.map(|user| user + &address).or_else(by_key).unwrap_or_else(|| "somebody unknown".to_owned())
}
