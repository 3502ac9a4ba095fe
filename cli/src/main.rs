//! All servers in one binary.

mod call;
mod clients;
mod doctor;
mod evals;
mod health;
mod import;
mod list;
mod media;
mod names;
mod options;
mod out;
mod remote;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use openai_mcp::{DOOR, SERVERS};
use openai_mcp_kernel::gateway::Mount;
use openai_mcp_native::run::{self, Ending, Web};
use openai_mcp_native::say;

use crate::names::{find_all, suggest_tool};
use crate::options::{Options, SANDBOX};
use crate::out::{print, refuse};

/// The version, and for what is released the commit that it was built from: whoever builds it says so.
const VERSION: &str = match option_env!("OPENAI_MCP_BUILD") {
    Some(build) => build,
    None => env!("CARGO_PKG_VERSION"),
};

/// What a newcomer does first.
const FIRST: &str = "\
To begin:
  openai-mcp serve --sandbox            every server on this machine, without a key
  openai-mcp call file-list --sandbox   one tool, from a shell
  openai-mcp config cursor --write      into a client, with OPENAI_API_KEY set; `config --help` has the others
  openai-mcp doctor                     what is missing, if something does not work";

/// The OpenAI API as MCP servers
#[derive(Parser)]
#[command(name = "openai-mcp", version = VERSION, after_help = FIRST)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve over HTTP: every server at /{domain}/mcp, and one door to all of them at /mcp
    #[command(mut_arg("roots", run::several))]
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
        addr: String,
        /// Serve these alone, by domain or set (rag, text, media, training, admin), separated by commas
        #[arg(long, value_name = "DOMAINS", value_delimiter = ',')]
        servers: Vec<String>,
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        ending: Ending,
        #[command(flatten)]
        web: Web,
    },
    /// Serve on standard input and output, as MCP clients start it
    #[command(mut_arg("roots", run::several))]
    Stdio {
        /// The server, as `files`; several, as `files,vector-store`, or a set (rag, text, media, training, admin), are one to
        /// the client; without any, five tools find and run those of all
        #[arg(value_name = "DOMAINS", value_delimiter = ',')]
        domains: Vec<String>,
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        ending: Ending,
    },
    /// Call one tool and print its result
    Call(call::Call),
    /// List tools with what each costs a context window, or show one
    Tools {
        /// Those of this server, or this tool
        name: Option<String>,
        /// Print the tools as `tools/list` gives them
        #[arg(long)]
        json: bool,
    },
    /// Print or write the configuration of an MCP client
    Config {
        /// The client
        client: clients::Client,
        #[command(flatten)]
        wanted: clients::Wanted,
    },
    /// Look whether key, API, files, store and clients are as they should be
    Doctor {
        #[command(flatten)]
        options: Options,
    },
    /// Ask whether the servers that run here answer; for health checks of containers
    Health {
        /// Where they run
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
        url: String,
    },
    /// What belongs to assistants
    Assistants {
        #[command(subcommand)]
        command: Assistants,
    },
    /// Evals from files: run them, report, take in what was exported
    Evals {
        #[command(subcommand)]
        command: evals::Evals,
    },
    /// Run the offline stand-in for the API alone
    Sandbox {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        addr: String,
    },
    /// Print what completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
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
        Command::Serve { addr, servers, options, ending, web } => match find_all(&servers) {
            Ok(definitions) => {
                run::serve(&definitions, Mount::Domains, Some(&DOOR), &addr, &options.all(), &web, ending)
            }
            Err(problem) => refuse(&problem),
        },
        Command::Stdio { domains, options, ending } => match find_all(&domains) {
            Ok(definitions) => run::stdio(&definitions, domains.is_empty().then_some(&DOOR), &options.all(), ending),
            Err(problem) => refuse(&problem),
        },
        Command::Call(call) => call::run(&call),
        Command::Tools { name, json } => print(tools(name.as_deref(), json)),
        Command::Config { client, wanted } => print(clients::run(client, &wanted)),
        Command::Doctor { options } => doctor::run(&options.all()),
        Command::Health { url } => health::run(&url),
        Command::Assistants { command: Assistants::Import { file, apply, options } } => {
            import::run(&file, apply, &options.all())
        }
        Command::Evals { command } => evals::run(&command),
        Command::Sandbox { addr } => run::finish(async {
            let url = run::stand_in(SANDBOX, &addr).await?;
            say(&format!("listening on {url}\nnext: openai-mcp call --sandbox={url} TOOL"));
            run::ended().map_err(|error| format!("cannot wait for signals: {error}"))?.await;
            Ok(())
        }),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "openai-mcp", &mut text);
            let text = String::from_utf8(text).map_err(|error| error.to_string());
            // clap_complete writes the name in two ways where it has a dash, and bash then finds no command.
            print(text.map(|text| text.replace("openai__subcmd__mcp", "openai__mcp")))
        }
        Command::Man => print(manual().map_err(|error| error.to_string())),
    }
}

/// The manual page, of the program and of each command.
fn manual() -> std::io::Result<String> {
    let mut cli = Cli::command();
    cli.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(cli.clone()).render(&mut text)?;
    sections(&cli, "", &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A section for each command below one, and for those below it, by their full names.
fn sections(above: &clap::Command, path: &str, text: &mut Vec<u8>) -> std::io::Result<()> {
    for command in above.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        let name = format!("{path}{}", command.get_name());
        let page = clap_mangen::Man::new(command.clone());
        writeln!(text, ".SH \"{}\"", name.to_uppercase())?;
        page.render_description_section(text)?;
        page.render_options_section(text)?;
        sections(command, &format!("{name} "), text)?;
    }
    Ok(())
}

/// The tools of all servers, of one or of a set, or one tool.
fn tools(name: Option<&str>, json: bool) -> Result<String, String> {
    let Some(name) = name else { return Ok(list::render(SERVERS, json)) };
    let tool = SERVERS.iter().find_map(|definition| {
        let spec = definition.specs().find(|spec| spec.is_named(name))?;
        Some(list::show(definition, spec, json))
    });
    if let Some(tool) = tool {
        return Ok(tool);
    }
    find_all(&[name.to_owned()]).map(|definitions| list::render(&definitions, json)).map_err(|problem| {
        match suggest_tool(name) {
            near if near.is_empty() => problem,
            near => format!("no tool or server `{name}`{near}"),
        }
    })
}
