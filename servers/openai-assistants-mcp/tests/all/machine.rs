//! The state machine of runs against the sandbox, with processes that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http_body_util::{BodyExt as _, Full};
use openai_assistants_mcp::SERVER;
use openai_assistants_mcp::import::{Export, Outcome, take};
use openai_mcp_testkit::lab::{Exchange, Lab, Process};
use serde_json::{Value, json};
use tower_service::Service;

const ACTIVE: [&str; 4] = ["queued", "in_progress", "requires_action", "cancelling"];

/// An assistant with a thread, and what must hold of it.
struct World {
    lab: Lab,
    process: Process,
    assistant: String,
    thread: String,
    /// Texts of the user's messages that were acknowledged, and of those that may be there or not.
    said: Vec<String>,
    unsure: Vec<String>,
    deleted: BTreeSet<String>,
    /// How often outputs were submitted for a run.
    submitted: usize,
    /// What each run was last seen to be.
    seen: BTreeMap<String, String>,
    asked: Vec<Exchange>,
}

impl World {
    async fn new() -> Self {
        Self::of(Lab::new(&SERVER, openai_mcp_sandbox::router())).await
    }

    async fn of(lab: Lab) -> Self {
        let process = lab.process(None);
        let weather = json!({"type": "function", "function": {"name": "get_weather", "description": "weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}});
        let create = json!({"model": "gpt-5", "tools": [weather]});
        let assistant = id(process.call("assistant-create", create).await.unwrap().unwrap());
        let first = json!({"messages": [{"role": "user", "content": "Hello one"}]});
        let thread = id(process.call("thread-create", first).await.unwrap().unwrap());
        World {
            lab,
            process,
            assistant,
            thread,
            said: vec!["Hello one".into()],
            unsure: Vec::new(),
            deleted: BTreeSet::new(),
            submitted: 0,
            seen: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    async fn ask(&self, tool: &str, more: Value) -> Result<Value, String> {
        self.process.call(tool, self.with(more)).await.unwrap()
    }

    fn with(&self, more: Value) -> Value {
        let mut arguments = json!({"thread_id": self.thread});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    }

    /// The runs, newest first; that there is one active at most, and that what ended stays as it was.
    async fn runs(&mut self) -> Vec<Value> {
        let list = self.ask("run-list", json!({"limit": 100, "full": true})).await.unwrap();
        let runs = list["data"].as_array().unwrap().clone();
        let active = runs.iter().filter(|run| ACTIVE.contains(&run["status"].as_str().unwrap())).count();
        assert!(active <= 1, "{active} active runs: {runs:?}");
        for run in &runs {
            let (id, status) = (run["id"].as_str().unwrap(), run["status"].as_str().unwrap());
            let before = self.seen.insert(id.into(), status.into());
            if let Some(before) = before.filter(|before| !ACTIVE.contains(&before.as_str())) {
                assert_eq!(before, status, "{id} changed after its end");
            }
            assert_eq!(status == "requires_action", run["required_action"].is_object(), "{run}");
            assert_eq!(status == "completed", run["completed_at"].is_i64(), "{run}");
            assert_eq!(status == "failed", run["last_error"].is_object(), "{run}");
        }
        runs
    }

    /// Brings the thread to rest, as a caller would who knows nothing of what happened.
    async fn calm(&mut self) {
        for _ in 0..500 {
            let runs = self.runs().await;
            let Some(run) = runs.iter().find(|run| ACTIVE.contains(&run["status"].as_str().unwrap())) else { return };
            if run["status"] == "requires_action" {
                // Another call may have been faster, where two are made at once.
                let _ = self.submit(run).await;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        panic!("the thread is locked for ever: {:?}", self.seen);
    }

    async fn submit(&mut self, run: &Value) -> Result<Value, String> {
        self.submitted += 1;
        self.ask("run-submit-tool-outputs", outputs(run)).await
    }

    /// All that must hold of a thread at rest.
    async fn check(&mut self) {
        self.calm().await;
        let listed = self.ask("message-list", json!({"limit": 100, "order": "asc", "full": true})).await.unwrap();
        let listed = texts(&listed["data"], "user");
        for text in &self.said {
            let expected = usize::from(!self.deleted.contains(text));
            assert_eq!(count(&listed, text), expected, "{text}: {listed:?}");
        }
        for text in &self.unsure {
            assert!(count(&listed, text) <= 1, "{text}: {listed:?}");
        }

        // The sandbox hears what users say until it answers as one.
        let all = self.ask("message-list", json!({"limit": 100, "full": true})).await.unwrap();
        let failing = |message: &&Value| message["content"][0]["text"]["value"].as_str().unwrap().contains("[[error]]");
        for message in all["data"].as_array().unwrap().iter().filter(failing) {
            self.ask("message-delete", json!({"message_id": message["id"]})).await.unwrap();
        }

        // The thread is of use.
        self.ask("message-create", json!({"role": "user", "content": "Hello last"})).await.unwrap();
        let run = self.ask("run-create", json!({"assistant_id": self.assistant})).await.unwrap();
        let run = id(run);
        self.calm().await;
        let steps = self.ask("run-step-list", json!({"run_id": run})).await.unwrap();
        let run = self.ask("run-get", json!({"run_id": run, "full": true})).await.unwrap();
        assert_eq!(run["status"], "completed", "{run}");
        let wrote = self.ask("message-list", json!({"run_id": run["id"]})).await.unwrap();
        assert_eq!(wrote["data"].as_array().unwrap().len(), 1, "{wrote}");
        assert!(steps["data"].as_array().unwrap().iter().any(|step| step["type"] == "message_creation"), "{steps}");

        // The model sees what the caller sees, once and in order, and no call without an output.
        self.asked.extend(self.lab.log());
        let conversation = self
            .asked
            .iter()
            .rev()
            .find_map(|it| it.request.strip_prefix("POST /conversations/")?.strip_suffix("/items"))
            .unwrap();
        let items = self.lab.ask("GET", &format!("/conversations/{conversation}/items?limit=100&order=asc")).await;
        assert_eq!(items["has_more"], false);
        let listed = self.ask("message-list", json!({"limit": 100, "order": "asc", "full": true})).await.unwrap();
        assert_eq!(texts(&items["data"], "user"), texts(&listed["data"], "user"));
        assert_eq!(texts(&items["data"], "assistant"), texts(&listed["data"], "assistant"));
        let all = items["data"].as_array().unwrap();
        for call in all.iter().filter(|item| item["type"] == "function_call") {
            let answers = |item: &&Value| item["type"] == "function_call_output" && item["call_id"] == call["call_id"];
            assert_eq!(all.iter().filter(answers).count(), 1, "{call}: {items}");
        }

        // Nobody asked the model twice.
        let mut responses: BTreeMap<&str, usize> = BTreeMap::new();
        for asked in self.asked.iter().filter(|it| it.request == "POST /responses" && it.status == 200) {
            *responses.entry(asked.body["metadata"]["run_id"].as_str().unwrap()).or_default() += 1;
        }
        for (run, count) in responses {
            assert!(count <= 1 + self.submitted, "{run} had {count} responses");
        }
    }
}

fn id(object: Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("{object}")).to_owned()
}

fn outputs(run: &Value) -> Value {
    let calls = run["required_action"]["submit_tool_outputs"]["tool_calls"].as_array().unwrap();
    let outputs: Vec<_> = calls.iter().map(|call| json!({"tool_call_id": call["id"], "output": "22 C"})).collect();
    json!({"run_id": run["id"], "tool_outputs": outputs})
}

fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|it| *it == text).count()
}

/// The texts of messages, or of items that are messages, by one side.
fn texts(list: &Value, role: &str) -> Vec<String> {
    let by = list.as_array().unwrap().iter().filter(|it| it["role"] == role);
    by.map(|it| {
        let part = &it["content"][0]["text"];
        part["value"].as_str().or(part.as_str()).unwrap().to_owned()
    })
    .collect()
}

/// A step of the session below: what is done, or that time passes.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Say(&'static str),
    Run,
    RunStreamed,
    RunLast,
    Read,
    Submit,
    Cancel,
    /// The newest message.
    Delete,
    Pass(u64),
}

impl World {
    /// Does a deed in a process that may be killed by it; tells whether it was.
    async fn act(&mut self, deed: Deed, process: &Process) -> bool {
        let runs = match deed {
            Deed::Read | Deed::Submit | Deed::Cancel => self.runs().await,
            _ => Vec::new(),
        };
        let latest = runs.first().cloned().unwrap_or_default();
        let (tool, arguments) = match deed {
            Deed::Say(text) => ("message-create", json!({"role": "user", "content": text})),
            Deed::Run => ("run-create", json!({"assistant_id": self.assistant})),
            Deed::RunStreamed => ("run-create", json!({"assistant_id": self.assistant, "stream": true})),
            Deed::RunLast => {
                let last = json!({"type": "last_messages", "last_messages": 1});
                ("run-create", json!({"assistant_id": self.assistant, "truncation_strategy": last}))
            }
            Deed::Read => ("run-get", json!({"run_id": latest["id"]})),
            Deed::Submit if latest["status"] != "requires_action" => return false,
            Deed::Submit => ("run-submit-tool-outputs", outputs(&latest)),
            Deed::Cancel => ("run-cancel", json!({"run_id": latest["id"]})),
            Deed::Delete => {
                let newest = self.ask("message-list", json!({"limit": 1})).await.unwrap();
                ("message-delete", json!({"message_id": newest["first_id"]}))
            }
            Deed::Pass(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                return false;
            }
        };
        if matches!(deed, Deed::Submit) {
            self.submitted += 1;
        }
        let outcome = process.call(tool, self.with(arguments)).await;
        if let Deed::Say(text) = deed {
            match &outcome {
                Some(Ok(_)) => self.said.push(text.into()),
                Some(Err(_)) => {}
                None => self.unsure.push(text.into()),
            }
        }
        outcome.is_none()
    }
}

/// A process may be killed after each of its steps into the world, of every deed of a session.
#[tokio::test(start_paused = true)]
async fn killed_anywhere_nothing_is_lost_and_nothing_stays_locked() {
    use Deed::{Cancel, Delete, Pass, Read, Run, RunLast, RunStreamed, Say, Submit};
    let sessions: [&[Deed]; 7] = [
        &[Say("What is the weather in Paris and London?"), Run, Pass(2), Read, Submit, Pass(2), Read],
        &[Say("What is the weather in Rome?"), Run, Pass(2), Cancel],
        &[Run, Cancel],
        &[RunStreamed],
        &[Say("What is the weather in Rome?"), RunLast, Pass(2), Read, Submit],
        &[Run, Pass(2), Read, Say("Hello two"), Run],
        &[Run, Pass(2), Read, Delete, Run],
    ];
    let mut kills = 0;
    let deeds =
        sessions.iter().flat_map(|session| session.iter().enumerate().map(move |(at, deed)| (session, at, deed)));
    for (session, at, deed) in deeds.filter(|(_, _, deed)| !matches!(deed, Pass(_))) {
        for step in 0.. {
            let mut world = World::new().await;
            let sound = world.lab.process(None);
            for earlier in &session[..at] {
                world.act(*earlier, &sound).await;
            }
            if !world.act(*deed, &world.lab.process(Some(step))).await {
                break;
            }
            kills += 1;
            // Somebody looks at once, and somebody much later.
            world.runs().await;
            world.check().await;
        }
    }
    assert!(kills > 100, "only {kills} ways to be killed were found");
}

/// Random operations of several processes, some at the same time, some killed: what the API promises holds throughout.
#[tokio::test(start_paused = true)]
async fn whatever_is_done_in_whatever_order_the_promises_hold() {
    for seed in 0..24 {
        fastrand::seed(seed);
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut world = World::new().await;
        for turn in 0..30 {
            let kill = (dice.u8(..6) == 0).then(|| dice.usize(..12));
            let process = world.lab.process(kill);
            let runs = world.runs().await;
            let latest = runs.first().cloned().unwrap_or_default();
            match dice.u8(..12) {
                0..3 => {
                    let text = match dice.u8(..5) {
                        0 => format!("What is the weather in Paris and in London? {turn}"),
                        1 => format!("Say something [[long 400]] {turn}"),
                        2 => format!("[[error]] {turn}"),
                        _ => format!("Hello {turn}"),
                    };
                    let say = world.with(json!({"role": "user", "content": text}));
                    let active = latest["status"].as_str().is_some_and(|status| ACTIVE.contains(&status));
                    match process.call("message-create", say).await {
                        Some(Ok(_)) => world.said.push(text),
                        Some(Err(error)) => {
                            assert!(active && error.contains("while a run"), "{error}");
                        }
                        None => world.unsure.push(text),
                    }
                }
                3..6 => {
                    let mut run = json!({"assistant_id": world.assistant});
                    match dice.u8(..6) {
                        0 => run["stream"] = json!(true),
                        1 => run["truncation_strategy"] = json!({"type": "last_messages", "last_messages": 2}),
                        2 => run["max_completion_tokens"] = json!(256),
                        3 => {
                            let text = format!("Hello from run {turn}");
                            run["additional_messages"] = json!([{"role": "user", "content": text}]);
                            world.unsure.push(text);
                        }
                        _ => {}
                    }
                    // Two at the same time: one at most gets the thread.
                    let rival = world.lab.process(None);
                    let (one, other) = (
                        process.call("run-create", world.with(run.clone())),
                        rival.call("run-create", world.with(json!({"assistant_id": world.assistant}))),
                    );
                    if dice.bool() {
                        tokio::join!(one, other);
                    } else {
                        one.await;
                    }
                }
                6 if latest["status"] == "requires_action" => {
                    world.submitted += 1;
                    process.call("run-submit-tool-outputs", world.with(outputs(&latest))).await;
                }
                6 | 7 if latest.is_object() => {
                    process.call("run-cancel", world.with(json!({"run_id": latest["id"]}))).await;
                }
                8 => {
                    let list = world.ask("message-list", json!({"limit": 100, "full": true})).await.unwrap();
                    let messages = list["data"].as_array().unwrap();
                    let own: Vec<_> = messages.iter().filter(|message| message["role"] == "user").collect();
                    if let Some(message) = dice.choice(own) {
                        let text = texts(&json!([message]), "user").remove(0);
                        let delete = world.with(json!({"message_id": message["id"]}));
                        match process.call("message-delete", delete).await {
                            Some(Ok(_)) => drop(world.deleted.insert(text)),
                            Some(Err(_)) => {}
                            None => {
                                world.said.retain(|said| *said != text);
                                world.unsure.push(text);
                            }
                        }
                    }
                }
                9 if latest.is_object() => {
                    let rival = world.lab.process(None);
                    let start = rival.call("run-create", world.with(json!({"assistant_id": world.assistant})));
                    let note = json!({"run_id": latest["id"], "metadata": {"turn": turn.to_string()}});
                    tokio::join!(process.call("run-modify", world.with(note)), start);
                }
                10 => tokio::time::sleep(Duration::from_secs(700)).await,
                _ => tokio::time::sleep(Duration::from_millis(dice.u64(..3000))).await,
            }
        }
        world.check().await;
    }
}

/// The sandbox, behind a gateway that loses what it answers to the first request that adds items.
struct Gateway<S> {
    sandbox: S,
    /// What comes in its place.
    instead: Option<(u16, &'static str)>,
}

impl<S, B> Service<http::Request<Full<Bytes>>> for Gateway<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = http::Response<http_body_util::combinators::UnsyncBoxBody<Bytes, String>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let adds = request.method() == http::Method::POST && request.uri().path().ends_with("/items");
        let instead = if adds { self.instead.take() } else { None };
        let answer = self.sandbox.call(request);
        async move {
            let answer = answer.await?;
            Ok(match instead {
                None => answer.map(|body| body.map_err(|error| error.to_string()).boxed_unsync()),
                Some((status, body)) => {
                    let body = Full::from(body).map_err(|never| match never {}).boxed_unsync();
                    http::Response::builder().status(status).body(body).unwrap()
                }
            })
        }
        .boxed()
    }
}

/// What a gateway lost the answer to is not sent once more: the next run looks for it.
#[tokio::test(start_paused = true)]
async fn messages_whose_arrival_is_unknown_stand_there_once() {
    for instead in [(502, "<title>Bad gateway</title>"), (524, ""), (200, r#"{"object": "list", "data": [{"id": "#)] {
        let gateway = Gateway { sandbox: openai_mcp_sandbox::router(), instead: Some(instead) };
        let mut world = World::of(Lab::new(&SERVER, gateway)).await;
        let run = world.ask("run-create", json!({"assistant_id": world.assistant})).await.unwrap();
        assert_eq!(run["status"], "failed", "{run}");
        world.check().await;
    }
}

/// Objects that the SDK printed are taken in with their ids, once, in their order, and go on from there.
#[tokio::test(start_paused = true)]
async fn what_was_exported_goes_on() {
    let message = |id: &str, at: u64, role: &str, content: Value| {
        json!({"id": id, "object": "thread.message", "created_at": at, "thread_id": "thread_old", "role": role,
            "content": content, "attachments": [], "metadata": {}, "assistant_id": null, "run_id": null})
    };
    let text = |text: &str| json!({"type": "text", "text": {"value": text, "annotations": []}});
    let image = json!({"type": "image_file", "image_file": {"file_id": "file-1", "detail": "auto"}});
    let newest_first = [
        message("msg_c", 30, "user", json!([text("Hello three")])),
        message("msg_b", 20, "assistant", json!([text("Two"), image])),
        message("msg_a", 20, "user", json!([text("One")])),
        message("msg_empty", 10, "user", json!([])),
    ];
    let assistant = json!({"id": "asst_old", "object": "assistant", "created_at": 1, "model": "gpt-4o", "name": null,
        "instructions": "Be kind.", "tools": [{"type": "file_search", "file_search": {"ranking_options":
        {"ranker": "default_2024_08_21", "score_threshold": 0.0}}}], "temperature": 1.0, "top_p": 1.0});
    let lines = format!(
        "{}\n{}\n{}\n{}",
        json!({"object": "list", "data": newest_first, "has_more": false}),
        json!([{"id": "thread_old", "object": "thread", "created_at": 5, "metadata": null}]),
        assistant,
        json!({"id": "run_old", "object": "thread.run", "created_at": 6}),
    );
    let export = Export::read(&lines).unwrap();
    let ids: Vec<_> = export.objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["asst_old", "thread_old", "msg_a", "msg_b", "msg_c"]);
    let refused: Vec<_> = export.refused.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(refused, ["msg_empty", "run_old"]);
    Export::read("{\"a\": ").unwrap_err();

    let process = Lab::new(&SERVER, openai_mcp_sandbox::router()).process(None);
    let cx = process.service.command();
    // Messages alone have no home yet.
    assert_eq!(take(&cx, &export.objects[2..]).await.unwrap(), Outcome { homeless: 3, ..Outcome::default() });
    assert_eq!(take(&cx, &export.objects[..4]).await.unwrap(), Outcome { added: 4, ..Outcome::default() });
    assert_eq!(take(&cx, &export.objects).await.unwrap(), Outcome { added: 1, present: 4, ..Outcome::default() });

    let call = |tool: &'static str, arguments: Value| {
        let process = &process;
        async move { process.call(tool, arguments).await.unwrap().unwrap() }
    };
    let kept = call("assistant-get", json!({"assistant_id": "asst_old"})).await;
    assert_eq!((&kept["model"], &kept["created_at"]), (&json!("gpt-4o"), &json!(1)));
    let run = json!({"thread_id": "thread_old", "assistant_id": "asst_old", "stream": true});
    assert_eq!(call("run-create", run).await["status"], "completed");
    let list = call("message-list", json!({"thread_id": "thread_old", "order": "asc", "full": true})).await;
    assert_eq!(texts(&list["data"], "user"), ["One", "Hello three"]);
    let said = texts(&list["data"], "assistant");
    assert_eq!((said.len(), said[0].as_str()), (2, "Two"));
    assert!(said[1].contains("Hello three"), "{said:?}");
}
