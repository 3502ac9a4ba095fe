//! A new server: `cargo xtask new DOMAIN`.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::api::{self, Request};
use crate::tools::execute;
use crate::workspace::{Workspace, cargo, server_name};

/// The server whose build files are taken over: a plain one, without a store.
const MODEL: &str = "files";
/// Its build files: those that say nothing of its tools.
const TAKEN: &[&str] = &["src/main.rs", "worker/Cargo.toml", "worker/src/lib.rs", "wrangler.jsonc"];
/// The groups of arguments in `shapes/` for a page of a list, the largest first.
const PAGES: &[(&str, &[&str])] = &[
    ("TwoWayPage", &["after", "before", "limit", "order"]),
    ("OrderedPage", &["after", "limit", "order"]),
    ("Page", &["after", "limit"]),
];

/// Arguments of `cargo xtask new`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The domain, as `resources` of `e2e/api/coverage.json` has it
    domain: String,
}

/// Makes the folder of a server, with a declaration for each of its requests as far as their types are plain, and names
/// the server where the workspace and the umbrella list theirs.
pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let (root, domain) = (&workspace.root, options.domain.as_str());
    let all = api::requests(&workspace)?;
    let requests: Vec<&Request> = all.iter().filter(|request| request.server.as_deref() == Some(domain)).collect();
    let made: BTreeSet<String> = workspace.domains().collect();
    if made.contains(domain) {
        bail!("there is `servers/{}` already", server_name(domain));
    }
    if requests.is_empty() {
        let known: BTreeSet<_> = all.iter().filter_map(|request| request.server.clone()).collect();
        let to_come: Vec<_> = known.difference(&made).map(String::as_str).collect();
        let hint =
            if to_come.is_empty() { String::new() } else { format!("; servers to come: {}", to_come.join(", ")) };
        bail!("`resources` of e2e/api/coverage.json gives nothing to `{domain}`{hint}");
    }
    let drafts: Vec<Draft> = requests.iter().map(|request| Draft::new(request)).collect();

    let name = server_name(domain);
    let folder = root.join("servers").join(&name);
    let model = root.join("servers").join(server_name(MODEL));
    let place = |text: String| {
        let text = text.replace(&server_name(MODEL), &name).replace(&krate(MODEL), &krate(domain));
        text.replace(&format!("{MODEL}-mcp"), &format!("{domain}-mcp"))
    };
    for file in TAKEN {
        write(&folder.join(file), &place(read(&model.join(file))?))?;
    }
    write(&folder.join("Cargo.toml"), &manifest(&place(read(&model.join("Cargo.toml"))?), domain, &drafts))?;
    write(&folder.join("CHANGELOG.md"), "# Changelog\n\n## 0.1.0\n\nFirst release.\n")?;
    let admin = requests.iter().all(|request| request.sdk.starts_with("admin."));
    write(&folder.join("README.md"), &readme(domain, admin))?;
    let suite = format!(
        "//! Cases, schemas and the rules of the tool list.\n\nopenai_mcp_testkit::suite!({}::SERVER, {} * 1024);\n",
        krate(domain),
        drafts.len().max(2)
    );
    write(&folder.join("tests/all/main.rs"), &suite)?;

    let mut modules: BTreeMap<&str, Vec<&Draft>> = BTreeMap::new();
    for draft in &drafts {
        modules.entry(&draft.module).or_default().push(draft);
    }
    write(&folder.join("src/lib.rs"), &library(domain, modules.keys(), admin))?;
    for (module, drafts) in &modules {
        write(&folder.join("src").join(format!("{module}.rs")), &source(module, drafts))?;
    }
    for draft in &drafts {
        let cases = folder.join("tests/cases").join(&draft.tool);
        write(&cases.join("success.case"), &draft.success())?;
        write(&cases.join("fault.case"), &draft.fault())?;
    }
    let compared: Vec<String> = drafts.iter().map(|draft| format!("  {}", draft.compared())).collect();
    write(&root.join(format!("e2e/differential/{domain}.json")), &format!("[\n{}\n]\n", compared.join(",\n")))?;

    let dependency = format!("{name} = {{ path = \"servers/{name}\" }}");
    list(&root.join("Cargo.toml"), &dependency, |line| line.contains("path = \"servers/"))?;
    list(&root.join("cli/Cargo.toml"), &format!("{name}.workspace = true"), |line| line.starts_with("openai-"))?;
    let entry = format!("    &{}::SERVER,", krate(domain));
    list(&root.join("cli/src/lib.rs"), &entry, |line| line.ends_with("::SERVER,"))?;

    execute(cargo().args(["fmt", "--package", &name]))?;
    execute(cargo().args(["test", "--quiet", "--package", &name]).env("BLESS", "1"))?;
    let left = drafts.iter().filter(|draft| !draft.left.is_empty());
    let left: String = left.map(|draft| format!("\n  {}: {}", draft.tool, draft.left.join(", "))).collect();
    let left = if left.is_empty() { left } else { format!(" Not declared yet:{left}") };
    eprintln!("\n{} is there; CONTRIBUTING.md, \"Add a server\", tells how it goes on.{left}", folder.display());
    Ok(())
}

fn krate(domain: &str) -> String {
    server_name(domain).replace('-', "_")
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Adds a line to those of its kind, in the order of their letters.
fn list(file: &Path, line: &str, kind: impl Fn(&str) -> bool) -> Result<()> {
    write(file, &listed(&read(file)?, line, kind).with_context(|| file.display().to_string())?)
}

fn listed(text: &str, line: &str, kind: impl Fn(&str) -> bool) -> Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| kind(line)).context("there is no line of this kind")?;
    let count = lines.iter().skip(first).take_while(|line| kind(line)).count();
    let mut ours: Vec<&str> = lines.drain(first..first + count).chain([line]).collect();
    ours.sort_unstable();
    ours.dedup();
    lines.splice(first..first, ours);
    Ok(lines.join("\n") + "\n")
}

/// The model's manifest with a version and a description of its own.
fn manifest(model: &str, domain: &str, drafts: &[Draft]) -> String {
    let mut does = Vec::new();
    for draft in drafts {
        if !does.contains(&draft.verb) {
            does.push(draft.verb.clone());
        }
    }
    let lines = model.lines().map(|line| {
        if line.starts_with("version = ") {
            "version = \"0.1.0\"".to_owned()
        } else if line.starts_with("description = ") {
            format!("description = \"OpenAI's {}: {}\"", domain.replace('-', " "), does.join(", "))
        } else {
            line.to_owned()
        }
    });
    lines.flat_map(|line| [line, "\n".into()]).collect()
}

fn readme(domain: &str, admin: bool) -> String {
    let (name, words) = (server_name(domain), domain.replace('-', " "));
    let line = |command: String, tells: &str| format!("{command:<71}# {tells}\n");
    let mut text = format!(
        "# {name}\n\nAn MCP server for [OpenAI's {words}](https://platform.openai.com/docs/api-reference/{domain}).\n\n\
         [The tools](../../docs/reference/{domain}.md) cover every request and parameter.\n\n\
         ```sh\ncargo build --release -p {name}\n"
    );
    let key = if admin { "OPENAI_ADMIN_KEY=sk-admin-…" } else { "OPENAI_API_KEY=sk-…" };
    text += &line(format!("{key} target/release/{name}"), "stdio");
    text += &line(format!("target/release/{name} --http 127.0.0.1:8788"), "POST /mcp, callers bring their keys");
    let umbrella = format!("openai-mcp stdio {domain} --sandbox");
    text += &line(umbrella, "without a key, from the binary of all servers");
    // `cargo xtask bless` fills in the section.
    text + "```\n\nSettings are told in the [README of the project](../../README.md#settings).\n\n## Install\n\n"
}

fn library<'a>(domain: &str, modules: impl Iterator<Item = &'a &'a str>, admin: bool) -> String {
    let words = domain.replace('-', " ");
    let title: Vec<String> = words.split(' ').map(capital).collect();
    let title = title.join(" ");
    let modules: Vec<&&str> = modules.collect();
    let mut text = format!(
        "//! OpenAI's {words}. <https://platform.openai.com/docs/api-reference/{domain}>\n\n{}\n\
         use openai_mcp_kernel::server::Definition;\n\n/// The server.\npub static SERVER: Definition = Definition {{\n    \
         domain: \"{domain}\",\n    title: \"OpenAI {title}\",\n    summary: env!(\"CARGO_PKG_DESCRIPTION\"),\n    version: env!(\"CARGO_PKG_VERSION\"),\n    about: \"OpenAI's {words}.\",\n    topics: \"{words}\",\n",
        modules.iter().map(|module| format!("mod {module};\n")).collect::<String>()
    );
    let tools: Vec<String> = modules.iter().map(|module| format!("{module}::TOOLS")).collect();
    let _ = writeln!(text, "    tools: &[{}],", tools.join(", "));
    if admin {
        text += "    admin: true,\n";
    }
    text + "    ..Definition::PLAIN\n};\n"
}

/// A module with the tools of one resource, and the sets of words that they take.
fn source(module: &str, drafts: &[&Draft]) -> String {
    let tools: Vec<&str> = drafts.iter().map(|draft| draft.structure.as_str()).collect();
    let pages: BTreeSet<&str> = drafts.iter().filter_map(|draft| draft.page).collect();
    let pages: String = pages.iter().map(|page| format!("use openai_mcp_shapes::page::{page};\n")).collect();
    let mut text = format!(
        "//! The {} resource.\n\nuse openai_mcp_kernel::prelude::*;\n{pages}\ntools![{}];\n",
        module.replace('_', " "),
        tools.join(", ")
    );
    for draft in drafts {
        text += "\n";
        text += &draft.source;
    }
    let words: BTreeMap<&String, &String> = drafts.iter().flat_map(|draft| &draft.words).collect();
    for (name, list) in words {
        let _ = write!(text, "\n#[shape]\nenum {name} {{\n{list}}}\n");
    }
    text
}

/// A request as a tool, as far as the types of its parameters are plain.
struct Draft {
    module: String,
    tool: String,
    verb: String,
    structure: String,
    source: String,
    /// The group of arguments for a page of a list.
    page: Option<&'static str>,
    /// Sets of words, by the name of their type: the variants.
    words: BTreeMap<String, String>,
    /// Parameters whose types are not plain, with these.
    left: Vec<String>,
    sdk: String,
    lists: bool,
    /// Values for all arguments.
    values: Map<String, Value>,
    required: BTreeSet<String>,
}

impl Draft {
    fn new(request: &Request) -> Self {
        let mut parts: Vec<&str> =
            request.sdk.split('.').filter(|part| !["admin", "organization", "beta"].contains(part)).collect();
        let method = parts.pop().unwrap_or_default();
        let resources: Vec<String> = parts.iter().map(|part| singular(part)).collect();
        let mut verb = match method {
            "retrieve" => "get",
            "update" => "modify",
            other => other,
        }
        .replace('_', "-");
        let mut holders = resources.clone();
        // What there is one of is not got: it is a part that is shown.
        if verb == "get" && parts.last().is_some_and(|part| !part.ends_with('s')) {
            verb = holders.pop().unwrap_or_default().replace('_', "-");
        }
        let noun = holders.join("-").replace('_', "-");
        let tool = format!("{noun}-{verb}");
        let (structure, module) = (camel(&verb), holders.last().cloned().unwrap_or_default());

        let mut draft = Draft {
            module,
            structure,
            verb,
            tool,
            source: String::new(),
            page: None,
            words: BTreeMap::new(),
            left: Vec::new(),
            sdk: request.sdk.clone(),
            lists: method == "list",
            values: Map::new(),
            required: BTreeSet::new(),
        };
        let (http, path) = request.request.split_once(' ').unwrap_or_default();
        let mut fields = String::new();
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let _ = writeln!(fields, "    {name}: String,");
            draft.values.insert(name.to_owned(), format!("{}_1", name.trim_end_matches("_id")).into());
            draft.required.insert(name.to_owned());
        }
        let mut multipart = false;
        for place in ["query", "body"] {
            let parameters = request.places.get(place).into_iter().flatten();
            let (must, may): (Vec<_>, Vec<_>) = parameters.partition(|(_, kind)| kind.starts_with('!'));
            let group = PAGES.iter().find(|(_, names)| {
                let given = |name: &&str| may.iter().any(|(other, kind)| other == name && of_a_page(name, kind));
                place == "query" && names.iter().all(given)
            });
            if let Some((page, _)) = group {
                draft.page = Some(page);
                let _ = writeln!(fields, "    #[flatten]\n    page: {page},");
            }
            for (name, kind) in must.into_iter().chain(may) {
                if group.is_some_and(|(_, names)| names.contains(&name.as_str())) {
                    draft.values.insert(name.clone(), value_in_a_page(name));
                    continue;
                }
                let plain = kind.trim_start_matches('!');
                let Some((kind_of, value)) = draft.kind(plain, name, place == "body") else {
                    draft.left.push(format!("`{name}` ({plain})"));
                    continue;
                };
                multipart |= kind_of.contains("FileInput");
                if kind.starts_with('!') {
                    draft.required.insert(name.clone());
                    let _ = writeln!(fields, "    {name}: {kind_of},");
                } else {
                    let _ = writeln!(fields, "    {name}: Option<{kind_of}>,");
                }
                draft.values.insert(name.clone(), value);
            }
        }
        let mut flags = if multipart { ", multipart" } else { "" }.to_owned();
        if draft.verb == "modify" {
            flags += ", destroys, idempotent";
        }
        let what = noun.replace('-', " ");
        let one = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let doc = match draft.verb.as_str() {
            "create" => format!("Create {one} {what}."),
            "list" => format!("List {what}s."),
            "get" => format!("Get {one} {what}."),
            "modify" => format!("Change {one} {what}."),
            "delete" => format!("Delete {one} {what}."),
            other => format!("{} of {one} {what}.", capital(&other.replace('-', " "))),
        };
        let (tool, structure) = (&draft.tool, &draft.structure);
        let body = if fields.is_empty() { " {}\n".to_owned() } else { format!(" {{\n{fields}}}\n") };
        draft.source = format!("/// {doc}\n#[tool(\"{tool}\", {http} \"{path}\"{flags})]\nstruct {structure}{body}");
        draft
    }

    /// The kernel's type for a type of the SDK, and a value of it; nothing if it is not plain.
    fn kind(&mut self, kind: &str, name: &str, null: bool) -> Option<(String, Value)> {
        let within = |start: &str| kind.strip_prefix(start)?.strip_prefix('[')?.strip_suffix(']');
        let plain = match kind {
            "str" => ("String".to_owned(), json!(format!("{}_1", name.trim_end_matches("_id")))),
            "int" if name == "limit" => ("Int<1, 100>".to_owned(), json!(10)),
            "int" => ("i64".to_owned(), json!(1)),
            "float" => ("f64".to_owned(), json!(0.5)),
            "bool" => ("bool".to_owned(), json!(true)),
            "FileTypes" => ("FileInput".to_owned(), json!({"path": "a.txt"})),
            _ => {
                if let Some(inner) = within("Optional") {
                    let (inner, value) = self.kind(inner, name, null)?;
                    return Some((if null { format!("Nullable<{inner}>") } else { inner }, value));
                }
                if let Some(words) = within("Literal") {
                    return self.literal(words, name);
                }
                let items = ["List", "SequenceNotStr", "Iterable"].iter().find_map(|start| within(start))?;
                let (inner, value) = self.kind(items, &singular(name), null)?;
                if inner == "FileInput" {
                    return None;
                }
                (format!("Vec<{inner}>"), json!([value]))
            }
        };
        Some(plain)
    }

    /// A set of words.
    fn literal(&mut self, words: &str, name: &str) -> Option<(String, Value)> {
        let kind = camel(name);
        let mut variants = String::new();
        let mut first = None;
        for word in words.split(", ") {
            let word = word.strip_prefix('\'')?.strip_suffix('\'')?;
            let mut variant = camel(&word.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"));
            if variant.starts_with(|letter: char| letter.is_ascii_digit()) {
                variant.insert_str(0, &kind);
            }
            if snake(&variant) != word {
                let _ = writeln!(variants, "    #[wire(\"{word}\")]");
            }
            let _ = writeln!(variants, "    {variant},");
            first.get_or_insert(word);
        }
        self.words.insert(kind.clone(), variants);
        Some((kind, first?.into()))
    }

    fn arguments(&self) -> Value {
        let of_a_case = |value: &Value| match value.get("path") {
            Some(_) => json!({"text": "text", "filename": "a.txt"}),
            None => value.clone(),
        };
        let required = self.values.iter().filter(|(name, _)| self.required.contains(*name));
        required.map(|(name, value)| (name.clone(), of_a_case(value))).collect::<Map<_, _>>().into()
    }

    fn success(&self) -> String {
        let reply =
            if self.lists { json!({"object": "list", "data": [], "has_more": false}) } else { json!({"id": "1"}) };
        format!("call      {}\nreplies   200\n          {reply}\n", self.arguments())
    }

    fn fault(&self) -> String {
        let arguments = if self.required.is_empty() { json!({"nonsense": true}) } else { json!({}) };
        format!("call      {arguments}\n")
    }

    /// A line of the comparison with the SDK, with every argument.
    fn compared(&self) -> Value {
        let files = self.values.iter().filter(|(_, value)| value.get("path").is_some());
        let uploads: Map<String, Value> =
            files.map(|(name, _)| (name.clone(), json!({"filename": "a.txt", "text": "text"}))).collect();
        let name = self.tool.replace('-', " ");
        let mut line = json!({"name": name, "tool": self.tool, "method": self.sdk, "arguments": self.values});
        if let (Some(line), false) = (line.as_object_mut(), uploads.is_empty()) {
            line.insert("uploads".into(), uploads.into());
        }
        line
    }
}

/// Whether an argument is of the type that the groups for pages give it.
fn of_a_page(name: &str, kind: &str) -> bool {
    match name {
        "limit" => kind == "int",
        "order" => kind == "Literal['asc', 'desc']",
        _ => ["str", "Optional[str]"].contains(&kind),
    }
}

fn value_in_a_page(name: &str) -> Value {
    match name {
        "limit" => json!(10),
        "order" => json!("asc"),
        _ => json!(format!("{name}_1")),
    }
}

/// A word of the API for one of what it names.
pub(crate) fn singular(word: &str) -> String {
    if let Some(start) = word.strip_suffix("ies") {
        return format!("{start}y");
    }
    if ["ches", "sses", "xes"].iter().any(|end| word.ends_with(end)) {
        return word.strip_suffix("es").unwrap_or(word).to_owned();
    }
    match word.strip_suffix('s') {
        Some(start) if !start.ends_with(['s', 'u']) => start.to_owned(),
        _ => word.to_owned(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn camel(words: &str) -> String {
    words.split(['-', '_']).map(capital).collect()
}

/// How a variant of a `#[shape]` enum is written on the wire.
fn snake(variant: &str) -> String {
    let mut word = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Draft, listed, singular, source};

    fn draft(line: &str) -> Draft {
        Draft::new(&serde_json::from_str(line).unwrap())
    }

    #[test]
    fn a_request_becomes_a_declaration() {
        let list = draft(
            r#"{"request": "GET /boxes/{box_id}/files", "server": "boxes", "sdk": "boxes.files.list",
                "path": {"box_id": "str"}, "query": {"after": "Optional[str]", "limit": "int", "order": "Literal['asc', 'desc']", "sort": "Literal['name', 'si-ze']"}}"#,
        );
        assert_eq!(
            (list.module.as_str(), list.success().lines().next()),
            ("file", Some(r#"call      {"box_id":"box_1"}"#))
        );
        let expected = "//! The file resource.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List];

/// List box files.
#[tool(\"box-file-list\", GET \"/boxes/{box_id}/files\")]
struct List {
    box_id: String,
    #[flatten]
    page: OrderedPage,
    sort: Option<Sort>,
}

#[shape]
enum Sort {
    Name,
    #[wire(\"si-ze\")]
    SiZe,
}
";
        assert_eq!(source("file", &[&list]), expected);
        assert_eq!(
            list.compared().get("arguments").cloned().unwrap_or_default(),
            serde_json::json!({"after": "after_1", "box_id": "box_1", "limit": 10, "order": "asc", "sort": "name"})
        );
    }

    #[test]
    fn what_is_not_plain_is_left_and_told() {
        let create = draft(
            r#"{"request": "POST /boxes", "server": "boxes", "sdk": "boxes.create",
                "body": {"file": "!FileTypes", "name": "Optional[str]", "shape": "Shape"}}"#,
        );
        assert_eq!(create.left, ["`shape` (Shape)"]);
        assert!(create.source.contains("multipart"), "{}", create.source);
        assert!(create.source.contains("name: Option<Nullable<String>>,"), "{}", create.source);
        assert_eq!(create.fault(), "call      {}\n");
        let content = draft(r#"{"request": "GET /boxes/{box_id}/content", "sdk": "boxes.content.retrieve"}"#);
        assert_eq!((content.tool.as_str(), content.module.as_str()), ("box-content", "box"));
        let limit = draft(r#"{"request": "GET /boxes/{box_id}/spend_limit", "sdk": "boxes.spend_limit.retrieve"}"#);
        assert_eq!((limit.tool.as_str(), limit.structure.as_str()), ("box-spend-limit", "SpendLimit"));
    }

    #[test]
    fn a_line_is_put_among_its_like() {
        let kind = |line: &str| line.starts_with('x');
        assert_eq!(listed("a\nx1\nx3\nb\n", "x2", kind).unwrap(), "a\nx1\nx2\nx3\nb\n");
        assert!(listed("a\n", "x2", kind).is_err());
    }

    #[test]
    fn words_are_made_singular() {
        for (many, one) in [("batches", "batch"), ("policies", "policy"), ("files", "file"), ("access", "access")] {
            assert_eq!(singular(many), one);
        }
    }
}
