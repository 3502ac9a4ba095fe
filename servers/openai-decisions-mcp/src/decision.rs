//! Questions about one input. <https://platform.openai.com/docs/api-reference/decisions>

use openai_mcp_kernel::prelude::*;

tools![Create];

/// Ask questions about one input and get each answer with its probability.
///
/// Answers come in the order of the questions; one may be a refusal.
#[tool("decision-create", POST "/decisions", open)]
struct Create {
    /// gpt-6-luna alone can.
    model: String,
    input: Input,
    questions: ListOf<Question, 1, 400>,
    prompt_cache_key: Option<Nullable<String>>,
    prompt_cache_options: Option<Nullable<PromptCacheOptions>>,
    /// Hash of the end user.
    safety_identifier: Option<Nullable<String>>,
}

/// Text, or messages and calls of tools with their outputs.
#[shape]
enum Input {
    Text(String),
    Items(Vec<Json>),
}

#[shape(tag = "type")]
enum Question {
    Predicate {
        /// A statement that may be true.
        instructions: Instructions,
        name: Option<String>,
    },
    Choice {
        instructions: Instructions,
        /// 2 to 255.
        choices: ListOf<Choice, 2, 255>,
        name: Option<String>,
    },
    Score {
        instructions: Instructions,
        /// From the lowest up.
        levels: Vec<Level>,
        name: Option<String>,
    },
}

/// Text, or parts: input_text, input_image, JSON.
#[shape]
enum Instructions {
    Text(String),
    Parts(Vec<Json>),
}

#[shape]
struct Choice {
    value: Pick,
    description: Option<String>,
}

#[shape]
enum Pick {
    Text(String),
    Bool(bool),
}

#[shape]
struct Level {
    label: String,
    description: Option<String>,
}

#[shape]
struct PromptCacheOptions {
    mode: Option<Nullable<Mode>>,
    ttl: Option<Ttl>,
}

#[shape]
enum Mode {
    Implicit,
    Explicit,
}

#[shape]
enum Ttl {
    #[wire("30m")]
    Half,
}
