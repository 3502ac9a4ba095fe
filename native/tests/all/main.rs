//! The machine side of the kernel, against real sockets, pipes and files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod compute;
mod files;
mod http;
mod stdio;
mod store;
mod things;
mod upstream;
mod urls;
