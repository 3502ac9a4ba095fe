//! What an operator sets, parsed once at the edge.

use crate::secret::Secret;
use crate::spec::Filter;

/// Where the API is unless `OPENAI_BASE_URL` says otherwise.
pub const OPENAI: &str = "https://api.openai.com/v1";

/// Default for [`Config::max_result`]: what one result may cost a conversation, some 8,000 tokens.
const MAX_RESULT: usize = 32 * 1024;
/// What the longest call needs to get on at all.
const FEWEST_REQUESTS: usize = 40;
/// Most bytes that a setting may allow: more is a mistake.
const LARGEST: usize = 1 << 30;

/// Default for [`Config::max_body`].
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The settings of a server. [`Config::read`] documents the variables.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API is, without a final slash.
    pub base_url: String,
    /// Whether what is there is the offline stand-in.
    pub sandbox: bool,
    /// The project key of the environment.
    pub key: Option<Secret>,
    /// The admin key of the environment.
    pub admin_key: Option<Secret>,
    /// Sent as `OpenAI-Organization`.
    pub organization: Option<String>,
    /// Sent as `OpenAI-Project`.
    pub project: Option<String>,
    /// What a remote caller presents to spend the keys of the environment.
    pub access_token: Option<Secret>,
    /// Whose rows are used with the keys of the environment; a hash of the key unless set.
    pub owner: Option<String>,
    /// Whether tools keep no record of what they were asked.
    pub no_history: bool,
    /// Whether a line is told of each call.
    pub verbose: bool,
    /// Which tools there are.
    pub filter: Filter,
    /// Whether what stands before all servers is served beside them.
    pub door: bool,
    /// Whether lists have titles and all hints, as directories of servers ask for.
    pub directory: bool,
    /// Most bytes of one result; longer ones are cut and say how to get the rest.
    pub max_result: usize,
    /// Most bytes of one request body.
    pub max_body: usize,
    /// Most requests, and statements of the store, that one call makes.
    pub max_requests: usize,
    /// Host names, besides those of loopback, under which the server answers.
    pub allowed_hosts: Vec<String>,
    /// Web origins, besides loopback's, that may call; `*` is any.
    pub allowed_origins: Vec<String>,
    /// `host` or `host:port` that files may be fetched from although they are not public.
    pub allowed_urls: Vec<String>,
    /// Whether arguments that we do not know are passed on, for the day OpenAI is ahead of us.
    pub open_arguments: bool,
    /// What single servers read, by the variable's name after `OPENAI_MCP_`.
    pub settings: Vec<(String, String)>,
    /// What callers may name without knowing it, by the variable's name after `OPENAI_MCP_SECRET_`.
    pub secrets: Vec<(String, Secret)>,
}

impl Config {
    /// What follows `OPENAI_MCP_` in the names of the variables that are for every server.
    pub const NAMES: [&str; 20] = [
        "access_token",
        "allowed_hosts",
        "allowed_origins",
        "allowed_urls",
        "directory",
        "door",
        "exclude",
        "grace",
        "max_body",
        "max_requests",
        "max_result",
        "max_store",
        "no_history",
        "open_arguments",
        "owner",
        "read_only",
        "roots",
        "store",
        "tools",
        "verbose",
    ];

    /// The variables that tell where requests go and who pays for them, as in the official SDKs. They hold no secret.
    pub const UPSTREAM: [&str; 3] = ["OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"];

    /// Reads the settings from named variables: those of the official SDKs (`OPENAI_API_KEY`, `OPENAI_ADMIN_KEY`,
    /// `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`) and our own `OPENAI_MCP_…`: `ACCESS_TOKEN`, `OWNER`,
    /// `NO_HISTORY`, `VERBOSE`, `TOOLS`, `EXCLUDE`, `READ_ONLY`, `MAX_RESULT`, `MAX_BODY`, `MAX_REQUESTS`, `ALLOWED_HOSTS`, `ALLOWED_ORIGINS`,
    /// `ALLOWED_URLS`, `OPEN_ARGUMENTS`, `DOOR`, `DIRECTORY`. Lists are separated by commas; an empty variable is an absent one,
    /// and quotes around a whole value are none of it.
    ///
    /// # Errors
    /// Names the variable, without quoting a secret.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| variable(name).and_then(|value| meant(&value).map(str::to_owned));
        let secret = |name: &str| {
            get(name).map(|value| Secret::new(&value).map_err(|problem| format!("{name}: {problem}"))).transpose()
        };
        let list = |name: &str| get(name).map(|value| words(&value)).unwrap_or_default();
        let names = |name: &str| match get(name).map(|value| words(&value)) {
            Some(words) if words.is_empty() => Err(format!("{name}: expected names of tools, separated by commas")),
            words => Ok(words),
        };
        let size = |name: &str, default: usize| match get(name) {
            None => Ok(default),
            Some(value) => match value.parse() {
                Ok(size) if (1024..=LARGEST).contains(&size) => Ok(size),
                _ => Err(format!("{name}: expected a number of bytes from 1024 to {LARGEST}, got `{value}`")),
            },
        };
        let listed = |name: &str, expected: &str, holds: fn(&str) -> bool| {
            let words = list(name);
            match words.iter().find(|word| !holds(word)) {
                Some(word) => Err(format!("{name}: expected {expected}, got `{word}`")),
                None => Ok(words),
            }
        };
        let switch = |name: &str| match get(name).as_deref() {
            None => Ok(false),
            Some(value) => flag(value).ok_or_else(|| format!("{name}: expected true or false, got `{value}`")),
        };
        let header = |name: &str| match get(name) {
            Some(value) if http::HeaderValue::from_str(&value).is_err() => Err(format!("{name}: not a header value")),
            value => Ok(value),
        };
        let access_token = secret("OPENAI_MCP_ACCESS_TOKEN")?;
        if access_token.as_ref().is_some_and(Secret::is_key) {
            return Err(
                "OPENAI_MCP_ACCESS_TOKEN: begins as a key of OpenAI does; choose one that does not, so that one \
                        that is mistyped never goes to OpenAI"
                    .into(),
            );
        }
        Ok(Config {
            sandbox: false,
            base_url: base_url(get("OPENAI_BASE_URL").as_deref().unwrap_or(OPENAI))?,
            key: secret("OPENAI_API_KEY")?,
            admin_key: secret("OPENAI_ADMIN_KEY")?,
            organization: header("OPENAI_ORG_ID")?,
            project: header("OPENAI_PROJECT_ID")?,
            access_token,
            owner: get("OPENAI_MCP_OWNER"),
            no_history: switch("OPENAI_MCP_NO_HISTORY")?,
            verbose: switch("OPENAI_MCP_VERBOSE")?,
            filter: Filter {
                only: names("OPENAI_MCP_TOOLS")?,
                exclude: names("OPENAI_MCP_EXCLUDE")?.unwrap_or_default(),
                read_only: switch("OPENAI_MCP_READ_ONLY")?,
            },
            door: get("OPENAI_MCP_DOOR").is_none() || switch("OPENAI_MCP_DOOR")?,
            directory: switch("OPENAI_MCP_DIRECTORY")?,
            max_result: size("OPENAI_MCP_MAX_RESULT", MAX_RESULT)?,
            max_body: size("OPENAI_MCP_MAX_BODY", MAX_BODY)?,
            max_requests: match get("OPENAI_MCP_MAX_REQUESTS") {
                None => usize::MAX,
                Some(value) => value.parse().ok().filter(|most| *most >= FEWEST_REQUESTS).ok_or_else(|| {
                    format!("OPENAI_MCP_MAX_REQUESTS: expected a number from {FEWEST_REQUESTS} up, got `{value}`")
                })?,
            },
            allowed_hosts: listed("OPENAI_MCP_ALLOWED_HOSTS", "host names as mcp.example.com", is_host)?,
            allowed_origins: listed("OPENAI_MCP_ALLOWED_ORIGINS", "origins as https://example.com, or *", is_origin)?,
            allowed_urls: listed("OPENAI_MCP_ALLOWED_URLS", "hosts as files.example.com or 10.0.0.1:8080", is_place)?,
            open_arguments: switch("OPENAI_MCP_OPEN_ARGUMENTS")?,
            settings: Vec::new(),
            secrets: Vec::new(),
        })
    }

    /// What a variable of single servers holds, by its name after `OPENAI_MCP_`.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether requests go to OpenAI itself, and not to a server that speaks its API.
    pub(crate) fn is_openai(&self) -> bool {
        leads_to_openai(&self.base_url)
    }

    /// Takes up, out of all variables, what single servers may read through [`crate::context::Context::setting`].
    #[must_use]
    pub fn with_settings(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in variables {
            // The access token is a secret, and stays in the field that never prints it.
            let Some(name) = name.strip_prefix("OPENAI_MCP_").filter(|name| *name != "ACCESS_TOKEN") else { continue };
            match (name.strip_prefix("SECRET_"), meant(&value)) {
                (_, None) => {}
                // A password may well begin and end with a quote.
                (Some(name), Some(_)) => self.secrets.push((name.to_owned(), Secret::of(value.trim()))),
                (None, Some(value)) => self.settings.push((name.to_owned(), value.to_owned())),
            }
        }
        self
    }
}

/// What the value of a variable is meant to be, if it is not empty. Docker's `--env-file` takes quotes around a value for a
/// part of it.
pub fn meant(value: &str) -> Option<&str> {
    let value = value.trim();
    let bare = |quote| value.strip_prefix(quote)?.strip_suffix(quote).map(str::trim);
    Some(bare('"').or(bare('\'')).unwrap_or(value)).filter(|value| !value.is_empty())
}

/// Whether requests to a base URL go to OpenAI itself.
pub fn leads_to_openai(base_url: &str) -> bool {
    base_url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(is_openai))
}

fn is_openai(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "openai.com" || host.ends_with(".openai.com")
}

/// A name or an address, as [`http::Uri`] has it: without a port.
fn is_host(word: &str) -> bool {
    let word = if word.contains("::") && !word.starts_with('[') { &format!("[{word}]") } else { word };
    let names = |place: http::uri::Authority| place.host() == word && !word.ends_with('.') && !word.contains('*');
    word.parse().is_ok_and(names)
}

/// A host, perhaps with a port.
fn is_place(word: &str) -> bool {
    match word.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some((host, port)) if !host.ends_with(':') => is_host(host) && port.parse::<u16>().is_ok(),
        _ => is_host(word),
    }
}

/// What a browser sends as `Origin`.
fn is_origin(word: &str) -> bool {
    word == "*"
        || word.split_once("://").is_some_and(|(scheme, at)| {
            scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && is_place(at)
        })
}

fn base_url(text: &str) -> Result<String, String> {
    let problem = |what: &str| format!("OPENAI_BASE_URL: {what}; expected a URL such as https://api.openai.com/v1");
    let uri: http::Uri = text.parse().map_err(|error| problem(&format!("{error}")))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| problem("no host"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        Err(problem("neither http nor https"))
    } else if uri.scheme_str() == Some("http") && is_openai(host) {
        Err(problem("http would send the key for all to read"))
    } else if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        Err(problem("has a user name or password"))
    } else if uri.query().is_some() {
        Err(problem("has a query"))
    } else if text.contains('#') {
        Err(problem("has a fragment"))
    } else if uri.authority().is_some_and(|place| place.as_str() != host) && uri.port_u16().is_none() {
        Err(problem("no port"))
    } else {
        Ok(text.trim_end_matches('/').to_owned())
    }
}

/// `true` or `false`, in the words people use.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The words of a list separated by commas.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
