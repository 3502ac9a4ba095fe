//! A session whose event streams break off at random, and which is at times not to be had or holds back its head: what the
//! calls tell, one after the other, is each thing once, and what is sent is sent once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending, ready};
use futures_util::stream::{self, StreamExt as _};
use openai_agent_sessions_mcp::SERVER;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::error::Result;
use openai_mcp_kernel::file::Source;
use openai_mcp_kernel::platform::{Listed, Opened, Platform, Saved};
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Reply, Service};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::Script;
use serde_json::{Value, json};

/// How many sessions are driven, each with other accidents.
const RUNS: u64 = 300;
/// How long a connection is kept on which nothing comes.
const IDLE: Duration = Duration::from_secs(600);
/// What the turn does, in order: each is kept as an item.
const DEEDS: [&str; 7] = ["one", "two", "three", "ASK", "four", "five", "six"];

/// The API with one session: every request may meet an accident.
struct Api(Arc<Mutex<State>>, Script);

#[derive(Default)]
struct State {
    seed: u64,
    now: Duration,
    /// How many of the deeds are done.
    done: usize,
    begun: bool,
    answered: bool,
    /// Whether its stream stays open and tells nothing.
    quiet: bool,
    /// Bodies of what was sent, by key.
    sent: Vec<(String, Value)>,
}

impl State {
    fn roll(&mut self, sides: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % sides
    }

    fn asks(&self) -> bool {
        self.begun && !self.answered && DEEDS[self.done.min(DEEDS.len() - 1)] == "ASK"
    }

    fn ended(&self) -> bool {
        self.done == DEEDS.len()
    }

    /// Goes on by one deed, unless it waits.
    fn work(&mut self) {
        if self.begun && !self.ended() && !self.asks() {
            self.done += 1;
        }
    }

    fn session(&self) -> Value {
        let status = match () {
            () if self.asks() => "requires_action",
            () if self.begun && !self.ended() => "in_progress",
            () => "idle",
        };
        let asked = json!({"type": "mcp_approval_request", "request_id": "req_1", "turn_id": "turn_1", "request": {"type": "mcp_tool_call"}});
        let actions = if self.asks() { vec![asked] } else { Vec::new() };
        json!({"id": "asess_1", "status": status, "environment": {"type": "none"}, "required_actions": actions, "error": null})
    }

    fn items(&self, after: Option<&str>) -> Vec<Value> {
        let mut items =
            vec![json!({"id": "item_0", "type": "message", "role": "user", "status": "completed", "content": []})];
        for (at, deed) in DEEDS.iter().enumerate().take(self.done).filter(|(_, deed)| **deed != "ASK") {
            items.push(json!({
                "id": format!("item_{}", at + 1), "type": "message", "role": "assistant", "status": "completed",
                "phase": "final_answer", "turn_id": "turn_1", "content": [{"type": "output_text", "text": deed}],
            }));
        }
        if !self.begun {
            items.clear();
        }
        let from = after.and_then(|after| items.iter().position(|item| item["id"] == after)).map_or(0, |at| at + 1);
        items.split_off(from)
    }

    fn answer(&mut self, method: &str, path: &str, query: &str, key: Option<&str>, body: &[u8]) -> (u16, Body, bool) {
        let json_of = |value: Value| (200, Body::Full(value.to_string().into()), false);
        let list = |items: Vec<Value>| json_of(json!({"object": "list", "data": items, "has_more": false}));
        let parameter = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        if method == "POST" {
            let body: Value = serde_json::from_slice(body).unwrap();
            let key = key.unwrap().to_owned();
            let first = !self.sent.iter().any(|(known, _)| *known == key);
            if first {
                let approval = body["events"][0]["type"] == "agent.session.input.mcp_approval_request_result";
                self.begun = true;
                self.answered |= approval;
                self.sent.push((key, body));
            }
            // Every other time it is carried out and the answer is lost.
            return if first && self.roll(2) == 0 { (500, Body::EMPTY, false) } else { (202, Body::EMPTY, false) };
        }
        match path.rsplit('/').next().unwrap() {
            "events" => self.stream(),
            "asess_1" => {
                self.work();
                json_of(self.session())
            }
            "turns" if self.begun => list(vec![json!({"id": "turn_1", "status": "in_progress"})]),
            "turns" => list(Vec::new()),
            "items" if parameter("order").as_deref() == Some("desc") => {
                list(self.items(None).pop().into_iter().collect())
            }
            "items" => list(self.items(parameter("after").as_deref())),
            other => panic!("{other}"),
        }
    }

    /// Some events, and then the stream is closed, breaks off, or cannot be had at all.
    fn stream(&mut self) -> (u16, Body, bool) {
        if self.roll(5) == 0 {
            return (503, Body::EMPTY, false);
        }
        let mut text = String::new();
        for _ in 0..self.roll(4) {
            let before = self.done;
            self.work();
            let event = json!({
                "type": "agent.session.turn.output_text.delta", "event_id": format!("ev_{}", self.done), "delta": "x",
            });
            text.push_str(&format!("data: {event}\n\n"));
            if self.done == before || self.ended() || self.asks() {
                let kind = if self.asks() { "requires_action" } else { "idle" };
                text.push_str(&format!(
                    "data: {}\n\n",
                    json!({"type": format!("agent.session.{kind}"), "event_id": "ev_e"})
                ));
                break;
            }
        }
        let cut = self.roll(text.len() as u64 + 1) as usize;
        (200, Body::Full(text[..cut].to_owned().into()), self.roll(2) == 0)
    }
}

impl Platform for Api {
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        let (head, body) = request.into_parts();
        let body = body.collect(1 << 20).now_or_never().unwrap().unwrap();
        let mut state = self.0.lock().unwrap();
        let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let query = head.uri.query().unwrap_or_default();
        let streams = head.method == http::Method::GET && head.uri.path().ends_with("/events");
        if streams && state.quiet {
            let response = http::Response::builder().header("content-type", "text/event-stream");
            let body = Body::Stream { chunks: stream::pending().boxed(), length: None };
            return ready(Ok(response.body(body).unwrap())).boxed();
        }
        if streams && state.roll(4) == 0 {
            return pending().boxed();
        }
        let (status, body, breaks) = state.answer(head.method.as_str(), head.uri.path(), query, key, &body);
        let body = match body {
            Body::Full(bytes) if breaks => {
                let broken = Failure { text: "the connection broke".into(), unsent: false };
                let chunks: Vec<Result<Bytes, Failure>> = vec![Ok(bytes), Err(broken)];
                Body::Stream { chunks: stream::iter(chunks).boxed(), length: None }
            }
            body => body,
        };
        let kind = if head.uri.path().ends_with("/events") { "text/event-stream" } else { "application/json" };
        let response = http::Response::builder().status(status).header("content-type", kind).body(body).unwrap();
        ready(Ok(response)).boxed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // Nobody waits for what does not come until the connection is given up.
        if duration >= IDLE {
            return pending().boxed();
        }
        let state = self.0.clone();
        async move { state.lock().unwrap().now += duration }.boxed()
    }

    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn random(&self) -> u128 {
        u128::from(self.0.lock().unwrap().roll(u64::MAX))
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        self.1.open(source)
    }

    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>> {
        self.1.save(path, body)
    }

    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>> {
        self.1.reserve(path)
    }

    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        self.1.list(folder)
    }

    fn room(&self) -> usize {
        self.1.room()
    }

    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        self.1.query(domain, statements)
    }

    fn record(&self, _: &Finished<'_>) {}
}

fn call(api: &Arc<Api>, tool: &str, arguments: &Value) -> Value {
    let config = Config::read(|name| (name == "OPENAI_BASE_URL").then(|| "https://api.example.com/v1".into())).unwrap();
    let service = Service::new(&SERVER, Arc::new(config), api.clone()).unwrap();
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let caller = Caller { key: Secret::new("sk-any").ok(), ..Caller::default() };
    let reply = service.begin(&Bytes::from(message.to_string()), caller, None).reply.now_or_never();
    let Some(Reply::One(_, text)) = reply else { panic!("{tool}: expected one message, in time") };
    let answer: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    answer["result"]["structuredContent"].clone()
}

#[test]
fn nothing_is_lost_and_nothing_doubled() {
    for run in 1..=RUNS {
        let seed = run.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let state = State { seed, ..State::default() };
        let api = Arc::new(Api(Arc::new(Mutex::new(state)), Script::default()));
        let patience = json!(seed % 6);
        let mut told = Vec::new();
        let mut next = json!({"tool": "agent-session-send", "arguments": {"session_id": "asess_1", "input": "Begin"}});
        let mut calls = 0;
        loop {
            calls += 1;
            assert!(calls < 60, "run {run} goes on for ever: {told:?}");
            let tool = next["tool"].as_str().unwrap().to_owned();
            let mut arguments = next["arguments"].clone();
            // Without waiting a message would have no place to go on from.
            arguments["timeout"] = if tool.ends_with("send") { json!(3) } else { patience.clone() };
            if let Some(answer) = arguments.pointer_mut("/events/0/response") {
                answer["decision"] = "approve".into();
            }
            let result = call(&api, &tool, &arguments);
            told.extend(
                result["object"]["text"].as_str().into_iter().flat_map(|text| text.split("\n\n")).map(str::to_owned),
            );
            if result["done"] == true {
                break;
            }
            next = result["next"].clone();
        }
        let expected: Vec<&str> = DEEDS.into_iter().filter(|deed| *deed != "ASK").collect();
        assert_eq!(told, expected, "run {run}");
        let sent = &api.0.lock().unwrap().sent;
        assert_eq!(sent.len(), 2, "run {run}: {sent:?}");
    }
}

#[test]
fn a_session_at_rest_is_not_watched() {
    for (begun, note, most) in [(false, "nothing goes on: the session is `idle`", 4), (true, "time is up", 50)] {
        let state = State { seed: 1, quiet: true, begun, ..State::default() };
        let api = Arc::new(Api(Arc::new(Mutex::new(state)), Script::default()));
        let result = call(&api, "agent-session-events", &json!({"session_id": "asess_1"}));
        assert_eq!(result["ended"], !begun, "{result}");
        assert!(result["note"].as_str().unwrap().starts_with(note), "{result}");
        assert!(api.now() < Duration::from_secs(most), "{:?}", api.now());
    }
}

#[test]
fn a_stream_that_does_not_open_ends_the_call() {
    let create = json!({"agent_id": "agent_1", "environment": {"type": "none"}, "input": "Hi", "stream": true});
    for (tool, arguments, told) in [
        ("agent-session-events", json!({"session_id": "asess_1"}), "the stream did not open in time"),
        ("agent-session-create", create, "agent-session-list shows whether it has begun"),
    ] {
        let script = Arc::new(Script::default().then_silent());
        let result = call_tool(&SERVER, tool, &arguments, script.clone());
        assert!(result.to_string().contains(told), "{result}");
        assert!(script.now() < Duration::from_secs(60), "{tool}");
    }
}
