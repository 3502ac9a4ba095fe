//! The headers that are read and sent. A host for which taking headers over is costly may leave out all that are not
//! read.
//!
//! Names are constants, never texts: to find one by its text takes tables of 12 KB, which a Worker would carry for that
//! alone.

use http::HeaderName;
use http::header;

/// The revision of MCP that a request is of.
pub const MCP_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The method that the body calls.
pub const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// What the body calls the method on.
pub const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What a client calls its session by, in the older revisions.
pub const MCP_SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// How the caller speaks to the proxy that it came by.
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What proxies add, besides all that begins with `x-forwarded-`.
static OF_PROXIES: [HeaderName; 8] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("fly-client-ip"),
    HeaderName::from_static("x-envoy-external-address"),
];

/// Whether a header tells of a proxy: behind one, a loopback peer says nothing about who calls.
pub(crate) fn tells_of_proxy(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-forwarded-") || OF_PROXIES.contains(name)
}

/// Whose account is charged.
pub const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
/// Which project of it.
pub const PROJECT: HeaderName = HeaderName::from_static("openai-project");
/// What makes a request that is sent twice count once.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The revision of an endpoint that may yet change.
pub const BETA: HeaderName = HeaderName::from_static("openai-beta");

/// OpenAI's name for a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Whether OpenAI wants to be asked again.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// When OpenAI wants to be asked again, in milliseconds.
pub const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// When OpenAI wants to be asked for the state of a job again, in milliseconds.
pub const POLL_AFTER_MS: HeaderName = HeaderName::from_static("openai-poll-after-ms");

/// All that are read of a request, besides those of proxies, which matter only to who may be near, that of sessions, which
/// end with a process, and those of [`crate::narrowing`], which have many names.
pub static OF_REQUESTS: [HeaderName; 10] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::ORIGIN,
    MCP_VERSION,
    MCP_METHOD,
    MCP_NAME,
];

/// All that are read of an answer.
pub static OF_ANSWERS: [HeaderName; 9] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::LOCATION,
    header::RETRY_AFTER,
    RETRY_AFTER_MS,
    REQUEST_ID,
    SHOULD_RETRY,
    POLL_AFTER_MS,
];
