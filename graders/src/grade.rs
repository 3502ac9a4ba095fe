//! Grading by a criterion: first what has to be asked, then the grade.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::object;

use crate::criterion::{Criterion, Grader, Metric};
use crate::prompt::Prompt;
use crate::template::{self, Names, UnknownPath};
use crate::text;

/// The model whose embeddings `cosine` compares.
const EMBEDDINGS: &str = "text-embedding-3-large";

/// What has to be asked before a criterion can grade.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A model's judgement, answered by [`Answer::Text`] or [`Answer::Refusal`].
    Model(ModelQuestion),
    /// Embeddings, answered by [`Answer::Vectors`].
    Embeddings {
        /// The model to ask.
        model: &'static str,
        /// The input of the request.
        texts: [String; 2],
    },
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelQuestion {
    /// The criterion's name, or that of the part of a `multi` that asks.
    pub criterion: String,
    /// What is asked, with the schema of its answer.
    pub prompt: Prompt,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A model's text.
    Text(String),
    /// Why a model would not answer.
    Refusal(String),
    /// The vectors of both texts.
    Vectors([Vec<f64>; 2]),
}

/// What a criterion makes of a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grade {
    /// What was reached.
    pub score: f64,
    /// Whether that is enough.
    pub passed: bool,
    /// The label that a model chose.
    pub label: Option<String>,
    /// How a model came to it.
    pub steps: Vec<Step>,
    /// The scores of a `multi`'s parts.
    pub parts: BTreeMap<String, f64>,
    /// Whether words of the same meaning were taken as the same, told of `meteor` alone.
    pub synonyms: Option<bool>,
}

/// A step of a model's reasoning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub description: String,
    /// What came of it.
    pub conclusion: String,
}

/// Why there is no grade. It is no failure of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradeError {
    /// The kind of error.
    pub code: ErrorCode,
    /// What happened, in lower case and without a full stop.
    pub message: String,
}

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A template names what the item or the sample has not.
    UnknownPath,
    /// A model's answer is none that was asked for.
    InvalidAnswer,
    /// A model would not answer.
    Refusal,
    /// A `multi`'s formula has no value, as after a division by zero.
    Formula,
    /// Code is not run.
    Python,
    /// A question was not answered.
    Unanswered,
    /// The texts are too long to be compared.
    TooLong,
}

impl ErrorCode {
    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::InvalidAnswer => "invalid_answer",
            Self::Refusal => "refusal",
            Self::Formula => "formula_error",
            Self::Python => "python_not_run",
            Self::Unanswered => "unanswered",
            Self::TooLong => "too_long",
        }
    }
}

impl fmt::Display for GradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<UnknownPath> for GradeError {
    fn from(unknown: UnknownPath) -> Self {
        error(ErrorCode::UnknownPath, unknown.to_string())
    }
}

fn error(code: ErrorCode, message: impl Into<String>) -> GradeError {
    GradeError { code, message: message.into() }
}

impl Grade {
    /// What a result of an output item says beyond the criterion's name and type: `score`, `passed`, and `label`, `reason`, `steps`,
    /// `parts` and `synonyms` where there are any.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let mut members =
            Map::from_iter([("score".to_owned(), json!(self.score)), ("passed".to_owned(), json!(self.passed))]);
        let mut set = |name: &str, value: Option<Value>| members.extend(value.map(|value| (name.to_owned(), value)));
        set("label", self.label.as_ref().map(|label| json!(label)));
        let steps = self
            .steps
            .iter()
            .map(|Step { description, conclusion }| json!({"description": description, "conclusion": conclusion}));
        set("steps", (!self.steps.is_empty()).then(|| steps.collect()));
        set("parts", (!self.parts.is_empty()).then(|| json!(self.parts)));
        set("synonyms", self.synonyms.map(Value::Bool));
        members
    }
}

impl Criterion {
    /// What has to be asked before [`grade`](Self::grade), in the order in which the answers are handed to it; nothing for
    /// graders that are rules.
    ///
    /// # Errors
    ///
    /// The criterion cannot grade this sample, whatever the answers.
    pub fn questions(&self, names: Names<'_>) -> Result<Vec<Question>, GradeError> {
        Ok(match &self.grader {
            Grader::TextSimilarity { metric: Metric::Cosine, input, reference } => {
                let texts = [template::render(input, names)?, template::render(reference, names)?];
                vec![Question::Embeddings { model: EMBEDDINGS, texts }]
            }
            Grader::LabelModel { model, input, labels, sampling_params, .. } => {
                vec![self.ask(model, input, sampling_params, json!({"type": "string", "enum": labels}), names)?]
            }
            Grader::ScoreModel { model, input, range: [least, most], sampling_params } => {
                let result = json!({"type": "number", "description": format!("A number from {least} to {most}.")});
                vec![self.ask(model, input, sampling_params, result, names)?]
            }
            Grader::Multi { graders, .. } => {
                let parts = graders.values().map(|part| part.questions(names));
                parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
            }
            Grader::Python { .. } => return Err(error(ErrorCode::Python, PYTHON)),
            Grader::StringCheck { .. } | Grader::TextSimilarity { .. } => Vec::new(),
        })
    }

    fn ask(
        &self,
        model: &str,
        input: &[Value],
        sampling_params: &Map<String, Value>,
        result: Value,
        names: Names<'_>,
    ) -> Result<Question, GradeError> {
        let messages = input.iter().map(|message| template::render_within(message, names)).collect::<Result<_, _>>()?;
        let text = json!({"type": "string"});
        let step = strict(&[("description", &text), ("conclusion", &text)]);
        let schema = strict(&[("steps", &json!({"type": "array", "items": step})), ("result", &result)]);
        let prompt = Prompt {
            model: model.to_owned(),
            messages,
            sampling_params: sampling_params.clone(),
            schema: Some(("grade".to_owned(), schema)),
        };
        Ok(Question::Model(ModelQuestion { criterion: self.name.clone(), prompt }))
    }

    /// Grades a sample, with the answers to what [`questions`](Self::questions) asked of it.
    ///
    /// # Errors
    ///
    /// There is no grade, which is no failure of the sample.
    pub fn grade(&self, names: Names<'_>, answers: &[Answer]) -> Result<Grade, GradeError> {
        self.graded(names, &mut answers.iter())
    }

    fn graded<'a>(
        &self,
        names: Names<'_>,
        answers: &mut impl Iterator<Item = &'a Answer>,
    ) -> Result<Grade, GradeError> {
        let mut grade = Grade::default();
        match &self.grader {
            Grader::StringCheck { operation, input, reference } => {
                let holds = operation.holds(&template::render(input, names)?, &template::render(reference, names)?);
                grade.score = f64::from(u8::from(holds));
            }
            Grader::TextSimilarity { metric, input, reference } => {
                let (input, reference) = (template::render(input, names)?, template::render(reference, names)?);
                if matches!(metric, Metric::FuzzyMatch | Metric::RougeL)
                    && (input.len() as u64).saturating_mul(reference.len() as u64) > MOST_PAIRS
                {
                    let text =
                        format!("texts of {} and {} bytes are too long to be compared", input.len(), reference.len());
                    return Err(error(ErrorCode::TooLong, text));
                }
                grade.synonyms = (*metric == Metric::Meteor).then_some(false);
                grade.score = match metric {
                    Metric::Cosine => match answers.next() {
                        Some(Answer::Vectors([a, b])) => text::cosine(a, b),
                        _ => return Err(error(ErrorCode::Unanswered, "there are no embeddings to compare")),
                    },
                    Metric::FuzzyMatch => text::fuzzy_match(&input, &reference),
                    Metric::Bleu => text::bleu(&input, &reference),
                    Metric::Gleu => text::gleu(&input, &reference),
                    Metric::Meteor => text::meteor(&input, &reference),
                    Metric::Rouge(n) => text::rouge_n(&input, &reference, *n),
                    Metric::RougeL => text::rouge_l(&input, &reference),
                };
            }
            Grader::LabelModel { labels, passing_labels, .. } => {
                let (result, steps) = judged(answers.next())?;
                let label = result.as_str().filter(|label| labels.iter().any(|one| one == label));
                let label = label.ok_or_else(|| {
                    let message = format!("the model answered {}, which is none of the labels", short(&result));
                    error(ErrorCode::InvalidAnswer, message)
                })?;
                grade.score = f64::from(u8::from(passing_labels.iter().any(|passing| passing == label)));
                grade.label = Some(label.to_owned());
                grade.steps = steps;
            }
            Grader::ScoreModel { range: [least, most], .. } => {
                let (result, steps) = judged(answers.next())?;
                let score = result.as_f64().or_else(|| crate::number(result.as_str()?.trim()));
                let score = score.ok_or_else(|| {
                    error(
                        ErrorCode::InvalidAnswer,
                        format!("the model answered {}, which is no number", short(&result)),
                    )
                })?;
                grade.score = score.clamp(*least, *most);
                grade.steps = steps;
            }
            Grader::Python { .. } => return Err(error(ErrorCode::Python, PYTHON)),
            Grader::Multi { graders, formula } => {
                for (key, part) in graders {
                    let graded = part
                        .graded(names, answers)
                        .map_err(|GradeError { code, message }| error(code, format!("{key}: {message}")))?;
                    if graded.synonyms.is_some() {
                        grade.synonyms = graded.synonyms;
                    }
                    grade.parts.insert(key.clone(), graded.score);
                }
                grade.score = formula
                    .value(&grade.parts)
                    .ok_or_else(|| error(ErrorCode::Formula, format!("`{}` has no value here", formula.text())))?;
            }
        }
        grade.passed = grade.score >= self.pass_threshold;
        Ok(grade)
    }
}

/// Most pairs of bytes of two texts of which the longest common subsequence is looked for: some seconds of work.
const MOST_PAIRS: u64 = 100_000_000_000;
/// Characters that are told of what a model answered.
const TOLD: usize = 200;

const PYTHON: &str = "code of a python grader is not run here";

/// The beginning of what was answered.
fn short(result: &Value) -> String {
    let text = result.to_string();
    let end = text.char_indices().nth(TOLD).map_or(text.len(), |(end, _)| end);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", text.get(..end).unwrap_or_default())
}

/// A schema as strict mode wants it.
fn strict(properties: &[(&str, &Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties = object(properties.iter().map(|(name, schema)| ((*name).to_owned(), (*schema).clone())));
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The result that a model came to, and its steps. A model that takes no schema answers with the bare result.
fn judged(answer: Option<&Answer>) -> Result<(Value, Vec<Step>), GradeError> {
    let text = match answer {
        Some(Answer::Text(text)) => text.trim(),
        Some(Answer::Refusal(why)) => {
            return Err(error(ErrorCode::Refusal, format!("the model would not grade: {why}")));
        }
        _ => return Err(error(ErrorCode::Unanswered, "the model's judgement is missing")),
    };
    let answer: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let Some(result) = answer.get("result") else { return Ok((answer, Vec::new())) };
    let word = |step: &Value, name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let steps = answer.get("steps").and_then(Value::as_array).into_iter().flatten();
    let steps = steps.map(|step| Step { description: word(step, "description"), conclusion: word(step, "conclusion") });
    Ok((result.clone(), steps.collect()))
}
