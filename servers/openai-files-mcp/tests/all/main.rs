//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_files_mcp::SERVER, 3 * 1024);
