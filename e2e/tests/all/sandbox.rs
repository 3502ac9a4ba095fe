//! The official Python SDK judges the stand-in.

use crate::harness::{Launch, here, python};

#[test]
fn the_official_python_sdk_is_content() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let suite = here().join("sdk");
    Launch::new(python())
        .args(&["-m", "pytest", "-q", "-p", "no:cacheprovider", suite.to_str().unwrap()])
        .env("SANDBOX_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run()
        .expect_success("the suite of the SDK");
}
