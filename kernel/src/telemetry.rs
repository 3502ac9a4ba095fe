//! What is told of a call to whoever operates the server: never arguments, never keys, never results.

use std::fmt;
use std::time::Duration;

use crate::error::Kind;
use crate::time::milliseconds;

/// One finished tool call.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    /// The server, as `openai-files-mcp`.
    pub server: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// `None` if it succeeded.
    pub error: Option<Kind>,
    /// How long it took, OpenAI's part included.
    pub took: Duration,
    /// Length of the result in bytes.
    pub bytes: usize,
}

impl fmt::Display for Finished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server={} tool={} ", self.server, self.tool)?;
        match self.error {
            None => f.write_str("outcome=ok")?,
            Some(Kind::Status(status)) => write!(f, "outcome=status_{status}")?,
            Some(kind) => write!(f, "outcome={}", format!("{kind:?}").to_ascii_lowercase())?,
        }
        write!(f, " ms={} bytes={}", milliseconds(self.took), self.bytes)
    }
}
