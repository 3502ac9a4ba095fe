//! The door by both ways that it is reached: what a tool answers through it is what the tool answers by itself.

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::differential;
use crate::harness::{ADMIN_KEY, KEY, Launch, Process, Server, bearer, domains, message};
use crate::interop::MODERN;

/// A call, by its tool or through the door.
struct Call {
    name: String,
    arguments: String,
    key: &'static str,
}

impl Call {
    fn message(&self, modern: bool) -> String {
        let meta = if modern {
            format!(
                r#","_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{}}}}"#
            )
        } else {
            String::new()
        };
        let (name, arguments) = (&self.name, &self.arguments);
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}{meta}}}}}"#
        )
    }

    fn headers(&self, modern: bool) -> Vec<(&str, &str)> {
        let era = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", &self.name)];
        bearer(self.key).into_iter().chain(era.into_iter().filter(|_| modern)).collect()
    }
}

/// A response without the `_meta` of its result, otherwise byte for byte.
fn without_meta(response: &str) -> String {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        result: Option<Meta<'a>>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let parsed: Response<'_> = serde_json::from_str(response).unwrap_or_else(|error| panic!("{error} in {response}"));
    match parsed.result.and_then(|result| result.meta) {
        Some(meta) => response.replacen(&format!(r#","_meta":{meta}"#), "", 1),
        None => response.to_owned(),
    }
}

fn environment(launch: Launch, upstream: &str) -> Launch {
    ENVIRONMENT.iter().fold(launch.env("OPENAI_BASE_URL", upstream), |launch, (name, value)| launch.env(name, value))
}

/// The requests of the APIs that OpenAI ended are sent in these backends alone.
const ENVIRONMENT: [(&str, &str); 2] = [("OPENAI_MCP_ASSISTANTS", "native"), ("OPENAI_MCP_EVALS", "native")];

/// A line over pipes, and the line that answers it.
fn over(pipe: &mut Process, line: &str) -> String {
    pipe.write(format!("{line}\n").as_bytes());
    pipe.receive_line()
}

/// An answer of the API that suits most requests, or this one.
fn answer(path: &str) -> &'static str {
    match path {
        "/v1/embeddings" => {
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}"#
        }
        "/v1/moderations" => {
            r#"{"id":"modr-1","model":"m","results":[{"flagged":false,"categories":{},"category_scores":{}}]}"#
        }
        _ => r#"{"id":"obj_1","object":"list","data":[],"has_more":false}"#,
    }
}

/// What runs a tool, as the door describes it.
fn used(native: &Server, tool: &str) -> String {
    let describe = json!({"name": "api-describe", "arguments": {"tools": [tool]}});
    let reply = native.post("/mcp", &bearer(KEY), message("tools/call", &describe).as_bytes());
    let described: Value =
        serde_json::from_str(reply.json()["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    described["tools"][0]["use"].as_str().unwrap_or_else(|| panic!("{described}")).to_owned()
}

#[test]
fn a_result_through_the_door_is_the_tools_own_by_both_ways() {
    let upstream = Recorder::start(|request| Answer::json(200, answer(request.path()))).unwrap();
    let native = environment(Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]), &upstream.base_url()).serve();
    let pipe = environment(Launch::umbrella(&["stdio"]), &upstream.base_url());
    let mut pipe = pipe.env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", ADMIN_KEY).start();
    let cases = differential::cases();
    let mut compared = Vec::new();
    for domain in domains() {
        let path = format!("/{domain}/mcp");
        let own = cases.iter().filter(|case| case.domain == domain);
        let own = own.map(|case| Call { name: case.tool.clone(), arguments: case.arguments_inline(), key: case.key() });
        // Images have ids of ours, which no two calls share.
        let kept = Call { name: "image-list".to_owned(), arguments: "{}".to_owned(), key: KEY };
        let case = own.chain([kept]).find(|direct| {
            let reply = native.post(&path, &direct.headers(false), direct.message(false).as_bytes());
            reply.body.contains(r#""isError":false"#)
        });
        let direct = case.unwrap_or_else(|| panic!("no case of {domain} succeeds"));
        let (tool, arguments) = (&direct.name, &direct.arguments);
        let through = Call {
            name: used(&native, tool),
            arguments: format!(r#"{{"tool":"{tool}","arguments":{arguments}}}"#),
            key: direct.key,
        };
        for modern in [false, true] {
            let expected = native.post(&path, &direct.headers(modern), direct.message(modern).as_bytes()).body;
            let expected = without_meta(&expected);
            let (headers, body) = (through.headers(modern), through.message(modern));
            let ways =
                [("HTTP", native.post("/mcp", &headers, body.as_bytes()).body), ("stdio", over(&mut pipe, &body))];
            for (way, answer) in ways {
                assert!(answer.contains(&format!(r#""openai-mcp/tool":"{tool}""#)), "{tool} by {way}: {answer}");
                assert_eq!(without_meta(&answer), expected, "{tool} by {way}, modern: {modern}");
            }
        }
        compared.push(domain);
    }
    assert_eq!(compared, domains());
}

#[test]
fn tools_are_found_by_both_ways() {
    let native = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).serve();
    let mut pipe = Launch::umbrella(&["stdio"]).start();
    let (tasks, _) = include_str!("../../../cli/tests/door-tasks.txt").split_once("\n---\n").unwrap();
    let searches = tasks.lines().map(|line| {
        let [_, words, tool, _] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        (json!({"name": "api-search", "arguments": {"query": words}}), format!(r#"{{\"tools\":[{{\"tool\":\"{tool}\""#))
    });
    let list = (message("tools/list", &json!({})), r#"{"tools":[{"name":"api-search""#.to_owned());
    let searches = searches.map(|(search, first)| (message("tools/call", &search), first));
    for (asked, first) in std::iter::once(list).chain(searches) {
        let answer = native.post("/mcp", &[], asked.as_bytes()).body;
        assert!(answer.contains(&first), "{asked}: {answer}");
        assert_eq!(over(&mut pipe, &asked), answer);
    }
}
