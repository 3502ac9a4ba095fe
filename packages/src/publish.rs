//! The order in which a release goes out, and what is told of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use openai_mcp_kernel::server::Definition;

use crate::files;
use crate::names::{IMAGE, all, version};
use crate::target::TARGETS;

/// The script that publishes what [`pack`](crate::pack) made: the programs of systems, the package that starts them, the
/// servers' own; the image; then the release, as a draft, and the tags of the servers that are new. A script needs nothing
/// built where the rights to publish are.
pub fn script(out: &Path, tags: &[String], commit: &str) -> String {
    let programs = TARGETS.iter().filter(|target| target.wheel.is_some()).map(|target| format!("cli-{}", target.name));
    let servers = all().filter(|server| !server.domain.is_empty()).map(|server| server.domain.to_owned());
    let files = programs.chain(["openai-mcp".to_owned()]).chain(servers);
    let files: Vec<String> = files.filter(|file| out.join(format!("npm/{file}.tgz")).is_file()).collect();
    let whole = format!("v{}", version());
    let tags: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| *tag != whole).collect();
    include_str!("publish.sh")
        .replace("{version}", version())
        .replace("{image}", IMAGE)
        .replace("{npm}", &files.join(" "))
        .replace("{tags}", &tags.join(" "))
        .replace("{commit}", commit)
}

/// The script that tells the MCP registry, once the release is public.
pub const REGISTRY: &str = include_str!("registry.sh");

/// What the release is told of: the newest section of the changelogs of what has a new version since a tag.
///
/// # Errors
/// A changelog has no section for the version.
pub fn notes(root: &Path, since: Option<&str>) -> Result<String> {
    let mut text = String::new();
    for server in all().filter(|server| changed(root, server, since)) {
        let file = format!("{}/CHANGELOG.md", files::folder(server));
        let log = fs::read_to_string(root.join(&file)).with_context(|| file.clone())?;
        let head = format!("\n## {}\n", server.version);
        let Some((_, section)) = log.split_once(&head) else {
            bail!("{file} has no section {}", server.version);
        };
        let section = section.split("\n## ").next().unwrap_or_default().trim();
        text += &format!("## {} {}\n\n{section}\n\n", server.name(), server.version);
    }
    Ok(text)
}

/// The tags of a release: one of the whole, and one of each server that has a new version since a tag.
pub fn tags(root: &Path, since: Option<&str>) -> Vec<String> {
    let changed = all().filter(|server| !server.domain.is_empty() && changed(root, server, since));
    let own = changed.map(|server| format!("{}-v{}", server.name(), server.version));
    std::iter::once(format!("v{}", version())).chain(own).collect()
}

/// The tag of the release before the commit that is checked out, if there is one.
pub fn before(root: &Path) -> Option<String> {
    let arguments = ["describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"];
    let said = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let tag = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (said.status.success() && !tag.is_empty()).then_some(tag)
}

fn changed(root: &Path, server: &Definition, since: Option<&str>) -> bool {
    let Some(tag) = since else { return true };
    let file = format!("{tag}:{}/Cargo.toml", files::folder(server));
    let before = Command::new("git").args(["show", &file]).current_dir(root).output();
    let line = format!("\nversion = \"{}\"\n", server.version);
    before.map_or(true, |before| !String::from_utf8_lossy(&before.stdout).contains(&line))
}
