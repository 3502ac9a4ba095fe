//! How a version is named.

use openai_mcp_kernel::prelude::*;

/// A version, as a caller writes it.
#[shape(read)]
pub(crate) enum Version {
    Number(u32),
    Text(String),
}

impl Version {
    /// As the API has it.
    pub(crate) fn text(&self) -> String {
        match self {
            Version::Number(number) => number.to_string(),
            Version::Text(text) => text.trim().to_owned(),
        }
    }
}
