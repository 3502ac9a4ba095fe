//! Answers that are longer than a result should be, and that nobody keeps.

use bytes::Bytes;
use openai_mcp_kernel::json::{shorten, tree};
use openai_mcp_kernel::prelude::*;

/// An answer as a result. One that is too long goes into a new file, since it was paid for and may be kept nowhere else,
/// and what is shown of it is cut.
pub(crate) async fn fit(cx: &Context, answer: Bytes) -> Bytes {
    let bytes = answer.len();
    if bytes <= cx.max_result() {
        return answer;
    }
    let value = tree(&answer).unwrap_or_default();
    let id = value.get("id").or(value.get("completion_id")).and_then(Value::as_str).unwrap_or("completion");
    let name: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let whole = match cx.keep((&name, "json"), answer).await {
        Ok(saved) => format!("all {bytes} bytes are saved to {}", saved.path),
        Err(error) => format!(
            "there are {bytes} bytes, which could not be saved: {error}\n\
             if it was made with `store`, chat-completion-get with `max_bytes` {} shows all",
            bytes.next_power_of_two()
        ),
    };
    shorten(&value, cx.max_result(), &whole).to_string().into()
}
