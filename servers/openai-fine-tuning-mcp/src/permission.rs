//! Which projects may use a checkpoint. <https://platform.openai.com/docs/api-reference/fine-tuning/list-permissions>
//!
//! These take an admin key, although the official SDK sends the project's.

use openai_mcp_kernel::prelude::*;

tools![List, Create, Delete];

/// List the projects that may use a checkpoint. Takes an admin key.
#[tool("fine-tune-permissions-list", GET "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions", admin)]
struct List {
    /// As ft:gpt-4o-mini-2024-07-18:org::id:ckpt-step-80.
    fine_tuned_model_checkpoint: String,
    project_id: Option<String>,
    limit: Option<u32>,
    order: Option<Order>,
    /// Id of the last permission of the page before.
    after: Option<String>,
}

#[shape]
enum Order {
    Ascending,
    Descending,
}

/// Let projects use a checkpoint. Takes an admin key.
#[tool("fine-tune-permissions-create", POST "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions", admin)]
struct Create {
    fine_tuned_model_checkpoint: String,
    project_ids: Vec<String>,
}

/// Take a project's permission to use a checkpoint away. Takes an admin key.
#[tool("fine-tune-permissions-delete", DELETE "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions/{permission_id}", admin)]
struct Delete {
    fine_tuned_model_checkpoint: String,
    permission_id: String,
}
