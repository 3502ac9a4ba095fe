//! `cargo xtask dist`: from programs to packages, and to the scripts that make a release of them.
#![allow(clippy::print_stdout, reason = "a task talks to the person who started it")]

mod build;
mod checkout;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use openai_mcp_dist::target::TARGETS;
use openai_mcp_dist::{pack, publish};

use build::Build;
use checkout::commit;

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
        /// Build it twice, on a Linux that runs it: the first is put under load by `cargo xtask bench` and counts what runs,
        /// and by that the second is laid out. Needs `rustup component add llvm-tools`
        #[arg(long, conflicts_with = "zig")]
        train: bool,
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
        Task::Build { target, profile, zig, train, out } => {
            let Some(target) = TARGETS.iter().find(|known| known.name == target) else {
                let known = TARGETS.map(|target| target.name).join(", ");
                bail!("there is no system `{target}`; there are: {known}");
            };
            let built = Build::new(root, target, profile, zig)?.run(train)?;
            let folder = out.join(target.name);
            let program = folder.join(target.file());
            std::fs::create_dir_all(&folder)?;
            std::fs::copy(&built, &program).with_context(|| built.display().to_string())?;
            println!("{}", program.display());
            Ok(())
        }
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
