//! What the categories mean. <https://platform.openai.com/docs/guides/moderation>

use openai_mcp_kernel::prelude::*;

use crate::verdict::CATEGORIES;

tools![Categories];

/// List the categories: what each means, and whether it applies to images too.
#[tool("moderation-categories", reads)]
struct Categories {}

impl Categories {
    async fn run(self, _: Context) -> Result<Output> {
        let shown = CATEGORIES
            .iter()
            .map(|(name, meaning, inputs)| json!({"category": name, "means": meaning, "applies_to": inputs}));
        Ok(Output::json(&json!({
            "categories": shown.collect::<Vec<_>>(),
            "note": "an input is flagged if any category is; scores are not probabilities, so choose thresholds from \
                     your own content; text-moderation models take text alone and know no illicit categories",
        })))
    }
}
