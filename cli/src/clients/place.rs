//! Where clients keep their configuration.

use std::env;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use etcetera::BaseStrategy as _;

use super::client::Client;

/// For whom a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// The user, in all projects
    User,
    /// The project in the current folder
    Project,
}

/// The file that a client reads: of those that it takes, the first that is there, else the first whose folder is.
///
/// # Errors
/// The client has none for this scope, or there is no home.
pub(crate) fn of(client: Client, scope: Scope) -> Result<PathBuf, String> {
    let places = places(client, scope)?;
    let there = places.iter().find(|path| path.is_file());
    let near = || places.iter().find(|path| path.parent().is_some_and(|folder| folder.is_dir()));
    there
        .or_else(near)
        .or(places.first())
        .cloned()
        .ok_or_else(|| "this client has no file for a project: leave out --scope project".to_owned())
}

/// The files that a client reads, the usual one first.
///
/// # Errors
/// There is no home.
pub(crate) fn places(client: Client, scope: Scope) -> Result<Vec<PathBuf>, String> {
    if scope == Scope::Project {
        let names: &[&str] = match client {
            Client::ClaudeCode | Client::CopilotCli => &[".mcp.json"],
            Client::Codex => &[".codex/config.toml"],
            Client::Cursor => &[".cursor/mcp.json"],
            Client::Vscode => &[".vscode/mcp.json"],
            Client::GeminiCli => &[".gemini/settings.json"],
            Client::Kilo => &["kilo.jsonc", "kilo.json", ".kilo/kilo.jsonc", ".kilo/kilo.json"],
            Client::Zoo | Client::Roo => &[".roo/mcp.json"],
            Client::Opencode => &["opencode.json", "opencode.jsonc", ".opencode/opencode.json"],
            Client::Zed => &[".zed/settings.json"],
            Client::ClaudeDesktop
            | Client::ClaudeAi
            | Client::Chatgpt
            | Client::Cline
            | Client::Windsurf
            | Client::Goose
            | Client::LmStudio => &[],
        };
        return Ok(names.iter().map(PathBuf::from).collect());
    }
    let folders =
        etcetera::base_strategy::choose_native_strategy().map_err(|_| "there is no home folder".to_owned())?;
    let home = folders.home_dir().to_owned();
    // What programs on macOS keep under `Library/Application Support`, and on Windows under `AppData\Roaming`.
    let own = if cfg!(target_os = "macos") { folders.data_dir() } else { folders.config_dir() };
    // What programs that come from Unix keep under `.config` wherever they run.
    let unix = if cfg!(windows) { home.join(".config") } else { xdg(&home) };
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let extension = |id: &str, file: &str| own.join("Code/User/globalStorage").join(id).join("settings").join(file);
    Ok(match client {
        Client::ClaudeCode => vec![set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.clone()).join(".claude.json")],
        Client::ClaudeDesktop => {
            let packaged = if cfg!(windows) { packaged(&folders.cache_dir().join("Packages")) } else { Vec::new() };
            let folders = packaged.into_iter().chain([own]);
            folders.map(|folder| folder.join("Claude/claude_desktop_config.json")).collect()
        }
        Client::ClaudeAi | Client::Chatgpt => vec![],
        Client::Codex => vec![set("CODEX_HOME").unwrap_or_else(|| home.join(".codex")).join("config.toml")],
        Client::Cursor => vec![home.join(".cursor/mcp.json")],
        Client::Vscode => vec![own.join("Code/User/mcp.json")],
        Client::CopilotCli => {
            vec![set("COPILOT_HOME").unwrap_or_else(|| home.join(".copilot")).join("mcp-config.json")]
        }
        Client::GeminiCli => vec![home.join(".gemini/settings.json")],
        Client::Cline => match set("CLINE_MCP_SETTINGS_PATH") {
            Some(path) => vec![path],
            None => vec![
                extension("saoudrizwan.claude-dev", "cline_mcp_settings.json"),
                home.join(".cline/data/settings/cline_mcp_settings.json"),
            ],
        },
        Client::Kilo => vec![unix.join("kilo/kilo.jsonc"), unix.join("kilo/kilo.json")],
        Client::Zoo => vec![extension("zoocodeorganization.zoo-code", "mcp_settings.json")],
        Client::Roo => vec![extension("rooveterinaryinc.roo-cline", "mcp_settings.json")],
        Client::Opencode => vec![unix.join("opencode/opencode.json"), unix.join("opencode/opencode.jsonc")],
        Client::Windsurf => vec![home.join(".codeium/windsurf/mcp_config.json")],
        Client::Zed if cfg!(windows) => vec![own.join("Zed/settings.json")],
        Client::Zed => vec![unix.join("zed/settings.json")],
        Client::Goose if cfg!(windows) => vec![own.join("Block/goose/config/config.yaml")],
        Client::Goose => vec![unix.join("goose/config.yaml")],
        Client::LmStudio => vec![home.join(".lmstudio/mcp.json"), home.join(".cache/lm-studio/mcp.json")],
    })
}

/// What a Claude Desktop that comes as a package of Windows sees as `AppData\Roaming`: it finds no file in the real one.
/// <https://github.com/anthropics/claude-code/issues/26073>
fn packaged(packages: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(packages).into_iter().flatten().flatten();
    let claude = found.filter(|package| package.file_name().to_string_lossy().starts_with("Claude_"));
    claude.map(|package| package.path().join("LocalCache").join("Roaming")).collect()
}

/// `XDG_CONFIG_HOME` or `~/.config`.
fn xdg(home: &Path) -> PathBuf {
    let set = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| home.join(".config"))
}
