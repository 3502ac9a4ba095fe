//! Sessions with evals, through a real client: on a machine and on Workers.

use serde_json::json;

use crate::harness::{KEY, Launch, Server, python};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Plays the documented examples on a server at this place.
fn documented(url: &str, protocol: &str) {
    let at = json!({ "url": url, "headers": { "Authorization": format!("Bearer {KEY}") } });
    play(&python(), "evals.py", &json!({ "evals": at, "protocol": protocol }));
}

#[test]
fn the_documented_examples_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    for protocol in [MODERN, LEGACY] {
        documented(&server.url("evals"), protocol);
    }
}

#[test]
fn the_documented_examples_on_workers() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&["evals".to_owned()], sandbox.addr, &[]);
    documented(&edge.url("evals"), MODERN);
}
