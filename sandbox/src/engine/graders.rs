//! Graders of reinforcement fine-tuning, with their errors as the API tells them; nothing here runs Python or asks a model.

use openai_mcp_graders::{Answer, Api, Criterion, ErrorCode, Grade, Names, Question, template};
use serde_json::{Map, Value, json};

use crate::engine::embedding::Input;

/// What came of a grading.
pub(crate) struct Graded {
    pub(crate) reward: f64,
    /// By the name of each grader that took part.
    pub(crate) scores: Map<String, Value>,
    /// Every kind of error, and whether it came up, as the API tells them.
    pub(crate) errors: Map<String, Value>,
}

/// Grades what was said to an item by a grader, which is the API's object and must have been checked.
pub(crate) fn run(grader: &Value, item: &Value, said: &str) -> Graded {
    let sample = template::sample(said, None, Map::new());
    let names = Names { item, sample: Some(&sample) };
    let (grade, error) = match grade(grader, names) {
        Ok(grade) => (grade, None),
        Err(error) => (Grade::default(), Some(error)),
    };
    let mut scores: Map<String, Value> = grade.parts.into_iter().map(|(name, score)| (name, json!(score))).collect();
    if scores.is_empty() {
        let name = grader.get("name").and_then(Value::as_str).unwrap_or_default();
        scores.insert(name.to_owned(), json!(grade.score));
    }
    Graded { reward: grade.score, scores, errors: errors(error) }
}

fn grade(grader: &Value, names: Names<'_>) -> Result<Grade, &'static str> {
    let criterion = Criterion::read(grader, "grader", Api::FineTuning).map_err(|faults| {
        let formula = faults.iter().any(|fault| fault.place.ends_with("calculate_output"));
        if formula { FORMULA } else { VARIABLE }
    })?;
    let told = |code| match code {
        ErrorCode::UnknownPath | ErrorCode::TooLong => VARIABLE,
        ErrorCode::Formula => FORMULA,
        ErrorCode::Python => PYTHON,
        ErrorCode::InvalidAnswer | ErrorCode::Refusal | ErrorCode::Unanswered => MODEL,
    };
    let answer = |question| match question {
        Question::Embeddings { model, texts } => {
            let vector = |text| Input::Text(text).embed(model, DIMENSIONS).into_iter().map(f64::from).collect();
            Ok(Answer::Vectors(texts.map(vector)))
        }
        Question::Model(_) => Err(MODEL),
    };
    let questions = criterion.questions(names).map_err(|error| told(error.code))?;
    let answers = questions.into_iter().map(answer).collect::<Result<Vec<_>, _>>()?;
    criterion.grade(names, &answers).map_err(|error| told(error.code))
}

/// Of the model whose embeddings are compared.
const DIMENSIONS: usize = 3072;
const FORMULA: &str = "formula_parse_error";
const VARIABLE: &str = "invalid_variable_error";
const PYTHON: &str = "python_grader_server_error";
const MODEL: &str = "model_grader_server_error";

/// All kinds of errors, of which one may have come up.
fn errors(error: Option<&str>) -> Map<String, Value> {
    let flags = [
        FORMULA,
        "sample_parse_error",
        "truncated_observation_error",
        "unresponsive_reward_error",
        VARIABLE,
        "other_error",
        PYTHON,
        "python_grader_runtime_error",
        MODEL,
        "model_grader_refusal_error",
        "model_grader_parse_error",
    ];
    let details = [
        ("python_grader_server_error_type", PYTHON, "the sandbox runs no Python"),
        ("python_grader_runtime_error_details", "", ""),
        ("model_grader_server_error_details", MODEL, "the sandbox has no model to ask"),
    ];
    let flags = flags.into_iter().map(|name| (name.to_owned(), json!(error == Some(name))));
    let details =
        details.into_iter().map(|(name, of, text)| (name.to_owned(), json!((error == Some(of)).then_some(text))));
    flags.chain(details).collect()
}
