//! One connection to a server, over which tools are called one after the other.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::load::{self, Connection};
use super::process::{Process, Tail};
use super::{Call, Era};

/// A caller who waits for each answer.
pub(super) struct Session {
    connection: Connection,
    address: SocketAddr,
    tail: Tail,
}

impl Session {
    /// Connects to a server that listens at an address.
    pub(super) async fn open(address: SocketAddr, server: &Process) -> Result<Self> {
        Ok(Self { connection: Connection::open(address).await?, address, tail: server.tail() })
    }

    /// Calls a tool of the server at a path, and gives its structured content.
    pub(super) async fn call(&mut self, path: &str, name: &'static str, arguments: Value) -> Result<Value> {
        let request = Call::tool(name, arguments).http(self.address, path, Era::Modern);
        let status = self.connection.exchange(&request).await.with_context(|| self.tail.text())?;
        let answer = load::parse(self.connection.body())?;
        let failed = answer.pointer("/result/isError") != Some(&Value::Bool(false));
        ensure!(status == 200 && !failed, "{name} failed: {answer}");
        Ok(answer.pointer("/result/structuredContent").cloned().unwrap_or_default())
    }
}
