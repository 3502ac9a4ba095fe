//! `openai-mcp config`: what goes into the configuration of an MCP client, and where.
//!
//! What a client reads is taken from its own documentation or parser; the comment of each tells which.

mod client;
mod merge;
mod place;

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use openai_mcp::SERVERS;
use openai_mcp_kernel::config::{Config, meant};
use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::spec::Filter;
use openai_mcp_native::say;
use serde_json::{Map, Value, json};

pub(crate) use self::client::Client;
use self::merge::{Entry, Format};
pub(crate) use self::place::{Scope, places};
use crate::names::{find_all, of_flags};
use crate::remote::Place;

/// The name of the entry for all servers behind one door.
const DOOR: &str = "openai";
/// The name of the entry for several servers on one stand-in.
const SANDBOX: &str = "openai-sandbox";
/// The variables that hold keys: of a project, and of an administrator.
const USUAL: &str = "OPENAI_API_KEY";
const ADMIN: &str = "OPENAI_ADMIN_KEY";
/// The one by which servers elsewhere know their callers, if no other is named.
const TOKEN: &str = "OPENAI_MCP_ACCESS_TOKEN";
/// Seconds that a call may take; the clients' own limits are too short for large uploads.
const PATIENCE: u32 = 600;

/// What the configuration is to say.
#[derive(Args)]
pub(crate) struct Wanted {
    /// These servers alone, by domain or set (rag, text, media, training, admin). Without any: all of them, or, for clients that
    /// hand every listed tool to their model, the one door before all
    domains: Vec<String>,
    /// For servers running at this URL, as http://127.0.0.1:8787, instead of ones that the client starts
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
    /// With --remote, show those servers the key or access token in this variable, in place of a key of OpenAI
    #[arg(long, value_name = "VARIABLE", requires = "remote", conflicts_with = "sandbox")]
    bearer_env: Option<String>,
    /// For the offline stand-in, without a key; with --remote, for servers there that run on it
    #[arg(long)]
    sandbox: bool,
    /// Offer only tools that change nothing
    #[arg(long)]
    read_only: bool,
    /// Offer only these tools, separated by commas; `file-*` is all that begin so
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// Let callers name files in this folder; may be repeated
    #[arg(long = "root", value_name = "DIR", conflicts_with = "remote")]
    roots: Vec<PathBuf>,
    /// The configuration of the user, or of the project in the current folder
    #[arg(long, value_enum, default_value_t = Scope::User)]
    scope: Scope,
    /// Write it into the client's file: what else is there stays, and a copy of the file as it was is kept
    #[arg(long)]
    write: bool,
}

/// Stands where a client can only be given the key itself.
fn itself(variable: &str) -> &'static str {
    match variable {
        USUAL => "sk-your-key",
        ADMIN => "sk-admin-your-key",
        _ => "your-access-token",
    }
}

/// A server in a client's configuration.
struct Server {
    name: String,
    /// The name that its entry had in earlier versions.
    former: Option<String>,
    way: Way,
    /// The variable that holds its key.
    key: String,
    /// That of the other key, without which some of its tools cannot be called and all others can.
    also: Option<&'static str>,
}

/// How a client reaches a server.
enum Way {
    /// It starts this program.
    Stdio { program: String, arguments: Vec<String>, sandbox: bool, upstream: Vec<(&'static str, String)> },
    /// It runs already; on a stand-in it needs no key.
    Remote { url: String, sandbox: bool },
}

/// How a client is told of the key.
enum Key {
    /// By the name of a variable, in words of its own.
    Reference(&'static str),
    /// Servers get the environment that the client has.
    Inherited,
    /// It has to be given itself.
    Itself,
}

impl Key {
    /// What stands in the place of the key that this variable holds.
    fn shown(&self, variable: &str) -> String {
        match self {
            Key::Reference(text) => text.replace(USUAL, variable).replace("openai-key", &asked(variable)),
            Key::Inherited | Key::Itself => itself(variable).to_owned(),
        }
    }
}

/// Prints a configuration, or writes it.
///
/// # Errors
/// A server, tool or URL that is none, or a file that cannot be read or written.
pub(crate) fn run(client: Client, wanted: &Wanted) -> Result<String, String> {
    let servers = ways(client, wanted)?;
    if let Client::ClaudeAi | Client::Chatgpt = client {
        return paste(client, &servers, wanted);
    }
    let entries: Vec<Entry> = servers
        .iter()
        .map(|server| {
            let Server { name, former, .. } = server;
            Entry { name: name.clone(), former: former.clone(), value: entry(client, server, wanted.scope) }
        })
        .collect();
    let local = wanted.remote.is_none();
    // The others know them by name, or have them of the client.
    let lost = if local && !client.names_variables() { others() } else { Vec::new() };
    if !lost.is_empty() {
        say(&format!("warning: set here, and not handed on to the servers: {}", lost.join(", ")));
    }
    let keys = keys(&servers);
    let asks = client == Client::Vscode && !wanted.sandbox;
    let put = |text: &str| {
        let mut text = text.to_owned();
        for key in keys.iter().filter(|_| asks) {
            text = merge::input(&text, &input(key))?;
        }
        merge::servers(client.format(), &text, client.path(&text), &entries)
    };
    if !wanted.write {
        return match client {
            Client::ClaudeCode => Ok(servers.iter().map(|server| command(server, wanted.scope)).collect()),
            _ => put(""),
        };
    }
    let path = place::of(client, wanted.scope)?;
    let written = merge::write(&path, put)?;
    let mut told = match written {
        merge::Written::Same => format!("{} says so already\n", path.display()),
        merge::Written::New => format!("wrote {}\n", path.display()),
        merge::Written::Changed { copy } => {
            format!("wrote {}\nthe file as it was: {}\n", path.display(), copy.display())
        }
    };
    told += &next(client, wanted, &servers);
    if local && is_cached(Path::new(&program()?)) {
        told += "warning: this program lies in a cache, from which it may be gone one day: install it by `npm install \
                 --global openai-mcp` or `uv tool install openai-mcp`, and do this again\n";
    }
    Ok(told)
}

/// The variables of the keys that servers need.
fn keys(servers: &[Server]) -> Vec<&str> {
    let mut keys: Vec<_> = servers.iter().map(|server| server.key.as_str()).collect();
    // The usual one first.
    keys.sort_by_key(|key| *key == ADMIN);
    keys.dedup();
    keys
}

/// What the user has left to do.
fn next(client: Client, wanted: &Wanted, servers: &[Server]) -> String {
    let keys = keys(servers);
    let places: Vec<_> = keys.iter().map(|key| itself(key)).collect();
    let upstream = servers.iter().find_map(|server| match &server.way {
        Way::Stdio { upstream, .. } if client.names_variables() => Some(upstream.iter().map(|(name, _)| *name)),
        _ => None,
    });
    let variables: Vec<_> = keys.iter().copied().chain(upstream.into_iter().flatten()).collect();
    let what = if wanted.bearer_env.is_some() { "access token" } else { "key" };
    let mut key = match (client.key(wanted.remote.is_some()), client) {
        _ if wanted.sandbox => String::new(),
        // Servers that ask are not handed on to Copilot's harness, by the page named at `key`.
        (_, Client::Vscode) => format!(
            "; it asks for the {what} when it starts a server. Sessions of the Copilot harness get no server that asks, but \
             those of `openai-mcp config copilot-cli`"
        ),
        (Key::Itself, _) => format!(", with your {what} in the place of {} in that file", places.join(" and of ")),
        (Key::Reference(_) | Key::Inherited, _) => {
            format!(", with {} set where it is started from (the {what} is not in that file)", variables.join(" and "))
        }
    };
    if servers.iter().any(|server| server.also.is_some_and(|also| !keys.contains(&also))) {
        key += match client.key(wanted.remote.is_some()) {
            Key::Itself => {
                "; tools of administration want an admin key in the place of sk-admin-your-key, others do without"
            }
            _ => "; tools of administration want OPENAI_ADMIN_KEY, others do without",
        };
    }
    format!("next: start the client anew{key}\n")
}

/// The servers, each with its name and how it is reached.
fn ways(client: Client, wanted: &Wanted) -> Result<Vec<Server>, String> {
    // What is set for the servers of this shell is to hold for those of the client.
    let set = Config::read(|name| match name {
        "OPENAI_MCP_TOOLS" if !wanted.tools.is_empty() => None,
        "OPENAI_MCP_TOOLS" | "OPENAI_MCP_EXCLUDE" | "OPENAI_MCP_READ_ONLY" => env::var(name).ok(),
        name if Config::UPSTREAM.contains(&name) && wanted.remote.is_none() && !wanted.sandbox => env::var(name).ok(),
        _ => None,
    })?;
    let all = SERVERS.iter().flat_map(|definition| definition.specs());
    set.filter.check(all, Filter::VARIABLES)?;
    let mut filter = set.filter;
    filter.read_only |= wanted.read_only;
    let set = |name: &'static str| Some((name, meant(&env::var(name).ok()?)?.to_owned()));
    let network = NETWORK.into_iter().filter(|name| !holds_password(name));
    let upstream = Config::UPSTREAM.into_iter().chain(network);
    let upstream: Vec<_> = upstream.filter(|_| !wanted.sandbox).filter_map(set).collect();
    let place = wanted.remote.as_deref().map(Place::of).transpose()?;
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if wanted.bearer_env.as_ref().is_some_and(|name| name.is_empty() || !is_name(name)) {
        // It may be the token itself.
        return Err("--bearer-env: expected the name of a variable, as OPENAI_MCP_ACCESS_TOKEN".into());
    }
    let (servers, by_door) = match &place {
        Some(place) if wanted.domains.is_empty() && place.is_one() => {
            (place.server.map_or_else(|| SERVERS.to_vec(), |server| vec![server]), place.server.is_none())
        }
        _ => (find_all(&wanted.domains)?, wanted.domains.is_empty() && !client.defers()),
    };
    if !wanted.tools.is_empty() {
        let flag = Filter { only: Some(wanted.tools.clone()), ..Filter::default() };
        flag.check(servers.iter().flat_map(|definition| definition.specs()), Filter::VARIABLES)
            .map_err(|problem| of_flags(&problem))?;
        filter.only = flag.only;
    }
    let servers: Vec<_> =
        servers.into_iter().filter(|definition| definition.specs().any(|spec| filter.admits(spec))).collect();
    if servers.is_empty() {
        return Err("--tools and --read-only leave no tool".into());
    }
    let program = program()?;
    let named = env::var_os("OPENAI_MCP_ROOTS").filter(|paths| wanted.roots.is_empty() && !paths.is_empty());
    let named: Vec<PathBuf> = named.iter().flat_map(env::split_paths).collect();
    let roots = wanted.roots.iter().chain(&named).map(|root| folder(root)).collect::<Result<Vec<_>, _>>()?;
    let groups: Vec<Vec<&'static Definition>> = match servers.len() {
        // Whatever servers there are.
        _ if by_door => vec![Vec::new()],
        // Each process has a stand-in of its own, and what one server makes there the next one is to find.
        2.. if wanted.sandbox && wanted.remote.is_none() => vec![servers],
        _ => servers.into_iter().map(|definition| vec![definition]).collect(),
    };
    let alone = groups.len() == 1;
    groups
        .into_iter()
        .map(|group| {
            // A server refuses names that it does not know.
            let own = |name: &&String| {
                let one = Filter { only: Some(vec![(*name).clone()]), ..Filter::default() };
                group.is_empty() || group.iter().flat_map(|definition| definition.specs()).any(|spec| one.admits(spec))
            };
            let listed = |names: &[String]| names.iter().filter(own).cloned().collect::<Vec<_>>().join(",");
            let tools = listed(filter.only.as_deref().unwrap_or_default());
            let exclude = listed(&filter.exclude);
            let domains = group.iter().map(|definition| definition.domain).collect::<Vec<_>>().join(",");
            let way = match &place {
                Some(place) => {
                    let narrowed = [("tools", tools.as_str()), ("exclude", exclude.as_str())];
                    let narrowed = narrowed.into_iter().filter(|(_, names)| !names.is_empty());
                    let query: Vec<String> = narrowed
                        .chain(filter.read_only.then_some(("read_only", "true")))
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
                    Way::Remote { url: place.url(&domains, alone)? + &query, sandbox: wanted.sandbox }
                }
                None => {
                    let mut arguments = vec!["stdio".to_owned()];
                    arguments.extend(Some(domains.clone()).filter(|domains| !domains.is_empty()));
                    arguments.extend(wanted.sandbox.then(|| "--sandbox".to_owned()));
                    arguments.extend(filter.read_only.then(|| "--read-only".to_owned()));
                    let narrowed = [("--tools", tools), ("--exclude", exclude)];
                    let narrowed = narrowed.into_iter().filter(|(_, names)| !names.is_empty());
                    arguments.extend(narrowed.flat_map(|(flag, names)| [flag.to_owned(), names]));
                    arguments.extend(roots.iter().flat_map(|root| ["--root".to_owned(), root.clone()]));
                    let (program, upstream) = (program.clone(), upstream.clone());
                    Way::Stdio { program, arguments, sandbox: wanted.sandbox, upstream }
                }
            };
            let name = match group.as_slice() {
                [] => DOOR.to_owned(),
                [definition] => definition.entry(),
                _ => SANDBOX.to_owned(),
            };
            let former = group.first().filter(|_| group.len() == 1).map(|definition| former(definition));
            let former = former.filter(|former| *former != name);
            let behind = if group.is_empty() { SERVERS } else { &group };
            let takes = |admin: bool| {
                behind.iter().any(|definition| {
                    let mut specs = definition.specs().filter(|spec| filter.admits(spec));
                    specs.any(|spec| (definition.admin || spec.admin) == admin)
                })
            };
            let key = if takes(false) { USUAL } else { ADMIN };
            // A server that runs elsewhere is given one key.
            let also = matches!(way, Way::Stdio { sandbox: false, .. }) && key == USUAL && takes(true);
            let key = wanted.bearer_env.as_deref().unwrap_or(key).to_owned();
            Ok(Server { name, former, way, key, also: also.then_some(ADMIN) })
        })
        .collect()
}

/// The name that a server's entry had before it was made shorter.
fn former(definition: &Definition) -> String {
    format!("openai-{}", definition.domain)
}

/// The variables that tell how OpenAI is reached from here: through which proxy, and by whose certificates.
const NETWORK: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Whether a variable of [`NETWORK`] has what no file is to hold.
fn holds_password(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy") && env::var(name).is_ok_and(|value| value.contains('@'))
}

/// The names of what is set here and has no flag: secrets among it, which no file is to hold.
fn others() -> Vec<String> {
    const TOLD: [&str; 4] = ["TOOLS", "EXCLUDE", "READ_ONLY", "ROOTS"];
    /// Those of servers over HTTP.
    const WEB: [&str; 4] = ["ACCESS_TOKEN", "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "DOOR"];
    let names = env::vars_os().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.into_string().ok());
    let is_other = |name: &String| {
        name.strip_prefix("OPENAI_MCP_").is_some_and(|name| !TOLD.contains(&name) && !WEB.contains(&name))
            || (NETWORK.contains(&name.as_str()) && holds_password(name))
    };
    let mut names: Vec<String> = names.filter(is_other).collect();
    names.sort();
    names
}

/// A folder by its full path, which does not depend on where a client starts its servers.
fn folder(path: &Path) -> Result<String, String> {
    let shown = || format!("--root: `{}`", path.display());
    let full = std::path::absolute(path).map_err(|error| format!("{}: {error}", shown()))?;
    if !full.is_dir() {
        return Err(format!("{} is not a folder", shown()));
    }
    full.into_os_string().into_string().map_err(|_| format!("{} is not UTF-8", shown()))
}

/// Where this program lies, by the name it was called by: a link that an update moves on stays right.
fn program() -> Result<String, String> {
    let unknown = |error| format!("where this program lies is not known: {error}");
    let called = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let found = if called.components().count() > 1 {
        Some(called)
    } else {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).map(|folder| folder.join(&called)).find(|path| path.is_file())
    };
    let path = match found.filter(|path| path.is_file()) {
        Some(path) => std::path::absolute(path).map_err(unknown)?,
        None => env::current_exe().map_err(unknown)?,
    };
    path.into_os_string().into_string().map_err(|_| "the path of this program is not UTF-8".into())
}

/// Whether a program was fetched to be run once, by npx, pnpm, bunx or uvx.
fn is_cached(program: &Path) -> bool {
    let names: Vec<_> = program.iter().map(|name| name.to_string_lossy()).collect();
    let of_uv = |pair: &[Cow<'_, str>]| matches!(pair, [uv, cache] if uv == "uv" && cache.starts_with("archive-v"));
    names.iter().any(|name| name == "_npx" || name == "dlx" || name.starts_with("bunx-")) || names.windows(2).any(of_uv)
}

impl Client {
    /// Whether it shows its model the tools of many servers only as they are wanted: then it is served better by a server for
    /// each domain, with typed arguments and a permission for each tool. Others put every listed tool before their
    /// model, which those of all servers would overflow.
    pub(crate) fn defers(self) -> bool {
        matches!(self, Client::ClaudeCode | Client::Cursor | Client::Codex | Client::Vscode | Client::CopilotCli)
    }

    /// How it is told of the key.
    fn key(self, remote: bool) -> Key {
        match (self, remote) {
            // https://code.visualstudio.com/docs/agents/reference/mcp-configuration
            (Client::Vscode, _) => Key::Reference("${input:openai-key}"),
            // https://code.claude.com/docs/en/mcp; servers that it starts have its environment.
            (Client::ClaudeCode, true) => Key::Reference("${OPENAI_API_KEY}"),
            // Codex's `env_vars` and `bearer_token_env_var`: https://developers.openai.com/codex/mcp;
            // Zed's StdioTransport adds to its own environment, and expands nothing in headers (zed#60459).
            (Client::ClaudeCode | Client::Zed, false) | (Client::Codex, _) => Key::Inherited,
            // https://cursor.com/docs/mcp, cline#8079, https://docs.windsurf.com/windsurf/cascade/mcp, and Roo Code's
            // and Zoo Code's McpHub
            (Client::Cursor | Client::Cline | Client::Windsurf | Client::Zoo | Client::Roo, _) => {
                Key::Reference("${env:OPENAI_API_KEY}")
            }
            // https://geminicli.com/docs/tools/mcp-server; Goose's extension_manager, with `env_keys`
            (Client::GeminiCli | Client::Goose, _) => Key::Reference("${OPENAI_API_KEY}"),
            // Its `env` alone is expanded: copilot-cli#903
            (Client::CopilotCli, false) => Key::Reference("${OPENAI_API_KEY}"),
            // https://opencode.ai/docs/config, https://kilo.ai/docs/automate/mcp/using-in-kilo-code
            (Client::Opencode | Client::Kilo, _) => Key::Reference("{env:OPENAI_API_KEY}"),
            (Client::ClaudeDesktop | Client::LmStudio | Client::ClaudeAi | Client::Chatgpt, _)
            | (Client::Zed | Client::CopilotCli, true) => Key::Itself,
        }
    }

    /// Whether it may be told of a variable that is not set. Goose then starts no server (its `merge_environments`), and VS
    /// Code asks for the value; a server that either starts has what is set in their environment.
    fn bears_absence(self) -> bool {
        !matches!(self, Client::Goose | Client::Vscode)
    }

    /// Whether its servers get variables of the environment by their names, or all of them.
    fn names_variables(self) -> bool {
        matches!(self.key(false), Key::Inherited)
    }

    /// In what its file is written.
    pub(crate) fn format(self) -> Format {
        match self {
            Client::Codex => Format::Toml,
            Client::Goose => Format::Yaml,
            _ => Format::Json,
        }
    }

    /// Where in its file the servers are.
    pub(crate) fn path(self, text: &str) -> &'static [&'static str] {
        match self {
            Client::Vscode => &["servers"],
            Client::Codex => &["mcp_servers"],
            Client::Zed => &["context_servers"],
            Client::Goose => &["extensions"],
            // Version 2 goes on reading what was written for version 1, so its own place is taken only where it is
            // in use: https://opencode.ai/docs/migrate-v1
            Client::Opencode if merge::has_object(text, &["mcp", "servers"]) => &["mcp", "servers"],
            Client::Opencode | Client::Kilo => &["mcp"],
            _ => &["mcpServers"],
        }
    }
}

/// The entry of a server.
fn entry(client: Client, server: &Server, scope: Scope) -> Value {
    let Server { name, way, key: variable, also, .. } = server;
    let key = client.key(matches!(way, Way::Remote { .. }));
    let shown = key.shown(variable);
    let keyless = matches!(way, Way::Stdio { sandbox: true, .. } | Way::Remote { sandbox: true, .. });
    let bearer = json!({"Authorization": format!("Bearer {shown}")});
    let mut entry = Map::new();
    let mut set = |name: &str, value: Value| entry.insert(name.into(), value);
    match (way, client) {
        (Way::Stdio { program, arguments, .. }, Client::Opencode | Client::Kilo) => {
            set("type", "local".into());
            set("command", std::iter::once(program).chain(arguments).cloned().collect());
        }
        (Way::Stdio { program, arguments, .. }, Client::Goose) => {
            set("type", "stdio".into());
            set("cmd", program.as_str().into());
            set("args", json!(arguments));
        }
        (Way::Stdio { program, arguments, .. }, _) => {
            set("command", program.as_str().into());
            set("args", json!(arguments));
            if let Client::ClaudeCode | Client::Vscode | Client::CopilotCli = client {
                set("type", "stdio".into());
            }
        }
        // Its own connectors take OAuth alone. Some systems split arguments at spaces, hence the variable.
        (Way::Remote { url, .. }, Client::ClaudeDesktop) => {
            let header = ["--header", "Authorization:${AUTHORIZATION}"];
            let mut arguments = vec!["-y", "mcp-remote", url];
            arguments.extend(header.into_iter().filter(|_| !keyless));
            arguments.extend(url.starts_with("http://").then_some("--allow-http"));
            set("command", "npx".into());
            set("args", json!(arguments));
            if !keyless {
                set("env", json!({"AUTHORIZATION": format!("Bearer {shown}")}));
            }
        }
        (Way::Remote { url, .. }, Client::Codex) => {
            set("url", url.as_str().into());
            if !keyless {
                set("bearer_token_env_var", variable.as_str().into());
            }
        }
        (Way::Remote { url, .. }, _) => {
            let name = match client {
                Client::GeminiCli => "httpUrl",
                Client::Windsurf => "serverUrl",
                Client::Goose => "uri",
                _ => "url",
            };
            set(name, url.as_str().into());
            if !keyless {
                set("headers", bearer);
            }
            let kind = match client {
                Client::ClaudeCode | Client::Vscode | Client::CopilotCli => Some("http"),
                Client::Roo | Client::Zoo => Some("streamable-http"),
                Client::Cline => Some("streamableHttp"),
                Client::Opencode | Client::Kilo => Some("remote"),
                Client::Goose => Some("streamable_http"),
                _ => None,
            };
            kind.map(|kind| set("type", kind.into()));
        }
    }
    if let Way::Stdio { upstream, .. } = way {
        let keys =
            std::iter::once(variable.as_str()).chain(also.filter(|_| client.bears_absence())).filter(|_| !keyless);
        let values = upstream.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
        let values: Map<String, Value> = values.collect();
        let mut environment: Map<String, Value> =
            keys.clone().map(|variable| (variable.to_owned(), key.shown(variable).into())).collect();
        environment.extend(values.clone());
        let named: Vec<String> = keys.map(str::to_owned).chain(values.keys().cloned()).chain(others()).collect();
        match (client, &key) {
            (Client::Codex, _) if !named.is_empty() => set("env_vars", named.into()),
            (Client::Goose, _) if !values.is_empty() => set("envs", values.into()),
            (Client::Codex | Client::Goose, _) | (_, Key::Inherited) => None,
            _ if environment.is_empty() => None,
            (Client::Opencode | Client::Kilo, _) => set("environment", environment.into()),
            _ => set("env", environment.into()),
        };
    }
    match client {
        Client::Cline | Client::Roo | Client::Zoo => {
            set("timeout", PATIENCE.into());
        }
        Client::Codex => {
            set("tool_timeout_sec", PATIENCE.into());
        }
        Client::Goose => {
            set("name", name.as_str().into());
            set("description", "OpenAI".into());
            set("enabled", true.into());
            set("timeout", PATIENCE.into());
            set("env_keys", if keyless { json!([]) } else { json!([variable]) });
        }
        // It shares the project's file with Claude Code, which names tools by rules of its own.
        Client::CopilotCli if scope == Scope::User => {
            set("tools", json!(["*"]));
        }
        _ => {}
    }
    entry.into()
}

/// What VS Code asks for, once for all servers that take such a key, and keeps in a safe place.
fn input(variable: &str) -> Value {
    let what = match variable {
        USUAL => "OpenAI API key",
        ADMIN => "OpenAI admin key",
        _ => "Access token",
    };
    json!({"type": "promptString", "id": asked(variable), "description": what, "password": true})
}

/// The name by which VS Code keeps it.
fn asked(variable: &str) -> String {
    match variable {
        USUAL => "openai-key".to_owned(),
        ADMIN => "openai-admin-key".to_owned(),
        _ => variable.to_ascii_lowercase().replace('_', "-"),
    }
}

/// `claude mcp add …`
fn command(Server { name, way, key, .. }: &Server, scope: Scope) -> String {
    let scope = if scope == Scope::User { "user" } else { "project" };
    match way {
        Way::Stdio { program, arguments, .. } => {
            let words: Vec<_> = std::iter::once(program).chain(arguments).map(|word| quoted(word)).collect();
            format!("claude mcp add --scope {scope} {name} -- {}\n", words.join(" "))
        }
        Way::Remote { url, sandbox } => {
            let header = if *sandbox { String::new() } else { format!(" --header 'Authorization: Bearer ${{{key}}}'") };
            format!("claude mcp add --scope {scope} --transport http {name} {}{header}\n", quoted(url))
        }
    }
}

/// What to do by hand, for those that are configured in the browser.
fn paste(client: Client, servers: &[Server], wanted: &Wanted) -> Result<String, String> {
    let name = if client == Client::Chatgpt { "ChatGPT" } else { "claude.ai" };
    if wanted.write {
        return Err(format!("{name} is configured in the browser: leave out --write to see how"));
    }
    if !wanted.remote.as_deref().is_some_and(|url| url.starts_with("https://")) {
        return Err(format!(
            "{name} reaches servers on the web alone: give --remote https://…, where they run\nhint: see `Run it as a \
             service` in the README, or deploy them to Cloudflare"
        ));
    }
    // https://developers.openai.com/api/docs/guides/custom-mcp-server and
    // https://support.claude.com/en/articles/11503834-building-custom-integrations-via-remote-mcp-servers
    let steps = match client {
        Client::Chatgpt => {
            "In ChatGPT on the web: Plugins, the plus button, `Add custom MCP server`. Give a name, the URL as `Server \
             URL`, and `No authentication`; then `Create as a plugin`. Once for each server:"
        }
        _ => {
            "In Claude: Customize, Connectors, the plus button, `Add custom connector`. Give a name and the URL. Once for \
             each server:"
        }
    };
    let mut text = format!("{steps}\n\n");
    for Server { name, way, key, .. } in servers {
        if let Way::Remote { url, sandbox } = way {
            let (url, query) =
                url.split_once('?').map_or((url.as_str(), String::new()), |(url, query)| (url, format!("?{query}")));
            let key = if *sandbox { String::new() } else { format!("/{}", itself(key)) };
            text += &format!("{name}\n{url}{key}{query}\n\n");
        }
    }
    if wanted.sandbox {
        return Ok(text);
    }
    let places: Vec<_> = keys(servers).into_iter().map(itself).collect();
    text += &format!(
        "Put your key in the place of {}. Whoever has such a URL can spend the key: use one that is made for this \
         alone, with a limit, and share no screenshot of it.\n",
        places.join(" and of ")
    );
    Ok(text)
}

/// A word of a shell command.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:\\,".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// One of our entries in the file of a client.
pub(crate) struct Found {
    pub(crate) name: String,
    /// What it starts, if it starts something.
    pub(crate) program: Option<String>,
    /// What stands there still where a key is to be.
    pub(crate) keyless: Option<&'static str>,
}

/// Our entries in the file of a client.
///
/// # Errors
/// The file is not what the client reads.
pub(crate) fn found(client: Client, text: &str) -> Result<Vec<Found>, String> {
    let servers = merge::read(client.format(), text, client.path(text))?;
    let known = |name: &str| {
        name == DOOR
            || name == SANDBOX
            || SERVERS.iter().any(|definition| definition.entry() == name || former(definition) == name)
    };
    let program = |entry: &Value| {
        let command = entry.get("command").or_else(|| entry.get("cmd"))?;
        command.as_str().or_else(|| command.get(0)?.as_str()).map(str::to_owned)
    };
    let keyless = |entry: &Value| {
        let text = entry.to_string();
        // Beside a key of a project, that of an administrator may be missing.
        let missing = |key: &&str| text.contains(itself(key)) && (*key != ADMIN || !text.contains(USUAL));
        [USUAL, ADMIN, TOKEN].into_iter().find(missing).map(itself)
    };
    let ours = servers.into_iter().filter(|(name, _)| known(name));
    Ok(ours.map(|(name, entry)| Found { name, program: program(&entry), keyless: keyless(&entry) }).collect())
}

/// Whether a program can be started: by its path, or by its name in `PATH`.
pub(crate) fn is_there(program: &str) -> bool {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return path.is_file();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| {
        let file = folder.join(path);
        file.is_file() || file.with_extension(OsStr::new(env::consts::EXE_EXTENSION)).is_file()
    })
}
