//! No secret leaves, whole or in part.

use std::sync::Arc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::stream::StreamExt as _;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_testkit::script::{self, BASE_URL, Script};

const KEY: &str = "sk-proj-q7VxZ2mN9pLr4TwK8sYd3FhJ6bGc1QvEoUaIiXtRyWnMzB5";
const TOKEN: &str = "token-H3kPz8Wq1LsXv6Rn0TfYb4MdJc9GiEu";

tools![Get, Lock, Say, Stream];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
}

/// Lock a thing.
#[tool("thing-lock", POST "/things")]
struct Lock {
    key: Hidden<Lockable>,
}

#[shape(tag = "kind")]
enum Lockable {
    Token { number: Option<i64>, word: Option<Word> },
}

#[shape]
enum Word {
    Sesame,
}

/// Say it in every way a tool can.
#[tool("thing-say", reads)]
struct Say {
    text: String,
    way: Option<Way>,
}

#[shape(read)]
enum Way {
    Fails,
    Block,
    Asks,
}

impl Say {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.tell(&self.text);
        cx.log("error", &json!({"said": self.text, "number": 123_456_789_012_345_u64}));
        let value = json!({"said": self.text, "number": 123_456_789_012_345_u64});
        match self.way {
            None => Ok(Output::json(&value)),
            Some(Way::Fails) => Err(Error::new(Kind::Answer, self.text)),
            Some(Way::Block) => {
                let resource = json!({"uri": "a:", "text": self.text});
                Ok(Output::Content(vec![Content::Other(json!({"type": "resource", "resource": resource}))]))
            }
            Some(Way::Asks) => Ok(Output::InputRequired(json!({"requestState": self.text}))),
        }
    }
}

/// Read a stream.
#[tool("thing-stream", POST "/things", streams, run)]
struct Stream {}

impl Stream {
    async fn run(self, cx: Context) -> Result<Output> {
        let response = cx.send(&Self::SPEC, cx.arguments()).response().await?;
        let mut events = Events::new(response)?;
        while events.next().await?.is_some() {}
        Ok(Output::json(&json!({})))
    }
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "Things.", tools: &[TOOLS], ..Definition::PLAIN };

/// All that a call of a tool says, with this answer of the other side.
fn call(caller: Caller, tool: &str, arguments: Value, reply: script::Reply) -> String {
    let config = Config::read(|name| match name {
        "OPENAI_BASE_URL" => Some(BASE_URL.into()),
        "OPENAI_API_KEY" => Some(KEY.into()),
        "OPENAI_MCP_ACCESS_TOKEN" => Some(TOKEN.into()),
        _ => None,
    });
    let service = Service::new(&SERVER, Arc::new(config.unwrap()), Arc::new(Script::new(vec![reply]))).unwrap();
    let meta = json!({
        "progressToken": 1,
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/logLevel": "debug",
    });
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let texts = block_on(async {
        match service.begin(&Bytes::from(message), caller, None).reply.await {
            Reply::Nothing => Vec::new(),
            Reply::One(_, text) => vec![text],
            Reply::Many(texts) => texts.collect().await,
        }
    });
    let texts = texts.into_iter().map(|text| String::from_utf8(text.into()).unwrap());
    texts.inspect(|text| drop(serde_json::from_str::<Value>(text).unwrap())).collect::<Vec<_>>().join("\n")
}

fn operator() -> Caller {
    Caller { trusted: true, ..Caller::default() }
}

#[track_caller]
fn holds_no_secret(name: &str, said: &str) {
    let said = said.to_lowercase();
    for secret in [KEY, TOKEN] {
        let body = &secret.to_lowercase()[secret.rfind('-').unwrap() + 1..];
        let piece = body.as_bytes().windows(12).find(|piece| said.contains(std::str::from_utf8(piece).unwrap()));
        assert!(piece.is_none(), "{name}: {said}");
    }
}

#[test]
fn pieces_are_blotted_out() {
    let secret = Secret::new(KEY).unwrap();
    let rows = [
        (format!("is {KEY}."), "is ***.".to_owned()),
        (format!("is {}", KEY.to_uppercase()), "is ***".to_owned()),
        (format!("é{KEY}é{}é", &KEY[10..40]), "é***é***é".to_owned()),
        // Eleven characters tell nothing; neither does what all keys begin with.
        (KEY[8..19].to_owned(), KEY[8..19].to_owned()),
        (format!("sk-proj-{}x", &KEY[8..19]), format!("sk-proj-{}x", &KEY[8..19])),
        (KEY[..20].to_owned(), "***".to_owned()),
        ("nothing of it".to_owned(), "nothing of it".to_owned()),
    ];
    for (text, expected) in rows {
        assert_eq!(secret.redact(text.clone()), expected, "{text}");
    }
    assert_eq!(Secret::new("sk-sh0rt").unwrap().redact("sk-Sh0rt, sh0rtly".into()), "***, sh0rtly");
    // What compatible servers have people put in the place of a key, and what is made of words.
    let text = "The list is empty: EMPTY. ollama runs it, lm-studio and LM-Studio, with openai-files-mcp; sk-any-openai-files-mcp";
    for (word, expected) in [
        ("EMPTY", text.to_owned()),
        ("ollama", text.to_owned()),
        ("lm-studio", text.replace("lm-studio", "***")),
        ("sk-any-openai-files-mcp", text.replace("sk-any-openai-files-mcp", "***")),
        ("sk-any-administration-of-openai-files-mcp", text.to_owned()),
        ("sk-any-openai-files", text.replace("sk-any-openai-files", "***")),
    ] {
        assert_eq!(Secret::new(word).unwrap().redact(text.to_owned()), expected, "{word}");
    }
    // Letters that are no words are a secret in part, too.
    let drawn = Secret::new("sk-qWvHsTzKxLmRbNcJ").unwrap();
    assert_eq!(drawn.redact("qwvhstzkxlmr".into()), "***");
    assert_eq!(Secret::new("x").unwrap().redact("an example".into()), "an example");
    assert_eq!(Secret::of("pässwörd of ours").redact("no PäSSWörd of ours; pässwört".into()), "no ***; pässwört");
}

#[test]
fn what_is_hidden_is_not_quoted() {
    let nothing = || script::Reply { status: 200, headers: Vec::new(), body: "{}".into() };
    for key in [
        json!(KEY),
        json!({"kind": KEY}),
        json!({"kind": "token", "number": KEY}),
        json!({"kind": "token", "word": KEY}),
        json!([KEY]),
    ] {
        let caller = Caller { key: Some(Secret::new("sk-stranger-4TfGbHnJmKqWeRtYu").unwrap()), ..Caller::default() };
        let said = call(caller, "thing-lock", json!({"key": key}), nothing());
        assert!(said.contains("`key") && !said.contains("got "), "{said}");
        holds_no_secret(&key.to_string(), &said);
    }
}

#[test]
fn an_echo_is_redacted_before_it_is_cut_and_where_it_leaves() {
    let pad = "x".repeat(980);
    let error =
        |message: String| json!({"error": {"message": message, "type": KEY, "code": KEY, "param": KEY}}).to_string();
    let stream = |data: &str| format!("data: {data}\n\n");
    let json: &[_] = &[("content-type", "application/json"), ("x-request-id", KEY)];
    let (lower, upper) = (KEY.to_lowercase(), KEY.to_uppercase());
    let odd: String = format!("text/{KEY}");
    type Row<'a> = (&'a str, u16, Vec<(&'a str, &'a str)>, String);
    let rows: Vec<Row<'_>> = vec![
        ("thing-get", 400, json.to_vec(), error(format!("no {KEY}"))),
        ("thing-get", 400, json.to_vec(), error(format!("{pad}{KEY}"))),
        ("thing-get", 400, json.to_vec(), error(format!("no {lower} {upper}"))),
        ("thing-get", 400, json.to_vec(), format!("{pad}{KEY}")),
        ("thing-get", 200, json.to_vec(), "{}".into()),
        ("thing-get", 200, json.to_vec(), format!("no json, {KEY}")),
        ("thing-stream", 200, vec![("content-type", "application/json"), ("x-request-id", KEY)], "{}".into()),
        ("thing-stream", 200, vec![("content-type", &odd)], stream(&error(format!("{pad}{KEY}")))),
    ];
    for (tool, status, headers, body) in rows {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let arguments = if tool == "thing-get" { json!({"thing_id": "a"}) } else { json!({}) };
        let said = call(operator(), tool, arguments, script::Reply { status, headers, body: body.clone().into() });
        holds_no_secret(&body, &said);
    }
}

#[test]
fn what_a_tool_says_is_redacted() {
    let nothing = || script::Reply { status: 200, headers: Vec::new(), body: Bytes::new() };
    for way in [Value::Null, json!("fails"), json!("block"), json!("asks")] {
        for text in [KEY.to_owned(), TOKEN.to_uppercase(), format!("{}{KEY}", "x".repeat(40_000))] {
            let said = call(operator(), "thing-say", json!({"text": text, "way": way}), nothing());
            holds_no_secret(&format!("{way} {text}"), &said);
            assert!(said.contains("123456789012345"), "{said}");
        }
    }
    // A stranger's words tell them nothing of what the operator's secrets are.
    let stranger = Caller { key: Some(Secret::new("sk-stranger-4TfGbHnJmKqWeRtYu").unwrap()), ..Caller::default() };
    let said = call(stranger, "thing-say", json!({"text": format!("{KEY} {TOKEN}"), "way": "fails"}), nothing());
    assert!(said.contains(KEY) && said.contains(TOKEN), "{said}");
}
