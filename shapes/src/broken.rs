//! Answers that break off: what had come of them is paid for, and told with the error.

use openai_mcp_kernel::json::excerpt;
use openai_mcp_kernel::prelude::*;

/// Most characters that are told of what had come.
const MOST: usize = 8000;

/// A choice as far as it had come.
pub struct Begun {
    /// Which it is.
    pub index: u64,
    /// What it says.
    pub text: String,
    /// Whether it had ended.
    pub whole: bool,
}

/// The error that broke an answer off, with what had come of its choices.
pub fn choices(error: &Error, choices: &[Begun]) -> Error {
    if let [Begun { text, .. }] = choices {
        return one(error, "answer", text);
    }
    let each = MOST / choices.len().max(1);
    let mut told = error.to_string();
    for Begun { index, text, whole } in choices.iter().filter(|choice| !choice.text.is_empty()) {
        let far = if *whole { ", which is whole" } else { " up to there" };
        told.push_str(&format!("\nchoice {index}{far}: {}", excerpt(text, each)));
    }
    Error::new(error.kind(), told)
}

/// The error that broke a `thing` off, an answer or a transcript, with the text that had come of it.
pub fn one(error: &Error, thing: &str, text: &str) -> Error {
    let told =
        if text.is_empty() { String::new() } else { format!("\nthe {thing} up to there: {}", excerpt(text, MOST)) };
    Error::new(error.kind(), format!("{error}{told}"))
}
