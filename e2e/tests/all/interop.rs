//! The official clients do with our servers what their users do, in both eras, over pipes and over HTTP.

use std::path::Path;
use std::sync::{Arc, Mutex};

use openai_mcp_testkit::recorder::{Answer, Recorder};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, JsonObject, ProgressNotificationParam,
    ProtocolVersion,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, bearer, binary, domains, here, message, node, python};

pub(crate) const MODERN: &str = "2026-07-28";
pub(crate) const LEGACY: &str = "2025-11-25";

/// A key for which the sandbox waits five seconds before it answers.
pub(crate) const SLOW_KEY: &str = "sk-sandbox-slow-5000";

#[derive(Clone, Copy)]
enum Transport {
    Http,
    Stdio,
}

/// Where a client finds the servers, and what keeps them running.
struct Plan {
    value: Value,
    _server: Server,
}

impl Plan {
    fn new(transport: Transport, protocol: &str) -> Self {
        let interop = here().join("interop");
        let folder = interop.to_str().unwrap();
        let (server, [vector_store, files, slow]) = match transport {
            Transport::Http => {
                let server = Server::umbrella(&["--sandbox", "--root", folder]);
                let at = |domain: &str, key: &str| json!({ "url": server.url(domain), "headers": { "Authorization": format!("Bearer {key}") } });
                let places = [at("vector-store", KEY), at("files", KEY), at("vector-store", SLOW_KEY)];
                (server, places)
            }
            // Two processes share one account, as they would with the real API: the sandbox stands outside them.
            Transport::Stdio => {
                let server = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
                let base = format!("http://{}/v1", server.addr);
                let at = |domain: &str, key: &str| {
                    json!({
                        "command": binary("openai-mcp"),
                        "args": ["stdio", domain, "--root", folder],
                        "env": { "OPENAI_BASE_URL": base, "OPENAI_API_KEY": key },
                    })
                };
                let places = [at("vector-store", KEY), at("files", KEY), at("vector-store", SLOW_KEY)];
                (server, places)
            }
        };
        let value = json!({
            "vector_store": vector_store,
            "files": files,
            "slow": slow,
            "upload": { "path": interop.join("handbook.md") },
            "protocol": protocol,
        });
        Self { value, _server: server }
    }
}

/// Runs a client's script against both transports in one era.
fn drive(script: &str, protocol: &str) {
    let plans = [Transport::Http, Transport::Stdio].map(|transport| Plan::new(transport, protocol));
    play(script, &plans.each_ref().map(|plan| plan.value.clone()));
}

/// Runs a client's script for each of these plans. One interpreter of Python does all: what it imports takes longer than
/// most of what it plays.
pub(crate) fn play(script: &str, plans: &[Value]) {
    if script.ends_with(".py") {
        run(&python(), script, &json!(plans), plans);
    } else {
        plans.iter().for_each(|plan| run(&node(), script, plan, std::slice::from_ref(plan)));
    }
}

fn run(program: &Path, script: &str, told: &Value, plans: &[Value]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(file.as_file(), told).unwrap();
    let script_file = here().join("interop").join(script);
    let arguments = [script_file.to_str().unwrap(), file.path().to_str().unwrap()];
    let finished = Launch::new(program).args(&arguments).run().expect_success(script);
    let played: Vec<_> = finished.stdout.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let asked: Vec<_> = plans.iter().map(|plan| plan["protocol"].as_str().unwrap()).collect();
    assert_eq!(played, asked, "{finished:?}");
}

#[test]
fn typescript_client_modern() {
    drive("typescript-client.mjs", MODERN);
}

#[test]
fn typescript_client_legacy() {
    drive("typescript-client.mjs", LEGACY);
}

/// A host that validates drops a whole list for one schema that it cannot compile.
#[test]
fn every_schema_compiles() {
    let server = Server::umbrella(&["--sandbox"]);
    let list = message("tools/list", &json!({}));
    let tools = domains().into_iter().flat_map(|domain| {
        let answer = server.post(&format!("/{domain}/mcp"), &bearer(KEY), list.as_bytes()).json();
        answer["result"]["tools"].as_array().unwrap().clone()
    });
    let tools: Vec<Value> = tools.collect();
    play("schemas.mjs", &[json!({"protocol": LEGACY, "tools": tools})]);
}

#[test]
fn typescript_sdk() {
    drive("typescript-sdk.mjs", LEGACY);
}

#[test]
fn python_client_modern() {
    drive("python_client.py", MODERN);
}

#[test]
fn python_client_legacy() {
    drive("python_client.py", LEGACY);
}

/// Clients of the older revisions keep the connection of a call that they give up, and say so by another request.
#[test]
fn clients_that_stay_cancel_over_http() {
    let ways =
        [(node(), "cancel.mjs", Some("older")), (node(), "cancel.mjs", Some("newer")), (python(), "cancel.py", None)];
    for (program, script, sdk) in ways {
        let upstream = Recorder::start(|_| Answer::Hang).unwrap();
        let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--servers", "vector-store"])
            .env("OPENAI_BASE_URL", &upstream.base_url())
            .serve();
        let (file, url) = (here().join("interop").join(script), server.url("vector-store"));
        let arguments: Vec<&str> = [file.to_str()].into_iter().chain([sdk]).flatten().chain([url.as_str()]).collect();
        let mut client = Launch::new(program).args(&arguments).start();
        assert!(upstream.wait_for_requests(1), "{script} {sdk:?}: the call never reached the upstream");
        client.write(b"\n");
        assert_eq!(client.receive_line(), "gave up", "{script} {sdk:?}");
        assert!(upstream.wait_for_hang_ups(1), "{script} {sdk:?}: the upstream call was not cancelled");
        client.finish().expect_success(script);
    }
}

#[tokio::test]
async fn rmcp_modern() {
    rmcp_scenario(ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }, MODERN)
        .await;
}

#[tokio::test]
async fn rmcp_legacy() {
    rmcp_scenario(ClientLifecycleMode::Initialize, LEGACY).await;
}

/// Keeps the progress that the server reports.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Vec<f64>>>);

impl ClientHandler for Progress {
    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.0.lock().unwrap().push(params.progress);
    }
}

type Rmcp = RunningService<RoleClient, Progress>;

async fn connect(place: &Value, mode: &ClientLifecycleMode, progress: &Progress) -> Rmcp {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let handler = progress.clone();
    if let Some(url) = place["url"].as_str() {
        // Its HTTP client is built without a TLS provider of its own in this workspace.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = text(&place["headers"]["Authorization"]);
        let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(key.trim_start_matches("Bearer "));
        return handler
            .serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), mode.clone())
            .await
            .unwrap();
    }
    let mut command = tokio::process::Command::new(text(&place["command"]));
    command.args(place["args"].as_array().unwrap().iter().map(text)).env_clear();
    command.envs(place["env"].as_object().unwrap().iter().map(|(name, value)| (name, text(value))));
    handler.serve_with_lifecycle(TokioChildProcess::new(command).unwrap(), mode.clone()).await.unwrap()
}

fn parameters(tool: &str, arguments: &Value) -> CallToolRequestParams {
    let arguments: JsonObject = serde_json::from_value(arguments.clone()).unwrap();
    CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)
}

async fn call(client: &Rmcp, tool: &str, arguments: Value) -> CallToolResult {
    client.call_tool(parameters(tool, &arguments)).await.unwrap()
}

/// The value of a successful result, which must be the same in both of its forms.
#[track_caller]
fn value(result: &CallToolResult) -> Value {
    let text = &result.content[0].as_text().unwrap().text;
    assert_ne!(result.is_error, Some(true), "{text}");
    let value = result.structured_content.clone().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    value
}

#[track_caller]
fn refused(result: &CallToolResult, words: &[&str]) {
    let text = &result.content[0].as_text().unwrap().text;
    assert_eq!(result.is_error, Some(true), "{text}");
    for word in words {
        assert!(text.contains(word), "{text}");
    }
}

async fn rmcp_scenario(mode: ClientLifecycleMode, protocol: &str) {
    for transport in [Transport::Http, Transport::Stdio] {
        let plan = Plan::new(transport, protocol);
        let progress = Progress::default();
        let stores = connect(&plan.value["vector_store"], &mode, &progress).await;
        let uploads = connect(&plan.value["files"], &mode, &progress).await;
        assert_eq!(stores.peer_info().unwrap().protocol_version.as_str(), protocol);
        let tools: Vec<String> =
            stores.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.into_owned()).collect();
        assert!(tools.iter().any(|tool| tool == "vector-store-search"), "{tools:?}");

        let store = value(&call(&stores, "vector-store-create", json!({ "name": "Handbook é 🦀" })).await);
        let upload = json!({ "file": plan.value["upload"], "purpose": "assistants" });
        let file = value(&call(&uploads, "file-upload", upload).await);
        assert_eq!(file["filename"], "handbook.md");
        let (store, file) = (&store["id"], &file["id"]);
        let chunking =
            json!({ "type": "static", "static": { "max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0 } });
        let add = json!({ "vector_store_id": store, "file_id": file, "chunking_strategy": chunking });
        value(&call(&stores, "vector-store-file-add", add).await);
        let ready = call(&stores, "vector-store-wait", json!({ "vector_store_id": store, "file_id": file })).await;
        assert_eq!(value(&ready)["object"]["status"], "completed");
        assert!(!progress.0.lock().unwrap().is_empty(), "no progress was reported to a client that asked for it");

        let search = json!({ "vector_store_id": store, "query": "return a lamp for a refund" });
        let found = value(&call(&stores, "vector-store-search", search).await);
        let passage = found["data"][0]["content"][0]["text"].as_str().unwrap().replace('\n', " ");
        assert!(passage.contains("within thirty days of delivery"), "{passage}");

        let wrong = json!({ "vector_store_id": store, "query": "x", "max_num_results": 500 });
        refused(&call(&stores, "vector-store-search", wrong).await, &["max_num_results", "50"]);
        assert!(stores.call_tool(parameters("no-such-tool", &json!({}))).await.is_err());
        let deleted = call(&stores, "vector-store-delete", json!({ "vector_store_id": store })).await;
        assert_eq!(value(&deleted)["deleted"], true);

        let sluggish = connect(&plan.value["slow"], &mode, &progress).await;
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(parameters("vector-store-list", &json!({}))));
        let running = sluggish.send_cancellable_request(request, PeerRequestOptions::default()).await.unwrap();
        assert!(!sluggish.list_all_tools().await.unwrap().is_empty());
        match running.cancel(None).await {
            Ok(()) | Err(ServiceError::Cancelled { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(!sluggish.list_all_tools().await.unwrap().is_empty());
        for client in [stores, uploads, sluggish] {
            client.cancel().await.unwrap();
        }
    }
}
