//! The engine against the sandbox: processes that are killed, processes that race, limits, budgets, cancels.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http_body_util::{BodyExt as _, Full};
use openai_evals_mcp::SERVER;
use openai_mcp_testkit::lab::{Exchange, Lab, Process};
use serde_json::{Value, json};
use tower_service::Service;

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, String>;

/// The sandbox, behind a gate that answers some requests itself.
struct Gated<S> {
    sandbox: S,
    /// Statuses of the next answers to requests that create; with 200 the sandbox answers.
    statuses: Arc<Mutex<VecDeque<u16>>>,
    /// How long it takes to answer.
    pause: Arc<Mutex<Duration>>,
}

impl<S, B> Service<http::Request<Full<Bytes>>> for Gated<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let creates = request.method() == http::Method::POST;
        let status = creates.then(|| self.statuses.lock().unwrap().pop_front()).flatten();
        if let Some(status) = status.filter(|status| *status != 200) {
            let error =
                json!({"error": {"message": "no", "type": "requests", "code": "rate_limit_exceeded"}}).to_string();
            let body = Full::new(Bytes::from(error)).map_err(|never| match never {}).boxed_unsync();
            let answer = http::Response::builder().status(status).header("retry-after", "7").body(body).unwrap();
            return async move { Ok(answer) }.boxed();
        }
        let (answer, pause) = (self.sandbox.call(request), *self.pause.lock().unwrap());
        async move {
            tokio::time::sleep(pause).await;
            answer.await.map(|answer| answer.map(|body| body.map_err(|e| e.to_string()).boxed_unsync()))
        }
        .boxed()
    }
}

/// An eval in a lab, and what the requests for its runs come to.
struct World {
    lab: Lab,
    process: Process,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    pause: Arc<Mutex<Duration>>,
    eval: String,
}

fn text_criterion() -> Value {
    json!({"name": "same", "type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.answer}}", "operation": "ilike"})
}

fn score_criterion() -> Value {
    json!({"name": "score", "type": "score_model", "model": "gpt-4o", "range": [0, 10], "pass_threshold": 0,
        "input": [{"role": "user", "content": "Rate 5: {{sample.output_text}}"}]})
}

fn label_criterion() -> Value {
    json!({"name": "label", "type": "label_model", "model": "gpt-4o", "labels": ["good", "bad"], "passing_labels": ["good"],
        "input": [{"role": "user", "content": "Is it good? {{item.answer}}"}]})
}

fn multi_criterion() -> Value {
    let cosine = json!({"type": "text_similarity", "name": "near", "evaluation_metric": "cosine", "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}"});
    let score = json!({"type": "score_model", "name": "score", "model": "gpt-4o",
        "input": [{"role": "user", "content": "Rate 1: {{sample.output_text}}"}]});
    json!({"name": "both", "type": "multi", "graders": {"near": cosine, "score": score},
        "calculate_output": "(near + score) / 2", "pass_threshold": 0})
}

fn rows(count: usize) -> Value {
    let row = |at: usize| {
        json!({"item": {"question": format!("[[say It is {at}]]"), "answer": format!("is {at}")},
        "sample": {"output_text": format!("It is {at}")}})
    };
    (0..count).map(row).collect()
}

fn data(kind: &str, rows: Value) -> Value {
    let mut data = json!({"type": kind, "source": {"type": "file_content", "content": rows}});
    if kind != "jsonl" {
        data["model"] = json!("gpt-4o");
        data["input_messages"] = json!({"type": "template", "template": [
            {"role": "developer", "content": "Answer."}, {"role": "user", "content": "{{item.question}}"}]});
    }
    data
}

impl World {
    async fn new(criteria: &[Value]) -> Self {
        let (statuses, pause) = (Arc::<Mutex<VecDeque<u16>>>::default(), Arc::<Mutex<Duration>>::default());
        let api = Gated { sandbox: openai_mcp_sandbox::router(), statuses: statuses.clone(), pause: pause.clone() };
        let lab = Lab::new(&SERVER, api);
        let process = lab.process(None);
        let config = json!({"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": true});
        let eval = json!({"name": "e", "data_source_config": config, "testing_criteria": criteria});
        let eval = process.call("eval-create", eval).await.unwrap().unwrap();
        World { lab, process, statuses, pause, eval: eval["id"].as_str().unwrap().to_owned() }
    }

    fn run(&self, data: &Value, more: Value) -> Value {
        let mut run = json!({"eval_id": self.eval, "data_source": data});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run
    }

    async fn ask(&self, tool: &str, arguments: Value) -> Value {
        self.process.call(tool, arguments).await.unwrap().unwrap_or_else(|error| panic!("{tool}: {error}"))
    }

    /// The latest run, if there is one.
    async fn latest(&self) -> Option<Value> {
        let runs = self.ask("eval-run-list", json!({"eval_id": self.eval, "order": "desc", "limit": 1})).await;
        runs["data"].as_array().unwrap().first().cloned()
    }

    /// Waits for the end of a run, as long as that may take, and gives it.
    async fn end(&self, run: &Value) -> Value {
        let ids = json!({"eval_id": self.eval, "run_id": run["id"]});
        for _ in 0..100 {
            let waited = self.ask("eval-run-wait", ids.clone()).await;
            if waited["done"] == true {
                let errors = json!({"eval_id": self.eval, "run_id": run["id"], "status": "error"});
                let errors = self.ask("eval-output-list", errors).await;
                let ids = json!({"eval_id": self.eval, "run_id": run["id"], "full": true});
                let mut run = self.ask("eval-run-get", ids).await;
                run["errors"] = errors["data"].clone();
                run["data_source"] = json!(null);
                return run;
            }
        }
        panic!("the run does not end: {run}");
    }
}

/// Requests that cost something and were carried out.
fn paid(log: &[Exchange]) -> usize {
    let paid = |it: &&Exchange| {
        ["POST /chat/completions", "POST /responses", "POST /embeddings"].contains(&it.request.as_str())
    };
    log.iter().filter(paid).filter(|it| it.status == 200).count()
}

/// All that must hold of a run that came to its end by itself.
fn check(run: &Value, items: u64, criteria: usize) {
    let counts = &run["result_counts"];
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(counts["total"], items, "{run}");
    assert_eq!(counts["errored"], 0, "{run}");
    assert_eq!(counts["passed"].as_u64().unwrap() + counts["failed"].as_u64().unwrap(), items, "{run}");
    let results = run["per_testing_criteria_results"].as_array().unwrap();
    assert_eq!(results.len(), criteria, "{run}");
    for result in results {
        assert_eq!(result["passed"].as_u64().unwrap() + result["failed"].as_u64().unwrap(), items, "{run}");
    }
}

fn calls(run: &Value) -> usize {
    let usage = run["per_model_usage"].as_array().unwrap();
    usage.iter().map(|model| model["invocation_count"].as_u64().unwrap() as usize).sum()
}

/// A run of each kind with its criteria and the paid requests of an item.
fn sessions() -> [(Value, Vec<Value>, usize); 3] {
    [
        (data("completions", rows(2)), vec![text_criterion(), score_criterion()], 2),
        (data("responses", rows(2)), vec![label_criterion()], 2),
        (data("jsonl", rows(2)), vec![multi_criterion(), text_criterion()], 2),
    ]
}

/// Killed after any step, a run loses nothing that was answered, and asks nothing twice but what was under way.
#[tokio::test(start_paused = true)]
async fn killed_anywhere_a_run_goes_on() {
    let mut kills = 0;
    for (data, criteria, each) in sessions() {
        for deed in ["eval-run-create", "eval-run-wait"] {
            for step in 0.. {
                let world = World::new(&criteria).await;
                let killed = world.lab.process(Some(step));
                // What is slow leaves work for the one who waits.
                let create = world.run(&data, json!({"concurrency": 1}));
                let outcome = if deed == "eval-run-create" {
                    killed.call(deed, create).await
                } else {
                    world.statuses.lock().unwrap().push_back(429);
                    let run = world.ask("eval-run-create", create).await;
                    killed.call(deed, json!({"eval_id": world.eval, "run_id": run["id"]})).await
                };
                if outcome.is_some() {
                    break;
                }
                kills += 1;
                tokio::time::sleep(Duration::from_secs(1000)).await;
                let Some(run) = world.latest().await else { continue };
                let run = world.end(&run).await;
                if run["error"]["code"] == "interrupted" {
                    continue;
                }
                check(&run, 2, criteria.len());
                let log = world.lab.log();
                let lost = log.iter().filter(|it| it.lost).cloned().collect::<Vec<_>>();
                assert_eq!(paid(&log), 2 * each + paid(&lost), "{deed} {step}: {log:?}");
                assert_eq!(calls(&run), 2 * each, "{deed} {step}: {run}");
            }
        }
    }
    assert!(kills > 50, "only {kills} ways to be killed were found");
}

/// A run that failed where it comes from is taken in as one that failed, wherever the process is killed.
#[tokio::test(start_paused = true)]
async fn killed_anywhere_a_run_is_taken_in_as_it_ended() {
    let schema = json!({"type": "object", "properties": {"item": {"type": "object"}, "sample": {"type": "object"}}});
    let config = json!({"type": "custom", "schema": schema});
    let eval = json!({"id": "eval_1", "object": "eval", "name": "old", "data_source_config": config,
                      "testing_criteria": [text_criterion()]});
    let run = json!({"id": "evalrun_1", "object": "eval.run", "eval_id": "eval_1", "status": "failed",
                     "error": {"code": "old", "message": "It failed."}});
    let item = json!({"id": "outputitem_1", "object": "eval.run.output_item", "status": "pass", "run_id": "evalrun_1",
                      "eval_id": "eval_1", "datasource_item_id": 0, "datasource_item": {"answer": "a"},
                      "results": [{"name": "same", "score": 1.0, "passed": true}], "sample": {"output": []}});
    let export = json!({"eval": eval, "runs": [{"run": run, "output_items": [item]}]}).to_string();
    let import = json!({"files": [{"filename": "old.json", "text": export}], "apply": true});
    for step in 0.. {
        let mut world = World::new(&[text_criterion()]).await;
        let outcome = world.lab.process(Some(step)).call("eval-import", import.clone()).await;
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let evals = world.ask("eval-list", json!({"order": "desc", "limit": 1})).await;
        world.eval = evals["data"][0]["id"].as_str().unwrap().to_owned();
        if let Some(run) = world.latest().await {
            let run = world.end(&run).await;
            assert_eq!(run["status"], "failed", "{step}: {run}");
        }
        if let Some(outcome) = outcome {
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(world.latest().await.unwrap()["error"]["code"], "old", "{outcome:?}");
            assert!(step > 3, "only {step} steps were found");
            break;
        }
    }
}

/// Several who wait for one run part its work.
#[tokio::test(start_paused = true)]
async fn who_races_asks_nothing_twice() {
    for (mut data, criteria, each) in sessions() {
        data["source"]["content"] = rows(20);
        let world = World::new(&criteria).await;
        // Each of the first requests is refused, so that creating the run leaves its items to those who wait.
        world.statuses.lock().unwrap().push_back(429);
        let run = world.ask("eval-run-create", world.run(&data, json!({"concurrency": 2}))).await;
        let ids = json!({"eval_id": world.eval, "run_id": run["id"]});
        let rivals = [world.lab.process(None), world.lab.process(None)];
        let (one, other, read) = (
            rivals[0].call("eval-run-wait", ids.clone()),
            rivals[1].call("eval-run-wait", ids.clone()),
            world.process.call("eval-run-get", ids),
        );
        tokio::join!(one, other, read);
        let run = world.end(&run).await;
        check(&run, 20, criteria.len());
        assert_eq!(paid(&world.lab.log()), 20 * each);
        assert_eq!(calls(&run), 20 * each);
    }
}

/// Where a call may make so many requests and no more, a run goes on from call to call.
#[tokio::test(start_paused = true)]
async fn a_call_asks_no_more_than_it_may() {
    for (mut data, criteria, each) in sessions() {
        data["source"]["content"] = rows(20);
        let mut world = World::new(&criteria).await;
        world.process = world.lab.bounded(50);
        let run = world.ask("eval-run-create", world.run(&data, json!({}))).await;
        let run = world.end(&run).await;
        check(&run, 20, criteria.len());
        assert_eq!(paid(&world.lab.log()), 20 * each);
        assert_eq!(calls(&run), 20 * each);
    }
}

/// A limit of requests makes a run slow and fails nothing.
#[tokio::test(start_paused = true)]
async fn limits_slow_a_run_down() {
    let world = World::new(&[text_criterion(), score_criterion()]).await;
    world.statuses.lock().unwrap().extend([429; 25]);
    let run = world.ask("eval-run-create", world.run(&data("completions", rows(6)), json!({}))).await;
    assert_eq!(run["status"], "in_progress");
    check(&world.end(&run).await, 6, 2);
}

/// What OpenAI fails to carry out is an error of its item, and no failure. It may have been charged: it is asked for once more.
#[tokio::test(start_paused = true)]
async fn an_error_is_no_failure() {
    let world = World::new(&[text_criterion(), score_criterion()]).await;
    let mut rows = rows(3);
    rows[1]["item"]["question"] = json!("[[error]]");
    rows[2]["item"] = json!({"question": "[[say It is 2]]"});
    let run = world.ask("eval-run-create", world.run(&data("completions", rows), json!({}))).await;
    let run = world.end(&run).await;
    let failed = world.lab.log().iter().filter(|it| it.status == 500).count();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["result_counts"], json!({"total": 3, "errored": 2, "failed": 0, "passed": 1}), "{run}");
    let ids = json!({"eval_id": world.eval, "run_id": run["id"], "status": "error"});
    let items = world.ask("eval-output-list", ids).await;
    let codes: Vec<_> = items["data"].as_array().unwrap().iter().map(|item| &item["errors"][0]["code"]).collect();
    assert_eq!(codes, ["http_500", "unknown_path"], "{items}");
    assert_eq!(failed, 2);
}

/// What failed once is asked for once more, whatever failed before it of the same item.
#[tokio::test(start_paused = true)]
async fn each_request_has_its_tries() {
    let world = World::new(&[text_criterion(), score_criterion()]).await;
    world.statuses.lock().unwrap().extend([500, 200, 500]);
    let run = world.ask("eval-run-create", world.run(&data("completions", rows(1)), json!({}))).await;
    check(&world.end(&run).await, 1, 2);
    let statuses: Vec<_> = world.lab.log().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [500, 200, 500, 200]);
}

/// Items are written many at once, and large ones for themselves: the store takes so many bytes of a value and no more.
#[tokio::test(start_paused = true)]
async fn a_large_item_comes_after_small_ones() {
    let world = World::new(&[text_criterion()]).await;
    let row =
        |length: usize| json!({"item": {"answer": "a".repeat(length)}, "sample": {"output_text": "a".repeat(length)}});
    let rows: Value = std::iter::repeat_n(row(8_000), 29).chain([row(590_000), row(590_000), row(1)]).collect();
    let run = world.ask("eval-run-create", world.run(&data("jsonl", rows), json!({}))).await;
    check(&world.end(&run).await, 32, 1);
    let again = world.ask("eval-run-regrade", json!({"eval_id": world.eval, "run_id": run["id"]})).await;
    check(&world.end(&again).await, 32, 1);
}

/// A run in which nothing can be graded fails, and says why.
#[tokio::test(start_paused = true)]
async fn what_cannot_run_fails() {
    let world = World::new(&[text_criterion()]).await;
    let mut data = data("completions", rows(30));
    data["model"] = json!("gpt-nothing");
    let run = world.ask("eval-run-create", world.run(&data, json!({}))).await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("http_404")), "{run}");
    let log = world.lab.log();
    assert!(log.len() <= 6, "{log:?}");
}

/// A run ends when it has used the tokens that it may use; what is done stays.
#[tokio::test(start_paused = true)]
async fn a_budget_ends_a_run() {
    let world = World::new(&[text_criterion()]).await;
    let run = world.run(&data("completions", rows(50)), json!({"max_tokens": 400, "concurrency": 2}));
    let run = world.ask("eval-run-create", run).await;
    let run = world.end(&run).await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("budget")), "{run}");
    let used = run["per_model_usage"][0]["total_tokens"].as_u64().unwrap();
    assert!((200..=400).contains(&used), "{run}");
    let counts = &run["result_counts"];
    assert!(counts["passed"].as_u64().unwrap() > 3 && counts["total"] == 50, "{run}");
}

/// Who finds the tokens used up does not end the run under somebody who is still at an item: what was sampled is graded.
#[tokio::test(start_paused = true)]
async fn a_budget_ends_a_run_of_several_when_all_have_done() {
    let world = World::new(&[text_criterion(), score_criterion()]).await;
    world.statuses.lock().unwrap().push_back(429);
    let run = world.run(&data("completions", rows(50)), json!({"max_tokens": 900, "concurrency": 1}));
    let run = world.ask("eval-run-create", run).await;
    *world.pause.lock().unwrap() = Duration::from_secs(1);
    let ids = json!({"eval_id": world.eval, "run_id": run["id"]});
    let rivals = [world.lab.process(None), world.lab.process(None), world.lab.process(None)];
    let waiting = rivals.iter().zip(0..).map(async |(rival, at)| {
        tokio::time::sleep(Duration::from_millis(300 * at)).await;
        rival.call("eval-run-wait", ids.clone()).await
    });
    futures_util::future::join_all(waiting).await;
    let run = world.end(&run).await;
    assert_eq!(run["error"]["code"], "budget", "{run}");
    let passed = run["result_counts"]["passed"].as_u64().unwrap() as usize;
    assert_eq!(calls(&run), 2 * passed, "{run}");
}

/// After a cancel nothing is asked for, and what is in the background is cancelled.
#[tokio::test(start_paused = true)]
async fn cancel_stops() {
    let world = World::new(&[text_criterion()]).await;
    let rows: Value =
        (0..40).map(|at| json!({"item": {"question": format!("[[long 2000]] {at}"), "answer": "x"}})).collect();
    let create = world.run(&data("responses", rows), json!({"concurrency": 4}));
    let other = world.lab.process(None);
    let creating = world.process.call("eval-run-create", create);
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let runs = other.call("eval-run-list", json!({"eval_id": world.eval})).await.unwrap().unwrap();
        let ids = json!({"eval_id": world.eval, "run_id": runs["data"][0]["id"]});
        let run = other.call("eval-run-cancel", ids.clone()).await.unwrap().unwrap();
        (ids, run, paid(&world.lab.log()))
    };
    let (_, (ids, run, before)) = tokio::join!(creating, cancelling);
    assert_eq!(run["status"], "canceled", "{run}");
    assert!(before < 40, "{before}");
    let waited = world.ask("eval-run-wait", ids.clone()).await;
    assert_eq!((&waited["done"], &waited["object"]["status"]), (&json!(true), &json!("canceled")));
    assert_eq!(paid(&world.lab.log()), 0);
    let again = world.ask("eval-run-cancel", ids).await;
    assert_eq!(again["status"], "canceled");
}

/// What was sampled is graded again by other criteria, and what had an error is done again, without what was good.
#[tokio::test(start_paused = true)]
async fn what_was_sampled_is_graded_again() {
    let world = World::new(&[text_criterion(), score_criterion()]).await;
    let mut data = data("completions", rows(6));
    data["source"]["content"][2]["item"]["question"] = json!("[[error]]");
    let run = world.ask("eval-run-create", world.run(&data, json!({}))).await;
    let run = world.end(&run).await;
    assert_eq!(run["result_counts"], json!({"total": 6, "errored": 1, "failed": 0, "passed": 5}), "{run}");
    assert_eq!(paid(&world.lab.log()), 10);

    let other = json!({"name": "other", "type": "string_check", "input": "{{sample.output_text}}", "reference": "It is 1",
        "operation": "eq"});
    let ids = json!({"eval_id": world.eval, "run_id": run["id"], "testing_criteria": [other]});
    let again = world.ask("eval-run-regrade", ids).await;
    assert_eq!(again["result_counts"], json!({"total": 6, "errored": 1, "failed": 4, "passed": 1}), "{again}");
    assert_eq!(paid(&world.lab.log()), 0);
    assert_eq!(again["per_model_usage"], json!(null));

    let errors = json!({"eval_id": world.eval, "run_id": run["id"], "errors_only": true, "full": true});
    let again = world.ask("eval-run-regrade", errors).await;
    let again = world.end(&again).await;
    assert_eq!(again["result_counts"], run["result_counts"], "{again}");
    let asked = world.lab.log();
    assert!(!asked.is_empty() && asked.iter().all(|it| it.status == 500), "{asked:?}");
}
