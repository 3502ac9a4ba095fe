//! Tasks that are programs of their own, so that the others are built without what these need: the bench an HTTP client and
//! server, what makes packages the definition of every server.

use anyhow::Result;

use crate::tools::execute;
use crate::workspace::cargo;

/// What is handed to such a program.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Words {
    /// What to do; `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Measures. The load, the proxy and the stand-in are to be as fast as what they measure.
pub(crate) fn bench(Words { words }: &Words) -> Result<()> {
    execute(cargo().args(["run", "--quiet", "--release", "--package", "openai-mcp-bench", "--"]).args(words))
}

/// Makes packages.
pub(crate) fn dist(Words { words }: &Words) -> Result<()> {
    execute(cargo().args(["run", "--quiet", "--package", "openai-mcp-dist", "--"]).args(words))
}
