//! From flags and environment to a running server: what all binaries share.

use std::env;
use std::ffi::OsString;
use std::hint::black_box;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Args, Command, FromArgMatches as _};
use futures_util::future::BoxFuture;
use openai_mcp_kernel::config::{Config, OPENAI, leads_to_openai, meant};
use openai_mcp_kernel::gateway::{Gateway, Mount};
use openai_mcp_kernel::platform::Platform;
use openai_mcp_kernel::secret::Placeholder;
use openai_mcp_kernel::server::{Definition, Front, Service, check_settings};
use openai_mcp_kernel::spec::Filter;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::runtime::{Builder, Runtime};

use crate::files::Roots;
use crate::http::{self, Limits};
use crate::platform::Machine;
use crate::store::Location;
use crate::{log, say, stdio};

/// Seconds that calls may go on after the server is told to end, unless the operator says otherwise, and the most that it may
/// be.
const USUAL_GRACE: u64 = 10;
const LONGEST_GRACE: u64 = 86_400;

/// So many bodies of the greatest length are read or worked on at once.
const BODIES: usize = 16;

/// Flags that every binary takes. Each stands above the environment variable of the same meaning.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// What stands in for the API. A program that takes a flag for it carries it.
    #[arg(skip)]
    pub sandbox: Option<Sandbox>,
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
    pub roots: Option<Vec<PathBuf>>,
    /// Cut results above this size, and say so [env: OPENAI_MCP_MAX_RESULT]
    #[arg(long, value_name = "BYTES")]
    pub max_result: Option<usize>,
    /// Folders besides those, or besides the usual ones.
    #[arg(skip)]
    pub also: Vec<PathBuf>,
    /// Tell of every call on standard error [env: OPENAI_MCP_VERBOSE]
    #[arg(short, long)]
    pub verbose: bool,
}

/// Lets one `--root` have several folders, or none: then callers can name no file. Clients in which a person chooses
/// folders put them after one flag.
pub fn several(roots: Arg) -> Arg {
    roots.num_args(0..).help(
        "Let callers name files in these folders alone; without any, in none; may be repeated [env: OPENAI_MCP_ROOTS]",
    )
}

/// What stands before several servers as one.
pub struct Face {
    /// Its declaration, without tools.
    pub definition: &'static Definition,
    /// Makes it for these servers.
    pub make: fn(Vec<&'static Definition>) -> Box<dyn Front>,
}

impl Face {
    /// The face of servers that run; none if none runs.
    fn before(&self, servers: Vec<Arc<Service>>) -> Option<Arc<Service>> {
        let definitions = servers.iter().map(|service| service.definition()).collect();
        Service::behind((self.make)(definitions), self.definition, servers)
    }
}

/// An offline stand-in for the API.
#[derive(Clone, Debug)]
pub enum Sandbox {
    /// It runs in this process, and forgets at its end.
    Inside(Start),
    /// It runs at this URL.
    At(String),
}

/// Serves a stand-in to whoever connects.
pub type Start = fn(TcpListener) -> BoxFuture<'static, ()>;

/// Flags of what serves over HTTP.
#[derive(Args, Clone, Debug)]
pub struct Web {
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
}

/// How a server ends.
#[derive(Args, Clone, Copy, Debug)]
pub struct Ending {
    /// Seconds that calls may go on after the server is told to end; over stdio, after its input has ended. 10 unless it is
    /// said [env: OPENAI_MCP_GRACE]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=LONGEST_GRACE), hide_short_help = true)]
    pub grace: Option<u64>,
}

impl Ending {
    fn read(self) -> Result<Duration, String> {
        let variable = env::var("OPENAI_MCP_GRACE").ok();
        let seconds = match (self.grace, variable.as_deref().and_then(meant)) {
            (Some(seconds), _) => seconds,
            (None, None) => USUAL_GRACE,
            (None, Some(text)) => {
                text.parse().ok().filter(|seconds| *seconds <= LONGEST_GRACE).ok_or_else(|| {
                    format!("OPENAI_MCP_GRACE: expected seconds from 0 to {LONGEST_GRACE}, got `{text}`")
                })?
            }
        };
        Ok(Duration::from_secs(seconds))
    }
}

/// Tells of calls that the end of the server ends: OpenAI may have done what they asked for.
fn tell_cut_off(machine: &Machine) {
    match machine.running() {
        0 => {}
        1 => say("1 call was cut off"),
        calls => say(&format!("{calls} calls were cut off")),
    }
}

impl Web {
    fn setting(&self, name: &str) -> Option<String> {
        match name {
            "OPENAI_MCP_ALLOWED_HOSTS" => list(&self.hosts),
            "OPENAI_MCP_ALLOWED_ORIGINS" => list(&self.origins),
            _ => None,
        }
    }
}

/// The value of a variable that holds a list.
fn list(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(","))
}

impl Options {
    /// A setting by the name of its variable: from its flag, else from the environment.
    fn setting(&self, name: &str) -> Option<String> {
        let flag = match name {
            "OPENAI_MCP_READ_ONLY" => self.read_only.then(|| "true".into()),
            "OPENAI_MCP_VERBOSE" => self.verbose.then(|| "true".into()),
            "OPENAI_MCP_TOOLS" => self.tools.clone(),
            "OPENAI_MCP_EXCLUDE" => self.exclude.clone(),
            "OPENAI_MCP_MAX_RESULT" => self.max_result.map(|bytes| bytes.to_string()),
            _ => None,
        };
        flag.or_else(|| env::var(name).ok())
    }

    /// A problem in the words of the flags, where it is theirs.
    fn in_flags(&self, problem: &str) -> String {
        let given = [("OPENAI_MCP_TOOLS", "--tools", &self.tools), ("OPENAI_MCP_EXCLUDE", "--exclude", &self.exclude)];
        given
            .into_iter()
            .filter(|(.., given)| given.is_some())
            .fold(problem.to_owned(), |problem, (variable, flag, _)| problem.replace(variable, flag))
            + "\nhint: `openai-mcp tools` lists them"
    }

    fn roots(&self, usual: Usual) -> Result<Roots, String> {
        let also = || self.also.iter().cloned();
        if let Some(roots) = &self.roots {
            return Roots::named(roots.iter().cloned().chain(also())).map_err(|problem| {
                format!("{problem}\nhint: what follows --root is a folder; other arguments stand before it")
            });
        }
        if let Some(paths) = env::var_os("OPENAI_MCP_ROOTS").filter(|paths| !paths.is_empty()) {
            return Roots::named(env::split_paths(&paths).chain(also()))
                .map_err(|problem| format!("OPENAI_MCP_ROOTS: {problem}"));
        }
        let here = || env::current_dir().ok();
        let usual = match usual {
            Usual::Own => here().into_iter().chain(own()).collect(),
            Usual::Here => Vec::from_iter(here()),
            Usual::None => Vec::new(),
        };
        Ok(Roots::usual(usual.into_iter().chain(also())))
    }
}

/// Where people keep files. Much of a home on macOS and Windows is where programs keep theirs.
#[cfg(not(windows))]
fn own() -> Vec<PathBuf> {
    const OWN: [&str; 6] = ["Desktop", "Documents", "Downloads", "Movies", "Music", "Pictures"];
    match env::home_dir() {
        Some(home) if cfg!(target_os = "macos") => OWN.map(|name| home.join(name)).into(),
        home => home.into_iter().collect(),
    }
}

/// Where people keep files: OneDrive moves these folders, and may give them names in another language.
#[cfg(windows)]
fn own() -> Vec<PathBuf> {
    let folders = [
        dirs::desktop_dir(),
        dirs::document_dir(),
        dirs::download_dir(),
        dirs::audio_dir(),
        dirs::picture_dir(),
        dirs::video_dir(),
    ];
    folders.into_iter().flatten().collect()
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
    roots: Vec<PathBuf>,
    store: Location,
}

impl Host {
    /// Reads the settings and starts the sandbox if it is asked for. `known` are the servers whose tools a filter may
    /// name.
    ///
    /// # Errors
    /// Names the setting that is wrong.
    pub async fn new(options: &Options, known: &[&'static Definition], usual: Usual) -> Result<Self, String> {
        Self::read(options, |name| options.setting(name), known, usual).await
    }

    async fn read(
        options: &Options,
        setting: impl Fn(&str) -> Option<String>,
        known: &[&'static Definition],
        usual: Usual,
    ) -> Result<Self, String> {
        let mut config = match &options.sandbox {
            None => {
                let base_url = setting("OPENAI_BASE_URL");
                let at_openai = leads_to_openai(base_url.as_deref().and_then(meant).unwrap_or(OPENAI));
                Config::read(|name| setting(name).filter(|value| is_no_placeholder(name, value, at_openai)))?
            }
            Some(sandbox) => {
                let url = match sandbox {
                    Sandbox::Inside(start) => stand_in(*start, "127.0.0.1:0").await?,
                    Sandbox::At(url) => sandbox_at(url)?,
                };
                Config::read(|name| match name {
                    "OPENAI_BASE_URL" => Some(url.clone()),
                    "OPENAI_API_KEY" => Some("sk-sandbox".into()),
                    "OPENAI_ADMIN_KEY" => Some("sk-admin-sandbox".into()),
                    "OPENAI_ORG_ID" | "OPENAI_PROJECT_ID" => None,
                    name => setting(name),
                })?
            }
        };
        config.sandbox = options.sandbox.is_some();
        let odd = |(name, value): (OsString, OsString)| {
            Some(name.into_string().ok()?).filter(|_| value.into_string().is_err())
        };
        // A path need not be text.
        if let Some(name) =
            env::vars_os().filter_map(odd).find(|name| name.starts_with("OPENAI_") && name != "OPENAI_MCP_ROOTS")
        {
            return Err(format!("{name}: expected text in UTF-8"));
        }
        let variables =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let config = config.with_settings(variables);
        check_settings(known, &config)?;
        let tools: Vec<_> = known.iter().flat_map(|definition| definition.specs()).collect();
        config.filter.check(tools.iter().copied(), Filter::VARIABLES).map_err(|problem| options.in_flags(&problem))?;
        // An empty variable is an absent one, an empty flag a mistake.
        for (flag, given, taken) in [
            ("--tools", &options.tools, config.filter.only.is_some()),
            ("--exclude", &options.exclude, !config.filter.exclude.is_empty()),
        ] {
            if given.is_some() && !taken {
                return Err(options.in_flags(&format!("{flag}: expected names of tools, separated by commas")));
            }
        }
        let store = setting("OPENAI_MCP_STORE");
        let place = match (store.as_deref().and_then(meant), &options.sandbox) {
            (None, Some(Sandbox::Inside(_))) => Location::Memory,
            (None, Some(Sandbox::At(url))) => Location::beside(url),
            (place, _) => Location::named(place).map_err(|problem| format!("OPENAI_MCP_STORE: {problem}"))?,
        };
        let roots = options.roots(usual)?;
        let folders = roots.folders();
        let machine = Machine::new(roots, &config.allowed_urls, place.clone(), config.verbose);
        Ok(Host { config: Arc::new(config), machine: Arc::new(machine), roots: folders, store: place })
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

    /// Refuses to serve administration alone where there is the key of a project alone: nothing could be done.
    fn check_keys(&self, definitions: &[&'static Definition]) -> Result<(), String> {
        let useless = definitions.iter().all(|definition| definition.admin);
        if !useless || self.config.key.is_none() || self.config.admin_key.is_some() {
            return Ok(());
        }
        Err("administration takes an admin key, and OPENAI_API_KEY holds that of a project\nhint: set OPENAI_ADMIN_KEY to \
             one from https://platform.openai.com/settings/organization/admin-keys"
            .to_owned())
    }

    /// Which of the servers have no key here, where others have one.
    pub fn missing_key(&self, definitions: &[&'static Definition]) -> Option<String> {
        let Config { key, admin_key, .. } = &*self.config;
        let lacks = |definition: &&&Definition| if definition.admin { admin_key.is_none() } else { key.is_none() };
        let without: Vec<_> = definitions.iter().filter(lacks).collect();
        let variable = without.first().filter(|_| self.has_key())?.key_variable();
        let names: Vec<_> = without.iter().map(|definition| definition.domain).collect();
        Some(format!("{variable} is not set: no key here for {}", names.join(", ")))
    }

    /// Tells of a store that cannot be kept, if one of the servers keeps something: else the first call finds it.
    fn check_store(&self, definitions: &[&'static Definition]) {
        if definitions.iter().any(|definition| !definition.migrations.is_empty())
            && let Err(problem) = self.store.check()
        {
            say(&format!("warning: no store: {problem}"));
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Where stores are kept.
    pub fn store(&self) -> &Location {
        &self.store
    }

    /// The folders in which callers may name files.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }
}

/// Whether a variable that holds a key holds more than what stands in instructions for one. If not, that is told.
fn is_no_placeholder(name: &str, value: &str, at_openai: bool) -> bool {
    let is_key = matches!(name, "OPENAI_API_KEY" | "OPENAI_ADMIN_KEY");
    let found = meant(value).filter(|_| is_key).and_then(Placeholder::of);
    let found = found.filter(|found| at_openai || *found == Placeholder::Name);
    if let Some(found) = found {
        say(&found.advice(name, name));
    }
    found.is_none()
}

/// The base URL of a sandbox that runs already.
fn sandbox_at(url: &str) -> Result<String, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(format!("--sandbox: expected a URL such as http://127.0.0.1:4010, got `{url}`"));
    }
    let url = url.trim_end_matches('/');
    Ok(if url.ends_with("/v1") { url.to_owned() } else { format!("{url}/v1") })
}

/// Starts a stand-in in this process and gives its base URL.
///
/// # Errors
/// It cannot listen.
pub async fn stand_in(start: Start, address: &str) -> Result<String, String> {
    let (listener, address) = listen(address).await?;
    tokio::spawn(start(listener));
    Ok(format!("http://{address}/v1"))
}

/// Serves over HTTP until the process is told to end; with a face, that stands before the servers at `/mcp`.
pub fn serve(
    definitions: &[&'static Definition],
    mount: Mount,
    face: Option<&Face>,
    address: &str,
    options: &Options,
    web: &Web,
    ending: Ending,
) -> ExitCode {
    let connections = connections();
    finish(async {
        log::apart();
        let (listener, bound) = listen(address).await?;
        let near = bound.ip().is_loopback();
        let usual = if near { Usual::Here } else { Usual::None };
        let grace = ending.read()?;
        let setting = |name: &str| web.setting(name).or_else(|| options.setting(name));
        let host = Host::read(options, setting, definitions, usual).await?;
        // A server that the operator's filter empties is not wanted; one that fails otherwise shows in its health.
        let wanted: Vec<_> = definitions
            .iter()
            .copied()
            .filter(|definition| definition.specs().any(|spec| host.config.filter.admits(spec)))
            .collect();
        if wanted.is_empty() {
            return Err("the filter leaves no tool".into());
        }
        host.check_keys(&wanted)?;
        let end = ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let servers: Vec<_> = wanted.iter().map(|definition| (*definition, host.service(definition))).collect();
        let running = servers.iter().filter_map(|(_, service)| service.as_ref().ok().cloned()).collect();
        let front = face.filter(|_| host.config.door).and_then(|face| face.before(running));
        announce(&host, &wanted, (mount, front.is_some()), bound, options.sandbox.as_ref());
        let gateway = Gateway::new(servers, mount, host.config.clone());
        let gateway = Arc::new(match front {
            Some(front) => gateway.behind(front),
            None => gateway,
        });
        let limits = Limits {
            head: Duration::from_secs(web.header_timeout),
            body: Duration::from_secs(web.body_timeout),
            connections,
            bodies: host.config.max_body.saturating_mul(BODIES),
            grace,
            ..Limits::default()
        };
        let served = http::serve(listener, gateway, limits, end, host.machine.settled()).await;
        tell_cut_off(&host.machine);
        served.map_err(|error| error.to_string())
    })
}

/// Tells the operator what is served, on whose account, and what to do with it.
fn announce(
    host: &Host,
    wanted: &[&'static Definition],
    (mount, fronted): (Mount, bool),
    bound: SocketAddr,
    sandbox: Option<&Sandbox>,
) {
    say(&format!("listening on http://{bound}"));
    let base = &host.config.base_url;
    let near = bound.ip().is_loopback();
    say(&match (sandbox, host.has_key(), near, &host.config.access_token) {
        (Some(Sandbox::Inside(_)), ..) => {
            "sandbox: nothing leaves this machine, and everything is forgotten at the end".to_owned()
        }
        (Some(Sandbox::At(_)), ..) => format!("sandbox at {base}"),
        (None, false, ..) => format!(
            "live at {base}; no key here (OPENAI_API_KEY, or `openai-mcp serve --sandbox` to do without): callers bring theirs, as \
             `Authorization: Bearer sk-…` or in the URL, …/mcp/{{key}}"
        ),
        (None, true, _, Some(_)) => {
            format!("live at {base}; the key here is spent for callers who show OPENAI_MCP_ACCESS_TOKEN")
        }
        (None, true, true, None) => format!("live at {base}; the key here is spent for callers on this machine"),
        (None, true, false, None) => format!(
            "warning: live at {base}; callers bring their own keys: the one here is spent only for callers who show \
             OPENAI_MCP_ACCESS_TOKEN, which is not set"
        ),
    });
    if sandbox.is_none()
        && host.has_key()
        && near
        && host.config.access_token.is_none()
        && !host.config.allowed_hosts.is_empty()
    {
        say(
            "warning: the key here is spent for whatever calls from this machine by a loopback name, a proxy among it \
             that passes on neither its caller's address nor the name that was asked for: set OPENAI_MCP_ACCESS_TOKEN",
        );
    }
    if let Some(text) = host.missing_key(wanted).filter(|_| sandbox.is_none()) {
        say(&text);
    }
    host.check_store(wanted);
    let roots: Vec<_> = host.roots.iter().map(|root| root.display().to_string()).collect();
    say(&match roots.as_slice() {
        [] => "files: callers can name none of this machine (--root DIR)".to_owned(),
        roots => format!("files: callers may name those in {}", roots.join(", ")),
    });
    if fronted {
        say(&format!(
            "  http://{bound}/mcp  reaches all of these, for clients that hand every listed tool to their model"
        ));
    }
    for definition in wanted {
        match mount {
            Mount::Root => say(&format!("  http://{bound}/mcp")),
            Mount::Domains => say(&format!("  http://{bound}/{}/mcp", definition.domain)),
        }
    }
    if mount == Mount::Domains && near {
        let flag = if sandbox.is_some() { " --sandbox" } else { "" };
        say(&format!(
            "next: openai-mcp config claude-code --remote http://{bound}{flag}, or openai-mcp call --url http://{bound} TOOL"
        ));
    }
}

/// Serves on standard input and output until the input ends; several servers as if they were one, behind the face if
/// there is one.
pub fn stdio(definitions: &[&'static Definition], face: Option<&Face>, options: &Options, ending: Ending) -> ExitCode {
    // Its calls take files and sockets as well, of which desktops grant few.
    connections();
    finish(async {
        log::apart();
        let grace = ending.read()?;
        let host = Host::new(options, definitions, Usual::Own).await?;
        host.check_keys(definitions)?;
        let machine: Arc<dyn Platform> = host.machine.clone();
        let service = match face {
            None => Service::together(definitions, &host.config, &machine)?,
            Some(face) => {
                let services = definitions.iter().filter_map(|definition| host.service(definition).ok()).collect();
                face.before(services).ok_or("the filter leaves no tool")?
            }
        };
        if !host.has_key() {
            // A client shows its user the answers of calls, and seldom why a server did not start. Few have an admin key.
            let usual = definitions.iter().find(|definition| !definition.admin).or(definitions.first());
            let variable = usual.map_or("OPENAI_API_KEY", |definition| definition.key_variable());
            say(&format!(
                "no OpenAI key: set {variable} where the client starts this server, or try `openai-mcp stdio` with --sandbox",
            ));
        }
        if let Some(text) = host.missing_key(definitions) {
            say(&text);
        }
        host.check_store(definitions);
        let end = ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let (input, output, settled) = (stdio::input(), stdio::output(), host.machine.settled());
        let served = stdio::serve(service, host.config.max_body, grace, input, output, end, settled).await;
        tell_cut_off(&host.machine);
        served.map_err(|error| format!("standard input: {error}"))
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
        #[command(flatten)]
        ending: Ending,
        #[command(flatten, next_help_heading = "With --http")]
        web: Web,
    }
    let command = Command::new(definition.name())
        .version(definition.version)
        .about("An MCP server on standard input and output, or over HTTP with --http ADDR");
    let command = Flags::augment_args(command).mut_arg("roots", several);
    let flags = command.try_get_matches().and_then(|matches| Flags::from_arg_matches(&matches));
    match flags {
        Ok(Flags { http: Some(address), options, ending, web }) => {
            serve(&[definition], Mount::Root, None, &address, &options, &web, ending)
        }
        Ok(Flags { http: None, options, ending, .. }) => stdio(&[definition], None, &options, ending),
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
    let status = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("error: {problem}"));
            ExitCode::from(2)
        }
    };
    log::flush();
    status
}

/// A runtime on this thread.
///
/// One thread serves all: measured at 1 KB a call, handing work from thread to thread costs a fifth of the CPU time,
/// and one thread carries more calls than any OpenAI account may make.
///
/// # Errors
/// The system has none to give.
fn runtime() -> std::io::Result<Runtime> {
    keep_memory();
    Builder::new_current_thread().enable_all().build()
}

/// Lets the allocator keep what one call has freed for the next.
///
/// glibc gives what is free at the end of its heap back to the system, once that is more than 128 KB, and the next call
/// takes it anew, page by page: with answers of 20 to 60 KB that is some faults with every call. A freed block that had
/// pages of its own raises that to twice its size: mallopt(3), `M_MMAP_THRESHOLD`. The block is never touched, so it costs
/// no memory.
fn keep_memory() {
    const ENOUGH: usize = 1 << 20;
    if cfg!(target_env = "gnu") {
        drop(black_box(Vec::<u8>::with_capacity(ENOUGH)));
    }
}

/// Listens at `host:port`, or at a port of loopback.
async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "\nhint: another program listens there, maybe an openai-mcp that still runs; port 0 takes a free one"
            }
            ErrorKind::PermissionDenied => "\nhint: ports below 1024 belong to the system; take a higher one",
            _ => "",
        };
        format!("cannot listen on {address}: {error}{hint}")
    };
    let addresses = match address.parse::<u16>() {
        Ok(port) => vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
        Err(_) => lookup_host(address)
            .await
            .map_err(|error| failed(error) + "\nhint: expected an address as 0.0.0.0:8787, or a port alone")?
            .collect(),
    };
    let mut outcome = Err(ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        outcome = open(address);
        if outcome.is_ok() {
            break;
        }
    }
    let listener = outcome.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Listens at an address. What the system holds for those who do not read is bounded: else thousands of them, who ask
/// again and again, keep the server busy with gigabytes that nobody wants.
fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    const HELD: u32 = 128 * 1024;
    const WAITING: u32 = 1024;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As tokio's own listeners: a port is free again at once. Elsewhere it would let others listen there, too.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(HELD)?;
    socket.bind(address)?;
    socket.listen(WAITING)
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
        // It comes when the terminal closes.
        let mut hangup = (!outlasts_terminals()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(async move {
            let hung_up = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hung_up => {}
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

/// Whether whoever started this program has it ignore the end of its terminal, as nohup does. Only Linux tells.
#[cfg(unix)]
fn outlasts_terminals() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.map_or(!cfg!(target_os = "linux"), |ignored| ignored & 1 != 0)
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
