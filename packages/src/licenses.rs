//! What is in the programs besides our own code, and under which terms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use spdx::{Expression, ParseMode};

use crate::names::version;

/// Licenses that may be in the programs. `deny.toml` has the same, for `cargo deny`.
pub const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// How the files begin that hold licenses and what has to be told with them.
const FILES: [&str; 6] = ["licen", "copying", "copyright", "notice", "unlicense", "patents"];

/// A crate that is linked into the programs.
pub struct Part {
    name: String,
    version: String,
    /// An SPDX expression.
    license: String,
    repository: String,
    /// The texts that come with it.
    texts: Vec<String>,
    /// What it depends on, by name and version.
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    repository: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// The crates that are linked into the program on any of these systems, by their triples.
///
/// # Errors
/// Cargo does not know the workspace's dependencies, or one has no license.
pub fn parts(root: &Path, triples: &[&str]) -> Result<Vec<Part>> {
    let mut found = BTreeMap::new();
    for triple in triples {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", triple])
            .current_dir(root)
            .output()?;
        ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
        let packages: BTreeMap<&str, &Package> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let root = metadata.packages.iter().find(|package| package.name == "openai-mcp" && package.source.is_none());
        let mut open = vec![root.context("there is no package openai-mcp")?.id.as_str()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
            if !seen.insert(id) {
                continue;
            }
            let linked =
                node.deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            let linked: Vec<&str> = linked.map(|dependency| dependency.pkg.as_str()).collect();
            open.extend(&linked);
            if package.source.is_some() {
                let depends_on = linked
                    .iter()
                    .filter_map(|id| packages.get(id))
                    .map(|package| purl(&package.name, &package.version));
                found.insert((package.name.clone(), package.version.clone()), part(package, depends_on.collect())?);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn part(package: &Package, depends_on: Vec<String>) -> Result<Part> {
    let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
    let mut files: Vec<PathBuf> = package.license_file.iter().map(|file| folder.join(file)).collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && FILES.iter().any(|start| name.starts_with(start)) && !files.contains(&path) {
            files.push(path);
        }
    }
    files.sort();
    let texts =
        files.iter().map(|file| Ok(String::from_utf8_lossy(&fs::read(file)?).replace("\r\n", "\n").trim().to_owned()));
    let license = package.license.as_deref().with_context(|| format!("{} tells no license", package.name))?;
    Ok(Part {
        name: package.name.clone(),
        version: package.version.clone(),
        // The older way to write it.
        license: license.replace('/', " OR "),
        repository: package.repository.clone().unwrap_or_default(),
        texts: texts.collect::<Result<_>>()?,
        depends_on,
    })
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

impl Part {
    fn expression(&self) -> Result<Expression> {
        Expression::parse_mode(&self.license, ParseMode::LAX)
            .map_err(|error| anyhow::anyhow!("{}: {}: {error}", self.name, self.license))
    }
}

/// Refuses what we may not ship.
///
/// # Errors
/// A crate is under none of the allowed licenses.
pub fn check(parts: &[Part]) -> Result<()> {
    for part in parts {
        let allowed =
            part.expression()?.evaluate(|wanted| wanted.license.id().is_some_and(|id| ALLOWED.contains(&id.name)));
        if !allowed {
            bail!("{} {} is under {}, which is not among the allowed ones", part.name, part.version, part.license);
        }
    }
    Ok(())
}

/// The text that goes with every program: what is in it, from where, and the licenses.
///
/// # Errors
/// A license is none of SPDX's.
pub fn text(parts: &[Part]) -> Result<String> {
    let mut text = "What openai-mcp contains besides its own code, with versions, licenses and sources. Nothing of it is changed.\n\
                    The source of what is under the MPL-2.0 is at the address beside it, as that version.\n\n"
        .to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        let name = format!("{} {}", part.name, part.version);
        text += &format!("{name}  {}  {}\n", part.license, part.repository);
        let mut own = part.texts.clone();
        if own.is_empty() {
            let expression = part.expression()?;
            let ids = expression.requirements().filter_map(|wanted| wanted.req.license.id());
            own.extend(ids.filter(|id| ALLOWED.contains(&id.name)).map(|id| id.text().trim().to_owned()));
        }
        for one in own {
            texts.entry(one).or_default().push(name.clone());
        }
    }
    for (one, names) in texts {
        text += &format!("\n{}\n{}\n\n{one}\n", "-".repeat(80), names.join(", "));
    }
    Ok(text)
}

/// The same as a bill of materials, CycloneDX 1.5. <https://cyclonedx.org/docs/1.5/json/>
pub fn bill(parts: &[Part]) -> Value {
    let components: Vec<Value> = parts
        .iter()
        .map(|part| {
            json!({
                "type": "library", "bom-ref": purl(&part.name, &part.version), "name": part.name, "version": part.version,
                "purl": purl(&part.name, &part.version), "licenses": [{"expression": part.license}],
            })
        })
        .collect();
    let dependencies: Vec<Value> = parts
        .iter()
        .map(|part| {
            let known =
                |reference: &&String| parts.iter().any(|other| purl(&other.name, &other.version) == **reference);
            let depends_on: BTreeSet<&String> = part.depends_on.iter().filter(known).collect();
            json!({"ref": purl(&part.name, &part.version), "dependsOn": depends_on})
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "openai-mcp", "version": version()}},
        "components": components,
        "dependencies": dependencies,
    })
}
