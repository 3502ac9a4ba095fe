//! Criteria as the API has them. <https://platform.openai.com/docs/api-reference/graders>

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::object;

use crate::formula::Formula;
use crate::template::{self, UnknownPath};

/// The API whose rules a criterion is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Evals with samples.
    Evals,
    /// Evals without `include_sample_schema`, where templates can name the item alone.
    EvalsWithoutSamples,
    /// Reinforcement fine-tuning, whose rewards need no `pass_threshold`.
    FineTuning,
}

/// Something wrong with a criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as in `testing_criteria[0].operation`.
    pub place: String,
    /// What, in lower case and without a full stop: `expected eq, ne, like or ilike, got "is"`.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A grader with its name and what it takes to pass.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// The name that its maker gave it.
    pub name: String,
    /// What it does.
    pub grader: Grader,
    /// The least score that passes. Where none was given, the most that there is: the upper end of `range`, or 1.
    pub pass_threshold: f64,
}

/// What a criterion does.
#[derive(Clone, Debug)]
pub enum Grader {
    /// Compares two texts by a rule: 1 or 0.
    StringCheck {
        /// The rule.
        operation: Operation,
        /// A template of what was said.
        input: String,
        /// A template of what is wanted.
        reference: String,
    },
    /// Says how near two texts are, from 0 to 1.
    TextSimilarity {
        /// The measure.
        metric: Metric,
        /// A template of what was said.
        input: String,
        /// A template of what is wanted.
        reference: String,
    },
    /// Lets a model choose a label: 1 if it is one that passes, else 0.
    LabelModel {
        /// The model.
        model: String,
        /// Messages, with templates.
        input: Vec<Value>,
        /// What the model may choose from.
        labels: Vec<String>,
        /// Those of them that pass.
        passing_labels: Vec<String>,
        /// As the API has them.
        sampling_params: Map<String, Value>,
    },
    /// Lets a model give a number.
    ScoreModel {
        /// The model.
        model: String,
        /// Messages, with templates.
        input: Vec<Value>,
        /// The least and the greatest score.
        range: [f64; 2],
        /// As the API has them.
        sampling_params: Map<String, Value>,
    },
    /// Code, which is kept and never run.
    Python {
        /// With `def grade(sample, item)`.
        source: String,
        /// The image that it asks for.
        image_tag: Option<String>,
    },
    /// Combines others by a formula.
    Multi {
        /// By the names that the formula has.
        graders: BTreeMap<String, Criterion>,
        /// Of the score.
        formula: Formula,
    },
}

/// How `string_check` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Both are the same.
    Eq,
    /// They are not.
    Ne,
    /// The input has the reference in it.
    Like,
    /// It has it in it in whatever case.
    Ilike,
}

impl Operation {
    const NAMES: [(&str, Self); 5] =
        [("eq", Self::Eq), ("ne", Self::Ne), ("neq", Self::Ne), ("like", Self::Like), ("ilike", Self::Ilike)];

    /// Whether what was said holds against what is wanted.
    #[must_use]
    pub fn holds(self, input: &str, reference: &str) -> bool {
        match self {
            Self::Eq => input == reference,
            Self::Ne => input != reference,
            Self::Like => input.contains(reference),
            Self::Ilike => input.to_lowercase().contains(&reference.to_lowercase()),
        }
    }
}

/// How `text_similarity` measures. All but `Cosine` are in [`crate::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Of the texts' embeddings.
    Cosine,
    /// `fuzzy_match`.
    FuzzyMatch,
    /// `bleu`.
    Bleu,
    /// `gleu`.
    Gleu,
    /// `meteor`, without synonyms.
    Meteor,
    /// `rouge_1` to `rouge_5`.
    Rouge(usize),
    /// `rouge_l`.
    RougeL,
}

impl Metric {
    const NAMES: [(&str, Self); 11] = [
        ("cosine", Self::Cosine),
        ("fuzzy_match", Self::FuzzyMatch),
        ("bleu", Self::Bleu),
        ("gleu", Self::Gleu),
        ("meteor", Self::Meteor),
        ("rouge_1", Self::Rouge(1)),
        ("rouge_2", Self::Rouge(2)),
        ("rouge_3", Self::Rouge(3)),
        ("rouge_4", Self::Rouge(4)),
        ("rouge_5", Self::Rouge(5)),
        ("rouge_l", Self::RougeL),
    ];

    /// The API's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }
}

fn name_of<T: PartialEq + Copy>(names: &[(&'static str, T)], wanted: T) -> &'static str {
    names.iter().find(|(_, one)| *one == wanted).map_or("", |(name, _)| name)
}

impl Criterion {
    /// Reads the API's object. `place` is where it stands, for faults. An `id`, which the API gives, may be there.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn read(value: &Value, place: &str, api: Api) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let criterion = Reader { api, within: false, faults: &mut faults }.criterion(value, place);
        match criterion {
            Some(criterion) if faults.is_empty() => Ok(criterion),
            _ => Err(faults),
        }
    }

    /// The first path to an item's member that an item has not, so that nothing can be graded.
    ///
    /// # Errors
    ///
    /// There is one.
    pub fn check_item(&self, item: &Value) -> Result<(), UnknownPath> {
        fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::String(text) => found.push(text),
                Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
                Value::Object(members) => members.values().for_each(|member| texts(member, found)),
                _ => {}
            }
        }
        let mut templates: Vec<&str> = Vec::new();
        match &self.grader {
            Grader::StringCheck { input, reference, .. } | Grader::TextSimilarity { input, reference, .. } => {
                templates.extend([input.as_str(), reference.as_str()]);
            }
            Grader::LabelModel { input, .. } | Grader::ScoreModel { input, .. } => {
                input.iter().for_each(|message| texts(message, &mut templates));
            }
            Grader::Multi { graders, .. } => return graders.values().try_for_each(|part| part.check_item(item)),
            Grader::Python { .. } => {}
        }
        templates.into_iter().try_for_each(|text| template::check_item(text, item))
    }

    /// The API's name of its type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.grader {
            Grader::StringCheck { .. } => "string_check",
            Grader::TextSimilarity { .. } => "text_similarity",
            Grader::LabelModel { .. } => "label_model",
            Grader::ScoreModel { .. } => "score_model",
            Grader::Python { .. } => "python",
            Grader::Multi { .. } => "multi",
        }
    }

    /// The API's object, with what was not given written in.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut members =
            Map::from_iter([("name".to_owned(), json!(self.name)), ("type".to_owned(), json!(self.kind()))]);
        let mut set = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        match &self.grader {
            Grader::StringCheck { operation, input, reference } => {
                set("operation", name_of(&Operation::NAMES, *operation).into());
                set("input", input.as_str().into());
                set("reference", reference.as_str().into());
            }
            Grader::TextSimilarity { metric, input, reference } => {
                set("evaluation_metric", metric.name().into());
                set("input", input.as_str().into());
                set("reference", reference.as_str().into());
                set("pass_threshold", self.pass_threshold.into());
            }
            Grader::LabelModel { model, input, labels, passing_labels, sampling_params } => {
                set("model", model.as_str().into());
                set("input", json!(input));
                set("labels", json!(labels));
                set("passing_labels", json!(passing_labels));
                if !sampling_params.is_empty() {
                    set("sampling_params", json!(sampling_params));
                }
            }
            Grader::ScoreModel { model, input, range, sampling_params } => {
                set("model", model.as_str().into());
                set("input", json!(input));
                set("range", json!(range));
                set("pass_threshold", self.pass_threshold.into());
                if !sampling_params.is_empty() {
                    set("sampling_params", json!(sampling_params));
                }
            }
            Grader::Python { source, image_tag } => {
                set("source", source.as_str().into());
                set("pass_threshold", self.pass_threshold.into());
                if let Some(tag) = image_tag {
                    set("image_tag", tag.as_str().into());
                }
            }
            Grader::Multi { graders, formula } => {
                let graders = graders.iter().map(|(key, part)| (key.clone(), part.json()));
                set("graders", object(graders).into());
                set("calculate_output", formula.text().into());
                set("pass_threshold", self.pass_threshold.into());
            }
        }
        members.into()
    }
}

const TYPES: &[&str] = &["string_check", "text_similarity", "label_model", "score_model", "python", "multi"];
const ROLES: &[&str] = &["user", "assistant", "system", "developer"];

struct Reader<'f> {
    api: Api,
    /// Within a `multi`, which has no other within it.
    within: bool,
    faults: &'f mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, place: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.faults.push(Fault { place: place.into(), message: message.into() });
        None
    }

    fn criterion(&mut self, value: &Value, place: &str) -> Option<Criterion> {
        let Value::Object(members) = value else {
            return self
                .fault(place, format!("expected a grader as an object with `type` and `name`, got {}", kind(value)));
        };
        // What is null is not there.
        let mut members = members.clone();
        members.retain(|_, value| !value.is_null());
        members.remove("id");
        let names: Vec<(&'static str, &'static str)> = TYPES.iter().map(|name| (*name, *name)).collect();
        let kind = self.word(&mut members, place, "type", &names)?;
        let name = self.text(&mut members, place, "name");
        if name.as_deref() == Some("") {
            self.fault::<()>(format!("{place}.name"), "must not be empty");
        }
        let grader = match kind {
            "string_check" => self.string_check(&mut members, place),
            "text_similarity" => self.text_similarity(&mut members, place),
            "label_model" => self.label_model(&mut members, place),
            "score_model" => self.score_model(&mut members, place),
            "python" => self.python(&mut members, place),
            _ => self.multi(&mut members, place),
        };
        let most = if let Some(Grader::ScoreModel { range: [_, most], .. }) = grader { most } else { 1.0 };
        let rules = matches!(kind, "string_check" | "label_model");
        let threshold = if rules { None } else { self.number(&mut members, place, "pass_threshold") };
        if threshold.is_none() && kind == "text_similarity" && self.api != Api::FineTuning && !self.within {
            self.fault::<()>(format!("{place}.pass_threshold"), "expected the least score that passes, from 0 to 1");
        }
        for name in members.keys() {
            self.faults
                .push(Fault { place: format!("{place}.{name}"), message: format!("`{kind}` has no such field") });
        }
        Some(Criterion { name: name?, grader: grader?, pass_threshold: threshold.unwrap_or(most) })
    }

    fn string_check(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        let operation = self.word(members, place, "operation", &Operation::NAMES);
        let input = self.template(members, place, "input");
        let reference = self.template(members, place, "reference");
        Some(Grader::StringCheck { operation: operation?, input: input?, reference: reference? })
    }

    fn text_similarity(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        let metric = self.word(members, place, "evaluation_metric", &Metric::NAMES);
        let input = self.template(members, place, "input");
        let reference = self.template(members, place, "reference");
        Some(Grader::TextSimilarity { metric: metric?, input: input?, reference: reference? })
    }

    fn label_model(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        let model = self.text(members, place, "model");
        let input = self.messages(members, place);
        let labels = self.texts(members, place, "labels");
        let passing_labels = self.texts(members, place, "passing_labels");
        let sampling_params = self.object(members, place, "sampling_params");
        let (labels, passing_labels) = (labels?, passing_labels?);
        for (index, label) in passing_labels.iter().enumerate().filter(|(_, label)| !labels.contains(label)) {
            self.fault::<()>(format!("{place}.passing_labels[{index}]"), format!("`{label}` is none of `labels`"));
        }
        Some(Grader::LabelModel {
            model: model?,
            input: input?,
            labels,
            passing_labels,
            sampling_params: sampling_params?,
        })
    }

    fn score_model(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        let model = self.text(members, place, "model");
        let input = self.messages(members, place);
        let sampling_params = self.object(members, place, "sampling_params");
        let range = match members.remove("range") {
            None => Some([0.0, 1.0]),
            Some(value) => {
                let numbers: Vec<f64> = value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
                match numbers.as_slice() {
                    [least, most] if least < most => Some([*least, *most]),
                    _ => {
                        self.fault(format!("{place}.range"), "expected the least and the greatest score, as in [0, 1]")
                    }
                }
            }
        };
        Some(Grader::ScoreModel { model: model?, input: input?, range: range?, sampling_params: sampling_params? })
    }

    fn python(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        let source = self.text(members, place, "source");
        let image_tag = members.contains_key("image_tag").then(|| self.text(members, place, "image_tag"));
        Some(Grader::Python { source: source?, image_tag: image_tag.flatten() })
    }

    fn multi(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Grader> {
        if self.within {
            return self.fault(format!("{place}.type"), "a `multi` grader cannot stand within another");
        }
        let graders = members.remove("graders");
        let at = format!("{place}.graders");
        // A list and a lone grader, which older texts have, go by the graders' own names.
        let named = |(index, part): (usize, Value)| {
            let name = part.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            (name, part, format!("{at}[{index}]"))
        };
        let parts: Vec<(String, Value, String)> = match graders {
            Some(Value::Array(parts)) => parts.into_iter().enumerate().map(named).collect(),
            Some(Value::Object(part)) if part.get("type").is_some_and(Value::is_string) => {
                let part = Value::Object(part);
                vec![(part.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(), part, at.clone())]
            }
            Some(Value::Object(parts)) => {
                parts.into_iter().map(|(key, part)| (key.clone(), part, format!("{at}.{key}"))).collect()
            }
            _ => return self.fault(at, "expected graders by the names that `calculate_output` has"),
        };
        let mut graders = BTreeMap::new();
        self.within = true;
        for (key, part, place) in parts {
            if let Some(part) = self.criterion(&part, &place) {
                graders.insert(key, part);
            }
        }
        self.within = false;
        let text = self.text(members, place, "calculate_output")?;
        let at = format!("{place}.calculate_output");
        match Formula::parse(&text) {
            Ok(formula) => {
                let unknown: Vec<_> = formula.names().into_iter().filter(|name| !graders.contains_key(*name)).collect();
                if self.faults.is_empty() && !unknown.is_empty() {
                    return self.fault(at, format!("no grader is named {}", quoted(unknown)));
                }
                Some(Grader::Multi { graders, formula })
            }
            Err(error) => self.fault(at, error),
        }
    }

    fn take(&mut self, members: &mut Map<String, Value>, place: &str, name: &str, what: &str) -> Option<Value> {
        match members.remove(name) {
            Some(value) => Some(value),
            None => self.fault(format!("{place}.{name}"), format!("expected {what}, which is not given")),
        }
    }

    fn text(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<String> {
        match self.take(members, place, name, "text")? {
            Value::String(text) => Some(text),
            other => self.fault(format!("{place}.{name}"), format!("expected text, got {}", kind(&other))),
        }
    }

    fn template(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<String> {
        let text = self.text(members, place, name)?;
        self.check(&text, &format!("{place}.{name}"));
        Some(text)
    }

    fn check(&mut self, template: &str, place: &str) {
        if let Err(reason) = template::check(template, self.api != Api::EvalsWithoutSamples) {
            self.fault::<()>(place, reason);
        }
    }

    fn word<T: Copy>(
        &mut self,
        members: &mut Map<String, Value>,
        place: &str,
        name: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let expected = quoted(words.iter().map(|(word, _)| *word).filter(|word| *word != "neq"));
        let value = self.take(members, place, name, &format!("one of {expected}"))?;
        match words.iter().find(|(word, _)| value == *word) {
            Some((_, found)) => Some(*found),
            None => self.fault(format!("{place}.{name}"), format!("expected one of {expected}, got {value}")),
        }
    }

    fn number(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<f64> {
        let value = members.remove(name)?;
        match value.as_f64() {
            Some(number) => Some(number),
            None => self.fault(format!("{place}.{name}"), format!("expected a number, got {}", kind(&value))),
        }
    }

    fn texts(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<Vec<String>> {
        let value = self.take(members, place, name, "a list of texts")?;
        let texts = value.as_array().map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match texts.flatten() {
            Some(texts) if !texts.is_empty() => Some(texts.into_iter().map(str::to_owned).collect()),
            _ => self.fault(format!("{place}.{name}"), "expected a list of at least one text"),
        }
    }

    fn object(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<Map<String, Value>> {
        match members.remove(name) {
            None => Some(Map::new()),
            Some(Value::Object(object)) => Some(object),
            Some(other) => self.fault(format!("{place}.{name}"), format!("expected an object, got {}", kind(&other))),
        }
    }

    fn messages(&mut self, members: &mut Map<String, Value>, place: &str) -> Option<Vec<Value>> {
        let value = self.take(members, place, "input", "a list of messages with `role` and `content`")?;
        let at = format!("{place}.input");
        // A lone text is what the user says.
        let messages = match value {
            Value::String(text) => vec![json!({"role": "user", "content": text})],
            Value::Array(messages) if !messages.is_empty() => messages,
            other => return self.fault(at, format!("expected a list of messages, got {}", kind(&other))),
        };
        for (index, message) in messages.iter().enumerate() {
            let at = format!("{at}[{index}]");
            match message.get("role").and_then(Value::as_str) {
                Some(role) if ROLES.contains(&role) => {}
                _ => {
                    let expected = quoted(ROLES.iter().copied());
                    self.fault::<()>(format!("{at}.role"), format!("expected one of {expected}"));
                }
            }
            match message.get("content") {
                Some(content @ (Value::String(_) | Value::Array(_) | Value::Object(_))) => {
                    self.check_within(content, &format!("{at}.content"));
                }
                _ => {
                    self.fault::<()>(format!("{at}.content"), "expected text, or parts of a content");
                }
            }
        }
        Some(messages)
    }

    fn check_within(&mut self, value: &Value, place: &str) {
        match value {
            Value::String(text) => self.check(text, place),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_within(item, &format!("{place}[{index}]"));
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.check_within(value, &format!("{place}.{name}"));
                }
            }
            _ => {}
        }
    }
}

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
