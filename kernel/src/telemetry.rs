//! What is told of a call to whoever operates the server: never arguments, never keys, never results.

use std::fmt;
use std::time::Duration;

use crate::error::Kind;
use crate::time::milliseconds;

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// With a result.
    Done,
    /// With an error.
    Failed(Kind),
    /// With an error of the protocol.
    Refused,
    /// By a fault of ours.
    Crashed,
    /// Its caller let go of it, or the process ended. OpenAI may have done what it was asked for.
    Dropped,
}

/// One tool call that has ended.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    /// The server, as `openai-files-mcp`.
    pub server: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, OpenAI's part included.
    pub took: Duration,
    /// Length of the result in bytes.
    pub bytes: usize,
    /// OpenAI's id of the last request that was made for it.
    pub request_id: Option<&'a str>,
}

impl fmt::Display for Finished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server={} tool={} ", self.server, self.tool)?;
        match self.outcome {
            Outcome::Done => f.write_str("outcome=ok")?,
            Outcome::Failed(Kind::Status(status)) => write!(f, "outcome=status_{status}")?,
            Outcome::Failed(kind) => write!(f, "outcome={}", format!("{kind:?}").to_ascii_lowercase())?,
            Outcome::Refused => f.write_str("outcome=refused")?,
            Outcome::Crashed => f.write_str("outcome=crashed")?,
            Outcome::Dropped => f.write_str("outcome=dropped")?,
        }
        write!(f, " ms={} bytes={}", milliseconds(self.took), self.bytes)?;
        self.request_id.map_or(Ok(()), |id| write!(f, " request_id={id}"))
    }
}
