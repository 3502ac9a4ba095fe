//! Failures and delays on demand; how to ask for them is in the crate's documentation.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::error::{Error, Result};

/// Requests that have failed on demand so far, by kind.
#[derive(Default)]
pub(crate) struct Failed(pub(crate) HashMap<String, u32>);

/// A failure the caller asked for.
pub(crate) struct Fault {
    status: StatusCode,
    /// How many requests of a kind fail; all of them when absent.
    pub(crate) times: Option<u32>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    /// The failure that the key or the `x-sandbox-fail` header asks for. The header wins.
    pub(crate) fn wanted(headers: &HeaderMap, key: &str) -> Result<Option<Self>> {
        if let Some(header) = headers.get("x-sandbox-fail") {
            let malformed = || {
                let message = "x-sandbox-fail must be a status from 400 to 599, optionally followed by \
                               '; times=N', '; retry-after=SECONDS' and '; retry-after-ms=N'.";
                Error::invalid("x-sandbox-fail", "invalid_value", message)
            };
            return header.to_str().ok().and_then(Self::from_header).ok_or_else(malformed).map(Some);
        }
        let Some(wish) = key.strip_prefix("sk-sandbox-fail-") else { return Ok(None) };
        let malformed = || {
            let message =
                "A key sk-sandbox-fail-STATUS or sk-sandbox-fail-STATUS-TIMES needs a status from 400 to 599.";
            Error::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key")
        };
        Self::from_key(wish).ok_or_else(malformed).map(Some)
    }

    fn from_header(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut fault = Self::new(parts.next()?)?;
        for option in parts {
            let (name, value) = option.split_once('=')?;
            match name {
                "times" => fault.times = Some(value.parse().ok()?),
                "retry-after" => fault.retry(header::RETRY_AFTER, value)?,
                "retry-after-ms" => fault.retry(HeaderName::from_static("retry-after-ms"), value)?,
                _ => return None,
            }
        }
        Some(fault)
    }

    /// `STATUS`, `STATUS-TIMES`, and after either anything, so that one status can have many keys.
    fn from_key(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut fault = Self::new(parts.next()?)?;
        fault.times = parts.next().and_then(|times| times.parse().ok());
        Some(fault)
    }

    fn new(status: &str) -> Option<Self> {
        let status = status.parse::<u16>().ok().filter(|status| (400..600).contains(status))?;
        Some(Self { status: StatusCode::from_u16(status).ok()?, times: None, headers: Vec::new() })
    }

    fn retry(&mut self, name: HeaderName, value: &str) -> Option<()> {
        value.parse::<f64>().ok().filter(|wait| wait.is_finite() && *wait >= 0.0)?;
        self.headers.push((name, HeaderValue::from_str(value).ok()?));
        Some(())
    }

    pub(crate) fn into_error(self) -> Error {
        let message = format!("The sandbox was asked to fail this request with {}.", self.status.as_u16());
        let mut error = Error { headers: self.headers, ..Error::new(self.status, message) };
        match self.status {
            StatusCode::UNAUTHORIZED => error.code = Some("invalid_api_key"),
            StatusCode::TOO_MANY_REQUESTS => {
                error.kind = "requests";
                error.code = Some("rate_limit_exceeded");
                if error.headers.is_empty() {
                    error.headers.push((header::RETRY_AFTER, HeaderValue::from_static("1")));
                }
            }
            _ => {}
        }
        error
    }
}

/// How long the caller wants to be kept waiting.
pub(crate) fn delay(headers: &HeaderMap, key: &str) -> Result<Duration> {
    let asked = match headers.get("x-sandbox-delay-ms") {
        Some(header) => Some(header.to_str().unwrap_or_default()),
        None => key.strip_prefix("sk-sandbox-slow-").and_then(|rest| rest.split('-').next()),
    };
    let Some(asked) = asked else { return Ok(Duration::ZERO) };
    let malformed = || Error::invalid("x-sandbox-delay-ms", "invalid_value", "A delay is a number of milliseconds.");
    asked.parse().map(Duration::from_millis).map_err(|_| malformed())
}
