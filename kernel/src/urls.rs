//! Files that callers name by URL: what every host checks of them. The URL may come from a model that read it
//! somewhere, so it must not lead to hosts that only the server can reach.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::stream::StreamExt as _;
use percent_encoding::percent_decode_str;

use crate::body::{Body, Failure};

/// Most bytes that are fetched: the largest file that OpenAI takes.
pub const LARGEST: u64 = 512 * 1024 * 1024;

/// The parts of a URL that decide whether it may be fetched, as a WHATWG parser gives them: numbers in every notation
/// have become addresses, and names are in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Without the colon.
    pub scheme: &'a str,
    /// Whether there is a user name or a password.
    pub credentials: bool,
    /// A name or an address; an IPv6 address stands in brackets.
    pub host: &'a str,
    /// Default: that of the scheme.
    pub port: u16,
}

/// How far the host of a URL is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The operator allows it, whatever its address.
    Allowed,
    /// It is a public address, or a name whose addresses are still to be checked.
    Stranger,
}

impl Target<'_> {
    /// Whether it may be fetched from, given the operator's list of `host` and `host:port`.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, allowed: &[String]) -> Result<Trust, String> {
        if !matches!(self.scheme, "http" | "https") {
            return Err(format!("expected http or https, got `{}`", self.scheme));
        }
        if self.host.is_empty() {
            return Err("has no host".into());
        }
        if self.credentials {
            return Err("has a user name or password, which are not sent".into());
        }
        let host = self.host;
        let with_port = format!("{host}:{}", self.port);
        if allowed.iter().any(|one| one.eq_ignore_ascii_case(host) || one.eq_ignore_ascii_case(&with_port)) {
            return Ok(Trust::Allowed);
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(format!(
                "`{host}` is not a public address\nhint: the operator allows it with OPENAI_MCP_ALLOWED_URLS={with_port}"
            )),
            _ => Ok(Trust::Stranger),
        }
    }
}

/// A file name: the last segment of a URL's path.
pub fn name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode_str(last).decode_utf8_lossy();
    let name: String = decoded.chars().filter(|letter| !letter.is_control() && *letter != '/').take(100).collect();
    if name.is_empty() { "download".into() } else { name }
}

/// The same body, which breaks off where it gets longer than [`LARGEST`]. A failure says that it is one of the URL.
///
/// # Errors
/// It says at once that it is longer.
pub fn capped(body: Body) -> Result<Body, String> {
    let length = body.length();
    if length.is_some_and(|length| length > LARGEST) {
        return Err(format!("the file has more than {LARGEST} bytes"));
    }
    let named = |failure: Failure| Failure { text: format!("`url`: {}", failure.text), ..failure };
    let chunks = body.within(LARGEST).into_chunks().map(move |chunk| chunk.map_err(named));
    Ok(Body::Stream { chunks: chunks.boxed(), length })
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
