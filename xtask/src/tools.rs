//! What tasks need from outside, fetched once: the wasm target, Node packages, a Python environment.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::Workspace;

/// What Workers are compiled to.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Clients and SDKs, as a file of requirements and the name of the environment that has them.
pub(crate) const CLIENTS: (&str, &str) = ("e2e/requirements.txt", "e2e-venv");

/// What installs packages and judges them.
pub(crate) const JUDGES: (&str, &str) = ("e2e/packages/requirements.txt", "packages-venv");

/// Refuses to go on without the programs that the end-to-end tests start from, and names the Python.
pub(crate) fn prerequisites() -> Result<&'static str> {
    at_least("Node.js", "node", &[20])?;
    at_least("npm", "npm", &[])?;
    ["python3", "python"]
        .into_iter()
        .find(|name| at_least("Python", name, &[3, 10]).is_ok())
        .map_or_else(|| at_least("Python", "python3", &[3, 10]).map(|()| "python3"), Ok)
}

/// Installs the packages of the lock file.
pub(crate) fn node_packages(workspace: &Workspace) -> Result<()> {
    let e2e = workspace.root.join("e2e");
    up_to_date(&e2e.join("package-lock.json"), &e2e.join("node_modules"), || {
        execute(Command::new("npm").arg("ci").current_dir(&e2e))
    })
}

/// Installs the Python packages of a file of requirements into an environment of this name, and names the Python that has
/// them.
pub(crate) fn python_packages(
    workspace: &Workspace,
    python: &str,
    (requirements, name): (&str, &str),
) -> Result<PathBuf> {
    let venv = workspace.target.join(name);
    let venv_python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let requirements = workspace.root.join(requirements);
    up_to_date(&requirements, &venv, || {
        execute(Command::new(python).args(["-m", "venv"]).arg(&venv))
            .context("python could not make a virtual environment; Debian and Ubuntu need the package python3-venv")?;
        execute(Command::new(&venv_python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))
    })?;
    Ok(venv_python)
}

/// The Node of the lock file: the conformance suite needs a newer one than many systems have.
pub(crate) fn newer_node(workspace: &Workspace) -> Result<PathBuf> {
    for entry in fs::read_dir(workspace.root.join("e2e/node_modules"))? {
        let entry = entry?;
        let node = entry.path().join("bin/node");
        if entry.file_name().to_string_lossy().starts_with("node-") && node.is_file() {
            return Ok(node);
        }
    }
    bail!("no package of e2e/package.json brings a Node.js for this system; add its node-* package there")
}

/// Runs `make` unless `folder` was made from this very lock file, and makes a stale folder anew.
fn up_to_date(lock: &Path, folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join(".made-from");
    if fs::read(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    make()?;
    fs::write(&stamp, wanted)?;
    Ok(())
}

/// Refuses a program that is missing or older than `wanted`.
fn at_least(title: &str, program: &str, wanted: &[u32]) -> Result<()> {
    let shown = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
    let needed = if wanted.is_empty() { title.to_owned() } else { format!("{title} {shown} or newer") };
    let output = Command::new(program).arg("--version").output().with_context(|| {
        format!("the end-to-end tests need {needed}, and `{program}` was not found (`--fast` does without)")
    })?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let found: Vec<u32> =
        text.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').map_while(|part| part.parse().ok()).collect();
    ensure!(
        output.status.success() && found.as_slice() >= wanted,
        "the end-to-end tests need {needed}, and `{program}` is {text} (`--fast` does without)"
    );
    eprintln!("{title} {}", text.trim_start_matches(|c: char| !c.is_ascii_digit()));
    Ok(())
}

/// Adds the wasm target to the toolchain.
pub(crate) fn install_wasm() -> Result<()> {
    let library = Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]).output()?;
    if Path::new(String::from_utf8_lossy(&library.stdout).trim()).is_dir() {
        eprintln!("up to date");
        return Ok(());
    }
    execute(Command::new("rustup").args(["target", "add", WASM]))
        .with_context(|| format!("the Rust toolchain has no {WASM} target and rustup could not add it"))
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().to_string_lossy());
    Ok(())
}
