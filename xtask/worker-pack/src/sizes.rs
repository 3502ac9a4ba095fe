//! What a Worker's code is made of: `cargo xtask worker sizes`.
//!
//! Read from the wasm that cargo made, whose functions still have names; what is shipped is some tenth smaller.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Crates that are told apart; the rest is summed.
const CRATES: usize = 24;
/// Modules of our own crates that are told apart.
const MODULES: usize = 16;

/// Prints the bytes of the functions of a wasm by crate, and those of ours by module.
pub(crate) fn print(title: &str, wasm: &Path) -> Result<()> {
    let bytes = fs::read(wasm)?;
    let (functions, data) = functions(&bytes)?;
    let code: usize = functions.iter().map(|(_, size)| size).sum();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{title}: {} KB of code in {} functions, {} KB of data", kb(code), functions.len(), kb(data))?;
    let (mut crates, mut modules) = (BTreeMap::new(), BTreeMap::new());
    for (name, size) in &functions {
        let path = path(name);
        let home = path.first().map_or("?", String::as_str);
        *crates.entry(home.to_owned()).or_insert(0) += size;
        if home.starts_with("openai_") {
            let module = path.get(..2).map_or_else(|| home.to_owned(), |two| two.join("::"));
            *modules.entry(module).or_insert(0) += size;
        }
    }
    table(&mut out, crates, CRATES, code)?;
    writeln!(out, "  of ours, by module:")?;
    table(&mut out, modules, MODULES, code)
}

fn table(out: &mut impl std::io::Write, sizes: BTreeMap<String, usize>, most: usize, all: usize) -> Result<()> {
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let rest = sizes.split_off(most.min(sizes.len()));
    if !rest.is_empty() {
        sizes.push((format!("{} others", rest.len()), rest.iter().map(|(_, size)| size).sum()));
    }
    for (name, size) in sizes {
        writeln!(out, "  {:>7} KB {:>5.1} %  {name}", kb(size), size as f64 * 100.0 / all as f64)?;
    }
    Ok(())
}

fn kb(bytes: usize) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

/// The name and size of every function, and the size of the data.
fn functions(bytes: &[u8]) -> Result<(Vec<(String, usize)>, usize)> {
    let (mut imported, mut sizes, mut names, mut data) = (0, Vec::new(), BTreeMap::new(), 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => sizes.push(body.range().len()),
            Payload::DataSection(section) => data += section.range().len(),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(parts) = section.as_known() else { continue };
                for part in parts {
                    let Name::Function(map) = part? else { continue };
                    for naming in map {
                        let naming = naming?;
                        names.insert(naming.index, naming.name);
                    }
                }
            }
            _ => {}
        }
    }
    let named = sizes.into_iter().zip(imported..).map(|(size, index)| {
        let name = names.get(&index).copied().unwrap_or("?");
        (format!("{:#}", rustc_demangle::demangle(name)), size)
    });
    Ok((named.collect(), data))
}

/// The path of what a function belongs to: of `<a::B as c::D>::e` that is `a::B`, and `c::D` where `a::B` is but a
/// letter for any type.
fn path(name: &str) -> Vec<String> {
    let mut paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter_map(|part| {
        let path: Vec<_> = part.split("::").filter(|step| !step.is_empty()).map(str::to_owned).collect();
        let only = path.len() == 1 && path.iter().all(|step| step.len() < 4 || step == "dyn" || step == "const");
        (!path.is_empty() && !only).then_some(path)
    });
    paths.next().unwrap_or_default()
}
