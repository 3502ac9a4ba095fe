//! From the code to the program for a system.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use openai_mcp_dist::names::version;
use openai_mcp_dist::target::Target;

use crate::checkout::{commit, date};

/// What trains a program, as arguments of `cargo xtask bench`: mostly calls, and a little of all that is worked out here,
/// since what never ran is made small and not fast.
const TRAINING: [&[&str]; 2] = [&["--only", "calls,starts,streams"], &["--quick", "--only", "search,uploads,work"]];

/// How the program is built.
pub(crate) struct Build<'a> {
    root: &'a Path,
    target: &'static Target,
    /// What Rust calls the system.
    triple: &'static str,
    profile: String,
    zig: bool,
    /// Where cargo puts what it makes.
    folder: PathBuf,
    commit: String,
}

impl<'a> Build<'a> {
    /// A build of what is checked out. `zig` takes cargo-zigbuild in the place of this system's own compiler.
    ///
    /// # Errors
    /// Git does not know the commit.
    pub(crate) fn new(root: &'a Path, target: &'static Target, profile: String, zig: bool) -> Result<Self> {
        // From another system Windows' programs are built with its free compiler.
        let triple = if zig && target.system() == "win32" { "x86_64-pc-windows-gnu" } else { target.triple };
        // A profile is read by compilers that run in folders of their own.
        let folder = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Ok(Self { root, target, triple, profile, zig, folder, commit: commit(root)? })
    }

    /// Builds the program, twice if it is to be trained, and says where it is.
    ///
    /// # Errors
    /// It does not build, or this system cannot train it.
    pub(crate) fn run(&self, train: bool) -> Result<PathBuf> {
        let flag = if train { Some(self.train()?) } else { None };
        self.compile(flag)
    }

    /// Builds a program that counts what runs, puts it under load, and gives the flag that tells the compiler of it.
    /// <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>
    fn train(&self) -> Result<String> {
        ensure!(
            cfg!(target_os = "linux") && self.target.runs_here(),
            "{} is not trained on this system",
            self.target.name
        );
        let library = Command::new("rustc").args(["--print", "target-libdir"]).output().context("rustc")?;
        let library = PathBuf::from(String::from_utf8(library.stdout)?.trim());
        let tool = library.with_file_name("bin").join("llvm-profdata");
        ensure!(tool.exists(), "the toolchain has no llvm-profdata: rustup component add llvm-tools");
        let counts = self.folder.join("training").join(self.target.name);
        if counts.exists() {
            std::fs::remove_dir_all(&counts)?;
        }
        let program = self.compile(Some(format!("-Cprofile-generate={}", counts.display())))?;
        for arguments in TRAINING {
            let mut bench = cargo();
            bench.args(["xtask", "bench"]).args(arguments).arg("--binary").arg(&program).current_dir(self.root);
            // It counts as it runs, so how fast it is says nothing.
            let done = bench.stdout(Stdio::null()).status()?;
            ensure!(done.success(), "the program that counts does not bear the load");
        }
        let merged = counts.with_extension("profdata");
        let done = Command::new(tool).arg("merge").arg("--output").arg(&merged).arg(&counts).status()?;
        ensure!(done.success(), "the counts cannot be merged");
        Ok(format!("-Cprofile-use={}", merged.display()))
    }

    fn compile(&self, flag: Option<String>) -> Result<PathBuf> {
        let mut command = cargo();
        command
            .args([if self.zig { "zigbuild" } else { "build" }, "--locked", "--package", "openai-mcp"])
            .args(["--bin", "openai-mcp", "--profile", &self.profile, "--target", self.triple])
            .env("OPENAI_MCP_BUILD", format!("{} ({})", version(), self.commit.get(..12).unwrap_or(&self.commit)))
            // Where and when it was built is nobody's business.
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags().into_iter().chain(flag).collect::<Vec<_>>().join("\x1f"))
            .env("SOURCE_DATE_EPOCH", date(self.root)?)
            .current_dir(self.root);
        if let Some(least) = self.target.wheel.and_then(|wheel| wheel.strip_prefix("macosx_")) {
            // Left to itself, zig takes the newest.
            command.env("MACOSX_DEPLOYMENT_TARGET", least.split('_').take(2).collect::<Vec<_>>().join("."));
        }
        ensure!(command.status()?.success(), "{} does not build", self.target.name);
        let folder = if self.profile == "dev" { "debug" } else { &self.profile };
        Ok(self.folder.join(self.triple).join(folder).join(self.target.file()))
    }

    /// Shows the folders of sources under names that are the same everywhere; and takes along what not every system has.
    fn flags(&self) -> Vec<String> {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        // Of several that fit, the last one counts.
        let folders = [(Some(self.root.to_owned()), "."), (Some(self.folder.clone()), "target"), (home, "cargo")];
        let shown =
            |(folder, name): (Option<PathBuf>, _)| Some(format!("--remap-path-prefix={}={name}", folder?.display()));
        let mut flags: Vec<String> = folders.into_iter().filter_map(shown).collect();
        if self.triple.ends_with("-windows-msvc") {
            // Its C library comes with Visual Studio, not with Windows.
            flags.push("-Ctarget-feature=+crt-static".to_owned());
        }
        flags
    }
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
