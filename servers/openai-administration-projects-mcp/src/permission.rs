//! What a project may use.

use openai_mcp_kernel::prelude::*;

tools![Models, SetModels, FreeModels, Tools, SetTools];

/// Get the models that a project may use.
#[tool("project-model-permissions-get", GET "/organization/projects/{project_id}/model_permissions")]
struct Models {
    project_id: String,
}

/// Allow a project some models alone, or deny it some; replaces the old list.
#[tool("project-model-permissions-modify", POST "/organization/projects/{project_id}/model_permissions", destroys, idempotent)]
struct SetModels {
    project_id: String,
    mode: Mode,
    model_ids: Vec<String>,
}

/// Delete a project's list of models: it may use all again.
#[tool("project-model-permissions-delete", DELETE "/organization/projects/{project_id}/model_permissions")]
struct FreeModels {
    project_id: String,
}

/// Get the hosted tools that a project may use.
#[tool("project-hosted-tool-permissions-get", GET "/organization/projects/{project_id}/hosted_tool_permissions")]
struct Tools {
    project_id: String,
}

/// Switch a project's hosted tools on or off, each by {"enabled": false}.
#[tool("project-hosted-tool-permissions-modify", POST "/organization/projects/{project_id}/hosted_tool_permissions", destroys, idempotent)]
struct SetTools {
    project_id: String,
    code_interpreter: Option<Brief<Toggle>>,
    file_search: Option<Brief<Toggle>>,
    image_generation: Option<Brief<Toggle>>,
    mcp: Option<Brief<Toggle>>,
    web_search: Option<Brief<Toggle>>,
}

#[shape]
enum Mode {
    AllowList,
    DenyList,
}

#[shape]
struct Toggle {
    enabled: bool,
}
