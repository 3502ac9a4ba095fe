//! Files that callers name by URL.
//!
//! The host and every redirect are checked as far as their text goes. What a name resolves to cannot be seen here; it
//! is Cloudflare that connects, from the public internet: no private network is within its reach, and the
//! compatibility flag `global_fetch_strictly_public` keeps requests to the Worker's own zone behind that zone's front
//! door. Names that only a private network knows are refused all the same.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::redirect;
use openai_mcp_kernel::urls::{Place, Trust, capped, name, told_type};
use web_sys::Url;

use crate::fetch::{fetch, within};

/// Longest wait for the head of an answer, and between the bytes of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a URL.
pub(crate) async fn open(
    url: String,
    filename: Option<String>,
    mime_type: Option<String>,
    allowed: Arc<[String]>,
) -> Result<Opened> {
    let problem = |text: &str| Error::new(Kind::File, format!("`url`: {text}"));
    let mut at = Url::new(&url).map_err(|_| problem("not a URL"))?;
    let mut redirects = 0;
    let response = loop {
        check(&at, &allowed).map_err(|text| problem(&text))?;
        at.set_hash("");
        let mut request = Request::new(Body::EMPTY);
        let uri: Uri = at.href().parse().map_err(|_| problem("not a URL that can be fetched"))?;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("openai-mcp/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let response = within(PATIENCE, fetch(request, PATIENCE)).await.and_then(|response| response);
        let response = response.map_err(|failure| problem(&failure.text))?;
        let next = redirect::next(&uri, &response, join).map_err(|failure| problem(&failure.text))?;
        let Some(next) = next else { break response };
        redirects += 1;
        if redirects > redirect::MOST {
            return Err(problem(&redirect::too_many()));
        }
        at = Url::new(&next.to_string()).map_err(|_| problem("redirected to something that is no URL"))?;
    };
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(problem(&format!("the host answered {}", head.status.as_u16())));
    }
    let body = capped(body).map_err(|text| problem(&text))?;
    let filename = filename.unwrap_or_else(|| name(&at.pathname()));
    let mime_type = mime_type.unwrap_or_else(|| told_type(&filename, &head.headers));
    Ok(Opened { filename, mime_type, body })
}

fn check(url: &Url, allowed: &[String]) -> Result<(), String> {
    let (protocol, host) = (url.protocol(), url.hostname());
    let scheme = protocol.trim_end_matches(':');
    let port = url.port().parse().unwrap_or(if scheme == "https" { 443 } else { 80 });
    let credentials = !url.username().is_empty() || !url.password().is_empty();
    let trust = Place { scheme, credentials, host: &host, port }.check(allowed)?;
    let bare = host.trim_end_matches('.');
    let private = [".local", ".localhost", ".internal", ".home.arpa"].iter().any(|end| bare.ends_with(end));
    if trust == Trust::Stranger && (private || !(bare.contains('.') || bare.starts_with('['))) {
        return Err(format!("`{host}` is not a public name"));
    }
    Ok(())
}

/// WHATWG's way to read a `Location`.
pub(crate) fn join(at: &str, location: &str) -> Option<String> {
    Url::new_with_base(location, at).ok().map(|url| url.href())
}
