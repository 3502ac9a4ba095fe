//! Evals: what is graded, and by which criteria. <https://platform.openai.com/docs/api-reference/evals>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;

use crate::brief;

tools![Create, List, Get, Modify, Delete];

/// Create an eval: what its items are, and the criteria that grade answers.
///
/// Then eval-run-create. A text of a criterion may hold {{item.…}}, {{sample.output_text}}, {{sample.output_json.…}},
/// {{sample.output_tools[0].function.…}}.
#[tool("eval-create", POST "/evals", brief = brief::eval)]
pub(crate) struct Create {
    name: Option<String>,
    /// {type: custom, item_schema: JSON Schema, include_sample_schema: true where criteria read the sample}, or {type: logs |
    /// stored_completions, metadata?}
    data_source_config: Brief<Config>,
    /// Each {name, type, …}: string_check {input, reference, operation: eq | ne | like | ilike}; text_similarity {input,
    /// reference, pass_threshold, evaluation_metric: fuzzy_match | bleu | gleu | meteor | cosine | rouge_1…5 | rouge_l};
    /// label_model {model, input: messages, labels, passing_labels}; score_model {model, input: messages, range?,
    /// pass_threshold?, sampling_params?}; multi {graders, calculate_output, pass_threshold?}
    testing_criteria: Vec<JsonObject>,
    metadata: Option<Nullable<Metadata>>,
}

#[shape(tag = "type")]
enum Config {
    Custom { item_schema: JsonObject, include_sample_schema: Option<bool> },
    Logs { metadata: Option<JsonObject> },
    StoredCompletions { metadata: Option<JsonObject> },
}

/// List evals.
#[tool("eval-list", GET "/evals", brief = brief::eval)]
struct List {
    limit: Option<Int<1, 100>>,
    order: Option<Order>,
    order_by: Option<OrderBy>,
    after: Option<String>,
}

#[shape]
enum OrderBy {
    CreatedAt,
    UpdatedAt,
}

/// Get an eval: the schema of its items, its criteria.
#[tool("eval-get", GET "/evals/{eval_id}")]
pub(crate) struct Get {
    eval_id: String,
}

/// Change the name of an eval, or replace its metadata.
#[tool("eval-modify", POST "/evals/{eval_id}", destroys, idempotent, brief = brief::eval)]
struct Modify {
    eval_id: String,
    name: Option<String>,
    metadata: Option<Nullable<Metadata>>,
}

/// Delete an eval with its runs.
#[tool("eval-delete", DELETE "/evals/{eval_id}")]
struct Delete {
    eval_id: String,
}
