//! The official Python SDK judges the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use tokio::net::TcpListener;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_python_sdk_is_content() {
    let python = std::env::var("OPENAI_MCP_PYTHON").unwrap_or_else(|_| {
        panic!("OPENAI_MCP_PYTHON must name a Python that has e2e/requirements.txt; `cargo xtask test` sets it up")
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(openai_mcp_sandbox::serve(listener));

    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/sdk");
    let status = Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_sandbox.py"])
        .current_dir(suite)
        .env("SANDBOX_BASE_URL", format!("http://{address}/v1"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .await
        .expect("the Python of OPENAI_MCP_PYTHON runs");
    assert!(status.success(), "the suite failed: {status}");
}
