//! MCP serving and OpenAI request planning, without sockets, clocks or disks
