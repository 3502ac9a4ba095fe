//! The same arguments, given to our tools and to the official SDK, make the same request on the wire.
//!
//! Compared as sent: method, path, the names in a query, each part of a multipart body with all its headers, and the
//! headers of [`HEADERS`]. What may differ, and why:
//! - the boundary of a multipart body, which each side draws at random;
//! - the order of query parameters, of an object's keys and of form fields with different names, which mean nothing;
//! - how a blank in a query is escaped (`+` or `%20`), since both decode to the same: values are compared decoded;
//! - white space in JSON and the escapes of its strings; numbers are compared by their digits as written;
//! - `Content-Type` on a request that has no body, where the SDK sends `application/json` about nothing;
//! - `Accept`, unless the tool asks for something else than JSON: then it is what the SDK asks for;
//! - headers that describe the client (`User-Agent`, `X-Stainless-*`, `Accept-Encoding`) or the connection.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_testkit::golden;
use openai_mcp_testkit::recorder::{Recorded, Recorder};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ADMIN_KEY, KEY, Launch, Reply, Server, bearer, here, python};

const HEADERS: &[&str] = &["authorization", "openai-beta", "openai-organization", "openai-project"];

/// One request, in the words of both sides.
#[derive(Deserialize)]
pub(crate) struct Case {
    /// The server that has the tool: the name of the case's file.
    #[serde(skip)]
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) tool: String,
    pub(crate) arguments: Box<RawValue>,
    /// Arguments that only we have: they keep a tool from making requests of its own besides.
    #[serde(default)]
    ours: Option<Box<RawValue>>,
    /// Whether the tool looks where things stand before it makes the request that is compared.
    #[serde(default)]
    looks: bool,
    /// The call in the SDK's words.
    method: String,
    /// Whether it takes the admin key, as all of the SDK's `admin` do.
    #[serde(default)]
    admin: bool,
    /// What the SDK sends as files, and what paths of ours hold, by argument.
    #[serde(default)]
    uploads: BTreeMap<String, Uploads>,
    /// What the OpenAPI judge wrongly finds in this request, by code, and why.
    #[serde(default)]
    pub(crate) quirks: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Uploads {
    One(Upload),
    Many(Vec<Upload>),
}

#[derive(Deserialize)]
struct Upload {
    filename: String,
    text: Option<String>,
    base64: Option<String>,
}

impl Upload {
    fn content(&self) -> Vec<u8> {
        match (&self.text, &self.base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64).unwrap(),
            _ => panic!("{}: expected either text or base64", self.filename),
        }
    }

    /// The file within the message, as servers without a disk take it.
    fn inline(&self) -> Value {
        match &self.text {
            Some(text) => json!({ "text": text, "filename": self.filename }),
            None => json!({ "data": self.base64, "filename": self.filename }),
        }
    }
}

fn folder() -> PathBuf {
    here().join("differential")
}

/// Every case, in the order of the files' names.
pub(crate) fn cases() -> Vec<Case> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let domain = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        cases.into_iter().map(move |case| Case { domain: domain.clone(), ..case })
    };
    files.into_iter().flat_map(read).collect()
}

impl Case {
    /// The message that calls our tool, with the arguments byte for byte; a path leads into `folder`.
    fn message(&self, folder: &TempDir) -> String {
        self.message_with(|upload| {
            let path = folder.path().join(&upload.filename);
            std::fs::write(&path, upload.content()).unwrap();
            json!({ "path": path })
        })
    }

    /// The key that the request is made with.
    pub(crate) fn key(&self) -> &'static str {
        if self.admin || self.method.starts_with("admin.") { ADMIN_KEY } else { KEY }
    }

    /// The message with the files themselves in place of paths.
    pub(crate) fn message_inline(&self) -> String {
        self.message_with(Upload::inline)
    }

    /// The arguments in that message.
    pub(crate) fn arguments_inline(&self) -> String {
        self.arguments_with(Upload::inline)
    }

    fn message_with(&self, source: impl Fn(&Upload) -> Value) -> String {
        let (name, arguments) = (&self.tool, self.arguments_with(source));
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
        )
    }

    fn arguments_with(&self, source: impl Fn(&Upload) -> Value) -> String {
        let mut arguments = self.arguments.get().to_owned();
        if let Some(ours) = &self.ours {
            let (ours, rest) = (ours.get().trim_end_matches('}'), arguments.trim_start_matches('{'));
            arguments = format!("{ours},{rest}");
        }
        if !self.uploads.is_empty() {
            let mut value: Value = serde_json::from_str(&arguments).unwrap();
            let place = |given: &mut Value, upload: &Upload| {
                if given["path"].is_string() {
                    *given = source(upload);
                }
            };
            for (name, uploads) in &self.uploads {
                match uploads {
                    Uploads::One(upload) => place(&mut value[name], upload),
                    Uploads::Many(uploads) => {
                        for (index, upload) in uploads.iter().enumerate() {
                            place(&mut value[name][index], upload);
                        }
                    }
                }
            }
            arguments = value.to_string();
        }
        arguments
    }
}

/// A server of ours in front of some upstream.
pub(crate) struct Ours {
    server: Server,
    folder: TempDir,
}

impl Ours {
    pub(crate) fn new(base_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()])
            .env("OPENAI_BASE_URL", base_url)
            .env("OPENAI_ORG_ID", "org-e2e")
            .env("OPENAI_PROJECT_ID", "proj_e2e")
            // The requests of the APIs that OpenAI ended are sent as they are in these backends alone.
            .env("OPENAI_MCP_ASSISTANTS", "native")
            .env("OPENAI_MCP_EVALS", "native")
            .serve();
        Self { server, folder }
    }

    pub(crate) fn call(&self, case: &Case) -> Reply {
        self.server.post(&format!("/{}/mcp", case.domain), &bearer(case.key()), case.message(&self.folder).as_bytes())
    }
}

#[test]
fn our_requests_are_the_sdks_requests() {
    let cases = cases();
    let recorder = Recorder::start_default().unwrap();

    let base_url = recorder.base_url();
    let script = here().join("differential/sdk.py");
    let folder = folder();
    let arguments = [script.to_str().unwrap(), &base_url, KEY, ADMIN_KEY, folder.to_str().unwrap()];
    let finished = Launch::new(python()).args(&arguments).run().expect_success("the SDK");
    let refused: BTreeMap<String, String> = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(refused, BTreeMap::new(), "the SDK itself does not take these cases");
    let theirs: BTreeMap<usize, Recorded> = recorder
        .take()
        .into_iter()
        .map(|request| (request.header("x-case").unwrap().parse().unwrap(), request))
        .collect();
    assert_eq!(theirs.len(), cases.len());

    let ours = Ours::new(&base_url);
    let mut faults = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let reply = ours.call(case);
        let mut requests = recorder.take();
        let last = requests.pop();
        let looked = case.looks && requests.iter().all(|request| request.method == "GET");
        let Some(request) = last.filter(|_| requests.is_empty() || looked) else {
            faults.push(format!("{}: {requests:?} besides the one expected; {}", case.name, reply.body));
            continue;
        };
        for (what, ours, theirs) in differences(&request, &theirs[&number]) {
            faults.push(format!("{}: {what}\n    ours: {ours}\n  theirs: {theirs}", case.name));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// The list that coverage is measured by is what the SDK of `requirements.txt` can request.
#[test]
fn the_list_of_requests_is_the_sdks() {
    let package = r#"import importlib.util; print(importlib.util.find_spec("openai").submodule_search_locations[0])"#;
    let package = Launch::new(python()).args(&["-c", package]).run().expect_success("the place of the SDK").stdout;
    let file = |name: &str| here().join("api").join(name);
    let (script, coverage) = (file("extract.py"), file("coverage.json"));
    let arguments = [script.to_str().unwrap(), package.trim(), coverage.to_str().unwrap()];
    let found = Launch::new(python()).args(&arguments).run().expect_success("extract.py").stdout;
    golden::compare(&file("requests.jsonl"), &found);
}

/// Each thing in which two requests differ, with both values.
pub(crate) fn differences(ours: &Recorded, theirs: &Recorded) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    let mut compare = |what, ours: String, theirs: String| {
        if ours != theirs {
            found.push((what, ours, theirs));
        }
    };
    compare("method", ours.method.clone(), theirs.method.clone());
    compare("path", ours.path().to_owned(), theirs.path().to_owned());
    compare("query", format!("{:?}", query(ours)), format!("{:?}", query(theirs)));
    for name in HEADERS {
        compare(name, format!("{:?}", ours.header(name)), format!("{:?}", theirs.header(name)));
    }
    if let Some(accept) = ours.header("accept").filter(|accept| *accept != "application/json") {
        compare("accept", accept.to_owned(), theirs.header("accept").unwrap_or_default().to_owned());
    }
    if !(ours.body.is_empty() && theirs.body.is_empty()) {
        compare("content-type", content_type(ours), content_type(theirs));
    }
    compare("body", format!("{:?}", body(ours)), format!("{:?}", body(theirs)));
    found
}

/// Names as sent, but for a blank in them, and values decoded, sorted.
fn query(request: &Recorded) -> Vec<(String, String)> {
    let decode = |value: &str| {
        let value = value.replace('+', " ");
        percent_encoding::percent_decode_str(&value).decode_utf8().unwrap().into_owned()
    };
    let mut pairs: Vec<(String, String)> = request
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').map_or((pair, String::new()), |(name, value)| (name, decode(value))))
        .map(|(name, value)| (name.replace("%20", "+"), value))
        .collect();
    pairs.sort();
    pairs
}

/// The type without its boundary.
fn content_type(request: &Recorded) -> String {
    let value = request.header("content-type").unwrap_or_default();
    value.split("; boundary=").next().unwrap_or_default().to_owned()
}

#[derive(Debug)]
#[allow(dead_code, reason = "read through Debug, which is how bodies are compared")]
enum Body {
    Empty,
    Json(Exact),
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug)]
#[allow(dead_code, reason = "read through Debug")]
struct Part {
    /// Sorted, with names in lower case.
    headers: BTreeMap<String, String>,
    content: String,
}

fn body(request: &Recorded) -> Body {
    if request.body.is_empty() {
        return Body::Empty;
    }
    if let Some((_, boundary)) = request.header("content-type").unwrap_or_default().split_once("boundary=") {
        return Body::Parts(parts(&request.body, boundary.trim_matches('"')));
    }
    if content_type(request) == "application/json" {
        return Body::Json(exact(serde_json::from_slice(&request.body).unwrap()));
    }
    Body::Text(String::from_utf8_lossy(&request.body).into_owned())
}

fn parts(body: &[u8], boundary: &str) -> Vec<Part> {
    // Latin-1 keeps every byte of a binary file apart.
    let text: String = body.iter().copied().map(char::from).collect();
    let text = format!("\r\n{text}");
    let delimiter = format!("\r\n--{boundary}");
    let (content, end) = text.rsplit_once(&delimiter).unwrap();
    assert!(end.starts_with("--"), "the body does not end with its boundary: {end:?}");
    let one = |part: &str| {
        let (head, content) = part.strip_prefix("\r\n").unwrap().split_once("\r\n\r\n").unwrap();
        let headers = head.split("\r\n").map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        });
        let headers: BTreeMap<_, _> = headers.collect();
        let is_json = headers.get("content-type").is_some_and(|kind| kind == "application/json");
        let content = match serde_json::from_str(content) {
            Ok(json) if is_json => format!("{:?}", exact(json)),
            _ => content.to_owned(),
        };
        Part { headers, content }
    };
    let mut parts: Vec<Part> = content.split(&delimiter).skip(1).map(one).collect();
    let name =
        |part: &Part| part.headers.get("content-disposition").and_then(|it| it.split(';').nth(1)).map(str::to_owned);
    parts.sort_by_key(name);
    parts
}

/// JSON that keeps the digits of its numbers.
#[derive(Debug)]
#[allow(dead_code, reason = "read through Debug")]
enum Exact {
    /// A number, `true`, `false` or `null`, as written.
    Token(String),
    Text(String),
    List(Vec<Exact>),
    Map(BTreeMap<String, Exact>),
}

fn exact(raw: &RawValue) -> Exact {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let map: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
            Exact::Map(map.into_iter().map(|(key, value)| (key, exact(value))).collect())
        }
        Some(b'[') => {
            Exact::List(serde_json::from_str::<Vec<&RawValue>>(text).unwrap().into_iter().map(exact).collect())
        }
        Some(b'"') => Exact::Text(serde_json::from_str(text).unwrap()),
        _ => Exact::Token(text.to_owned()),
    }
}

/// The comparison sees what it is there to see.
#[test]
fn differences_are_found() {
    let request = |target: &str, kind: &str, body: &str| Recorded {
        method: "POST".into(),
        target: target.into(),
        headers: vec![("content-type".into(), kind.into())],
        body: body.as_bytes().to_vec().into(),
    };
    let json = |body| request("/a", "application/json", body);
    let form = |boundary: &str, part: &str| {
        let body = format!("--{boundary}\r\nContent-Disposition: {part}\r\n\r\nx\r\n--{boundary}--\r\n");
        request("/a", &format!("multipart/form-data; boundary={boundary}"), &body)
    };
    let same = [
        (json(r#"{"a":1,"b":"é"}"#), json(r#"{ "b": "\u00e9", "a": 1 }"#)),
        (request("/a?x=1+2&y=%C3%A9", "", ""), request("/a?y=é&x=1%202", "", "")),
        (form("one", r#"form-data; name="f""#), form("two", r#"form-data; name="f""#)),
    ];
    for (one, other) in &same {
        assert_eq!(differences(one, other), []);
    }
    let different = [
        (json(r#"{"a":1}"#), json(r#"{"a":1.0}"#)),
        (json(r#"{"a":9007199254740993}"#), json(r#"{"a":9007199254740992}"#)),
        (json(r#"{"a":null}"#), json("{}")),
        (request("/a%20b", "", ""), request("/a+b", "", "")),
        (request("/a?x[]=1", "", ""), request("/a?x=1", "", "")),
        (request("/a?x=1&x=2", "", ""), request("/a?x=1", "", "")),
        (form("one", r#"form-data; name="f""#), form("two", r#"form-data; name="f"; filename="f""#)),
    ];
    for (one, other) in &different {
        assert_ne!(differences(one, other), [], "{one:?} {other:?}");
    }
}
