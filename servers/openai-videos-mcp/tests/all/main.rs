//! Cases, schemas and the rules of the tool list.

openai_mcp_testkit::suite!(openai_videos_mcp::SERVER, 6 * 1024);
