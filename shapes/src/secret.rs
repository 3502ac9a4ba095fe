//! Answers with a secret that OpenAI shows once.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

/// Makes the request of a tool, and puts beside its answer, as `note`, that the secret in it will not be shown again.
///
/// # Errors
/// As the request.
pub async fn shown_once(cx: &Context, spec: &'static Spec, note: &str) -> Result<Output> {
    let mut answer = cx.send(spec, cx.arguments()).value().await?;
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("note".to_owned(), note.into());
    }
    Ok(Output::json(&answer))
}
