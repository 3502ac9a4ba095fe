//! `.case` files: a call, the requests it makes, the answers it gets, the result it gives.
//!
//! ```text
//! call      {"vector_store_id": "vs_1"}
//! sends     GET /vector_stores/vs_1
//!           openai-beta: assistants=v2
//! replies   200
//!           {"id": "vs_1"}
//! result    {"id":"vs_1"}
//! ```
//!
//! A case may begin with the time that it is, as `at        2026-11-27T10:00:00Z`, with settings of the server, each as
//! `setting   NAME VALUE` for the variable `OPENAI_MCP_NAME`, and with calls that come before, on the same database, each as `before    TOOL ARGUMENTS`; what they send
//! stands with the rest.
//!
//! A request that opens a WebSocket is a `SOCKET`, and what goes out over it its body; `socket.rs` tells what its
//! `replies   101` plays.
//!
//! `sends`/`replies` repeat for a tool that makes several requests; a reply may have header lines between status and
//! body. The last section is `result`, or `error` for a call that fails. `saves` tells of a written file. A line that
//! begins with `#` is a comment. With `BLESS=1` in the environment everything but `at`, `setting`, `before`, `call` and `replies` is
//! rewritten. What paths and URLs lead to is told by [`crate::script`].

use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::StreamExt as _;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_kernel::spec::Spec;
use openai_mcp_kernel::time;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::golden;
use crate::script::{self, BASE_URL, Script, Sent};

/// Width of the column of section names.
const INDENT: usize = 10;

/// A case, as far as it is given and not expected.
pub struct Case {
    comments: String,
    /// When it is, if it matters.
    at: Option<String>,
    settings: Vec<(String, String)>,
    /// Tools and their arguments.
    pub(crate) before: Vec<(String, String)>,
    /// The arguments, as JSON.
    pub call: String,
    pub(crate) replies: Vec<script::Reply>,
    replies_text: Vec<String>,
}

impl Case {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is malformed.
    pub fn read(file: &Path) -> Result<Case, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let mut case = Case {
            comments: text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect(),
            at: None,
            settings: Vec::new(),
            before: Vec::new(),
            call: String::new(),
            replies: Vec::new(),
            replies_text: Vec::new(),
        };
        for (name, body) in sections(&text) {
            let pair = |missing: &str| {
                let (name, value) = body.split_once(' ').unwrap_or((&body, missing));
                (name.to_owned(), value.to_owned())
            };
            match name {
                "at" => case.at = Some(body),
                "setting" => case.settings.push(pair("")),
                "before" => case.before.push(pair("{}")),
                "call" => case.call = body,
                "replies" => {
                    case.replies.push(script::Reply::read(&body)?);
                    case.replies_text.push(body);
                }
                _ => {}
            }
        }
        if case.call.is_empty() { Err("there is no `call`".to_owned()) } else { Ok(case) }
    }

    /// A platform with its settings that answers with these.
    pub(crate) fn script(&self, replies: Vec<script::Reply>) -> Script {
        let at = self.at.as_deref().and_then(time::seconds).and_then(|at| u64::try_from(at).ok()).unwrap_or_default();
        self.settings.iter().fold(Script::new(replies).at(at), |script, (name, value)| script.with(name, value))
    }
}

/// Runs one case of a tool.
///
/// # Errors
/// The case is malformed, or does not hold: what is wrong, as a diff where something else came out.
pub fn run(server: &'static Definition, tool: &str, file: &Path) -> Result<(), String> {
    let case = Case::read(file)?;
    let script = Arc::new(case.script(case.replies.clone()));
    let mut actual = case.comments;
    if let Some(at) = &case.at {
        section(&mut actual, "at", at);
    }
    for (name, value) in &case.settings {
        section(&mut actual, "setting", &format!("{name} {value}"));
    }
    for (tool, arguments) in &case.before {
        let result = call_tool(server, tool, arguments, script.clone());
        if result["isError"] == true {
            return Err(format!("before: {tool} fails: {}", shown(&result)));
        }
        section(&mut actual, "before", &format!("{tool} {arguments}"));
    }
    let result = call_tool(server, tool, &case.call, script.clone());
    section(&mut actual, "call", &case.call);
    let mut replies = case.replies_text.iter();
    for sent in script.sent() {
        section(&mut actual, "sends", &sent_text(&sent));
        if let Some(body) = replies.next() {
            section(&mut actual, "replies", body);
        }
    }
    for (path, content) in script.saved() {
        section(&mut actual, "saves", &format!("{path}\n{}", script::text(&content)));
    }
    let outcome = if result.get("isError") == Some(&Value::Bool(true)) { "error" } else { "result" };
    section(&mut actual, outcome, &shown(&result));
    match script.left() {
        0 => golden::hold(file, &actual),
        left => Err(format!("{left} replies that nothing asked for; what came out:\n{actual}")),
    }
}

/// Calls a tool on a scripted platform and gives the `result` of the response; a fault of the protocol becomes one, too.
/// The arguments are JSON: a `Value`, or the text itself where its spelling counts.
///
/// # Panics
/// The arguments are no JSON, the settings are none, or the answer is not one message.
pub fn call_tool(server: &'static Definition, tool: &str, arguments: impl Display, script: Arc<Script>) -> Value {
    let answer = match answer(server, tool, arguments, "{}", script) {
        Reply::One(_, answer) => read(&answer),
        _ => panic!("{tool}: expected one message"),
    };
    answer
        .get("result")
        .cloned()
        .unwrap_or_else(|| json!({"isError": true, "content": [{"text": answer["error"]["message"]}]}))
}

/// The messages that a caller is sent who asks for progress: notifications, then the response.
///
/// # Panics
/// As [`call_tool`].
pub fn call_with_progress(
    server: &'static Definition,
    tool: &str,
    arguments: impl Display,
    script: Arc<Script>,
) -> Vec<Value> {
    match answer(server, tool, arguments, r#"{"progressToken":1}"#, script) {
        Reply::Nothing => Vec::new(),
        Reply::One(_, answer) => vec![read(&answer)],
        Reply::Many(messages) => {
            let messages: Vec<Bytes> = futures_executor::block_on(messages.collect());
            messages.iter().map(read).collect()
        }
    }
}

/// Begins a call, and gives it up when it waits for something that does not come.
///
/// # Panics
/// It comes to an end.
pub fn give_up(server: &'static Definition, tool: &str, arguments: impl Display, script: &Arc<Script>) {
    /// More often than anything asks to be looked at again.
    const LOOKS: usize = 10_000;
    let service = service(server, script);
    let mut reply = begin(&service, takes_admin(server, tool), tool, &arguments.to_string(), "{}", script);
    for _ in 0..LOOKS {
        assert!(reply.as_mut().now_or_never().is_none(), "{tool} has ended");
    }
}

/// A server for a test, with the settings of a script.
///
/// # Panics
/// The settings are none, or leave no tool.
pub fn service(server: &'static Definition, script: &Arc<Script>) -> Arc<Service> {
    let settings = script.settings();
    let variable = |name: &str| match name {
        "OPENAI_BASE_URL" if script.is_openai() => None,
        "OPENAI_BASE_URL" => Some(BASE_URL.to_owned()),
        _ => settings.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()),
    };
    let config = Config::read(variable).unwrap_or_else(|problem| panic!("{problem}")).with_settings(script.settings());
    Service::new(server, Arc::new(config), script.clone()).unwrap_or_else(|problem| panic!("{problem}"))
}

/// How a call reaches a tool in another way than by its name.
pub struct Detour<'a> {
    /// What stands before a server.
    pub front: &'a dyn Fn(Arc<Service>) -> Arc<Service>,
    /// The tool that is called in place of a [`Spec`], and its arguments.
    pub call: &'a dyn Fn(&Spec, &str) -> (String, String),
}

/// Runs one case of a tool as it is and by a detour: the same must be sent, saved and answered, but for `_meta`.
///
/// # Errors
/// The case is malformed, or the two differ.
pub fn compare(server: &'static Definition, tool: &Spec, file: &Path, detour: &Detour<'_>) -> Result<(), String> {
    let case = Case::read(file)?;
    let play = |detour: Option<&Detour<'_>>, version: &str| {
        let script = Arc::new(case.script(case.replies.clone()));
        let service = service(server, &script);
        let service = detour.map_or(service.clone(), |detour| (detour.front)(service));
        let call = |name: &str, arguments: &str| {
            let spec = server.specs().find(|spec| spec.is_named(name)).unwrap_or(tool);
            let (name, arguments) = match detour {
                Some(detour) => (detour.call)(spec, arguments),
                None => (name.to_owned(), arguments.to_owned()),
            };
            match ask(&service, takes_admin(server, spec.name), &name, &arguments, version, &script) {
                Reply::One(_, answer) => answer,
                _ => panic!("{name}: expected one message"),
            }
        };
        for (tool, arguments) in &case.before {
            call(tool, arguments);
        }
        let mut answer = read(&call(tool.name, &case.call));
        if let Some(result) = answer.get_mut("result").and_then(Value::as_object_mut) {
            result.remove("_meta");
        }
        let sent: Vec<String> = script.sent().iter().map(sent_text).collect();
        format!("{answer}\n{}\n{:?}", sent.join("\n"), script.saved())
    };
    for version in ["{}", MODERN] {
        let (direct, through) = (play(None, version), play(Some(detour), version));
        // A name that is not offered is a fault of the protocol only where it is the tool's name that says it.
        let refused = direct.starts_with(r#"{"error":"#);
        if direct != through && !refused {
            return Err(golden::difference(&direct, &through));
        }
    }
    Ok(())
}

/// `_meta` of a request of the stateless era.
const MODERN: &str =
    r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn read(message: &Bytes) -> Value {
    serde_json::from_slice(message).unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(message)))
}

fn answer(server: &'static Definition, tool: &str, arguments: impl Display, meta: &str, script: Arc<Script>) -> Reply {
    let service = service(server, &script);
    ask(&service, takes_admin(server, tool), tool, &arguments.to_string(), meta, &script)
}

/// Whether a tool takes the admin key.
fn takes_admin(server: &Definition, tool: &str) -> bool {
    server.admin || server.specs().any(|spec| spec.is_named(tool) && spec.admin)
}

/// Calls `name`, with a key of the kind that it takes.
fn ask(service: &Arc<Service>, admin: bool, name: &str, arguments: &str, meta: &str, script: &Script) -> Reply {
    futures_executor::block_on(begin(service, admin, name, arguments, meta, script))
}

fn begin(
    service: &Arc<Service>,
    admin: bool,
    name: &str,
    arguments: &str,
    meta: &str,
    script: &Script,
) -> BoxFuture<'static, Reply> {
    let arguments: Box<RawValue> =
        serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{name}: the call is not JSON: {error}"));
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments},"_meta":{meta}}}}}"#
    );
    let usual = if admin { "sk-admin-case" } else { "sk-case" };
    let key = Secret::new(script.key().unwrap_or(usual)).ok();
    let caller = Caller { key, trusted: script.trusted(), ..Caller::default() };
    service.begin(&Bytes::from(message), caller, None).reply
}

/// The text of a result; with its structured content only where that says something else.
fn shown(result: &Value) -> String {
    let texts = result["content"].as_array().into_iter().flatten();
    let mut text = texts
        .map(|block| block["text"].as_str().map_or_else(|| block.to_string(), str::to_owned))
        .collect::<Vec<_>>()
        .join("\n");
    if let Some(structured) = result.get("structuredContent")
        && serde_json::from_str::<Value>(&text).ok().as_ref() != Some(structured)
    {
        let _ = write!(text, "\nstructured: {structured}");
    }
    text
}

fn sent_text(sent: &Sent) -> String {
    let mut text = format!("{} {}", sent.method, sent.target);
    for (name, value) in &sent.headers {
        let _ = write!(text, "\n{name}: {value}");
    }
    if !sent.body.is_empty() {
        let _ = write!(text, "\n{}", sent.body.replace("\r\n", "\n").trim_end());
    }
    text
}

fn section(out: &mut String, name: &str, body: &str) {
    for (index, line) in body.lines().enumerate() {
        let name = if index == 0 { name } else { "" };
        out.push_str(format!("{name:<INDENT$}{line}").trim_end());
        out.push('\n');
    }
}

fn sections(text: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.split_whitespace().next(), sections.last_mut()) {
            (Some(name), _) if !line.starts_with(' ') => {
                sections.push((name, line.get(INDENT..).unwrap_or_default().to_owned()));
            }
            (_, Some((_, body))) => {
                body.push('\n');
                body.push_str(line.get(INDENT..).unwrap_or_default());
            }
            _ => {}
        }
    }
    sections
}

/// What is in a folder, in the order of the names: a folder of cases for each tool, and its cases.
pub(crate) fn children(folder: &Path) -> Vec<PathBuf> {
    let mut children: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    children.sort();
    children
}
