//! OpenAI's verdict, and the short form of it that a model reads.

use std::collections::BTreeMap;

use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::serde::Deserialize;

const TEXT: &[&str] = &["text"];
const BOTH: &[&str] = &["text", "image"];

/// Name, what falls under it, what kinds of input are judged by it.
pub(crate) const CATEGORIES: &[(&str, &str, &[&str])] = &[
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

/// Scores that are shown of an input that is not flagged.
const TOP: usize = 3;

#[derive(Deserialize)]
#[serde(crate = "openai_mcp_kernel::serde")]
pub(crate) struct Verdicts {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) model: String,
    pub(crate) results: Vec<Verdict>,
}

#[derive(Clone, Deserialize)]
#[serde(crate = "openai_mcp_kernel::serde")]
pub(crate) struct Verdict {
    flagged: bool,
    /// Older models leave out newer categories, or say `null`; of what is no boolean one day, the rest counts all the same.
    #[serde(default)]
    categories: BTreeMap<String, Value>,
    #[serde(default)]
    category_scores: BTreeMap<String, Value>,
}

pub(crate) fn read(answer: &[u8]) -> Result<Verdicts> {
    let odd = |problem: String| Error::new(Kind::Answer, format!("the answer is no moderation: {problem}"));
    json::narrow(answer).map_err(|problem| odd(format!("it {problem}")))?;
    serde_json::from_slice(answer).map_err(|error| odd(error.to_string()))
}

impl Verdict {
    pub(crate) fn flagged(&self) -> bool {
        self.flagged
    }

    /// The categories that OpenAI flags.
    pub(crate) fn categories(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().filter(|(_, flagged)| **flagged == Value::Bool(true)).map(|(name, _)| name.as_str())
    }

    /// Every score, to four places.
    pub(crate) fn scores(&self) -> BTreeMap<&str, f64> {
        self.numbers().map(|(name, score)| (name, round(score))).collect()
    }

    fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        self.category_scores.iter().filter_map(|(name, score)| Some((name.as_str(), score.as_f64()?)))
    }

    /// The verdict, the categories that are flagged or reach the threshold, their scores and the highest others.
    pub(crate) fn brief(&self, threshold: Option<f64>) -> Value {
        let flagged: Vec<&str> = self.categories().collect();
        let mut scores: Vec<(&str, f64)> = self.numbers().collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        let above: Vec<&str> = scores
            .iter()
            .filter(|(_, score)| threshold.is_some_and(|least| *score >= least))
            .map(|(name, _)| *name)
            .collect();
        let shown = scores
            .iter()
            .enumerate()
            .filter(|(rank, (name, _))| *rank < TOP || flagged.contains(name) || above.contains(name));
        let shown: serde_json::Map<String, Value> =
            shown.map(|(_, (name, score))| ((*name).to_owned(), round(*score).into())).collect();
        let mut brief = json!({"flagged": self.flagged, "categories": flagged, "scores": shown});
        if let (Some(_), Some(brief)) = (threshold, brief.as_object_mut()) {
            brief.insert("above_threshold".into(), above.into());
        }
        brief
    }
}

fn round(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}
