//! Opening a file that a caller named by URL: the same steps on every host, which parses and sends in its own way.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Request, Response, Uri};

use crate::body::{Body, Failure};
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::platform::Opened;
use crate::redirect::{self, Join};
use crate::urls::{Target, Trust, capped, name};

/// A URL as a WHATWG parser takes it apart.
#[derive(Clone, Debug)]
pub struct Address {
    /// All of it, without the fragment.
    pub href: String,
    /// Without the colon.
    pub scheme: String,
    /// Whether there is a user name or a password.
    pub credentials: bool,
    /// A name or an address; an IPv6 address stands in brackets.
    pub host: String,
    /// Default: that of the scheme.
    pub port: u16,
    /// The path, as it is written.
    pub path: String,
}

/// What a host brings along.
pub trait Web {
    /// Joins a `Location` to the URL that sent it.
    const JOIN: Join;

    /// Takes a URL apart.
    ///
    /// # Errors
    /// Why it is none.
    fn parse(&self, url: &str) -> Result<Address, String>;

    /// The operator's `host` and `host:port` that may be fetched from whatever their address.
    fn allowed(&self) -> &[String];

    /// Sends a request, for which redirects are answers. No key, cookie or referrer goes along. What a stranger's name
    /// resolves to is for the host to check.
    fn send(
        &self,
        request: Request<Body>,
        address: &Address,
        trust: Trust,
    ) -> impl Future<Output = Result<Response<Body>, Failure>>;
}

/// Opens a URL; the name and the type that the caller gave, if any, are the file's.
///
/// # Errors
/// The URL, or one it redirects to, may not be fetched, or its host does not give a file.
pub async fn open<W: Web>(web: &W, url: &str, filename: Option<String>, mime_type: Option<String>) -> Result<Opened> {
    let problem = |text: &str| Error::new(Kind::File, format!("`url`: {text}"));
    let failed = |failure: Failure| problem(&failure.text);
    let mut at = web.parse(url).map_err(|text| problem(&text))?;
    let mut redirects = 0;
    let response = loop {
        let Address { scheme, credentials, host, port, .. } = &at;
        let target = Target { scheme, credentials: *credentials, host, port: *port };
        let trust = target.check(web.allowed()).map_err(|text| problem(&text))?;
        let uri: Uri = at.href.parse().map_err(|_| problem("not a URL that can be fetched"))?;
        let mut request = Request::new(Body::EMPTY);
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("openai-mcp/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let response = web.send(request, &at, trust).await.map_err(failed)?;
        let Some(next) = redirect::next(&uri, &response, W::JOIN).map_err(failed)? else { break response };
        redirects += 1;
        if redirects > redirect::MOST {
            return Err(problem(&redirect::too_many()));
        }
        at = web.parse(&next.to_string()).map_err(|_| problem("redirected to something that is no URL"))?;
    };
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(problem(&format!("the host answered {}", head.status.as_u16())));
    }
    let body = capped(body).map_err(|text| problem(&text))?;
    let media = head.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let named = filename.is_some();
    let mut filename = filename.unwrap_or_else(|| name(&at.path));
    let by_host = file::by_host(media, named, &mut filename);
    let mime_type = mime_type.unwrap_or(by_host);
    Ok(Opened { filename, mime_type, body })
}
