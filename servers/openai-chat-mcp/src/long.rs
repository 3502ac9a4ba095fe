//! Answers that are longer than a result should be.

use bytes::Bytes;
use openai_mcp_kernel::json::{shorten, tree};
use openai_mcp_kernel::prelude::*;

/// An answer as a result. One that is too long goes into a new file, since it was paid for, and what is shown of it is cut.
/// Where no file can be written, one that is `stored` at OpenAI is cut all the same, and any other is shown whole.
pub(crate) async fn fit(cx: &Context, answer: Bytes, stored: bool) -> Output {
    let bytes = answer.len();
    if bytes <= cx.max_result() {
        return Output::Json(answer);
    }
    let value = tree(&answer).unwrap_or_default();
    let id = value.get("id").or(value.get("completion_id")).and_then(Value::as_str);
    // What is no id may be anything, and does not belong in a name.
    let id = id.filter(|id| id.starts_with("chatcmpl-")).unwrap_or("completion");
    let name: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    match cx.give_json(&name, answer).await {
        Output::Text { .. } if stored => {
            let all = format!("chat-completion-get with `max_bytes` {} shows all", bytes.next_power_of_two());
            Output::json(&shorten(&value, cx.max_result(), &all))
        }
        given => given,
    }
}
