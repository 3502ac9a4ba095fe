//! The kernel on a machine: everything that waits on a socket, a clock or a disk, and nothing else.
//!
//! ```text
//! run            flags and environment → a running server
//!    ↓
//! http · stdio   what carries the messages
//!    ↓
//! platform       what the kernel asks of a machine
//!    ↓
//! client · files · store · urls   the way to OpenAI, to the disk, to the database, to the web
//!    ↓
//! log            what the operator is told
//! ```

mod body;
mod client;
mod fair;
pub mod files;
pub mod http;
mod log;
pub mod platform;
mod progress;
pub mod run;
mod sessions;
mod socket;
pub mod stdio;
pub mod store;
mod turns;
pub mod urls;

pub use log::say;

/// musl's own allocator gives what a long answer took back to the kernel and asks for it anew, page by page: a call took up
/// to three times the CPU. glibc's, and those of macOS and Windows, keep it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
