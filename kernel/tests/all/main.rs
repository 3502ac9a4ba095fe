//! What the kernel promises servers and hosts, each promise in a file of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod arguments;
mod batch;
mod budget;
mod config;
mod events;
mod failures;
mod files;
mod forgiving;
mod json_schema;
mod life;
mod list;
mod made_files;
mod near;
mod protocol;
mod results;
mod rows;
mod secrets;
mod store;
mod strict;
mod time;
mod wait;
