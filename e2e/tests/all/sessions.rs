//! Sessions of several calls, driven through the official clients by the tools alone: on a machine and on Workers.

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, node, python};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Where a client finds a server.
fn at(url: &str) -> Value {
    json!({ "url": url, "headers": { "Authorization": format!("Bearer {KEY}") } })
}

/// The sandbox, and a Worker of this server before it.
fn on_the_edge(domain: &str) -> (Server, Edge) {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&[domain.to_owned()], sandbox.addr, &[]);
    (sandbox, edge)
}

/// A session of a hosted agent: an approval, an artifact and a broken stream.
fn agent(url: &str, protocol: &str) {
    let plan = json!({ "agent_sessions": at(url), "protocol": protocol });
    play(&python(), "agent_sessions.py", &plan);
    play(&node(), "agent-sessions.mjs", &plan);
}

#[test]
fn an_agent_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    for protocol in [MODERN, LEGACY] {
        agent(&server.url("agent-sessions"), protocol);
    }
}

#[test]
fn an_agent_on_workers() {
    let (_sandbox, edge) = on_the_edge("agent-sessions");
    for protocol in [MODERN, LEGACY] {
        agent(&edge.url("agent-sessions"), protocol);
    }
}

/// A spoken dialogue. What is to be heard is spoken by the audio server of a machine.
fn dialogue(url: &str, protocol: &str) {
    let studio = Server::umbrella(&["--sandbox"]);
    let plan = json!({ "realtime": at(url), "audio": at(&studio.url("audio")), "protocol": protocol });
    play(&python(), "dialogue.py", &plan);
    play(&node(), "dialogue.mjs", &plan);
}

#[test]
fn a_dialogue_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    for protocol in [MODERN, LEGACY] {
        dialogue(&server.url("realtime"), protocol);
    }
}

#[test]
fn a_dialogue_on_workers() {
    let (_sandbox, edge) = on_the_edge("realtime");
    for protocol in [MODERN, LEGACY] {
        dialogue(&edge.url("realtime"), protocol);
    }
}
