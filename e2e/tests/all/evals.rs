//! Sessions with evals, through a real client: on a machine and on Workers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use bytes::Bytes;
use openai_mcp_testkit::recorder::{Answer, Recorded, Recorder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{KEY, Launch, PATIENCE, Server};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Plays the documented examples on a server at this place.
fn documented(url: &str, protocols: &[&str]) {
    let at = json!({ "url": url, "headers": { "Authorization": format!("Bearer {KEY}") } });
    let plans: Vec<Value> = protocols.iter().map(|protocol| json!({ "evals": at, "protocol": protocol })).collect();
    play("evals.py", &plans);
}

#[test]
fn the_documented_examples_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    documented(&server.url("evals"), &[MODERN, LEGACY]);
}

#[test]
fn the_documented_examples_on_workers() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&["evals"], sandbox.addr, &[]);
    documented(&edge.url("evals"), &[MODERN]);
}

/// What a run asks of OpenAI, answered so that each item passes.
fn answer(request: &Recorded) -> Answer {
    let body = match (request.method.as_str(), request.path()) {
        ("POST", "/v1/chat/completions") => {
            let rates = String::from_utf8_lossy(&request.body).contains("Rate");
            let content = if rates { r#"{"steps": [], "result": 1}"# } else { "yes" };
            let message = json!({"role": "assistant", "content": content, "refusal": null});
            let choice = json!({"index": 0, "message": message, "finish_reason": "stop", "logprobs": null});
            let usage = json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4});
            json!({"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5.4", "choices": [choice],
                   "usage": usage})
        }
        ("POST", "/v1/responses") => json!({"id": "resp_1", "model": "gpt-5.4", "status": "queued"}),
        ("GET", "/v1/responses/resp_1") => {
            let message = json!({"type": "message", "content": [{"type": "output_text", "text": "yes"}]});
            let usage = json!({"input_tokens": 3, "output_tokens": 1, "total_tokens": 4});
            json!({"id": "resp_1", "model": "gpt-5.4", "status": "completed", "output": [message], "usage": usage})
        }
        // The database says that it has done something.
        _ => Value::Null,
    };
    Answer::json(200, body.to_string()).with_header("openai-poll-after-ms", "100")
}

fn is_paid(request: &Recorded) -> bool {
    request.method == "POST" && request.path().starts_with("/v1/")
}

/// What becomes of calls of Workers that are to be killed.
enum Event {
    /// The step has come at which that happens, which is a paid request or not.
    Step { paid: bool },
    /// A call has ended, or broken off.
    Over,
}

/// When Workers are killed.
enum Doom {
    /// After so many steps: requests to OpenAI, and batches of statements that are done.
    Steps(usize),
    /// After so many paid requests, with one more under way.
    Paid(usize),
}

impl Doom {
    /// Whether this is the request.
    fn comes(&mut self, request: &Recorded) -> bool {
        let left = match self {
            Doom::Steps(left) => left,
            Doom::Paid(left) if is_paid(request) => left,
            Doom::Paid(_) => return false,
        };
        let comes = *left == 0;
        *left = left.saturating_sub(1);
        comes
    }
}

/// A disk with D1 on it, and OpenAI: they outlive the Workers that use them.
struct World {
    disk: TempDir,
    upstream: Recorder,
    doom: Arc<Mutex<Option<Doom>>>,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    lives: Cell<u64>,
}

impl World {
    /// Where OpenAI answers like this.
    fn new(script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        let (doom, events) = (Arc::<Mutex<Option<Doom>>>::default(), mpsc::channel());
        let (of, tell) = (doom.clone(), events.0.clone());
        let upstream = Recorder::start(move |request| {
            let mut doom = of.lock().unwrap();
            if doom.as_mut().is_some_and(|doom| doom.comes(request)) {
                *doom = None;
                tell.send(Event::Step { paid: is_paid(request) }).unwrap();
                return Answer::Hang;
            }
            script(request)
        });
        World { disk: TempDir::new().unwrap(), upstream: upstream.unwrap(), doom, events, lives: Cell::default() }
    }

    /// Workers, by whose clock the leases of those before them are over.
    fn live(&self) -> Edge {
        self.lives.set(self.lives.get() + 1);
        Edge::watched("evals", self.upstream.addr(), self.disk.path(), 1000 * self.lives.get())
    }

    /// Calls a tool of these Workers, and kills them when it is time. Tells whether a paid request was under way then; nothing if
    /// a call came to its end before.
    fn killed(&self, edge: Edge, workers: &[&str], doom: Doom, tool: &str, arguments: &Value) -> Option<bool> {
        *self.doom.lock().unwrap() = Some(doom);
        let event = thread::scope(|scope| {
            for worker in workers {
                let (edge, over) = (&edge, self.events.0.clone());
                scope.spawn(move || {
                    let _ = edge.call_if_alive(worker, KEY, tool, arguments);
                    over.send(Event::Over).unwrap();
                });
            }
            let event = self.events.1.recv_timeout(PATIENCE).unwrap();
            edge.kill();
            event
        });
        *self.doom.lock().unwrap() = None;
        self.events.1.try_iter().for_each(drop);
        match event {
            Event::Step { paid } => Some(paid),
            Event::Over => None,
        }
    }

    /// How often each paid request was made since this was last asked.
    fn paid(&self) -> BTreeMap<Bytes, u64> {
        let mut counts = BTreeMap::new();
        for request in self.upstream.take().into_iter().filter(is_paid) {
            *counts.entry(request.body).or_default() += 1;
        }
        counts
    }
}

#[track_caller]
fn call(edge: &Edge, worker: &str, tool: &str, arguments: &Value) -> Value {
    let result = edge.call(worker, KEY, tool, arguments);
    assert_eq!(result["isError"], false, "{tool}: {result}");
    result["structuredContent"].clone()
}

/// An eval, and what creates a run of it.
fn eval(edge: &Edge, kind: &str, criteria: &[Value], items: usize, concurrency: usize) -> Value {
    let config = json!({"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": true});
    let eval = call(edge, "one", "eval-create", &json!({"data_source_config": config, "testing_criteria": criteria}));
    let rows: Vec<_> = (0..items).map(|at| json!({"item": {"question": format!("Number {at}?")}})).collect();
    let template = json!([{"role": "user", "content": "{{item.question}}"}]);
    let data = json!({"type": kind, "model": "gpt-5.4", "source": {"type": "file_content", "content": rows},
                      "input_messages": {"type": "template", "template": template}});
    json!({"eval_id": eval["id"], "data_source": data, "concurrency": concurrency})
}

fn says_yes() -> Value {
    json!({"type": "string_check", "name": "yes", "input": "{{sample.output_text}}", "operation": "eq",
           "reference": "yes"})
}

/// The latest run of an eval.
fn latest(edge: &Edge, create: &Value) -> Option<Value> {
    let runs = call(edge, "two", "eval-run-list", &json!({"eval_id": create["eval_id"], "order": "desc", "limit": 1}));
    Some(json!({"eval_id": create["eval_id"], "run_id": runs["data"].get(0)?["id"]}))
}

fn wait(edge: &Edge, worker: &str, ids: &Value) {
    while call(edge, worker, "eval-run-wait", ids)["done"] != true {}
}

/// Holds a run that has ended against what is promised of requests whose answers were lost. Gives how many were made again, and
/// how many were noted and had no answer, whether they were made or not.
fn check(world: &World, edge: &Edge, ids: &Value) -> [u64; 2] {
    let asked = world.paid();
    let mut whole = ids.clone();
    whole["full"] = true.into();
    let run = call(edge, "two", "eval-run-get", &whole);
    let items = call(edge, "two", "eval-output-list", &whole);
    call(edge, "two", "eval-run-delete", ids);
    if run["error"]["code"] == "interrupted" {
        assert!(run["status"] == "failed" && asked.is_empty(), "{run}");
        return [0, 0];
    }
    let items = items["data"].as_array().unwrap();
    let lost = |item: &Value| item["lost_attempts"].as_u64().unwrap_or(0);
    let count = |name: &str| run["result_counts"][name].as_u64().unwrap();
    let (total, errored, passed) = (count("total"), count("errored"), count("passed"));
    assert_eq!(run["status"], "completed", "{run}");
    // What is lost once is asked for once more; what is lost again is an error of its item.
    let given_up = items.iter().filter(|item| item["errors"][0]["code"] == "timeout" && lost(item) == 2);
    assert_eq!(errored, given_up.count() as u64, "{items:?}");
    assert_eq!(passed + errored, total, "{run}");
    let criteria = run["per_testing_criteria_results"].as_array().unwrap();
    assert!(criteria.iter().all(|one| one["passed"] == passed && one["failed"] == 0), "{run}");
    // An item with an error has lost its sample, which is the first that is asked for.
    let answered = passed * criteria.len() as u64;
    assert_eq!(run["per_model_usage"][0]["invocation_count"], answered, "{run}");
    assert!(asked.values().all(|times| *times <= 2), "{asked:?}");
    assert_eq!(asked.len() as u64, answered + errored, "{asked:?}");
    [asked.values().sum::<u64>() - answered, items.iter().map(lost).sum()]
}

/// Workers are killed after each step of a run: what was answered is not asked for again, and nothing is graded twice.
#[test]
fn killed_anywhere_on_workers_a_run_goes_on() {
    let world = World::new(answer);
    let mut edge = world.live();
    let create = eval(&edge, "responses", &[says_yes()], 2, 1);
    for step in 0.. {
        let killed = world.killed(edge, &["one"], Doom::Steps(step), "eval-run-create", &create);
        edge = world.live();
        if let Some(ids) = latest(&edge, &create) {
            wait(&edge, "two", &ids);
            let [again, lost] = check(&world, &edge, &ids);
            assert_eq!(again, u64::from(killed == Some(true)), "step {step}");
            assert!((again..=1).contains(&lost), "step {step}: {lost}");
        }
        if killed.is_none() {
            assert!(step > 20, "only {step} steps were found");
            break;
        }
    }
}

/// Whoever carries on with a run of the dead is killed after each step, too.
#[test]
fn killed_again_on_workers_a_run_goes_on() {
    let rates = json!({"type": "score_model", "name": "rate", "model": "gpt-5.4",
                       "input": [{"role": "user", "content": "Rate {{item.question}} {{sample.output_text}}"}]});
    let world = World::new(answer);
    let mut edge = world.live();
    let create = eval(&edge, "completions", &[says_yes(), rates], 2, 1);
    for step in 0.. {
        let first = world.killed(edge, &["one"], Doom::Paid(0), "eval-run-create", &create);
        assert_eq!(first, Some(true));
        edge = world.live();
        let ids = latest(&edge, &create).unwrap();
        let killed = world.killed(edge, &["one"], Doom::Steps(step), "eval-run-wait", &ids);
        edge = world.live();
        wait(&edge, "two", &ids);
        let [again, lost] = check(&world, &edge, &ids);
        assert_eq!(again, 1 + u64::from(killed == Some(true)), "step {step}");
        assert!((again..=2).contains(&lost), "step {step}: {lost}");
        if killed.is_none() {
            assert!(step > 20, "only {step} steps were found");
            break;
        }
    }
}

/// Two Workers that wait for one run part its work: what one has paid for, the other does not pay again. Half-way both are
/// killed.
#[test]
fn who_races_on_workers_asks_nothing_twice() {
    let world = World::new(answer);
    let edge = world.live();
    let create = eval(&edge, "completions", &[says_yes()], 20, 2);
    world.killed(edge, &["one"], Doom::Paid(0), "eval-run-create", &create).unwrap();
    let edge = world.live();
    let ids = latest(&edge, &create).unwrap();
    world.killed(edge, &["one", "two"], Doom::Paid(10), "eval-run-wait", &ids).unwrap();
    let edge = world.live();
    thread::scope(|scope| {
        for worker in ["one", "two"] {
            let (edge, ids) = (&edge, &ids);
            scope.spawn(move || wait(edge, worker, ids));
        }
    });
    let [again, lost] = check(&world, &edge, &ids);
    // One at least of each time, and at most as many of each Worker as it has at work at once.
    assert!(2 <= again && again <= lost && lost <= 6, "{again} {lost}");
}

/// After a cancel by one Worker, another asks for nothing more.
#[test]
fn cancel_on_workers_stops() {
    let (hold, held) = mpsc::channel();
    let asked = AtomicU64::new(0);
    let world = World::new(move |request| {
        let answer = answer(request);
        if !is_paid(request) || asked.fetch_add(1, Ordering::Relaxed) < 4 {
            return answer;
        }
        let Answer::Reply { body, .. } = answer else { panic!("{answer:?}") };
        let (chunks, stream) = Answer::stream("application/json");
        hold.send((chunks, body)).unwrap();
        stream
    });
    let edge = world.live();
    let create = eval(&edge, "completions", &[says_yes()], 20, 2);
    let run = thread::scope(|scope| {
        let created = scope.spawn(|| call(&edge, "one", "eval-run-create", &create));
        let held = [0, 1].map(|_| held.recv_timeout(PATIENCE).unwrap());
        let ids = latest(&edge, &create).unwrap();
        assert_eq!(call(&edge, "two", "eval-run-cancel", &ids)["status"], "canceled");
        for (chunks, body) in held {
            chunks.send(Ok(body)).unwrap();
        }
        created.join().unwrap()
    });
    assert_eq!(run["status"], "canceled", "{run}");
    let ids = latest(&edge, &create).unwrap();
    wait(&edge, "one", &ids);
    let run = call(&edge, "two", "eval-run-get", &ids);
    assert_eq!((&run["status"], &run["result_counts"]["total"]), (&json!("canceled"), &json!(20)), "{run}");
    assert!(world.paid().values().eq(&[1; 6]));
}
