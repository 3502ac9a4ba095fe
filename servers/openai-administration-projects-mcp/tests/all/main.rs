//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_administration_projects_mcp::SERVER, 20 * 1024);
