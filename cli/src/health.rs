//! `openai-mcp health`: one question to a server that runs, for images that have no other program to ask with.

use std::process::ExitCode;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_native::files::Roots;
use openai_mcp_native::platform::Machine;
use openai_mcp_native::run;
use openai_mcp_native::store::Location;
use tokio::time::timeout;

use crate::out;

/// Most bytes of an answer.
const LONGEST: usize = 1024 * 1024;
/// How long it is waited for: whoever looks at a server's health waits no longer either.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints what the servers say of themselves. The status is 0 if they answer: that one of them fails is no reason to end
/// the others.
pub(crate) fn run(url: &str) -> ExitCode {
    let mut well = false;
    let status = run::finish(async {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/health", url.trim_end_matches('/')))
            .body(Body::EMPTY)
            .map_err(|error| format!("--url: {error}"))?;
        let machine = Machine::new(Roots::default(), &[], Location::Memory, false);
        let asked = async {
            let response = machine
                .send(request)
                .await
                .map_err(|failure| format!("the server cannot be reached: {}", failure.text))?;
            let status = response.status();
            let body = response.into_body().collect(LONGEST).await.map_err(|error| error.to_string())?;
            Ok((status, body))
        };
        let (status, body) = timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(format!("the server does not answer within {} s", PATIENCE.as_secs())))?;
        well = status == StatusCode::OK;
        out::write(&format!("{}\n", String::from_utf8_lossy(&body)))
    });
    if well { status } else { ExitCode::FAILURE }
}
