//! Who is calling: any bearer key of the form `sk-…` is an account of its own.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::{Error, Result};

const MISSING: &str = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
     Bearer auth (i.e. Authorization: Bearer YOUR_KEY). The sandbox takes any key of the form sk-....";

/// The key of a request.
pub(crate) fn key(headers: &HeaderMap) -> Result<String> {
    let given = headers.get(header::AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let bearer = given.as_deref().and_then(|value| value.split_once(' '));
    let Some((_, key)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Err(Error::new(StatusCode::UNAUTHORIZED, MISSING));
    };
    match key.trim() {
        "" => Err(Error::new(StatusCode::UNAUTHORIZED, MISSING)),
        key if well_formed(key) => Ok(key.to_owned()),
        key => {
            let message =
                format!("Incorrect API key provided: {}. The sandbox takes any key of the form sk-....", mask(key));
            Err(Error::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key"))
        }
    }
}

/// Lets in who has the key of an administrator.
pub(crate) async fn admin(request: Request, next: Next) -> Result<Response> {
    admit(true, "This endpoint takes an admin key.", request, next).await
}

/// Lets in who has the key of a project.
pub(crate) async fn project(request: Request, next: Next) -> Result<Response> {
    admit(false, "This endpoint takes the key of a project, not an admin key.", request, next).await
}

async fn admit(admin: bool, wanted: &str, request: Request, next: Next) -> Result<Response> {
    if key(request.headers())?.starts_with("sk-admin-") == admin {
        return Ok(next.run(request).await);
    }
    let message = format!("You have insufficient permissions for this operation. {wanted}");
    Err(Error::new(StatusCode::FORBIDDEN, message).code("missing_scope"))
}

fn well_formed(key: &str) -> bool {
    key.strip_prefix("sk-").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// Too little of the key to use it, enough for its owner to recognise it. A short key is hidden whole.
fn mask(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    match (chars.get(..3), chars.len().checked_sub(4).and_then(|at| chars.get(at..))) {
        (Some(head), Some(tail)) if chars.len() >= 16 => {
            format!("{}********{}", String::from_iter(head), String::from_iter(tail))
        }
        _ => "********".to_owned(),
    }
}
