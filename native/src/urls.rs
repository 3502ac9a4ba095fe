//! Files that callers name by URL. The URL may come from a model that read it somewhere, so it must not lead to hosts
//! that only this machine can reach.
//!
//! Every address that a name has must be public, the addresses that were checked are the ones connected to, and every
//! redirect is checked anew. The proxies of the environment are passed by: what a proxy resolves cannot be checked.
//! No cookie, no key and no referrer is sent.

use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use http::{Request, Response};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::error::Result;
use openai_mcp_kernel::fetch::{self, Address, Web};
use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::redirect::Join;
use openai_mcp_kernel::urls::Trust;
use tokio::time::timeout;
use url::Url;

use crate::body::{Outgoing, incoming};
use crate::client::{Client, Reach, join};

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
        fetch::open(self, url, filename, mime_type).await
    }
}

impl Web for Fetcher {
    const JOIN: Join = join;

    fn parse(&self, url: &str) -> Result<Address, String> {
        let mut url = Url::parse(url).map_err(|error| format!("not a URL: {error}"))?;
        url.set_fragment(None);
        Ok(Address {
            scheme: url.scheme().to_owned(),
            credentials: !url.username().is_empty() || url.password().is_some(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            path: url.path().to_owned(),
            href: url.into(),
        })
    }

    fn allowed(&self) -> &[String] {
        &self.allowed
    }

    /// Names are checked when they are resolved.
    async fn send(&self, request: Request<Body>, _: &Address, trust: Trust) -> Result<Response<Body>, Failure> {
        let client = match trust {
            Trust::Allowed => &self.exempt,
            Trust::Stranger => &self.public,
        };
        let mut request = request.map(Outgoing::from);
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let failed = |text: String| Failure { text, unsent: false };
        let silent = |_| failed(format!("no answer within {} s", PATIENCE.as_secs()));
        let response = timeout(PATIENCE, client.send(request)).await.map_err(silent)??;
        // Each may stand in a line of its own: RFC 9110, section 5.3.
        let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
        if response.status().is_success() && encodings.any(|encoding| encoding != "identity") {
            return Err(failed("the host sends the file compressed although asked not to".into()));
        }
        Ok(response.map(|body| incoming(body, PATIENCE)))
    }
}
