//! Values that must never be printed.

use std::fmt;
use std::sync::Arc;

/// Longest key or token that is taken, in bytes.
const LONGEST: usize = 512;

/// A key or an access token. `Debug` prints `***`, and there is no `Display`.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a key as it came from a header, a URL or the environment, trimmed.
    ///
    /// # Errors
    /// Says what is wrong with it, without quoting it.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            Err("the key is empty")
        } else if text.len() > LONGEST {
            Err("the key is longer than 512 bytes")
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err("the key has a space, a control character or a non-ASCII character")
        } else {
            Ok(Secret(text.into()))
        }
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it looks like a key of OpenAI.
    pub fn is_key(&self) -> bool {
        self.0.starts_with("sk-")
    }

    /// Whether `other` is the same, in a time that does not tell how much of it is.
    pub fn matches(&self, other: &Secret) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        let differing = a.iter().zip(b).fold(0u8, |differing, (a, b)| differing | (a ^ b));
        a.len() == b.len() && std::hint::black_box(differing) == 0
    }

    /// `text` with the secret blotted out, should it stand there.
    pub fn redact(&self, text: String) -> String {
        if text.contains(self.expose()) { text.replace(self.expose(), "***") } else { text }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
