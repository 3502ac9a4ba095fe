//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_chatkit_mcp::SERVER, 4 * 1024);
