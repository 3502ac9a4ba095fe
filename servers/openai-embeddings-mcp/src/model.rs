//! What to embed with, and how texts are split into requests.

use std::ops::Range;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use openai_mcp_kernel::prelude::*;

use crate::answer::Embedded;
use crate::embed::Create;
use crate::vector::Dimensions;

/// Most inputs of one request.
const MOST_INPUTS: usize = 2048;
/// Most tokens of one request.
const MOST_TOKENS: usize = 300_000;
/// Most requests at once.
const MOST_AT_ONCE: usize = 4;
/// Most numbers on their way at once: with their base64 some 75 MB, which a Worker can hold.
const MOST_NUMBERS: usize = 8 << 20;
/// What is embedded with where nothing else is asked for.
const USUAL_MODEL: &str = "text-embedding-3-small";

/// Which model to embed with, and the dimensions to ask of it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) dimensions: Option<i64>,
}

impl Model {
    pub(crate) fn new(name: Option<String>, dimensions: Option<Dimensions>) -> Self {
        let dimensions = dimensions.map(|Int(dimensions)| dimensions);
        Model { name: name.unwrap_or_else(|| USUAL_MODEL.into()), dimensions }
    }

    /// Embeds texts that fit into one request.
    pub(crate) async fn embed(&self, cx: &Context, texts: &[&str]) -> Result<Embedded> {
        let mut arguments = json!({"input": texts, "model": self.name, "encoding_format": "base64"});
        if let (Some(arguments), Some(dimensions)) = (arguments.as_object_mut(), self.dimensions) {
            arguments.insert("dimensions".into(), dimensions.into());
        }
        Embedded::read(&cx.send(&Create::SPEC, arguments).bytes().await?, texts.len())
    }

    /// Embeds any number of texts, all or none.
    pub(crate) async fn embed_all(&self, cx: &Context, texts: &[&str]) -> Result<Embedded> {
        let groups = groups(texts.iter().copied());
        let at_once = self.at_once(&groups);
        let requests = groups.into_iter().map(|range| self.embed(cx, texts.get(range).unwrap_or_default()));
        let parts: Vec<Embedded> = stream::iter(requests).buffered(at_once).try_collect().await?;
        let mut all = Embedded::default();
        for mut part in parts {
            all.vectors.append(&mut part.vectors);
            all.tokens += part.tokens;
            all.model = part.model;
        }
        Ok(all)
    }

    /// How many requests for these groups may run at once.
    pub(crate) fn at_once(&self, groups: &[Range<usize>]) -> usize {
        let usual = if self.name.contains("large") { 3072 } else { 1536 };
        let dimensions = self.dimensions.and_then(|wished| usize::try_from(wished).ok()).unwrap_or(usual);
        let largest = groups.iter().map(Range::len).max().unwrap_or_default();
        (MOST_NUMBERS / largest.saturating_mul(dimensions).max(1)).clamp(1, MOST_AT_ONCE)
    }
}

/// Splits texts, in order, into groups that each fit into one request.
pub(crate) fn groups<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut room = 0;
    for (index, text) in texts.enumerate() {
        let tokens = tokens_at_most(text);
        match groups.last_mut().filter(|group| group.len() < MOST_INPUTS && tokens <= room) {
            Some(group) => {
                group.end = index + 1;
                room -= tokens;
            }
            None => {
                groups.push(index..index + 1);
                room = MOST_TOKENS.saturating_sub(tokens);
            }
        }
    }
    groups
}

/// More tokens than a text has, all but surely: the tokenizer joins letters, digits and spaces to two or more per token
/// and falls back to single bytes for what is rare.
fn tokens_at_most(text: &str) -> usize {
    let joined = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b' ').count();
    text.len() - joined + joined.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_within_the_limits_of_the_api() {
        let short = vec!["a word"; 5000];
        let lengths: Vec<usize> = groups(short.into_iter()).iter().map(Range::len).collect();
        assert_eq!(lengths, [2048, 2048, 904]);

        // 100,000 tokens at most each: three fit.
        let long = "x".repeat(200_000);
        assert_eq!(groups([&*long; 7].into_iter()), [0..3, 3..6, 6..7]);
        // More than a request takes goes alone, for the API to refuse.
        let huge = "é".repeat(400_000);
        assert_eq!(groups(["a", &huge, "b"].into_iter()), [0..1, 1..2, 2..3]);
        assert_eq!(groups(std::iter::empty()), []);
    }

    #[test]
    fn few_large_answers_are_on_their_way_at_once() {
        let model = |name: &str, dimensions| Model { name: name.into(), dimensions };
        let full = vec![0..2048, 2048..4096];
        assert_eq!(model("text-embedding-3-small", None).at_once(&full), 2);
        assert_eq!(model("text-embedding-3-large", None).at_once(&full), 1);
        assert_eq!(model("text-embedding-3-large", Some(256)).at_once(&full), 4);
        assert_eq!(model("any", None).at_once(&[0..100, 100..200]), 4);
        assert_eq!(model("any", Some(i64::MAX)).at_once(&full), 1);
    }
}
