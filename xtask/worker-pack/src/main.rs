//! `worker-pack WASM FOLDER …`: makes the modules of a Worker of each wasm that cargo built.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (pairs, rest) = arguments.as_chunks();
    ensure!(rest.is_empty() && !pairs.is_empty(), "usage: worker-pack WASM FOLDER …");
    for [wasm, folder] in pairs {
        pack(Path::new(wasm), Path::new(folder)).with_context(|| format!("cannot pack {wasm}"))?;
    }
    Ok(())
}

fn pack(wasm: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("bg").typescript(false).remove_name_section(true);
    // After a crash the shim makes a new instance.
    bindgen.reset_state_function(true);
    bindgen.module(true)?;
    bindgen.generate_output()?.emit(folder)?;
    // The runtime knows `import` of wasm, not `import source`.
    let glue = folder.join("bg.js");
    let text = fs::read_to_string(&glue)?;
    fs::write(&glue, text.replace("import source ", "import "))?;
    fs::write(folder.join("index.js"), include_str!("index.js"))?;
    Ok(())
}
