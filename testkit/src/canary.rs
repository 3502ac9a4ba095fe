//! A planted key, an API that says it back in every way there is, and the search for it in what comes out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openai_mcp_kernel::server::Definition;
use serde_json::{Value, json};

use crate::case::{Case, call_with_progress, children};
use crate::script::{Reply, Script};
use crate::shapes;

/// A key of a project.
pub const KEY: &str = "sk-canary-q7VxZ2mN9pLr4TwK8sYd3FhJ6bGc1QvEoUaIiXtRyWnMzB5";
/// A key of an administrator. It is as secret where [`KEY`] is: from the last dash on.
pub const ADMIN_KEY: &str = "sk-admin-canary-q7VxZ2mN9pLr4TwK8sYd3FhJ6bGc1QvEoUaIiXtRyWnMzB5";
/// An access token.
pub const TOKEN: &str = "token-canary-H3kPz8Wq1LsXv6Rn0TfYb4MdJc9GiEuOaVtBxKyQw2Zh7Np";

/// How long a piece of a key counts as the key.
const WINDOW: usize = 12;
/// Where a long message is cut, in characters.
const CUT: usize = 1000;
/// Requests that a call may make until it has to have had enough.
const REQUESTS: usize = 16;

/// Which of the echoes an answer of a case meets: every so many-th.
const SHARE: usize = 5;

/// Every form of every piece of a secret: those that letter case does not change the meaning of, and base64.
static FORMS: LazyLock<[AhoCorasick; 2]> = LazyLock::new(|| {
    let (mut folded, mut exact) = (BTreeSet::new(), BTreeSet::new());
    for secret in [KEY, TOKEN] {
        // The readable head (`sk-canary-`) is no secret; what follows it is.
        let body = secret.rsplit('-').next().unwrap_or_default();
        for piece in body.as_bytes().windows(WINDOW) {
            folded.insert(String::from_utf8_lossy(piece).into_owned());
            folded.insert(piece.iter().map(|byte| format!("%{byte:02x}")).collect());
            folded.insert(piece.iter().map(|byte| format!("{byte:02x}")).collect());
            for shift in 0..3 {
                // The characters of base64 that depend on this piece alone, wherever it stands among the bytes.
                let encoded = BASE64_STANDARD.encode([&b"\0\0"[..shift], piece].concat());
                let core = &encoded[if shift == 0 { 0 } else { shift + 1 }..encoded.trim_end_matches('=').len() - 1];
                exact.insert(core.to_owned());
                exact.insert(core.replace('+', "-").replace('/', "_"));
            }
        }
    }
    [(folded, true), (exact, false)].map(|(forms, folds)| {
        let automaton = AhoCorasickBuilder::new().ascii_case_insensitive(folds).build(forms);
        automaton.unwrap_or_else(|error| panic!("{error}"))
    })
});

/// The first form in which `text` holds a part of a secret.
pub fn leak(text: &str) -> Option<&str> {
    FORMS.iter().find_map(|forms| text.get(forms.find(text)?.range()))
}

/// An answer that says `key` back, and what it is called.
pub struct Echo {
    /// A few words.
    pub name: &'static str,
    /// The answer.
    pub reply: Reply,
}

/// Every way in which an API says back what it was told.
pub fn echoes(key: &str) -> Vec<Echo> {
    let error = |message: &str| {
        json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}})
            .to_string()
    };
    let incorrect = |key: &str| error(&format!("Incorrect API key provided: {key}. Find your key at x."));
    // With this in front, the cut of a long message goes through the middle of the key.
    let long = format!("{}{key}", "x ".repeat((CUT - key.len() / 2) / 2));
    let events = |data: String| {
        Reply::new(200, format!("data: {data}\n\ndata: [DONE]\n\n")).with_header("content-type", "text/event-stream")
    };
    let html = |status, body: String| Reply::new(status, body).with_header("content-type", "text/html");
    let replies = [
        ("a refused key", Reply::new(401, incorrect(key)).with_header("www-authenticate", &format!("Bearer {key}"))),
        ("a refused key in upper case", Reply::new(401, incorrect(&key.to_uppercase()))),
        ("a refused key in lower case", Reply::new(401, incorrect(&key.to_lowercase()))),
        ("lines", Reply::new(403, error(&format!("The key\n{key}\nmay not, nor Bearer {key}")))),
        ("a long message", Reply::new(400, error(&long))),
        ("a long message in upper case", Reply::new(400, error(&long.to_uppercase()))),
        ("a long string for an error", Reply::new(400, json!({"error": long}).to_string())),
        ("a page", html(400, format!("<pre>authorization: Bearer {key}</pre>"))),
        ("a long page", html(400, format!("<p>{long}"))),
        ("no JSON", Reply::new(400, format!("{{\"key\": \"{key}\" and then"))),
        (
            "every member of an error",
            Reply::new(
                400,
                json!({"error": {"message": {key: key}, "type": key, "param": key, "code": key}}).to_string(),
            ),
        ),
        ("too many requests", Reply::new(429, incorrect(key)).with_header("retry-after", key)),
        ("a fault", Reply::new(500, incorrect(key)).with_header("x-should-retry", "false")),
        ("a request id", Reply::new(400, error("no")).with_header("x-request-id", key)),
        (
            "a request id of a success",
            Reply::json(&json!({"object": "list", "data": []})).with_header("x-request-id", key),
        ),
        ("a media type", Reply::json(&json!({})).with_header("content-type", &format!("application/json; key={key}"))),
        ("a media type of a page", html(200, "<p>".into()).with_header("content-type", &format!("text/{key}"))),
        ("a success without JSON", Reply::new(200, format!("{{\"key\": \"{key}\" and then"))),
        ("a chunk that is text", events(json!(key).to_string())),
        ("a chunk that is no JSON", events(format!("{{\"choices\": {key}"))),
        ("a chunk of other types", events(json!({"id": [key], "type": key, "choices": key, "data": key}).to_string())),
        ("a chunk of other keys", events(json!({key: key, "choices": [{key: 1, "delta": key}]}).to_string())),
        ("an error as a chunk", events(incorrect(key))),
        ("a long error as a chunk", events(error(&long))),
        (
            "an error as an event",
            Reply::new(200, format!("event: error\ndata: {}\n\n", incorrect(key)))
                .with_header("content-type", "text/event-stream"),
        ),
        (
            "a file name",
            Reply::json(&json!({"error": {"message": "no"}}))
                .with_header("content-disposition", &format!("attachment; filename=\"{key}.txt\"")),
        ),
        ("texts for everything", Reply::json(&other_types(&json!(key)))),
        ("lists for everything", Reply::json(&other_types(&json!([key])))),
        ("objects for everything", Reply::json(&other_types(&json!({ key: key })))),
    ];
    replies.into_iter().chain(sockets(key)).map(|(name, reply)| Echo { name, reply }).collect()
}

/// What may come in over a socket, once it is open.
fn sockets(key: &str) -> Vec<(&'static str, Reply)> {
    let open = [json!({"type": "session.created"}), json!({"type": "session.updated"})];
    let plays = |events: &[Value], rest: &str| {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        Reply::new(101, format!("{}\n{rest}", lines.join("\n")))
    };
    let then = |more: &[Value]| plays(&[&open, more].concat(), "");
    let error =
        json!({"type": key, "code": key, "message": format!("Incorrect API key provided: {key}."), "param": key});
    let item = json!({"type": "function_call", "call_id": key, "name": key, "arguments": key, "id": key});
    let response = |status: &str| {
        let details = json!({"type": status, "reason": key, "error": error});
        json!({"status": status, "status_details": details, "output": [item], "usage": {key: key}})
    };
    let said = |kind: &str| json!({"type": kind, "delta": key, "transcript": key, "item_id": "a", "error": error});
    let all: Vec<Value> = [
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "response.created",
        "response.output_text.delta",
    ]
    .map(said)
    .to_vec();
    let ended = [
        json!({"type": "session.delegation.created", "delegation": {"id": key}}),
        json!({"type": "response.event", "event": {"type": "response.output_item.done", "item": item}}),
        json!({"type": "response.done", "response": response("completed")}),
        json!({"type": "session.closed", "reason": key, "usage": {key: key}}),
    ];
    vec![
        ("an error at once", plays(&[json!({"type": "error", "error": error})], "")),
        ("an error over a socket", then(&[json!({"type": "error", "error": error})])),
        ("events", then(&[&all[..], &ended].concat())),
        ("an answer that failed", then(&[json!({"type": "response.done", "response": response("failed")})])),
        (
            "an answer that is cut",
            then(&[&all[..], &[json!({"type": "response.done", "response": response("incomplete")})]].concat()),
        ),
        (
            "a transcript that failed",
            then(&[
                said("conversation.item.input_audio_transcription.failed"),
                json!({"type": "response.done", "response": {}}),
            ]),
        ),
        ("a goodbye", plays(&open, &format!("close 4000 {key}"))),
        ("a goodbye in the middle", plays(&[&open[..], &all].concat(), &format!("close 4000 {key}"))),
        ("a break", plays(&open, &format!("break {key}"))),
        ("a break in the middle", plays(&[&open[..], &all].concat(), &format!("break {key}"))),
        ("no event", plays(&open, &format!("[{key}"))),
    ]
}

/// An answer in which everything that code of ours reads is something else.
fn other_types(value: &Value) -> Value {
    const READ: [&str; 24] = [
        "id",
        "object",
        "status",
        "data",
        "results",
        "choices",
        "output",
        "text",
        "created_at",
        "created",
        "usage",
        "error",
        "last_error",
        "purpose",
        "bytes",
        "filename",
        "has_more",
        "last_id",
        "segments",
        "words",
        "voice",
        "model",
        "files",
        "result_files",
    ];
    READ.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
}

/// Plays every echo to every tool: as the answer to the first request of calls that are made from the tool's shape, and
/// in the place of answers of its cases. Nothing that comes out may hold a piece of the key, but for what an
/// endpoint without code of ours answers with success: that passes through as it is.
///
/// # Panics
/// Something does: everything that does is told.
pub fn check(server: &'static Definition, folder: &str) {
    let folder = Path::new(folder).join("tests/cases");
    let mut leaks = Vec::new();
    for tool in server.tools() {
        let (spec, plain) = (tool.spec, tool.run.is_none());
        let key = if server.admin || spec.admin { ADMIN_KEY } else { KEY };
        let echoes = echoes(key);
        let mut judge = |call: &str, echo: &Echo, said: Vec<String>| {
            let found = said.into_iter().find(|text| leak(text).is_some());
            leaks.extend(found.map(|text| format!("{}, {}, {call}: {text}", spec.name, echo.name)));
        };
        let mut answers = 0;
        // Every call meets an echo and every echo a call, not each the other's each.
        let calls = shapes::calls(spec);
        for at in 0..calls.len().max(echoes.len()) {
            let (call, echo) = (Value::Object(calls[at % calls.len()].clone()), &echoes[at % echoes.len()]);
            let script = Script::new(vec![echo.reply.clone(); REQUESTS]).as_caller(key);
            if let Some(name) = spec.setting {
                script.set(name, "vs_1");
            }
            judge("made", echo, said(server, plain, [(spec.name, call.to_string().as_str())], script));
        }
        for file in children(&folder.join(spec.name)) {
            let case = Case::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            for at in 0..case.replies.len() {
                // Every answer meets some of the echoes, and every echo some of a tool's answers.
                answers += 1;
                for echo in echoes.iter().skip(answers % SHARE).step_by(SHARE) {
                    let mut replies = case.replies.clone();
                    replies[at] = echo.reply.clone();
                    let script = case.script(replies).as_caller(key);
                    let before = case.before.iter().map(|(tool, arguments)| (tool.as_str(), arguments.as_str()));
                    let calls = before.chain([(spec.name, case.call.as_str())]);
                    judge(&format!("{name}, reply {}", at + 1), echo, said(server, plain, calls, script));
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{} tell the key:\n{}", leaks.len(), leaks.join("\n"));
}

/// All that calls give, one after the other: messages, and the names of files. Of a success of a `plain` tool, all but
/// the answer itself.
fn said<'a>(
    server: &'static Definition,
    plain: bool,
    calls: impl IntoIterator<Item = (&'a str, &'a str)>,
    script: Script,
) -> Vec<String> {
    let script = Arc::new(script);
    let messages =
        calls.into_iter().flat_map(|(tool, arguments)| call_with_progress(server, tool, arguments, script.clone()));
    let messages: Vec<String> = messages
        .map(|mut message| {
            if plain && message["result"]["isError"] == false {
                message["result"]["content"].take();
                message["result"]["structuredContent"].take();
            }
            // An image or a sound is what it is.
            for block in message["result"]["content"].as_array_mut().into_iter().flatten() {
                if let Some(data) = block.get_mut("data") {
                    data.take();
                }
            }
            message.to_string()
        })
        .collect();
    messages.into_iter().chain(script.saved().into_iter().map(|(path, _)| path)).collect()
}
