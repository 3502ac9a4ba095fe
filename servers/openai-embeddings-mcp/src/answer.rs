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
            usage: Option<Usage>,
        }
        #[derive(Deserialize)]
        struct One<'a> {
            index: Option<usize>,
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
        if answer.data.len() != inputs {
            return Err(broken(format!("expected {inputs}, got {}", answer.data.len())));
        }
        // Servers that are compatible but for the index give them in order.
        if answer.data.iter().any(|one| one.index.is_some()) {
            answer.data.sort_by_key(|one| one.index);
            if !answer.data.iter().map(|one| one.index).eq((0..inputs).map(Some)) {
                return Err(broken("their `index` does not tell which is of which input".to_owned()));
            }
        }
        let read = |(index, one): (usize, &One<'_>)| {
            let text = one.embedding.get();
            // Servers that are compatible but for base64 send numbers all the same.
            match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(text) => vector::from_base64(text),
                None => serde_json::from_str(text).ok(),
            }
            .ok_or_else(|| broken(format!("`data[{index}].embedding` is no vector")))
        };
        let vectors = answer.data.iter().enumerate().map(read).collect::<Result<_>>()?;
        Ok(Embedded { vectors, model: answer.model, tokens: answer.usage.unwrap_or_default().prompt_tokens })
    }

    pub(crate) fn usage(&self) -> Value {
        json!({"prompt_tokens": self.tokens, "total_tokens": self.tokens})
    }
}
