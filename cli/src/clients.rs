//! `openai-mcp config`: what goes into the configuration of an MCP client.

use std::fmt::Write as _;

use clap::ValueEnum;
use openai_mcp_kernel::server::Definition;
use serde_json::{Map, Value, json};

/// Where the user's own key goes.
const KEY: &str = "sk-your-key";
/// Seconds that a call may take; the clients' own limits are too short for large uploads.
const PATIENCE: u32 = 600;

/// A program that uses MCP servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// claude_desktop_config.json
    ClaudeDesktop,
    /// Commands to run
    ClaudeCode,
    /// ~/.cursor/mcp.json or .cursor/mcp.json
    Cursor,
    /// .vscode/mcp.json
    Vscode,
    /// ~/.codex/config.toml
    Codex,
    /// .roo/mcp.json
    Roo,
}

/// How a client reaches a server.
enum Way<'a> {
    /// It starts this program.
    Stdio { program: &'a str, arguments: Vec<&'a str>, sandbox: bool },
    /// It runs already.
    Remote { url: String },
}

/// Renders the configuration of these servers, which the client starts, or which run at `remote`.
///
/// # Errors
/// `remote` is no URL, or where this program lies is not known.
pub(crate) fn render(
    client: Client,
    servers: &[&'static Definition],
    remote: Option<&str>,
    sandbox: bool,
) -> Result<String, String> {
    if remote.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err("--remote: expected a URL such as http://127.0.0.1:8787".into());
    }
    let program = std::env::current_exe().map_err(|error| format!("where this program lies is not known: {error}"))?;
    let program = program.to_str().ok_or("the path of this program is not UTF-8")?;
    let ways = servers.iter().map(|definition| {
        let way = match remote {
            Some(url) => Way::Remote { url: format!("{}/{}/mcp", url.trim_end_matches('/'), definition.domain) },
            None => {
                let mut arguments = vec!["stdio", definition.domain];
                arguments.extend(sandbox.then_some("--sandbox"));
                Way::Stdio { program, arguments, sandbox }
            }
        };
        (format!("openai-{}", definition.domain), way)
    });
    Ok(match client {
        Client::ClaudeCode => ways.map(|(name, way)| command(&name, &way)).collect(),
        Client::Codex => ways.map(|(name, way)| toml(&name, &way)).collect::<Vec<_>>().join("\n"),
        Client::Vscode => {
            let entries: Map<_, _> = ways.map(|(name, way)| (name, entry(client, way))).collect();
            let key =
                json!({"type": "promptString", "id": "openai-key", "description": "OpenAI API key", "password": true});
            let inputs = if sandbox { vec![] } else { vec![key] };
            format!("{:#}", json!({"inputs": inputs, "servers": entries}))
        }
        Client::ClaudeDesktop | Client::Cursor | Client::Roo => {
            let entries: Map<_, _> = ways.map(|(name, way)| (name, entry(client, way))).collect();
            format!("{:#}", json!({"mcpServers": entries}))
        }
    })
}

/// The entry of a server in a client's JSON.
fn entry(client: Client, way: Way<'_>) -> Value {
    let key = if client == Client::Vscode { "${input:openai-key}" } else { KEY };
    let mut entry = Map::new();
    let mut set = |name: &str, value: Value| entry.insert(name.into(), value);
    match way {
        Way::Stdio { program, arguments, sandbox } => {
            set("command", program.into());
            set("args", arguments.into());
            if !sandbox {
                set("env", json!({"OPENAI_API_KEY": key}));
            }
            if client == Client::Vscode {
                set("type", "stdio".into());
            }
        }
        // Its own remote connectors take OAuth alone. Some systems split arguments at spaces, hence the variable.
        Way::Remote { url } if client == Client::ClaudeDesktop => {
            let mut arguments = vec!["-y", "mcp-remote", &url, "--header", "Authorization:${AUTHORIZATION}"];
            arguments.extend(url.starts_with("http://").then_some("--allow-http"));
            set("command", "npx".into());
            set("args", arguments.into());
            set("env", json!({"AUTHORIZATION": format!("Bearer {key}")}));
        }
        Way::Remote { url } => {
            set("url", url.into());
            set("headers", json!({"Authorization": format!("Bearer {key}")}));
            match client {
                Client::Vscode => set("type", "http".into()),
                Client::Roo => set("type", "streamable-http".into()),
                _ => None,
            };
        }
    }
    if client == Client::Roo {
        set("timeout", PATIENCE.into());
    }
    entry.into()
}

/// `claude mcp add …`
fn command(name: &str, way: &Way<'_>) -> String {
    match way {
        Way::Stdio { program, arguments, sandbox } => {
            let key = if *sandbox { String::new() } else { format!(" --env OPENAI_API_KEY={KEY}") };
            format!("claude mcp add {name}{key} -- {} {}\n", quoted(program), arguments.join(" "))
        }
        Way::Remote { url } => {
            format!("claude mcp add --transport http {name} {} --header 'Authorization: Bearer {KEY}'\n", quoted(url))
        }
    }
}

/// A word of a shell command.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:\\".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A table of Codex's configuration. A JSON string is a TOML string.
fn toml(name: &str, way: &Way<'_>) -> String {
    let mut table = format!("[mcp_servers.{name}]\n");
    // Writing to a string cannot fail.
    let _ = match way {
        Way::Stdio { program, arguments, sandbox } => {
            let key = if *sandbox { String::new() } else { format!("env = {{ OPENAI_API_KEY = \"{KEY}\" }}\n") };
            write!(table, "command = {}\nargs = {}\n{key}", Value::from(*program), json!(arguments))
        }
        Way::Remote { url } => {
            write!(
                table,
                "url = {}\nhttp_headers = {{ Authorization = \"Bearer {KEY}\" }}\n",
                Value::from(url.as_str())
            )
        }
    };
    let _ = writeln!(table, "tool_timeout_sec = {PATIENCE}");
    table
}
