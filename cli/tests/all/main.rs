//! The program, as a person uses it at a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod calls;
mod clients;
mod commands;
mod door;
mod evals;
mod page;
mod readmes;
mod servers;
#[cfg(unix)]
mod terminal;
mod wrong_calls;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_openai-mcp");

/// How a command ended, and what it wrote.
#[derive(Debug)]
struct Finished {
    status: i32,
    out: String,
    err: String,
}

/// A command without the surroundings of whoever runs the tests.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    let kept = ["LLVM_PROFILE_FILE", "SYSTEMROOT"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    command.args(arguments).env_clear().envs(kept).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Finished {
    finish(&mut command(arguments, variables), input)
}

/// As [`run`], in a folder.
fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    finish(command(arguments, variables).current_dir(folder), "")
}

fn finish(command: &mut Command, input: &str) -> Finished {
    let mut child = command.spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Finished { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A command that goes on running until this is dropped.
struct Running {
    child: Child,
    /// What it said when it was ready, from its first line to the one that ends so.
    said: String,
}

impl Running {
    fn start(command: &mut Command, last: &str) -> Self {
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.lines().any(|line| line.starts_with(last)) {
            assert_ne!(errors.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        // Whatever it says later has somewhere to go.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Running { child, said }
    }

    /// What stands after `listening on `.
    fn url(&self) -> &str {
        self.said.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
