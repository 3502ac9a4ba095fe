//! The clients whose configuration is known.

use clap::ValueEnum;

/// A program that uses MCP servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code: ~/.claude.json, .mcp.json
    ClaudeCode,
    /// Claude Desktop: claude_desktop_config.json
    ClaudeDesktop,
    /// claude.ai: what to paste where
    ClaudeAi,
    /// ChatGPT: what to paste where
    Chatgpt,
    /// Codex: ~/.codex/config.toml, .codex/config.toml
    Codex,
    /// Cursor: ~/.cursor/mcp.json, .cursor/mcp.json
    Cursor,
    /// VS Code: mcp.json of the user, .vscode/mcp.json
    Vscode,
    /// GitHub Copilot CLI: ~/.copilot/mcp-config.json, .mcp.json
    CopilotCli,
    /// Gemini CLI: ~/.gemini/settings.json, .gemini/settings.json
    GeminiCli,
    /// Cline: cline_mcp_settings.json
    Cline,
    /// Kilo Code: ~/.config/kilo/kilo.jsonc, kilo.jsonc
    Kilo,
    /// Zoo Code, which follows Roo Code: mcp_settings.json, .roo/mcp.json
    Zoo,
    /// Roo Code, which ended in May 2026, and its forks: mcp_settings.json, .roo/mcp.json
    Roo,
    /// opencode: ~/.config/opencode/opencode.json, opencode.json
    Opencode,
    /// Windsurf: ~/.codeium/windsurf/mcp_config.json
    Windsurf,
    /// Zed: settings.json, .zed/settings.json
    Zed,
    /// Goose: config.yaml
    Goose,
    /// LM Studio: ~/.lmstudio/mcp.json
    LmStudio,
}
