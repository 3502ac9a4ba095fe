//! Assistants. <https://platform.openai.com/docs/api-reference/assistants>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Effort;
use openai_mcp_shapes::page::TwoWayPage;

use crate::shapes::{ResponseFormat, Tool, ToolResources};

tools![Create, List, Get, Modify, Delete];

/// Create an assistant: a model with instructions and tools.
#[tool("assistant-create", POST "/assistants")]
struct Create {
    model: String,
    #[flatten]
    profile: Profile,
}

/// What an assistant is besides its model.
#[shape]
struct Profile {
    name: Option<Nullable<Text<0, 256>>>,
    description: Option<Nullable<Text<0, 512>>>,
    instructions: Option<Nullable<Text<0, 256_000>>>,
    tools: Option<Vec<Tool>>,
    /// {code_interpreter: {file_ids}, file_search: {vector_store_ids}}
    tool_resources: Option<Nullable<Brief<ToolResources>>>,
    metadata: Option<Nullable<Metadata>>,
    temperature: Option<Nullable<Num<0, 2>>>,
    top_p: Option<Nullable<Num<0, 1>>>,
    /// As chat completions take it.
    response_format: Option<Nullable<ResponseFormat>>,
    reasoning_effort: Option<Nullable<Effort>>,
}

/// List assistants.
#[tool("assistant-list", GET "/assistants")]
struct List {
    #[flatten]
    page: TwoWayPage,
}

/// Get an assistant.
#[tool("assistant-get", GET "/assistants/{assistant_id}")]
struct Get {
    assistant_id: String,
}

/// Change an assistant; what is given replaces what was.
///
/// Tools are as in assistant-create.
#[tool("assistant-modify", POST "/assistants/{assistant_id}", destroys, idempotent)]
struct Modify {
    assistant_id: String,
    model: Option<String>,
    #[flatten]
    #[brief]
    profile: Profile,
}

/// Delete an assistant; its threads stay.
#[tool("assistant-delete", DELETE "/assistants/{assistant_id}")]
struct Delete {
    assistant_id: String,
}
