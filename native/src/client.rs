//! The way out: pooled HTTP/1.1 and HTTP/2 connections, through the environment's proxies where they apply.

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::UPGRADE;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{
    Client as Pooled, connect::HttpConnector, connect::dns::Name, connect::proxy::Tunnel,
};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::redirect;
use openai_mcp_kernel::urls::is_public;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;
use url::Url;

use crate::body::{Outgoing, describe, incoming};
use crate::fair::Fair;

/// For a TCP connection; name resolution, proxy and TLS together may take as long again.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time without a byte of an answer's body.
pub(crate) const IDLE: Duration = Duration::from_secs(600);
/// How often a silent connection is asked whether it still lives.
const PULSE: Duration = Duration::from_secs(30);

type BoxError = Box<dyn Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Which addresses a client may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any, through the environment's proxies.
    Any,
    /// Any, always directly.
    Direct,
    /// Public ones, always directly: what a proxy resolves cannot be checked.
    Public,
}

/// A client, made at its first request: reading the root certificates takes longer than everything else at start.
pub(crate) struct Client {
    reach: Reach,
    /// For `http`, for `https`, and for what is upgraded to a WebSocket by each. Plain ones need no certificates.
    made: [OnceLock<Result<Made, String>>; 4],
}

type Made = Pooled<InTime<HttpsConnector<Connector>>, Outgoing>;

impl Client {
    pub(crate) const fn new(reach: Reach) -> Self {
        Client { reach, made: [const { OnceLock::new() }; 4] }
    }

    fn get(&self, tls: bool, upgrades: bool) -> Result<Made, Failure> {
        let [plain, secure, plain_socket, secure_socket] = &self.made;
        let slot = match (tls, upgrades) {
            (false, false) => plain,
            (true, false) => secure,
            (false, true) => plain_socket,
            (true, true) => secure_socket,
        };
        slot.get_or_init(|| make(self.reach, tls, upgrades)).clone().map_err(|text| Failure { text, unsent: true })
    }

    /// Sends one request; redirects are answers.
    pub(crate) fn send(
        &self,
        request: Request<Outgoing>,
    ) -> impl Future<Output = Result<Response<Incoming>, Failure>> + Send + 'static {
        let tls = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        let client = self.get(tls, request.headers().contains_key(UPGRADE));
        let sending = client.map(|client| {
            let at = request.uri().authority().map(|authority| authority.as_str().to_owned());
            (client.request(request), at)
        });
        async move {
            let (sending, at) = sending?;
            sending.await.map_err(|error| match own_words(&error) {
                Some(text) => Failure { text, unsent: false },
                None => {
                    let at = at.as_deref().unwrap_or("the host");
                    let mut text = format!("{at}: {}", describe(&error));
                    if text.contains("UnknownIssuer") {
                        text += " (SSL_CERT_FILE names the certificates of an authority of your own)";
                    }
                    Failure { text, unsent: error.is_connect() }
                }
            })
        }
    }
}

/// Sends a request to OpenAI and follows its redirects.
pub(crate) async fn send(client: Arc<Client>, request: Request<Body>) -> Result<Response<Body>, Failure> {
    let response = redirect::follow(request, join, |request| client.send(request.map(Outgoing::from))).await?;
    Ok(response.map(|body| incoming(body, IDLE)))
}

/// WHATWG's way to read a `Location`.
pub(crate) fn join(at: &str, location: &str) -> Option<String> {
    Some(Url::parse(at).ok()?.join(location).ok()?.into())
}

/// What a request's body said when it broke off.
fn own_words(error: &(dyn Error + 'static)) -> Option<String> {
    let error = error.source()?.downcast_ref::<hyper::Error>().filter(|error| error.is_user())?;
    Some(error.source()?.to_string())
}

fn make(reach: Reach, tls: bool, upgrades: bool) -> Result<Made, String> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver(reach));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    // Routers forget connections that are silent while a call takes its time.
    tcp.set_keepalive(Some(PULSE));
    let proxies = (reach == Reach::Any).then(|| Arc::new(Matcher::from_env()));
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls_config(tls)?).https_or_http();
    let tcp = Connector { tcp, proxies };
    // Over HTTP/2, which a server may choose, nothing can be upgraded.
    let connector = match upgrades {
        true => connector.enable_http1().wrap_connector(tcp),
        false => connector.enable_all_versions().wrap_connector(tcp),
    };
    let mut builder = Pooled::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new()).http2_keep_alive_interval(PULSE);
    if reach != Reach::Any {
        builder.pool_max_idle_per_host(0);
    }
    Ok(builder.build(InTime(connector)))
}

fn tls_config(tls: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    if !tls {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter(|name| std::env::var_os(name).is_some());
    let named: Vec<_> = named.collect();
    let builder = match builder.clone().with_native_roots() {
        Ok(builder) => builder,
        // Who names authorities trusts these alone.
        Err(error) if !named.is_empty() => return Err(format!("{}: {error}", named.join(", "))),
        // Bare containers have no certificates of their own.
        Err(_) => builder.with_webpki_roots(),
    };
    Ok(builder.with_no_client_auth())
}

/// Gives up on a connection that is not ready in time, TLS and all: nothing was sent over it yet.
#[derive(Clone)]
struct InTime<C>(C);

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, at: Uri) -> Self::Future {
        let connecting = timeout(2 * CONNECT, self.0.call(at));
        Box::pin(async move {
            connecting.await.unwrap_or_else(|_| Err(format!("no connection within {} s", 2 * CONNECT.as_secs()).into()))
        })
    }
}

/// Connects to a host, or to the proxy that the environment sets for it and through that by `CONNECT`.
#[derive(Clone)]
struct Connector {
    tcp: HttpConnector<Resolver>,
    proxies: Option<Arc<Matcher>>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Fair>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, at: Uri) -> Self::Future {
        let mut tcp = self.tcp.clone();
        let proxy = self.proxies.as_ref().filter(|_| !is_loopback(&at)).and_then(|proxies| proxies.intercept(&at));
        let connecting = async move {
            let Some(proxy) = proxy else { return Ok::<TokioIo<TcpStream>, BoxError>(tcp.call(at).await?) };
            if proxy.uri().scheme_str() != Some("http") {
                return Err("the proxy of the environment is not an http:// one".into());
            }
            let with_port = with_port(at)?;
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            let (host, at) = (host_of(&with_port).to_owned(), with_port.authority().map(ToString::to_string));
            // Many proxies grant this for https:// alone.
            let around = if with_port.scheme_str() == Some("http") {
                format!("; NO_PROXY={host} goes past it")
            } else {
                String::new()
            };
            tunnel.call(with_port).await.map_err(|error| {
                let (proxy, at) = (host_of(proxy.uri()), at.unwrap_or_default());
                format!("proxy {proxy}, asked to CONNECT to {at}: {}{around}", describe(&error)).into()
            })
        };
        Box::pin(async move { Ok(TokioIo::new(Fair::new(connecting.await?.into_inner()))) })
    }
}

/// A proxy is told the port of plain HTTP, too.
fn with_port(at: Uri) -> Result<Uri, http::Error> {
    match (at.port(), at.scheme_str(), at.host()) {
        (None, Some("http"), Some(host)) => {
            Uri::builder().scheme("http").authority(format!("{host}:80")).path_and_query("/").build()
        }
        _ => Ok(at),
    }
}

fn host_of(uri: &Uri) -> &str {
    uri.host().unwrap_or_default()
}

fn is_loopback(uri: &Uri) -> bool {
    let host = host_of(uri);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Resolves names. What it gives is what is connected to, so an address that was checked cannot be swapped afterwards.
#[derive(Clone, Copy)]
struct Resolver(Reach);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map(Vec::from_iter);
            if reach == Reach::Public
                && found.as_ref().map_or(true, |found| found.iter().any(|address| !is_public(address.ip())))
            {
                // Which names a private network has is nobody's business.
                return Err(std::io::Error::other("the name leads to no public address"));
            }
            found.map(Vec::into_iter)
        })
    }
}
