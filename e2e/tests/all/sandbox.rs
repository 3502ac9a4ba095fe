//! The official SDKs judge the stand-in.

use crate::harness::{Launch, here, node24, python};

#[test]
fn the_official_python_sdk_is_content() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let folder = here().join("sdk").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut suites: Vec<_> = folder.filter(|path| path.extension().is_some_and(|it| it == "py")).collect();
    suites.sort();
    assert!(!suites.is_empty());
    for suite in suites {
        Launch::new(python())
            .args(&["-m", "pytest", "-q", "-p", "no:cacheprovider", suite.to_str().unwrap()])
            .env("SANDBOX_BASE_URL", &format!("http://{}/v1", sandbox.addr))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .run()
            .expect_success(&format!("{}", suite.display()));
    }
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
