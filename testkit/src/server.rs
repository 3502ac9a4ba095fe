//! What every server's tests check: its cases, its schemas, the rules of its tool list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::schema::Shape;
use openai_mcp_kernel::server::{Definition, Service, describe};
use openai_mcp_kernel::spec::Life;
use serde_json::Value;

use crate::case::{self, children};
use crate::golden;
use crate::script::{BASE_URL, Script};

/// Longest description of a tool, in bytes: some clients cut at 2,048 characters, and every conversation pays.
const LONGEST_DESCRIPTION: usize = 1024;
/// Longest instructions that every client reads whole, in characters.
const LONGEST_ABOUT: usize = 512;
/// Keywords that make one client or another refuse a whole tool list.
const REFUSED_KEYWORDS: [&str; 9] =
    ["$ref", "$defs", "allOf", "oneOf", "not", "if", "const", "exclusiveMinimum", "exclusiveMaximum"];

/// The tests of a server: `suite!(SERVER, budget)`, with the budget of its `tools/list` in bytes.
#[macro_export]
macro_rules! suite {
    ($server:expr, $budget:expr) => {
        #[test]
        fn cases() {
            $crate::server::cases(&$server, ::core::env!("CARGO_MANIFEST_DIR"));
        }

        #[test]
        fn schemas() {
            $crate::server::schemas(&$server, ::core::env!("CARGO_MANIFEST_DIR"), $budget);
        }

        #[test]
        fn reference() {
            $crate::reference::check(&$server, ::core::env!("CARGO_MANIFEST_DIR"));
        }

        #[test]
        fn shapes() {
            $crate::shapes::check(&$server);
        }

        #[test]
        fn canary() {
            $crate::canary::check(&$server, ::core::env!("CARGO_MANIFEST_DIR"));
        }

        #[test]
        fn inventory() {
            $crate::server::inventory(&$server);
        }

        #[test]
        fn bindings() {
            $crate::server::bindings(&$server, ::core::env!("CARGO_MANIFEST_DIR"));
        }
    };
}

/// Runs every `tests/cases/<tool>/*.case`, or those whose path has the text of the variable `CASE`; every tool has one that
/// succeeds and one that fails, and one that takes `save_to` has one in which nothing is sent, since it cannot be written.
///
/// # Panics
/// Cases do not hold, or are missing: all of them are told.
pub fn cases(server: &'static Definition, folder: &str) {
    let folder = Path::new(folder).join("tests/cases");
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut unknown: BTreeSet<PathBuf> = children(&folder).into_iter().collect();
    let mut outcomes = Vec::new();
    for spec in server.specs() {
        let tool = folder.join(spec.name);
        unknown.remove(&tool);
        let saves = spec.fields.iter().any(|field| field.name == "save_to");
        let (mut ends, mut is_thrifty) = (BTreeSet::new(), !saves);
        for file in children(&tool) {
            if file.to_string_lossy().contains(&wanted) {
                outcomes.push((file.clone(), case::run(server, spec.name, &file)));
            }
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let has = |start: &str| text.lines().any(|line| line.starts_with(start));
            ends.insert(has("error "));
            // What a call before it has asked for is not its own.
            let asks = has("sends ") && !has("before ");
            is_thrifty |= has("error     `save_to`: the folder of") && !asks;
        }
        if !is_thrifty {
            let problem = "no case in which `save_to` leads to a `missing/` folder, and nothing is asked for";
            outcomes.push((tool.clone(), Err(problem.to_owned())));
        }
        for (fails, kind) in [(false, "succeeds"), (true, "fails")] {
            if !ends.contains(&fails) {
                outcomes.push((tool.clone(), Err(format!("no case that {kind}"))));
            }
        }
    }
    outcomes.extend(unknown.into_iter().map(|tool| (tool, Err("no such tool".to_owned()))));
    golden::all_hold(outcomes);
}

/// Compares every entry of `tools/list` with `tests/schema/<tool>.json`, and the whole with its budget in bytes.
///
/// # Panics
/// An entry differs, a file is of no tool, or the list is over budget.
pub fn schemas(server: &'static Definition, folder: &str, budget: usize) {
    let folder = Path::new(folder).join("tests/schema");
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for spec in server.specs() {
        let mut entry = String::new();
        describe(spec, &mut entry);
        let value: Value = serde_json::from_str(&entry).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
        found.push((folder.join(format!("{}.json", spec.name)), format!("{value:#}\n")));
    }
    let size = service(server).tool_list().len();
    found.push((folder.join("size.txt"), format!("{size} bytes of tools/list\n")));
    let unknown = children(&folder).into_iter().filter(|file| found.iter().all(|(known, _)| known != file));
    let mut outcomes: Vec<_> = unknown.map(|file| (file, Err("no such tool: remove the file".to_owned()))).collect();
    outcomes.extend(found.iter().map(|(file, actual)| (file.clone(), golden::hold(file, actual))));
    golden::all_hold(outcomes);
    assert!(size <= budget, "tools/list of {} has {size} bytes, its budget is {budget}", server.domain);
}

/// A server that keeps something has a database bound to its Worker, in production and in staging, and no other has.
///
/// # Panics
/// `wrangler.jsonc` says otherwise.
pub fn bindings(server: &'static Definition, folder: &str) {
    let file = Path::new(folder).join("wrangler.jsonc");
    let config = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let bound = config.matches(r#""binding": "STORE""#).count();
    let expected = if server.migrations.is_empty() { 0 } else { 2 };
    assert_eq!(server.migrations.is_empty(), server.bound.tables.is_empty(), "what is kept is bounded");
    assert_eq!(
        bound,
        expected,
        r#"{}: `"d1_databases": [{{ "binding": "STORE", "database_name": "openai-{domain}-mcp" }}]` stands once, and again under `env.staging` with `-staging`, exactly if the server has migrations"#,
        file.display(),
        domain = server.domain
    );
}

/// The server as its users have it: one that OpenAI has ended is listed where another still serves it.
fn service(server: &'static Definition) -> Arc<Service> {
    let ended = matches!(server.life, Life::Gone { .. }) && server.stand_in.is_none();
    let variable = |name: &str| (ended && name == "OPENAI_BASE_URL").then(|| BASE_URL.to_owned());
    let config = Config::read(variable).unwrap_or_else(|problem| panic!("{problem}"));
    Service::new(server, Arc::new(config), Arc::new(Script::default())).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The rules that keep a client from refusing the list or mistaking a tool.
///
/// # Panics
/// A rule is broken.
pub fn inventory(server: &'static Definition) {
    assert!(
        server.about.chars().count() <= LONGEST_ABOUT,
        "the instructions have more than {LONGEST_ABOUT} characters"
    );
    let tools: Vec<Value> =
        serde_json::from_str(&service(server).tool_list()).unwrap_or_else(|error| panic!("{error}"));
    // A line of the source that ends within a name goes on behind a blank.
    assert!(!server.about.contains("- "), "a name in the instructions is broken");
    for spec in server.specs().filter(|spec| spec.fields.iter().any(|field| takes_file((field.shape)()))) {
        assert!(spec.effect.open, "{}: a file may be anywhere, so the tool is `open`", spec.name);
    }
    let mut names = BTreeSet::new();
    for tool in &tools {
        let name = tool["name"].as_str().unwrap_or_default();
        assert!(names.insert(name.replace('-', "_")), "{name} stands twice");
        assert!(!name.is_empty() && name.len() <= 48, "{name}: length");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{name}");
        let description = tool["description"].as_str().unwrap_or_default();
        assert!((1..=LONGEST_DESCRIPTION).contains(&description.len()), "{name}: description");
        for hint in ["destructiveHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
        }
        let reads = tool["annotations"]["readOnlyHint"] == true;
        assert!(!(reads && tool["annotations"]["destructiveHint"] == true), "{name}: reads and destroys");
        let schema = &tool["inputSchema"];
        assert_eq!(schema["type"], "object", "{name}: root type");
        assert!(schema.get("anyOf").is_none(), "{name}: combinator at the root");
        portable(name, schema);
        typed(name, "", schema);
    }
}

/// Whether an argument takes a file, or files.
fn takes_file(shape: &Shape) -> bool {
    match shape {
        Shape::File => true,
        Shape::Array { items: inner, .. } | Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => {
            takes_file(inner())
        }
        Shape::Union(shapes) => shapes.iter().any(|shape| takes_file(shape())),
        _ => false,
    }
}

/// What a schema says nothing of is sent as a string by some clients, and makes others refuse the whole list.
fn typed(tool: &str, path: &str, schema: &Value) {
    let told = |keyword: &str| schema.get(keyword).is_some();
    assert!(told("type") || told("anyOf"), "{tool}: `{path}` has no type");
    assert!(!told("nullable") || told("type"), "{tool}: `{path}` is nullable without a type");
    assert!(schema["type"] != "array" || told("items"), "{tool}: `{path}` has no type of its items");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        typed(tool, &format!("{path}.{name}"), property);
    }
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        typed(tool, path, one);
    }
    if let Some(items) = schema.get("items") {
        typed(tool, &format!("{path}[]"), items);
    }
}

/// No refused keyword, no odd property name, no array of types, at any depth.
fn portable(tool: &str, schema: &Value) {
    match schema {
        Value::Object(members) => {
            for keyword in REFUSED_KEYWORDS {
                assert!(!members.contains_key(keyword), "{tool}: `{keyword}`");
            }
            assert!(!members.get("type").is_some_and(Value::is_array), "{tool}: an array of types");
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        for (key, value) in properties {
                            let plain =
                                key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
                            assert!(plain && (1..=64).contains(&key.len()), "{tool}: property `{key}`");
                            portable(tool, value);
                        }
                    }
                    (_, value) => portable(tool, value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| portable(tool, item)),
        _ => {}
    }
}
