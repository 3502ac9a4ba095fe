//! A small server, and what tests need to talk to it.

use std::sync::Arc;

use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::{Definition, Service};
use openai_mcp_native::files::Roots;
use openai_mcp_native::platform::Machine;
use openai_mcp_native::store::Location;

tools![Get, Crash, Write];

/// Get a thing.
#[tool("thing-get", GET "/things/{id}")]
struct Get {
    id: String,
}

/// Crash.
#[tool("thing-crash", reads)]
struct Crash {}

impl Crash {
    async fn run(self, _: Context) -> Result<Output> {
        panic!("a fault of ours")
    }
}

/// Write a thing.
#[tool("thing-write", POST "/things")]
struct Write {
    text: Option<String>,
}

pub(crate) static THINGS: Definition =
    Definition { domain: "thing", version: "1.2.3", about: "Things.", tools: &[TOOLS], ..Definition::PLAIN };

/// Settings with a key of the operator.
pub(crate) fn config(base_url: &str, more: &[(&str, &str)]) -> Arc<Config> {
    let config = Config::read(|name| match name {
        "OPENAI_BASE_URL" => Some(base_url.to_owned()),
        "OPENAI_API_KEY" => Some("sk-operator".to_owned()),
        name => more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    });
    Arc::new(config.unwrap())
}

pub(crate) fn machine() -> Arc<Machine> {
    Arc::new(Machine::new(Roots::default(), &[], Location::Memory, false))
}

pub(crate) fn service(config: Arc<Config>) -> Arc<Service> {
    Service::new(&THINGS, config, machine()).unwrap()
}

/// A call of `thing-get`.
pub(crate) fn get(id: u32, thing: &str) -> String {
    let params = json!({"name": "thing-get", "arguments": {"id": thing}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}
