//! Invariants of the code that only its text shows.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::new::singular;
use crate::workspace::{Package, Workspace, domain};
use crate::{api, layers, wrangler};

/// Names of domains that the kernel uses for things of its own.
const OWN_WORDS: &[&str] = &[
    "agent",
    "api_key",
    "audio",
    "batch",
    "chat",
    "completion",
    "conversation",
    "eval",
    "file",
    "image",
    "live",
    "model",
    "response",
    "upload",
    "video",
];

/// What reaches for a clock, a disk, the environment or a runtime: `native` and `worker` alone may.
const IMPURE: &[&str] =
    &["Instant::now", "SystemTime::now", "std::env", "std::fs", "std::net", "std::process", "std::thread", "tokio::"];

/// What every server folder has; its tests hold what is particular to it.
const SERVER_FILES: &[&str] =
    &["CHANGELOG.md", "Cargo.toml", "README.md", "src/lib.rs", "src/main.rs", "tests", "worker", "wrangler.jsonc"];

/// Checks the textual invariants alone.
pub(crate) fn run() -> Result<()> {
    check(&Workspace::load()?)
}

/// Checks every invariant and names all violations at once.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut faults = Vec::new();
    dependencies(workspace, &mut faults);
    server_folders(workspace, &mut faults)?;
    umbrella(workspace, &mut faults)?;
    workers(workspace, &mut faults)?;
    kernel_words(workspace, &mut faults)?;
    purity(workspace, &mut faults)?;
    library_tests(workspace, &mut faults)?;
    layers::check(workspace, &mut faults)?;
    if faults.is_empty() {
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!("{} tidy faults", faults.len())
}

fn dependencies(workspace: &Workspace, faults: &mut Vec<String>) {
    let members: BTreeSet<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    let servers: BTreeSet<&str> = workspace.members("servers").map(|package| package.name.as_str()).collect();
    let within = |package: &'_ Package| -> Vec<(String, bool)> {
        let own = package.dependencies.iter().filter(|dependency| members.contains(dependency.name.as_str()));
        own.map(|dependency| (dependency.name.clone(), dependency.kind.as_deref() == Some("dev"))).collect()
    };
    let layers = [
        ("line", [].as_slice()),
        ("kernel", &["openai-mcp-line", "openai-mcp-macros"]),
        ("shapes", &["openai-mcp-kernel"]),
        ("pictures", &["openai-mcp-kernel"]),
        ("plots", &[]),
        ("graders", &["openai-mcp-plots", "openai-mcp-tables"]),
        ("sound", &["openai-mcp-kernel"]),
        ("tables", &[]),
        ("zones", &[]),
        ("native", &["openai-mcp-kernel"]),
        (
            "servers",
            &[
                "openai-mcp-kernel",
                "openai-mcp-shapes",
                "openai-mcp-pictures",
                "openai-mcp-plots",
                "openai-mcp-graders",
                "openai-mcp-sound",
                "openai-mcp-tables",
                "openai-mcp-zones",
                "openai-mcp-native",
            ],
        ),
    ];
    for (folder, below) in layers {
        for package in workspace.members(folder) {
            for (dependency, for_tests) in within(package) {
                let is_below = for_tests || below.contains(&dependency.as_str());
                if !is_below || servers.contains(dependency.as_str()) {
                    faults.push(format!("{} depends on {dependency}", package.name));
                }
            }
        }
    }
}

fn server_folders(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let mut sets: BTreeMap<BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for package in workspace.members("servers") {
        for file in SERVER_FILES {
            if !package.folder().join(file).exists() {
                faults.push(format!("{} has no {file}", package.name));
            }
        }
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(package.folder())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // What tools leave behind is not ours.
            if !name.starts_with('.') {
                names.insert(name);
            }
        }
        sets.entry(names).or_default().push(&package.name);
    }
    if sets.len() > 1 {
        faults.push(format!("server folders differ: {sets:?}"));
    }
    Ok(())
}

/// The umbrella carries every server.
fn umbrella(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let table = read(&workspace.root.join("cli/src/lib.rs"))?;
    for package in workspace.members("servers") {
        let entry = format!("&{}::SERVER,", package.name.replace('-', "_"));
        if !table.lines().any(|line| line.trim() == entry) {
            faults.push(format!("`SERVERS` in cli/src/lib.rs has no {entry}"));
        }
    }
    Ok(())
}

/// What one Worker is spared or granted, all are: their files differ in their names, and in what they bind.
fn workers(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let mut model: Option<(&str, Vec<String>)> = None;
    for package in workspace.members("servers") {
        let Some(domain) = domain(&package.name) else {
            faults.push(format!("{} is no openai-{{domain}}-mcp", package.name));
            continue;
        };
        let lines = wrangler::common(&read(&package.folder().join(wrangler::FILE))?, domain);
        let Some((first, expected)) = &model else {
            model = Some((&package.name, lines));
            continue;
        };
        let only = |some: &[String], others: &[String]| -> Vec<String> {
            some.iter().filter(|line| !others.contains(line)).cloned().collect()
        };
        if lines != *expected {
            let (here, there) = (only(&lines, expected), only(expected, &lines));
            let file = wrangler::FILE;
            faults.push(format!("{file} of {} and of {first} differ: {here:?}, {there:?}", package.name));
        }
    }
    Ok(())
}

/// Words of one API domain: names of servers, and what paths of the API have of two words or more. The kernel serves them
/// all and names none.
fn domain_words(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for request in api::requests(workspace)? {
        let path = request.request.split(['/', '?']).map(|part| part.trim_matches(['{', '}']));
        words.extend(path.map(|part| part.trim_end_matches("_id")).filter(|part| part.contains('_')).map(singular));
        words.extend(request.server.map(|server| singular(&server).replace('-', "_")));
    }
    Ok(words)
}

/// What an id is of, which its beginning tells: a table of the whole API, where each domain has its line.
const KINDS_OF_IDS: &str = "schema/ids.rs";

fn kernel_words(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let words = domain_words(workspace)?;
    let mut used = BTreeSet::new();
    for file in rust_files(&workspace.root.join("kernel/src"))? {
        if file.ends_with(KINDS_OF_IDS) {
            continue;
        }
        for (number, line) in read(&file)?.lines().enumerate() {
            let lower = line.to_lowercase().replace('-', "_");
            for word in words.iter().filter(|word| lower.contains(word.as_str())) {
                if OWN_WORDS.contains(&word.as_str()) {
                    used.insert(word.as_str());
                } else {
                    faults.push(format!("{} names a domain: {word}", place(workspace, &file, number)));
                }
            }
        }
    }
    let unused = OWN_WORDS.iter().filter(|word| !used.contains(**word));
    faults.extend(unused.map(|word| format!("{word} is no word of the kernel's any more")));
    Ok(())
}

fn purity(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    let pure = ["line", "kernel", "shapes", "pictures", "plots", "graders", "sound", "tables", "zones", "servers"];
    for package in pure.into_iter().flat_map(|folder| workspace.members(folder)) {
        for file in rust_files(&package.folder().join("src"))? {
            if file.file_name().is_some_and(|name| name == "main.rs") {
                continue;
            }
            for (number, line) in code_lines(&read(&file)?) {
                for call in IMPURE.iter().filter(|call| line.contains(**call)) {
                    faults.push(format!("{} reaches outside: {call}", place(workspace, &file, number)));
                }
            }
        }
    }
    Ok(())
}

/// A library is compiled a second time for its unit tests: where there are none, its manifest says so, and where it says so
/// there are none. Docs have no examples to be compiled, since that would take half a minute of each run and compile the
/// project anew in an empty clone: what is shown to work stands in a test.
fn library_tests(workspace: &Workspace, faults: &mut Vec<String>) -> Result<()> {
    for package in &workspace.packages {
        let Some(library) = package
            .targets
            .iter()
            .find(|target| target.kind.iter().any(|kind| kind.ends_with("lib") || kind == "proc-macro"))
        else {
            continue;
        };
        let mut tests = false;
        for file in rust_files(&package.folder().join("src"))? {
            let text = read(&file)?;
            tests |= text.lines().any(|line| line.trim() == "#[cfg(test)]");
            if has_example(&text) {
                faults.push(format!("{}: an example in docs, which no test compiles", file.display()));
            }
        }
        for (key, declared, found) in [("test", library.test, tests), ("doctest", library.doctest, false)] {
            if declared != found {
                let name = &package.name;
                faults.push(format!("{name}: `[lib]` needs `{key} = {found}`"));
            }
        }
    }
    Ok(())
}

/// Whether docs have a block of code that rustdoc would run.
fn has_example(text: &str) -> bool {
    let docs = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))
    });
    let mut fences = docs.filter_map(|line| line.trim_start().strip_prefix("```"));
    // Every other fence ends a block.
    let mut opens = std::iter::from_fn(|| {
        let open = fences.next();
        fences.next();
        open
    });
    opens.any(|kind| matches!(kind.trim(), "" | "rust" | "no_run" | "should_panic" | "compile_fail"))
}

/// The lines of a file that are not comments, with their index.
fn code_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn place(workspace: &Workspace, file: &Path, line: usize) -> String {
    format!("{}:{}", file.strip_prefix(&workspace.root).unwrap_or(file).display(), line + 1)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    files(folder, "rs")
}

/// The files with an extension in a folder and the folders below it, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
