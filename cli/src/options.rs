//! The flags of every server, and the stand-in for the API, which this program alone carries.

use clap::Args;
use futures_util::future::FutureExt as _;
use openai_mcp_native::run::{self, Sandbox, Start};
use openai_mcp_native::say;

/// What servers are made with.
#[derive(Args, Clone, Debug)]
// clap names a group by its struct, and there is one of this name in it.
#[group(skip)]
pub(crate) struct Options {
    /// Use an offline stand-in for the API; no key needed. Without a URL it runs in this process and forgets at its end;
    /// with one it is that of `openai-mcp sandbox`, which remembers
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    sandbox: Option<String>,
    #[command(flatten)]
    others: run::Options,
}

impl Options {
    /// All of them.
    pub(crate) fn all(&self) -> run::Options {
        let sandbox = self.sandbox.as_ref().map(|url| match url.as_str() {
            "" => Sandbox::Inside(SANDBOX),
            url => Sandbox::At(url.to_owned()),
        });
        run::Options { sandbox, ..self.others.clone() }
    }
}

/// The stand-in.
pub(crate) const SANDBOX: Start = |listener| {
    let serving = async {
        if let Err(problem) = openai_mcp_sandbox::serve(listener).await {
            say(&format!("the sandbox ended: {problem}"));
        }
    };
    serving.boxed()
};
