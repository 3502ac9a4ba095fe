//! JSON-RPC and MCP as plain data: messages, eras, faults.
//!
//! Two eras are served from one endpoint, and each message is classified on its own: the stateless one of 2026-07-28,
//! whose requests carry their protocol version in `_meta`, and the older revisions that begin with `initialize`.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning>

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json;
use crate::json::Node;
use crate::scan;

/// The stateless revision.
pub const MODERN: &str = "2026-07-28";
/// The revisions that begin with `initialize`, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
/// The newest of [`LEGACY`]: what a client is offered that asks for one we do not know.
pub const NEWEST_LEGACY: &str = "2025-11-25";
/// Most messages of a batch: all of them are served at once.
const LONGEST_BATCH: usize = 100;
/// The only revision with batches of messages.
const BATCHES: &str = "2025-03-26";

/// Most values of `_meta` and of `inputResponses`, as [`json::values`] counts them.
const MOST_VALUES: usize = 10_000;
/// Texts of at most so many bytes have few values, whatever they are.
const SHORT: usize = 2048;

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// Code of JSON-RPC or MCP.
    pub code: i32,
    /// What is wrong.
    pub message: String,
    /// Facts for the client, or `null`.
    pub data: Value,
}

impl RpcError {
    /// -32700: the text is not JSON.
    pub const PARSE: i32 = -32700;
    /// -32600: the JSON is no JSON-RPC message.
    pub const INVALID: i32 = -32600;
    /// -32601: no such method.
    pub const METHOD: i32 = -32601;
    /// -32602: the method's parameters are malformed, or name something that does not exist.
    pub const PARAMS: i32 = -32602;
    /// -32603: a fault of ours.
    pub const INTERNAL: i32 = -32603;
    /// -32020: an HTTP header and the body disagree.
    pub const HEADER: i32 = -32020;
    /// -32021: the request needs a capability that the client did not declare.
    pub const CAPABILITY: i32 = -32021;
    /// -32022: a protocol version that is not served.
    pub const VERSION: i32 = -32022;

    /// A fault without data.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        RpcError { code, message: message.into(), data: Value::Null }
    }

    /// The HTTP status that goes with it in the modern era. Errors of handlers travel in-band, with 200.
    pub(crate) fn modern_status(&self) -> u16 {
        match self.code {
            Self::PARSE | Self::INVALID | Self::HEADER | Self::CAPABILITY | Self::VERSION => 400,
            Self::METHOD => 404,
            _ => 200,
        }
    }

    /// As a message, which answers one with this id.
    pub fn to_message(&self, id: Option<&str>) -> String {
        let id = id.map(|id| format!(r#","id":{id}"#)).unwrap_or_default();
        format!(r#"{{"jsonrpc":"2.0"{id},"error":{}}}"#, json::text(&self.to_value()))
    }

    /// As the `error` member of a response.
    pub(crate) fn to_value(&self) -> Value {
        let mut value = json!({"code": self.code, "message": self.message});
        if let (Some(object), false) = (value.as_object_mut(), self.data.is_null()) {
            object.insert("data".into(), self.data.clone());
        }
        value
    }
}

/// The HTTP headers that repeat what the body says. `None` as a whole stands for stdio, which has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`
    pub version: Option<&'a str>,
    /// `Mcp-Method`
    pub method: Option<&'a str>,
    /// `Mcp-Name`
    pub name: Option<&'a str>,
}

/// The era of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2024-11-05 to 2025-11-25.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// One message, read as far as its envelope.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(crate) enum Incoming<'a> {
    Request(Request<'a>),
    Notification {
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
    /// An answer to a request of ours. We make none, so nobody waits for it.
    Response,
}

#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: &'a RawValue,
    pub(crate) method: Cow<'a, str>,
    pub(crate) era: Era,
    pub(crate) params: Params<'a>,
}

/// A message that gets a fault for an answer.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) fault: RpcError,
    pub(crate) status: u16,
}

/// The members that any of the methods we serve reads.
#[derive(Debug, Default)]
pub(crate) struct Params<'a> {
    meta: Option<&'a RawValue>,
    pub(crate) name: Option<&'a RawValue>,
    uri: Option<&'a RawValue>,
    task_id: Option<&'a RawValue>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) protocol_version: Option<&'a RawValue>,
    pub(crate) input_responses: Option<&'a RawValue>,
    pub(crate) request_state: Option<&'a RawValue>,
    /// All of them, for the methods that a server adds itself.
    pub(crate) raw: Option<&'a RawValue>,
    pub(crate) facts: Facts,
}

impl<'a> Params<'a> {
    fn read(raw: &'a RawValue) -> serde_json::Result<Self> {
        let [meta, name, uri, task_id, arguments, protocol_version, input_responses, request_state] = json::named(
            raw.get().as_bytes(),
            ["_meta", "name", "uri", "taskId", "arguments", "protocolVersion", "inputResponses", "requestState"],
        )?;
        Ok(Params {
            meta,
            name,
            uri,
            task_id,
            arguments,
            protocol_version,
            input_responses,
            request_state,
            raw: Some(raw),
            facts: Facts::default(),
        })
    }
}

/// What `_meta` says.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) progress_token: Option<String>,
    pub(crate) client_capabilities: Value,
    pub(crate) log_level: Option<String>,
}

pub(crate) fn string<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    match scalar(raw) {
        Some(Node::Text(text)) => Some(text),
        _ => None,
    }
}

/// A value that is no list and no object: those weigh many times their text, and are not read to find out what they are.
fn scalar(raw: &RawValue) -> Option<Node<'_>> {
    Some(raw.get()).filter(|text| !text.starts_with(['[', '{'])).and_then(|text| Node::parse(text).ok())
}

/// Makes sure that a parameter has few values: as a tree each weighs many times its text.
pub(crate) fn few(name: &str, raw: &RawValue) -> Result<(), RpcError> {
    let text = raw.get().as_bytes();
    if text.len() > SHORT && json::values(text) > MOST_VALUES {
        return Err(RpcError::new(RpcError::PARAMS, format!("`{name}` has more than {MOST_VALUES} values")));
    }
    Ok(())
}

/// Whether a text is a batch rather than a message.
pub(crate) fn batch<'a>(
    text: &'a [u8],
    headers: Option<Headers<'_>>,
) -> Option<Result<Vec<&'a RawValue>, Refused<'a>>> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        return None;
    }
    let refuse = |code, message: &str| Err(Refused { id: None, fault: RpcError::new(code, message), status: 400 });
    Some(match serde_json::from_slice::<Vec<&RawValue>>(text) {
        Err(error) => refuse(RpcError::PARSE, &format!("not JSON: {error}")),
        Ok(messages) if messages.is_empty() => refuse(RpcError::INVALID, "an empty batch"),
        Ok(messages) if messages.len() > LONGEST_BATCH => {
            refuse(RpcError::INVALID, &format!("a batch of {} messages; at most {LONGEST_BATCH}", messages.len()))
        }
        Ok(_) if headers.and_then(|headers| headers.version).is_some_and(|version| version != BATCHES) => {
            refuse(RpcError::INVALID, "only protocol version 2025-03-26 has batches")
        }
        Ok(messages) if messages.iter().any(|message| is_modern(message)) => {
            refuse(RpcError::INVALID, "protocol version 2026-07-28 has no batches")
        }
        Ok(messages) => Ok(messages),
    })
}

fn is_modern(message: &RawValue) -> bool {
    fn member<'a>(of: &'a RawValue, name: &str) -> Option<&'a RawValue> {
        json::named(of.get().as_bytes(), [name]).ok().and_then(|[member]| member)
    }
    member(message, "params")
        .and_then(|params| member(params, "_meta"))
        .is_some_and(|meta| member(meta, META_VERSION).is_some())
}

/// Reads a message and tells its era.
pub(crate) fn read<'a>(text: &'a [u8], headers: Option<Headers<'_>>) -> Result<Incoming<'a>, Refused<'a>> {
    let names = ["jsonrpc", "id", "method", "params", "result", "error"];
    let [jsonrpc, given, method, params, result, error] = json::named(text, names).map_err(|error| {
        let (code, what) =
            if error.is_data() { (RpcError::INVALID, "not a JSON-RPC message") } else { (RpcError::PARSE, "not JSON") };
        let message = format!("{what}: {error}");
        let (id, message) = match std::str::from_utf8(text) {
            Ok(_) => (None, message),
            Err(_) => (scan::id(text).map(Cow::Owned), "not UTF-8".to_owned()),
        };
        Refused { id, fault: RpcError::new(code, message), status: 400 }
    })?;
    let params = params.filter(|params| !is_nothing(params.get().as_bytes()));
    let id = given.filter(|id| is_id(id));
    let refuse = |fault: RpcError, status| Refused { id: id.map(|id| id.get().into()), fault, status };
    let invalid = |message: &str| refuse(RpcError::new(RpcError::INVALID, message), 400);
    let told = headers.and_then(|headers| headers.version);
    if jsonrpc.and_then(string).as_deref() != Some("2.0") {
        return Err(invalid("`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = method else {
        return match (result, error) {
            (None, None) => Err(invalid("neither `method` nor `result` nor `error`")),
            _ => served(told).map(|()| Incoming::Response).map_err(|fault| refuse(fault, 400)),
        };
    };
    let method = string(method).ok_or_else(|| invalid("`method` must be a string"))?;
    // A request whose id is null is none: it would be done, and nobody told.
    let Some(given) = given.filter(|id| !(is_null(id) && method.starts_with("notifications/"))) else {
        served(told).map_err(|fault| refuse(fault, 400))?;
        return Ok(Incoming::Notification { method, params });
    };
    let Some(id) = id else {
        return Err(invalid(&format!("`id` must be a string or an integer, got {}", kind_of(given))));
    };
    let params = params.map(Params::read).transpose();
    let mut params = params
        .map_err(|error| refuse(RpcError::new(RpcError::PARAMS, format!("`params`: {error}")), 400))?
        .unwrap_or_default();
    let meta = params.meta.filter(|meta| !is_nothing(meta.get().as_bytes()));
    for (name, raw) in [("_meta", meta), ("inputResponses", params.input_responses)] {
        raw.map_or(Ok(()), |raw| few(name, raw)).map_err(|fault| refuse(fault, 400))?;
    }
    let meta = meta.map(|meta| Node::parse(meta.get())).transpose();
    let meta = meta.map_err(|error| refuse(RpcError::new(RpcError::PARAMS, format!("`_meta`: {error}")), 400))?;
    let version = meta.as_ref().and_then(|meta| meta.get(META_VERSION));
    params.facts = facts(meta.as_ref()).map_err(|fault| refuse(fault, 400))?;

    let era = match version {
        Some(version) => {
            modern(&method, version, meta.as_ref(), headers, &params).map_err(|fault| {
                // A malformed envelope is refused by the transport; other -32602 are answers.
                let status = if fault.code == RpcError::PARAMS { 400 } else { fault.modern_status() };
                refuse(fault, status)
            })?;
            Era::Modern
        }
        None => {
            legacy(&method, told).map_err(|fault| refuse(fault, 400))?;
            Era::Legacy
        }
    };
    Ok(Incoming::Request(Request { id, method, era, params }))
}

fn is_id(id: &RawValue) -> bool {
    // JSON-RPC allows fractions; a whole number may also be written as 1.0.
    matches!(scalar(id), Some(Node::Text(_) | Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)))
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// Whether JSON that should be an object is what some clients write where they have none: `null`, or an empty array, as PHP
/// writes an empty object; or whether it is no text at all.
pub(crate) fn is_nothing(json: &[u8]) -> bool {
    matches!(json, b"" | b"null") || json.strip_prefix(b"[").is_some_and(|rest| rest.trim_ascii_start() == b"]")
}

fn kind_of(raw: &RawValue) -> String {
    let list = || if raw.get().starts_with('[') { "an array" } else { "an object" };
    scalar(raw).map_or_else(|| list().into(), |node| node.to_string())
}

fn facts(meta: Option<&Node<'_>>) -> Result<Facts, RpcError> {
    let Some(meta) = meta else { return Ok(Facts::default()) };
    if !matches!(meta, Node::Object(_)) {
        return Err(RpcError::new(RpcError::PARAMS, "`_meta` must be an object"));
    }
    let progress_token = match meta.get("progressToken") {
        None | Some(Node::Null) => None,
        Some(Node::Text(token)) => Some(json::quoted(token)),
        Some(number @ (Node::Unsigned(_) | Node::Signed(_) | Node::Float(_))) => Some(number.to_string()),
        Some(_) => return Err(RpcError::new(RpcError::PARAMS, "`progressToken` must be a string or a number")),
    };
    Ok(Facts {
        progress_token,
        client_capabilities: meta.get(META_CAPABILITIES).map(to_value).unwrap_or_default(),
        log_level: meta.get(META_LOG_LEVEL).and_then(Node::as_str).map(str::to_owned),
    })
}

fn to_value(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::from(*value),
        Node::Unsigned(value) => Value::from(*value),
        Node::Signed(value) => Value::from(*value),
        Node::Float(value) => Value::from(*value),
        Node::Text(text) => Value::from(text.as_ref()),
        Node::Array(items) => items.iter().map(to_value).collect(),
        Node::Object(entries) => {
            // One by one: collecting sorts, and code for sorting is large.
            let mut object = serde_json::Map::new();
            for (key, value) in entries {
                object.insert(key.to_string(), to_value(value));
            }
            object.into()
        }
    }
}

/// The rules for a request whose `_meta` names a protocol version.
fn modern(
    method: &str,
    version: &Node<'_>,
    meta: Option<&Node<'_>>,
    headers: Option<Headers<'_>>,
    params: &Params<'_>,
) -> Result<(), RpcError> {
    let version = version
        .as_str()
        .ok_or_else(|| RpcError::new(RpcError::PARAMS, format!("`_meta[\"{META_VERSION}\"]` must be a string")))?;
    let capable = match meta.and_then(|meta| meta.get(META_CAPABILITIES)) {
        Some(Node::Array(items)) => items.is_empty(),
        given => matches!(given, Some(Node::Object(_))),
    };
    if !capable {
        return Err(RpcError::new(RpcError::PARAMS, format!("`_meta[\"{META_CAPABILITIES}\"]` must be an object")));
    }
    if let Some(headers) = headers {
        let mismatch = |name: &str, header: Option<&str>, body: &str| {
            let header = header.map_or_else(|| "missing".to_owned(), |header| format!("`{header}`"));
            RpcError::new(RpcError::HEADER, format!("header `{name}` is {header}, the body says `{body}`"))
        };
        if headers.version != Some(version) {
            return Err(mismatch("MCP-Protocol-Version", headers.version, version));
        }
        if headers.method != Some(method) {
            return Err(mismatch("Mcp-Method", headers.method, method));
        }
        let named = match method {
            "tools/call" | "prompts/get" => params.name,
            "resources/read" => params.uri,
            "tasks/get" | "tasks/update" | "tasks/cancel" => params.task_id,
            _ => None,
        };
        if let Some(name) = named.and_then(string) {
            let header = headers.name.map(decode_header).transpose()?;
            if header.as_deref() != Some(name.as_ref()) {
                return Err(mismatch("Mcp-Name", headers.name, &name));
            }
        }
    }
    if version != MODERN {
        let mut fault =
            RpcError::new(RpcError::VERSION, format!("protocol version `{version}` is not served this way"));
        fault.data = json!({"supported": [MODERN], "requested": version});
        return Err(fault);
    }
    Ok(())
}

/// A header value, or what `=?base64?…?=` stands for.
fn decode_header(value: &str) -> Result<Cow<'_, str>, RpcError> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Cow::Owned)
        .ok_or_else(|| RpcError::new(RpcError::HEADER, "header `Mcp-Name` is not valid base64 of UTF-8"))
}

/// The rules for a request without a version in `_meta`. The header, where there is one, must fit.
fn legacy(method: &str, header: Option<&str>) -> Result<(), RpcError> {
    match header {
        Some(version) if version >= MODERN && method == "initialize" => Err(RpcError::new(
            RpcError::HEADER,
            format!("header `MCP-Protocol-Version` is `{version}`, which has no `initialize`"),
        )),
        Some(MODERN) => Err(RpcError::new(
            RpcError::PARAMS,
            format!("a request of {MODERN} needs `_meta` with `{META_VERSION}` and `{META_CAPABILITIES}`"),
        )),
        header => served(header),
    }
}

/// Whether there is such a version, if one is told.
fn served(header: Option<&str>) -> Result<(), RpcError> {
    let Some(version) = header.filter(|version| *version != MODERN && !LEGACY.contains(version)) else { return Ok(()) };
    let mut fault = RpcError::new(
        RpcError::VERSION,
        format!("protocol version `{version}` is not served; expected {} or {MODERN}", LEGACY.join(", ")),
    );
    let supported: Vec<_> = LEGACY.into_iter().chain([MODERN]).collect();
    fault.data = json!({"supported": supported, "requested": version});
    Err(fault)
}

/// The id that a `notifications/cancelled` names, as JSON text.
pub(crate) fn cancelled_id(params: Option<&RawValue>) -> Option<String> {
    let [id] = json::named(params?.get().as_bytes(), ["requestId"]).ok()?;
    Some(id?.get().to_owned())
}
