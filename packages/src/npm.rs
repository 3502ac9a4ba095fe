//! Packages for npm: the program of each system, one that starts the right one of them, and one for each server.
//!
//! There is no install script: npm asks for approval of those, and pnpm blocks them. The program of the system comes as an
//! optional dependency of which npm takes the one that fits.

use std::sync::Arc;

use openai_mcp_kernel::server::Definition;
use serde_json::{Map, Value, json};

use crate::archive::{Entry, Program};
use crate::names::{LICENSE, LICENSES, REPOSITORY, arguments, keys, pretty, registered, version};
use crate::target::{TARGETS, Target};

/// The name of the package that holds a system's program.
fn platform_name(target: &Target) -> String {
    format!("@openai-mcp/cli-{}", target.name)
}

/// The name of a server's package.
pub fn name(server: &Definition) -> String {
    if server.domain.is_empty() { "openai-mcp".to_owned() } else { format!("@openai-mcp/{}", server.domain) }
}

/// What follows `npx` to start it.
pub fn npx(server: &Definition) -> Vec<String> {
    let mut words = vec!["-y".to_owned(), name(server)];
    if server.domain.is_empty() {
        words.push("stdio".to_owned());
    }
    words
}

fn common(name: &str, description: &str) -> Map<String, Value> {
    let Value::Object(common) = json!({
        "name": name,
        "version": version(),
        "description": description,
        "license": LICENSE,
        "repository": {"type": "git", "url": format!("git+{REPOSITORY}.git")},
    }) else {
        return Map::new();
    };
    common
}

/// The package of a system's program; none of a program for bundles alone.
pub fn platform(target: &Target, program: &Arc<Program>, licenses: &str) -> Option<Vec<Entry>> {
    target.wheel?;
    // Windows on ARM runs programs for x64.
    let processors: &[&str] = if target.system() == "win32" { &["x64", "arm64"] } else { &[target.processor()] };
    let mut manifest = common(&platform_name(target), &format!("The program of openai-mcp for {}", target.name));
    manifest.extend([
        ("os".to_owned(), json!([target.system()])),
        ("cpu".to_owned(), json!(processors)),
        ("files".to_owned(), json!(["bin", "LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"])),
        // Programs cannot be run from within Yarn's archives.
        ("preferUnplugged".to_owned(), true.into()),
    ]);
    let mut entries = vec![
        Entry::text("package/package.json", pretty(&manifest.into())),
        Entry::text(
            "package/README.md",
            format!("The program that [openai-mcp]({REPOSITORY}) starts on {}.\n", target.name),
        ),
        Entry::text("package/THIRD-PARTY.txt", licenses),
        Entry::program(format!("package/bin/{}", target.file()), program),
    ];
    entries.extend(licensed());
    Some(entries)
}

/// Our licenses, which every package has.
fn licensed() -> impl Iterator<Item = Entry> {
    LICENSES.into_iter().map(|(name, text)| Entry::text(format!("package/{name}"), text))
}

/// The package that starts the program of the system, with all servers behind one door; or one server by way of it.
pub fn package(server: &Definition) -> Vec<Entry> {
    let mut manifest = common(&name(server), server.summary);
    manifest.extend([
        ("mcpName".to_owned(), registered(server).into()),
        ("keywords".to_owned(), json!(["mcp", "mcp-server", "openai"])),
        ("engines".to_owned(), json!({"node": ">=18"})),
    ]);
    let (path, script) = if server.domain.is_empty() {
        let fits = TARGETS.iter().filter(|target| target.wheel.is_some());
        let programs: Map<_, _> = fits.map(|target| (platform_name(target), version().into())).collect();
        manifest.insert("optionalDependencies".into(), programs.into());
        ("bin/openai-mcp.js", include_str!("openai-mcp.js").to_owned())
    } else {
        manifest.insert("dependencies".into(), json!({"openai-mcp": version()}));
        let words = serde_json::to_string(&arguments(server)).unwrap_or_default();
        let script = format!(
            "#!/usr/bin/env node\n\"use strict\";\nprocess.argv.splice(2, 0, ...{words});\n\
             require(\"openai-mcp/bin/openai-mcp.js\");\n"
        );
        ("bin/server.js", script)
    };
    manifest.insert("bin".into(), json!({server.name(): path}));
    manifest.insert("files".into(), json!(["bin", "LICENSE-APACHE", "LICENSE-MIT"]));
    let mut entries = vec![
        Entry::text("package/package.json", pretty(&manifest.into())),
        Entry::text("package/README.md", readme(server)),
        Entry::script(format!("package/{path}"), script),
    ];
    entries.extend(licensed());
    entries
}

fn readme(server: &Definition) -> String {
    let name = name(server);
    let needed = keys(server).into_iter().filter(|key| key.required);
    let env: Map<String, Value> = needed.map(|key| (key.variable.to_owned(), key.example.into())).collect();
    let entry = json!({"mcpServers": {server.entry(): {"command": "npx", "args": npx(server), "env": env}}});
    let reference = match server.domain {
        "" => REPOSITORY.to_owned(),
        domain => format!("{REPOSITORY}/blob/main/docs/reference/{domain}.md"),
    };
    format!(
        "# {name}\n\n{}. An MCP server on standard input and output:\n\n```json\n{}```\n\n\
         [Its tools]({reference}). To try it without a key: `npx -y openai-mcp serve --sandbox`.\n",
        server.summary,
        pretty(&entry),
    )
}
