//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_administration_security_mcp::SERVER, 17 * 1024);
