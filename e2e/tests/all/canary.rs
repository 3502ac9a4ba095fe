//! A key goes to the upstream and nowhere else: every output of every program is searched for one.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openai_mcp::SERVERS;
use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::tool::Tool;
use openai_mcp_testkit::canary::{ADMIN_KEY, echoes, leak};
pub(crate) use openai_mcp_testkit::canary::{KEY, TOKEN};
use openai_mcp_testkit::recorder::{Answer, Recorder};
use openai_mcp_testkit::shapes;
use serde_json::{Value, json};

use crate::harness::{Launch, Reply, Server, binary, exchange, message, request, tool_call};

#[test]
fn a_leak_is_found_in_every_form() {
    let bearer = format!("Bearer {KEY}");
    let percent: String = bearer.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let part = &KEY[20..36];
    for text in [KEY, TOKEN, part, &KEY.to_uppercase(), &percent, &format!("{{\"key\":\"{KEY}\"}}")] {
        assert!(leak(text).is_some(), "{text}");
    }
    for prefix in ["", "x", "xy", "Basic user:"] {
        assert!(leak(&BASE64_STANDARD.encode(format!("{prefix}{KEY}"))).is_some(), "{prefix}");
    }
    assert_eq!(leak("sk-canary-***, sk-canary-q7Vx…zB5"), None);
}

/// An upstream that says back what it was told, in each of the ways an API can fail.
pub(crate) fn echo() -> Recorder {
    Recorder::start(|request| {
        let said = request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned();
        let error = |message: String| json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": "invalid_api_key" } }).to_string();
        match request.path().rsplit('/').next().unwrap_or_default() {
            "vs_401" => Answer::json(401, error(format!("Incorrect API key provided: {said}. Find your key at x.")))
                .with_header("www-authenticate", &format!("Bearer realm=\"{said}\"")),
            "vs_403" => Answer::json(403, error(format!("The key\n{said}\nmay not, nor Bearer {said}"))),
            "vs_400_html" => Answer::Reply {
                status: 400,
                headers: vec![("content-type".into(), "text/html".into())],
                body: format!("<pre>{:?}</pre>", request.headers).into(),
            },
            "vs_broken" => Answer::json(200, format!("{{\"key\": \"{said}\" and then no JSON")),
            "vs_moved" => Answer::json(307, "{}").with_header("location", "http://127.0.0.2:9/v1/elsewhere"),
            "vs_empty" => Answer::json(404, ""),
            _ => Answer::json(200, r#"{"id":"vs_1","object":"list","data":[],"has_more":false}"#),
        }
    })
    .unwrap()
}

/// Calls that end in every way a call can end.
pub(crate) fn calls() -> Vec<Value> {
    let get = |id: &str| tool_call("vector-store-get", &json!({ "vector_store_id": id }));
    let mut calls = vec![
        tool_call("vector-store-list", &json!({})),
        tool_call("vector-store-list", &json!({ "limit": "many", "nonsense": 1 })),
        tool_call("no-such-tool", &json!({})),
        json!("no object"),
    ];
    let ids = ["vs_401", "vs_403", "vs_400_html", "vs_broken", "vs_moved", "vs_empty", "..", "a/b", "", "\r\nx: y"];
    calls.extend(ids.map(get));
    calls
}

/// The calls for an upstream: one is enough where nobody listens, since each is tried again for seconds.
fn calls_for(base_url: &str, echo: &Recorder) -> Vec<Value> {
    let mut calls = calls();
    if base_url != echo.base_url() {
        calls.truncate(1);
    }
    calls
}

/// Bodies that are no message at all.
pub(crate) const HOSTILE: &[&[u8]] =
    &[b"", b"{", b"null", b"[]", b"\xff\xfe", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\u0000\"}"];

/// Everything that came out, with where it came from.
#[derive(Default)]
pub(crate) struct Said(pub(crate) Vec<(String, String)>);

impl Said {
    pub(crate) fn reply(&mut self, what: &str, reply: Option<Reply>) {
        self.0.push((what.to_owned(), reply.map_or_else(String::new, |reply| reply.raw + &reply.body)));
    }

    fn run(&mut self, launch: &Launch) {
        let finished = launch.run();
        self.0.push((format!("{:?} stdout", launch.args), finished.stdout));
        self.0.push((format!("{:?} stderr", launch.args), finished.stderr));
    }

    pub(crate) fn server(&mut self, what: &str, server: Server) {
        // The process ends first, so that whatever it says at the end is there too.
        let Server { mut process, .. } = server;
        let _ = process.child.kill();
        let finished = process.finish();
        self.0.push((format!("{what} stdout"), finished.stdout));
        self.0.push((format!("{what} stderr"), finished.stderr));
    }

    #[track_caller]
    pub(crate) fn expect_no_leak(&self) {
        assert!(!self.0.is_empty());
        for (what, text) in &self.0 {
            if let Some(form) = leak(text) {
                panic!("{what} holds {form:?}: {text}");
            }
        }
    }
}

/// As talkative as a program can be made.
fn verbose(launch: Launch, base_url: &str) -> Launch {
    launch.env("OPENAI_BASE_URL", base_url).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full")
}

/// The upstream that echoes, and one where nobody listens.
fn upstreams(echo: &Recorder) -> [String; 2] {
    [echo.base_url(), "http://127.0.0.1:1/v1".to_owned()]
}

#[test]
fn http_keeps_the_key() {
    let echo = echo();
    let mut said = Said::default();
    for base_url in upstreams(&echo) {
        for place in ["environment", "bearer", "path", "encoded path"] {
            let mut launch = verbose(Launch::umbrella(&["serve", "--verbose", "--addr", "127.0.0.1:0"]), &base_url);
            if place == "environment" {
                launch = launch.env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", KEY);
            }
            let server = launch.serve();
            let encoded = KEY.replace("sk-", "%73%6B%2D");
            let path = match place {
                "path" => format!("/vector-store/mcp/{KEY}"),
                "encoded path" => format!("/vector-store/mcp/{encoded}"),
                _ => "/vector-store/mcp".to_owned(),
            };
            let authorization = format!("Bearer {KEY}");
            let headers: Vec<(&str, &str)> =
                if place == "bearer" { vec![("authorization", &authorization)] } else { Vec::new() };
            let mut ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
                let reply = exchange(server.addr, &request(method, path, server.addr, headers, body));
                said.reply(&format!("{place}: {method} {path}"), reply);
            };
            for call in calls_for(&base_url, &echo) {
                ask("POST", &path, &headers, message("tools/call", &call).as_bytes());
            }
            for body in HOSTILE {
                ask("POST", &path, &headers, body);
            }
            let others =
                [path.clone() + "/more", path.replace("vector-store", "nothing"), path.clone() + "?key=" + KEY];
            for other in others.iter().chain([&path]) {
                for method in ["GET", "DELETE", "OPTIONS", "PUT", "POST"] {
                    ask(method, other, &headers, b"{}");
                }
            }
            let mut evil = headers.clone();
            evil.push(("origin", "https://evil.example"));
            ask("POST", &path, &evil, message("tools/list", &json!({})).as_bytes());
            evil.push(("host", "evil.example"));
            ask("POST", &path, &evil, message("tools/list", &json!({})).as_bytes());
            for path in ["/", "/health"] {
                ask("GET", path, &headers, b"");
            }
            said.server(place, server);
        }
        let told = echo
            .take()
            .iter()
            .filter(|request| request.header("authorization") == Some(&format!("Bearer {KEY}")))
            .count();
        assert!(told > 0 || base_url != echo.base_url(), "the key never reached the upstream: the test tests nothing");
    }
    said.expect_no_leak();
}

#[test]
fn the_access_token_stays_inside() {
    let echo = echo();
    let mut said = Said::default();
    let launch = verbose(Launch::umbrella(&["serve", "--verbose", "--addr", "127.0.0.1:0"]), &echo.base_url());
    let server = launch.env("OPENAI_API_KEY", KEY).env("OPENAI_MCP_ACCESS_TOKEN", TOKEN).serve();
    let (right, own) = (format!("Bearer {TOKEN}"), format!("Bearer {KEY}"));
    // Whoever shows the token spends the operator's key; whoever shows something else is taken to bring a key.
    let callers = [(None, None), (Some("Bearer sk-wrong"), Some("Bearer sk-wrong")), (Some(&*right), Some(&*own))];
    for (shown, spent) in callers {
        let headers: Vec<_> = shown.map(|shown| ("authorization", shown)).into_iter().collect();
        for call in calls() {
            let body = message("tools/call", &call);
            let bytes = request("POST", "/vector-store/mcp", server.addr, &headers, body.as_bytes());
            said.reply("token", exchange(server.addr, &bytes));
        }
        let told = echo.take();
        assert_eq!(told.is_empty(), spent.is_none(), "{shown:?}: {told:?}");
        assert!(told.iter().all(|seen| seen.header("authorization") == spent), "{shown:?}: {told:?}");
    }
    for path in ["/", "/health"] {
        said.reply(path, exchange(server.addr, &request("GET", path, server.addr, &[], b"")));
    }
    said.server("token", server);
    said.expect_no_leak();
}

#[test]
fn stdio_keeps_the_key() {
    let echo = echo();
    let mut said = Said::default();
    for base_url in upstreams(&echo) {
        for (program, arguments) in
            [("openai-mcp", &["stdio", "vector-store", "--verbose"][..]), ("openai-vector-store-mcp", &["--verbose"])]
        {
            let launch = Launch::new(binary(program)).args(arguments);
            let mut process =
                verbose(launch, &base_url).env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", ADMIN_KEY).start();
            for call in calls_for(&base_url, &echo) {
                process.write((message("tools/call", &call) + "\n").as_bytes());
                process.receive_answer(&json!(1));
            }
            for body in HOSTILE {
                process.write(body);
                process.write(b"\n");
            }
            let finished = process.finish();
            said.0.push((format!("{program} stdout"), finished.stdout));
            said.0.push((format!("{program} stderr"), finished.stderr));
        }
    }
    assert!(!echo.take().is_empty());
    said.expect_no_leak();
}

/// An upstream that answers everything with what is told it last.
fn told() -> (Recorder, Arc<Mutex<Answer>>) {
    let told = Arc::new(Mutex::new(Answer::json(200, "{}")));
    let next = Arc::clone(&told);
    (Recorder::start(move |_| next.lock().unwrap().clone()).unwrap(), told)
}

/// Calls every tool of every server, each with its arguments and against ways of an API to say the key back, one of so many
/// of these pairs, and searches the messages that come of it.
fn call_every_tool(
    told: &Mutex<Answer>,
    one_of: usize,
    mut call: impl FnMut(&Definition, &str, &Value) -> (String, Vec<Value>),
) {
    let mut leaks = Vec::new();
    let tools = SERVERS.iter().flat_map(|server| server.tools().map(move |tool| (*server, tool)));
    for (number, (server, tool)) in tools.enumerate() {
        let key = if server.admin || tool.spec.admin { ADMIN_KEY } else { KEY };
        let (echoes, calls) = (echoes(key), shapes::calls(tool.spec));
        for at in (number % one_of..echoes.len().max(calls.len())).step_by(one_of) {
            let echo = &echoes[at % echoes.len()];
            let (status, mut headers) = (echo.reply.status, echo.reply.headers.clone());
            // What is tried again says the same again, seconds later.
            headers.push(("x-should-retry".into(), "false".into()));
            *told.lock().unwrap() = Answer::Reply { status, headers, body: echo.reply.body.clone() };
            let mut params = tool_call(tool.spec.name, &Value::Object(calls[at % calls.len()].clone()));
            if at % 2 == 0 {
                params["_meta"] = json!({"progressToken": at});
            }
            let (head, messages) = call(server, key, &params);
            assert!(!messages.is_empty(), "{} does not answer: {head}", tool.spec.name);
            let said = messages.into_iter().map(|message| ours(tool, message)).chain([head]);
            let found = said.filter(|text| leak(text).is_some());
            leaks.extend(found.map(|text| format!("{}, {}: {text}", tool.spec.name, echo.name)));
        }
    }
    assert!(leaks.is_empty(), "{} tell the key:\n{}", leaks.len(), leaks.join("\n"));
}

/// What of a message is not OpenAI's own answer, passed on as it is, and no image or sound.
fn ours(tool: &Tool, mut message: Value) -> String {
    let result = &mut message["result"];
    if tool.run.is_none() && result["isError"] == false {
        result["content"].take();
        result["structuredContent"].take();
    }
    for block in result["content"].as_array_mut().into_iter().flatten() {
        block.as_object_mut().and_then(|block| block.remove("data"));
    }
    message.to_string()
}

#[test]
fn every_tool_keeps_the_key_over_http() {
    let (upstream, told) = told();
    let folder = tempfile::tempdir().unwrap();
    let launch = verbose(Launch::umbrella(&["serve", "--verbose", "--addr", "127.0.0.1:0"]), &upstream.base_url());
    let server = launch.within(folder.path()).serve();
    call_every_tool(&told, 1, |definition, key, params| {
        let authorization = format!("Bearer {key}");
        let path = format!("/{}/mcp", definition.domain);
        let body = message("tools/call", params);
        let reply = server.post(&path, &[("authorization", &authorization)], body.as_bytes());
        (format!("{} {:?}", reply.status, reply.headers), reply.messages())
    });
    let mut said = Said::default();
    said.server("every tool", server);
    said.expect_no_leak();
}

/// What tools say is the same as over HTTP, where all of it is searched; what is put round it meets every echo here, too.
#[test]
fn every_tool_keeps_the_key_over_stdio() {
    let (upstream, told) = told();
    let folder = tempfile::tempdir().unwrap();
    let domains: Vec<&str> = SERVERS.iter().map(|server| server.domain).collect();
    let launch = Launch::umbrella(&["stdio", &domains.join(","), "--verbose"]);
    let launch = verbose(launch, &upstream.base_url()).env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", ADMIN_KEY);
    let mut process = launch.within(folder.path()).start();
    call_every_tool(&told, 5, |_, _, params| {
        process.write((message("tools/call", params) + "\n").as_bytes());
        let (mut messages, answer) = process.receive_answer(&json!(1));
        messages.push(answer);
        (String::new(), messages)
    });
    assert_eq!(leak(&process.finish().stderr), None);
}

#[test]
fn commands_keep_the_key() {
    let echo = echo();
    let mut said = Said::default();
    for base_url in upstreams(&echo) {
        let run = |arguments: &[&str]| {
            let launch = verbose(Launch::umbrella(arguments), &base_url);
            launch.env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", KEY).env("OPENAI_MCP_ACCESS_TOKEN", TOKEN)
        };
        for call in calls_for(&base_url, &echo) {
            let (Some(tool), arguments) = (call["name"].as_str(), call["arguments"].to_string()) else { continue };
            said.run(&run(&["call", tool, &arguments]));
        }
        said.run(&run(&["call", "vector-store-list", "{"]));
        for client in ["claude-desktop", "claude-code", "cursor", "vscode", "codex", "roo"] {
            said.run(&run(&["config", client]));
        }
        said.run(&run(&["tools"]));
        // Help names variables; it must not show what is in them.
        for command in [&[][..], &["serve"], &["stdio"], &["call"], &["tools"], &["config"], &["sandbox"]] {
            said.run(&run(&[command, &["--help"]].concat()));
            said.run(&run(&[command, &["--no-such-flag"]].concat()));
        }
    }
    assert!(!echo.take().is_empty());
    said.expect_no_leak();
}

/// A redirect to another host is followed without the key, if at all.
#[test]
fn another_host_never_sees_the_key() {
    let other = Recorder::start_default().unwrap();
    // The same machine under another name is another host.
    let elsewhere = other.base_url().replace("127.0.0.1", "localhost");
    let upstream = Recorder::start(move |request| {
        let status = request.path().rsplit('_').next().and_then(|status| status.parse().ok()).unwrap_or(302);
        Answer::json(status, "{}").with_header("location", &elsewhere)
    })
    .unwrap();
    let server =
        verbose(Launch::umbrella(&["serve", "--verbose", "--addr", "127.0.0.1:0"]), &upstream.base_url()).serve();
    let authorization = format!("Bearer {KEY}");
    for status in [301, 302, 303, 307, 308] {
        let call = tool_call("vector-store-get", &json!({ "vector_store_id": format!("vs_{status}") }));
        server.post("/vector-store/mcp", &[("authorization", &authorization)], message("tools/call", &call).as_bytes());
    }
    assert!(upstream.take().len() >= 5);
    for request in other.take() {
        assert_eq!(leak(&format!("{request:?}")), None);
    }
}
