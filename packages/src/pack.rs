//! Every package, from the programs in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use openai_mcp_kernel::server::Definition;
use serde_json::Value;

use crate::archive::{Entry, Program, sha256, tar_gz, zip};
use crate::names::{LICENSES, all, pretty, version};
use crate::target::{TARGETS, Target, universal};
use crate::{files, licenses, mcpb, npm, wheel};

/// What to make.
pub struct Order<'a> {
    /// The folder of the project.
    pub root: &'a Path,
    /// Has a folder with a program for each [`Target`].
    pub programs: &'a Path,
    /// A new folder for the packages.
    pub out: &'a Path,
    /// The domains of the servers; all of them if there is none. What is for all of them is always there.
    pub servers: &'a [String],
    /// The commit that the programs were built from.
    pub commit: &'a str,
    /// Whether programs are missing that a release has, and all is only to be tried.
    pub partial: bool,
}

/// Makes the packages, `SHA256SUMS` of them all, and another of what is downloaded from a release.
///
/// # Errors
/// A program is missing or cannot be run, or a file cannot be read or written.
pub fn run(order: &Order<'_>) -> Result<()> {
    let mut programs = Vec::new();
    for target in &TARGETS {
        let path = order.programs.join(target.name).join(target.file());
        let bytes = if path.is_file() { Some(fs::read(&path)?) } else { joined(order.programs, target)? };
        if let Some(bytes) = bytes {
            programs.push((target, Program::new(bytes, order.partial)?));
        } else if !order.partial {
            bail!("there is no {}", path.display());
        }
    }
    ensure!(!programs.is_empty(), "{} has no program", order.programs.display());
    let triples = programs.iter().map(|(target, _)| target.triple).filter(|triple| !triple.starts_with("universal"));
    let parts = licenses::parts(order.root, &triples.collect::<Vec<_>>())?;
    licenses::check(&parts)?;
    let notices = licenses::text(&parts)?;
    let servers: Vec<_> = all()
        // The others start the program by way of what is for all.
        .filter(|server| {
            let wanted = |domain: &String| server.domain == domain || server.domain.is_empty();
            order.servers.is_empty() || order.servers.iter().any(wanted)
        })
        .collect();

    let mut out = Out { folder: order.out, sums: BTreeMap::new() };
    out.write("openai-mcp.cdx.json", pretty(&licenses::bill(&parts)).as_bytes())?;
    let texts = texts(order, &notices)?;
    for (target, program) in &programs {
        out.archive(target, program, &texts)?;
        if let Some(entries) = npm::platform(target, program, &notices) {
            out.write(&format!("npm/cli-{}.tgz", target.name), &tar_gz(&entries)?)?;
        }
        if let Some(file) = wheel::file(target) {
            out.write(&format!("pypi/{file}"), &zip(&wheel::package(target, program, &notices))?)?;
        }
    }
    out.image(&programs, &notices)?;
    for server in servers {
        out.server(server, &programs, &notices, order.commit)?;
    }
    out.finish()
}

/// The program for both processors of macOS, if both are there.
fn joined(programs: &Path, target: &Target) -> Result<Option<Vec<u8>>> {
    let both = ["darwin-arm64", "darwin-x64"].map(|name| programs.join(name).join(target.file()));
    if target.processor() != "universal" || !both.iter().all(|path| path.is_file()) {
        return Ok(None);
    }
    let [arm, intel] = both;
    universal([&fs::read(arm)?, &fs::read(intel)?]).map(Some)
}

/// What an archive has beside the program: licenses, and what shells and `man` read. A program that runs here prints it.
fn texts(order: &Order<'_>, notices: &str) -> Result<Vec<Entry>> {
    let here = TARGETS.iter().find(|target| target.runs_here()).context("there is no program for this system")?;
    let program = order.programs.join(here.name).join(here.file());
    // Where programs are kept between the steps of a release, they lose the right.
    #[cfg(unix)]
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .with_context(|| program.display().to_string())?;
    let print = |arguments: &[&str]| -> Result<String> {
        let output = Command::new(&program)
            .args(arguments)
            .output()
            .with_context(|| format!("{} does not run here", program.display()))?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    let mut entries = vec![Entry::text("THIRD-PARTY.txt", notices)];
    entries.extend(LICENSES.map(|(name, text)| Entry::text(name, text)));
    entries.push(Entry::text("README.md", fs::read_to_string(order.root.join("README.md")).context("README.md")?));
    let shells = [
        ("bash", "openai-mcp.bash"),
        ("elvish", "openai-mcp.elv"),
        ("fish", "openai-mcp.fish"),
        ("powershell", "_openai-mcp.ps1"),
        ("zsh", "_openai-mcp"),
    ];
    for (shell, file) in shells {
        entries.push(Entry::text(format!("completions/{file}"), print(&["completions", shell])?));
    }
    entries.push(Entry::text("man/openai-mcp.1", print(&["man"])?));
    Ok(entries)
}

/// The folder of the packages.
struct Out<'a> {
    folder: &'a Path,
    /// By the paths of files, their sums.
    sums: BTreeMap<String, String>,
}

impl Out<'_> {
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<String> {
        let file = self.folder.join(path);
        fs::create_dir_all(file.parent().unwrap_or(self.folder))?;
        fs::write(&file, bytes).with_context(|| file.display().to_string())?;
        let sum = sha256(bytes);
        self.sums.insert(path.to_owned(), sum.clone());
        Ok(sum)
    }

    /// An archive as brew, cargo-binstall and people take it.
    fn archive(&mut self, target: &Target, program: &Arc<Program>, texts: &[Entry]) -> Result<()> {
        let name = format!("openai-mcp-{}-{}", version(), target.triple);
        let within = |entry: &Entry| {
            let mut entry = entry.clone();
            entry.path = format!("{name}/{}", entry.path);
            entry
        };
        let entries: Vec<Entry> =
            std::iter::once(&Entry::program(target.file(), program)).chain(texts).map(within).collect();
        match target.system() {
            "win32" => self.write(&format!("archives/{name}.zip"), &zip(&entries)?),
            _ => self.write(&format!("archives/{name}.tar.gz"), &tar_gz(&entries)?),
        }?;
        Ok(())
    }

    /// The folder that an image is built from.
    fn image(&mut self, programs: &[(&Target, Arc<Program>)], notices: &str) -> Result<()> {
        for (target, program) in programs.iter().filter(|(target, _)| target.system() == "linux") {
            let processor = if target.processor() == "x64" { "amd64" } else { target.processor() };
            self.write(&format!("image/{processor}/openai-mcp"), &program.bytes)?;
        }
        self.write("image/Dockerfile", include_bytes!("../Dockerfile"))?;
        self.write("image/THIRD-PARTY.txt", notices.as_bytes())?;
        for (name, text) in LICENSES {
            self.write(&format!("image/{name}"), text.as_bytes())?;
        }
        // A folder with nothing in it would be lost between the steps of a release.
        self.write("image/data/README", b"Servers keep here what has to outlive them, a file each.\n")?;
        Ok(())
    }

    fn server(
        &mut self,
        server: &Definition,
        programs: &[(&Target, Arc<Program>)],
        notices: &str,
        commit: &str,
    ) -> Result<()> {
        let name = server.entry();
        let file =
            if server.domain.is_empty() { "npm/openai-mcp.tgz".into() } else { format!("npm/{}.tgz", server.domain) };
        self.write(&file, &tar_gz(&npm::package(server))?)?;
        let bundle = zip(&mcpb::package(server, programs, notices))?;
        let sum = self.write(&format!("mcpb/{}", mcpb::file(server)), &bundle)?;
        let entry: Value = files::registry(server, Some(&sum));
        self.write(&format!("registry/{name}/server.json"), pretty(&entry).as_bytes())?;
        self.write(&format!("catalog/{name}/server.yaml"), files::catalog(server, commit).as_bytes())?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        // Whoever downloads files of the release has them side by side.
        let downloads = self.sums.iter().filter_map(|(path, sum)| {
            let name = path.strip_prefix("archives/").or_else(|| path.strip_prefix("mcpb/"));
            Some((name.or_else(|| (!path.contains('/')).then_some(path))?, sum))
        });
        let downloads: String = downloads.map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        self.write("release/SHA256SUMS", downloads.as_bytes())?;
        let sums: String = self.sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
        fs::write(self.folder.join("SHA256SUMS"), sums)?;
        Ok(())
    }
}

/// The programs that are in a folder, each with what it loads of its system.
///
/// # Errors
/// One loads what not every system has, or is for another one.
pub fn check(programs: &Path) -> Result<Vec<(PathBuf, Vec<String>)>> {
    let mut found = Vec::new();
    for target in &TARGETS {
        let path = programs.join(target.name).join(target.file());
        if path.is_file() {
            let needs = target.check(&fs::read(&path)?)?;
            found.push((path, needs));
        }
    }
    ensure!(!found.is_empty(), "{} has no program", programs.display());
    Ok(found)
}
