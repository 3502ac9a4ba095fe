//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_models_mcp::SERVER, 2 * 1024);
