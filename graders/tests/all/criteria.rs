use openai_mcp_graders::{Answer, Api, Criterion, ErrorCode, Grade, GradeError, Names, Question};
use serde_json::{Value, json};

fn read(value: &Value, api: Api) -> Result<Criterion, Vec<String>> {
    Criterion::read(value, "testing_criteria[0]", api)
        .map_err(|faults| faults.iter().map(|fault| fault.to_string().replace("testing_criteria[0]", "$")).collect())
}

fn grade(criterion: &Value, item: Value, said: &str, answers: &[Answer]) -> Result<Grade, GradeError> {
    let criterion = read(criterion, Api::Evals).unwrap();
    let sample = json!({"output_text": said});
    let names = Names { item: &item, sample: Some(&sample) };
    assert_eq!(criterion.questions(names).map_or(0, |questions| questions.len()), answers.len());
    criterion.grade(names, answers)
}

const SAID: &str = "{{sample.output_text}}";

#[test]
fn strings_are_checked() {
    for (operation, said, wanted, expected) in [
        ("eq", "Paris", "Paris", true),
        ("eq", "paris", "Paris", false),
        ("ne", "paris", "Paris", true),
        ("neq", "Paris", "Paris", false),
        ("like", "in Paris.", "Paris", true),
        ("like", "in paris.", "Paris", false),
        ("ilike", "in paris.", "PARIS", true),
        ("ilike", "ΟΔΌΣ", "οδός", true),
    ] {
        let criterion = json!({"type": "string_check", "name": "s", "input": SAID, "reference": "{{item.a}}", "operation": operation});
        let graded = grade(&criterion, json!({"a": wanted}), said, &[]).unwrap();
        assert_eq!((graded.passed, graded.score), (expected, f64::from(u8::from(expected))), "{operation} {said}");
    }
}

#[test]
fn texts_are_compared_by_every_metric() {
    for (metric, expected) in [
        ("fuzzy_match", 0.863_636),
        ("bleu", 0.0),
        ("gleu", 0.222_222),
        ("meteor", 0.625),
        ("rouge_1", 0.833_333),
        ("rouge_2", 0.6),
        ("rouge_l", 0.833_333),
    ] {
        let criterion = json!({
            "type": "text_similarity", "name": "t", "input": SAID, "reference": "the cat is on the mat",
            "evaluation_metric": metric, "pass_threshold": 0.6
        });
        let graded = grade(&criterion, json!({}), "The cat sat on the mat.", &[]).unwrap();
        assert!((graded.score - expected).abs() < 1e-6, "{metric}: {}", graded.score);
        assert_eq!(graded.passed, expected >= 0.6, "{metric}");
        assert_eq!(graded.synonyms, (metric == "meteor").then_some(false));
    }
    let cosine = json!({
        "type": "text_similarity", "name": "t", "input": SAID, "reference": "r", "evaluation_metric": "cosine", "pass_threshold": 0.5
    });
    let vectors = Answer::Vectors([vec![1.0, 0.0], vec![1.0, 1.0]]);
    let graded = grade(&cosine, json!({}), "x", &[vectors]).unwrap();
    assert!((graded.score - 0.5f64.sqrt()).abs() < 1e-12 && graded.passed);
}

fn judge(more: &Value) -> Value {
    let mut criterion = json!({"name": "j", "model": "gpt-5", "input": [{"role": "user", "content": "Grade {{item.q}}: {{sample.output_text}}"}]});
    criterion.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    criterion
}

#[test]
fn a_model_is_asked_for_a_number_or_a_label() {
    let score = judge(
        &json!({"type": "score_model", "range": [1, 7], "pass_threshold": 5, "sampling_params": {"seed": 3, "max_completions_tokens": 99}}),
    );
    let criterion = read(&score, Api::Evals).unwrap();
    let (item, sample) = (json!({"q": "this"}), json!({"output_text": "well"}));
    let questions = criterion.questions(Names { item: &item, sample: Some(&sample) }).unwrap();
    let [Question::Model(question)] = questions.as_slice() else { panic!("{questions:?}") };
    let body = question.prompt.chat();
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Grade this: well"}]));
    assert_eq!((&body["seed"], &body["max_completion_tokens"]), (&json!(3), &json!(99)));
    assert_eq!(body["response_format"]["json_schema"]["schema"]["properties"]["result"]["type"], "number");
    let body = question.prompt.response();
    assert_eq!((&body["max_output_tokens"], body.get("seed")), (&json!(99), None));
    assert_eq!(body["text"]["format"]["schema"]["required"], json!(["steps", "result"]));

    let text = |text: &str| [Answer::Text(text.to_owned())];
    let item = || json!({"q": "this"});
    let reasoned = r#"{"steps": [{"description": "d", "conclusion": "c"}], "result": 5}"#;
    let graded = grade(&score, item(), "well", &text(reasoned)).unwrap();
    assert_eq!((graded.score, graded.passed, graded.steps.len()), (5.0, true, 1));
    assert_eq!(Value::Object(graded.json())["steps"][0]["conclusion"], "c");
    // Out of the range is at its end, and a bare number is one, too.
    assert_eq!(grade(&score, item(), "well", &text(r#"{"result": 9}"#)).unwrap().score, 7.0);
    assert_eq!(grade(&score, item(), "well", &text(" 4 ")).unwrap().score, 4.0);
    assert_eq!(grade(&score, item(), "well", &text("good")).unwrap_err().code, ErrorCode::InvalidAnswer);
    let refusal = [Answer::Refusal("no".to_owned())];
    assert_eq!(grade(&score, item(), "well", &refusal).unwrap_err().code, ErrorCode::Refusal);

    let label = judge(&json!({"type": "label_model", "labels": ["good", "bad"], "passing_labels": ["good"]}));
    let graded = grade(&label, item(), "well", &text(r#"{"steps": [], "result": "bad"}"#)).unwrap();
    assert_eq!((graded.label.as_deref(), graded.score, graded.passed), (Some("bad"), 0.0, false));
    assert!(grade(&label, item(), "well", &text("good")).unwrap().passed);
    assert_eq!(grade(&label, item(), "well", &text("so so")).unwrap_err().code, ErrorCode::InvalidAnswer);
}

#[test]
fn what_cannot_be_graded_is_no_failure() {
    let criterion =
        json!({"type": "string_check", "name": "s", "input": "{{item.x}}", "reference": "", "operation": "eq"});
    let error = grade(&criterion, json!({}), "", &[]).unwrap_err();
    assert_eq!((error.code, error.to_string().as_str()), (ErrorCode::UnknownPath, "`item.x`: there is no `x`"));
    let python = json!({"type": "python", "name": "p", "source": "def grade(sample, item):\n    return 1"});
    assert_eq!(grade(&python, json!({}), "", &[]).unwrap_err().code, ErrorCode::Python);
}

#[test]
fn graders_are_combined_by_a_formula() {
    let same = json!({"type": "string_check", "name": "same", "operation": "eq", "input": SAID, "reference": "Paris"});
    let score = judge(&json!({"type": "score_model", "name": "m"}));
    let score_of = |formula: &str| {
        let multi =
            json!({"type": "multi", "name": "both", "graders": {"a": same, "m": score}, "calculate_output": formula});
        grade(&multi, json!({"q": ""}), "Paris", &[Answer::Text("0.5".to_owned())])
    };
    for (formula, expected) in [
        ("0.75 * a + 0.25 * m", 0.875),
        ("a - m - m", 0.0),
        ("-m^2", -0.25),
        ("2^3^2 / 512", 1.0),
        ("min(a, m, 3) + max(a, m) + abs(-m)", 2.0),
        ("floor(m) + ceil(m) + exp(0) + sqrt(4) + log(1)", 4.0),
        ("(a + m) * (a - m)", 0.75),
        ("1e2 * .5", 50.0),
    ] {
        let graded = score_of(formula).unwrap();
        assert!((graded.score - expected).abs() < 1e-12, "{formula}: {}", graded.score);
        assert_eq!((graded.parts["a"], graded.parts["m"], graded.passed), (1.0, 0.5, expected >= 1.0));
    }
    assert_eq!(score_of("a / (m - m)").unwrap_err().code, ErrorCode::Formula);
    // Each sign makes what is to be worked out deeper by one, and a thread's stack has an end.
    let signs = json!({
        "type": "multi", "name": "both", "graders": {"a": same}, "calculate_output": format!("a{}", "+a".repeat(200_000)),
    });
    assert_eq!(read(&signs, Api::Evals).unwrap_err(), ["$.calculate_output: expected at most 4096 bytes, got 400001"]);
    // Older texts have a list, or one grader.
    for graders in [json!([same]), same.clone()] {
        let multi = json!({"type": "multi", "name": "both", "graders": graders, "calculate_output": "same"});
        assert!(grade(&multi, json!({}), "Paris", &[]).unwrap().passed);
    }
}

#[test]
fn an_item_lacks_what_a_criterion_names_of_it() {
    let check =
        json!({"type": "string_check", "name": "s", "operation": "eq", "input": SAID, "reference": "{{item.a.b}}"});
    let multi = json!({"type": "multi", "name": "m", "graders": {"s": check, "j": judge(&json!({"type": "score_model"}))}, "calculate_output": "s + j"});
    let criterion = read(&multi, Api::FineTuning).unwrap();
    assert_eq!(criterion.check_item(&json!({"a": {"b": 1}, "q": ""})), Ok(()));
    for (item, path) in [(json!({"a": {"b": 1}}), "item.q"), (json!({"q": "", "a": 1}), "item.a.b")] {
        assert_eq!(criterion.check_item(&item).unwrap_err().path, path);
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let close =
        json!({"type": "text_similarity", "name": "t", "input": "", "reference": "", "evaluation_metric": "bleu"});
    for (criterion, expected) in [
        (json!(3), "$: expected a grader as an object with `type` and `name`, got a number"),
        (
            json!({"name": "x"}),
            "$.type: expected one of `string_check`, `text_similarity`, `label_model`, `score_model`, `python`, `multi`, which is not given",
        ),
        (
            json!({"type": "string_check", "name": "", "operation": "is", "input": "{{x}}", "more": 1}),
            "$.name: must not be empty | $.operation: expected one of `eq`, `ne`, `like`, `ilike`, got \"is\" | $.input: `x`: a path begins with `item` or `sample` | $.reference: expected text, which is not given | $.more: `string_check` has no such field",
        ),
        (close.clone(), "$.pass_threshold: expected the least score that passes, from 0 to 1"),
        (
            judge(
                &json!({"type": "label_model", "labels": ["a"], "passing_labels": ["b"], "input": [{"role": "tool"}]}),
            ),
            "$.input[0].role: expected one of `user`, `assistant`, `system`, `developer` | $.input[0].content: expected text, or parts of a content | $.passing_labels[0]: `b` is none of `labels`",
        ),
        (
            judge(&json!({"type": "score_model", "range": [1, 0]})),
            "$.range: expected the least and the greatest score, as in [0, 1]",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": {"type": "multi", "name": "x"}}, "calculate_output": "a"}),
            "$.graders.a.type: a `multi` grader cannot stand within another",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": close}, "calculate_output": "a + b"}),
            "$.calculate_output: no grader is named `b`",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": close}, "calculate_output": "a +"}),
            "$.calculate_output: expected a number, a name or `(` at the end",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": close}, "calculate_output": "a b"}),
            "$.calculate_output: expected an operator at `b`",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": close}, "calculate_output": "tan(a)"}),
            "$.calculate_output: there is no function `tan`",
        ),
        (
            json!({"type": "multi", "name": "m", "graders": {"a": close}, "calculate_output": format!("{}a", "-".repeat(200))}),
            "$.calculate_output: nested too deep",
        ),
    ] {
        assert_eq!(read(&criterion, Api::Evals).unwrap_err().join(" | "), expected);
    }
    assert!(read(&close, Api::FineTuning).is_ok());
    let said = json!({"type": "string_check", "name": "s", "operation": "eq", "input": SAID, "reference": ""});
    assert!(read(&said, Api::EvalsWithoutSamples).unwrap_err()[0].contains("include_sample_schema"));
}

#[test]
fn a_criterion_is_answered_as_the_api_has_it_and_read_again() {
    for (criterion, more) in [
        (
            json!({"type": "string_check", "name": "s", "operation": "neq", "input": "a", "reference": "b", "id": "s-1"}),
            json!({"operation": "ne"}),
        ),
        (
            json!({"type": "text_similarity", "name": "t", "evaluation_metric": "rouge_3", "input": "a", "reference": "b", "pass_threshold": 0.5}),
            json!({}),
        ),
        (judge(&json!({"type": "score_model", "range": [0, 5]})), json!({"pass_threshold": 5.0, "range": [0.0, 5.0]})),
        (judge(&json!({"type": "label_model", "labels": ["a"], "passing_labels": ["a"]})), json!({})),
        (json!({"type": "python", "name": "p", "source": "x", "image_tag": null}), json!({"pass_threshold": 1.0})),
    ] {
        let answered = read(&criterion, Api::Evals).unwrap().json();
        let mut expected = criterion.as_object().unwrap().clone();
        expected.retain(|name, value| name != "id" && !value.is_null());
        expected.extend(more.as_object().unwrap().clone());
        assert_eq!(answered, Value::Object(expected));
        assert_eq!(read(&answered, Api::Evals).unwrap().json(), answered);
        assert_eq!(read(&answered, Api::FineTuning).unwrap().json(), answered);
    }
}

#[test]
fn what_takes_too_long_is_not_compared() {
    let criterion = |metric: &str| {
        json!({
            "type": "text_similarity", "name": "c", "input": SAID, "reference": "{{item.a}}", "evaluation_metric": metric,
            "pass_threshold": 0.5,
        })
    };
    let long = "a ".repeat(200_000);
    for metric in ["fuzzy_match", "rouge_l"] {
        let error = grade(&criterion(metric), json!({"a": long}), &long, &[]).unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLong);
        assert_eq!(error.message, "texts of 400000 and 400000 bytes are too long to be compared");
    }
    assert!(grade(&criterion("rouge_1"), json!({"a": long}), &long, &[]).unwrap().passed);
}

#[test]
fn of_an_answer_that_is_no_label_the_beginning_is_told() {
    let criterion = json!({
        "type": "label_model", "name": "c", "model": "m", "input": [{"role": "user", "content": SAID}],
        "labels": ["good", "bad"], "passing_labels": ["good"],
    });
    let error = grade(&criterion, json!({}), "said", &[Answer::Text("é".repeat(1_000_000))]).unwrap_err();
    assert_eq!(error.message, format!("the model answered \"{}…, which is none of the labels", "é".repeat(199)));
}
