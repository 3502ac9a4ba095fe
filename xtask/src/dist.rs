//! `cargo xtask dist`. What makes packages knows every server, so it is a program of its own: the other tasks are built without.

use anyhow::Result;

use crate::tools::execute;
use crate::workspace::cargo;

/// Options of `cargo xtask dist`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// What to do; `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Starts it.
pub(crate) fn run(options: &Options) -> Result<()> {
    execute(cargo().args(["run", "--quiet", "--package", "openai-mcp-dist", "--"]).args(&options.words))
}
