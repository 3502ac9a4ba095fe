//! The official SDKs judge the stand-in.

use crate::harness::{Launch, here, node24, python};

#[test]
fn the_official_python_sdk_is_content() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    // One interpreter for all suites: the SDK takes longer to import than most of them to run.
    Launch::new(python())
        .args(&["-u", "-m", "pytest", "-q", "-p", "no:cacheprovider", here().join("sdk").to_str().unwrap()])
        .env("SANDBOX_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run()
        .expect_success("the suites of the Python SDK");
}

/// What sockets carry, by another hand.
#[test]
fn the_official_node_sdk_is_content() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let finished = Launch::new(node24())
        .args(&[here().join("sdk/realtime.mjs").to_str().unwrap()])
        .env("SANDBOX_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .run()
        .expect_success("realtime.mjs");
    assert_eq!(finished.stdout, "ok\n");
}
