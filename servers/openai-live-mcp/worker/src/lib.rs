//! The Cloudflare Worker.
#![cfg(target_arch = "wasm32")]

openai_mcp_worker::serve!(openai_live_mcp::SERVER, sockets);
