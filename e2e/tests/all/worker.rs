//! The Workers as they are deployed, on the runtime they are deployed to. Whatever they ask of the internet goes to an
//! upstream of the test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::canary::{self, Said};
use crate::conformance;
use crate::differential::{self, Ours};
use crate::harness::{
    ADMIN_KEY, KEY, Launch, PATIENCE, Process, Reply, Server, bearer, connect, domains, exchange, here, message,
    read_reply, request, tool_call,
};
use crate::interop::{LEGACY, MODERN, SLOW_KEY, play};
use crate::realtime;

/// An upstream where nobody listens.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// All Workers in one workerd, each on a port of its own.
pub(crate) struct Edge {
    process: Process,
    addrs: BTreeMap<String, SocketAddr>,
    _config: tempfile::NamedTempFile,
    _disk: Option<TempDir>,
}

/// What `cargo xtask worker build` made of a server.
fn built(domain: &str) -> PathBuf {
    let dist = match domain {
        "everything" => here().join("worker/dist"),
        domain => here().join(format!("../servers/openai-{domain}-mcp/worker/dist")),
    };
    assert!(dist.join("worker.capnp").is_file(), "run `cargo xtask worker build --all` first");
    dist.canonicalize().unwrap()
}

/// What was made of a server, to be changed and put into a configuration.
fn inline(domain: &str) -> String {
    let dist = built(domain);
    let config = std::fs::read_to_string(dist.join("worker.capnp")).unwrap();
    let (_, rest) = config.split_once("Workerd.Worker = ").unwrap();
    let (worker, _) = rest.split_once(';').unwrap();
    worker.replace("embed \"", &format!("embed \"{}/", dist.display()))
}

/// How the glue of every Worker begins to answer a request.
const FETCH: &str = "export function fetch(request, body, env, caller) {";

/// What was made of a server, with a change of its glue that is written into a folder.
fn doctored(domain: &str, from: &str, to: &str, folder: &Path) -> String {
    let dist = built(domain);
    let glue = std::fs::read_to_string(dist.join("bg.js")).unwrap();
    assert_eq!(glue.matches(from).count(), 1, "{from}");
    let changed = folder.join("bg.js");
    std::fs::write(&changed, glue.replace(from, to)).unwrap();
    inline(domain).replace(&format!("{}/bg.js", dist.display()), changed.to_str().unwrap())
}

/// The tests' own server as two Workers on one database in a folder: the process, and where they are.
pub(crate) fn fixtures(disk: &Path) -> (Process, [SocketAddr; 2]) {
    let worker = import("everything", "worker");
    let edge = Edge::with(&[("one".into(), worker.clone()), ("two".into(), worker)], NOWHERE, disk, &[]);
    (edge.process, [edge.addrs["one"], edge.addrs["two"]])
}

/// Between the Workers of a domain and their database: says to the internet, as the host `store`, what is done.
fn gate(domain: &str) -> String {
    let script = "export default { async fetch(request, env) { \
                  const answer = await env.DATABASE.fetch(request); await fetch('http://store/'); return answer; } }";
    let database = format!("(name = \"d1\", props = (json = \"{{\\\"database\\\": \\\"{domain}\\\"}}\"))");
    format!(
        "(modules = [(name = \"gate.js\", esModule = \"{script}\")], compatibilityDate = \"2026-11-01\", \
         bindings = [(name = \"DATABASE\", service = {database})], globalOutbound = \"internet\")"
    )
}

/// A constant of what was made of a server.
fn import(domain: &str, name: &str) -> String {
    format!("import \"{}\".{name}", built(domain).join("worker.capnp").display())
}

fn workerd() -> PathBuf {
    let packages = here().join("node_modules/@cloudflare").read_dir().expect("run `cargo xtask test` once");
    let mut found = packages.flatten().map(|package| package.path().join("bin/workerd"));
    found.find(|path| path.is_file()).expect("npm has no workerd for this system")
}

impl Edge {
    /// Every server, with what it asks of the internet led to `upstream`.
    fn new(upstream: SocketAddr, env: &[(&str, &str)]) -> Self {
        Self::of(&domains(), upstream, env)
    }

    /// These servers.
    pub(crate) fn of(domains: &[impl AsRef<str>], upstream: SocketAddr, env: &[(&str, &str)]) -> Self {
        let domains = domains.iter().map(AsRef::as_ref);
        let workers: Vec<_> = domains.map(|domain| (domain.to_owned(), import(domain, "worker"))).collect();
        let disk = tempfile::tempdir().unwrap();
        let edge = Self::with(&workers, upstream, disk.path(), env);
        Edge { _disk: Some(disk), ..edge }
    }

    fn with(workers: &[(String, String)], upstream: SocketAddr, disk: &Path, env: &[(&str, &str)]) -> Self {
        Self::beside(&[("store", import("everything", "store"))], workers, upstream, disk, env)
    }

    /// Two Workers of a domain, `one` and `two`, on one database in a folder, whose clocks are so many seconds ahead. Of each
    /// batch of statements that is done the upstream hears, as the host `store`, and the Worker when that has answered.
    pub(crate) fn watched(domain: &str, upstream: SocketAddr, disk: &Path, ahead: u64) -> Self {
        let worker = doctored(domain, "Date.now()", &format!("(Date.now() + {ahead}000)"), disk);
        let stores = [("d1", import(domain, "store")), ("store", gate(domain))];
        Self::beside(&stores, &[("one".into(), worker.clone()), ("two".into(), worker)], upstream, disk, &[])
    }

    fn beside(
        stores: &[(&str, String)],
        workers: &[(String, String)],
        upstream: SocketAddr,
        disk: &Path,
        env: &[(&str, &str)],
    ) -> Self {
        let (mut services, mut sockets) = (String::new(), String::new());
        for (name, store) in stores {
            let _ = writeln!(services, "(name = \"{name}\", worker = {store}),");
        }
        for (name, worker) in workers {
            let _ = writeln!(services, "(name = \"{name}\", worker = {worker}),");
            let _ =
                writeln!(sockets, "(name = \"{name}\", address = \"127.0.0.1:0\", http = (), service = \"{name}\"),");
        }
        let config = tempfile::Builder::new().suffix(".capnp").tempfile().unwrap();
        let text = format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\n\
             const config :Workerd.Config = (services = [{services}\
             (name = \"disk\", disk = (path = \"{}\", writable = true)),\
             (name = \"internet\", external = (address = \"{upstream}\", http = ()))], sockets = [{sockets}]);\n",
            disk.display()
        );
        std::fs::write(config.path(), text).unwrap();
        let path = config.path().to_str().unwrap();
        let launch = Launch::new(workerd()).args(&[
            "serve",
            "--verbose",
            "--experimental",
            "--import-path=/",
            "--control-fd=1",
            path,
        ]);
        let process = env.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).start();
        let addrs = process.output.wait_for(|text| {
            let ports: BTreeMap<String, SocketAddr> = text.lines().filter_map(listening).collect();
            (ports.len() == workers.len()).then_some(ports)
        });
        let Some(addrs) = addrs else { panic!("workerd does not listen; it wrote: {}", process.errors.text()) };
        Edge { process, addrs, _config: config, _disk: None }
    }

    pub(crate) fn url(&self, domain: &str) -> String {
        format!("http://localhost:{}/mcp", self.addrs[domain].port())
    }

    #[track_caller]
    fn ask(&self, domain: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let addr = self.addrs[domain];
        exchange(addr, &request(method, path, addr, headers, body)).expect("workerd gave no reply")
    }

    /// Calls a tool and gives its result.
    #[track_caller]
    pub(crate) fn call(&self, domain: &str, key: &str, tool: &str, arguments: &Value) -> Value {
        self.call_if_alive(domain, key, tool, arguments).expect("workerd gave no reply")
    }

    /// The same; nothing if workerd is killed before it has answered.
    #[track_caller]
    pub(crate) fn call_if_alive(&self, domain: &str, key: &str, tool: &str, arguments: &Value) -> Option<Value> {
        let addr = self.addrs[domain];
        let body = message("tools/call", &tool_call(tool, arguments));
        let reply = exchange(addr, &request("POST", "/mcp", addr, &bearer(key), body.as_bytes()))?;
        assert_eq!(reply.status, 200, "{reply:?}");
        Some(reply.json()["result"].clone())
    }

    /// Kills workerd, which has no time to do anything about it.
    pub(crate) fn kill(&self) {
        let id = nix::unistd::Pid::from_raw(self.process.child.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

/// `{"event":"listen","socket":"files","port":45307}`
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let port = event["port"].as_u64()?.try_into().ok()?;
    Some((event["socket"].as_str()?.to_owned(), (Ipv4Addr::LOCALHOST, port).into()))
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

#[test]
fn answers_are_byte_for_byte_those_of_the_native_servers() {
    let upstream = Recorder::start_default().unwrap();
    // At OpenAI itself what has ended is not listed.
    let edge = Edge::new(upstream.addr(), &[("OPENAI_BASE_URL", "https://api.example.com/v1")]);
    let native =
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url()).serve();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
    for domain in &domains() {
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned();
        let initialize = message(
            "initialize",
            &json!({ "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } }),
        );
        let modern = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{meta}}}}}"#);
        let asked = [
            (None, list),
            (None, initialize),
            (None, message("tools/call", &json!({ "name": "nothing", "arguments": {} }))),
            (None, message("no/method", &json!({}))),
            (None, "{".to_owned()),
            (Some("tools/list"), modern("tools/list")),
            (Some("server/discover"), modern("server/discover")),
        ];
        for (method, body) in asked {
            let mut headers = bearer(KEY);
            if let Some(method) = method {
                headers.extend([("mcp-protocol-version", MODERN), ("mcp-method", method)]);
            }
            let theirs = native.post(&format!("/{domain}/mcp"), &headers, body.as_bytes());
            let ours = edge.ask(domain, "POST", "/mcp", &headers, body.as_bytes());
            assert_eq!((ours.status, &ours.body), (theirs.status, &theirs.body), "{domain} {body}");
            assert_eq!(ours.header("content-type"), theirs.header("content-type"));
        }
    }
}

#[test]
fn requests_are_those_of_the_native_servers() {
    let (theirs, ours) = (Recorder::start_default().unwrap(), Recorder::start_default().unwrap());
    let native = Ours::new(&theirs.base_url());
    let edge = Edge::new(
        ours.addr(),
        &[
            // At OpenAI itself the Assistants API and the Evals API are gone, and nothing would be sent.
            ("OPENAI_BASE_URL", "https://api.example.com/v1"),
            // They go out with the operator's keys alone.
            ("OPENAI_API_KEY", KEY),
            ("OPENAI_ADMIN_KEY", ADMIN_KEY),
            ("OPENAI_MCP_ACCESS_TOKEN", canary::TOKEN),
            ("OPENAI_ORG_ID", "org-e2e"),
            ("OPENAI_PROJECT_ID", "proj_e2e"),
            ("OPENAI_MCP_ASSISTANTS", "native"),
            ("OPENAI_MCP_EVALS", "native"),
        ],
    );
    let mut faults = Vec::new();
    for case in differential::cases() {
        native.call(&case);
        // A Worker has no files.
        let body = case.message_inline();
        let reply = edge.ask(&case.domain, "POST", "/mcp", &bearer(canary::TOKEN), body.as_bytes());
        let (one, other) = (ours.take(), theirs.take());
        if one.is_empty() || one.len() != other.len() {
            faults.push(format!("{}: {} requests and {}; {}", case.name, one.len(), other.len(), reply.body));
        }
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one.header("host"), Some("api.example.com"));
            for (what, one, other) in differential::differences(one, other) {
                faults.push(format!("{}: {what}\n  worker: {one}\n  native: {other}", case.name));
            }
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// The scenario of [`crate::interop`], with the sandbox for an upstream.
fn drive(script: &str, protocol: &str) {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&["vector-store", "files"], sandbox.addr, &[]);
    let at = |domain: &str, key: &str| json!({ "url": edge.url(domain), "headers": { "Authorization": format!("Bearer {key}") } });
    let document = std::fs::read_to_string(here().join("interop/handbook.md")).unwrap();
    let plan = json!({
        "vector_store": at("vector-store", KEY),
        "files": at("files", KEY),
        "slow": at("vector-store", SLOW_KEY),
        "upload": { "text": document, "filename": "handbook.md" },
        "protocol": protocol,
    });
    play(script, &[plan]);
}

#[test]
fn typescript_client_modern() {
    drive("typescript-client.mjs", MODERN);
}

#[test]
fn typescript_client_legacy() {
    drive("typescript-client.mjs", LEGACY);
}

#[test]
fn typescript_sdk() {
    drive("typescript-sdk.mjs", LEGACY);
}

#[test]
fn conformance() {
    let upstream = Recorder::start_default().unwrap();
    let edge =
        Edge::of(&["vector-store"], upstream.addr(), &[("OPENAI_MCP_ALLOWED_HOSTS", "vector-store-mcp.example.com")]);
    conformance::product(&edge.url("vector-store"));
}

/// A call that asks for progress.
fn begin(edge: &Edge, server: &str, tool: &str, arguments: &Value) -> TcpStream {
    let addr = edge.addrs[server];
    let mut params = tool_call(tool, arguments);
    params["_meta"] = json!({ "progressToken": 1 });
    let body = message("tools/call", &params);
    let mut stream = connect(addr);
    stream.write_all(&request("POST", "/mcp", addr, &bearer(KEY), body.as_bytes())).unwrap();
    stream
}

/// A call that asks for progress and goes on until the upstream lets it.
fn begin_to_wait(edge: &Edge) -> TcpStream {
    begin(edge, "vector-store", "vector-store-wait", &json!({ "vector_store_id": "vs_1" }))
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        all.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&all);
        if text.contains(end) {
            return text.into_owned();
        }
        assert!(count > 0, "{text}");
    }
}

fn store(status: &str) -> Answer {
    let counts = json!({ "in_progress": 1, "completed": 1, "failed": 0, "cancelled": 0, "total": 2 });
    Answer::json(
        200,
        json!({ "id": "vs_1", "object": "vector_store", "status": status, "file_counts": counts }).to_string(),
    )
    .with_header("openai-poll-after-ms", "100")
}

/// The upstream gives its last answer only once the first event has come through: a buffer anywhere would hang.
#[test]
fn events_come_while_the_call_goes_on() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new((0, released));
    let upstream = Recorder::start(move |_| {
        let mut state = released.lock().unwrap();
        state.0 += 1;
        if state.0 == 1 {
            return store("in_progress");
        }
        let _ = state.1.recv_timeout(PATIENCE);
        store("completed")
    })
    .unwrap();
    let edge = Edge::of(&["vector-store"], upstream.addr(), &[]);
    let mut stream = begin_to_wait(&edge);
    let first = read_until(&mut stream, "\n\n");
    let first = first + &read_until(&mut stream, "notifications/progress");
    assert!(first.contains("text/event-stream"), "{first}");
    assert!(!first.contains("\"result\""), "{first}");
    release.send(()).unwrap();
    let last = read_until(&mut stream, "\"result\"");
    assert!(last.contains("completed"), "{last}");
}

/// The local runtime tells of a client that hangs up only when its answer has begun to stream.
#[test]
fn hanging_up_on_a_stream_ends_the_upstream_call() {
    let count = Mutex::new(0);
    let upstream = Recorder::start(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count == 1 { store("in_progress") } else { Answer::Hang }
    })
    .unwrap();
    let edge = Edge::of(&["vector-store"], upstream.addr(), &[]);
    let mut stream = begin_to_wait(&edge);
    read_until(&mut stream, "notifications/progress");
    assert!(upstream.wait_for_requests(2), "the second poll never came");
    drop(stream);
    assert!(upstream.wait_for_hang_ups(1), "the upstream call outlived its caller");
}

/// In the midst of a stream, of which the local runtime tells, and before there is one, as it is told by a Worker in front that
/// gives up: two calls hold as many files as there is room for.
#[test]
fn files_are_let_go_when_their_callers_hang_up() {
    let front = "export default { async fetch(request, env) { const client = new AbortController(); \
                 const asked = env.SERVER.fetch(request, { signal: client.signal }).catch(() => {}); \
                 await (await fetch('http://front/')).text(); client.abort(); await asked; return new Response(); } }";
    let front = format!(
        "(modules = [(name = \"front.js\", esModule = \"{front}\")], compatibilityDate = \"2026-11-01\", \
         bindings = [(name = \"SERVER\", service = \"audio\")], globalOutbound = \"internet\")"
    );
    let (asked, waiting) = (Mutex::new(0), Arc::new(Mutex::new(Vec::new())));
    let waits = waiting.clone();
    let upstream = Recorder::start(move |request| match request.path() {
        "/a.mp3" => Answer::Reply {
            status: 200,
            headers: vec![("content-type".into(), "audio/mpeg".into())],
            body: vec![0; 20 * 1024 * 1024].into(),
        },
        // Before a stranger's file is read, their key is tried.
        "/v1/models" => Answer::json(200, r#"{"object":"list","data":[]}"#),
        "/" => {
            let (sender, answer) = Answer::stream("text/plain");
            waits.lock().unwrap().push(sender);
            answer
        }
        _ => {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            if *asked % 3 == 0 { Answer::json(200, r#"{"text":"hello"}"#) } else { Answer::Hang }
        }
    })
    .unwrap();
    let workers = [("audio".to_owned(), import("audio", "worker")), ("front".to_owned(), front)];
    let disk = tempfile::tempdir().unwrap();
    let edge = Edge::with(&workers, upstream.addr(), disk.path(), &[]);
    let arguments = json!({ "file": { "url": "https://files.example.com/a.mp3" }, "model": "whisper-1" });
    let transcribe = || {
        let result = edge.call("audio", KEY, "audio-transcribe", &arguments);
        assert_eq!(result["isError"], false, "{result}");
        upstream.take();
    };

    let begun: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = begin(&edge, "audio", "audio-transcribe", &arguments);
            read_until(&mut stream, "notifications/progress");
            stream
        })
        .collect();
    assert!(upstream.wait_for_requests(6), "the calls did not begin");
    drop(begun);
    assert!(upstream.wait_for_hang_ups(2), "the calls to the upstream outlived theirs");
    transcribe();

    let body = message("tools/call", &tool_call("audio-transcribe", &arguments));
    let addr = edge.addrs["front"];
    let begun: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut plain = connect(addr);
            plain.write_all(&request("POST", "/mcp", addr, &bearer(KEY), body.as_bytes())).unwrap();
            plain
        })
        .collect();
    assert!(upstream.wait_for_requests(8), "the calls did not begin");
    waiting.lock().unwrap().clear();
    for plain in begun {
        assert_eq!(read_reply(plain).unwrap().status, 200);
    }
    assert!(upstream.wait_for_hang_ups(4), "the calls to the upstream outlived theirs");
    transcribe();
}

#[test]
fn hanging_up_on_a_stream_ends_the_session_over_a_socket() {
    let (play, has_left) = realtime::endless();
    let edge = Edge::of(&["realtime"], realtime::listen(play), &[]);
    let (tool, arguments) = realtime::listening();
    let mut stream = begin(&edge, "realtime", tool, &arguments);
    read_until(&mut stream, "On and on");
    drop(stream);
    has_left.recv_timeout(PATIENCE).expect("the session goes on");
}

/// The runtime hands over bytes as it likes, and tells of a broken connection as of one that was closed.
#[test]
fn a_socket_speaks_in_bytes_and_breaks_as_elsewhere() {
    let edge = Edge::of(&["realtime"], realtime::listen(realtime::breaking()), &[]);
    let (tool, arguments) = realtime::listening();
    let result = edge.call("realtime", KEY, tool, &arguments);
    assert!(result["isError"] == true && text(&result).contains("the connection broke"), "{result}");
}

#[test]
fn retries_wait_as_long_as_they_are_told() {
    let count = Mutex::new(0);
    let upstream = Recorder::start(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            1 => Answer::json(429, "{}").with_header("retry-after-ms", "20"),
            2 => Answer::json(429, "{}").with_header("retry-after", "3600"),
            _ => Answer::json(200, "{}"),
        }
    })
    .unwrap();
    let edge = Edge::of(&["files"], upstream.addr(), &[]);
    let result = edge.call("files", KEY, "file-get", &json!({ "file_id": "file_1" }));
    assert_eq!(result["isError"], true, "{result}");
    assert!(text(&result).contains("3600"), "{result}");
    assert_eq!(upstream.take().len(), 2);
}

#[test]
fn speech_that_has_no_room_is_not_paid_for() {
    let upstream = Recorder::start(|_| Answer::json(500, "{}")).unwrap();
    let edge = Edge::of(&["audio"], upstream.addr(), &[]);
    let arguments = |format: &str, speed: f64| {
        json!({
            "input": "word ".repeat(600), "model": "tts-1", "voice": "alloy", "response_format": format, "speed": speed,
        })
    };
    for (format, speed) in [("wav", 1.0), ("mp3", 0.25)] {
        let result = edge.call("audio", KEY, "audio-speech-create", &arguments(format, speed));
        assert!(text(&result).contains("since there is no file here to save sound to"), "{result}");
    }
    assert!(upstream.take().is_empty());
    let result = edge.call("audio", KEY, "audio-speech-create", &arguments("mp3", 1.0));
    assert!(text(&result).contains("openai answered 500"), "{result}");
}

/// The library that draws would ask a machine for fonts, or a browser; a Worker has neither.
#[test]
fn a_plot_is_that_of_the_native_server() {
    let upstream = Recorder::start(|request| match request.path() {
        "/v1/fine_tuning/jobs/ftjob-1" => {
            Answer::json(200, r#"{"id":"ftjob-1","status":"succeeded","result_files":["file-1"]}"#)
        }
        "/v1/files/file-1/content" => {
            Answer::json(200, "step,train_loss,train_accuracy\n1,2,0.3\n2,1,0.5\n3,0.5,0.8\n")
        }
        _ => Answer::json(200, r#"{"data":[]}"#),
    })
    .unwrap();
    let native =
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url()).serve();
    let edge = Edge::of(&["fine-tuning"], upstream.addr(), &[]);
    let arguments = json!({ "fine_tuning_job_id": "ftjob-1" });
    let result = edge.call("fine-tuning", KEY, "fine-tune-metrics", &arguments);
    assert_eq!(result["content"][1]["mimeType"], "image/png", "{result}");
    assert_eq!(result["content"], native.call("fine-tuning", "fine-tune-metrics", &arguments)["content"]);
}

/// The key of the environment is for whoever shows the access token.
#[test]
fn the_secret_key_is_spent_only_for_the_access_token() {
    let upstream = Recorder::start_default().unwrap();
    let list = message("tools/call", &tool_call("file-list", &json!({})));
    for (token, shown, sent) in [
        (None, None, None),
        (Some("the-token"), None, None),
        (Some("the-token"), Some("the-token"), Some("sk-of-the-operator")),
        (Some("the-token"), Some("sk-of-the-caller"), Some("sk-of-the-caller")),
        (None, Some("sk-of-the-caller"), Some("sk-of-the-caller")),
    ] {
        let mut env = vec![("OPENAI_API_KEY", "sk-of-the-operator")];
        env.extend(token.map(|token| ("OPENAI_MCP_ACCESS_TOKEN", token)));
        let edge = Edge::of(&["files"], upstream.addr(), &env);
        let headers = shown.map(bearer).unwrap_or_default();
        let by_header = edge.ask("files", "POST", "/mcp", &headers, list.as_bytes());
        let by_path = shown.map(|shown| edge.ask("files", "POST", &format!("/mcp/{shown}"), &[], list.as_bytes()));
        let seen: Vec<_> =
            upstream.take().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
        let expected: Vec<_> =
            sent.iter().flat_map(|sent| [format!("Bearer {sent}"), format!("Bearer {sent}")]).collect();
        assert_eq!(seen, expected, "{token:?} {shown:?}: {by_header:?} {by_path:?}");
        assert_eq!(by_header.json()["result"]["isError"], sent.is_none(), "{by_header:?}");
    }
}

#[test]
fn the_http_face_is_the_native_one() {
    let upstream = Recorder::start_default().unwrap();
    let edge = Edge::of(&["files"], upstream.addr(), &[("OPENAI_MCP_MAX_BODY", "2000")]);
    let status = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let reply = edge.ask("files", method, path, headers, body);
        (reply.status, reply)
    };
    assert_eq!(status("GET", "/health", &[], b"").1.json()["status"], "ok");
    assert_eq!(status("HEAD", "/", &[], b"").0, 200);
    assert_eq!(status("GET", "/mcp", &[], b"").0, 405);
    assert_eq!(status("DELETE", "/mcp", &[], b"").0, 405);
    assert_eq!(status("GET", "/nothing", &[], b"").0, 404);
    assert_eq!(status("OPTIONS", "/mcp", &[], b"").0, 204);
    assert_eq!(status("POST", "/mcp", &[("origin", "https://evil.example")], b"{}").0, 403);
    let notification = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(status("POST", "/mcp", &[], notification).0, 202);
    assert_eq!(status("POST", "/mcp", &[], &[b' '; 2001]).0, 413);

    // A body that does not say how long it is.
    let addr = edge.addrs["files"];
    let mut bytes =
        format!("POST /mcp HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..5 {
        let _ = write!(bytes, "1f4\r\n{}\r\n", " ".repeat(500));
    }
    bytes.push_str("0\r\n\r\n");
    assert_eq!(exchange(addr, bytes.as_bytes()).unwrap().status, 413);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let bytes = format!(
        "POST /mcp HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{ping}\r\n0\r\n\r\n",
        ping.len()
    );
    assert_eq!(exchange(addr, bytes.as_bytes()).unwrap().status, 200);

    // One that comes in pieces, because it is long.
    let edge = Edge::of(&["files"], upstream.addr(), &[]);
    let long = format!("{ping}{}", " ".repeat(1_000_000));
    assert_eq!(edge.ask("files", "POST", "/mcp", &bearer(KEY), long.as_bytes()).status, 200);
}

/// Most memory that a process ever had, in kB.
#[cfg(target_os = "linux")]
fn peak(process: &Process) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 100 MB from a URL to OpenAI and back again, within the memory of a few chunks.
#[cfg(target_os = "linux")]
#[test]
fn large_bodies_stream() {
    const SIZE: usize = 100_000_000;
    let content = bytes_of(SIZE);
    let upstream = Recorder::start(move |request| match request.path() {
        "/v1/files" => Answer::json(200, r#"{"id":"file_1"}"#),
        _ => Answer::Reply {
            status: 200,
            headers: vec![("content-type".into(), "text/plain".into())],
            body: content.clone().into(),
        },
    })
    .unwrap();
    let edge = Edge::of(&["files"], upstream.addr(), &[]);
    edge.call("files", KEY, "file-get", &json!({ "file_id": "x" }));
    let before = peak(&edge.process);
    let upload = json!({ "file": { "url": "https://files.example.com/large.txt" }, "purpose": "user_data" });
    let result = edge.call("files", KEY, "file-upload", &upload);
    assert_eq!(result["isError"], false, "{result}");
    let seen = upstream.take();
    let sent = seen.iter().find(|request| request.path() == "/v1/files").unwrap();
    assert_eq!(sent.header("content-length"), Some(sent.body.len().to_string().as_str()));
    assert!(sent.body.len() > SIZE && sent.body.windows(13).rev().take(400).any(|end| end == b"the very end\n"));
    let window = json!({ "file_id": "file_1", "offset": SIZE - 13 });
    let result = edge.call("files", KEY, "file-content", &window);
    assert!(text(&result).starts_with("the very end"), "{result}");
    let grown = (peak(&edge.process) - before) * 1024;
    // Whoever held one body at once would need more.
    assert!(grown < SIZE, "the process grew by {grown} bytes");
}

#[cfg(target_os = "linux")]
fn bytes_of(size: usize) -> Vec<u8> {
    let mut content = vec![b'x'; size];
    content[size - 13..].copy_from_slice(b"the very end\n");
    content
}

#[test]
fn urls_that_lead_inside_are_refused() {
    let upstream = Recorder::start(|request| {
        let to = request.query().unwrap_or_default().trim_start_matches("to=");
        match request.path() {
            "/v1/files" => Answer::json(200, r#"{"id":"file_1"}"#),
            "/moved" => Answer::json(302, "").with_header("location", to),
            _ => Answer::json(200, "content"),
        }
    })
    .unwrap();
    let edge = Edge::of(&["files"], upstream.addr(), &[("OPENAI_MCP_ALLOWED_URLS", "allowed.internal,10.0.0.7:8080")]);
    let upload = |url: &str| {
        let upload = json!({ "file": { "url": url }, "purpose": "user_data" });
        edge.call("files", KEY, "file-upload", &upload)
    };
    for url in [
        "http://127.0.0.1/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://[::1]/a",
        "http://[::ffff:10.0.0.1]/a",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/a",
        "http://localhost/a",
        "http://metadata.google.internal/a",
        "http://printer.local./a",
        "http://intranet/a",
        "file:///etc/passwd",
        "https://user:password@example.com/a",
        "no url",
        "https://example.com/moved?to=http://127.0.0.1/a",
        "http://example.com/moved?to=http://169.254.169.254/a",
        "http://example.com/moved?to=ftp://example.com/a",
    ] {
        let result = upload(url);
        assert_eq!(result["isError"], true, "{url} was fetched: {result}");
        for seen in upstream.take() {
            assert_eq!(seen.header("host"), Some("example.com"), "{url} led to {seen:?}");
        }
    }
    for url in [
        "https://example.com/a",
        "https://allowed.internal/a",
        "http://10.0.0.7:8080/a",
        "http://example.com/moved?to=/a",
    ] {
        let result = upload(url);
        assert_eq!(result["isError"], false, "{url}: {result}");
        for seen in upstream.take().iter().filter(|seen| seen.path() != "/v1/files") {
            assert_eq!(seen.header("authorization"), None, "{seen:?}");
        }
    }
    for (tool, arguments) in [
        ("file-upload", json!({ "file": { "path": "/etc/passwd" }, "purpose": "user_data" })),
        ("file-content", json!({ "file_id": "file_1", "save_to": "/tmp/x" })),
    ] {
        let result = edge.call("files", KEY, tool, &arguments);
        assert_eq!(result["isError"], true, "{result}");
        let text = text(&result);
        assert!(text.contains("runs on Cloudflare Workers, which have no files\nhint:"), "{text}");
        assert_eq!(text.matches("`: ").count(), 1, "{text}");
    }
}

/// A file whose length nobody knows comes whole, or not at all.
#[test]
fn an_upload_without_a_length_is_whole_or_fails() {
    const CHUNK: &[u8] = &[b'x'; 100_000];
    for breaks in [false, true] {
        let (source, file) = Answer::stream("text/plain");
        let upstream = Recorder::start(move |request| match request.path() {
            "/v1/files" => Answer::json(200, r#"{"id":"file_1"}"#),
            _ => file.clone(),
        })
        .unwrap();
        let edge = Edge::of(&["files"], upstream.addr(), &[]);
        for _ in 0..50 {
            source.send(Ok(CHUNK.into())).unwrap();
        }
        if breaks {
            source.send(Err(std::io::Error::other("gone"))).unwrap();
        }
        drop(source);
        let upload = json!({ "file": { "url": "https://files.example.com/grows.txt" }, "purpose": "user_data" });
        let result = edge.call("files", KEY, "file-upload", &upload);
        assert_eq!(result["isError"], breaks, "{result}");
        let seen = upstream.take();
        let sent = seen.iter().find(|request| request.path() == "/v1/files");
        if breaks {
            assert!(text(&result).starts_with("`url`: "), "{result}");
            assert!(sent.is_none(), "half a file was taken for a whole one");
        } else {
            let sent = sent.unwrap();
            assert_eq!(sent.header("content-length"), None);
            assert!(sent.body.len() > 50 * CHUNK.len() && sent.body.ends_with(b"--\r\n"), "{} bytes", sent.body.len());
        }
    }
}

/// The model says its second word only once its first has come through.
#[test]
fn text_comes_while_the_model_writes() {
    let chat = |choice: Value| json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice] });
    let plain = |choice: Value| json!({ "id": "cmpl-1", "object": "text_completion", "choices": [choice] });
    let piece = |text: &str| json!({ "type": "response.output_text.delta", "delta": text });
    let message = json!({ "type": "message", "content": [{ "type": "output_text", "text": "One two" }] });
    let response = json!({ "id": "resp_1", "object": "response", "status": "completed", "output": [message] });
    let hello = json!([{ "role": "user", "content": "Go on" }]);
    let streams = [
        (
            "chat",
            "chat-completion-stream",
            json!({ "model": "gpt-6", "messages": hello }),
            chat(json!({ "index": 0, "delta": { "role": "assistant", "content": "One" }, "finish_reason": null })),
            chat(json!({ "index": 0, "delta": { "content": " two" }, "finish_reason": "stop" })),
        ),
        (
            "completions",
            "completion-create",
            json!({ "model": "local", "prompt": "Go on", "stream": true }),
            plain(json!({ "index": 0, "text": "One", "finish_reason": null })),
            plain(json!({ "index": 0, "text": " two", "finish_reason": "stop" })),
        ),
        (
            "responses",
            "response-create",
            json!({ "model": "gpt-6", "input": "Go on", "stream": true }),
            piece("One"),
            json!({ "type": "response.completed", "response": response }),
        ),
    ];
    for (domain, tool, asked, first, last) in streams {
        let (model, answer) = Answer::stream("text/event-stream");
        let upstream = Recorder::start(move |_| answer.clone()).unwrap();
        let edge = Edge::of(&[domain], upstream.addr(), &[]);
        let say = |chunk: &Value| model.send(Ok(format!("data: {chunk}\n\n").into())).unwrap();
        let mut stream = begin(&edge, domain, tool, &asked);
        say(&first);
        let told = read_until(&mut stream, r#""message":"One""#);
        assert!(!told.contains("\"result\""), "{told}");
        say(&last);
        model.send(Ok("data: [DONE]\n\n".into())).unwrap();
        drop(model);
        let told = read_until(&mut stream, "\"result\"");
        assert!(told.contains("One two"), "{told}");
    }
}

/// What a caller narrows the list by counts in any spelling, and what is near to it is refused.
#[test]
fn callers_narrow_the_list() {
    let edge = Edge::of(&["files"], NOWHERE, &[]);
    let list = message("tools/list", &json!({}));
    let ask = |path: &str, headers: &[(&str, &str)]| edge.ask("files", "POST", path, headers, list.as_bytes());
    let narrowed: [(&str, &[(&str, &str)]); 5] = [
        ("/mcp?read_only=1", &[]),
        ("/mcp?readOnly=true", &[]),
        ("/mcp?exclude=file-delete,file-upload", &[]),
        ("/mcp", &[("x-mcp-read-only", "true")]),
        ("/mcp", &[("x-mcp-tools", "file-list,file-get")]),
    ];
    for (path, headers) in narrowed {
        let reply = ask(path, headers);
        assert!(reply.body.contains("\"file-list\"") && !reply.body.contains("\"file-delete\""), "{path}: {reply:?}");
    }
    let refused = [
        ("/mcp?read-onyl=1", None, "read_only"),
        ("/mcp?read_only=maybe", None, "must be true or false"),
        ("/mcp?tools=nope", None, "nope"),
        ("/mcp", Some(("x-mcp-readonyl", "true")), "read_only"),
    ];
    for (path, header, says) in refused {
        let reply = ask(path, header.as_slice());
        assert!(reply.status == 400 && reply.body.contains(says), "{path}: {reply:?}");
    }
    assert!(ask("/mcp?utm_source=docs", &[]).body.contains("\"file-delete\""), "what has nothing to do with us counts");
    let call = message("tools/call", &tool_call("file-delete", &json!({ "file_id": "file-1" })));
    let reply = edge.ask("files", "POST", "/mcp?read_only=1", &bearer(KEY), call.as_bytes());
    assert!(reply.body.contains("not offered here: read-only"), "{reply:?}");
}

/// An instance serves until its memory is full, so a call must leave nothing behind.
#[test]
fn calls_leave_nothing_in_memory() {
    let upstream = Recorder::start_default().unwrap();
    let size = "return caller.resolve(new Response(wasm.memory.buffer.byteLength));";
    let tell = format!("{FETCH} if (request.url.endsWith('/memory')) {size}");
    let folder = tempfile::tempdir().unwrap();
    let worker = doctored("files", FETCH, &tell, folder.path());
    let edge = Edge::with(&[("files".into(), worker)], upstream.addr(), folder.path(), &[]);
    let memory_after = |calls: usize| {
        for _ in 0..calls {
            assert_eq!(edge.call("files", KEY, "file-list", &json!({}))["isError"], false);
        }
        upstream.take();
        edge.ask("files", "GET", "/memory", &[], b"").body
    };
    let before = memory_after(500);
    assert_eq!(memory_after(2500), before);
}

/// What a file from the web can hold costs its call an error: not the instance that others use, and nothing that is paid.
#[test]
fn hostile_files_are_refused_and_the_instance_lives_on() {
    let wav = |rate: u32| {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let head = [
            b"RIFF".to_vec(),
            numbers(&[76]),
            b"WAVEfmt ".to_vec(),
            numbers(&[16, 0x0001_0001, rate, rate.wrapping_mul(2), 0x0010_0002]),
            b"data".to_vec(),
            numbers(&[40]),
        ];
        STANDARD.encode([head.concat(), vec![1; 40]].concat())
    };
    let webp = "UklGRlgAAABXRUJQVlA4WAoAAAAIAAAABwAABwAAVlA4IBgAAAAwAQCdASoIAAgAAUAmJaQAA3AA/v02aABFWElG/////01NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA";
    let png = "iVBORw0KGgoAAAANSUhEUgAAYagAAAPoCAYAAADbofy9AAAAAElEQVQ1rwYe";
    let zigzag: Vec<[i64; 2]> = (0..1000).map(|n| [n * 25, if n % 2 == 1 { -10 } else { 1010 }]).collect();
    let sound = |rate| {
        let file = json!({ "data": wav(rate), "filename": "a.wav" });
        ("audio", "audio-transcribe", json!({ "file": file, "model": "gpt-transcribe", "split_seconds": 10 }))
    };
    let image = |data: &str, name: &str| json!({ "data": data, "filename": name });
    let table = |domain, tool, name: &str, text: String| {
        let file = json!({ "text": text, "filename": name });
        let collection = (domain == "embeddings").then_some("c");
        (domain, tool, json!({ "file": file, "collection": collection }))
    };
    let mut calls = [0, 1, 10_000_019, 4_294_967_291].map(sound).to_vec();
    calls.push(("images", "image-outpaint", json!({ "image": image(webp, "a.webp"), "prompt": "x", "size": "64x64" })));
    calls.push(("images", "image-inpaint", json!({ "image": image(png, "a.png"), "prompt": "x", "polygon": zigzag })));
    let wide = format!("{}\n{}\n", "a,".repeat(500_000), "1,".repeat(500_000));
    let many = format!("[[{}0]]", "0,".repeat(1_000_000));
    for (domain, tool) in [("embeddings", "embedding-batch"), ("moderation", "moderation-batch")] {
        calls.push(table(domain, tool, "a.json", many.clone()));
        calls.push(table(domain, tool, "a.json", "[".repeat(1_000_000)));
        calls.push(table(domain, tool, "a.jsonl", "[".repeat(1_000_000)));
        calls.push(table(domain, tool, "a.csv", wide.clone()));
    }
    calls.push(("embeddings", "embedding-create", json!({ "model": "m", "input": vec![0; 1_000_001] })));
    calls.push(("images", "image-get", json!({ "image_id": "i".repeat(2_000_001) })));
    calls.push(("moderation", "moderation-history", json!({ "after": "a".repeat(2_000_001) })));
    let delivery = |signatures: usize, secrets: usize| {
        let headers =
            json!({"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AA== ".repeat(signatures)});
        let arguments = json!({"payload": "{}", "headers": headers, "secrets": vec!["whsec_AAAA"; secrets]});
        ("webhooks", "webhook-verify", arguments)
    };
    calls.extend([delivery(400_000, 20), delivery(1, 100_000)]);
    let upstream = Recorder::start_default().unwrap();
    let domains = ["audio", "embeddings", "images", "moderation", "webhooks"].map(str::to_owned);
    let edge = Edge::of(&domains, upstream.addr(), &[]);
    for (domain, tool, arguments) in calls {
        let result = edge.call(domain, KEY, tool, &arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert_ne!(text(&result), "internal error", "{tool}: {result}");
        // Of an image to be painted in, only the size has to be known here.
        assert!(upstream.take().len() <= usize::from(tool == "image-inpaint"), "{tool} costs requests: {result}");
    }
}

/// An answer of very many very small values, each of which weighs many times its text, and a table of evals that comes to far
/// more than it is, cost their call an error or are told in part: not the instance.
#[test]
fn what_weighs_many_times_its_text_is_bounded() {
    let wide =
        format!(r#"{{"object":"list","data":[{}{{"id":"a"}}],"has_more":false}}"#, r#"{"id":"a"},"#.repeat(1_400_000));
    let objects = "{},".repeat(1_500_000);
    let objects = format!(r#"{{"data":[{objects}{{}}],"results":[{objects}{{}}]}}"#);
    let upstream = Recorder::start(move |request| match request.path() {
        "/v1/vector_stores" => Answer::json(200, wide.clone()),
        _ => Answer::json(200, objects.clone()),
    })
    .unwrap();
    let domains = ["administration-usage", "evals", "moderation", "vector-store"].map(str::to_owned);
    let edge = Edge::of(&domains, upstream.addr(), &[]);
    let variables: String = (0..17).map(|number| format!("    v{number}: [a, b]\n")).collect();
    let combinations = format!(
        "prompts: ['{{{{v0}}}}']\nproviders: [openai:gpt-4o]\ntests:\n- assert: [{{type: equals, value: a}}]\n  vars:\n{variables}"
    );
    let doubled: String = (1..40).map(|step| format!("- &a{step} [*a{0}, *a{0}]\n", step - 1)).collect();
    let evals = |text: String| json!({"files": {"text": text, "filename": "promptfooconfig.yaml"}});
    let calls = [
        ("vector-store", "vector-store-list", json!({}), "has_more"),
        ("moderation", "moderation-check", json!({"input": "x"}), "more than 3000000 values"),
        ("administration-usage", "usage-report", json!({}), "more than 20000000 values"),
        ("evals", "eval-import", evals(combinations), "50000"),
        ("evals", "eval-import", evals(format!("- &a0 {}\n{doubled}", "x".repeat(100))), "aliases come to more"),
    ];
    for (domain, tool, arguments, told) in calls {
        let key = if domain.starts_with("administration") { "sk-admin-test" } else { KEY };
        let result = edge.call(domain, key, tool, &arguments);
        let words = result["content"].to_string();
        assert!(words.contains(told), "{tool}: {}", words.get(..600).unwrap_or(&words));
    }
}

#[test]
fn the_log_keeps_the_key() {
    let echo = canary::echo();
    let mut said = Said::default();
    let authorization = format!("Bearer {}", canary::KEY);
    let token = format!("Bearer {}", canary::TOKEN);
    let in_path = format!("/mcp/{}", canary::KEY);
    // One upstream echoes, at the other nobody listens.
    for upstream in [echo.addr(), (Ipv4Addr::LOCALHOST, 1).into()] {
        for with_token in [false, true] {
            let mut env = vec![("OPENAI_API_KEY", canary::KEY), ("OPENAI_MCP_VERBOSE", "true")];
            if with_token {
                env.push(("OPENAI_MCP_ACCESS_TOKEN", canary::TOKEN));
            }
            let edge = Edge::of(&["vector-store", "files"], upstream, &env);
            let mut ways = vec![("/mcp", vec![("authorization", authorization.as_str())]), (in_path.as_str(), vec![])];
            ways.push(("/mcp", vec![("authorization", token.as_str())]));
            for (path, headers) in ways {
                let addr = edge.addrs["vector-store"];
                let mut ask = |method: &str, path: &str, body: &[u8]| {
                    let reply = exchange(addr, &request(method, path, addr, &headers, body));
                    // A path in the answer of the runtime itself would be found here, too.
                    said.reply(&format!("{method} {path}"), reply);
                };
                // Where nobody listens every call ends alike, after its retries.
                let calls = if upstream.port() == 1 { 1 } else { usize::MAX };
                for call in canary::calls().into_iter().take(calls) {
                    ask("POST", path, message("tools/call", &call).as_bytes());
                }
                for body in canary::HOSTILE {
                    ask("POST", path, body);
                }
                for method in ["GET", "DELETE", "OPTIONS", "PUT"] {
                    ask(method, path, b"");
                }
                ask("POST", &format!("{path}/more"), b"{}");
                ask("GET", "/health", b"");
                ask("GET", "/", b"");
            }
            let Edge { process, addrs, .. } = edge;
            assert!(
                upstream.port() == 1 || process.output.text().contains("tool=vector-store-get"),
                "nothing was logged"
            );
            said.server("workerd", Server { process, addr: addrs["files"] });
        }
    }
    assert!(echo.take().iter().any(|seen| seen.header("authorization") == Some(authorization.as_str())));
    said.expect_no_leak();
}

/// A trap costs one request: the next one has a new instance, and the server beside it has noticed nothing.
#[test]
fn a_crash_stays_in_its_server() {
    let upstream = Recorder::start_default().unwrap();
    // The same modules, but for one path at which the instance traps.
    let folder = tempfile::tempdir().unwrap();
    let crash = "{ wasm = undefined; throw new WebAssembly.RuntimeError('unreachable'); }";
    let trap = format!("{FETCH} if (request.url.endsWith('/trap')) {crash}");
    let worker = doctored("vector-store", FETCH, &trap, folder.path());
    let workers = [("broken".into(), worker), ("files".into(), import("files", "worker"))];
    let edge = Edge::with(&workers, upstream.addr(), folder.path(), &[]);
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for _ in 0..2 {
        assert_eq!(edge.ask("broken", "POST", "/mcp", &[], ping).status, 200);
        assert_eq!(edge.ask("broken", "POST", "/trap", &[], ping).status, 500);
        assert_eq!(edge.ask("files", "POST", "/mcp", &[], ping).status, 200);
        assert_eq!(edge.call("files", KEY, "file-list", &json!({}))["isError"], false);
    }
    assert_eq!(edge.ask("broken", "POST", "/mcp", &[], ping).status, 200);
}

/// What came is not what was promised: the caller is told, and nothing is asked twice.
#[test]
fn an_answer_that_breaks_off_is_told() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let upstream = listener.local_addr().unwrap();
    let (asked, asks) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            read_until(&mut stream, "\r\n\r\n");
            asked.send(()).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"id\":";
            stream.write_all(head.as_bytes()).unwrap();
        }
    });
    let edge = Edge::of(&["vector-store"], upstream, &[]);
    let result = edge.call("vector-store", KEY, "vector-store-get", &json!({"vector_store_id": "vs_1"}));
    assert_eq!(result["isError"], true);
    assert!(text(&result).starts_with("the answer broke off: "), "{result}");
    assert_eq!(asks.try_iter().count(), 1);
}

/// A trap in the midst of a call ends the calls that share its instance: they are not left waiting for ever.
#[test]
fn a_crash_fails_the_calls_beside_it() {
    let upstream = Recorder::start(|request| match request.path() {
        "/v1/files/file_hangs" => Answer::Hang,
        _ => Answer::json(200, r#"{"id":"file_1"}"#),
    })
    .unwrap();
    // Only an upload draws a random number, and without one the instance gives up.
    let folder = tempfile::tempdir().unwrap();
    let random = "globalThis.crypto.getRandomValues(";
    let worker = doctored("files", random, &format!("throw new Error('none'); {random}"), folder.path());
    let edge = Edge::with(&[("files".into(), worker)], upstream.addr(), folder.path(), &[]);
    let addr = edge.addrs["files"];
    let hanging = json!({ "file_id": "file_hangs" });
    let upload = message(
        "tools/call",
        &tool_call("file-upload", &json!({ "file": { "text": "x", "filename": "x.txt" }, "purpose": "user_data" })),
    );
    for round in 1..=2 {
        let mut stream = begin(&edge, "files", "file-get", &hanging);
        read_until(&mut stream, "notifications/progress");
        let mut plain = connect(addr);
        let body = message("tools/call", &tool_call("file-get", &hanging));
        plain.write_all(&request("POST", "/mcp", addr, &bearer(KEY), body.as_bytes())).unwrap();
        assert!(upstream.wait_for_requests(2), "the calls did not begin");
        upstream.take();
        assert_eq!(edge.ask("files", "POST", "/mcp", &bearer(KEY), upload.as_bytes()).status, 500);
        assert_eq!(read_reply(plain).unwrap().status, 500);
        let mut rest = Vec::new();
        // It ends, or breaks off.
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "the stream ended as if it were whole");
        assert!(upstream.wait_for_hang_ups(2 * round), "the calls to the upstream outlived theirs");
        assert_eq!(edge.call("files", KEY, "file-get", &json!({ "file_id": "file_1" }))["isError"], false);
        upstream.take();
    }
}

/// Variables are what an operator meant, or every path names the wrong one instead of guessing around it.
#[test]
fn a_variable_is_taken_or_named() {
    let upstream = Recorder::start_default().unwrap();
    let whole = inline("files");
    let taken = [
        ("OPENAI_MCP_READ_ONLY", "json = \"true\""),
        ("OPENAI_MCP_MAX_BODY", "json = \"2000\""),
        ("OPENAI_MCP_VERBOSE", "text = \"yes\""),
    ];
    let wrong = [
        ("OPENAI_BASE_URL", "text = \"ftp://x\""),
        ("OPENAI_MCP_READ_ONLY", "json = \"{}\""),
        ("OPENAI_MCP_ALLOWED_HOSTS", "json = \"[]\""),
        ("OPENAI_MCP_MAX_BODY", "json = \"12.5\""),
        ("OPENAI_MCP_MAX_REQUESTS", "json = \"12\""),
        ("OPENAI_MCP_VERBOSE", "text = \"loud\""),
        ("OPENAI_MCP_MAX_STORE", "text = \"lots\""),
        ("OPENAI_MCP_TOOLS", "text = \"file-lst\""),
        ("OPENAI_MCP_EXCLUDE", "text = \"file-lst\""),
        // No tool is left.
        ("OPENAI_MCP_TOOLS", "text = \"nothing*\""),
        ("OPENAI_MCP_EXCLUDE", "text = \"*\""),
    ];
    let set = |worker: &str, name: &str, value: &str| {
        let unset = format!("fromEnvironment = \"{name}\"");
        assert!(worker.contains(&unset), "{name}");
        worker.replace(&unset, value)
    };
    let worker = taken.iter().fold(whole.clone(), |worker, (name, value)| set(&worker, name, value));
    let mut workers = vec![("taken".to_owned(), worker)];
    workers.extend(wrong.iter().enumerate().map(|(n, (name, value))| (format!("wrong-{n}"), set(&whole, name, value))));
    let misspelt = set(&whole, "OPENAI_MCP_READ_ONLY", "json = \"true\"").replace("READ_ONLY", "READONLY");
    workers.push(("misspelt".to_owned(), misspelt));
    let disk = tempfile::tempdir().unwrap();
    let edge = Edge::with(&workers, upstream.addr(), disk.path(), &[]);

    let list = edge.ask("taken", "POST", "/mcp", &[], message("tools/list", &json!({})).as_bytes());
    assert!(list.body.contains("\"file-list\"") && !list.body.contains("\"file-delete\""), "{list:?}");
    assert_eq!(edge.ask("taken", "POST", "/mcp", &[], &[b' '; 2001]).status, 413);
    edge.call("taken", KEY, "file-list", &json!({}));
    let logged = edge.process.output.wait_for(|text| text.contains("tool=file-list").then_some(()));
    assert!(logged.is_some(), "the call was not logged");

    for (n, (name, value)) in wrong.iter().enumerate() {
        for path in ["/health", "/mcp"] {
            let reply = edge.ask(&format!("wrong-{n}"), "GET", path, &[], b"");
            assert_eq!(reply.status, 503, "{value}: {reply:?}");
            assert!(reply.body.contains(name), "{value}: {reply:?}");
        }
    }
    let reply = edge.ask("misspelt", "GET", "/health", &[], b"");
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.body.contains("OPENAI_MCP_READONLY is no setting\nhint: maybe OPENAI_MCP_READ_ONLY"), "{reply:?}");
}

#[test]
fn a_worker_without_a_database_serves_the_rest_and_says_what_to_bind() {
    let whole = inline("everything");
    let worker: String = whole.lines().filter(|line| !line.contains("\"STORE\"")).collect();
    assert!(worker.len() < whole.len());
    let disk = tempfile::tempdir().unwrap();
    let edge = Edge::with(&[("unbound".into(), worker)], NOWHERE, disk.path(), &[]);
    assert_eq!(edge.call("unbound", KEY, "test_simple_text", &json!({}))["isError"], false);
    let result = edge.call("unbound", KEY, "store-batch", &json!({ "statements": [["SELECT 1"]] }));
    assert_eq!(result["isError"], true, "{result}");
    assert!(text(&result).contains("bind a D1 database as `STORE`"), "{result}");
}

/// The results of calls to a server that keeps something, as a Worker and as a native server.
fn kept_alike(domain: &str, calls: &[(&str, Value)]) -> Vec<[Value; 2]> {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::with(&[(domain.into(), import(domain, "worker"))], sandbox.addr, folder.path(), &[]);
    let native = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--servers", domain])
        .env("OPENAI_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .env("OPENAI_MCP_STORE", folder.path().to_str().unwrap())
        .serve();
    let both = |(tool, arguments): &(&str, Value)| {
        let ours = edge.call(domain, KEY, tool, arguments);
        let body = message("tools/call", &tool_call(tool, arguments));
        let theirs = native.post(&format!("/{domain}/mcp"), &bearer(KEY), body.as_bytes()).json()["result"].take();
        // Each request has an id of its own.
        [ours, theirs].map(|mut result| {
            result.as_object_mut().unwrap().remove("_meta");
            result
        })
    };
    calls.iter().map(both).collect()
}

/// Vectors, texts and metadata come back from D1 as from SQLite, and a search ranks them alike.
#[test]
fn collections_are_searched_alike_on_both_stores() {
    // More than one segment, and items with quotes, line ends and signs beyond the basic plane.
    let lines: String =
        (0..700).map(|n| format!("{{\"text\": \"\\\"line\\\"\\n{n} 🦀 of {}\", \"n\": {n}}}\n", n % 7)).collect();
    let file = json!({ "text": lines, "filename": "lines.jsonl" });
    let filter = json!({ "type": "and", "filters": [
        { "type": "gte", "key": "n", "value": 350 },
        { "type": "nin", "key": "n", "value": [351, 352] },
    ]});
    let others: Vec<Value> =
        (0..900).map(|n| json!({ "id": format!("other {n}"), "text": format!("other {n}") })).collect();
    let names: Vec<Value> = others.iter().take(880).map(|other| other["id"].clone()).collect();
    let calls = [
        ("embedding-batch", json!({ "file": file, "collection": "lines" })),
        (
            "embedding-collection-add",
            json!({ "collection": "lines", "items": [{ "id": "x", "text": "line 3 of 3" }, "again"] }),
        ),
        ("embedding-collection-add", json!({ "collection": "lines", "items": [{ "id": "x", "text": "line 352" }] })),
        ("embedding-search", json!({ "query": "line 352", "collection": "lines" })),
        ("embedding-search", json!({ "query": "line 352", "collection": "lines", "filter": filter })),
        ("embedding-collection-delete", json!({ "collection": "lines", "ids": ["x", "none"] })),
        ("embedding-search", json!({ "query": "line 352", "collection": "lines", "max_num_results": 1 })),
        // More than half of two segments goes, so what is left moves into one.
        ("embedding-collection-add", json!({ "collection": "lines", "items": others })),
        ("embedding-collection-delete", json!({ "collection": "lines", "ids": names })),
        ("embedding-search", json!({ "query": "other 890", "collection": "lines" })),
        ("embedding-collection-list", json!({ "collection": "lines", "limit": 3 })),
        ("embedding-collection-add", json!({ "collection": "lines", "items": ["x"], "dimensions": 3 })),
        ("embedding-collection-delete", json!({ "collection": "lines", "all": true })),
        ("embedding-collection-list", json!({})),
        ("embedding-search", json!({ "query": "line", "collection": "lines" })),
    ];
    for ([ours, theirs], (tool, arguments)) in kept_alike("embeddings", &calls).into_iter().zip(&calls) {
        assert_eq!(ours, theirs, "{tool} {arguments}");
    }
}

#[test]
fn verdicts_are_kept_alike_on_both_stores() {
    let calls = [
        ("moderation-check", json!({ "input": ["a fine day", "Shut up, you \"idiot\" 🦀"], "keep": "excerpt" })),
        ("moderation-batch", json!({ "items": ["I will find you", "thank you"] })),
        ("moderation-history", json!({})),
        ("moderation-history", json!({ "flagged": true, "limit": 1 })),
        ("moderation-history", json!({ "input": "thank you" })),
        ("moderation-history-delete", json!({ "until": 1 })),
        ("moderation-history", json!({ "category": "harassment" })),
        ("moderation-history-delete", json!({ "all": true })),
        ("moderation-history", json!({})),
    ];
    for ([ours, theirs], (tool, arguments)) in kept_alike("moderation", &calls).into_iter().zip(&calls) {
        let [ours, theirs] = [ours, theirs].map(|mut result| {
            assert_eq!(result["isError"], false, "{tool} {arguments}: {result}");
            let mut said = result["structuredContent"].take();
            said.as_object_mut().unwrap().remove("id");
            for verdict in said.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
                // The two were asked one after the other.
                let times = ["at", "time"].map(|name| verdict.as_object_mut().unwrap().remove(name));
                assert!(
                    times.iter().any(Option::is_some) || *tool == "moderation-batch",
                    "{tool} {arguments}: {verdict}"
                );
            }
            said
        });
        assert_eq!(ours, theirs, "{tool} {arguments}");
    }
}
