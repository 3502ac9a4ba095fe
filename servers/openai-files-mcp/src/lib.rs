//! MCP server for OpenAI files
