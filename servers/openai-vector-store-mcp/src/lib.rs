//! MCP server for OpenAI vector stores
