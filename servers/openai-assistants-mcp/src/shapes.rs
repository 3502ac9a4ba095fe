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
        file_search: Option<Brief<Search>>,
    },
    Function {
        /// name, description, parameters (JSON Schema), strict
        function: Brief<Function>,
    },
}

#[shape]
struct Search {
    max_num_results: Option<Int<1, 50>>,
    ranking_options: Option<Ranking>,
}

#[shape]
struct Ranking {
    ranker: Option<String>,
    score_threshold: Option<Num<0, 1>>,
}

#[shape]
struct Function {
    name: Text<1, 64>,
    description: Option<String>,
    parameters: Option<JsonObject>,
    strict: Option<bool>,
}

#[shape]
pub(crate) struct ToolResources {
    code_interpreter: Option<Code>,
    file_search: Option<Stores>,
}

#[shape]
struct Code {
    file_ids: Option<Vec<String>>,
}

#[shape]
struct Stores {
    vector_store_ids: Option<Vec<String>>,
    vector_stores: Option<Vec<NewStore>>,
}

#[shape]
struct NewStore {
    file_ids: Option<Vec<String>>,
    chunking_strategy: Option<JsonObject>,
    metadata: Option<Metadata>,
}

/// A thread that is to be made.
#[shape]
pub(crate) struct NewThread {
    messages: Option<Vec<NewMessage>>,
    /// {code_interpreter: {file_ids}, file_search: {vector_store_ids}}
    tool_resources: Option<Nullable<Brief<ToolResources>>>,
    metadata: Option<Nullable<Metadata>>,
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
    ImageFile { image_file: Brief<ImageFile> },
    ImageUrl { image_url: Brief<ImageUrl> },
}

#[shape]
struct ImageFile {
    file_id: String,
    detail: Option<ImageDetail>,
}

#[shape]
struct ImageUrl {
    url: String,
    detail: Option<ImageDetail>,
}

#[shape]
enum ImageDetail {
    Auto,
    Low,
    High,
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
    Tool(Brief<ToolName>),
}

#[shape(tag = "type")]
enum ToolName {
    CodeInterpreter,
    FileSearch,
    Function { function: FunctionName },
}

#[shape]
struct FunctionName {
    name: String,
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
