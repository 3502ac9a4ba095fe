//! What stores, registries and clients read: some from this repository, some from a release.

use openai_mcp::DOOR;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::links::{self, Way};
use openai_mcp_kernel::server::Definition;
use serde_json::{Value, json};

use crate::names::{
    IMAGE, Key, LICENSE, REPOSITORY, all, arguments, environment, keys, pretty, questions, registered, version,
};
use crate::{mcpb, npm};

/// The name of the stores of plugins that this repository is.
const STORE: &str = "openai-mcp";
const AUTHOR: &str = "The openai-mcp authors";

/// The files of this repository that say what the servers' definitions say, by their paths in it.
pub fn committed() -> Vec<(String, String)> {
    let mut files = vec![
        (".claude-plugin/marketplace.json".to_owned(), pretty(&claude_store())),
        (".agents/plugins/marketplace.json".to_owned(), pretty(&codex_store())),
        ("gemini-extension.json".to_owned(), pretty(&gemini())),
    ];
    for server in all() {
        let folder = format!("plugins/{}", server.entry());
        files.extend([
            (format!("{folder}/.claude-plugin/plugin.json"), pretty(&claude(server))),
            (format!("{folder}/.codex-plugin/plugin.json"), pretty(&codex(server))),
            (format!("{folder}/codex.json"), pretty(&codex_servers(server))),
            (format!("{folder}/README.md"), plugin_readme(server)),
        ]);
    }
    files
}

/// <https://code.claude.com/docs/en/plugins-reference>
fn claude(server: &Definition) -> Value {
    let keys = keys(server);
    json!({
        "name": server.entry(),
        "version": version(),
        "description": server.summary,
        "author": {"name": AUTHOR, "url": REPOSITORY},
        "repository": REPOSITORY,
        "license": LICENSE,
        "userConfig": questions(&keys),
        "mcpServers": {server.entry(): {"command": "npx", "args": npm::npx(server), "env": environment(&keys)}},
    })
}

/// <https://code.claude.com/docs/en/plugin-marketplaces>
fn claude_store() -> Value {
    let plugins: Vec<Value> = all()
        .map(|server| {
            json!({
                "name": server.entry(), "source": format!("./plugins/{}", server.entry()), "description": server.summary,
                "version": version(), "category": "development",
            })
        })
        .collect();
    json!({
        "name": STORE,
        "owner": {"name": AUTHOR, "url": REPOSITORY},
        "metadata": {"description": "The OpenAI API for MCP clients"},
        "plugins": plugins,
    })
}

/// As openai/plugins has it.
fn codex(server: &Definition) -> Value {
    json!({
        "name": server.entry(),
        "version": version(),
        "description": server.summary,
        "author": {"name": AUTHOR, "url": REPOSITORY},
        "repository": REPOSITORY,
        "license": LICENSE,
        "mcpServers": "./codex.json",
        "interface": {
            "displayName": server.title, "shortDescription": server.summary, "developerName": AUTHOR,
            "category": "Developer Tools", "capabilities": ["Interactive"],
        },
    })
}

/// Not called `.mcp.json`: Claude Code would take it for its own. Codex hands on what is named, and leaves out what is not set.
fn codex_servers(server: &Definition) -> Value {
    let keys = keys(server);
    let names: Vec<&str> = keys.iter().map(|key| key.variable).chain(Config::UPSTREAM).collect();
    json!({"mcpServers": {server.entry(): {"command": "npx", "args": npm::npx(server), "env_vars": names}}})
}

fn codex_store() -> Value {
    let plugins: Vec<Value> = all()
        .map(|server| {
            json!({
                "name": server.entry(), "source": {"source": "local", "path": format!("./plugins/{}", server.entry())},
                "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"}, "category": "Developer Tools",
            })
        })
        .collect();
    json!({"name": STORE, "interface": {"displayName": "openai-mcp"}, "plugins": plugins})
}

/// <https://geminicli.com/docs/extensions/reference>
fn gemini() -> Value {
    let server = DOOR.definition;
    let setting =
        |key: &Key| json!({"name": key.title, "description": key.about, "envVar": key.variable, "sensitive": true});
    let settings: Vec<Value> = keys(server).iter().map(setting).collect();
    json!({
        "name": server.entry(),
        "version": version(),
        "description": server.summary,
        "mcpServers": {server.entry(): {"command": "npx", "args": npm::npx(server)}},
        "settings": settings,
    })
}

fn plugin_readme(server: &Definition) -> String {
    let (title, keys) = (server.title, keys(server));
    let about = if server.about.is_empty() { server.summary } else { server.about };
    let variables: Vec<&str> = keys.iter().map(|key| key.variable).collect();
    let told: Vec<String> = keys.iter().map(|key| format!("{}.", key.about)).collect();
    let asked =
        "Claude Code asks for the key when the plugin is enabled, and keeps it in the system's store of secrets.";
    format!(
        "# {title}\n\n{about}\n\nIt starts `npx {}`, which needs Node 18 or newer. {asked} Codex takes it from {} in \
         the environment that it is started in. {}\n\nCalls go from your machine to OpenAI and nowhere else; \
         OpenAI charges them to the key. [More]({REPOSITORY}).\n",
        npm::npx(server).join(" "),
        variables.join(" and "),
        told.join(" "),
    )
}

/// `server.json` of the MCP registry. The registry wants the SHA-256 of a bundle, which is known once it is made.
/// <https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json>
pub fn registry(server: &Definition, bundle: Option<&str>) -> Value {
    let variable = |key: &Key| json!({"name": key.variable, "description": key.about, "isRequired": key.required, "isSecret": true});
    let variables: Vec<Value> = keys(server).iter().map(variable).collect();
    let positional: Vec<Value> =
        arguments(server).into_iter().map(|word| json!({"type": "positional", "value": word})).collect();
    let stdio = json!({"type": "stdio"});
    let mut on_npm = json!({
        "registryType": "npm", "identifier": npm::name(server), "version": version(), "runtimeHint": "npx", "transport": stdio,
        "environmentVariables": variables,
    });
    if let (true, Some(package)) = (server.domain.is_empty(), on_npm.as_object_mut()) {
        package.insert("packageArguments".into(), positional.clone().into());
    }
    let mut packages = vec![
        on_npm,
        json!({
            "registryType": "pypi", "identifier": "openai-mcp", "version": version(), "runtimeHint": "uvx", "transport": stdio,
            "packageArguments": positional, "environmentVariables": variables,
        }),
    ];
    if let Some(sha256) = bundle {
        packages.push(json!({
            "registryType": "mcpb", "identifier": format!("{}/{}", download(), mcpb::file(server)), "version": version(),
            "fileSha256": sha256, "transport": stdio,
        }));
    }
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": registered(server),
        "title": server.title,
        "description": server.summary,
        "version": version(),
        "repository": {"url": REPOSITORY, "source": "github", "subfolder": folder(server)},
        "packages": packages,
        "_meta": {"io.modelcontextprotocol.registry/publisher-provided": {"serverVersion": server.version}},
    })
}

/// Where the code of a server is in the repository.
pub fn folder(server: &Definition) -> String {
    if server.domain.is_empty() { "cli".to_owned() } else { format!("servers/{}", server.name()) }
}

fn download() -> String {
    format!("{REPOSITORY}/releases/download/v{}", version())
}

/// An entry of Docker's catalog, for the commit that the image was built from.
/// <https://github.com/docker/mcp-registry/blob/main/CONTRIBUTING.md>
pub fn catalog(server: &Definition, commit: &str) -> String {
    let (id, keys) = (server.entry(), keys(server));
    let text = |text: &str| Value::from(text).to_string();
    let words = serde_json::to_string(&arguments(server)).unwrap_or_default();
    let volumes = if keeps(server) { format!("  volumes: [\"{VOLUME}\"]\n") } else { String::new() };
    let about: Vec<String> = keys.iter().map(|key| key.about.to_owned()).collect();
    let secret = |Key { id: key, variable, example, required, .. }: &Key| {
        let required = if *required { "" } else { "      required: false\n" };
        format!("    - name: {id}.{key}\n      env: {variable}\n      example: {example}\n{required}")
    };
    let secrets: String = keys.iter().map(secret).collect();
    format!(
        "name: {id}\nimage: {IMAGE}:{}\ntype: server\nmeta:\n  category: ai\n  tags: [openai, {id}]\nabout:\n  title: {}\n  \
         description: {}\nsource:\n  project: {REPOSITORY}\n  commit: {commit}\n  directory: {}\nrun:\n  command: {words}\n{volumes}  \
         allowHosts: [\"api.openai.com:443\"]\nconfig:\n  description: {}\n  secrets:\n{secrets}",
        version(),
        text(server.title),
        text(server.summary),
        folder(server),
        text(&about.join(". ")),
    )
}

/// Where the image keeps what servers keep: an unnamed volume is gone with its container.
const VOLUME: &str = "openai-mcp:/data";

/// Whether a server, or one of all of them, keeps something.
fn keeps(server: &Definition) -> bool {
    server.domain.is_empty() || !server.migrations.is_empty()
}

/// How a server's README says how to install it.
pub fn install(server: &Definition) -> String {
    let (id, key) = (server.entry(), server.key_variable());
    let words = npm::npx(server);
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let way = Way::Command("npx", &arguments);
    let links = links::Server { name: &id, title: server.title, way, key: Some(key) }.links();
    let links: Vec<String> = links.into_iter().map(|(client, link)| format!("[{client}]({link})")).collect();
    let serve = crate::names::arguments(server).join(" ");
    // What listens for the image's check is another command.
    let volume = if keeps(server) { format!(" -v {VOLUME}") } else { String::new() };
    let variables: String = keys(server).iter().map(|key| format!(" -e {}", key.variable)).collect();
    let docker = format!("docker run -i --rm --no-healthcheck{variables}{volume} {IMAGE} {serve}");
    let commands = [
        (format!("npx {}", words.join(" ")), "Node 18 or newer"),
        (format!("uvx openai-mcp {serve}"), "uv, or pip install openai-mcp"),
        (docker, "a container"),
        (format!("claude plugin install {id}@{STORE}"), "Claude Code"),
        (format!("codex plugin add {id}@{STORE}"), "Codex"),
    ];
    // The longest stands out.
    let short = commands.iter().map(|(command, _)| command.len()).filter(|length| *length < 80);
    let width = short.max().unwrap_or_default();
    let lines: String = commands.iter().map(|(command, tells)| format!("{command:<width$}  # {tells}\n")).collect();
    format!(
        "```sh\n{lines}```\n\nThe key is in {key}. For the last two, first `claude plugin marketplace add {STORE}/openai-mcp` or \
         `codex plugin marketplace add {STORE}/openai-mcp`.\n\nOne click: {}; for Claude Desktop, `{}` of the [newest release]({REPOSITORY}/releases/latest).\n",
        links.join(", "),
        mcpb::file(server),
    )
}

/// A README with its section `Install` as it is to be.
///
/// # Errors
/// It has no such section.
pub fn with_install(readme: &str, server: &Definition) -> Result<String, String> {
    const HEAD: &str = "\n## Install\n\n";
    let (before, section) =
        readme.split_once(HEAD).ok_or_else(|| format!("the README of {} has no section `Install`", server.name()))?;
    let after = section.find("\n## ").map_or("", |end| section.get(end..).unwrap_or_default());
    Ok(format!("{before}{HEAD}{}{after}", install(server)))
}
