//! What was used, and what it cost, as the API tells it: in buckets of time.
//! <https://platform.openai.com/docs/api-reference/usage>

use openai_mcp_kernel::prelude::*;

tools![
    Completions,
    Embeddings,
    Moderations,
    Images,
    AudioSpeeches,
    AudioTranscriptions,
    VectorStores,
    CodeInterpreterSessions,
    FileSearchCalls,
    WebSearchCalls,
    Decisions,
    Costs,
];

/// Show tokens and requests of text models.
#[tool("usage-completions", GET "/organization/usage/completions", reads)]
pub(crate) struct Completions {
    #[flatten]
    usage: OfTiers,
}

/// Show tokens and requests of embeddings.
#[tool("usage-embeddings", GET "/organization/usage/embeddings", reads)]
pub(crate) struct Embeddings {
    #[flatten]
    usage: OfModels,
}

/// Show tokens and requests of moderations.
#[tool("usage-moderations", GET "/organization/usage/moderations", reads)]
pub(crate) struct Moderations {
    #[flatten]
    usage: OfModels,
}

/// Show how many images were made.
#[tool("usage-images", GET "/organization/usage/images", reads)]
pub(crate) struct Images {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByImage>>,
    #[flatten]
    of: Of,
    models: Option<Vec<String>>,
    sizes: Option<Vec<ImageSize>>,
    sources: Option<Vec<ImageSource>>,
}

/// Show characters that were spoken.
#[tool("usage-audio-speeches", GET "/organization/usage/audio_speeches", reads)]
pub(crate) struct AudioSpeeches {
    #[flatten]
    usage: OfModels,
}

/// Show seconds of sound that were transcribed.
#[tool("usage-audio-transcriptions", GET "/organization/usage/audio_transcriptions", reads)]
pub(crate) struct AudioTranscriptions {
    #[flatten]
    usage: OfModels,
}

/// Show bytes that vector stores held.
#[tool("usage-vector-stores", GET "/organization/usage/vector_stores", reads)]
pub(crate) struct VectorStores {
    #[flatten]
    usage: OfProjects,
}

/// Show sessions of the code interpreter.
#[tool("usage-code-interpreter-sessions", GET "/organization/usage/code_interpreter_sessions", reads)]
pub(crate) struct CodeInterpreterSessions {
    #[flatten]
    usage: OfProjects,
}

/// Show calls of file search.
#[tool("usage-file-search-calls", GET "/organization/usage/file_search_calls", reads)]
pub(crate) struct FileSearchCalls {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByStore>>,
    #[flatten]
    of: Of,
    vector_store_ids: Option<Vec<String>>,
}

/// Show calls of web search.
#[tool("usage-web-search-calls", GET "/organization/usage/web_search_calls", reads)]
pub(crate) struct WebSearchCalls {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByContext>>,
    #[flatten]
    of: Of,
    models: Option<Vec<String>>,
    context_levels: Option<Vec<ContextLevel>>,
}

/// Show tokens and requests of decisions.
#[tool("usage-decisions", GET "/organization/usage/decisions", reads)]
pub(crate) struct Decisions {
    #[flatten]
    usage: OfTiers,
}

/// Show what was spent, day by day.
#[tool("usage-costs", GET "/organization/costs", reads)]
pub(crate) struct Costs {
    /// Unix seconds.
    start_time: i64,
    end_time: Option<i64>,
    #[unlisted]
    bucket_width: Option<Day>,
    /// Of days. Default 7.
    limit: Option<Int<1, 180>>,
    page: Option<String>,
    group_by: Option<Vec<ByLineItem>>,
    project_ids: Option<Vec<String>>,
    api_key_ids: Option<Vec<String>>,
    /// Whole names, as `gpt-6-astra, input_tokens`.
    line_items: Option<Vec<String>>,
}

/// The buckets that are asked for.
#[shape]
struct Buckets {
    /// Unix seconds.
    start_time: i64,
    end_time: Option<i64>,
    bucket_width: Option<Width>,
    /// At most 31 of 1d, 168 of 1h.
    limit: Option<Int<1, 1440>>,
    page: Option<String>,
}

/// Whose usage is asked for.
#[shape]
struct Of {
    project_ids: Option<Vec<String>>,
    user_ids: Option<Vec<String>>,
    api_key_ids: Option<Vec<String>>,
}

/// Usage of models.
#[shape]
struct OfModels {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByModel>>,
    #[flatten]
    of: Of,
    models: Option<Vec<String>>,
}

/// Usage of models that are served in several tiers.
#[shape]
struct OfTiers {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByTier>>,
    #[flatten]
    of: Of,
    models: Option<Vec<String>>,
    batch: Option<bool>,
}

/// Usage of which the project alone is known.
#[shape]
struct OfProjects {
    #[flatten]
    time: Buckets,
    group_by: Option<Vec<ByProject>>,
    project_ids: Option<Vec<String>>,
}

#[shape]
enum Width {
    #[wire("1m")]
    Minute,
    #[wire("1h")]
    Hour,
    #[wire("1d")]
    Day,
}

#[shape]
enum Day {
    #[wire("1d")]
    Day,
}

#[shape]
enum ByProject {
    ProjectId,
}

#[shape]
enum ByModel {
    ProjectId,
    UserId,
    ApiKeyId,
    Model,
}

#[shape]
enum ByTier {
    ProjectId,
    UserId,
    ApiKeyId,
    Model,
    Batch,
    ServiceTier,
    ApiSource,
}

#[shape]
enum ByImage {
    ProjectId,
    UserId,
    ApiKeyId,
    Model,
    Size,
    Source,
}

#[shape]
enum ByStore {
    ProjectId,
    UserId,
    ApiKeyId,
    VectorStoreId,
}

#[shape]
enum ByContext {
    ProjectId,
    UserId,
    ApiKeyId,
    Model,
    ContextLevel,
    ApiSource,
}

#[shape]
enum ByLineItem {
    ProjectId,
    UserId,
    LineItem,
    ApiKeyId,
    ApiSource,
}

#[shape]
enum ImageSize {
    #[wire("256x256")]
    S256,
    #[wire("512x512")]
    S512,
    #[wire("1024x1024")]
    S1024,
    #[wire("1792x1792")]
    S1792,
    #[wire("1024x1792")]
    Tall,
}

#[shape]
enum ImageSource {
    #[wire("image.generation")]
    Generation,
    #[wire("image.edit")]
    Edit,
    #[wire("image.variation")]
    Variation,
}

#[shape]
enum ContextLevel {
    Low,
    Medium,
    High,
}
