//! The HTTP face of one or many servers, for any host that can hand over a request: routes, CORS, who may call.
//!
//! Routes: `POST …/mcp` and `…/mcp/{key}`, `GET /health`, `GET /`. GET and DELETE of an MCP path answer 405, as a
//! sessionless server does.

use core::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::StreamExt as _;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::body::Body;
use crate::config::Config;
use crate::context::Caller;
use crate::headers;
use crate::json;
use crate::narrowing;
use crate::page;
use crate::protocol::{Headers, RpcError};
use crate::secret::{Placeholder, Secret};
use crate::server::{Begun, Definition, Reply, Service};

/// Most bytes of a body that comes without a key: enough to ask what there is.
const UNKNOWN_BODY: usize = 64 * 1024;

/// Longest name of a session that is looked at, in bytes.
const LONGEST_SESSION: usize = 64;

/// Why a method is refused where there is nothing more to say.
const NOT_ALLOWED: &str = "method not allowed";

/// Most pages that are kept; while all of them are being read, there is another one, which names no address.
const PAGES: usize = 8;

/// How the servers are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// One server at `/mcp`.
    Root,
    /// Every server at `/{domain}/mcp`, and at `/mcp` what stands before all of them, if something does.
    Domains,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The socket is bound to a loopback address, so only this machine reaches it.
    pub bound_to_loopback: bool,
    /// The other end is this machine.
    pub is_loopback: bool,
    /// The address of the other end, if it has a share of what there is for all.
    pub from: Option<IpAddr>,
}

/// One or many servers behind HTTP.
pub struct Gateway {
    servers: Vec<(&'static Definition, Result<Arc<Service>, String>)>,
    /// What stands before all of them.
    front: Option<Arc<Service>>,
    mount: Mount,
    config: Arc<Config>,
    /// The pages that are being read, and the last one, with the addresses that they name.
    pages: Mutex<Vec<(String, Bytes)>>,
}

/// A request that may be served once its body is there.
pub struct Admitted {
    service: Arc<Service>,
    caller: Caller,
    max_body: usize,
    origin: Option<HeaderValue>,
    version: Option<HeaderValue>,
    method: Option<HeaderValue>,
    name: Option<HeaderValue>,
    session: Option<HeaderValue>,
    /// Whether its client takes a stream for an answer.
    streams: bool,
}

/// What tells a message from others, for a host that lets one message of a session cancel another.
#[derive(Clone, Debug)]
pub struct Told {
    /// The session that it says it is of.
    pub session: Option<String>,
    /// Whose key came with it.
    pub caller: Option<Secret>,
    /// Whether it is of a caller who may do without one.
    pub trusted: bool,
    /// Its id, as JSON text.
    pub id: Option<String>,
    /// The ids of the requests that it cancels, as JSON text.
    pub cancels: Vec<String>,
    /// Whether it begins a session.
    pub opens: bool,
}

impl Admitted {
    /// Most bytes of its body. Who brings no key can ask what there is, and needs no room for files.
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// An answer that the host gives itself, which the page that asked may read.
    #[must_use]
    pub fn answer(&self, mut response: Response<Body>) -> Response<Body> {
        allow(&mut response, self.origin.clone());
        response
    }
}

impl Gateway {
    /// Serves these servers. One that could not be made answers 503 and leaves the others serving.
    pub fn new(
        servers: Vec<(&'static Definition, Result<Arc<Service>, String>)>,
        mount: Mount,
        config: Arc<Config>,
    ) -> Self {
        Gateway { servers, front: None, mount, config, pages: Mutex::default() }
    }

    /// The same with something that stands before all servers, at `/mcp`.
    #[must_use]
    pub fn behind(mut self, front: Arc<Service>) -> Self {
        self.front = Some(front);
        self
    }

    /// Answers a request by its head, or says that its body is wanted.
    ///
    /// # Errors
    /// The answer: of a page, of the health check, or a refusal.
    pub fn admit(&self, head: &Parts, peer: Peer) -> Result<Admitted, Box<Response<Body>>> {
        let host = host(head);
        // RFC 9112, section 3.2.
        if head.version == Version::HTTP_11 && host.is_none() {
            return Err(refuse(StatusCode::BAD_REQUEST, "a request of HTTP/1.1 has a `Host`").into());
        }
        let origin = self.check_origin(head, host, peer);
        // Probes of a cluster call each server by its address. One on loopback keeps to its names: no page is to learn that it
        // is there.
        let probe = !peer.bound_to_loopback && is_read(&head.method) && head.uri.path() == "/health";
        let admitted = match &origin {
            Ok(_) => self.route(head, host, peer),
            Err(_) if probe => Err(self.health().into()),
            Err(refusal) => Err(refuse(StatusCode::FORBIDDEN, refusal).into()),
        };
        admitted.map_err(|mut response| {
            allow(&mut response, origin.ok().flatten());
            response
        })
    }

    /// Serves an admitted request.
    pub async fn serve(&self, admitted: Admitted, body: Bytes) -> Response<Body> {
        self.begin(admitted, body).1.await
    }

    /// Begins to serve an admitted request, and says what it is. Dropping the answer cancels it.
    pub fn begin(
        &self,
        admitted: Admitted,
        body: Bytes,
    ) -> (Told, impl Future<Output = Response<Body>> + Send + use<>) {
        let Admitted { service, caller, max_body: _, origin, version, method, name, session, streams } = admitted;
        let read = Headers { version: text(&version), method: text(&method), name: text(&name) };
        let (by, trusted) = (caller.key.clone(), caller.trusted);
        let Begun { id, cancels, opens, reply } = service.begin(&body, caller, Some(read));
        let session = text(&session).filter(|session| session.len() <= LONGEST_SESSION).map(str::to_owned);
        (Told { session, caller: by, trusted, id, cancels, opens }, respond(reply, streams, origin))
    }

    /// The answer to a body of more than [`Admitted::max_body`] bytes; `id` is that of its message, if it was found.
    pub fn too_large(&self, admitted: &Admitted, id: Option<&str>) -> Response<Body> {
        let most = admitted.max_body;
        let why = if most < self.config.max_body { ", and no key came with it" } else { " (OPENAI_MCP_MAX_BODY)" };
        let message = format!("the body is longer than {most} bytes{why}");
        admitted.answer(answer(StatusCode::PAYLOAD_TOO_LARGE, id, RpcError::new(RpcError::INVALID, message)))
    }

    fn route(&self, head: &Parts, host: Option<&str>, peer: Peer) -> Result<Admitted, Box<Response<Body>>> {
        let path = head.uri.path();
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        let mut segments = path.split('/').skip(1);
        let (first, second, third, fourth) = (segments.next(), segments.next(), segments.next(), segments.next());
        let (server, key) = match (self.mount, first, second, third, fourth) {
            (_, Some("health"), None, ..) if is_read(&head.method) => return Err(self.health().into()),
            (_, Some(""), None, ..) if is_read(&head.method) => return Err(self.page(head).into()),
            (_, Some(""), None, ..) if head.method == Method::POST => {
                let at = match (self.mount, &self.front) {
                    (Mount::Root, _) => "/mcp",
                    (Mount::Domains, Some(_)) => "/mcp and /{domain}/mcp",
                    (Mount::Domains, None) => "/{domain}/mcp",
                };
                return Err(not_allowed("GET", &format!("MCP is served at {at}; / tells what there is")).into());
            }
            (_, Some("health" | ""), None, ..) => return Err(not_allowed("GET", NOT_ALLOWED).into()),
            // A URL that ends in it twice has no key.
            (_, Some("mcp"), Some("mcp"), ..) | (_, _, Some("mcp"), Some("mcp"), _) => (None, None),
            (Mount::Root, Some("mcp"), key, None, None) => {
                (self.servers.first().map(|(_, service)| service.as_ref()), key)
            }
            (Mount::Domains, Some("mcp"), key, None, None) => (self.front.as_ref().map(Ok), key),
            (Mount::Domains, Some(domain), Some("mcp"), key, None) => {
                let found = self.servers.iter().find(|(definition, _)| definition.domain == domain);
                (found.map(|(_, service)| service.as_ref()), key)
            }
            _ => (None, None),
        };
        let Some(service) = server else {
            return Err(refuse(StatusCode::NOT_FOUND, "no server at this path; / tells what there is").into());
        };
        match head.method {
            Method::POST => {}
            Method::OPTIONS => return Err(preflight().into()),
            _ => return Err(not_allowed("POST, OPTIONS", NOT_ALLOWED).into()),
        }
        if !is_json(&head.headers) {
            let message = "a message is JSON: send `Content-Type: application/json`";
            return Err(rpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, RpcError::INVALID, message).into());
        }
        if head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let message = "a message is sent as it is: leave out `Content-Encoding`";
            let mut refusal = rpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, RpcError::INVALID, message);
            // RFC 9110, section 15.5.16.
            set(&mut refusal, header::ACCEPT_ENCODING, "identity");
            return Err(refusal.into());
        }
        // Of two, one would be checked and the other one read by whoever stands between.
        let only = |name, shown| {
            let mut given = head.headers.get_all(name).iter();
            let first = given.next().cloned();
            if given.next().is_some() {
                let message = format!("there is more than one header `{shown}`");
                return Err(Box::new(rpc(StatusCode::BAD_REQUEST, RpcError::HEADER, &message)));
            }
            Ok(first)
        };
        let version = only(headers::MCP_VERSION, "MCP-Protocol-Version")?;
        let method = only(headers::MCP_METHOD, "Mcp-Method")?;
        let name = only(headers::MCP_NAME, "Mcp-Name")?;
        let service =
            service.map_err(|problem| rpc(StatusCode::SERVICE_UNAVAILABLE, RpcError::INTERNAL, problem))?.clone();
        let caller =
            self.caller(head, host, key.filter(|key| !key.is_empty()), peer).map_err(|(status, problem)| {
                let mut refusal = rpc(status, RpcError::INVALID, &problem);
                if status == StatusCode::UNAUTHORIZED {
                    set(&mut refusal, header::WWW_AUTHENTICATE, "Bearer");
                }
                refusal
            })?;
        if !caller.filter.is_open() {
            let all = self.servers.iter().flat_map(|(definition, _)| definition.specs());
            narrowing::check(&caller.filter, all, service.reached())
                .map_err(|problem| rpc(StatusCode::BAD_REQUEST, RpcError::INVALID, &problem))?;
        }
        let known = caller.trusted || caller.key.is_some();
        let header = |name: HeaderName| head.headers.get(name).cloned();
        Ok(Admitted {
            service,
            caller,
            max_body: if known { self.config.max_body } else { self.config.max_body.min(UNKNOWN_BODY) },
            origin: header(header::ORIGIN),
            version,
            method,
            name,
            session: header(headers::MCP_SESSION),
            streams: takes_streams(&head.headers),
        })
    }

    /// Who calls, by the key in the URL or in `Authorization`. The access token stands for the operator.
    fn caller(
        &self,
        head: &Parts,
        host: Option<&str>,
        in_url: Option<&str>,
        peer: Peer,
    ) -> Result<Caller, (StatusCode, String)> {
        let wrong = |problem: &str| (StatusCode::BAD_REQUEST, problem.to_owned());
        let in_url = in_url
            .map(|key| percent_decode_str(key).decode_utf8().map_err(|_| wrong("the key in the URL is not UTF-8")))
            .transpose()?;
        let mut authorizations = head.headers.get_all(header::AUTHORIZATION).iter();
        let bearer = match (authorizations.next(), authorizations.next()) {
            (None, _) => None,
            (Some(_), Some(_)) => return Err(wrong("there is more than one `Authorization` header")),
            (Some(value), None) => {
                let value = value.to_str().map_err(|_| wrong("the `Authorization` header is not ASCII"))?;
                let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(wrong("the `Authorization` header must be `Bearer` and a key"));
                }
                // Some hosts make one of several.
                if token.contains(", ") {
                    return Err(wrong("there is more than one `Authorization` header"));
                }
                Some(token)
            }
        };
        let forwarded = head.headers.keys().any(headers::tells_of_proxy);
        let by_name = host.is_some_and(|host| is_loopback(host_name(host)));
        let near = peer.bound_to_loopback && peer.is_loopback && by_name && !forwarded;
        let own = near && self.config.access_token.is_none();
        let (text, place) = match in_url.as_deref() {
            Some(text) => (Some(text), "the key in the URL"),
            None => (bearer, "`Authorization`"),
        };
        let stands_in =
            |text: &str| Placeholder::of(text).filter(|found| *found == Placeholder::Name || self.config.is_openai());
        // Clients send what stands in their configuration, whether the variable that it names is set or not.
        let text = text.filter(|text| !(own && (text.trim().is_empty() || stands_in(text).is_some())));
        let given = text.map(Secret::new).transpose().map_err(wrong)?;
        let filter = narrowing::read(head).map_err(|problem| wrong(&problem))?;
        let (by_http, from) = (true, peer.from);
        let token = self.config.access_token.as_ref();
        if given.as_ref().zip(token).is_some_and(|(given, token)| given.matches(token)) {
            return Ok(Caller { key: None, trusted: true, filter, by_http, from });
        }
        if let Some(found) = given.as_ref().and_then(|given| stands_in(given.expose())) {
            return Err(wrong(&found.advice(place, "the variable")));
        }
        Ok(match (given, token) {
            // A token with a letter wrong must not go to OpenAI in a key's place.
            (Some(given), Some(_)) if !given.is_key() => {
                let problem = "this is neither the access token of this server nor a key of OpenAI (sk-…)";
                return Err((StatusCode::UNAUTHORIZED, problem.into()));
            }
            // With a token set, nearness is not enough: the operator asked for more.
            (given, Some(_)) => Caller { key: given, trusted: false, filter, by_http, from },
            (given, None) => Caller { key: given, trusted: near, filter, by_http, from },
        })
    }

    /// Browsers say where a page comes from, and a rebound name shows in `Host`: a page on the web must not reach a
    /// server on the machine of the person who reads it. Gives the origin to allow, if there is one.
    fn check_origin(&self, head: &Parts, host: Option<&str>, peer: Peer) -> Result<Option<HeaderValue>, String> {
        // What stands before an `@` is a user's name, not a host's: RFC 9110, section 4.2.4.
        if host.is_some_and(|host| host.contains('@')) {
            return Err("a `Host` has no user name".into());
        }
        if peer.bound_to_loopback || !self.config.allowed_hosts.is_empty() {
            let name = host.map(host_name).unwrap_or_default();
            // Of two names one would be checked and another one meant: RFC 9112, section 3.2.
            let names = head.headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
            let names = names.chain(head.uri.authority().map(|authority| authority.as_str().as_bytes()));
            if !names
                .map(|other| std::str::from_utf8(other).map(host_name))
                .all(|other| other.is_ok_and(|other| other.eq_ignore_ascii_case(name)))
            {
                return Err("a request is to one host: `Host` names another one".into());
            }
            let known =
                is_loopback(name) || self.config.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
            if !known {
                return Err(
                    "this host name is not served; the operator allows more with OPENAI_MCP_ALLOWED_HOSTS".into()
                );
            }
        }
        let mut origins = head.headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(None) };
        if origins.next().is_some() {
            return Err("a request has one `Origin`".into());
        }
        let shown = origin.to_str().unwrap_or_default();
        if shown.contains('@') {
            return Err("an `Origin` has no user name".into());
        }
        let own = host.is_some_and(|host| shown.split_once("://").is_some_and(|(_, at)| at.eq_ignore_ascii_case(host)));
        let near = peer.bound_to_loopback
            && shown
                .strip_prefix("http://")
                .or(shown.strip_prefix("https://"))
                .is_some_and(|at| is_loopback(host_name(at)));
        let listed =
            self.config.allowed_origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(shown));
        if own || near || listed {
            Ok(Some(origin.clone()))
        } else {
            Err("this origin may not call; the operator allows more with OPENAI_MCP_ALLOWED_ORIGINS".into())
        }
    }

    fn health(&self) -> Response<Body> {
        let entry = |(definition, service): &(&'static Definition, Result<Arc<Service>, String>)| match service {
            Ok(service) => json!({
                "status": "ok", "name": service.name(), "version": definition.version, "tools": service.specs().count(),
            }),
            Err(problem) => json!({"status": "failed", "version": definition.version, "error": problem}),
        };
        let value = match (self.mount, self.servers.as_slice()) {
            (Mount::Root, [server]) => entry(server),
            (_, servers) => {
                let ok = servers.iter().all(|(_, service)| service.is_ok());
                let mut all = serde_json::Map::new();
                for server in servers {
                    all.insert(server.0.domain.to_owned(), entry(server));
                }
                let mut value = json!({"status": if ok { "ok" } else { "degraded" }, "servers": all});
                if let (Some(front), Some(value)) = (&self.front, value.as_object_mut()) {
                    let (name, version) = (front.name(), front.definition().version);
                    let reaches = front.reached().count();
                    value.insert(
                        "door".into(),
                        json!({"status": "ok", "name": name, "version": version, "reaches": reaches}),
                    );
                }
                value
            }
        };
        let mut response = Response::new(Body::Full(json::text(&value).into()));
        set(&mut response, header::CONTENT_TYPE, "application/json");
        set(&mut response, header::CACHE_CONTROL, "no-store");
        response
    }

    fn page(&self, head: &Parts) -> Response<Body> {
        let at = address(head);
        // Rendered once: it takes the lists of all tools, and strangers may ask for it as often as they like.
        let mut kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |kept: &[(String, Bytes)], at: &str| {
            kept.iter().find(|(known, _)| known == at).map(|(_, page)| page.clone())
        };
        let page = known(&kept, &at).unwrap_or_else(|| {
            kept.retain(|(_, page)| !page.is_unique());
            // Strangers may make up as many addresses as they like, too.
            let at = if kept.len() < PAGES { at } else { String::new() };
            known(&kept, &at).unwrap_or_else(|| {
                let page = Bytes::from(self.render_page(&at));
                kept.push((at, page.clone()));
                page
            })
        });
        drop(kept);
        let mut response = Response::new(Body::Full(page));
        set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
        let policy = "default-src 'none'; style-src 'unsafe-inline'";
        set(&mut response, header::CONTENT_SECURITY_POLICY, policy);
        response
    }

    fn render_page(&self, at: &str) -> String {
        let title = match (self.mount, self.servers.as_slice()) {
            (Mount::Root, [(definition, _)]) => definition.name(),
            _ => "openai-mcp".to_owned(),
        };
        let front = self.front.iter().map(|front| (front.definition(), Ok(front), format!("{at}/mcp")));
        let servers = self.servers.iter().map(|(definition, service)| {
            let url = match self.mount {
                Mount::Root => format!("{at}/mcp"),
                Mount::Domains => format!("{at}/{}/mcp", definition.domain),
            };
            (*definition, service.as_ref(), url)
        });
        let entries: Vec<_> =
            front.chain(servers).map(|(definition, service, url)| page::Entry { definition, service, url }).collect();
        let upstream = match &self.config {
            config if config.sandbox => page::Upstream::Sandbox,
            config if config.is_openai() => page::Upstream::OpenAi,
            _ => page::Upstream::Other,
        };
        page::render(&title, upstream, &entries)
    }
}

/// Puts a reply into a response.
async fn respond(reply: BoxFuture<'static, Reply>, streams: bool, origin: Option<HeaderValue>) -> Response<Body> {
    let one = |status, message| {
        let mut response = Response::new(Body::Full(message));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        set(&mut response, header::CONTENT_TYPE, "application/json");
        response
    };
    let mut response = match reply.await {
        Reply::Nothing => empty(StatusCode::ACCEPTED),
        Reply::One(status, message) => one(status, message),
        // The response comes last, and is what counts.
        Reply::Many(messages) if !streams => one(200, messages.fold(Bytes::new(), |_, message| ready(message)).await),
        Reply::Many(messages) => {
            let chunks = messages.map(|message| {
                let message = json::unbroken(message);
                let mut event = Vec::with_capacity(message.len() + 32);
                event.extend_from_slice(b"event: message\ndata: ");
                event.extend_from_slice(&message);
                event.extend_from_slice(b"\n\n");
                Ok(Bytes::from(event))
            });
            let mut response = Response::new(Body::Stream { chunks: chunks.boxed(), length: None });
            set(&mut response, header::CONTENT_TYPE, "text/event-stream");
            set(&mut response, header::CACHE_CONTROL, "no-cache, no-transform");
            set(&mut response, HeaderName::from_static("x-accel-buffering"), "no");
            response
        }
    };
    allow(&mut response, origin);
    response
}

fn text(value: &Option<HeaderValue>) -> Option<&str> {
    value.as_ref().and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Whether a body is said to be JSON, or nothing is said of it.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
    })
}

/// Whether a client takes a stream of events, or does not say what it takes.
fn takes_streams(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::ACCEPT).iter().peekable();
    let ranges = |value: &HeaderValue| {
        value.as_bytes().split(|byte| *byte == b',').any(|range| {
            let range = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            [&b"text/event-stream"[..], b"text/*", b"*/*"].iter().any(|known| known.eq_ignore_ascii_case(range))
        })
    };
    given.peek().is_none() || given.any(ranges)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What the caller calls this server.
fn host(head: &Parts) -> Option<&str> {
    let header = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    header.or_else(|| head.uri.authority().map(|authority| authority.as_str()))
}

/// Where the caller reaches this server, as far as can be told.
fn address(head: &Parts) -> String {
    let forwarded = head.headers.get(headers::FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    let scheme = match forwarded.or(head.uri.scheme_str()) {
        Some("https") => "https",
        _ => "http",
    };
    host(head).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    match host.rfind(':') {
        Some(at)
            if !host.ends_with(']')
                && !host.get(..at).is_some_and(|name| name.contains(':') && !name.starts_with('[')) =>
        {
            host.get(..at).unwrap_or(host)
        }
        _ => host,
    }
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Lets the page that asked read the answer.
fn allow(response: &mut Response<Body>, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, "mcp-session-id, www-authenticate");
        set(response, header::VARY, "origin");
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = status;
    response
}

fn preflight() -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    // Clients end a session by DELETE, and take the refusal of it for an answer if they get to see it.
    set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, "POST, DELETE, OPTIONS");
    set(
        &mut response,
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, \
         last-event-id, x-mcp-tools, x-mcp-exclude, x-mcp-readonly, x-mcp-read-only",
    );
    set(&mut response, header::ACCESS_CONTROL_MAX_AGE, "86400");
    response
}

fn not_allowed(methods: &'static str, why: &str) -> Response<Body> {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, why);
    set(&mut response, header::ALLOW, methods);
    response
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::Full(json::text(&json!({"error": message})).into()));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}

fn rpc(status: StatusCode, code: i32, message: &str) -> Response<Body> {
    answer(status, None, RpcError::new(code, message))
}

fn answer(status: StatusCode, id: Option<&str>, error: RpcError) -> Response<Body> {
    let mut response = Response::new(Body::Full(error.to_message(id).into()));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}
