//! Configurations of promptfoo. <https://www.promptfoo.dev/docs/configuration/reference/>
//!
//! Tests whose assertions are of the same kinds become one eval: what each expects becomes a field of its item. Each
//! prompt with each model of OpenAI's becomes a run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::object;

use super::memory::{OBJECT, OTHER, read, weight};
use super::reader::{Imported, ImportedRun, Reader, item_schema, rows_of};
use super::rows::members;
use super::yaml::yaml;
use crate::runs::{list, text};

/// Items that a configuration may come to, with all combinations of its variables.
const ITEMS: usize = 50_000;

pub(super) fn is_one(value: &Value) -> bool {
    value.get("prompts").is_some() || (value.get("tests").is_some() && value.get("providers").is_some())
}

/// A criterion whose `{expected}` is to become a field of the item.
struct Assertion {
    criterion: Value,
    /// What this test expects, if it is text that differs from test to test.
    expected: Option<String>,
}

/// Tests with assertions of the same kinds.
#[derive(Default)]
struct Group {
    criteria: Vec<Value>,
    items: Vec<Value>,
}

/// What the configuration or a test is called, and where it stands.
struct Place<'a> {
    file: &'a str,
    path: String,
}

impl Reader<'_> {
    pub(super) fn promptfoo(&mut self, file: &str, config: &Value) {
        for name in config.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            if ![
                "$schema",
                "description",
                "tags",
                "prompts",
                "providers",
                "targets",
                "tests",
                "defaultTest",
                "outputPath",
            ]
            .contains(&name)
            {
                self.untaken(file, name, "has no counterpart in an eval");
            }
        }
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let defaults = config.get("defaultTest").unwrap_or(&Value::Null);
        for (path, test) in self.tests(file, config.get("tests").unwrap_or(&Value::Null), "tests") {
            self.test(&Place { file, path }, &test, defaults, &mut groups);
        }
        let prompts = self.prompts(file, config);
        let models = self.models(file, config);
        let several = groups.len() > 1;
        for (number, group) in groups.into_values().enumerate() {
            let name = Some(text(config, "description")).filter(|name| !name.is_empty()).unwrap_or("promptfoo");
            let name = if several { format!("{name} ({})", number + 1) } else { name.to_owned() };
            let create = json!({
                "name": name,
                "data_source_config":
                    {"type": "custom", "item_schema": item_schema(&group.items), "include_sample_schema": true},
                "testing_criteria": group.criteria,
            });
            let content: Vec<Value> = group.items.iter().map(|item| json!({"item": item})).collect();
            let run = |(label, template): &(String, Value), (model, settings): &(String, Map<String, Value>)| {
                let mut source = members(json!({
                    "type": "completions", "model": model,
                    "source": {"type": "file_content", "content": content},
                    "input_messages": {"type": "template", "template": template},
                }));
                if !settings.is_empty() {
                    source.insert("sampling_params".to_owned(), settings.clone().into());
                }
                let name = if prompts.len() > 1 { format!("{model}, {label}") } else { model.clone() };
                ImportedRun::Create(members(json!({"name": name, "data_source": source})))
            };
            let each: usize = 3 * OBJECT + content.iter().map(weight).sum::<usize>();
            let mut runs = Vec::new();
            for (prompt, model) in prompts.iter().flat_map(|prompt| models.iter().map(move |model| (prompt, model))) {
                let settings: usize = model.1.values().map(weight).sum();
                if !self.takes(each + weight(&prompt.1) + settings) {
                    break;
                }
                runs.push(run(prompt, model));
            }
            self.import.evals.push(Imported { create: members(create), runs });
        }
    }

    /// Tests, of which files may hold more.
    fn tests(&mut self, file: &str, tests: &Value, path: &str) -> Vec<(String, Value)> {
        let tests: Vec<(String, Value)> = match tests {
            Value::Array(tests) => {
                tests.iter().enumerate().map(|(index, test)| (format!("{path}[{index}]"), test.clone())).collect()
            }
            Value::Null => Vec::new(),
            other => vec![(path.to_owned(), other.clone())],
        };
        let mut all = Vec::new();
        for (path, test) in tests {
            let Some(name) = test.as_str() else {
                all.push((path, test));
                continue;
            };
            let Some(found) = self.file(name) else {
                self.untaken(file, path, format!("the file `{name}` was not given"));
                continue;
            };
            let table = found.name.to_ascii_lowercase().ends_with(".csv");
            // Each row of a table becomes a few objects.
            let more = if table { 4 * OBJECT * found.text.lines().count() } else { 0 };
            if !self.takes(read(found.text) + more) {
                break;
            }
            let values = rows_of(found).map(|rows| if table { rows.into_iter().map(of_table).collect() } else { rows });
            match values {
                Ok(values) => {
                    all.extend(
                        values
                            .into_iter()
                            .enumerate()
                            .map(|(row, test)| (format!("{path} ({} {})", found.name, row + 1), test)),
                    );
                }
                Err(error) => self.untaken(found.name, "", error),
            }
        }
        all
    }

    fn test(&mut self, place: &Place<'_>, test: &Value, defaults: &Value, groups: &mut BTreeMap<String, Group>) {
        let Place { file, path } = place;
        for name in test.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            if !["vars", "assert", "description", "metadata"].contains(&name) {
                self.untaken(file, format!("{path}.{name}"), "has no counterpart in an eval");
            }
        }
        let mut vars = Map::new();
        for (from, own) in [("defaultTest.vars", defaults.get("vars")), (path.as_str(), test.get("vars"))] {
            match own {
                None | Some(Value::Null) => {}
                Some(Value::Object(own)) => vars.extend(own.clone()),
                Some(_) => self.untaken(file, from, "expected variables by their names"),
            }
        }
        let mut assertions = Vec::new();
        for (from, of) in [("defaultTest", defaults), (path.as_str(), test)] {
            for (index, assertion) in list(of, "assert").enumerate() {
                let path = format!("{from}.assert[{index}]");
                match self.assertion(assertion) {
                    Ok(assertion) => assertions.push(assertion),
                    // The same of each test is told once.
                    Err(reason) if from != "defaultTest" || self.told.insert(path.clone()) => {
                        self.untaken(file, path, reason);
                    }
                    Err(_) => {}
                }
            }
        }
        if assertions.is_empty() {
            self.untaken(file, path.as_str(), "nothing that can be graded is asserted");
            return;
        }
        let mut criteria = Vec::new();
        for (number, Assertion { mut criterion, expected }) in (1..).zip(assertions) {
            let field = if number == 1 { "expected".to_owned() } else { format!("expected_{number}") };
            if let Some(expected) = expected {
                criterion = filled(&criterion, &field);
                vars.insert(field, rendered(&expected, &vars).into());
            }
            let name = format!("{number} {}", text(&criterion, "name"));
            if let Some(name_of) = criterion.get_mut("name") {
                *name_of = name.into();
            }
            criteria.push(criterion);
        }
        let before: usize = groups.values().map(|group| group.items.len()).sum();
        let (count, each) = extent(&vars);
        if before.saturating_add(count) > ITEMS {
            self.untaken(file, format!("{path}.vars"), format!("comes to more than {ITEMS} items"));
            return;
        }
        if !self.takes(count.saturating_mul(each)) {
            return;
        }
        let items = combinations(&vars);
        let group = groups.entry(json!(criteria).to_string()).or_default();
        group.criteria = criteria;
        group.items.extend(items);
    }

    fn assertion(&self, assertion: &Value) -> Result<Assertion, String> {
        let kind = text(assertion, "type");
        let (negated, plain) = kind.strip_prefix("not-").map_or((false, kind), |plain| (true, plain));
        let value = assertion.get("value").unwrap_or(&Value::Null);
        let expected = match value {
            Value::String(value) if value.starts_with("file://") => {
                return Err("what is in the file is not read".to_owned());
            }
            Value::String(value) => Ok(value.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            _ => Err(format!("`{kind}` with a value that is no text has no counterpart")),
        };
        let threshold = |default: f64| assertion.get("threshold").and_then(Value::as_f64).unwrap_or(default);
        let name = Some(text(assertion, "metric")).filter(|name| !name.is_empty()).unwrap_or(kind);
        let check = |operation: &str| {
            json!({
                "type": "string_check", "name": name, "operation": operation,
                "input": "{{sample.output_text}}", "reference": EXPECTED,
            })
        };
        let alike = |metric: &str, default: f64| {
            json!({
                "type": "text_similarity", "name": name, "evaluation_metric": metric, "pass_threshold": threshold(default),
                "input": "{{sample.output_text}}", "reference": EXPECTED,
            })
        };
        let (criterion, expected) = match plain {
            "equals" if negated => (check("ne"), expected?),
            "equals" => (check("eq"), expected?),
            "contains" => (check("like"), expected?),
            "icontains" => (check("ilike"), expected?),
            "similar" => (alike("cosine", 0.75), expected?),
            "rouge-n" => (alike("rouge_1", 0.75), expected?),
            "bleu" => (alike("bleu", 0.5), expected?),
            "gleu" => (alike("gleu", 0.5), expected?),
            "meteor" => (alike("meteor", 0.5), expected?),
            "llm-rubric" | "model-graded-closedqa" | "g-eval" if !negated => {
                let asked = format!(
                    "Grade the output by the rubric, from 0 (does not meet it) to 1 (meets it).\n\nRubric:\n{EXPECTED}\n\n\
                     Output:\n{{{{sample.output_text}}}}"
                );
                let judge = openai_model(assertion.get("provider").unwrap_or(&Value::Null))
                    .unwrap_or_else(|| self.judge.to_owned());
                let criterion = json!({
                    "type": "score_model", "name": name, "model": judge, "range": [0, 1], "pass_threshold": threshold(0.5),
                    "input": [{"role": "user", "content": asked}],
                });
                (criterion, expected?)
            }
            _ => return Err(format!("`{kind}` has no counterpart among the graders of evals")),
        };
        let criterion = match (negated, plain) {
            (false, _) | (true, "equals") => criterion,
            (true, _) if criterion.get("pass_threshold").is_some() => {
                return Err(format!("`{kind}` has no counterpart among the graders of evals"));
            }
            (true, _) => {
                json!({"type": "multi", "name": name, "graders": {"has": criterion}, "calculate_output": "1 - has", "pass_threshold": 1})
            }
        };
        Ok(Assertion { criterion, expected: Some(expected) })
    }

    /// Prompts with a name, as templates of messages.
    fn prompts(&mut self, file: &str, config: &Value) -> Vec<(String, Value)> {
        let prompts = match config.get("prompts") {
            Some(Value::Array(prompts)) => prompts.clone(),
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one.clone()],
        };
        let mut all = Vec::new();
        for (index, prompt) in prompts.iter().enumerate() {
            let path = format!("prompts[{index}]");
            let raw = prompt.as_str().or_else(|| prompt.get("raw")?.as_str()).or_else(|| prompt.get("id")?.as_str());
            let Some(raw) = raw else {
                self.untaken(file, path, "expected a prompt as text");
                continue;
            };
            let label = Some(text(prompt, "label")).filter(|label| !label.is_empty());
            let label = label.map_or_else(|| format!("prompt {}", index + 1), str::to_owned);
            let raw = if let Some(name) = raw.strip_prefix("file://") {
                match self.file(name) {
                    // As it is, read, and as a template.
                    Some(found) if self.takes(2 * found.text.len() + read(found.text)) => found.text.to_owned(),
                    Some(_) => break,
                    None => {
                        self.untaken(file, path, format!("the file `{name}` was not given"));
                        continue;
                    }
                }
            } else {
                raw.to_owned()
            };
            match template(&raw) {
                Ok(template) => all.push((label, template)),
                Err(reason) => self.untaken(file, path, reason),
            }
        }
        all
    }

    /// Models of OpenAI's, with their settings.
    fn models(&mut self, file: &str, config: &Value) -> Vec<(String, Map<String, Value>)> {
        let member = if config.get("providers").is_some() { "providers" } else { "targets" };
        let providers = match config.get(member) {
            Some(Value::Array(providers)) => providers.clone(),
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one.clone()],
        };
        let mut all = Vec::new();
        for (index, provider) in providers.iter().enumerate() {
            let path = format!("{member}[{index}]");
            let Some(model) = openai_model(provider) else {
                self.untaken(file, path, "no model of OpenAI's: sample it elsewhere and import the answers");
                continue;
            };
            let mut settings = Map::new();
            for (name, value) in provider.get("config").and_then(Value::as_object).into_iter().flatten() {
                let known = match name.as_str() {
                    "max_tokens" | "max_completion_tokens" | "max_output_tokens" => "max_completion_tokens",
                    "temperature" | "top_p" | "seed" | "reasoning_effort" | "response_format" | "tools" => name,
                    _ => {
                        self.untaken(file, format!("{path}.config.{name}"), "has no counterpart in a run");
                        continue;
                    }
                };
                settings.insert(known.to_owned(), value.clone());
            }
            all.push((model, settings));
        }
        if all.is_empty() {
            self.untaken(file, member, "there is no model of OpenAI's to sample with, so there are no runs");
        }
        all
    }
}

/// Stands in a criterion for what a test expects.
const EXPECTED: &str = "{expected}";

/// A criterion whose placeholder names a field of the item.
fn filled(criterion: &Value, field: &str) -> Value {
    match criterion {
        Value::String(text) => text.replace(EXPECTED, &format!("{{{{item.{field}}}}}")).into(),
        Value::Array(values) => values.iter().map(|value| filled(value, field)).collect(),
        Value::Object(members) => {
            object(members.iter().map(|(name, value)| (name.clone(), filled(value, field)))).into()
        }
        other => other.clone(),
    }
}

/// `openai:gpt-5`, `openai:chat:gpt-5` or `{id: "openai:…"}`.
fn openai_model(provider: &Value) -> Option<String> {
    let id = provider.as_str().or_else(|| provider.get("id")?.as_str())?;
    let rest = id.strip_prefix("openai:")?;
    let model = rest.strip_prefix("chat:").or_else(|| rest.strip_prefix("responses:")).unwrap_or(rest);
    let other =
        ["embedding:", "embeddings:", "image:", "realtime:", "assistant:", "completion:", "moderation", "agents:"];
    (!model.is_empty() && !other.iter().any(|kind| model.starts_with(kind))).then(|| model.to_owned())
}

/// Messages of a prompt: a text is what the user says, a list of Chat's messages is one.
fn template(raw: &str) -> Result<Value, String> {
    let messages = match serde_json::from_str::<Value>(raw).or_else(|error| yaml(raw).map_err(|_| error)) {
        Ok(Value::Array(messages)) if messages.iter().all(|message| message.get("role").is_some()) => {
            Value::Array(messages)
        }
        _ => json!([{"role": "user", "content": raw.trim()}]),
    };
    within(&messages)
}

fn within(value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => of_item(text)?.into(),
        Value::Array(values) => values.iter().map(within).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Ok((name.clone(), within(value)?));
            object(members.iter().map(member).collect::<Result<Vec<_>, String>>()?).into()
        }
        other => other.clone(),
    })
}

/// `{{name}}` as `{{item.name}}`; other parts of promptfoo's template language have no counterpart.
fn of_item(text: &str) -> Result<String, String> {
    if let Some(sign) = ["{%", "{#"].iter().find(|sign| text.contains(**sign)) {
        return Err(format!("`{sign}` of a template has no counterpart"));
    }
    let (mut made, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        let name = name.trim();
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '-'));
        if !plain || name.starts_with("env.") {
            return Err(format!("`{name}` of a template has no counterpart"));
        }
        made.push_str(before);
        made.push_str(&format!("{{{{item.{name}}}}}"));
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

/// What a test expects, with its variables filled in.
fn rendered(text: &str, vars: &Map<String, Value>) -> String {
    let item = Value::Object(vars.clone());
    let names = crate::Names { item: &item, sample: None };
    let rendered = of_item(text).ok().and_then(|template| crate::template::render(&template, names).ok());
    rendered.unwrap_or_else(|| text.to_owned())
}

/// How many items there are with all combinations of variables that are lists, and about what each takes in memory.
fn extent(vars: &Map<String, Value>) -> (usize, usize) {
    let (mut count, mut each) = (1_usize, 2 * OBJECT);
    for (name, value) in vars {
        let value = match value {
            Value::Array(values) if !values.is_empty() => {
                count = count.saturating_mul(values.len());
                values.iter().map(weight).max().unwrap_or_default()
            }
            other => weight(other),
        };
        each += OTHER + name.len() + value;
    }
    (count, each)
}

/// An item for each combination of variables that are lists.
fn combinations(vars: &Map<String, Value>) -> Vec<Value> {
    let mut items = vec![Map::new()];
    for (name, value) in vars {
        let values = match value {
            Value::Array(values) if !values.is_empty() => values.clone(),
            other => vec![other.clone()],
        };
        let with = |item: &Map<String, Value>, value: &Value| {
            let mut item = item.clone();
            item.insert(name.clone(), value.clone());
            item
        };
        items = items.iter().flat_map(|item| values.iter().map(move |value| with(item, value))).collect();
    }
    items.into_iter().map(Value::Object).collect()
}

/// A test of a table: variables by their columns, and `__expected` with what is asserted, as `contains: text`.
fn of_table(row: Value) -> Value {
    let (mut vars, mut asserted) = (Map::new(), Vec::new());
    for (head, cell) in row.as_object().into_iter().flatten() {
        match (head.strip_prefix("__"), cell.as_str()) {
            (None, _) => {
                vars.insert(head.clone(), cell.clone());
            }
            (Some(special), Some(cell)) if special.starts_with("expected") && !cell.is_empty() => {
                asserted.push(expectation(cell));
            }
            (Some(_), _) => {}
        }
    }
    json!({"vars": vars, "assert": asserted})
}

/// `type: value`, `type(threshold): value`, or a text that must be equal.
fn expectation(cell: &str) -> Value {
    let typed = cell.split_once(':').filter(|(kind, _)| {
        let name = kind.split('(').next().unwrap_or_default().trim();
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    });
    let Some((kind, value)) = typed else { return json!({"type": "equals", "value": cell}) };
    let (name, threshold) = kind.split_once('(').unwrap_or((kind, ""));
    let mut assertion = json!({"type": name.trim(), "value": value.trim()});
    if let (Some(threshold), Some(members)) =
        (crate::number(threshold.trim_end_matches(')')), assertion.as_object_mut())
    {
        members.insert("threshold".to_owned(), threshold.into());
    }
    assertion
}
