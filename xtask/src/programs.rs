//! The programs that hold the tests, run side by side. `cargo test` runs one after the other, and most of them wait: for
//! processes that start, for pauses between tries.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use crate::tools::execute;
use crate::workspace::Workspace;

/// A program that cargo made of tests.
struct Program {
    package: String,
    path: PathBuf,
    /// The folder of its package, where cargo would start it.
    folder: PathBuf,
}

/// A line of what cargo says of its work.
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// How the programs run.
pub(crate) struct Manner<'a> {
    /// The package whose tests take longest.
    pub(crate) long: &'a str,
    /// Whether these run beside all others, or after them.
    pub(crate) beside: bool,
    /// A `cargo test` that makes the programs.
    pub(crate) cargo: &'a (dyn Fn() -> Command + Sync),
    /// Gives a program its environment, and which of its tests run.
    pub(crate) tell: &'a (dyn Fn(&mut Command) + Sync),
}

/// Makes the programs and runs them. All of them run, whichever fails. What those that take less long say is shown when
/// each has ended.
pub(crate) fn run(workspace: &Workspace, manner: &Manner<'_>) -> Result<()> {
    let (long, others): (Vec<_>, Vec<_>) =
        programs(workspace, manner)?.into_iter().partition(|program| program.package == manner.long);
    let others = || {
        let mut failed = Vec::new();
        for program in &others {
            if !shown(&program.package, &mut program.command(manner))? {
                failed.push(program.name());
            }
        }
        Ok::<_, anyhow::Error>(failed)
    };
    let long = || long.iter().filter(|program| execute(&mut program.command(manner)).is_err()).map(Program::name);
    let mut failed = if manner.beside {
        thread::scope(|scope| {
            let others = scope.spawn(others);
            let failed: Vec<_> = long().collect();
            let others = others.join().map_err(|_| anyhow!("a thread panicked"))??;
            Ok::<_, anyhow::Error>([others, failed].concat())
        })?
    } else {
        let mut failed = others()?;
        failed.extend(long());
        failed
    };
    failed.sort();
    ensure!(failed.is_empty(), "tests failed: {}", failed.join(", "));
    Ok(())
}

/// Runs a command to its end, shows all that it said, and tells whether it ended well.
fn shown(title: &str, command: &mut Command) -> Result<bool> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run the tests of {title}"))?;
    let said = [output.stdout, output.stderr].concat();
    eprintln!("\n--- {title}\n{}", String::from_utf8_lossy(&said).trim());
    Ok(output.status.success())
}

fn programs(workspace: &Workspace, manner: &Manner<'_>) -> Result<Vec<Program>> {
    let mut build = (manner.cargo)();
    build.args(["--no-run", "--message-format=json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = build.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo ended with {}", output.status);
    let mut programs = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Message = serde_json::from_str(line).context("cargo printed something else than expected")?;
        let Message { executable: Some(path), manifest_path: Some(manifest), profile: Some(Profile { test: true }) } =
            message
        else {
            continue;
        };
        let folder = manifest.parent().unwrap_or(&manifest).to_owned();
        let package = workspace.packages.iter().find(|package| package.folder() == folder);
        let package = package.with_context(|| format!("{} is of no member", manifest.display()))?.name.clone();
        programs.push(Program { package, path, folder });
    }
    Ok(programs)
}

impl Program {
    fn command(&self, manner: &Manner<'_>) -> Command {
        let mut command = Command::new(&self.path);
        // As cargo would: tests that build something ask for the rest.
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder).env("CARGO_PKG_NAME", &self.package);
        (manner.tell)(&mut command);
        command
    }

    fn name(&self) -> String {
        let file = self.path.file_name().map_or_else(|| self.path.as_path(), Path::new);
        format!("{} ({})", self.package, file.display())
    }
}
