//! Sessions of several calls, driven through the official clients by the tools alone: on a machine and on Workers.

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Where a client finds a server.
fn at(url: &str) -> Value {
    json!({ "url": url, "headers": { "Authorization": format!("Bearer {KEY}") } })
}

/// The sandbox, and a Worker of this server before it.
fn on_the_edge(domain: &str) -> (Server, Edge) {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&[domain], sandbox.addr, &[]);
    (sandbox, edge)
}

/// A session of a hosted agent: an approval, an artifact and a broken stream.
fn agent(url: &str) {
    let plans = [MODERN, LEGACY].map(|protocol| json!({ "agent_sessions": at(url), "protocol": protocol }));
    play("agent_sessions.py", &plans);
    play("agent-sessions.mjs", &plans);
}

#[test]
fn an_agent_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    agent(&server.url("agent-sessions"));
}

#[test]
fn an_agent_on_workers() {
    let (_sandbox, edge) = on_the_edge("agent-sessions");
    agent(&edge.url("agent-sessions"));
}

/// A spoken dialogue. What is to be heard is spoken by the audio server of a machine.
fn dialogue(url: &str) {
    let studio = Server::umbrella(&["--sandbox"]);
    let audio = at(&studio.url("audio"));
    let plans = [MODERN, LEGACY].map(|protocol| json!({ "realtime": at(url), "audio": audio, "protocol": protocol }));
    play("dialogue.py", &plans);
    play("dialogue.mjs", &plans);
}

#[test]
fn a_dialogue_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    dialogue(&server.url("realtime"));
}

#[test]
fn a_dialogue_on_workers() {
    let (_sandbox, edge) = on_the_edge("realtime");
    dialogue(&edge.url("realtime"));
}
