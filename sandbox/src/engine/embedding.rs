//! Embeddings: of what words a text has, not of what it means.
//!
//! Each word stem points in a direction of its own, and a text in the sum of the directions of its words, so that texts
//! are the closer the more words they share. Models have directions of their own.

use openai_mcp_studio::hash::{fnv1a, splitmix};

use crate::engine::{index, tokens};

/// How much the text as a whole counts beside its words: texts of the same words, and of none, still differ.
const WHOLE: f32 = 0.1;

/// What can be embedded.
pub(crate) enum Input {
    Text(String),
    Tokens(Vec<u64>),
}

impl Input {
    /// Its length in tokens.
    pub(crate) fn tokens(&self) -> usize {
        match self {
            Input::Text(text) => tokens::count(text).max(1),
            Input::Tokens(tokens) => tokens.len(),
        }
    }

    /// A vector of unit length; one of fewer dimensions points the same way as the first of the whole.
    pub(crate) fn embed(&self, model: &str, dimensions: usize) -> Vec<f32> {
        let mut vector = vec![0.0; dimensions];
        let mut add = |what: u64, weight: f32| {
            let direction = splitmix(fnv1a(model.as_bytes()) ^ what);
            for (at, part) in (0..).zip(vector.chunks_mut(64)) {
                let signs = splitmix(direction ^ at);
                for (bit, number) in part.iter_mut().enumerate() {
                    *number += if signs >> bit & 1 == 1 { weight } else { -weight };
                }
            }
        };
        match self {
            Input::Text(text) => {
                let mut words: Vec<u32> = index::embed(text).iter().map(|word| word.index).collect();
                words.sort_unstable();
                words.dedup();
                words.iter().for_each(|word| add(splitmix(u64::from(*word)), 1.0));
                add(fnv1a(text.as_bytes()), WHOLE);
            }
            Input::Tokens(tokens) => tokens.iter().for_each(|token| add(splitmix(!token), 1.0)),
        }
        let norm = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt() as f32;
        if norm > 0.0 {
            vector.iter_mut().for_each(|number| *number /= norm);
        }
        vector
    }
}
