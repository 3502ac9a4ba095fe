//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_vector_store_mcp::SERVER, 12 * 1024);
