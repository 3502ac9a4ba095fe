//! The order in which a release goes out, and what is told of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use openai_mcp_kernel::server::Definition;

use crate::archive::sha256;
use crate::files;
use crate::names::{IMAGE, all, id, version};
use crate::target::TARGETS;

/// A step that uploads: its program and arguments, in the folder of the packages.
pub type Step = Vec<String>;

/// The steps that publish what [`pack`](crate::pack) made, in the order in which one needs the other: the programs of systems,
/// the package that starts them, the servers' own; then what names packages that have to be there, the registry; last the
/// release, as a draft, which a person publishes; and the tags of the servers that are new.
///
/// # Errors
/// A package is missing, or is not what it was when it was packed.
pub fn steps(out: &Path, tags: &[String], commit: &str) -> Result<Vec<Step>> {
    let sums = fs::read_to_string(out.join("SHA256SUMS")).context("SHA256SUMS: was everything packed?")?;
    for line in sums.lines() {
        let (sum, path) = line.split_once("  ").with_context(|| format!("SHA256SUMS: `{line}`"))?;
        let bytes = fs::read(out.join(path)).with_context(|| path.to_owned())?;
        ensure!(sha256(&bytes) == sum, "{path} is not what was packed");
    }
    let step = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Step>();
    let npm =
        |name: &str| step(&["npm", "publish", &format!("./npm/{name}.tgz"), "--access", "public", "--provenance"]);
    let programs = TARGETS.iter().filter(|target| target.wheel.is_some());
    let mut steps: Vec<Step> = programs.map(|target| npm(&format!("cli-{}", target.name))).collect();
    steps.push(npm("openai-mcp"));
    steps.extend(all().filter(|server| !server.domain.is_empty()).map(|server| npm(server.domain)));
    steps.push(step(&["uv", "publish", "--trusted-publishing", "always", "pypi/*"]));
    let image = format!("{IMAGE}:{}", version());
    steps.push(step(&[
        "docker",
        "buildx",
        "build",
        "--platform",
        "linux/amd64,linux/arm64",
        "--provenance",
        "true",
        "--tag",
        &image,
        "--tag",
        &format!("{IMAGE}:latest"),
        "--push",
        "image",
    ]));
    steps.push(step(&["cosign", "sign", "--yes", &image]));
    let tag = format!("v{}", version());
    // Bundles are downloaded from the release, so the registry is told of them once a person has made it public.
    steps.push(step(&[
        "gh",
        "release",
        "create",
        &tag,
        "--draft",
        "--verify-tag",
        "--title",
        &tag,
        "--notes-file",
        "NOTES.md",
        "archives/*",
        "mcpb/*",
        "openai-mcp.cdx.json",
        "SHA256SUMS",
    ]));
    for own in tags.iter().filter(|own| **own != tag) {
        let (reference, sha) = (format!("ref=refs/tags/{own}"), format!("sha={commit}"));
        steps.push(step(&["gh", "api", "repos/{owner}/{repo}/git/refs", "-f", &reference, "-f", &sha]));
    }
    for step in steps.iter().filter(|step| step.first().is_some_and(|program| program == "npm")) {
        let file = step.get(2).map(String::as_str).unwrap_or_default();
        ensure!(sums.contains(&format!("  {}\n", file.trim_start_matches("./"))), "{file} was not packed");
    }
    Ok(steps)
}

/// The steps that tell the MCP registry, once the release is public.
pub fn registry() -> Vec<Step> {
    all()
        .map(|server| {
            let file = format!("registry/{}/server.json", id(server));
            vec!["mcp-publisher".to_owned(), "publish".to_owned(), file]
        })
        .collect()
}

/// Runs a step; `*` stands for the files of a folder.
///
/// # Errors
/// It fails.
pub fn execute(out: &Path, step: &Step) -> Result<()> {
    let (program, words) = step.split_first().context("an empty step")?;
    let mut arguments = Vec::new();
    for word in words {
        match word.strip_suffix("/*") {
            None => arguments.push(word.clone()),
            Some(folder) => {
                let mut files: Vec<String> = fs::read_dir(out.join(folder))?
                    .map(|entry| Ok(format!("{folder}/{}", entry?.file_name().to_string_lossy())))
                    .collect::<Result<_>>()?;
                files.sort();
                arguments.extend(files);
            }
        }
    }
    let status = Command::new(program).args(arguments).current_dir(out).status().with_context(|| program.clone())?;
    ensure!(status.success(), "{} ended with {status}", step.join(" "));
    Ok(())
}

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
