//! What several tools take. <https://platform.openai.com/docs/api-reference/assistants>

use openai_mcp_kernel::prelude::*;

#[shape]
pub(crate) enum Role {
    User,
    Assistant,
}

#[shape(tag = "type")]
pub(crate) enum Tool {
    CodeInterpreter,
    FileSearch {
        /// max_num_results, ranking_options
        file_search: Option<JsonObject>,
    },
    Function {
        /// name, description, parameters (JSON Schema), strict
        function: JsonObject,
    },
}

#[shape]
pub(crate) struct ToolResources {
    code_interpreter: Option<JsonObject>,
    file_search: Option<JsonObject>,
}

#[shape]
pub(crate) struct NewMessage {
    role: Role,
    content: Content,
    attachments: Option<Nullable<Vec<Attachment>>>,
    metadata: Option<Nullable<Metadata>>,
}

#[shape]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[shape(tag = "type")]
pub(crate) enum Part {
    Text { text: String },
    ImageFile { image_file: JsonObject },
    ImageUrl { image_url: JsonObject },
}

#[shape]
pub(crate) enum ResponseFormat {
    Word(FormatWord),
    Object(JsonObject),
}

#[shape]
pub(crate) enum FormatWord {
    Auto,
}

#[shape]
pub(crate) enum ToolChoice {
    Word(ChoiceWord),
    Tool(JsonObject),
}

#[shape]
pub(crate) enum ChoiceWord {
    None,
    Auto,
    Required,
}

#[shape]
pub(crate) struct Attachment {
    file_id: Option<String>,
    tools: Option<Vec<AttachmentTool>>,
}

#[shape(tag = "type")]
pub(crate) enum AttachmentTool {
    CodeInterpreter,
    FileSearch,
}

#[shape]
pub(crate) struct Truncation {
    r#type: TruncationKind,
    last_messages: Option<Nullable<Int<1, 100_000>>>,
}

#[shape]
pub(crate) enum TruncationKind {
    Auto,
    LastMessages,
}

#[shape]
pub(crate) enum Include {
    #[wire("step_details.tool_calls[*].file_search.results[*].content")]
    SearchedContent,
}
