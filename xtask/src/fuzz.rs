//! Long runs of the fuzz targets, guided by coverage.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::tools::execute;
use crate::workspace::{Workspace, cargo};

/// What libFuzzer is to see: edges, which of them were taken, and what was compared with what. All of it is in the stable
/// compiler; only sanitizers are not, and safe code has little use for them.
const INSTRUMENTED: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // The linker would drop tables that nothing names.
    "-Clink-dead-code",
];
/// Seconds that one input may take.
const SLOWEST: u32 = 10;
/// Megabytes that it may take, of which a gigabyte is far too much for a Worker already.
const LARGEST: u32 = 1024;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target, a folder of `fuzz/corpus`; all of them, one after the other, if there is none
    name: Option<String>,
    /// Seconds for each
    #[arg(default_value_t = 60)]
    seconds: u32,
}

/// Runs a target until its time is up or an input breaks it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let corpus = workspace.root.join("fuzz/corpus");
    let mut known = Vec::new();
    for entry in fs::read_dir(&corpus)? {
        known.push(entry?.file_name().to_string_lossy().into_owned());
    }
    known.sort();
    let names = match &options.name {
        None => known,
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => bail!("no target `{name}`; known: {}", known.join(", ")),
    };

    // For a target of its own, so that build scripts and macros are not instrumented.
    let host = host()?;
    let mut build = cargo();
    build.args([
        "build",
        "--package",
        "openai-mcp-fuzz",
        "--features",
        "coverage",
        "--profile",
        "fuzz",
        "--target",
        &host,
    ]);
    execute(build.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTED.join("\x1f")))?;
    let program = workspace.target.join(&host).join("fuzz/openai-mcp-fuzz");

    for name in names {
        let kept = workspace.target.join("fuzz").join(&name);
        fs::create_dir_all(&kept)?;
        eprintln!("\n=== {name}: {} s; what breaks it is written to {}", options.seconds, kept.display());
        let mut fuzz = Command::new(&program);
        fuzz.env("FUZZ_TARGET", &name)
            .arg(&kept)
            .arg(corpus.join(&name))
            .arg(format!("-artifact_prefix={}/", kept.display()))
            .arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-timeout={SLOWEST}"))
            .arg(format!("-rss_limit_mb={LARGEST}"));
        execute(&mut fuzz)
            .with_context(|| format!("an input breaks {name}: mend it, and add the input to fuzz/corpus/{name}"))?;
    }
    Ok(())
}

/// The target triple of this machine.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    ensure!(output.status.success(), "rustc does not tell what it is");
    Ok(host.context("rustc does not tell its host")?.to_owned())
}
