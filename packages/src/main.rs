//! `cargo xtask dist`: from programs to packages, and to the scripts that make a release of them.
#![allow(clippy::print_stdout, reason = "a task talks to the person who started it")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, Subcommand};
use openai_mcp_dist::names::version;
use openai_mcp_dist::target::TARGETS;
use openai_mcp_dist::{pack, publish};

#[derive(Parser)]
#[command(name = "cargo xtask dist", about = "Build programs, make packages of them")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the program for a system, and put it where `pack` looks for it
    Build {
        /// The system and the processor, as linux-x64 or darwin-arm64
        target: String,
        /// The profile that it is built with
        #[arg(long, default_value = "release")]
        profile: String,
        /// By cargo-zigbuild, for another system than this one; without, by this system's own compiler
        #[arg(long)]
        zig: bool,
        /// The folder of the programs
        #[arg(long, default_value = "target/dist/programs")]
        out: PathBuf,
    },
    /// Say what each program loads of its system, and refuse what not every such system has
    Check {
        /// The folder of the programs
        #[arg(default_value = "target/dist/programs")]
        programs: PathBuf,
    },
    /// Make every package of the programs in a folder, and the scripts that publish them: `publish.sh`, then `registry.sh`
    Pack {
        /// The folder of the programs
        #[arg(default_value = "target/dist/programs")]
        programs: PathBuf,
        /// The folder of the packages
        #[arg(long, default_value = "target/dist/packages")]
        out: PathBuf,
        /// Those of these servers alone, by domain
        #[arg(long, value_delimiter = ',')]
        servers: Vec<String>,
        /// Make do with the programs that there are
        #[arg(long)]
        partial: bool,
    },
    /// Print what the release is told of
    Notes {
        /// The tag of the release before; without, the last that leads here
        #[arg(long)]
        since: Option<String>,
    },
    /// Print the tags of the release
    Tags {
        /// The tag of the release before; without, the last that leads here
        #[arg(long)]
        since: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who closed standard error wants to hear nothing.
            let _ = writeln!(std::io::stderr(), "dist: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the project")?;
    match task {
        Task::Build { target, profile, zig, out } => build(root, &target, &profile, zig, &out),
        Task::Check { programs } => {
            for (program, needs) in pack::check(&programs)? {
                let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
                println!("{} loads {needs}", program.display());
            }
            Ok(())
        }
        Task::Pack { programs, out, servers, partial } => {
            let commit = commit(root)?;
            let since = since(root, None);
            let notes = publish::notes(root, since.as_deref())?;
            pack::run(&pack::Order {
                root,
                programs: &programs,
                out: &out,
                servers: &servers,
                commit: &commit,
                partial,
            })?;
            let script = publish::script(&out, &publish::tags(root, since.as_deref()), &commit);
            for (name, text) in
                [("NOTES.md", notes.as_str()), ("publish.sh", &script), ("registry.sh", publish::REGISTRY)]
            {
                std::fs::write(out.join(name), text).context(name)?;
            }
            Ok(())
        }
        Task::Notes { since } => {
            println!("{}", publish::notes(root, self::since(root, since).as_deref())?.trim_end());
            Ok(())
        }
        Task::Tags { since } => {
            println!("{}", publish::tags(root, self::since(root, since).as_deref()).join("\n"));
            Ok(())
        }
    }
}

/// The tag of the release before: this one, or the last that leads here.
fn since(root: &Path, tag: Option<String>) -> Option<String> {
    tag.or_else(|| publish::before(root))
}

/// The commit that is checked out.
fn commit(root: &Path) -> Result<String> {
    git(root, &["rev-parse", "HEAD"])
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output()?;
    ensure!(output.status.success(), "git does not know the commit");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn build(root: &Path, name: &str, profile: &str, zig: bool, out: &Path) -> Result<()> {
    let known = TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        bail!("there is no system `{name}`; there are: {known}");
    };
    // From another system Windows' programs are built with its free compiler.
    let triple = if zig && target.system() == "win32" { "x86_64-pc-windows-gnu" } else { target.triple };
    let commit = commit(root)?;
    let target_folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args([if zig { "zigbuild" } else { "build" }, "--locked", "--package", "openai-mcp", "--bin", "openai-mcp"])
        .args(["--profile", profile, "--target", triple])
        .env("OPENAI_MCP_BUILD", format!("{} ({})", version(), commit.get(..12).unwrap_or(&commit)))
        // Where and when it was built is nobody's business, and would tell two builds of one commit apart.
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root, &target_folder, triple).join("\x1f"))
        .env("SOURCE_DATE_EPOCH", git(root, &["show", "--no-patch", "--format=%ct", "HEAD"])?)
        .current_dir(root);
    if let Some(least) = target.wheel.and_then(|wheel| wheel.strip_prefix("macosx_")) {
        // Left to itself, zig takes the newest.
        command.env("MACOSX_DEPLOYMENT_TARGET", least.split('_').take(2).collect::<Vec<_>>().join("."));
    }
    ensure!(command.status()?.success(), "{name} does not build");
    let folder = if profile == "dev" { "debug" } else { profile };
    let built = target_folder.join(triple).join(folder).join(target.file());
    let program = out.join(target.name).join(target.file());
    std::fs::create_dir_all(out.join(target.name))?;
    std::fs::copy(&built, &program).with_context(|| built.display().to_string())?;
    println!("{}", program.display());
    Ok(())
}

/// Shows the folders of sources under names that are the same everywhere; and takes along what not every system has.
fn flags(root: &Path, target_folder: &Path, triple: &str) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    // Of several that fit, the last one counts.
    let folders = [(Some(root.to_owned()), "."), (Some(target_folder.to_owned()), "target"), (home, "cargo")];
    let shown =
        |(folder, name): (Option<PathBuf>, _)| Some(format!("--remap-path-prefix={}={name}", folder?.display()));
    let mut flags: Vec<String> = folders.into_iter().filter_map(shown).collect();
    if triple.ends_with("-windows-msvc") {
        // Its C library comes with Visual Studio, not with Windows.
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    flags
}
