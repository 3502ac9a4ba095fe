//! `openai-mcp doctor`: whether what servers and clients need is there. Each line says what to do if it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode};
use openai_mcp::SERVERS;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::config::OPENAI;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_native::run::{self, Host, Options, Usual};
use serde_json::Value;
use tokio::time::timeout;

use crate::clients::{self, Client, Found, Scope};
use crate::out;

/// Most bytes of an answer that are looked at.
const LONGEST: usize = 4 * 1024 * 1024;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// What to do where something else answers than expected.
const ELSEWHERE: &str =
    "hint: OPENAI_BASE_URL names where the API is, as https://api.openai.com/v1; unset it to use OpenAI's";

/// Looks at everything, prints a line for each, and gives a status of 1 if something is wrong.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut well = true;
    let status = run::finish(async {
        let mut lines = Lines::default();
        match Host::new(options, SERVERS, Usual::Own).await {
            Err(problem) => lines.wrong("settings", &problem),
            Ok(host) => {
                match options.sandbox {
                    Some(_) => lines.well("key", "the sandbox needs none"),
                    None => key(&host, &mut lines).await,
                }
                files(&host, &mut lines);
                store(&host, &mut lines);
            }
        }
        for client in Client::value_variants() {
            for scope in [Scope::User, Scope::Project] {
                look(*client, scope, &mut lines);
            }
        }
        if lines.clients.is_empty() {
            lines.well("clients", "none is configured yet: `openai-mcp config CLIENT --write` does it");
        }
        well = lines.well;
        out::write(&lines.text)
    });
    if well { status } else { ExitCode::FAILURE }
}

/// What was found.
struct Lines {
    text: String,
    well: bool,
    /// Files of clients that say something of us.
    clients: Vec<PathBuf>,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { text: String::new(), well: true, clients: Vec::new() }
    }
}

impl Lines {
    fn well(&mut self, what: &str, text: &str) {
        self.text += &format!("ok     {what}: {text}\n");
    }

    fn wrong(&mut self, what: &str, text: &str) {
        self.well = false;
        self.text += &format!("wrong  {what}: {}\n", text.replace('\n', "\n       "));
    }
}

/// The keys, and whether what answers at the base URL is an OpenAI API that takes them.
async fn key(host: &Host, lines: &mut Lines) {
    let config = host.config();
    if !host.has_key() {
        let text = "there is none\nhint: set OPENAI_API_KEY to one from https://platform.openai.com/api-keys, or use \
                    --sandbox";
        return lines.wrong("key", text);
    }
    let keys = [
        ("OPENAI_API_KEY", &config.key, "/models"),
        ("OPENAI_ADMIN_KEY", &config.admin_key, "/organization/projects?limit=1"),
    ];
    for (name, key, path) in keys {
        let Some(key) = key else { continue };
        let asked = timeout(PATIENCE, ask(host, key, path)).await;
        let asked = asked.unwrap_or_else(|_| {
            Err(format!(
                "{} does not answer within {} s\n{}",
                config.base_url,
                PATIENCE.as_secs(),
                way(&config.base_url)
            ))
        });
        match asked {
            Ok(()) => lines.well("key", &format!("{name} is accepted at {}", config.base_url)),
            Err(problem) => lines.wrong("key", &format!("{name}: {problem}")),
        }
    }
    if let Some(text) = host.missing_key(SERVERS) {
        lines.well("key", &text);
    }
}

/// What to do where nothing answers.
fn way(base: &str) -> &'static str {
    match base {
        // Nothing is wrong with where OpenAI's is, only with the way there.
        OPENAI => "hint: is there a way to it from here? HTTPS_PROXY names a proxy",
        _ => ELSEWHERE,
    }
}

async fn ask(host: &Host, key: &Secret, path: &str) -> Result<(), String> {
    let base = &host.config().base_url;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| "not a key".to_owned())?;
    bearer.set_sensitive(true);
    let request = Request::get(format!("{base}{path}"))
        .header(AUTHORIZATION, bearer)
        .body(Body::EMPTY)
        .map_err(|error| error.to_string())?;
    let response = host
        .machine()
        .send(request)
        .await
        .map_err(|failure| format!("{base} does not answer: {}\n{}", failure.text, way(base)))?;
    let status = response.status();
    let body = response.into_body().collect(LONGEST).await.unwrap_or_default();
    let body = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let said = body.pointer("/error/message").and_then(Value::as_str);
    match (status, body.get("data"), said) {
        (StatusCode::OK, Some(Value::Array(_)), _) => Ok(()),
        (StatusCode::UNAUTHORIZED, _, Some(_)) => {
            Err(format!("{base} refuses it\nhint: make a new one at https://platform.openai.com/api-keys"))
        }
        // What it says may quote the key, so only what is known to be about rights is passed on.
        (StatusCode::FORBIDDEN, ..) => Err(format!(
            "{base} accepts it but not for GET {path}\nhint: a restricted key may be as it should be: a call will tell"
        )),
        (_, _, Some(said)) => Err(format!("{base} answers {status}: {}", key.redact(said.to_owned()))),
        _ => Err(format!("what answers at {base} is no OpenAI API ({status})\n{ELSEWHERE}")),
    }
}

fn files(host: &Host, lines: &mut Lines) {
    let roots: Vec<_> = host.roots().iter().map(|root| root.display().to_string()).collect();
    if roots.is_empty() {
        return lines.wrong("files", "callers can name none\nhint: name a folder with --root, or OPENAI_MCP_ROOTS");
    }
    lines.well("files", &format!("over stdio, callers may name those in {}", roots.join(", ")));
}

fn store(host: &Host, lines: &mut Lines) {
    match host.store().check() {
        Ok(None) => lines.well("store", "in memory"),
        Ok(Some(folder)) => lines.well("store", &format!("{} can be written", folder.display())),
        Err(problem) => lines.wrong("store", &problem.to_string()),
    }
}

/// The files of a client that are there.
fn look(client: Client, scope: Scope, lines: &mut Lines) {
    let value = client.to_possible_value();
    let name = value.as_ref().map_or("client", |value| value.get_name());
    for path in clients::places(client, scope).unwrap_or_default() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        // At home, the user's file is the project's.
        let full = path.canonicalize().unwrap_or_else(|_| path.clone());
        if lines.clients.contains(&full) {
            continue;
        }
        match clients::found(client, &text) {
            Err(problem) => {
                lines.clients.push(full);
                let hint = "hint: the client cannot read it either; put it right by hand";
                lines.wrong(name, &format!("{}: {problem}\n{hint}", path.display()));
            }
            Ok(servers) if servers.is_empty() => {}
            Ok(servers) => {
                lines.clients.push(full);
                one(name, &path, &servers, lines);
            }
        }
    }
}

fn one(name: &str, path: &Path, servers: &[Found], lines: &mut Lines) {
    let wrong = servers.iter().find_map(|server| {
        if let Some(program) = server.program.as_deref().filter(|program| !clients::is_there(program)) {
            return Some(format!(
                "`{}` starts {program}, which is not there\nhint: `openai-mcp config {name} --write` writes where it is now",
                server.name
            ));
        }
        let place = server.keyless?;
        Some(format!("`{}` still has {place} where a key is to be\nhint: put yours in its place", server.name))
    });
    match wrong {
        Some(problem) => lines.wrong(name, &format!("{}: {problem}", path.display())),
        None => {
            let names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
            lines.well(name, &format!("{}: {}", path.display(), names.join(", ")));
        }
    }
}
