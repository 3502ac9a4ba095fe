//! Redirects: which are followed, and what goes along.

use std::future::Future;

use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};

use crate::body::{Body, Failure};

/// Most redirects that are followed.
pub const MOST: usize = 5;

/// Joins a `Location` to the URL that sent it, as WHATWG's URLs are joined.
pub type Join = fn(&str, &str) -> Option<String>;

/// Sends a request to OpenAI by `send`, for which redirects are answers. Those of a GET are followed; the key stays with
/// the origin it was meant for.
///
/// # Errors
/// As `send`, or a redirect that is not followed.
pub async fn follow<B, F>(
    request: Request<Body>,
    join: Join,
    send: impl Fn(Request<Body>) -> F,
) -> Result<Response<B>, Failure>
where
    F: Future<Output = Result<Response<B>, Failure>>,
{
    let mut from = (*request.method() == Method::GET).then(|| (request.uri().clone(), request.headers().clone()));
    let mut response = send(request).await?;
    let mut followed = 0;
    while let Some((at, headers)) = &mut from
        && let Some(next) = next(at, &response, join)?
    {
        if followed == MOST {
            return Err(failed(&too_many()));
        }
        followed += 1;
        if origin(at) != origin(&next) {
            *headers = without_credentials(headers);
        }
        *at = next;
        let mut request = Request::new(Body::EMPTY);
        *request.uri_mut() = at.clone();
        *request.headers_mut() = headers.clone();
        response = send(request).await?;
    }
    Ok(response)
}

/// Where an answer redirects to, if it does.
///
/// # Errors
/// To where nothing is sent.
pub fn next<B>(at: &Uri, response: &Response<B>, join: Join) -> Result<Option<Uri>, Failure> {
    const NO_URL: &str = "redirected to something that is no URL";
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else { return Ok(None) };
    let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|location| join(&at.to_string(), location));
    let next = next.ok_or_else(|| failed(NO_URL))?;
    let bare = next.split_once('#').map_or(next.as_str(), |(bare, _)| bare);
    match (at.scheme_str(), bare.split_once(':').map(|(scheme, _)| scheme)) {
        (_, Some("https")) | (Some("http"), Some("http")) => bare.parse().map(Some).map_err(|_| failed(NO_URL)),
        (_, Some("http")) => Err(failed("redirected from https to http, which is not followed")),
        _ => Err(failed("redirected to something other than http or https")),
    }
}

/// That a chain of redirects does not end.
pub fn too_many() -> String {
    format!("more than {MOST} redirects")
}

fn failed(text: &str) -> Failure {
    Failure { text: text.to_owned(), unsent: false }
}

fn origin(at: &Uri) -> (Option<&str>, Option<String>, u16) {
    let usual = if at.scheme_str() == Some("https") { 443 } else { 80 };
    (at.scheme_str(), at.host().map(str::to_ascii_lowercase), at.port_u16().unwrap_or(usual))
}

/// The headers that may go to another origin.
fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    let harmless = |name: &HeaderName| name != AUTHORIZATION && !name.as_str().starts_with("openai-");
    headers.iter().filter(|(name, _)| harmless(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
