//! What is done with the wasm that cargo made of Workers, for `cargo xtask worker`:
//!
//! - `pack WASM FOLDER …` makes the modules of a Worker of each;
//! - `sizes NAME WASM …` prints what the code of each is made of.

mod sizes;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::{Bindgen, Output};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let (pairs, rest) = arguments.as_chunks();
    ensure!(rest.is_empty() && !pairs.is_empty(), "usage: worker-pack pack WASM FOLDER … | sizes NAME WASM …");
    pairs.iter().try_for_each(|[one, other]| match task.as_str() {
        "pack" => pack(Path::new(one), Path::new(other)).with_context(|| format!("cannot pack {one}")),
        "sizes" => sizes::print(one, Path::new(other)).with_context(|| format!("cannot read {other}")),
        _ => bail!("there is no task `{task}`"),
    })
}

fn pack(wasm: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("bg").typescript(false).remove_name_section(true).remove_producers_section(true);
    // After a crash the shim makes a new instance.
    bindgen.reset_state_function(true);
    bindgen.module(true)?;
    let mut output = bindgen.generate_output()?;
    let names = shorten(&mut output);
    output.emit(folder)?;
    // The runtime knows `import` of wasm, not `import source`.
    let glue = folder.join("bg.js");
    let mut text = fs::read_to_string(&glue)?.replace("import source ", "import ");
    for (long, short) in names {
        let (long, short) = (format!("\n        {long}: "), format!("\n        {short}: "));
        ensure!(text.matches(&long).count() == 1, "the glue has no import{long}");
        text = text.replace(&long, &short);
    }
    fs::write(&glue, text)?;
    fs::write(folder.join("index.js"), include_str!("index.js"))?;
    strip(folder)
}

/// Takes comments and indentation out of all JavaScript: a fifth of it, for no one who could read it.
fn strip(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            strip(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "js") {
            let text = fs::read_to_string(&path)?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            fs::write(&path, lines.flat_map(|line| [line, "\n"]).collect::<String>())?;
        }
    }
    Ok(())
}

/// Gives what the wasm imports short names, and says which. Long ones, a hash in each, stand in the wasm and in the glue,
/// and weigh a thirtieth of a small Worker.
fn shorten(output: &mut Output) -> Vec<(String, String)> {
    let imports = output.wasm_mut().imports.iter_mut().enumerate();
    imports
        .map(|(index, import)| (std::mem::replace(&mut import.name, format!("i{index}")), format!("i{index}")))
        .collect()
}
