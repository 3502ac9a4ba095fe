//! A turn on its way.
//!
//! What a result tells is read of what OpenAI keeps: the session, its turns and its items. The stream of events says
//! only when to look, and shows the text as it grows. So a stream that breaks off loses nothing, and one that is begun
//! again tells nothing twice.
//!
//! ```text
//!  listen ──► look ──► still at work ──► an event that may change that, or the stream's end ──► look …
//!               └────► idle, failed, or asks for something: the account
//! ```

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures_util::future::{Either, select};
use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::openai::Call;
use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;
use serde::Deserialize;

use crate::account;

/// How long a call waits by default.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long a stream may take to open: what stands in between may hold back its head until it ends.
pub(crate) const OPENING: Duration = Duration::from_secs(5);
/// How long it waits before it listens or looks again.
const PAUSE: Duration = Duration::from_secs(1);
/// Of how many events the ids are known: a stream may say what it has said.
const KNOWN: usize = 1024;
/// Most pages of items that one account reads.
const PAGES: usize = 10;

#[request(GET "/agents/sessions/{session_id}")]
struct Look {
    session_id: String,
}

#[request(GET "/agents/sessions/{session_id}/events")]
struct Listen {
    session_id: String,
}

#[request(GET "/agents/sessions/{session_id}/items")]
struct Items {
    session_id: String,
    after: Option<String>,
    limit: Option<u32>,
    order: Option<String>,
}

#[request(GET "/agents/sessions/{session_id}/turns")]
struct Turns {
    session_id: String,
    limit: Option<u32>,
}

#[request(GET "/agents/sessions/{session_id}/turns/{turn_id}/items")]
struct TurnItems {
    session_id: String,
    turn_id: String,
    after: Option<String>,
    limit: Option<u32>,
    order: Option<String>,
}

#[request(GET "/agents/sessions/{session_id}/artifacts")]
struct Artifacts {
    session_id: String,
    limit: Option<u32>,
}

/// What is waited for.
pub(crate) struct Turn {
    pub(crate) session_id: String,
    /// The last item that is known; nothing for the beginning of the last turn.
    pub(crate) after: Option<String>,
    /// Whether something has yet to come after it: OpenAI takes input before it acts on it.
    pub(crate) fresh: bool,
    /// Requests and calls that were answered: a session may show them for a while.
    pub(crate) answered: Vec<String>,
}

impl Turn {
    /// The first of a session.
    pub(crate) fn first(session_id: String) -> Self {
        Turn { session_id, after: None, fresh: true, answered: Vec::new() }
    }

    /// The call that goes on waiting.
    pub(crate) fn again(&self) -> Value {
        let mut arguments = json!({"session_id": self.session_id});
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.extend(self.after.clone().map(|after| ("after".to_owned(), after.into())));
            arguments.extend(self.fresh.then(|| ("fresh".to_owned(), true.into())));
            let answered = Some(&self.answered).filter(|answered| !answered.is_empty());
            arguments.extend(answered.map(|answered| ("answered".to_owned(), answered.clone().into())));
        }
        account::next("agent-session-wait", &arguments)
    }
}

/// How long a call may wait.
pub(crate) fn patience(timeout: Option<Int<0, 3600>>) -> Duration {
    timeout.map_or(PATIENCE, |Int(seconds)| Duration::from_secs(seconds.unsigned_abs()))
}

/// The id of a session's last item.
pub(crate) async fn last_item(cx: &Context, session_id: &str) -> Result<Option<String>> {
    let page = cx.send(&Items::SPEC, json!({"session_id": session_id, "limit": 1, "order": "desc"})).value().await?;
    Ok(account::list(&page).next().map(|item| account::text(item, "id").to_owned()))
}

/// The outcome of `work`, if there is one in time.
pub(crate) async fn within<T>(cx: &Context, time: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
    match select(Box::pin(work), Box::pin(cx.sleep(time))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// The events of a session, if they can be had soon and within `left`; without them it is looked at again and again.
pub(crate) async fn listen(cx: &Context, session_id: &str, left: Duration) -> Option<Events> {
    let events = cx.send(&Listen::SPEC, json!({"session_id": session_id})).events();
    within(cx, OPENING.min(left), events).await?.ok().map(Events::passing_errors)
}

/// Whether nothing goes on in a session of this status.
pub(crate) fn rests(status: &str) -> bool {
    matches!(status, "idle" | "failed" | "budget_reached")
}

/// What a session does.
pub(crate) async fn status(cx: &Context, session_id: &str) -> Result<String> {
    let session = cx.send(&Look::SPEC, json!({"session_id": session_id})).value().await?;
    Ok(account::text(&session, "status").to_owned())
}

/// The session that a stream begins with.
pub(crate) async fn begun(cx: &Context, call: Call<'_>) -> Result<Value> {
    let begun = async {
        let mut events = call.events().await?;
        while let Some(event) = events.next().await? {
            if let Ok(Heard { session: Some(session), .. }) = serde_json::from_slice(&event.data) {
                return Ok(session);
            }
        }
        Err(Error::new(Kind::Connection, "the stream ended before it told of the session"))
    };
    // A session may take long to begin, however short the caller wants to wait for its turn.
    let late = || Error::new(Kind::Connection, format!("no session within {} s", PATIENCE.as_secs()));
    within(cx, PATIENCE, begun).await.unwrap_or_else(|| Err(late()))
}

/// Whether an event ends a turn of the agent itself, or stops it.
pub(crate) fn ends(event: &Value) -> bool {
    match account::text(event, "type") {
        "agent.session.idle"
        | "agent.session.requires_action"
        | "agent.session.failed"
        | "agent.session.budget_reached" => true,
        "agent.session.turn.completed" | "agent.session.turn.failed" | "agent.session.turn.cancelled" => {
            event.get("turn").is_none_or(|turn| turn.get("subagent_id").is_none_or(Value::is_null))
        }
        _ => false,
    }
}

/// Of a session at work that cannot be looked at: the failure, with how to learn of what is paid for meanwhile.
pub(crate) fn goes_on(session_id: &str) -> impl Fn(Error) -> Error + use<> {
    let hint = format!(
        "session {session_id} has its input and works on it all the same: agent-session-wait tells what comes of it"
    );
    move |error| Error::new(error.kind(), format!("{error}\nhint: {hint}"))
}

/// What is read of an event; whatever else it says, and of whatever kind it is.
#[derive(Deserialize)]
struct Heard {
    #[serde(rename = "type", default)]
    kind: String,
    event_id: Option<String>,
    #[serde(default)]
    delta: Value,
    #[serde(default)]
    item: Value,
    session: Option<Value>,
}

/// Waits for a turn's end, a question, or `timeout`, and tells what came of it.
pub(crate) async fn follow(
    cx: &Context,
    mut turn: Turn,
    timeout: Option<Int<0, 3600>>,
    mut stream: Option<Events>,
) -> Result<Output> {
    let (started, patience) = (cx.monotonic(), patience(timeout));
    let left = || cx.left(started + patience);
    let mut known = Known::default();
    loop {
        if stream.is_none() && !left().is_zero() {
            stream = listen(cx, &turn.session_id, left()).await;
        }
        let session = cx.send(&Look::SPEC, json!({"session_id": turn.session_id})).value().await?;
        if let Some(account) = settled(cx, &mut turn, &session, left().is_zero()).await? {
            return Ok(Output::json(&account.show(cx.monotonic().saturating_sub(started), cx.max_result())));
        }
        let heard = match &mut stream {
            Some(events) => {
                let heard = hear(cx, events, &mut known, left()).await;
                cx.flush_text();
                heard
            }
            None => false,
        };
        if !heard {
            // The stream is over, whatever ended it.
            stream = None;
            cx.sleep(PAUSE.min(left())).await;
        }
    }
}

/// Listens until something may have changed or time is up; false where the stream ended.
async fn hear(cx: &Context, events: &mut Events, known: &mut Known, left: Duration) -> bool {
    let mut bell = Box::pin(cx.sleep(left));
    loop {
        let next = Box::pin(events.next());
        let event = match select(next, bell).await {
            Either::Left((Ok(Some(event)), rest)) => {
                bell = rest;
                event
            }
            Either::Left(_) => return false,
            Either::Right(_) => return true,
        };
        // What is no event that we know passes.
        let Ok(value) = serde_json::from_slice::<Value>(&event.data) else { continue };
        let Ok(heard) = serde_json::from_value::<Heard>(value.clone()) else { continue };
        if !heard.event_id.is_none_or(|id| known.is_new(id)) {
            continue;
        }
        match heard.kind.as_str() {
            "agent.session.turn.output_text.delta" => cx.tell_text(heard.delta.as_str().unwrap_or_default()),
            "agent.session.turn.item.added" => {
                if let Some(deed) = account::deed(&heard.item) {
                    cx.tell(&deed);
                }
            }
            _ if ends(&value) => return true,
            _ => {}
        }
    }
}

/// The ids of the events that were heard last.
#[derive(Default)]
struct Known {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Known {
    fn is_new(&mut self, id: String) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// What came of a turn, if it is not at work any more; with `now`, what there is of it.
async fn settled(cx: &Context, turn: &mut Turn, session: &Value, now: bool) -> Result<Option<account::Account>> {
    let status = account::text(session, "status");
    let asked: Vec<Value> = session
        .get("required_actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|action| {
            let id = ["request_id", "call_id"].iter().find_map(|name| action.get(*name)?.as_str());
            id.is_none_or(|id| !turn.answered.iter().any(|answered| answered == id))
        })
        .cloned()
        .collect();
    let mut going = match status {
        "in_progress" => true,
        "" => false,
        status if rests(status) => false,
        // A status that is not known is one on the way, where nothing is asked.
        _ => asked.is_empty(),
    };
    if going && !now {
        return Ok(None);
    }
    let of = json!({"session_id": turn.session_id});
    let turns = cx.send(&Turns::SPEC, Arguments::from(of.clone()).set("limit", 1)).value().await?;
    let last = account::list(&turns).next().cloned().unwrap_or_default();
    let (items, more) = match (&turn.after, account::text(&last, "id")) {
        (None, "") => (Vec::new(), false),
        (None, id) => items(cx, &TurnItems::SPEC, Arguments::from(of.clone()).set("turn_id", id)).await?,
        (Some(after), _) => items(cx, &Items::SPEC, Arguments::from(of.clone()).set("after", after)).await?,
    };
    if turn.fresh {
        // What was sent is kept before it is acted on, so what is there of it is the beginning of its turn.
        turn.fresh = items.is_empty();
        going |= turn.fresh && status == "idle";
        if going && !now {
            return Ok(None);
        }
    }
    let answer = account::answers(&turn.session_id, &asked);
    // Nothing is to be sent, but the turn goes on once its environment is connected.
    let connects =
        answer.is_none() && asked.iter().any(|action| account::text(action, "type") == "environment_connection");
    let items = account::whole(items, going || connects);
    // The next call tells what this one has not read.
    going |= more;
    let waits = going || connects;
    if waits && let Some(last) = last_id(&items) {
        turn.after = Some(last.to_owned());
    }
    let artifacts = match account::text(session.get("environment").unwrap_or(&Value::Null), "type") {
        "none" | "" => Vec::new(),
        _ if going || last.is_null() => Vec::new(),
        _ => {
            let page = cx.send(&Artifacts::SPEC, Arguments::from(of).set("limit", 100)).value().await?;
            let of_turn = account::list(&page).filter(|artifact| artifact.get("turn_id") == last.get("id"));
            let mut made: Vec<Value> = of_turn.map(account::made).collect();
            if *page.at("has_more") == true {
                made.push(json!({"note": "only the 100 newest files of the session were looked at; agent-session-artifact-list has all"}));
            }
            made
        }
    };
    let next = if waits { Some(turn.again()) } else { answer };
    Ok(Some(account::Account { session: session.clone(), turn: last, items, asked, artifacts, next, going }))
}

/// Where a list goes on.
fn last_id(items: &[Value]) -> Option<&str> {
    items.iter().rev().find_map(|item| item.get("id")?.as_str())
}

/// The items of a list from the oldest on, as many as one account reads, and whether there are more.
async fn items(
    cx: &Context,
    spec: &'static openai_mcp_kernel::spec::Spec,
    mut of: Arguments,
) -> Result<(Vec<Value>, bool)> {
    let (mut items, mut pages): (Vec<Value>, _) = (Vec::new(), Pages::default());
    of = of.set("limit", 100).set("order", "asc");
    for _ in 0..PAGES {
        let page = pages.next(cx, spec, &of).await?;
        items.extend(account::list(&page).cloned());
        if *page.at("has_more") != true {
            return Ok((items, false));
        }
        // Messages from before they had ids have none.
        let Some(last) = page.at("last_id").as_str().or_else(|| last_id(&items)) else { break };
        of = of.set("after", last);
    }
    Ok((items, true))
}
