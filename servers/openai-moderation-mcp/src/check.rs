//! One input. <https://platform.openai.com/docs/api-reference/moderations/create>

use openai_mcp_kernel::prelude::*;

use crate::record::{self, Keep};
use crate::verdict::{self, Verdict};

tools![Check];

/// Check text or images for harmful content.
#[tool("moderation-check", POST "/moderations", reads, records, run)]
pub(crate) struct Check {
    /// A text, an array of texts (a verdict each), or an array of parts (one verdict for all).
    #[read]
    input: Input,
    /// Default omni-moderation-latest.
    model: Option<String>,
    /// List categories with at least this score, flagged or not.
    #[local]
    threshold: Option<Num<0, 1>>,
    /// Every category with its score, as OpenAI answers.
    #[local]
    full: Option<bool>,
    /// What the history keeps of the input. Default hash.
    #[local]
    keep: Option<Keep>,
}

/// What OpenAI takes: it tells mixed arrays apart itself.
#[shape(read)]
enum Input {
    Text(String),
    Many(Vec<Item>),
}

#[shape(read)]
enum Item {
    Text(String),
    Part(Part),
}

#[shape(read, tag = "type")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[shape(read)]
struct ImageUrl {
    /// Or a data URL. Local images: moderation-batch.
    url: String,
}

impl Check {
    async fn run(self, cx: Context) -> Result<Output> {
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await;
        let answer = answer.map_err(|error| match error.kind() {
            Kind::Status(400) if self.input.images() > 1 => {
                error.or_hint("one image at a time; moderation-batch takes many, each an item of its own")
            }
            _ => error,
        })?;
        let verdicts = verdict::read(&answer)?;
        let inputs = self.input.texts();
        // A result stands for each text of an array, or for all parts of one.
        let records = verdicts.results.iter().enumerate().map(|(index, verdict)| {
            let input = if inputs.len() == verdicts.results.len() { inputs.get(index) } else { None };
            (input.cloned().unwrap_or_else(|| inputs.join("\n")), verdict)
        });
        record::keep(&cx, self.keep, &verdicts.model, records).await;
        if self.full == Some(true) {
            return Ok(Output::Json(answer));
        }
        let threshold = self.threshold.map(|Num(score)| score);
        let mut results: Vec<Value> = verdicts.results.iter().map(|verdict| verdict.brief(threshold)).collect();
        let mut room = cx.max_result().saturating_sub(512);
        let fits = |verdict: &&Value| match room.checked_sub(verdict.to_string().len() + 1) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let listed = results.iter().take_while(fits).count();
        let omitted = results.len() - listed;
        results.truncate(listed);
        let mut result = json!({
            "flagged": verdicts.results.iter().any(Verdict::flagged),
            "results": results,
            "model": verdicts.model,
            "id": verdicts.id,
        });
        if let (1.., Some(result)) = (omitted, result.as_object_mut()) {
            result.insert("omitted".into(), omitted.into());
            let hint = "too many to list: check fewer at once, or with moderation-batch, which lists the flagged alone";
            result.insert("hint".into(), hint.into());
        }
        Ok(Output::json(&result))
    }
}

impl Input {
    fn images(&self) -> usize {
        match self {
            Input::Text(_) => 0,
            Input::Many(items) => items.iter().filter(|item| matches!(item, Item::Part(Part::ImageUrl { .. }))).count(),
        }
    }

    /// What was checked, for the history: an image counts as its URL.
    fn texts(&self) -> Vec<String> {
        match self {
            Input::Text(text) => vec![text.clone()],
            Input::Many(items) => items
                .iter()
                .map(|item| match item {
                    Item::Text(text) | Item::Part(Part::Text { text }) => text.clone(),
                    Item::Part(Part::ImageUrl { image_url }) => image_url.url.clone(),
                })
                .collect(),
        }
    }
}
