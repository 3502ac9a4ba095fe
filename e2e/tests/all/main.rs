//! Everything that needs a real process: one test binary, so that it links once.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod assistants;
mod audio;
mod canary;
mod conformance;
mod differential;
mod door;
mod evals;
mod frames;
mod harness;
mod hostile;
mod install;
mod interop;
mod judge;
mod lifecycle;
mod realtime;
mod reports;
mod sandbox;
mod sessions;
mod store;
mod streams;
mod uploads;
mod walks;
mod worker;
