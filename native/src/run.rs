//! From flags and environment to a running server: what all binaries share.

use std::env;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches as _};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::http::{Gateway, Mount};
use openai_mcp_kernel::server::{Definition, Service};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::files::Roots;
use crate::http::{self, Limits};
use crate::platform::Machine;
use crate::store::Place;
use crate::{say, stdio};

/// Flags that every binary takes. Each stands above the environment variable of the same meaning.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Use an offline stand-in for the API, in this process; no key needed
    #[arg(long)]
    pub sandbox: bool,
    /// Offer only tools that change nothing [env: OPENAI_MCP_READ_ONLY]
    #[arg(long)]
    pub read_only: bool,
    /// Offer only these tools, separated by commas; `file-*` is all that begin so [env: OPENAI_MCP_TOOLS]
    #[arg(long, value_name = "NAMES")]
    pub tools: Option<String>,
    /// Do not offer these tools [env: OPENAI_MCP_EXCLUDE]
    #[arg(long, value_name = "NAMES")]
    pub exclude: Option<String>,
    /// Let callers name files in this folder; may be repeated [env: OPENAI_MCP_ROOTS]
    #[arg(long = "root", value_name = "DIR")]
    pub roots: Vec<PathBuf>,
    /// Cut results above this size, and say so [env: OPENAI_MCP_MAX_RESULT]
    #[arg(long, value_name = "BYTES")]
    pub max_result: Option<usize>,
    /// Answer under this host name, too; may be repeated [env: OPENAI_MCP_ALLOWED_HOSTS]
    #[arg(long = "allow-host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Let web pages of this origin call; may be repeated [env: OPENAI_MCP_ALLOWED_ORIGINS]
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// Seconds that a client has to send the head of a request
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400), hide_short_help = true)]
    pub header_timeout: u64,
    /// Seconds that a client may pause within the body of a request
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400), hide_short_help = true)]
    pub body_timeout: u64,
    /// Tell of every call on standard error [env: OPENAI_MCP_VERBOSE]
    #[arg(short, long)]
    pub verbose: bool,
}

impl Options {
    /// A setting by the name of its variable: from its flag, else from the environment.
    fn setting(&self, name: &str) -> Option<String> {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.join(","));
        let flag = match name {
            "OPENAI_MCP_READ_ONLY" => self.read_only.then(|| "true".into()),
            "OPENAI_MCP_VERBOSE" => self.verbose.then(|| "true".into()),
            "OPENAI_MCP_TOOLS" => self.tools.clone(),
            "OPENAI_MCP_EXCLUDE" => self.exclude.clone(),
            "OPENAI_MCP_MAX_RESULT" => self.max_result.map(|bytes| bytes.to_string()),
            "OPENAI_MCP_ALLOWED_HOSTS" => list(&self.hosts),
            "OPENAI_MCP_ALLOWED_ORIGINS" => list(&self.origins),
            _ => None,
        };
        flag.or_else(|| env::var(name).ok())
    }

    fn roots(&self, usual: Usual) -> Result<Roots, String> {
        if !self.roots.is_empty() {
            return Roots::named(self.roots.iter().cloned());
        }
        if let Some(paths) = env::var_os("OPENAI_MCP_ROOTS").filter(|paths| !paths.is_empty()) {
            return Roots::named(env::split_paths(&paths)).map_err(|problem| format!("OPENAI_MCP_ROOTS: {problem}"));
        }
        let here = || env::current_dir().ok();
        Ok(Roots::usual(match usual {
            Usual::Own => here().into_iter().chain(env::home_dir()).collect(),
            Usual::Here => Vec::from_iter(here()),
            Usual::None => Vec::new(),
        }))
    }
}

/// The folders in which callers may name files if the operator names none.
#[derive(Clone, Copy, Debug)]
pub enum Usual {
    /// The current one and the home: the caller is a program of the person whose machine this is.
    Own,
    /// The current one: the caller is on this machine.
    Here,
    /// None.
    None,
}

/// Settings and a machine: what servers are made with.
pub struct Host {
    config: Arc<Config>,
    machine: Arc<Machine>,
}

impl Host {
    /// Reads the settings and starts the sandbox if it is asked for. `known` are the servers whose tools a filter may
    /// name.
    ///
    /// # Errors
    /// Names the setting that is wrong.
    pub async fn new(options: &Options, known: &[&'static Definition], usual: Usual) -> Result<Self, String> {
        let config = match options.sandbox {
            false => Config::read(|name| options.setting(name))?,
            true => {
                let url = sandbox("127.0.0.1:0").await?;
                Config::read(|name| match name {
                    "OPENAI_BASE_URL" => Some(url.clone()),
                    "OPENAI_API_KEY" => Some("sk-sandbox".into()),
                    "OPENAI_ADMIN_KEY" => Some("sk-admin-sandbox".into()),
                    "OPENAI_ORG_ID" | "OPENAI_PROJECT_ID" => None,
                    name => options.setting(name),
                })?
            }
        };
        // A variable that is not text can be none of ours.
        let variables =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let config = config.with_settings(variables);
        let tools: Vec<_> = known.iter().flat_map(|definition| definition.specs()).collect();
        config.filter.check(tools.iter().copied())?;
        let place = match options.setting("OPENAI_MCP_STORE").filter(|place| !place.is_empty()) {
            None if options.sandbox => Place::Memory,
            place => Place::named(place.as_deref()),
        };
        let machine = Machine::new(options.roots(usual)?, &config.allowed_urls, place, config.verbose);
        Ok(Host { config: Arc::new(config), machine: Arc::new(machine) })
    }

    /// Makes a server.
    ///
    /// # Errors
    /// The filter leaves no tool of it.
    pub fn service(&self, definition: &'static Definition) -> Result<Arc<Service>, String> {
        Service::new(definition, self.config.clone(), self.machine.clone())
    }

    /// Whether the operator gave a key of their own.
    pub fn has_key(&self) -> bool {
        self.config.key.is_some() || self.config.admin_key.is_some()
    }
}

/// Starts the sandbox in this process and gives its base URL.
///
/// # Errors
/// It cannot listen.
pub async fn sandbox(address: &str) -> Result<String, String> {
    let (listener, address) = listen(address).await?;
    tokio::spawn(openai_mcp_sandbox::serve(listener));
    Ok(format!("http://{address}/v1"))
}

/// Serves over HTTP until the process is told to end.
pub fn serve(definitions: &[&'static Definition], mount: Mount, address: &str, options: &Options) -> ExitCode {
    let connections = connections();
    finish(async {
        let (listener, bound) = listen(address).await?;
        let near = bound.ip().is_loopback();
        let host = Host::new(options, definitions, if near { Usual::Here } else { Usual::None }).await?;
        // A server that the operator's filter empties is not wanted; one that fails otherwise shows in its health.
        let wanted: Vec<_> = definitions
            .iter()
            .copied()
            .filter(|definition| definition.specs().any(|spec| host.config.filter.admits(spec)))
            .collect();
        if wanted.is_empty() {
            return Err("the filter leaves no tool".into());
        }
        let end = ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        match (host.has_key(), near, &host.config.access_token) {
            (false, ..) => say("no key here (OPENAI_API_KEY, or --sandbox to do without): callers bring theirs, as \
                 `Authorization: Bearer sk-…` or in the URL, …/mcp/{key}"),
            (true, false, None) => {
                say("callers bring their own keys: the one here is spent only for callers who show \
                 OPENAI_MCP_ACCESS_TOKEN, which is not set")
            }
            _ => {}
        }
        let servers = wanted.iter().map(|definition| (*definition, host.service(definition))).collect();
        let gateway = Arc::new(Gateway::new(servers, mount, host.config.clone()));
        say(&format!("listening on http://{bound}"));
        if std::io::stderr().is_terminal() {
            for definition in &wanted {
                match mount {
                    Mount::Root => say(&format!("  http://{bound}/mcp")),
                    Mount::Domains => say(&format!("  http://{bound}/{}/mcp", definition.domain)),
                }
            }
        }
        let limits = Limits {
            head: Duration::from_secs(options.header_timeout),
            body: Duration::from_secs(options.body_timeout),
            connections,
        };
        http::serve(listener, gateway, limits, end).await.map_err(|error| error.to_string())
    })
}

/// Serves on standard input and output until the input ends.
pub fn stdio(definition: &'static Definition, options: &Options) -> ExitCode {
    finish(async {
        let host = Host::new(options, &[definition], Usual::Own).await?;
        let service = host.service(definition)?;
        if !host.has_key() {
            // A client shows its user the answers of calls, and seldom why a server did not start.
            say("no OpenAI key: set OPENAI_API_KEY where the client starts this server, or try --sandbox");
        }
        let end = ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let served = stdio::serve(service, host.config.max_body, stdio::input(), stdio::output(), end);
        served.await.map_err(|error| format!("standard input: {error}"))
    })
}

/// The binary of one server: stdio, or HTTP with `--http`.
pub fn server(definition: &'static Definition) -> ExitCode {
    #[derive(Args)]
    struct Flags {
        /// Serve over HTTP at this address instead of standard input and output
        #[arg(long, value_name = "ADDR")]
        http: Option<String>,
        #[command(flatten)]
        options: Options,
    }
    let command = Command::new(definition.name())
        .version(definition.version)
        .about("An MCP server on standard input and output, or over HTTP with --http ADDR");
    let flags = Flags::augment_args(command).try_get_matches().and_then(|matches| Flags::from_arg_matches(&matches));
    match flags {
        Ok(Flags { http: Some(address), options }) => serve(&[definition], Mount::Root, &address, &options),
        Ok(Flags { http: None, options }) => stdio(definition, &options),
        Err(error) => error.exit(),
    }
}

/// Runs to the end and gives the exit status: 2 for what the operator must put right.
pub fn finish(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let outcome = runtime().map_err(|error| format!("cannot start: {error}")).and_then(|runtime| {
        let outcome = runtime.block_on(work);
        // Reads of files and of standard input may be under way, and nobody waits for them any more.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("error: {problem}"));
            ExitCode::from(2)
        }
    }
}

/// A runtime on this thread.
///
/// One thread serves all: measured at 1 KB a call, handing work from thread to thread costs a fifth of the CPU time,
/// and one thread carries more calls than any OpenAI account may make.
///
/// # Errors
/// The system has none to give.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Listens at `host:port`, or at a port of loopback.
async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error: std::io::Error| format!("cannot listen on {address}: {error}");
    let listener = match address.parse::<u16>() {
        Ok(port) => TcpListener::bind(("127.0.0.1", port)).await,
        Err(_) => TcpListener::bind(address).await,
    };
    let listener = listener.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Done when the process is told to end.
///
/// # Errors
/// The system lets nobody listen for signals.
pub fn ended() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// How many connections to take. Each may need a second file descriptor for its call, and many systems grant 1,024 in
/// all unless asked for more.
fn connections() -> u32 {
    let most = Limits::default().connections;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let granted = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            Ok(()) => maximum,
            Err(_) => current,
        };
        let room = granted.map_or(most, |files| u32::try_from(files / 2).unwrap_or(most).saturating_sub(32));
        room.clamp(16, most)
    }
    #[cfg(not(unix))]
    most
}
