//! Bundles that desktop clients install with a click. <https://github.com/modelcontextprotocol/mcpb>
//!
//! They are not signed: version 2.1.2 of the official tool breaks the zip for Claude Desktop when it does (mcpb#260).

use std::sync::Arc;

use openai_mcp_kernel::server::Definition;
use serde_json::{Map, Value, json};

use crate::archive::{Entry, Program};
use crate::names::{LICENSE, LICENSES, REPOSITORY, arguments, environment, keys, pretty, questions, version};
use crate::target::Target;

/// The file name of a server's bundle.
pub fn file(server: &Definition) -> String {
    format!("{}.mcpb", server.entry())
}

/// The bundle of a server, with the programs that there are.
pub fn package(server: &Definition, programs: &[(&Target, Arc<Program>)], licenses: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut systems = Vec::new();
    for (target, program) in programs {
        let path = match target.name {
            "darwin-universal" => "server/darwin/openai-mcp".to_owned(),
            "win32-x64" => "server/win32/openai-mcp.exe".to_owned(),
            name if target.system() == "linux" => {
                format!("server/linux/{}/openai-mcp", name.trim_start_matches("linux-"))
            }
            _ => continue,
        };
        if !systems.contains(&target.system()) {
            systems.push(target.system());
        }
        entries.push(Entry::program(path, program));
    }
    if systems.contains(&"linux") {
        entries.push(Entry::script("server/linux/launch.sh", include_str!("launch.sh")));
    }
    entries.push(Entry::text("THIRD-PARTY.txt", licenses));
    entries.extend(LICENSES.map(|(name, text)| Entry::text(name, text)));
    entries.insert(0, Entry::text("manifest.json", pretty(&manifest(server, &systems))));
    entries
}

/// How the program is started on a system, from within the bundle.
fn command(system: &str, server: &Definition) -> (String, Vec<String>) {
    let mut rest: Vec<String> = arguments(server).into_iter().map(str::to_owned).collect();
    rest.extend(["--root".to_owned(), "${user_config.folders}".to_owned()]);
    match system {
        // Hosts choose by system alone, and drop the right to execute (mcpb#10, mcpb#294).
        "linux" => {
            rest.insert(0, "${__dirname}/server/linux/launch.sh".to_owned());
            ("/bin/sh".to_owned(), rest)
        }
        "win32" => ("${__dirname}/server/win32/openai-mcp.exe".to_owned(), rest),
        _ => ("${__dirname}/server/darwin/openai-mcp".to_owned(), rest),
    }
}

/// The manifest of a bundle for these systems.
pub fn manifest(server: &Definition, systems: &[&str]) -> Value {
    let (usual, others) = systems.split_first().map_or(("darwin", &[][..]), |(first, others)| (*first, others));
    let keys = keys(server);
    let mut asked = questions(&keys);
    asked.insert(
        "folders".to_owned(),
        json!({
            "type": "directory", "title": "Folders", "description": "Files in these may be read, and new ones written",
            "multiple": true, "required": false, "default": ["${DOCUMENTS}"],
        }),
    );
    let (program, words) = command(usual, server);
    let overrides: Map<String, Value> = others
        .iter()
        .map(|system| {
            let (program, words) = command(system, server);
            ((*system).to_owned(), json!({"command": program, "args": words}))
        })
        .collect();
    let tools: Vec<Value> = server
        .specs()
        .filter(|spec| spec.setting.is_none())
        .map(|spec| json!({"name": spec.name, "description": first_sentence(spec.doc)}))
        .collect();
    let mut manifest = json!({
        "manifest_version": "0.3",
        "name": server.entry(),
        "display_name": server.title,
        "version": version(),
        "description": server.summary,
        "long_description": server.about,
        "author": {"name": "The openai-mcp authors", "url": REPOSITORY},
        "license": LICENSE,
        "repository": {"type": "git", "url": REPOSITORY},
        "keywords": ["openai"],
        "privacy_policies": ["https://openai.com/policies/privacy-policy"],
        "compatibility": {"platforms": systems},
        "server": {
            "type": "binary",
            "entry_point": program.replace("${__dirname}/", "").replace("/bin/sh", "server/linux/launch.sh"),
            "mcp_config": {
                "command": program,
                "args": words,
                "env": environment(&keys),
                "platform_overrides": overrides,
            },
        },
        "user_config": asked,
    });
    if let (false, Some(manifest)) = (tools.is_empty(), manifest.as_object_mut()) {
        manifest.insert("tools".into(), tools.into());
    } else if let Some(manifest) = manifest.as_object_mut() {
        manifest.insert("tools_generated".into(), true.into());
    }
    manifest
}

fn first_sentence(doc: &str) -> &str {
    doc.split_once(['.', '\n']).map_or(doc, |(first, _)| first)
}
