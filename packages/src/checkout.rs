//! What git says of the code that is checked out.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// The commit.
pub(crate) fn commit(root: &Path) -> Result<String> {
    git(root, &["rev-parse", "HEAD"])
}

/// When it was made, in seconds since 1970.
pub(crate) fn date(root: &Path) -> Result<String> {
    git(root, &["show", "--no-patch", "--format=%ct", "HEAD"])
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output()?;
    ensure!(output.status.success(), "git does not know the commit");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
