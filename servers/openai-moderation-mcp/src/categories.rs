//! What the categories mean. <https://platform.openai.com/docs/guides/moderation>

use openai_mcp_kernel::prelude::*;

tools![Categories];

/// List the categories: what each means, and whether it applies to images too.
#[tool("moderation-categories", reads)]
struct Categories {}

const TEXT: &[&str] = &["text"];
const BOTH: &[&str] = &["text", "image"];

/// Name, what falls under it, what kinds of input are judged by it.
const CATEGORIES: &[(&str, &str, &[&str])] = &[
    ("harassment", "harassing language towards anyone", TEXT),
    ("harassment/threatening", "harassment that also holds violence or serious harm", TEXT),
    (
        "hate",
        "hate because of race, gender, ethnicity, religion, nationality, sexual orientation, disability or caste; \
         against other groups it is harassment",
        TEXT,
    ),
    ("hate/threatening", "hate that also holds violence or serious harm towards the group", TEXT),
    ("illicit", "advice or instructions for wrongdoing, such as how to shoplift; omni models only", TEXT),
    ("illicit/violent", "the same with violence, or how to get a weapon; omni models only", TEXT),
    ("self-harm", "shows or encourages suicide, cutting, eating disorders", BOTH),
    ("self-harm/intent", "the speaker does or means to do harm to themselves", BOTH),
    ("self-harm/instructions", "tells how to do it, or encourages it", BOTH),
    ("sexual", "meant to arouse, or promotes sexual services; not education and wellness", BOTH),
    ("sexual/minors", "sexual content with someone under 18", TEXT),
    ("violence", "death, violence or injury", BOTH),
    ("violence/graphic", "the same in graphic detail", BOTH),
];

/// What they are called.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CATEGORIES.iter().map(|(name, ..)| *name)
}

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
