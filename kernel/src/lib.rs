//! The kernel of every openai-mcp server: MCP, schemas, request planning, retry policy.
//!
//! It is pure: no socket, no clock, no disk, no runtime, and no word of any API domain. What it needs of the world
//! comes through [`platform::Platform`], which a native host and a Cloudflare Worker implement each in their way. All
//! its futures are `Send`, and it compiles for `wasm32-unknown-unknown` as it is.
//!
//! ```text
//! gateway · page · narrowing    routes, who may call, what they see
//!        ↓
//! server                MCP's methods                               → Platform
//!        ↓
//! tool                  a declaration and its code
//!        ↓
//! wait · batch · pages  what several tools do alike
//!        ↓
//! openai · socket · files · store · save · aside · download · long · outlive    what a running tool can do
//!        ↓
//! context               caller, settings, machine, notes            → Platform
//!        ↓
//! plan · options · multipart · output · events · rows · fetch · redirect · urls · platform   pure
//!        ↓
//! arguments · config · spec · schema                                pure
//!        ↓
//! protocol · error · body · sql · allowance · notes · json · secret · file · near   plain data
//! ```
//!
//! You will not find here: sessions, sampling, roots, a model of OpenAI's answers.

pub mod allowance;
pub mod arguments;
pub mod aside;
pub mod batch;
pub mod body;
pub mod budget;
pub mod config;
pub mod context;
pub mod download;
pub mod error;
pub mod events;
pub mod fetch;
pub mod file;
pub mod files;
pub mod gateway;
pub mod headers;
pub mod json;
pub mod json_schema;
pub mod links;
mod long;
mod multipart;
pub mod narrowing;
pub mod near;
mod notes;
pub mod openai;
mod options;
mod outlive;
pub mod output;
mod page;
pub mod pages;
pub mod plan;
pub mod platform;
pub mod protocol;
pub mod redirect;
pub mod rows;
pub mod save;
pub mod scan;
pub mod schema;
pub mod secret;
pub mod server;
pub mod socket;
pub mod spec;
pub mod sql;
pub mod store;
pub mod strict;
pub mod telemetry;
pub mod time;
pub mod tool;
pub mod urls;
pub mod wait;

#[doc(hidden)]
pub use ::http as http_types;
#[doc(hidden)]
pub use serde;

/// What a server's modules use.
pub mod prelude {
    pub use openai_mcp_macros::{request, shape, tool};
    pub use serde_json::{Value, json};

    pub use crate::arguments::Arguments;
    pub use crate::context::Context;
    pub use crate::error::{Error, Kind, Result};
    pub use crate::events::Events;
    pub use crate::file::Source;
    pub use crate::output::{Content, Output};
    pub use crate::schema::{
        Attributes, Brief, FileInput, Hidden, Int, Json, JsonObject, ListOf, Metadata, Nullable, Num, OneOrMany,
        Options, Raw, Scalar, Text, Time,
    };
    pub use crate::{download, tools};
}

/// Lists the tools of a module, in the order of `tools/list`. A tool that is not listed fails the build.
#[macro_export]
macro_rules! tools {
    ($($tool:ident),* $(,)?) => {
        /// The tools of this module.
        pub static TOOLS: &[&$crate::tool::Tool] = &[$(&$tool::TOOL),*];
    };
}
