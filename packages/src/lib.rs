//! Packages of openai-mcp, and what stores and registries read of it.
//!
//! Everything comes from one table, the servers' definitions. Packages are made of programs that are built already: their
//! folder has one for each [`Target`](target::Target), as `linux-x64/openai-mcp`. The same programs make the same bytes.

pub mod archive;
pub mod files;
pub mod licenses;
pub mod mcpb;
pub mod names;
pub mod npm;
pub mod pack;
pub mod publish;
pub mod target;
pub mod wheel;
