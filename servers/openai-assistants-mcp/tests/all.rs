//! Cases, schemas and the rules of the tool list; the state machine against the sandbox.

mod machine;

openai_mcp_testkit::suite!(openai_assistants_mcp::SERVER, 20 * 1024);
