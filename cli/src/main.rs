//! All servers in one binary.

mod call;
mod clients;
mod import;
mod list;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use openai_mcp_kernel::http::Mount;
use openai_mcp_kernel::server::Definition;
use openai_mcp_native::run::{self, Options};
use openai_mcp_native::say;

/// Every server there is, in the order of lists.
static SERVERS: &[&Definition] = &[
    &openai_vector_store_mcp::SERVER,
    &openai_files_mcp::SERVER,
    &openai_chat_mcp::SERVER,
    &openai_embeddings_mcp::SERVER,
    &openai_images_mcp::SERVER,
    &openai_moderation_mcp::SERVER,
    &openai_fine_tuning_mcp::SERVER,
    &openai_conversations_mcp::SERVER,
    &openai_assistants_mcp::SERVER,
    &openai_audio_mcp::SERVER,
];

/// The OpenAI API as MCP servers
///
/// Start here, no key needed: openai-mcp serve --sandbox
#[derive(Parser)]
#[command(name = "openai-mcp", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve over HTTP: every server at /{domain}/mcp
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
        addr: String,
        /// Serve these alone, by domain, separated by commas
        #[arg(long, value_name = "DOMAINS", value_delimiter = ',')]
        servers: Vec<String>,
        #[command(flatten)]
        options: Options,
    },
    /// Serve one server on standard input and output, as MCP clients start it
    Stdio {
        /// The server, as `files`
        domain: String,
        #[command(flatten)]
        options: Options,
    },
    /// Call one tool and print its result
    Call {
        /// The tool, as `file-list`
        tool: String,
        /// Its arguments as a JSON object; `-` reads them from standard input
        #[arg(default_value = "{}")]
        arguments: String,
        /// Print the whole result as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        options: Options,
    },
    /// List tools with what each costs a context window
    Tools {
        /// Of this server alone
        domain: Option<String>,
        /// Print the tools as `tools/list` gives them
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration for an MCP client
    Config {
        /// The client
        client: clients::Client,
        /// These servers alone
        domains: Vec<String>,
        /// For servers running at this URL, as http://127.0.0.1:8787, instead of ones that the client starts
        #[arg(long, value_name = "URL")]
        remote: Option<String>,
        /// For the offline stand-in, without a key
        #[arg(long, conflicts_with = "remote")]
        sandbox: bool,
    },
    /// What belongs to assistants
    Assistants {
        #[command(subcommand)]
        command: Assistants,
    },
    /// Run the offline stand-in for the API alone
    Sandbox {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        addr: String,
    },
}

#[derive(Subcommand)]
enum Assistants {
    /// Take in assistants, threads and messages that were exported from the Assistants API
    ///
    /// FILE holds them as the SDKs print them: JSON, in arrays, pages of lists, or one on each line. They keep their
    /// ids. Without --apply nothing is changed. An import that was interrupted is made again: what is there stays.
    Import {
        /// The file; `-` is standard input
        file: String,
        /// Do it, after a look at what it says without
        #[arg(long)]
        apply: bool,
        #[command(flatten)]
        options: Options,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve { addr, servers, options } => match find_all(&servers) {
            Ok(definitions) => run::serve(&definitions, Mount::Domains, &addr, &options),
            Err(problem) => refuse(&problem),
        },
        Command::Stdio { domain, options } => match find(&domain) {
            Ok(definition) => run::stdio(definition, &options),
            Err(problem) => refuse(&problem),
        },
        Command::Call { tool, arguments, json, options } => call::run(&tool, &arguments, json, &options),
        Command::Tools { domain, json } => {
            print(find_all(domain.as_slice()).map(|servers| list::render(&servers, json)))
        }
        Command::Config { client, domains, remote, sandbox } => {
            let config =
                find_all(&domains).and_then(|servers| clients::render(client, &servers, remote.as_deref(), sandbox));
            print(config)
        }
        Command::Assistants { command: Assistants::Import { file, apply, options } } => {
            import::run(&file, apply, &options)
        }
        Command::Sandbox { addr } => run::finish(async {
            let url = run::sandbox(&addr).await?;
            say(&format!("listening on {url}"));
            run::ended().map_err(|error| format!("cannot wait for signals: {error}"))?.await;
            Ok(())
        }),
    }
}

/// Servers by domain; all of them if none is named.
fn find_all(domains: &[String]) -> Result<Vec<&'static Definition>, String> {
    if domains.is_empty() { Ok(SERVERS.to_vec()) } else { domains.iter().map(|domain| find(domain)).collect() }
}

fn find(domain: &str) -> Result<&'static Definition, String> {
    let known = || SERVERS.iter().map(|definition| definition.domain);
    SERVERS.iter().copied().find(|definition| definition.domain == domain || definition.name() == domain).ok_or_else(
        || {
            format!(
                "no server `{domain}`{}; there are: {}",
                suggest(domain, known()),
                known().collect::<Vec<_>>().join(", ")
            )
        },
    )
}

/// The nearest of the known words, as a question.
fn suggest(word: &str, known: impl Iterator<Item = &'static str>) -> String {
    known
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| format!("; did you mean `{known}`?"))
        .unwrap_or_default()
}

fn print(text: Result<String, String>) -> ExitCode {
    match text {
        Ok(text) => {
            // A reader that has seen enough closes the pipe.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(problem) => refuse(&problem),
    }
}

fn refuse(problem: &str) -> ExitCode {
    say(&format!("error: {problem}"));
    ExitCode::from(2)
}
