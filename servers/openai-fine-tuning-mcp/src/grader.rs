//! Graders of reinforcement fine-tuning. <https://platform.openai.com/docs/api-reference/graders>

use openai_mcp_kernel::prelude::*;

tools![Run, Validate];

/// Run a grader on a sample, to see its reward before a job uses it.
///
/// A grader has name and type: string_check {input, operation: eq | ne | like | ilike, reference}, text_similarity
/// {input, reference, evaluation_metric: fuzzy_match | bleu | gleu | meteor | cosine | rouge_1…5 | rouge_l}, python
/// {source with def grade(sample, item), image_tag?}, score_model {model, input: messages, range?: [0, 1],
/// sampling_params?: {temperature, top_p, seed, max_completions_tokens, reasoning_effort}} or multi {graders: {key:
/// grader}, calculate_output: formula of keys}; in a multi also label_model {model, input, labels, passing_labels}. Texts
/// may hold {{item.…}}, {{sample.output_text}}, {{sample.output_json.…}} and {{sample.output_tools}}.
#[tool("fine-tune-grader-run", POST "/fine_tuning/alpha/graders/run", brief = brief)]
struct Run {
    grader: JsonObject,
    /// What a model answered: sample.output_text, and sample.output_json if it is JSON.
    model_sample: String,
    /// The item: a line of the training file.
    item: Option<JsonObject>,
}

/// What a grader gave, with the errors that there were alone.
fn brief(mut answer: Value) -> Value {
    let there =
        |value: &Value| !value.is_null() && *value != false && value.as_object().is_none_or(|all| !all.is_empty());
    if let Some(errors) = answer.pointer_mut("/metadata/errors").and_then(Value::as_object_mut) {
        errors.retain(|_, value| there(value));
    }
    for place in ["/metadata", ""] {
        if let Some(members) = answer.pointer_mut(place).and_then(Value::as_object_mut) {
            members.retain(|_, value| there(value));
        }
    }
    answer
}

/// Validate a grader, without running it.
#[tool("fine-tune-grader-validate", POST "/fine_tuning/alpha/graders/validate", reads)]
struct Validate {
    /// As fine-tune-grader-run takes it.
    grader: JsonObject,
}
