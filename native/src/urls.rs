//! Files that callers name by URL. The URL may come from a model that read it somewhere, so it must not lead to hosts
//! that only this machine can reach.
//!
//! Every address that a name has must be public, the addresses that were checked are the ones connected to, and every
//! redirect is checked anew. The proxies of the environment are passed by: what a proxy resolves cannot be checked.
//! No cookie, no key and no referrer is sent.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::redirect;
use openai_mcp_kernel::urls::{Place, Trust, capped, name, told_type};
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
            let Some(next) = redirect::next(&uri, &response, join).map_err(|failure| problem(&failure.text))? else {
                break response;
            };
            redirects += 1;
            if redirects > redirect::MOST {
                return Err(problem(&redirect::too_many()));
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
        let body = capped(body).map_err(|text| problem(&text))?;
        let filename = filename.unwrap_or_else(|| name(at.path()));
        let mime_type = mime_type.unwrap_or_else(|| told_type(&filename, &head.headers));
        Ok(Opened { filename, mime_type, body })
    }

    /// The client that may fetch this URL. Names are checked when they are resolved.
    fn client(&self, url: &Url) -> Result<&Client, String> {
        let place = Place {
            scheme: url.scheme(),
            credentials: !url.username().is_empty() || url.password().is_some(),
            host: url.host_str().unwrap_or_default(),
            port: url.port_or_known_default().unwrap_or_default(),
        };
        Ok(match place.check(&self.allowed)? {
            Trust::Allowed => &self.exempt,
            Trust::Stranger => &self.public,
        })
    }
}
