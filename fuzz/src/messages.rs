//! What callers send: messages, and the arguments of tools.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::json;
use openai_mcp_kernel::plan::{self, Payload};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::protocol::Headers;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{self, Script};
use serde_json::value::RawValue;

tools![Everything, Form];

/// Take every kind of argument.
#[tool("thing-do", POST "/things/{thing_id}/do")]
struct Everything {
    thing_id: String,
    #[query]
    include: Option<Vec<String>>,
    #[header("Idempotency-Key")]
    idempotency_key: Option<String>,
    name: Option<Nullable<Text<1, 8>>>,
    count: Option<Int<-5, 5>>,
    ratio: Option<Num<0, 1>>,
    tags: Option<OneOrMany<String>>,
    metadata: Option<Metadata>,
    attributes: Option<Attributes>,
    anything: Option<Json>,
    tree: Option<Tree>,
}

#[shape(tag = "type")]
enum Tree {
    Leaf { value: Scalar },
    Node { children: Vec<Tree> },
}

/// Take a form.
#[tool("thing-form", POST "/things", multipart)]
struct Form {
    file: FileInput,
    more: Option<OneOrMany<FileInput>>,
    name: Option<String>,
    tags: Option<Vec<String>>,
    tree: Option<Tree>,
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

static SERVICE: LazyLock<Arc<Service>> = LazyLock::new(|| {
    let config = Config::read(|_| None).unwrap();
    Service::new(&SERVER, Arc::new(config), Arc::new(Script::default())).unwrap()
});

/// A message gets one well-formed answer or none, whatever its headers say.
pub(crate) fn envelope(input: &[u8]) {
    let message = Bytes::copy_from_slice(input);
    let headers = [
        None,
        Some(Headers::default()),
        Some(Headers { version: Some("2026-07-28"), method: Some("tools/list"), name: None }),
    ];
    for headers in headers {
        let begun = SERVICE.begin(&message, Caller::default(), headers);
        let id = begun.id.clone();
        let answers = futures_executor::block_on(async {
            match begun.reply.await {
                Reply::Nothing => Vec::new(),
                Reply::One(_, answer) => vec![answer],
                Reply::Many(answers) => futures_util::StreamExt::collect(answers).await,
            }
        });
        for answer in &answers {
            let value: Value = serde_json::from_slice(answer).unwrap();
            assert!(!answer.contains(&b'\n'), "a line break");
            assert!(value.is_array() || value["jsonrpc"] == "2.0", "{value}");
        }
        if let Some(id) = id {
            let last: Value = serde_json::from_slice(answers.last().unwrap()).unwrap();
            assert_eq!(last["id"], serde_json::from_str::<Value>(&id).unwrap());
            assert!(last["result"].is_object() != last["error"].is_object(), "{last}");
            assert_ne!(last["error"]["code"], -32603, "{last}");
        }
    }
}

/// What is planned is what was given, and what cannot be planned fails its check, in the same words.
pub(crate) fn arguments(input: &[u8]) {
    let spec = TOOLS[0].spec;
    let endpoint = spec.endpoint.as_ref().unwrap();
    let arguments = Arguments::new(Some(Bytes::copy_from_slice(input)));
    let checked = plan::check(spec, &arguments, false);
    let (meant, plan) = match (checked, plan::plan(spec, endpoint, &arguments, false)) {
        (Err(checked), Err(error)) => return assert_eq!(checked.to_string(), error.to_string()),
        (Ok(meant), Ok(plan)) => (meant, plan),
        (Ok(_), Err(error)) => panic!("it passed its check: {error}"),
        (Err(error), Ok(_)) => panic!("it was planned: {error}"),
    };
    let given: Value = serde_json::from_slice(meant.text()).unwrap();
    // The path has three segments, and the second is the id and nothing else.
    let path = plan.target.split('?').next().unwrap();
    let segments: Vec<&str> = path.split('/').collect();
    assert_eq!((segments.len(), segments[1], segments[3]), (4, "things", "do"), "{path}");
    let id = percent_encoding::percent_decode_str(segments[2]).decode_utf8().unwrap();
    assert_eq!(Some(id.as_ref()), given["thing_id"].as_str());
    assert!(plan.target.is_ascii() && !plan.target.contains(char::is_control), "{}", plan.target);
    // The body has the other arguments, each with the text that the caller wrote or meant.
    let Payload::Json(body) = &plan.body else { panic!("no JSON body") };
    let body: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap();
    let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(meant.text()).unwrap();
    for (name, value) in raw {
        let elsewhere = ["thing_id", "include", "idempotency_key"].contains(&name.as_str());
        assert_eq!(body.get(&name).map(|sent| sent.get()), (!elsewhere).then_some(value.get()), "{name}");
    }
}

/// JSON on one line keeps its meaning.
pub(crate) fn line(input: &[u8]) {
    let line = json::Line::new(Bytes::copy_from_slice(input));
    if serde_json::from_slice::<&RawValue>(input).is_err() {
        return assert!(line.is_err(), "it is no JSON");
    }
    let (mut quoted, line) = (Vec::new(), line.unwrap());
    json::Line::quoted(Bytes::copy_from_slice(input), usize::MAX, &mut quoted).unwrap();
    assert!(!line.text().contains('\n'));
    assert_eq!(json::Line::new(line.bytes().clone()).unwrap().text(), line.text());
    let mut bounded = Vec::new();
    json::Line::quoted(Bytes::copy_from_slice(input), input.len(), &mut bounded).unwrap();
    assert_eq!(bounded, if quoted.len() > input.len() { &[][..] } else { quoted.as_slice() });
    let unquoted: String = serde_json::from_slice(&quoted).unwrap();
    assert_eq!(unquoted, line.text());
    if let Ok(value) = serde_json::from_slice::<Value>(input) {
        assert_eq!(serde_json::from_str::<Value>(&line.text()).unwrap(), value);
    }
}

/// A form that is sent has the parts that were given, and no name or text makes another or a header.
pub(crate) fn multipart(input: &[u8]) {
    // The scripted platform's boundary can be guessed.
    const BOUNDARY: &str = "00000000000000000000000000000000";
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Of a large file the scripted platform keeps nothing that could be looked at.
    if text.contains(BOUNDARY)
        || text.contains("large")
        || serde_json::from_str::<&RawValue>(text).is_err()
        || !text.trim_start().starts_with('{')
    {
        return;
    }
    let script = Arc::new(Script::new(vec![script::Reply::new(200, "{}")]));
    let result = call_tool(&SERVER, "thing-form", text, script.clone());
    let Some(sent) = script.sent().into_iter().next().filter(|_| result["isError"] == false) else {
        return assert_eq!(result["isError"], true, "{result}");
    };
    let body = futures_util::stream::iter([Ok::<_, Infallible>(sent.bytes)]);
    let mut form = multer::Multipart::new(body, BOUNDARY);
    let mut count = 0;
    while let Some(part) = futures_executor::block_on(form.next_field()).unwrap() {
        let name = part.name().unwrap();
        let known = ["file", "more", "name", "tags", "tree"].iter().any(|known| name.split('[').next() == Some(known));
        assert!(known, "a part `{name}`");
        // A file's part has its type besides; no other header came of a name or a text.
        let headers: Vec<&str> = part.headers().keys().map(http::HeaderName::as_str).collect();
        assert!(
            matches!(headers[..], ["content-disposition"] | ["content-disposition", "content-type"]),
            "{headers:?}"
        );
        futures_executor::block_on(part.bytes()).unwrap();
        count += 1;
    }
    assert!(count > 0, "no part");
}
