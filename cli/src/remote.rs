//! The client's end of MCP over streamable HTTP, as far as one call needs it: our servers have no sessions.

use std::env;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use openai_mcp::SERVERS;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::events::Events;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::server::Definition;
use openai_mcp_native::files::Roots;
use openai_mcp_native::platform::Machine;
use openai_mcp_native::store::Location;
use serde_json::Value;
use tokio::time::timeout;

/// Most bytes of an answer.
const LONGEST: usize = 64 * 1024 * 1024;
/// How long a server is waited for that says nothing at all.
const PATIENCE: Duration = Duration::from_secs(600);

/// The URL that takes a server's messages: this one, if it names it, or the server's below it. `None` if the server is
/// not known and the URL names none.
pub(crate) fn endpoint(url: &str, server: Option<&Definition>) -> Option<String> {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let base = base.trim_end_matches('/');
    let named = base.split('/').skip(3).any(|segment| segment == "mcp");
    let at = if named { base.to_owned() } else { format!("{base}/{}/mcp", server?.domain) };
    Some(query.map_or(at.clone(), |query| format!("{at}?{query}")))
}

/// Where servers run that a client is to reach.
pub(crate) struct Place<'a> {
    /// The URL below which all of them are, or the one that is alone there.
    base: &'a str,
    /// Whether the URL is that of a server itself: of one that is alone there, or of the door.
    own: bool,
    /// The server that the URL names.
    pub(crate) server: Option<&'static Definition>,
}

impl<'a> Place<'a> {
    /// What a URL tells: `http://h` has all of them, `http://h/files/mcp` is that of one, and `http://h/mcp` is that of the
    /// door or of one that is alone, as `https://openai-files-mcp.me.workers.dev` says of itself.
    ///
    /// # Errors
    /// It is no URL of servers.
    pub(crate) fn of(url: &'a str) -> Result<Self, String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("--remote: expected a URL such as http://127.0.0.1:8787".into());
        }
        if url.contains(['?', '#']) {
            return Err("--remote: the URL has more than a path; --tools and --read-only say what a query would".into());
        }
        let url = url.trim_end_matches('/');
        let find = |is: &dyn Fn(&Definition) -> bool| SERVERS.iter().copied().find(|server| is(server));
        let (base, mut own) = url.strip_suffix("/mcp").map_or((url, false), |base| (base, true));
        let below = base.rsplit_once('/').filter(|(all, _)| own && !all.ends_with('/'));
        let below = below.and_then(|(all, last)| Some((all, find(&|server| server.domain == last)?)));
        let (base, server) = match below {
            Some((all, server)) => {
                own = false;
                (all, Some(server))
            }
            None => {
                let host = base.split_once("://").map_or("", |(_, rest)| rest);
                let label = host.split(['.', ':']).next().unwrap_or_default();
                let server = find(&|server| server.name() == label).filter(|_| !host.contains('/'));
                own |= server.is_some();
                (base, server)
            }
        };
        if base.split('/').skip(3).any(|segment| segment == "mcp") {
            return Err("--remote: the URL goes on behind /mcp; a key does not belong there".into());
        }
        Ok(Place { base, own, server })
    }

    /// Whether the URL is that of one server, or of the door.
    pub(crate) fn is_one(&self) -> bool {
        self.own || self.server.is_some()
    }

    /// The URL of the server of a domain, or of the door. What is the URL of a server is taken for that of the one that is
    /// wanted `alone`.
    ///
    /// # Errors
    /// Another server is there.
    pub(crate) fn url(&self, domain: &str, alone: bool) -> Result<String, String> {
        let Place { base, own, server } = self;
        if let Some(server) = server.filter(|server| *own && server.domain != domain) {
            return Err(format!("--remote: at {base} is {} alone", server.name()));
        }
        let below = if domain.is_empty() || (alone && *own) { String::new() } else { format!("/{domain}") };
        Ok(format!("{base}{below}/mcp"))
    }
}

/// Sends a message and gives what comes back, the answer last.
///
/// # Errors
/// There is no such server, it cannot be reached, or it refuses.
pub(crate) async fn call(
    url: &str,
    message: &str,
    bearer: Option<&str>,
) -> Result<BoxStream<'static, Result<Bytes, String>>, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("--url: expected a URL such as http://127.0.0.1:8787".into());
    }
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, text/event-stream")
        .body(Body::Full(message.to_owned().into()))
        .map_err(|error| format!("--url: {error}"))?;
    let token = match bearer {
        Some(name) => Some(env::var(name).map_err(|_| format!("--bearer-env: the variable {name} is not set"))?),
        None => env::var("OPENAI_MCP_ACCESS_TOKEN").ok(),
    };
    if let Some(token) = token.filter(|token| !token.trim().is_empty()) {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| "the key or access token has characters that no header can have")?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let machine = Machine::new(Roots::default(), &[], Location::Memory, false);
    let sent = timeout(PATIENCE, machine.send(request)).await;
    let sent = sent.map_err(|_| format!("the server does not answer within {} s", PATIENCE.as_secs()))?;
    let response = sent.map_err(|failure| {
        format!("the server cannot be reached: {}\nhint: does it run? `openai-mcp serve` starts one", failure.text)
    })?;
    let status = response.status();
    let streams =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if status == StatusCode::OK && streams {
        let events = Events::new(response).map_err(|error| error.to_string())?;
        // Whoever drops the stream hangs up, which cancels the call.
        let messages = stream::unfold((events, machine), |(mut events, machine)| async {
            let message = match events.next().await {
                Ok(event) => Ok(event?.data),
                Err(error) => Err(error.to_string()),
            };
            Some((message, (events, machine)))
        });
        return Ok(messages.boxed());
    }
    let body = response.into_body().collect(LONGEST).await.map_err(|error| error.to_string())?;
    if status == StatusCode::OK {
        return Ok(stream::once(std::future::ready(Ok(body))).boxed());
    }
    let said = serde_json::from_slice::<Value>(&body).ok();
    let said = said.as_ref().and_then(|said| {
        let error = said.get("error")?;
        error.get("message").unwrap_or(error).as_str()
    });
    Err(format!("the server answers {status}{}", said.map(|said| format!(": {said}")).unwrap_or_default()))
}
