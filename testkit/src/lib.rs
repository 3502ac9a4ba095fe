//! What tests need and a product does not: a recording upstream, a scripted platform, the `.case` runner, goldens.
//!
//! Nothing here returns an error: a test that cannot go on panics, and says why.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a failed test is a panic")]

pub mod canary;
pub mod case;
pub mod golden;
pub mod lab;
pub mod once;
pub mod picture;
pub mod recorder;
pub mod reference;
pub mod script;
pub mod server;
pub mod shapes;
mod socket;
