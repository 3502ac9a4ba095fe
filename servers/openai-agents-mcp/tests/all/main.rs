//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_agents_mcp::SERVER, 18 * 1024);
