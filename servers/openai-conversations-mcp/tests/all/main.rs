//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_conversations_mcp::SERVER, 5 * 1024);
