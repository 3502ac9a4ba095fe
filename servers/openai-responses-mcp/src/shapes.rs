//! What the tools of this server take, as far as a model writes it.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_shapes::items::Role;
use openai_mcp_shapes::{CacheMode, Detail, Effort, ImageFormat, Level};

/// A number of tokens.
pub(crate) type Tokens = Int<16, { i64::MAX }>;

#[shape]
pub(crate) enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// A message, function_call_output, mcp_approval_response, item_reference or any output item.
#[shape(open)]
pub(crate) struct Item {
    r#type: Option<String>,
    role: Option<Role>,
    content: Option<Content>,
    /// Of the call that `output` answers.
    call_id: Option<String>,
    /// Text, or parts as of content; other JSON becomes text.
    output: Option<CallOutput>,
    id: Option<String>,
    approval_request_id: Option<String>,
    approve: Option<bool>,
}

/// Any JSON, which lists show in the forms that hosts can write.
enum CallOutput {}

impl Shaped for CallOutput {
    const SHAPE: Shape = Shape::Brief { listed: of::<ListedOutput>, taken: of::<Json>, options: false };
}

#[shape]
enum ListedOutput {
    Text(String),
    Object(Object),
    Parts(Vec<Object>),
}

#[shape]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[shape(tag = "type", open)]
enum Part {
    InputText {
        text: String,
    },
    InputImage {
        file_id: Option<String>,
        /// Also as a data URL.
        image_url: Option<String>,
        detail: Option<Detail>,
    },
    InputFile {
        file_id: Option<String>,
        file_url: Option<String>,
        filename: Option<String>,
        /// Data URL.
        file_data: Option<String>,
    },
    OutputText {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    ReasoningText {
        text: String,
    },
    EncryptedContent {
        encrypted_content: String,
    },
}

#[shape]
pub(crate) enum Conversation {
    Id(String),
    Object(ConversationId),
}

#[shape]
pub(crate) struct ConversationId {
    id: String,
}

/// Further fields of a tool go out as given.
#[shape(tag = "type", open)]
pub(crate) enum Tool {
    Function {
        name: Option<String>,
        description: Option<String>,
        /// JSON Schema of the arguments.
        parameters: Option<Nullable<Object>>,
        strict: Option<Nullable<bool>>,
    },
    Custom {
        name: Option<String>,
        description: Option<String>,
        /// {type: text} or {type: grammar, syntax: lark or regex, definition}
        format: Option<Object>,
    },
    WebSearch {
        search_context_size: Option<Level>,
        /// {type: approximate, city, country, region, timezone}
        user_location: Option<Nullable<Object>>,
        /// web_search: {allowed_domains}; file_search: as in vector-store-search.
        filters: Option<Nullable<Object>>,
    },
    FileSearch {
        vector_store_ids: Vec<String>,
        max_num_results: Option<Int<1, 50>>,
        filters: Option<Nullable<Object>>,
        /// {ranker, score_threshold}
        ranking_options: Option<Object>,
    },
    CodeInterpreter {
        /// Id, or {type: auto, file_ids}; default {type: auto}.
        container: Option<IdOrObject>,
    },
    ImageGeneration {
        /// As 1536x1024.
        size: Option<String>,
        /// low, medium, high or auto.
        quality: Option<String>,
        output_format: Option<ImageFormat>,
        /// transparent, opaque or auto.
        background: Option<String>,
    },
    Mcp {
        server_label: String,
        server_url: Option<String>,
        authorization: Option<String>,
        /// Names.
        allowed_tools: Option<Nullable<Allowed>>,
        /// always, never, or {never: {tool_names}}.
        require_approval: Option<Nullable<IdOrObject>>,
    },
    Shell {
        /// {type: container_auto, file_ids, skills}, {type: container_reference, container_id} or {type: local}.
        environment: Option<Nullable<Object>>,
    },
    Computer {},
    ApplyPatch {},
    LocalShell {},
    ToolSearch {},
    Namespace {},
    ProgrammaticToolCalling {},
    ComputerUsePreview {},
    WebSearchPreview {},
    #[wire("web_search_2025_08_26")]
    WebSearch2025 {},
    #[wire("web_search_preview_2025_03_11")]
    WebSearchPreview2025 {},
}

#[shape]
enum Allowed {
    Names(Vec<String>),
    Filter(Object),
}

#[shape]
enum IdOrObject {
    Id(String),
    Object(Object),
}

#[shape]
pub(crate) enum ToolChoice {
    Word(ToolChoiceWord),
    Named(ToolChoiceObject),
}

#[shape]
pub(crate) enum ToolChoiceWord {
    None,
    Auto,
    Required,
}

/// {type: function, name}, {type: file_search}, {type: allowed_tools, mode, tools}, …
#[shape(open)]
pub(crate) struct ToolChoiceObject {
    r#type: String,
    name: Option<String>,
}

#[shape]
pub(crate) struct TextConfig {
    format: Option<Format>,
    verbosity: Option<Nullable<Level>>,
}

#[shape(tag = "type", open)]
enum Format {
    Text {},
    JsonSchema {
        /// Default output.
        name: Option<String>,
        /// Of an object; with strict, made to fit strict mode.
        schema: Option<Object>,
        strict: Option<Nullable<bool>>,
        description: Option<String>,
    },
    JsonObject {},
}

#[shape]
pub(crate) struct Reasoning {
    effort: Option<Nullable<Effort>>,
    summary: Option<Nullable<Summary>>,
    context: Option<Nullable<ReasoningContext>>,
    /// standard or pro.
    mode: Option<String>,
    /// Deprecated: summary.
    #[unlisted]
    generate_summary: Option<Nullable<Summary>>,
}

#[shape]
enum Summary {
    Auto,
    Concise,
    Detailed,
}

#[shape]
enum ReasoningContext {
    Auto,
    CurrentTurn,
    AllTurns,
}

#[shape]
pub(crate) struct BackgroundOptions {
    /// 2h and 8h cost less, and want background without stream.
    completion_window: Option<CompletionWindow>,
    /// Marks related requests.
    continuation_id: Option<String>,
}

#[shape]
enum CompletionWindow {
    Soonest,
    #[wire("2h")]
    TwoHours,
    #[wire("8h")]
    EightHours,
}

#[shape]
pub(crate) struct StreamOptions {
    include_obfuscation: Option<bool>,
}

#[shape]
pub(crate) struct ContextManagement {
    #[unlisted]
    r#type: Compaction,
    /// Tokens from which on it compacts.
    compact_threshold: Option<Nullable<Int<1000, { i64::MAX }>>>,
}

#[shape]
enum Compaction {
    Compaction,
}

#[shape]
pub(crate) enum Truncation {
    Auto,
    Disabled,
}

#[shape]
pub(crate) enum ServiceTier {
    Auto,
    Default,
    Flex,
    Scale,
    Priority,
    Fast,
    Ultrafast,
}

#[shape(open)]
pub(crate) struct Prompt {
    id: String,
    version: Option<Nullable<String>>,
    variables: Option<Nullable<Object>>,
}

#[shape]
pub(crate) struct PromptCacheOptions {
    mode: Option<CacheMode>,
    ttl: Option<CacheTtl>,
    /// Fill the cache, answer nothing.
    prewarm: Option<bool>,
    comparison_response_id: Option<Nullable<String>>,
}

#[shape]
enum CacheTtl {
    #[wire("30m")]
    HalfHour,
    #[wire("12h")]
    HalfDay,
}

#[shape]
pub(crate) struct Moderation {
    model: String,
    /// {input, output}, each {mode: score or block}.
    policy: Option<Nullable<Object>>,
}

#[shape]
pub(crate) struct ImageOptions {
    context_compression: Option<Compression>,
}

#[shape]
enum Compression {
    Auto,
    Enabled,
    Disabled,
}

#[shape]
pub(crate) struct AccessPrograms {
    cyber: Option<Cyber>,
}

#[shape]
enum Cyber {
    Standard,
    DaybreakBlue,
    DaybreakRed,
}

#[shape]
pub(crate) struct MultiAgent {
    enabled: bool,
    max_concurrent_subagents: Option<Int<1, { i64::MAX }>>,
}

// What response-create tells more of.
#[shape]
pub(crate) enum PlainInput {
    Text(String),
    Items(Vec<PlainItem>),
}

#[shape(open)]
pub(crate) struct PlainItem {
    r#type: Option<String>,
    #[unlisted]
    role: Option<Role>,
    #[unlisted]
    content: Option<Json>,
}

#[shape(open)]
pub(crate) struct Typed {
    r#type: Option<String>,
}

#[shape(open)]
pub(crate) struct Object {}

#[shape]
pub(crate) struct CompactCacheOptions {
    mode: Option<CacheMode>,
    ttl: Option<CompactTtl>,
}

#[shape]
enum CompactTtl {
    #[wire("30m")]
    HalfHour,
}

#[shape]
pub(crate) enum CompactTier {
    Auto,
    Default,
    Flex,
    Priority,
    Fast,
}
