//! Files that callers name by URL.
//!
//! The host and every redirect are checked as far as their text goes. What a name resolves to cannot be seen here; it
//! is Cloudflare that connects, from the public internet: no private network is within its reach, and the
//! compatibility flag `global_fetch_strictly_public` keeps requests to the Worker's own zone behind that zone's front
//! door. Names that only a private network knows are refused all the same.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderValue, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::platform::{Body, Opened};
use openai_mcp_kernel::urls::{Place, Trust, capped, name, told_type};
use web_sys::Url;

use crate::fetch::{fetch, within};

/// Longest wait for the head of an answer, and between the bytes of its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most redirects that are followed.
pub(crate) const REDIRECTS: usize = 5;

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
        *request.uri_mut() = at.href().parse().map_err(|_| problem("not a URL that can be fetched"))?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("openai-mcp/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let response = within(PATIENCE, fetch(request, PATIENCE)).await.and_then(|response| response);
        let response = response.map_err(|failure| problem(&failure.text))?;
        let Some(next) = redirect(&at.href(), &response).map_err(|text| problem(&text))? else { break response };
        redirects += 1;
        if redirects > REDIRECTS {
            return Err(problem(&format!("more than {REDIRECTS} redirects")));
        }
        at = next;
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

/// Where an answer redirects to, if it does.
pub(crate) fn redirect(at: &str, response: &Response<Body>) -> Result<Option<Url>, String> {
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else { return Ok(None) };
    let next = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| Url::new_with_base(location, at).ok())
        .ok_or("redirected to something that is no URL")?;
    next.set_hash("");
    match (at.starts_with("https:"), next.protocol().as_str()) {
        (_, "https:") | (false, "http:") => Ok(Some(next)),
        (true, "http:") => Err("redirected from https to http, which is not followed".into()),
        _ => Err("redirected to something other than http or https".into()),
    }
}
