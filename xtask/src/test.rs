//! The whole test run: what it needs is fetched first, then each step runs by name until one fails.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{Workspace, cargo};
use crate::{tidy, worker};

/// What Workers are compiled to.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
const E2E: &str = "openai-mcp-e2e";

/// Options of `cargo xtask test` and `cargo xtask bless`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out the end-to-end tests, and with them Node and Python
    #[arg(long)]
    fast: bool,
    /// Run only the tests whose name contains this, without formatting and lints
    filter: Option<String>,
}

/// Runs every check of the project, or the tests that a filter names.
pub(crate) fn run(options: &Options, bless: bool) -> Result<()> {
    let workspace = Workspace::load()?;
    let mut steps = Steps { started: Instant::now(), count: 0 };
    let tools = if options.fast { None } else { Some(prepare(&workspace, &mut steps)?) };

    if options.filter.is_none() {
        steps.run("format", || execute(cargo().args(["fmt", "--all", "--check"])))?;
        steps.run("tidy", || tidy::check(&workspace))?;
        steps.run("lints", || {
            execute(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        })?;
        steps.run("wasm target", install_wasm)?;
        steps.run("wasm lints", || execute(&mut wasm_lints(&workspace)))?;
    }
    if tools.is_some() {
        steps.run("workers", || worker::build_all(&workspace))?;
        // `cargo test` makes a package's binaries only for that package's own tests; the end-to-end tests want them all.
        steps.run("build", || execute(cargo().args(["build", "--workspace", "--bins", "--tests"])))?;
    }
    steps.run("tests", || {
        let mut command = cargo();
        command.args(["test", "--workspace"]);
        match &tools {
            Some(tools) => tools.tell(command.env("OPENAI_MCP_PREBUILT", "1")),
            None => command.args(["--exclude", E2E]),
        };
        if bless {
            command.env("BLESS", "1");
        }
        execute(command.args(&options.filter))
    })?;
    steps.done();
    Ok(())
}

/// Checks the textual invariants alone.
pub(crate) fn run_tidy() -> Result<()> {
    tidy::check(&Workspace::load()?)
}

struct Steps {
    started: Instant,
    count: usize,
}

impl Steps {
    fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.count += 1;
        eprintln!("\n=== {}. {name}", self.count);
        let started = Instant::now();
        let value = step().with_context(|| format!("step {} ({name}) failed", self.count))?;
        eprintln!("=== {}. {name}: ok, {:.1} s", self.count, started.elapsed().as_secs_f64());
        Ok(value)
    }

    fn done(&self) {
        eprintln!("\n=== all {} steps passed in {:.0} s", self.count, self.started.elapsed().as_secs_f64());
    }
}

/// The interpreters that the end-to-end tests drive clients with.
struct Tools {
    python: PathBuf,
    node: PathBuf,
    node24: PathBuf,
}

impl Tools {
    fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("OPENAI_MCP_PYTHON", &self.python)
            .env("OPENAI_MCP_NODE", &self.node)
            .env("OPENAI_MCP_NODE24", &self.node24)
    }
}

fn prepare(workspace: &Workspace, steps: &mut Steps) -> Result<Tools> {
    let e2e = workspace.root.join("e2e");
    let python = steps.run("prerequisites", || {
        at_least("Node.js", "node", &[20])?;
        at_least("npm", "npm", &[])?;
        ["python3", "python"]
            .into_iter()
            .find(|name| at_least("Python", name, &[3, 10]).is_ok())
            .map_or_else(|| at_least("Python", "python3", &[3, 10]).map(|()| "python3"), Ok)
    })?;
    steps.run("Node packages", || node_packages(workspace))?;
    let venv = workspace.target.join("e2e-venv");
    let venv_python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    steps.run("Python packages", || {
        let requirements = e2e.join("requirements.txt");
        up_to_date(&requirements, &venv, || {
            execute(Command::new(python).args(["-m", "venv"]).arg(&venv)).context(
                "python could not make a virtual environment; Debian and Ubuntu need the package python3-venv",
            )?;
            execute(Command::new(&venv_python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))
        })
    })?;
    Ok(Tools { python: venv_python, node: "node".into(), node24: newer_node(&e2e.join("node_modules"))? })
}

/// Installs the packages of the lock file.
pub(crate) fn node_packages(workspace: &Workspace) -> Result<()> {
    let e2e = workspace.root.join("e2e");
    up_to_date(&e2e.join("package-lock.json"), &e2e.join("node_modules"), || {
        execute(Command::new("npm").arg("ci").current_dir(&e2e))
    })
}

/// The Node of the lock file: the conformance suite needs a newer one than many systems have.
fn newer_node(node_modules: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(node_modules)? {
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
        eprintln!("up to date");
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

/// The Workers, which a native build leaves empty. With them the kernel and every server are built where there is no
/// socket, clock or disk.
fn wasm_lints(workspace: &Workspace) -> Command {
    let mut command = cargo();
    command.args(["clippy", "--no-deps", "--lib", "--target", WASM, "--package", "openai-mcp-worker"]);
    for package in workspace.members("servers") {
        command.args(["--package", &format!("{}-worker", package.name)]);
    }
    command.args(["--", "-D", "warnings"]);
    command
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().to_string_lossy());
    Ok(())
}
