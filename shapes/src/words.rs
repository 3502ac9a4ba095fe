//! Sets of words.

use openai_mcp_kernel::prelude::*;

/// The order of a list, by time.
#[shape]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// How much a model thinks before it answers. <https://platform.openai.com/docs/guides/reasoning>
#[shape]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    Xhigh,
    /// As much as it can.
    Max,
}

/// How closely a model looks at a picture. <https://platform.openai.com/docs/guides/images-vision>
#[shape]
pub enum Detail {
    /// As closely as the model finds fit.
    Auto,
    /// At a glance.
    Low,
    /// In pieces.
    High,
    /// In its own size.
    Original,
}

/// One of three levels.
#[shape]
pub enum Level {
    /// The lowest.
    Low,
    /// Between both.
    Medium,
    /// The highest.
    High,
}

/// How a picture that is made is encoded.
#[shape]
pub enum ImageFormat {
    /// Without loss.
    Png,
    /// Smaller.
    Webp,
    /// Small, for photographs.
    Jpeg,
    /// With few colours.
    Gif,
    /// Lines and shapes instead of pixels.
    Svg,
}

/// Who says which beginnings of prompts are cached. <https://platform.openai.com/docs/guides/prompt-caching>
#[shape]
pub enum CacheMode {
    /// OpenAI.
    Implicit,
    /// The caller, by breakpoints.
    Explicit,
}

/// How long prompts are cached.
#[shape]
pub enum Retention {
    /// For minutes.
    InMemory,
    /// For a day.
    #[wire("24h")]
    Day,
}

/// What items of responses and conversations show beyond the usual.
/// <https://platform.openai.com/docs/api-reference/responses/create>
#[shape]
pub enum Include {
    /// What a search of files found.
    #[wire("file_search_call.results")]
    FileSearchResults,
    /// What a search of the web found.
    #[wire("web_search_call.results")]
    WebSearchResults,
    /// The pages that a search of the web read.
    #[wire("web_search_call.action.sources")]
    WebSearchSources,
    /// URLs of images in messages.
    #[wire("message.input_image.image_url")]
    InputImageUrl,
    /// URLs of screenshots.
    #[wire("computer_call_output.output.image_url")]
    ComputerImageUrl,
    /// What code wrote.
    #[wire("code_interpreter_call.outputs")]
    CodeOutputs,
    /// Reasoning, encrypted, to be handed back.
    #[wire("reasoning.encrypted_content")]
    EncryptedReasoning,
    /// Likelihoods of the tokens of text.
    #[wire("message.output_text.logprobs")]
    Logprobs,
}
