//! The whole test run: what it needs is fetched first, then each step runs by name until one fails.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, available_parallelism};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::programs::{self, Manner};
use crate::tools::{self, execute};
use crate::workspace::{Workspace, cargo};
use crate::{tidy, worker};

const E2E: &str = "openai-mcp-e2e";

/// How many tests of a program run at once, to Rust's test runner.
const THREADS: &str = "RUST_TEST_THREADS";

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
    let whole = options.filter.is_none();
    let cargo = if whole { linting } else { cargo };
    let python = if options.fast { None } else { Some(steps.run("prerequisites", tools::prerequisites)?) };
    let interpreters = thread::scope(|scope| {
        // Compiling needs none of what is fetched, and fetching waits for the network.
        let fetching = python.map(|python| scope.spawn(|| fetch(&workspace, python)));
        build(&workspace, options, cargo, &mut steps)?;
        let Some(fetching) = fetching else { return Ok(None) };
        steps.run("packages", || fetching.join().map_err(|_| anyhow!("a thread panicked"))?).map(Some)
    })?;
    if interpreters.is_some() {
        steps.run("workers", || worker::build_for_tests(&workspace, cargo))?;
    } else if whole {
        steps.run("wasm lints", || worker::compile_for_tests(&workspace, cargo))?;
    }
    steps.run("tests", || {
        let threads = (2 * available_parallelism()?.get()).to_string();
        let tests = || {
            let mut command = cargo();
            command.args(["test", "--workspace"]);
            if interpreters.is_none() {
                command.args(["--exclude", E2E]);
            }
            command
        };
        let tell = |command: &mut Command| {
            if let Some(interpreters) = &interpreters {
                interpreters.tell(command.env("OPENAI_MCP_PREBUILT", "1"));
            }
            if bless {
                command.env("BLESS", "1");
            }
            // Most of the longest tests is waiting: for programs that start, for pauses between tries.
            if std::env::var_os(THREADS).is_none() {
                command.env(THREADS, &threads);
            }
            command.args(&options.filter);
        };
        // Some tests read what others have blessed.
        programs::run(
            &workspace,
            &Manner { long: E2E, beside: !bless, whole: whole && !bless, cargo: &tests, tell: &tell },
        )
    })?;
    steps.done();
    Ok(())
}

/// Cargo with Clippy in the place of the compiler, for members of the workspace: they are linted as they are compiled, and
/// nothing is compiled once for lints and once more for tests. What is made so is for tests alone: Clippy reads code before
/// it is simplified, and so that is what is compiled.
/// <https://doc.rust-lang.org/cargo/reference/config.html#buildrustc-workspace-wrapper>
fn linting() -> Command {
    let mut command = cargo();
    command.args(["--config", "build.rustc-workspace-wrapper='clippy-driver'"]).env("CLIPPY_ARGS", "-Dwarnings");
    command
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
struct Interpreters {
    python: PathBuf,
    /// A Python beside the programs that install and judge packages.
    packages: PathBuf,
    node: PathBuf,
    node24: PathBuf,
}

impl Interpreters {
    fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("OPENAI_MCP_PYTHON", &self.python)
            .env("OPENAI_MCP_PACKAGES_VENV", self.packages.parent().unwrap_or(&self.packages))
            .env("OPENAI_MCP_NODE", &self.node)
            .env("OPENAI_MCP_NODE24", &self.node24)
    }
}

/// Formatting, lints, and the programs that tests are and run.
fn build(workspace: &Workspace, options: &Options, cargo: fn() -> Command, steps: &mut Steps) -> Result<()> {
    let whole = options.filter.is_none();
    if whole {
        steps.run("format", || execute(cargo().args(["fmt", "--all", "--check"])))?;
        steps.run("tidy", || tidy::check(workspace))?;
    }
    if whole || !options.fast {
        // `cargo test` makes a package's binaries only for that package's own tests; the end-to-end tests want them all.
        let name = if whole { "lints and build" } else { "build" };
        steps.run(name, || execute(cargo().args(["build", "--workspace", "--bins", "--tests"])))?;
    }
    Ok(())
}

/// The interpreters and their packages, of Node and of Python.
fn fetch(workspace: &Workspace, python: &str) -> Result<Interpreters> {
    tools::node_packages(workspace)?;
    let install = |which| tools::python_packages(workspace, python, which);
    let (python, packages) = (install(tools::CLIENTS)?, install(tools::JUDGES)?);
    Ok(Interpreters { python, packages, node: "node".into(), node24: tools::newer_node(workspace)? })
}
