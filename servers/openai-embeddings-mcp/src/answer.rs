//! What the API answers: a vector for each input, as numbers or as base64.

use openai_mcp_kernel::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::vector;

/// What a request gave, in the order of its inputs.
#[derive(Debug, Default)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    /// The model as the API names it.
    pub(crate) model: String,
    pub(crate) tokens: u64,
}

impl Embedded {
    /// Reads the answer to a request with so many inputs.
    ///
    /// # Errors
    /// It does not hold a vector for each.
    pub(crate) fn read(answer: &[u8], inputs: usize) -> Result<Self> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow)]
            data: Vec<One<'a>>,
            #[serde(default)]
            model: String,
            #[serde(default)]
            usage: Usage,
        }
        #[derive(Deserialize)]
        struct One<'a> {
            index: usize,
            #[serde(borrow)]
            embedding: &'a RawValue,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Usage {
            prompt_tokens: u64,
        }
        let broken = |what: String| Error::new(Kind::Answer, format!("the answer holds no embeddings: {what}"));
        let mut answer: Answer<'_> = serde_json::from_slice(answer).map_err(|error| broken(error.to_string()))?;
        answer.data.sort_by_key(|one| one.index);
        if !answer.data.iter().map(|one| one.index).eq(0..inputs) {
            return Err(broken(format!("expected {inputs}, got {}", answer.data.len())));
        }
        let read = |one: &One<'_>| {
            let text = one.embedding.get();
            // Servers that are compatible but for base64 send numbers all the same.
            match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(text) => vector::from_base64(text),
                None => serde_json::from_str(text).ok(),
            }
            .ok_or_else(|| broken(format!("`data[{}].embedding` is no vector", one.index)))
        };
        let vectors = answer.data.iter().map(read).collect::<Result<_>>()?;
        Ok(Embedded { vectors, model: answer.model, tokens: answer.usage.prompt_tokens })
    }

    pub(crate) fn usage(&self) -> Value {
        json!({"prompt_tokens": self.tokens, "total_tokens": self.tokens})
    }
}
