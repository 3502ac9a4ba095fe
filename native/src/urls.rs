//! Files that callers name by URL. The URL may come from a model that read it somewhere, so it must not lead to hosts
//! that only this machine can reach.
//!
//! Every address that a name has must be public, the addresses that were checked are the ones connected to, and every
//! redirect is checked anew. The proxies of the environment are passed by: what a proxy resolves cannot be checked.
//! No cookie, no key and no referrer is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::file::media_type;
use openai_mcp_kernel::platform::{Body, Failure, Opened};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::{Host, Url};

use crate::body::{Outgoing, incoming};
use crate::client::{Client, REDIRECTS, Reach, redirect};

/// Most bytes that are fetched: the largest file that OpenAI takes.
const LARGEST: u64 = 512 * 1024 * 1024;
/// Longest wait for the head of an answer, and between the bytes of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches files from the web.
pub struct Fetcher {
    public: Client,
    exempt: Client,
    allowed: Vec<String>,
}

impl Fetcher {
    /// Fetches from public hosts, and from those of `allowed` (`host` or `host:port`) whatever their address.
    pub fn new(allowed: &[String]) -> Self {
        Fetcher { public: Client::new(Reach::Public), exempt: Client::new(Reach::Direct), allowed: allowed.to_vec() }
    }

    /// Opens a URL.
    ///
    /// # Errors
    /// The URL may not be fetched, or its host does not give a file.
    pub async fn open(&self, url: &str, filename: Option<String>, mime_type: Option<String>) -> Result<Opened> {
        let problem = |text: &str| Error::new(Kind::File, format!("`url`: {text}"));
        let mut at = Url::parse(url).map_err(|error| problem(&format!("not a URL: {error}")))?;
        let mut redirects = 0;
        let response = loop {
            let client = self.client(&at).map_err(|text| problem(&text))?;
            at.set_fragment(None);
            let uri: Uri = at.as_str().parse().map_err(|_| problem("not a URL that can be fetched"))?;
            let mut request = Request::new(Outgoing::from(Body::EMPTY));
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.insert(USER_AGENT, HeaderValue::from_static(concat!("openai-mcp/", env!("CARGO_PKG_VERSION"))));
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let response = timeout(PATIENCE, client.send(request))
                .await
                .map_err(|_| problem(&format!("no answer within {} s", PATIENCE.as_secs())))?
                .map_err(|failure| problem(&failure.text))?;
            let Some(next) = redirect(&uri, &response).map_err(|failure| problem(&failure.text))? else {
                break response;
            };
            redirects += 1;
            if redirects > REDIRECTS {
                return Err(problem(&format!("more than {REDIRECTS} redirects")));
            }
            at = Url::parse(&next.to_string()).map_err(|_| problem("redirected to something that is no URL"))?;
        };
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(problem(&format!("the host answered {}", head.status.as_u16())));
        }
        if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(problem("the host sends the file compressed although asked not to"));
        }
        let body = incoming(body, PATIENCE);
        if body.length().is_some_and(|length| length > LARGEST) {
            return Err(problem(&format!("the file has more than {LARGEST} bytes")));
        }
        let filename = filename.unwrap_or_else(|| name(&at));
        let mime_type = mime_type.unwrap_or_else(|| told_type(&filename, &head.headers));
        Ok(Opened { filename, mime_type, body: capped(body) })
    }

    /// The client that may fetch this URL.
    fn client(&self, url: &Url) -> Result<&Client, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("expected http or https, got `{}`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or password, which are not sent".into());
        }
        let host = url.host().ok_or("has no host")?;
        let name = url.host_str().unwrap_or_default();
        let with_port = format!("{name}:{}", url.port_or_known_default().unwrap_or_default());
        if self
            .allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name) || allowed.eq_ignore_ascii_case(&with_port))
        {
            return Ok(&self.exempt);
        }
        let public = match host {
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
            // Names are checked when they are resolved.
            Host::Domain(_) => true,
        };
        if !public {
            return Err(format!(
                "`{name}` is not a public address\nhint: the operator allows it with OPENAI_MCP_ALLOWED_URLS={with_port}"
            ));
        }
        Ok(&self.public)
    }
}

/// The last segment of the path.
fn name(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let decoded = percent_decode_str(last).decode_utf8_lossy();
    let name: String = decoded.chars().filter(|letter| !letter.is_control() && *letter != '/').take(100).collect();
    if name.is_empty() { "download".into() } else { name }
}

/// The media type that the name tells, else the one that the host tells.
fn told_type(filename: &str, headers: &HeaderMap) -> String {
    let guessed = media_type(filename);
    let told = headers.get(CONTENT_TYPE).and_then(|told| told.to_str().ok()).filter(|told| told.contains('/'));
    match told {
        Some(told) if guessed == "application/octet-stream" => told.to_owned(),
        _ => guessed.to_owned(),
    }
}

/// The same body, which breaks off where it gets too long.
fn capped(body: Body) -> Body {
    let length = body.length();
    let chunks = stream::try_unfold((body.into_chunks(), 0), |(mut chunks, passed)| async move {
        let Some(chunk) = chunks.next().await.transpose()? else { return Ok(None) };
        let passed = passed + chunk.len() as u64;
        if passed > LARGEST {
            return Err(Failure {
                text: format!("the file behind `url` has more than {LARGEST} bytes"),
                unsent: false,
            });
        }
        Ok(Some((chunk, (chunks, passed))))
    });
    Body::Stream { chunks: chunks.boxed(), length }
}

/// Whether an address is one of the public internet.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(net, length)| {
            let shift = 32 - u32::from(*length);
            u32::from(address) >> shift == u32::from(*net) >> shift
        }),
        // All else is local, or stands for an IPv4 address: mapped, compatible, translated by NAT64.
        IpAddr::V6(address) => {
            within(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !SPECIAL_V6.iter().any(|(net, length)| within(address, *net, *length))
        }
    }
}

fn within(address: Ipv6Addr, net: Ipv6Addr, length: u8) -> bool {
    let shift = 128 - u32::from(length);
    u128::from(address) >> shift == u128::from(net) >> shift
}

const SPECIAL_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's own services, metadata among them, answer here.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    // Protocol assignments: Teredo, ORCHID, benchmarks.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
