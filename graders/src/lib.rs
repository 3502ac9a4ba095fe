//! Graders of evals and of reinforcement fine-tuning: what a criterion says, what it needs to be told, and its grade.
//!
//! Nothing here asks a model or reads a file. A criterion that takes a model's word returns its [`Question`]s; whoever
//! has the means asks them and hands the [`Answer`]s to [`Criterion::grade`]. So a criterion is read once, by
//! [`Criterion::read`], and for each item and sample, as [`Names`], comes [`Criterion::questions`] and then a grade.
//!
//! A grader that could not grade is a [`GradeError`], which is no failure of the sample: it has no score.

mod criterion;
pub mod formula;
mod grade;
pub mod import;
mod number;
pub mod plot;
mod porter;
mod prompt;
pub mod report;
pub mod runs;
pub mod statistics;
pub mod template;
pub mod text;

pub use criterion::{Api, Criterion, Fault, Grader, Metric, Operation};
pub use grade::{Answer, ErrorCode, Grade, GradeError, ModelQuestion, Question, Step};
pub use number::number;
pub use prompt::Prompt;
pub use template::{Names, UnknownPath};

use serde_json::{Map, Value};

/// An object of members. In place of `collect`, which sorts them by code of its own wherever it stands: 4 KB of a Worker each
/// time.
fn object(members: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    object.extend(members);
    object
}
