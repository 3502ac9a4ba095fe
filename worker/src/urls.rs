//! Files that callers name by URL.
//!
//! The host and every redirect are checked as far as their text goes. What a name resolves to cannot be seen here; it
//! is Cloudflare that connects, from the public internet: no private network is within its reach, and the
//! compatibility flag `global_fetch_strictly_public` keeps requests to the Worker's own zone behind that zone's front
//! door. Names that only a private network knows are refused all the same.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::fetch::{Address, Web};
use openai_mcp_kernel::redirect::Join;
use openai_mcp_kernel::urls::Trust;
use web_sys::Url;

use crate::fetch::{fetch, within};

/// Longest wait for the head of an answer, and between the bytes of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// The public internet, and what the operator allows besides.
pub(crate) struct Internet(pub(crate) Arc<[String]>);

impl Web for Internet {
    const JOIN: Join = join;

    fn parse(&self, url: &str) -> Result<Address, String> {
        let url = Url::new(url).map_err(|_| "not a URL")?;
        url.set_hash("");
        let protocol = url.protocol();
        let scheme = protocol.trim_end_matches(':');
        Ok(Address {
            href: url.href(),
            scheme: scheme.to_owned(),
            credentials: !url.username().is_empty() || !url.password().is_empty(),
            host: url.hostname(),
            port: url.port().parse().unwrap_or(if scheme == "https" { 443 } else { 80 }),
            path: url.pathname(),
        })
    }

    fn allowed(&self) -> &[String] {
        &self.0
    }

    async fn send(&self, request: Request<Body>, address: &Address, trust: Trust) -> Result<Response<Body>, Failure> {
        let bare = address.host.trim_end_matches('.');
        let private = [".local", ".localhost", ".internal", ".home.arpa"].iter().any(|end| bare.ends_with(end));
        if trust == Trust::Stranger && (private || !(bare.contains('.') || bare.starts_with('['))) {
            return Err(Failure { text: format!("`{}` is not a public name", address.host), unsent: true });
        }
        within(PATIENCE, fetch(request, PATIENCE)).await?
    }
}

/// WHATWG's way to read a `Location`.
pub(crate) fn join(at: &str, location: &str) -> Option<String> {
    Url::new_with_base(location, at).ok().map(|url| url.href())
}
