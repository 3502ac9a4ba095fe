//! What holds of all servers together: what they cover of the API, and what is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use openai_mcp::{DOOR, SERVERS};
use openai_mcp_kernel::schema::Place;
use openai_mcp_kernel::server::{Definition, describe, weight};
use openai_mcp_kernel::spec::{Endpoint, Spec, TWIN};
use openai_mcp_testkit::golden;
use serde::Deserialize;
use serde_json::Value;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(file: &str) -> String {
    fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A request that the official SDK can make, as `e2e/api/extract.py` finds it.
#[derive(Deserialize)]
struct Request {
    request: String,
    /// `None` if `coverage.json` gives its resource to no server.
    server: Option<String>,
    sdk: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    header: BTreeMap<String, String>,
    #[serde(default)]
    body: BTreeMap<String, String>,
}

impl Request {
    /// Place, name and type of every parameter that does not stand in the path.
    fn parameters(&self) -> impl Iterator<Item = (String, &str)> {
        let places = [("query", &self.query), ("header", &self.header), ("body", &self.body)];
        places.into_iter().flat_map(|(place, parameters)| {
            parameters.iter().map(move |(name, kind)| (format!("{place} {name}"), kind.as_str()))
        })
    }
}

/// `e2e/api/coverage.json`.
#[derive(Deserialize)]
struct Coverage {
    /// Servers, each with the resources of the SDK that are its own; of several prefixes the longest counts. Those that
    /// are not there are to come.
    resources: BTreeMap<String, Vec<String>>,
    /// Where a server and the SDK differ.
    differs: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    request: String,
    /// As `body name`; none of them is the whole request.
    #[serde(default)]
    parameters: Vec<String>,
    because: String,
}

fn requests() -> Vec<Request> {
    text("e2e/api/requests.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The requests that a tool makes: its endpoint, and the beta request of the same path where it has one.
fn endpoint_names(endpoint: &Endpoint) -> Vec<String> {
    let plain = format!("{} {}", endpoint.method, endpoint.path);
    let twin = endpoint.twin.map(|_| format!("{plain}?{TWIN}"));
    [plain].into_iter().chain(twin).collect()
}

/// What a tool sends besides its path.
fn sent(spec: &Spec, endpoint: &Endpoint) -> BTreeSet<String> {
    let field = |field| match endpoint.place(field) {
        Place::Query => Some(format!("query {}", field.wire)),
        Place::Header(name) => Some(format!("header {}", name().as_str())),
        Place::Body | Place::Part(_) => Some(format!("body {}", field.wire)),
        Place::Path | Place::Name | Place::Local | Place::Natural => None,
    };
    let stream = endpoint.streams.then(|| "body stream".to_owned());
    spec.fields.iter().filter_map(field).chain(stream).collect()
}

#[test]
fn every_request_and_parameter_of_the_api_has_its_place() {
    let coverage: Coverage = serde_json::from_str(&text("e2e/api/coverage.json")).unwrap();
    // Both ways: what the SDK can and we do not, and what we do and the SDK cannot.
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut faults = Vec::new();
    let requests = requests();
    let ours = || {
        let specs = SERVERS.iter().flat_map(|server| server.specs().map(|spec| (server.domain, spec)));
        specs.filter_map(|(domain, spec)| spec.endpoint.as_ref().map(|endpoint| (domain, spec, endpoint)))
    };
    for request in &requests {
        let Some(server) = &request.server else {
            faults.push(format!("{} ({}): `resources` gives it to no server", request.request, request.sdk));
            continue;
        };
        if !SERVERS.iter().any(|made| made.domain == server) {
            continue;
        }
        let tools: Vec<_> =
            ours().filter(|(_, _, endpoint)| endpoint_names(endpoint).contains(&request.request)).collect();
        let whole = (request.request.clone(), String::new());
        if tools.is_empty() {
            found.insert(whole, format!("{server} has no tool for it; the SDK's is {}", request.sdk));
            continue;
        }
        for (domain, spec, _) in tools.iter().filter(|(domain, ..)| domain != server) {
            faults.push(format!("{} is {server}'s by `resources`, and {domain} has {}", request.request, spec.name));
        }
        let sent: BTreeSet<String> = tools.iter().flat_map(|(_, spec, endpoint)| sent(spec, endpoint)).collect();
        for (parameter, kind) in request.parameters().filter(|(parameter, _)| !sent.contains(parameter)) {
            found
                .insert((request.request.clone(), parameter), format!("no argument of {server}'s; its type is {kind}"));
        }
        // What the beta request takes besides goes out with it alone.
        let twin = format!("{}?{TWIN}", request.request);
        let twin = tools
            .iter()
            .filter(|(_, _, endpoint)| endpoint.twin.is_some())
            .flat_map(|_| requests.iter().filter(|request| request.request == twin).flat_map(Request::parameters));
        let known: BTreeSet<String> = request.parameters().chain(twin).map(|(parameter, _)| parameter).collect();
        for parameter in sent.difference(&known) {
            found.insert((request.request.clone(), parameter.clone()), format!("{server} sends it, the SDK cannot"));
        }
    }
    for (domain, spec, endpoint) in ours() {
        for name in endpoint_names(endpoint) {
            if !requests.iter().any(|request| request.request == name) {
                let why = format!("{} of {domain} makes it, the SDK cannot", spec.name);
                found.insert((name, String::new()), why);
            }
        }
    }
    for Difference { request, parameters, because } in &coverage.differs {
        assert!(!because.is_empty(), "{request}: no reason");
        let whole = [String::new()];
        for parameter in if parameters.is_empty() { &whole[..] } else { parameters } {
            if found.remove(&(request.clone(), parameter.clone())).is_none() {
                faults
                    .push(format!("{request} {parameter}: there is no difference any more; take it out of `differs`"));
            }
        }
    }
    faults.extend(found.into_iter().map(|((request, parameter), why)| format!("{request} {parameter}: {why}")));
    for domain in SERVERS.iter().map(|server| server.domain) {
        if !coverage.resources.contains_key(domain) {
            faults.push(format!("{domain} is there, and `resources` gives it nothing"));
        }
    }
    assert!(faults.is_empty(), "see CONTRIBUTING, \"Follow the API\":\n{}", faults.join("\n"));
}

#[test]
fn every_tool_and_argument_is_compared_with_the_sdk() {
    let mut missing = Vec::new();
    for server in SERVERS {
        let cases: Vec<Value> =
            serde_json::from_str(&text(&format!("e2e/differential/{}.json", server.domain))).unwrap();
        for (spec, endpoint) in server.specs().filter_map(|spec| Some((spec, spec.endpoint.as_ref()?))) {
            let of_tool = || cases.iter().filter(|case| case["tool"] == spec.name);
            if of_tool().next().is_none() {
                missing.push(spec.name.to_owned());
            }
            for field in spec.fields.iter().filter(|field| !matches!(endpoint.place(field), Place::Local)) {
                if !of_tool().any(|case| case["arguments"].get(field.name).is_some()) {
                    missing.push(format!("{} {}", spec.name, field.name));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no case of e2e/differential sends {missing:?}");
}

/// The rows of the README's table: what a server does in a few words is told by its manifest, after a colon. And what all
/// tools together cost who lists them.
#[test]
fn the_readme_tells_of_every_server() {
    const HEAD: &str = "| server | tools | `tools/list` |\n|---|---|---|\n";
    const ALL: (&str, &str) = ("where all servers' tools have some ", " thousand");
    let readme = text("README.md");
    let (start, told) = readme.split_once(ALL.0).expect("the README does not tell what all tools cost");
    let (_, rest) = told.split_once(ALL.1).expect("the README does not tell how many thousands");
    // Four bytes of JSON make a token, roughly.
    let tokens = SERVERS.iter().flat_map(|server| server.specs()).map(weight).sum::<usize>() / 4;
    let readme = format!("{start}{}{}{}{rest}", ALL.0, (tokens + 500) / 1000, ALL.1);
    let (start, table) = readme.split_once(HEAD).expect("the README has no table of servers");
    let rest = table.split_once("\n\n").map_or("", |(_, rest)| rest);
    let rows: String = SERVERS.iter().map(|server| row(server)).collect();
    golden::compare(&project().join("README.md"), &format!("{start}{HEAD}{rows}\n{rest}"));
}

fn row(server: &Definition) -> String {
    let (name, domain, count) =
        (server.name(), server.domain, server.specs().filter(|spec| spec.setting.is_none()).count());
    let manifest = text(&format!("servers/{name}/Cargo.toml"));
    let described = manifest.lines().find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
    let does = described.and_then(|text| text.split_once(": "));
    let (_, does) = does.unwrap_or_else(|| panic!("{name}: the description in Cargo.toml does not tell what it does"));
    let size = text(&format!("servers/{name}/tests/schema/size.txt"));
    let bytes: f64 = size.split(' ').next().unwrap().parse().unwrap();
    let kilobytes = (bytes / 1000.0).round().max(1.0);
    format!("| [`{name}`](servers/{name}) | [{count}](docs/reference/{domain}.md): {does} | {kilobytes} KB |\n")
}

/// Registries, stores and clients show these, and cut or refuse what is longer.
#[test]
fn titles_and_summaries_fit_where_they_are_shown() {
    let mut titles = BTreeSet::new();
    for server in SERVERS.iter().copied().chain([DOOR.definition]) {
        let Definition { title, summary, .. } = server;
        assert!(title.starts_with("OpenAI") && title.chars().count() <= 30, "{title}");
        assert!(!summary.is_empty() && summary.chars().count() <= 100, "{title}: {summary}");
        assert!(titles.insert(title), "{title} is there twice");
    }
}

/// An organization's agent has all five of administration before it; who has all servers without the door pays for all.
#[test]
fn lists_cost_no_more_than_this() {
    let bytes = |admin: bool| {
        let all = SERVERS.iter().filter(|server| server.admin || !admin).flat_map(|server| server.specs());
        let mut lists = String::new();
        all.for_each(|spec| {
            describe(spec, &mut lists);
            lists.push(',');
        });
        lists.len()
    };
    assert!(bytes(true) <= 76_000, "administration: {} bytes", bytes(true));
    assert!(bytes(false) <= 288_000, "all: {} bytes", bytes(false));
}

/// What ends is told in one way: by the models server, which also says which tools of others name it, and by the stand-in.
#[test]
fn models_that_end_are_the_same_everywhere() {
    let lines = |file: &str| -> Vec<Vec<String>> {
        let text = text(file);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    };
    let notices = lines("servers/openai-models-mcp/src/retirements.txt");
    let noticed: BTreeMap<_, _> = notices.iter().map(|words| (&words[1], &words[0])).collect();
    let played = lines("sandbox/src/engine/models.txt");
    let ends: BTreeMap<_, _> = played.iter().filter_map(|words| Some((words.get(1)?, words.get(2)?))).collect();
    assert_eq!(noticed, ends, "days of the models server, and of the sandbox");

    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for spec in SERVERS.iter().filter(|server| server.domain != "models").flat_map(|server| server.specs()) {
        let mut entry = String::new();
        describe(spec, &mut entry);
        let entry = entry.replace("\\n", " ");
        let words = entry.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-.".contains(letter)));
        let words: BTreeSet<&str> = words.map(|word| word.trim_matches(['-', '.'])).collect();
        for model in noticed.keys().filter(|model| words.contains(model.as_str())) {
            named.entry(model).or_default().push(spec.name);
        }
    }
    let named: String = named.iter().map(|(model, tools)| format!("{model} {}\n", tools.join(" "))).collect();
    golden::compare(&project().join("servers/openai-models-mcp/src/named.txt"), &named);
}

/// Cursor leaves out a tool whose name has more than 60 characters together with that of its server.
#[test]
fn no_name_is_too_long_for_a_client() {
    let names =
        SERVERS.iter().flat_map(|server| server.tools().map(|tool| format!("{}{}", server.entry(), tool.spec.name)));
    let long: Vec<String> = names.filter(|name| name.len() > 60).collect();
    assert!(long.is_empty(), "{long:?}");
}
