//! What cargo says about the workspace.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The members of the workspace and where it keeps things.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// What its manifest says to tasks of ours.
    pub(crate) metadata: Option<Metadata>,
}

/// A library, a program or a set of tests of a member.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    /// Whether `cargo test` links its unit tests.
    pub(crate) test: bool,
    /// Whether `cargo test` reads its docs for examples.
    pub(crate) doctest: bool,
}

/// `[package.metadata]` of a manifest.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// Most bytes of the Worker's modules, each gzipped.
    pub(crate) worker_budget: Option<usize>,
}

/// One line of a member's dependencies.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for a normal dependency.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    /// Asks `cargo metadata`.
    pub(crate) fn load() -> Result<Self> {
        let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
        ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("cargo metadata printed something else than expected")
    }

    /// The members whose folder is `under` or directly inside it.
    pub(crate) fn members(&self, under: &str) -> impl Iterator<Item = &Package> {
        let folder = self.root.join(under);
        self.packages
            .iter()
            .filter(move |package| package.folder() == folder || package.folder().parent() == Some(&folder))
    }

    /// The domains that have a server.
    pub(crate) fn domains(&self) -> impl Iterator<Item = String> {
        self.members("servers").filter_map(|package| domain(&package.name).map(str::to_owned))
    }
}

impl Package {
    /// The folder of the manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// The server of a domain: its folder, its package and its binary.
pub(crate) fn server_name(domain: &str) -> String {
    format!("openai-{domain}-mcp")
}

/// The domain of a server.
pub(crate) fn domain(name: &str) -> Option<&str> {
    name.strip_prefix("openai-")?.strip_suffix("-mcp")
}

/// Whether `file` is there and was written after all the `others`, which must be there.
pub(crate) fn newer(file: &Path, others: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<bool> {
    let Ok(made) = fs::metadata(file) else { return Ok(false) };
    let made = made.modified()?;
    for other in others {
        if fs::metadata(other)?.modified()? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
