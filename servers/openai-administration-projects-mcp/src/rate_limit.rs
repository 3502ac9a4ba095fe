//! Rate limits of a project, one for each model.

use openai_mcp_kernel::prelude::*;

tools![List, Modify];

/// List a project's rate limits, by model.
#[tool("project-rate-limit-list", GET "/organization/projects/{project_id}/rate_limits")]
struct List {
    project_id: String,
    after: Option<String>,
    before: Option<String>,
    limit: Option<i64>,
}

/// Change a model's rate limits in a project; lower ones refuse calls at once.
#[tool("project-rate-limit-modify", POST "/organization/projects/{project_id}/rate_limits/{rate_limit_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    rate_limit_id: String,
    batch_1_day_max_input_tokens: Option<i64>,
    max_audio_megabytes_per_1_minute: Option<i64>,
    max_images_per_1_minute: Option<i64>,
    max_requests_per_1_day: Option<i64>,
    max_requests_per_1_minute: Option<i64>,
    max_tokens_per_1_minute: Option<i64>,
}
