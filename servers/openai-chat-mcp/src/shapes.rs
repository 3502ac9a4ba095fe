//! What the tools of this server take, as far as a model writes it.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::{CacheMode, Detail, Effort, Level, Retention, Voice};

/// A number of tokens.
type Tokens = Int<1, { i64::MAX }>;

/// How the model is to answer.
#[shape]
pub(crate) struct Tuning {
    frequency_penalty: Option<Num<-2, 2>>,
    /// Token ids with a bias from -100 to 100.
    logit_bias: Option<JsonObject>,
    logprobs: Option<bool>,
    #[alias("max_output_tokens")]
    max_completion_tokens: Option<Tokens>,
    /// Deprecated: max_completion_tokens.
    #[unlisted]
    max_tokens: Option<Tokens>,
    /// Strings; with store alone.
    metadata: Option<Metadata>,
    moderation: Option<Moderation>,
    prediction: Option<Prediction>,
    presence_penalty: Option<Num<-2, 2>>,
    prompt_cache_key: Option<String>,
    prompt_cache_options: Option<PromptCacheOptions>,
    /// Deprecated: prompt_cache_options.
    #[unlisted]
    prompt_cache_retention: Option<Retention>,
    reasoning_effort: Option<Effort>,
    /// Hash of the end user.
    safety_identifier: Option<String>,
    seed: Option<i64>,
    service_tier: Option<ServiceTier>,
    /// At most 4.
    stop: Option<OneOrMany<String>>,
    /// Keep it at OpenAI, for chat-completion-get and the like.
    store: Option<bool>,
    temperature: Option<Num<0, 2>>,
    top_logprobs: Option<Int<0, 20>>,
    top_p: Option<Num<0, 1>>,
    /// Deprecated: safety_identifier.
    #[unlisted]
    user: Option<String>,
    verbosity: Option<Level>,
    web_search_options: Option<WebSearchOptions>,
}

/// What kind of answer it is to be.
#[shape]
pub(crate) struct Form {
    /// With modalities text and audio.
    audio: Option<AudioOutput>,
    modalities: Option<Vec<Modality>>,
    response_format: Option<ResponseFormat>,
}

/// What may be asked for beside the functions.
#[shape]
pub(crate) struct MoreOptions {
    #[flatten]
    tuning: Tuning,
    #[flatten]
    form: Form,
}

#[shape]
pub(crate) struct Message {
    role: Role,
    content: Option<Nullable<Content>>,
    name: Option<String>,
    tool_call_id: Option<String>,
    /// As the model gave them.
    tool_calls: Option<Vec<JsonObject>>,
    refusal: Option<Nullable<String>>,
    /// {id}
    audio: Option<JsonObject>,
    annotations: Option<Vec<JsonObject>>,
    function_call: Option<JsonObject>,
}

#[shape]
enum Role {
    Developer,
    System,
    User,
    Assistant,
    Tool,
    Function,
}

#[shape]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[shape(tag = "type")]
enum Part {
    Text {
        text: String,
        /// {mode: explicit}, at the end of a prefix to cache.
        prompt_cache_breakpoint: Option<JsonObject>,
    },
    ImageUrl {
        image_url: ImageUrl,
        prompt_cache_breakpoint: Option<JsonObject>,
    },
    InputAudio {
        /// {data: base64, format: wav or mp3}
        input_audio: JsonObject,
        prompt_cache_breakpoint: Option<JsonObject>,
    },
    File {
        /// {file_id}, or {filename, file_data: data URL}.
        file: JsonObject,
        prompt_cache_breakpoint: Option<JsonObject>,
    },
    Refusal {
        refusal: String,
    },
}

#[shape]
struct ImageUrl {
    url: String,
    detail: Option<Detail>,
}

// A message where a composite takes them: chat-completion-create tells what its parts may be.
#[shape]
pub(crate) struct Turn {
    role: Role,
    /// Text, or parts as in chat-completion-create.
    content: Option<Nullable<TurnContent>>,
    name: Option<String>,
    tool_call_id: Option<String>,
    tool_calls: Option<Vec<JsonObject>>,
    refusal: Option<Nullable<String>>,
    audio: Option<JsonObject>,
    annotations: Option<Vec<JsonObject>>,
    /// Deprecated: tool_calls.
    #[unlisted]
    function_call: Option<JsonObject>,
}

#[shape]
enum TurnContent {
    Text(String),
    Parts(Vec<JsonObject>),
}

#[shape(tag = "type")]
pub(crate) enum Tool {
    Function { function: Function },
    Custom { custom: Custom },
}

#[shape]
struct Function {
    name: String,
    description: Option<String>,
    /// JSON Schema of the arguments.
    parameters: Option<JsonObject>,
    strict: Option<Nullable<bool>>,
}

#[shape]
struct Custom {
    name: String,
    description: Option<String>,
    /// {type: text} or {type: grammar, grammar: {syntax: lark or regex, definition}}.
    format: Option<JsonObject>,
}

#[shape]
pub(crate) enum ToolChoice {
    Word(ToolChoiceWord),
    Named(NamedTool),
}

#[shape]
enum ToolChoiceWord {
    None,
    Auto,
    Required,
}

#[shape(tag = "type")]
enum NamedTool {
    Function {
        function: Name,
    },
    Custom {
        custom: JsonObject,
    },
    AllowedTools {
        /// {mode: auto or required, tools: [{type: function, function: {name}}]}
        allowed_tools: JsonObject,
    },
}

#[shape]
pub(crate) enum FunctionChoice {
    Word(FunctionWord),
    Named(Name),
}

#[shape]
enum FunctionWord {
    None,
    Auto,
}

#[shape]
struct Name {
    name: String,
}

#[shape]
struct AudioOutput {
    format: OutputFormat,
    /// As alloy, or {id} of a custom voice.
    voice: Voice,
}

#[shape]
enum OutputFormat {
    Wav,
    Aac,
    Mp3,
    Flac,
    Opus,
    Pcm16,
}

#[shape]
enum Modality {
    Text,
    Audio,
}

#[shape]
struct Moderation {
    model: String,
    /// {input, output}, each {mode: score or block}.
    policy: Option<Nullable<JsonObject>>,
}

#[shape]
struct Prediction {
    #[unlisted]
    r#type: PredictionType,
    content: PredictedContent,
}

#[shape]
enum PredictedContent {
    Text(String),
    Parts(Vec<JsonObject>),
}

#[shape]
enum PredictionType {
    Content,
}

#[shape]
struct PromptCacheOptions {
    mode: Option<CacheMode>,
    ttl: Option<CacheTtl>,
}

#[shape]
enum CacheTtl {
    #[wire("30m")]
    HalfHour,
}

#[shape(tag = "type")]
enum ResponseFormat {
    Text {},
    JsonObject {},
    JsonSchema { json_schema: JsonSchema },
}

#[shape]
struct JsonSchema {
    name: String,
    description: Option<String>,
    schema: Option<JsonObject>,
    strict: Option<Nullable<bool>>,
}

#[shape]
enum ServiceTier {
    Auto,
    Default,
    Flex,
    Scale,
    Priority,
    Fast,
}

#[shape]
struct WebSearchOptions {
    search_context_size: Option<Level>,
    /// {type: approximate, approximate: {city, country, region, timezone}}.
    user_location: Option<Nullable<JsonObject>>,
}

#[shape]
pub(crate) struct StreamOptions {
    include_obfuscation: Option<bool>,
    /// Default true.
    include_usage: Option<bool>,
}
