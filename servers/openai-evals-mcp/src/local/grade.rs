//! Criteria: the questions that they ask, and the answers, which are kept until there is a grade.

use openai_mcp_graders::{Answer, Question, text as metrics};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use super::upstream::{ChatCreate, EmbeddingCreate};
use super::{Members as _, Problem, list, text};

/// The request that answers a question, and its body.
pub(super) fn request(question: &Question) -> (&'static Spec, Value) {
    match question {
        Question::Model(asked) => (&ChatCreate::SPEC, asked.prompt.chat()),
        Question::Embeddings { model, texts } => (&EmbeddingCreate::SPEC, json!({"model": model, "input": texts})),
    }
}

/// What is kept of the answer.
pub(super) fn keep(question: &Question, answer: &Value) -> Result<Value, Problem> {
    match question {
        Question::Model(_) => {
            let message = list(answer, "choices").next().map(|choice| choice.at("message"));
            let Some(message) = message else { return Err(Problem::new("no_answer", "the answer has no choice")) };
            Ok(match message.at("refusal").as_str() {
                Some(refusal) => json!({"refusal": refusal}),
                None => json!({"text": text(message, "content")}),
            })
        }
        Question::Embeddings { .. } => {
            let vectors: Vec<Vec<f64>> =
                list(answer, "data").map(|one| list(one, "embedding").filter_map(Value::as_f64).collect()).collect();
            match vectors.as_slice() {
                [one, other] if !one.is_empty() && one.len() == other.len() => {
                    Ok(json!({"cosine": metrics::cosine(one, other)}))
                }
                _ => Err(Problem::new("no_answer", "the answer has not two vectors of one length")),
            }
        }
    }
}

/// What was kept, as criteria want it. Of two vectors their angle is all that counts.
pub(super) fn answer(kept: &Value) -> Answer {
    if let Some(cosine) = kept.at("cosine").as_f64() {
        return Answer::Vectors([vec![1.0, 0.0], vec![cosine, (1.0 - cosine * cosine).max(0.0).sqrt()]]);
    }
    match kept.at("refusal").as_str() {
        Some(refusal) => Answer::Refusal(refusal.to_owned()),
        None => Answer::Text(text(kept, "text").to_owned()),
    }
}
