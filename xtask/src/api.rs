//! The API, as the official SDK knows it: `cargo xtask api`.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a task talks to the person who started it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::tools::{CLIENTS, execute, prerequisites, python_packages};
use crate::workspace::{Workspace, cargo};

/// What the SDK can request, a line each.
const LIST: &str = "e2e/api/requests.jsonl";

/// Arguments of `cargo xtask api`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fetch the newest SDK and tell what is new, changed or gone in it, and where that belongs
    #[arg(long)]
    latest: bool,
}

/// Takes over what the SDK of `e2e/requirements.txt` can request, and holds the servers against it; or looks ahead.
pub(crate) fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let list = workspace.root.join(LIST);
    let python = python_packages(&workspace, prerequisites()?, CLIENTS)?;
    if options.latest {
        let folder = tempfile::tempdir()?;
        let mut fetch = Command::new(&python);
        fetch.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        execute(fetch.arg("--target").arg(folder.path()).arg("openai"))?;
        let newest = extract(&workspace, &python, &folder.path().join("openai"))?;
        let version = format!("{}: what it has and e2e/requirements.txt's has not", version(folder.path())?);
        println!("{version}\n{}", report(&compare(&parse(&fs::read_to_string(&list)?)?, &parse(&newest)?)));
        return Ok(());
    }
    let place = r#"import importlib.util; print(importlib.util.find_spec("openai").submodule_search_locations[0])"#;
    let package = answer(Command::new(&python).args(["-c", place]))?;
    fs::write(&list, extract(&workspace, &python, Path::new(package.trim()))?)?;
    execute(cargo().args(["test", "--quiet", "--package", "openai-mcp", "--test", "all", "--", "servers::"]))
}

/// `openai-3.57.0`, as the folder of its metadata is called.
fn version(folder: &Path) -> Result<String> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(version) = name.strip_suffix(".dist-info").filter(|name| name.starts_with("openai-")) {
            return Ok(version.to_owned());
        }
    }
    Ok("openai".into())
}

fn extract(workspace: &Workspace, python: &Path, package: &Path) -> Result<String> {
    let api = workspace.root.join("e2e/api");
    answer(Command::new(python).arg(api.join("extract.py")).arg(package).arg(api.join("coverage.json")))
}

/// What a command prints.
fn answer(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}

/// A line of `requests.jsonl`.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) request: String,
    pub(crate) server: Option<String>,
    pub(crate) sdk: String,
    /// Parameters with their types, by place; a type begins with `!` if the parameter is required.
    #[serde(flatten)]
    pub(crate) places: BTreeMap<String, BTreeMap<String, String>>,
}

/// What the SDK can request, in the order of the list.
pub(crate) fn requests(workspace: &Workspace) -> Result<Vec<Request>> {
    lines(&fs::read_to_string(workspace.root.join(LIST))?)
}

fn lines(list: &str) -> Result<Vec<Request>> {
    Ok(list.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?)
}

fn parse(list: &str) -> Result<BTreeMap<String, Request>> {
    Ok(lines(list)?.into_iter().map(|request| (request.request.clone(), request)).collect())
}

/// What differs, by the server where it belongs.
fn compare(old: &BTreeMap<String, Request>, new: &BTreeMap<String, Request>) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut tell = |request: &Request, line: String| {
        let server = request.server.clone().unwrap_or_else(|| "no server yet".into());
        found.entry(server).or_default().push(line);
    };
    for (name, request) in new {
        let Some(before) = old.get(name) else {
            tell(request, format!("new      {name} ({})", request.sdk));
            continue;
        };
        let places: BTreeSet<&String> = request.places.keys().chain(before.places.keys()).collect();
        for place in places {
            let none = BTreeMap::new();
            let (before, after) =
                (before.places.get(place).unwrap_or(&none), request.places.get(place).unwrap_or(&none));
            for (parameter, kind) in after {
                match before.get(parameter) {
                    None => tell(request, format!("new      {name}: {place} `{parameter}`: {kind}")),
                    Some(was) if was != kind => {
                        tell(request, format!("changed  {name}: {place} `{parameter}`: {was}, now {kind}"));
                    }
                    Some(_) => {}
                }
            }
            for parameter in before.keys().filter(|parameter| !after.contains_key(*parameter)) {
                tell(request, format!("gone     {name}: {place} `{parameter}`"));
            }
        }
    }
    for (name, request) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        tell(request, format!("gone     {name} ({})", request.sdk));
    }
    found
}

fn report(found: &BTreeMap<String, Vec<String>>) -> String {
    if found.is_empty() {
        return "nothing".into();
    }
    let servers = found.iter().map(|(server, lines)| format!("\n{server}\n  {}", lines.join("\n  ")));
    servers.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{compare, parse, report};

    #[test]
    fn what_is_new_changed_and_gone_is_told_by_server() {
        let old = r#"{"request": "GET /a", "server": "a", "sdk": "a.list", "query": {"x": "int", "y": "str"}}
{"request": "GET /b", "server": "b", "sdk": "b.list"}"#;
        let new = r#"{"request": "GET /a", "server": "a", "sdk": "a.list", "query": {"x": "!int"}, "body": {"z": "str"}}
{"request": "POST /c", "server": null, "sdk": "c.create"}"#;
        let told = report(&compare(&parse(old).unwrap(), &parse(new).unwrap()));
        let expected = "
a
  new      GET /a: body `z`: str
  changed  GET /a: query `x`: int, now !int
  gone     GET /a: query `y`

b
  gone     GET /b (b.list)

no server yet
  new      POST /c (c.create)";
        assert_eq!(told, expected);
        assert_eq!(report(&compare(&parse(old).unwrap(), &parse(old).unwrap())), "nothing");
    }
}
