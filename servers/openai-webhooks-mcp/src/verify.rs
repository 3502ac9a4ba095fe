//! Deliveries that were received, checked without a request.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use openai_mcp_kernel::prelude::*;
use sha2::Sha256;

tools![Verify];

/// How old a delivery may be, and how far ahead of our clock, by default, in seconds: what the official SDKs allow.
const TOLERANCE: u64 = 300;
/// Most secrets, and most signatures of a delivery: each is tried with each.
const MOST: usize = 20;
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// Verify that a webhook delivery comes from OpenAI, and read its event.
///
/// Offline. A forged, changed or old delivery is an error: do not act on it.
#[tool("webhook-verify", reads)]
struct Verify {
    /// The body, byte for byte as it was received.
    payload: String,
    /// Those of the delivery: webhook-id, webhook-timestamp and webhook-signature among them.
    headers: Json,
    /// Signing secret as whsec_…; several while one is replaced.
    #[alias("secret")]
    secrets: OneOrMany<String>,
    /// Seconds; default 300.
    tolerance: Option<u32>,
}

impl Verify {
    async fn run(self, cx: Context) -> Result<Output> {
        let headers = &read(self.headers.0);
        let (id, timestamp, signature) =
            (header(headers, ID)?, header(headers, TIMESTAMP)?, header(headers, SIGNATURE)?);
        timely(timestamp, self.tolerance.map_or(TOLERANCE, u64::from), cx.now().as_secs())?;
        let secrets = match self.secrets {
            OneOrMany::One(secret) => vec![secret],
            OneOrMany::Many(secrets) => secrets,
        };
        if secrets.len() > MOST {
            return Err(Error::argument("secrets", format!("expected at most {MOST}, got {}", secrets.len())));
        }
        if signature.split_whitespace().nth(MOST).is_some() {
            return Err(Error::argument("headers", format!("`{SIGNATURE}`: expected at most {MOST} signatures")));
        }
        let signed = [id, ".", timestamp, ".", &self.payload].concat();
        let mut genuine = false;
        for secret in &secrets {
            genuine |= matches(&key(secret)?, signed.as_bytes(), signature);
        }
        if !genuine {
            return Err(refused(
                "the signature matches none of the secrets: it is forged, or the body or a header was changed",
                "give `payload` as it came over the wire, not parsed and written anew, and the endpoint's own secret",
            ));
        }
        let event: Value = serde_json::from_str(&self.payload).map_err(|error| {
            Error::argument("payload", format!("the signature is right, but this is no JSON: {error}"))
        })?;
        Ok(Output::json(&json!({"valid": true, "event": event})))
    }
}

fn refused(problem: &str, hint: &str) -> Error {
    Error::new(Kind::Arguments, format!("the delivery is not genuine: {problem}\nhint: {hint}"))
}

/// Headers by their names. As text they are the lines that came over the wire, or JSON.
fn read(headers: Value) -> Value {
    let Value::String(text) = &headers else { return headers };
    if let Ok(object @ Value::Object(_)) = serde_json::from_str(text) {
        return object;
    }
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_owned(), Value::from(value.trim()))).collect()
}

/// A header, whatever the case of its name; frameworks give values as lists, too.
fn header<'a>(headers: &'a Value, name: &str) -> Result<&'a str> {
    let given = headers.as_object().into_iter().flatten().find(|(given, _)| given.eq_ignore_ascii_case(name));
    let text = given.and_then(|(_, value)| value.as_str().or_else(|| value.get(0)?.as_str()));
    text.ok_or_else(|| Error::argument("headers", format!("required: `{name}`, a string")))
}

fn timely(timestamp: &str, tolerance: u64, now: u64) -> Result<()> {
    let wrong = || Error::argument("headers", format!("`{TIMESTAMP}`: expected Unix seconds, got `{timestamp}`"));
    let sent: i64 = timestamp.trim().parse().map_err(|_| wrong())?;
    let ahead = i128::from(sent) - i128::from(now);
    if ahead.unsigned_abs() <= u128::from(tolerance) {
        return Ok(());
    }
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let seconds = ahead.unsigned_abs();
    Err(refused(
        &format!("its time is {seconds} seconds {way} the clock here, more than the {tolerance} of `tolerance`"),
        "do not act on it; for a delivery that was kept on purpose give a larger `tolerance`",
    ))
}

/// What a secret signs with: the bytes after `whsec_`, or the text itself.
fn key(secret: &str) -> Result<Vec<u8>> {
    match secret.trim().strip_prefix("whsec_") {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| Error::argument("secrets", "what follows `whsec_` is not base64: is the secret whole?")),
        None => Ok(secret.as_bytes().to_vec()),
    }
}

/// Whether one of the signatures, with blanks between them and each as `v1,BASE64`, is that of the text.
fn matches(key: &[u8], signed: &[u8], signatures: &str) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    let mac = mac.chain_update(signed);
    let decoded = signatures.split_whitespace().map(|one| STANDARD.decode(one.strip_prefix("v1,").unwrap_or(one)));
    // Each takes the same time, however much of it is right.
    decoded.flatten().fold(false, |found, one| found | mac.clone().verify_slice(&one).is_ok())
}
