//! The door before all servers: what it finds, what it lets through, and that a call through it is a call.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use openai_mcp::{DOOR, SERVERS};
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_kernel::spec::{Filter, Spec};
use openai_mcp_testkit::case::{self, Detour};
use openai_mcp_testkit::golden;
use openai_mcp_testkit::script::Script;
use serde_json::{Value, json};

/// The door to some servers, on a platform that answers nothing.
fn door(servers: &[&'static Definition]) -> Arc<Service> {
    let script = Arc::new(Script::new(Vec::new()));
    before(servers.iter().map(|server| case::service(server, &script)).collect())
}

fn before(services: Vec<Arc<Service>>) -> Arc<Service> {
    let definitions = services.iter().map(|service| service.definition()).collect();
    Service::behind((DOOR.make)(definitions), DOOR.definition, services).unwrap()
}

/// The response to a request, and its bytes.
fn ask(door: &Arc<Service>, method: &str, params: &Value, filter: Filter) -> (Value, usize) {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let caller = Caller { filter, ..Caller::default() };
    match futures_executor::block_on(door.begin(&Bytes::from(message), caller, None).reply) {
        Reply::One(_, answer) => (serde_json::from_slice(&answer).unwrap(), answer.len()),
        _ => panic!("expected one message"),
    }
}

/// The result of a call, as JSON if it is some; else its text.
fn call(door: &Arc<Service>, name: &str, arguments: Value, filter: Filter) -> Value {
    let (answer, _) = ask(door, "tools/call", &json!({"name": name, "arguments": arguments}), filter);
    let text = answer["result"]["content"][0]["text"].as_str().or(answer["error"]["message"].as_str());
    let text = text.unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn found(door: &Arc<Service>, query: &str) -> Vec<(String, String)> {
    let answer = call(door, "api-search", json!({"query": query}), Filter::default());
    let tools = answer["tools"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
    let text = |tool: &Value, name: &str| tool[name].as_str().unwrap().to_owned();
    tools.iter().map(|tool| (text(tool, "tool"), text(tool, "use"))).collect()
}

fn listed(door: &Arc<Service>, filter: Filter) -> Vec<String> {
    let (answer, _) = ask(door, "tools/list", &json!({}), filter);
    answer["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn read_only() -> Filter {
    Filter { read_only: true, ..Filter::default() }
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    SERVERS.iter().flat_map(|server| server.specs())
}

#[test]
fn the_list_is_short() {
    let door = door(SERVERS);
    let list = door.tool_list();
    assert!(list.len() <= 4400, "{} bytes", list.len());
    let tools: Vec<Value> = serde_json::from_str(&list).unwrap();
    for tool in &tools {
        assert!(tool["description"].as_str().unwrap().len() <= 2048, "{}", tool["name"]);
    }
    assert_eq!(listed(&door, Filter::default()), ["api-search", "api-describe", "api-read", "api-write", "api-delete"]);
    for server in SERVERS {
        let line = format!("{}: {}", server.domain, server.topics);
        assert!(!server.topics.is_empty() && line.len() <= 45, "`{line}` has {} bytes", line.len());
        assert!(tools[0]["description"].as_str().unwrap().contains(&format!("\n{line}")), "{line}");
    }
}

#[test]
fn every_tool_is_found_first_by_its_name() {
    let door = door(SERVERS);
    for spec in door.reached().collect::<Vec<_>>() {
        for sign in ["-", " "] {
            let name = spec.name.replace('-', sign);
            assert_eq!(found(&door, &name).first().map(|(tool, _)| tool.as_str()), Some(spec.name));
        }
    }
}

/// `door-tasks.txt`: a task in the words of a person, the words an agent types, the tool, and what runs it. Those above the
/// line of dashes are found first, of those below at least 19 of 20 among the first three.
#[test]
fn the_right_tool_is_found() {
    let door = door(SERVERS);
    let (first, rest) = include_str!("../door-tasks.txt").split_once("\n---\n").unwrap();
    let (mut missed, mut wrong) = (Vec::new(), Vec::new());
    let mut tasks = 0;
    for (lines, within) in [(first, 1), (rest, 3)] {
        for line in lines.lines() {
            let [_, words, tool, by] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
            let hits = found(&door, words);
            let hit = hits.iter().take(within).find(|(found, _)| found == tool);
            match hit {
                Some((_, used)) if used.strip_prefix("api-") == Some(by) => {}
                None if within == 3 => missed.push(format!("{line}: {hits:?}")),
                _ => wrong.push(format!("{line}: {hits:?}")),
            }
            tasks += within / 3;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tasks >= 60 && missed.len() * 20 <= tasks, "{} of {tasks}:\n{}", missed.len(), missed.join("\n"));
}

/// What takes something away is proposed to none who did not ask for that.
#[test]
fn nothing_is_taken_away_unasked() {
    let door = door(SERVERS);
    for query in [
        "remove background from photo",
        "migrate assistant to responses",
        "pricing of models",
        "upload pdf folder to vector store",
        "who may use the project",
    ] {
        let hits = found(&door, query);
        let away =
            |(tool, _): &&(String, String)| ["delete", "remove", "cancel"].iter().any(|verb| tool.contains(verb));
        assert_eq!(hits.iter().take(3).find(away), None, "{query}: {hits:?}");
    }
}

#[test]
fn answers_are_short() {
    let door = door(SERVERS);
    let bytes = |name: &str, arguments: Value| {
        let text = call(&door, name, arguments, Filter::default());
        text.to_string().len()
    };
    for spec in specs() {
        let query = spec.doc.split("\n\n").next().unwrap();
        assert!(bytes("api-search", json!({"query": query, "limit": 20})) <= 4000, "{query}");
    }
    for server in SERVERS {
        assert!(bytes("api-search", json!({"domain": server.domain})) <= 4000, "{}", server.domain);
        let names: Vec<_> = server.specs().map(|spec| spec.name).collect();
        for names in names.chunks(8) {
            assert!(bytes("api-describe", json!({"tools": names})) <= 24_000, "{names:?}");
        }
    }
    assert!(bytes("api-search", json!({})) <= 4000);
}

#[test]
fn a_server_shows_its_tools_as_far_as_there_is_room() {
    let all = door(SERVERS);
    for server in SERVERS {
        let shown = call(&all, "api-search", json!({"domain": server.domain}), Filter::default());
        let offered = all.reached().filter(|spec| server.specs().any(|own| own.name == spec.name)).count();
        assert_eq!((shown["tools"].as_array().unwrap().len(), &shown["more"]), (offered, &Value::Null), "{shown}");
    }
    let groups: Vec<_> = SERVERS.iter().flat_map(|server| server.tools).copied().collect();
    let large = Definition { domain: "large", tools: groups.leak(), ..Definition::PLAIN };
    let large = door(&[Box::leak(Box::new(large))]);
    let shown = call(&large, "api-search", json!({"domain": "large"}), Filter::default());
    let told = shown["tools"].as_array().unwrap().len();
    assert_eq!(shown["more"], large.reached().count() - told);
    assert_eq!(shown["hint"], "`query` beside `domain` finds the others");
    assert!(told > 20 && shown.to_string().len() <= 4000, "{shown}");
}

#[test]
fn what_openai_has_ended_is_not_described_as_if_it_could_be_called() {
    let script = Arc::new(Script::new(Vec::new()).as_openai());
    let door = before(SERVERS.iter().map(|server| case::service(server, &script)).collect());
    let described = call(&door, "api-describe", json!({"tools": ["video-create"]}), Filter::default());
    assert_eq!(described["tools"], json!([]));
    assert!(described["unknown"][0]["why"].as_str().unwrap().starts_with("OpenAI ended it on 2026-"), "{described}");
}

#[test]
fn a_call_through_the_door_is_a_call() {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../servers");
    let by = |spec: &Spec, arguments: &str| {
        let effect = spec.effect;
        let door = match (effect.changes_nothing(), effect.destroys) {
            (true, _) => "api-read",
            (false, false) => "api-write",
            (false, true) => "api-delete",
        };
        (door.to_owned(), format!(r#"{{"tool":"{}","arguments":{arguments}}}"#, spec.name))
    };
    let detour = Detour { front: &|service| before(vec![service]), call: &by };
    let mut outcomes = Vec::new();
    for server in SERVERS {
        for spec in server.specs() {
            let folder = servers.join(format!("{}/tests/cases/{}", server.name(), spec.name));
            for file in folder.read_dir().unwrap() {
                let file = file.unwrap().path();
                outcomes.push((file.clone(), case::compare(server, spec, &file, &detour)));
            }
        }
    }
    assert!(outcomes.len() > 2 * specs().count());
    golden::all_hold(outcomes);
}

#[test]
fn each_door_keeps_its_promise() {
    let door = door(SERVERS);
    for spec in specs().filter(|spec| !spec.effect.reads) {
        for weaker in if spec.effect.destroys { &["api-read", "api-write"][..] } else { &["api-read"] } {
            let told = call(&door, weaker, json!({"tool": spec.name, "arguments": {}}), Filter::default());
            let stronger = if spec.effect.destroys { "api-delete" } else { "api-write" };
            assert!(
                told.as_str().unwrap().ends_with(&format!("hint: call it with {stronger}")),
                "{}: {told}",
                spec.name
            );
        }
    }
    let told = call(
        &door,
        "api-read",
        json!({"tool": "file-content", "arguments": {"file_id": "file-1", "save_to": "a.txt"}}),
        Filter::default(),
    );
    assert_eq!(told, "`save_to`: api-read writes no files\nhint: call it with api-write");
    let nowhere = json!({"tool": "file-content", "arguments": {"file_id": "file-1", "save_to": ""}});
    let told = call(&door, "api-read", nowhere, Filter::default()).to_string();
    assert!(!told.contains("writes no files"), "{told}");
}

#[test]
fn a_filter_means_the_tools_behind_the_door() {
    let door = door(SERVERS);
    assert_eq!(listed(&door, read_only()), ["api-search", "api-describe", "api-read"]);
    let told =
        call(&door, "api-delete", json!({"tool": "file_delete", "arguments": {"file_id": "file-1"}}), read_only());
    assert_eq!(
        told,
        "`tool`: `file-delete` is not offered here: read-only\nhint: api-search finds tools by what they do"
    );
    let one = || Filter { only: Some(vec!["file-get".into()]), ..Filter::default() };
    let hits = call(&door, "api-search", json!({"query": "delete file"}), one());
    assert_eq!(hits["tools"].as_array().unwrap().len(), 1);
    assert_eq!(hits["tools"][0]["tool"], "file-get");
    let domains = call(&door, "api-search", json!({}), one());
    assert_eq!(
        domains,
        json!({"domains": [{"domain": "files", "has": "upload, list, read, delete files", "tools": 1}]})
    );
    let described = call(&door, "api-describe", json!({"tools": ["file-delete", "file-gett"]}), one());
    assert_eq!(described["unknown"][0]["why"], "`file-delete` is not offered here: left out of the list of tools");
    assert_eq!(described["unknown"][1], json!({"tool": "file-gett", "nearest": ["file-get"]}));
}

/// Reads what models and hosts do to arguments, and tells what they cannot mean.
#[test]
fn what_is_certain_is_taken_and_what_is_not_is_told() {
    let door = door(SERVERS);
    let ask = |name: &str, arguments: Value| call(&door, name, arguments, Filter::default());
    for arguments in [json!({"file_id": true}), json!("{\"file_id\": true}")] {
        // Hosts write the server before a name.
        for name in ["file-get", "file_get", " file-get ", "files.file-get", "openai/file-get", "mcp__files__file_get"]
        {
            let told = ask("api_read", json!({"tool": name, "arguments": arguments}));
            assert!(told.as_str().unwrap().contains("file_id"), "{told}");
        }
    }
    let told = ask("api-read", json!({"tool": "file-get", "file_id": "file-1"}));
    assert_eq!(
        told,
        "`file_id`: unknown field; there are `tool`, `arguments`\nhint: what a tool takes goes into `arguments`, as {\"tool\": \
         \"file-get\", \"arguments\": {\"file_id\": \"file-abc\"}}"
    );
    // By the name that the protocol's own calls have for it.
    let told = ask("api-read", json!({"name": "file-get", "arguments": {"file_id": true}}));
    assert!(told.as_str().unwrap().contains("file_id"), "{told}");
    for name in ["tool", "name", "names"] {
        assert_eq!(ask("api-describe", json!({name: ["file-get"]}))["tools"][0]["tool"], "file-get", "{name}");
    }
    let told = ask("api-read", json!({"tool": "flie-get", "arguments": {}}));
    assert!(told.as_str().unwrap().contains("did you mean `file-get`?"), "{told}");
    let told = ask("api-read", json!({"tool": "file-get", "arguments": [1]}));
    assert_eq!(told, "`arguments`: expected an object, as `{\"file_id\": \"file-abc\"}`");
    let told = ask("api-search", json!({"domain": "fles"}));
    assert!(told.as_str().unwrap().starts_with("`domain`: there is no `fles`; there are: "), "{told}");
    for domain in ["openai-vector-store-mcp", "Vector Store", "vector_store"] {
        assert_eq!(ask("api-search", json!({"domain": domain}))["domain"], "vector-store");
    }
    // Some send every field.
    assert_eq!(ask("api-search", json!({"query": "", "domain": "files", "limit": null}))["domain"], "files");
    assert!(ask("api-search", json!({"query": " ", "domain": ""})).get("domains").is_some());
    assert_eq!(ask("api-search", json!({"query": "zzz"}))["tools"], json!([]));
    assert_eq!(ask("file-get", json!({})), "`file-get` is no tool of its own here; the tools that are listed run it");
    assert_eq!(ask("nothing", json!({})), "unknown tool `nothing`");
    assert_eq!(ask("api-describe", json!({"tools": "file-get"}))["tools"][0]["endpoint"], "GET /files/{file_id}");
}
