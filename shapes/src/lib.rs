//! Shapes of arguments that the APIs of several domains have in common, so that each is declared once.
//!
//! Declarations, and what every server would say of them alike: what is done with an argument stands in the server that
//! has it. A group of fields is put into a tool by `#[flatten]`: `#[flatten] page: OrderedPage` gives it `limit`, `order` and
//! `after`.

pub mod agent;
pub mod attachment;
pub mod broken;
pub mod calls;
pub mod content;
pub mod filter;
pub mod items;
pub mod page;
pub mod said;
pub mod secret;
pub mod spend;
pub mod tier;
pub mod upload;
mod words;

use openai_mcp_kernel::prelude::*;

pub use words::{CacheMode, Detail, Effort, ImageFormat, Include, Level, Order, Retention};

/// How long a wait tool may wait, which [`openai_mcp_kernel::wait::wait`] takes.
#[shape(read)]
pub struct Patience {
    /// Seconds. Default 45.
    pub timeout: Option<Int<0, 3600>>,
}

/// Who speaks: a voice of OpenAI's, or one that was made for the organization.
#[shape]
pub enum Voice {
    /// One of OpenAI's, by its name.
    Named(String),
    /// Another, by its id.
    Own(VoiceId),
}

#[shape]
struct VoiceId {
    id: String,
}
