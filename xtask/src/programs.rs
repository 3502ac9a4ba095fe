//! The programs that hold the tests, run side by side. `cargo test` runs one after the other, and most of them wait: for
//! processes that start, for pauses between tries.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use crate::tools::execute;
use crate::workspace::{Workspace, domain, newer};

/// A program that cargo made of tests.
struct Program {
    package: String,
    path: PathBuf,
    /// The folder of its package, where cargo would start it.
    folder: PathBuf,
    /// Of a server, whose tests read nothing else.
    server: Option<Server>,
}

/// What the tests of a server read beside its folder, and what they leave.
struct Server {
    /// What its tools say, as people read it.
    reference: PathBuf,
    /// Written when all the tests passed. While it is newer than what they read, they need not run again.
    passed: PathBuf,
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
    /// Whether every test runs, or those that a filter names.
    pub(crate) whole: bool,
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
            if program.stands()? {
                eprintln!("\n--- {}\nas it was when it passed", program.package);
                continue;
            }
            let begun = SystemTime::now();
            if !shown(&program.package, &mut program.command(manner))? {
                failed.push(program.name());
            } else if let Some(server) = &program.server {
                // What was changed while it ran is not what passed.
                fs::File::create(&server.passed)?.set_modified(begun)?;
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
    let passed = workspace.target.join("passed");
    fs::create_dir_all(&passed)?;
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
        let server = match (domain(&package), path.file_name()) {
            (Some(domain), Some(name)) if manner.whole => Some(Server {
                reference: workspace.root.join(format!("docs/reference/{domain}.md")),
                passed: passed.join(name),
            }),
            _ => None,
        };
        programs.push(Program { package, path, folder, server });
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

    /// Whether it has passed, and neither it nor what it reads changed since.
    fn stands(&self) -> Result<bool> {
        let Some(server) = &self.server else { return Ok(false) };
        let mut read = vec![self.path.clone(), server.reference.clone()];
        gather(&self.folder, &mut read)?;
        newer(&server.passed, read)
    }

    fn name(&self) -> String {
        let file = self.path.file_name().map_or_else(|| self.path.as_path(), Path::new);
        format!("{} ({})", self.package, file.display())
    }
}

/// A folder and all that is in it but what is built there. A folder is newer than what was taken out of it.
fn gather(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    found.push(folder.to_owned());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            found.push(entry.path());
        } else if entry.file_name() != "dist" {
            gather(&entry.path(), found)?;
        }
    }
    Ok(())
}
