//! What is in a skill, as the zip that the API gives.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::zip::{LARGEST, MOST, entries};

/// Saves the zip, or lists what is in it.
pub(crate) async fn show(cx: &Context, spec: &'static Spec, save_to: Option<String>) -> Result<Output> {
    let zip = cx.send(spec, cx.arguments());
    if save_to.is_some() {
        return download::give(cx, zip, save_to, 0, None).await;
    }
    let zip = zip.response().await?.into_body().collect(usize::try_from(LARGEST).unwrap_or(usize::MAX)).await?;
    let files: Vec<Value> = entries(&zip, MOST)
        .map_err(|problem| answer(cx, &problem))?
        .into_iter()
        .map(|(path, bytes)| json!({"path": path, "bytes": bytes}))
        .collect();
    Ok(Output::json(&json!({"files": files, "zip_bytes": zip.len()})))
}

fn answer(cx: &Context, problem: &str) -> Error {
    let text = format!("the answer is no zip that can be read: {problem}\nhint: {}", cx.advice_to_save());
    Error::new(Kind::Answer, text)
}
