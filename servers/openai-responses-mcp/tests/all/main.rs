//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_responses_mcp::SERVER, 16 * 1024);
