//! The model of the sandbox: no intelligence, but everything a caller can observe of a model's behaviour.
//!
//! The same question gives the same answer, always. An [`Ask`] is a conversation with what is on offer; its
//! [`Ask::answer`] is a text, a refusal, or calls of tools.
//!
//! # What it answers
//!
//! - **A call of a tool** where tools are on offer, [`Choice`] allows it, and no tool was called since the user last
//!   spoke that has the same name. The tool chosen is the one whose name and description share most words with what the
//!   user said; with [`Choice::Required`] the first if none shares any, with [`Choice::Named`] the one named. After the
//!   outputs are there, another tool that fits may be called; otherwise the answer quotes the outputs.
//! - **Arguments** that fit the schema: enums, constants and booleans by what the text mentions, numbers from its
//!   numbers, strings from its *things*: quoted parts, capitalised words inside a sentence, or else its last word.
//!   Where a tool has one free string to fill, the text mentions several things and parallel calls are allowed, there
//!   is one call for each ("the weather in Paris and London" makes two).
//! - **JSON** that fits the schema asked for, filled in the same way; `{"sandbox": …}` where just any object is wanted.
//! - **A text** otherwise: that this is the sandbox, what the user said, what it was instructed, and what was said before.
//!
//! `pattern`, `not`, `if` and `dependent…` of a schema are not obeyed.
//!
//! # Magic words
//!
//! In what the user says last, for tests of what seldom happens:
//!
//! | words | effect |
//! |---|---|
//! | `[[refuse]]` | the answer is a refusal |
//! | `[[length]]` | the answer is cut in half, as if the limit of tokens were reached |
//! | `[[filter]]` | the content filter takes the answer away |
//! | `[[say TEXT]]` | the answer is exactly TEXT, also where a schema asks for something else |
//! | `[[arguments JSON]]` | the arguments of calls are exactly this |
//! | `[[long N]]` | the answer goes on for N tokens, 100,000 at most |
//! | `[[slow N]]` | N milliseconds pass between the pieces of a stream |
//! | `[[error]]` | a stream breaks with an error after its first pieces; without a stream the request fails with 500 |
//! | `[[error rate_limit_exceeded]]` | the same, with 429 |

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::engine::tokens::{self, pieces};

const GREETING: &str = "This is the sandbox, not a model.";
const DEEPEST: usize = 8;
/// Most values that are made to fit a schema, and most tokens of a long answer: a line can ask for more than there is
/// memory.
const MOST: usize = 100_000;
/// Words that say nothing of what a text is about.
const EMPTY_WORDS: &[&str] = &[
    "about", "all", "also", "and", "any", "are", "call", "can", "current", "does", "for", "from", "function", "get",
    "give", "given", "has", "have", "how", "its", "make", "now", "one", "our", "please", "return", "returns", "tell",
    "that", "the", "them", "then", "there", "this", "tool", "use", "user", "using", "want", "was", "what", "when",
    "where", "which", "who", "will", "with", "you", "your",
];

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `system` or `developer`, or the instructions of a request.
    System,
    User,
    Assistant,
}

/// A piece of a conversation, in its order.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// A message. `attached` names what it holds besides text: `image`, `file`, `audio`.
    Said { role: Role, text: String, attached: Vec<&'static str> },
    /// A call that the model made before.
    Called { id: String, name: String },
    /// What a call gave.
    Output { id: String, text: String },
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The JSON Schema of its arguments; a custom tool takes text instead.
    pub(crate) parameters: Option<Value>,
}

/// Whether the model may, must or must not call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    None,
    Required,
    Named(String),
}

/// The form of the answer.
#[derive(Clone, Debug, Default)]
pub(crate) enum Form {
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON that fits this schema.
    Schema(Value),
}

/// A question to the model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// Whether several calls at once are allowed.
    pub(crate) parallel: bool,
    pub(crate) form: Form,
    pub(crate) max_tokens: Option<usize>,
    /// Texts that end the answer before them.
    pub(crate) stop: Vec<String>,
}

/// What the model says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Text(String),
    Refusal(String),
    Calls(Vec<Call>),
}

/// A call of a tool. Who shows it gives it an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// JSON text for a function, any text for a custom tool.
    pub(crate) arguments: String,
    pub(crate) custom: bool,
}

/// Why the answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Stop,
    Length,
    Filter,
}

/// The model's answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) said: Said,
    pub(crate) end: End,
    pub(crate) input_tokens: usize,
    pub(crate) output_tokens: usize,
    /// How long to wait between the pieces of a stream.
    pub(crate) pause: Duration,
    /// The failure that the caller asked for.
    pub(crate) fails: Option<Failure>,
}

/// How a model fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Server,
    RateLimit,
}

impl Failure {
    pub(crate) const MESSAGE: &str = "The sandbox was asked to fail.";

    /// The code by which responses name it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Server => "server_error",
            Self::RateLimit => "rate_limit_exceeded",
        }
    }
}

impl Ask {
    pub(crate) fn answer(&self) -> Reply {
        let heard = self.heard();
        let magic = Magic::read(&heard);
        let subject = Subject::read(&magic.rest);
        let mut end = End::Stop;
        let mut said = if magic.refuse {
            Said::Refusal("I cannot help with that: the sandbox was asked to refuse.".to_owned())
        } else if let Some(calls) = self.calls(&subject, magic.arguments.as_deref()) {
            Said::Calls(calls)
        } else if let Some(text) = &magic.say {
            Said::Text(text.clone())
        } else {
            Said::Text(self.text(&magic, &subject))
        };
        if let Said::Text(text) | Said::Refusal(text) = &mut said {
            if let Some(at) = self.stop.iter().filter_map(|stop| text.find(stop.as_str())).min() {
                text.truncate(at);
            }
            let whole = tokens::count(text);
            let most = self.max_tokens.unwrap_or(usize::MAX).min(if magic.length { whole / 2 } else { usize::MAX });
            if whole > most {
                *text = pieces(text).into_iter().take(most).collect();
                end = End::Length;
            }
            if magic.filter {
                text.clear();
                end = End::Filter;
            }
        }
        let output_tokens = match &said {
            Said::Text(text) | Said::Refusal(text) => tokens::count(text),
            Said::Calls(calls) => {
                calls.iter().map(|call| tokens::count(&call.name) + tokens::count(&call.arguments)).sum()
            }
        };
        let input_tokens = self.input_tokens();
        Reply { said, end, input_tokens, output_tokens, pause: magic.slow, fails: magic.error }
    }

    /// What the user said last, without the magic words.
    pub(crate) fn question(&self) -> String {
        Magic::read(&self.heard()).rest
    }

    /// Whether a tool was called since the user last spoke.
    pub(crate) fn called(&self, tool: &str) -> bool {
        self.since().iter().any(|turn| matches!(turn, Turn::Called { name, .. } if name == tool))
    }

    /// What the user said last, all their messages since the model last spoke.
    fn heard(&self) -> String {
        let mut heard = Vec::new();
        for turn in self.turns.iter().rev() {
            match turn {
                Turn::Said { role: Role::User, text, .. } => heard.push(text.as_str()),
                Turn::Said { role: Role::System, .. } => {}
                _ if heard.is_empty() => {}
                _ => break,
            }
        }
        heard.reverse();
        heard.join("\n")
    }

    /// What happened since the user last spoke.
    fn since(&self) -> &[Turn] {
        let spoke = |turn: &Turn| matches!(turn, Turn::Said { role: Role::User, .. });
        let from = self.turns.iter().rposition(spoke).map_or(0, |at| at + 1);
        self.turns.get(from..).unwrap_or_default()
    }

    fn calls(&self, subject: &Subject, arguments: Option<&str>) -> Option<Vec<Call>> {
        let open: Vec<&Tool> = self.tools.iter().filter(|tool| !self.called(&tool.name)).collect();
        let shared = |tool: &Tool| shared_words(&format!("{} {}", tool.name, tool.description), &subject.words);
        // Of several that fit equally, the first.
        let best = open.iter().rev().max_by_key(|tool| shared(tool)).copied();
        let tool = match &self.choice {
            Choice::None => None,
            Choice::Auto => best.filter(|tool| shared(tool) > 0),
            Choice::Required if self.since().iter().any(|turn| matches!(turn, Turn::Called { .. })) => {
                best.filter(|tool| shared(tool) > 0)
            }
            Choice::Required => best,
            Choice::Named(name) => open.into_iter().find(|tool| tool.name == *name),
        }?;
        let call = |arguments: String, custom| Call { name: tool.name.clone(), arguments, custom };
        let Some(schema) = &tool.parameters else {
            return Some(vec![call(arguments.unwrap_or(&subject.text).to_owned(), true)]);
        };
        if let Some(arguments) = arguments {
            return Some(vec![call(arguments.to_owned(), false)]);
        }
        let split = self.parallel && subject.things.len() > 1 && free_strings(schema) == 1;
        let fill = |subject: &Subject| call(Filler::new(schema, subject).whole().to_string(), false);
        Some(if split {
            let alone = |thing: &String| Subject { things: vec![thing.clone()], ..subject.clone() };
            subject.things.iter().map(|thing| fill(&alone(thing))).collect()
        } else {
            vec![fill(subject)]
        })
    }

    fn text(&self, magic: &Magic, subject: &Subject) -> String {
        match &self.form {
            Form::Schema(schema) => return Filler::new(schema, subject).whole().to_string(),
            Form::Object => return json!({"sandbox": self.prose(&magic.rest)}).to_string(),
            Form::Text => {}
        }
        let mut text = self.prose(&magic.rest);
        if let Some(long) = magic.long {
            let more = long.min(MOST).saturating_sub(tokens::count(&text));
            text.extend((0..more).map(|n| if n % 12 == 11 { " on.\n" } else { " on" }));
        }
        text
    }

    fn prose(&self, heard: &str) -> String {
        let outputs: Vec<String> = self.since().iter().filter_map(|turn| self.told(turn)).collect();
        if !outputs.is_empty() {
            return format!("{GREETING} {}", outputs.join(" "));
        }
        let mut text = format!("{GREETING} You said: \"{heard}\".");
        let attached: Vec<&str> = self.attached().collect();
        for kind in ["image", "file", "audio"] {
            match attached.iter().filter(|one| **one == kind).count() {
                0 => {}
                1 => text.push_str(&format!(" You attached 1 {kind}.")),
                many => text.push_str(&format!(" You attached {many} {kind}s.")),
            }
        }
        let said = |of: Role| {
            move |turn: &Turn| match turn {
                Turn::Said { role, text, .. } if *role == of && !text.is_empty() => Some(text.clone()),
                _ => None,
            }
        };
        if let Some(told) = self.turns.iter().find_map(said(Role::System)) {
            text.push_str(&format!(" My instructions: \"{told}\"."));
        }
        let spoke = self.turns.iter().rposition(|turn| matches!(turn, Turn::Said { role: Role::Assistant, .. }));
        let earlier = self.turns.get(..spoke.unwrap_or(0)).unwrap_or_default();
        if let Some(before) = earlier.iter().rev().find_map(said(Role::User)) {
            text.push_str(&format!(" Before that you said: \"{}\".", Magic::read(&before).rest));
        }
        text
    }

    /// What was attached to the user's last messages.
    fn attached(&self) -> impl Iterator<Item = &'static str> {
        let spoken =
            self.turns.iter().rev().take_while(|turn| !matches!(turn, Turn::Said { role: Role::Assistant, .. }));
        let attached = spoken.filter_map(|turn| match turn {
            Turn::Said { role: Role::User, attached, .. } => Some(attached.iter().copied()),
            _ => None,
        });
        attached.flatten()
    }

    fn told(&self, turn: &Turn) -> Option<String> {
        let Turn::Output { id, text } = turn else { return None };
        let name = self.turns.iter().find_map(|turn| match turn {
            Turn::Called { id: called, name } if called == id => Some(name.as_str()),
            _ => None,
        });
        Some(format!("{} gave: {text}.", name.unwrap_or("a tool")))
    }

    fn input_tokens(&self) -> usize {
        let turn = |turn: &Turn| match turn {
            Turn::Said { text, attached, .. } => 4 + tokens::count(text) + 85 * attached.len(),
            Turn::Called { name, .. } => 4 + tokens::count(name),
            Turn::Output { text, .. } => 4 + tokens::count(text),
        };
        let tool = |tool: &Tool| {
            let schema = tool.parameters.as_ref().map(Value::to_string).unwrap_or_default();
            tokens::count(&tool.name) + tokens::count(&tool.description) + tokens::count(&schema)
        };
        self.turns.iter().map(turn).sum::<usize>() + self.tools.iter().map(tool).sum::<usize>()
    }
}

/// The magic words of a text, and the rest of it.
#[derive(Default)]
struct Magic {
    rest: String,
    refuse: bool,
    length: bool,
    filter: bool,
    error: Option<Failure>,
    say: Option<String>,
    arguments: Option<String>,
    long: Option<usize>,
    slow: Duration,
}

impl Magic {
    fn read(text: &str) -> Self {
        let mut magic = Self::default();
        let mut left = text;
        while let Some((before, after)) = left.split_once("[[") {
            // `[[arguments {"a": [[1]]}]]` ends at the last bracket pair of its line.
            let line = after.lines().next().unwrap_or_default();
            let end = if line.starts_with("arguments ") || line.starts_with("say ") {
                line.rfind("]]")
            } else {
                line.find("]]")
            };
            let Some((words, rest)) = end.and_then(|at| Some((after.get(..at)?, after.get(at + 2..)?))) else { break };
            magic.rest.push_str(before);
            let (word, value) = words.split_once(' ').unwrap_or((words, ""));
            match word {
                "refuse" => magic.refuse = true,
                "length" => magic.length = true,
                "filter" => magic.filter = true,
                "error" if value == "rate_limit_exceeded" => magic.error = Some(Failure::RateLimit),
                "error" => magic.error = Some(Failure::Server),
                "say" => magic.say = Some(value.to_owned()),
                "arguments" => magic.arguments = Some(value.to_owned()),
                "long" => magic.long = value.parse().ok(),
                "slow" => magic.slow = Duration::from_millis(value.parse().unwrap_or_default()),
                _ => magic.rest.push_str(&format!("[[{words}]]")),
            }
            left = rest;
        }
        magic.rest.push_str(left);
        magic.rest = magic.rest.trim().to_owned();
        magic
    }
}

/// What a text is about.
#[derive(Clone)]
struct Subject {
    text: String,
    words: Vec<String>,
    things: Vec<String>,
    numbers: Vec<f64>,
}

impl Subject {
    fn read(text: &str) -> Self {
        let numbers = text
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .filter_map(|word| word.trim_end_matches('.').parse().ok())
            .filter(|number: &f64| number.is_finite())
            .collect();
        Self { text: text.to_owned(), words: words(text), things: things(text), numbers }
    }

    fn mentions(&self, word: &str) -> bool {
        let wanted = words(word);
        !wanted.is_empty() && wanted.iter().all(|word| self.words.contains(word))
    }
}

/// The words of a text in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn shared_words(about: &str, heard: &[String]) -> usize {
    let stem = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let telling = |word: &&String| word.chars().count() > 2 && !EMPTY_WORDS.contains(&word.as_str());
    let mut about: Vec<String> = words(about).iter().filter(telling).map(|word| stem(word)).collect();
    about.sort();
    about.dedup();
    about.iter().filter(|word| heard.iter().any(|heard| stem(heard) == **word)).count()
}

/// Quoted parts; or else capitalised words that do not begin a sentence, neighbours together; or else the last word.
fn things(text: &str) -> Vec<String> {
    let quoted: Vec<String> =
        text.split('"').skip(1).step_by(2).filter(|part| !part.trim().is_empty()).map(str::to_owned).collect();
    if !quoted.is_empty() && text.matches('"').count().is_multiple_of(2) {
        return quoted;
    }
    let mut things: Vec<String> = Vec::new();
    let (mut begins, mut joins) = (true, false);
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let capital = bare.chars().next().is_some_and(char::is_uppercase) && bare != "I";
        if capital && !begins {
            match things.last_mut().filter(|_| joins) {
                Some(thing) => thing.push_str(&format!(" {bare}")),
                None => things.push(bare.to_owned()),
            }
        }
        joins = capital && !begins && word.ends_with(char::is_alphanumeric);
        begins = word.ends_with(['.', '?', '!', ':']);
    }
    let mut seen = Vec::new();
    things.retain(|thing| {
        !seen.contains(thing) && {
            seen.push(thing.clone());
            true
        }
    });
    if things.is_empty() {
        let mut bare = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        things.extend(bare.rfind(|word| !word.is_empty()).map(str::to_owned));
    }
    things
}

fn is_free_string(schema: &Value) -> bool {
    let typed = match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };
    typed && ["enum", "const", "format"].iter().all(|key| schema.get(key).is_none())
}

/// How many arguments of a function are strings of any content.
fn free_strings(schema: &Value) -> usize {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = |name: &String| {
        schema
            .get("required")
            .and_then(Value::as_array)
            .is_none_or(|list| list.is_empty() || list.iter().any(|one| one == name))
    };
    properties.into_iter().flatten().filter(|(name, schema)| required(name) && is_free_string(schema)).count()
}

/// Makes a value that fits a schema, of what a text is about.
struct Filler<'a> {
    root: &'a Value,
    subject: &'a Subject,
    things: std::slice::Iter<'a, String>,
    numbers: std::slice::Iter<'a, f64>,
    made: usize,
}

impl<'a> Filler<'a> {
    fn new(root: &'a Value, subject: &'a Subject) -> Self {
        Self { root, subject, things: subject.things.iter(), numbers: subject.numbers.iter(), made: 0 }
    }

    fn whole(mut self) -> Value {
        self.value(self.root, 0)
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        self.made += 1;
        if self.made > MOST {
            return Value::Null;
        }
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return match target {
                Some(target) if depth < 4 * DEEPEST => self.value(target, depth + 1),
                _ => Value::Null,
            };
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = list("enum") {
            let mentioned = values.iter().find(|value| value.as_str().is_some_and(|word| self.subject.mentions(word)));
            return mentioned.or(values.first()).cloned().unwrap_or_default();
        }
        if let Some(options) = list("anyOf").or(list("oneOf")) {
            let null = options.iter().find(|option| option.get("type").is_some_and(|kind| kind == "null"));
            let other = options.iter().find(|option| option.get("type").is_none_or(|kind| kind != "null"));
            let option = if depth >= DEEPEST { null.or(other) } else { other.or(null) };
            return option.map_or(Value::Null, |option| self.value(option, depth + 1));
        }
        if let Some(parts) = list("allOf") {
            return self.value(&merged(schema, parts), depth);
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => {
                let null = kinds.iter().any(|kind| kind == "null");
                let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
                kind.filter(|kind| !(null && depth >= DEEPEST && *kind != "string")).unwrap_or("null")
            }
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ => "string",
        };
        match kind {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "integer" | "number" => self.number(schema, kind == "integer"),
            "boolean" => Value::Bool(!["no", "not", "false", "never"].iter().any(|word| self.subject.mentions(word))),
            "null" => Value::Null,
            _ => Value::String(self.string(schema)),
        }
    }

    /// Required properties; all of them if none is required, and those whose values the text mentions.
    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let values = property.get("enum").and_then(Value::as_array).into_iter().flatten();
            let mentioned = values.filter_map(Value::as_str).any(|word| self.subject.mentions(word));
            if required.contains(&name.as_str()) || mentioned || (required.is_empty() && depth < DEEPEST) {
                object.insert(name.clone(), self.value(property, depth + 1));
            }
        }
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), Value::String(self.string(&Value::Null)));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Value {
        let size = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let (least, most) = (size("minItems").unwrap_or(0), size("maxItems").unwrap_or(usize::MAX));
        let mut items: Vec<Value> = Vec::new();
        if let Some(prefix) = schema.get("prefixItems").and_then(Value::as_array) {
            items.extend(prefix.iter().map(|item| self.value(item, depth + 1)));
        }
        let any = json!({"type": "string"});
        let item = schema.get("items").filter(|item| item.is_object()).unwrap_or(&any);
        let wanted = match depth {
            depth if depth >= DEEPEST => 0,
            _ if schema.get("prefixItems").is_some() => items.len(),
            _ if is_free_string(item) => {
                // A list is of all things, whoever got one before.
                self.things = self.subject.things.iter();
                self.things.len()
            }
            _ => 1,
        };
        while items.len() < wanted.clamp(least, most.max(least)) && self.made < MOST {
            items.push(self.value(item, depth + 1));
        }
        Value::Array(items)
    }

    fn number(&mut self, schema: &Value, whole: bool) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let step = bound("multipleOf").unwrap_or(if whole { 1.0 } else { 0.0 });
        let open = if step > 0.0 { step } else { f64::EPSILON };
        let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low + open)).unwrap_or(f64::MIN);
        let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high - open)).unwrap_or(f64::MAX);
        let fits = |number: f64| (low..=high).contains(&number) && (step == 0.0 || (number / step).fract() == 0.0);
        let mut number = self.numbers.clone().copied().find(|number| fits(*number));
        if number.is_some() {
            // A number is given away once, as things are.
            self.numbers.by_ref().find(|given| fits(**given));
        } else if step > 0.0 {
            number = Some((1.0_f64.clamp(low, high.max(low)) / step).ceil() * step);
        }
        let number = number.unwrap_or(1.0_f64.clamp(low, high.max(low)));
        if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
    }

    fn string(&mut self, schema: &Value) -> String {
        let fixed = match schema.get("format").and_then(Value::as_str) {
            Some("date") => "2026-01-01",
            Some("date-time") => "2026-01-01T00:00:00Z",
            Some("time") => "00:00:00Z",
            Some("duration") => "PT1H",
            Some("email") => "sandbox@example.com",
            Some("hostname") => "example.com",
            Some("ipv4") => "192.0.2.1",
            Some("ipv6") => "2001:db8::1",
            Some("uuid") => "00000000-0000-4000-8000-000000000000",
            Some("uri") => "https://example.com/",
            _ => {
                let thing = self.things.next().or(self.subject.things.last()).map_or("sandbox", String::as_str);
                let size =
                    |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                let least = size("minLength").unwrap_or(0).min(10_000);
                let mut text: String = thing.chars().take(size("maxLength").unwrap_or(200)).collect();
                let short = least.saturating_sub(text.chars().count());
                text.extend(std::iter::repeat_n('.', short));
                return text;
            }
        };
        fixed.to_owned()
    }
}

/// A schema with the parts of its `allOf` taken in.
fn merged(schema: &Value, parts: &[Value]) -> Value {
    let mut whole = schema.as_object().cloned().unwrap_or_default();
    whole.remove("allOf");
    for (key, value) in parts.iter().filter_map(Value::as_object).flatten() {
        match (whole.get_mut(key), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs.clone()),
            (Some(Value::Array(ours)), Value::Array(theirs)) => ours.extend(theirs.clone()),
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    fn user(text: &str) -> Turn {
        Turn::Said { role: Role::User, text: text.to_owned(), attached: Vec::new() }
    }

    fn weather() -> Tool {
        let parameters = json!({
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        });
        Tool { name: "get_weather".into(), description: "Weather of a place".into(), parameters: Some(parameters) }
    }

    fn ask(text: &str) -> Ask {
        Ask { turns: vec![user(text)], tools: vec![weather()], parallel: true, ..Ask::default() }
    }

    fn arguments(ask: &Ask) -> Vec<Value> {
        match ask.answer().said {
            Said::Calls(calls) => calls.iter().map(|call| serde_json::from_str(&call.arguments).unwrap()).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn text(ask: &Ask) -> String {
        match ask.answer().said {
            Said::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tool_is_called_once_for_each_thing() {
        let question = "What is the weather in Paris and New York, in fahrenheit?";
        let both =
            [json!({"location": "Paris", "unit": "fahrenheit"}), json!({"location": "New York", "unit": "fahrenheit"})];
        assert_eq!(arguments(&ask(question)), both);
        assert_eq!(arguments(&Ask { parallel: false, ..ask(question) }), both[..1]);
        assert_eq!(arguments(&ask("weather in bern")), [json!({"location": "bern"})]);
    }

    #[test]
    fn a_tool_is_called_when_it_fits_or_must_be() {
        assert!(text(&ask("Tell me a joke")).contains("You said: \"Tell me a joke\""));
        assert!(text(&Ask { choice: Choice::None, ..ask("The weather?") }).contains("sandbox"));
        assert_eq!(arguments(&Ask { choice: Choice::Required, ..ask("hello there") }), [json!({"location": "there"})]);
        let named = Choice::Named("get_weather".into());
        assert_eq!(arguments(&Ask { choice: named, ..ask("hello") }), [json!({"location": "hello"})]);
    }

    #[test]
    fn outputs_are_quoted_and_a_new_question_may_call_again() {
        let mut ask = ask("The weather in Paris?");
        ask.turns.push(Turn::Called { id: "call_1".into(), name: "get_weather".into() });
        ask.turns.push(Turn::Output { id: "call_1".into(), text: "rain".into() });
        assert_eq!(text(&ask), "This is the sandbox, not a model. get_weather gave: rain.");
        ask.turns.push(user("And the weather in Rome?"));
        assert_eq!(arguments(&ask), [json!({"location": "Rome"})]);
    }

    #[test]
    fn a_second_tool_that_fits_is_called_after_the_first() {
        let mut ask = ask("The weather in Paris, then the time there");
        let parameters = Some(json!({"type": "object", "properties": {}}));
        ask.tools.push(Tool { name: "get_time".into(), description: String::new(), parameters });
        assert_eq!(arguments(&ask), [json!({"location": "Paris"})]);
        ask.turns.push(Turn::Called { id: "call_1".into(), name: "get_weather".into() });
        ask.turns.push(Turn::Output { id: "call_1".into(), text: "rain".into() });
        assert_eq!(arguments(&ask), [json!({})]);
    }

    #[test]
    fn json_fits_its_schema() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 8},
                "day": {"$ref": "#/$defs/day"},
                "count": {"type": "integer", "minimum": 2, "multipleOf": 2},
                "share": {"type": "number", "exclusiveMaximum": 0.5},
                "kind": {"enum": ["a", "b"]},
                "people": {"type": "array", "items": {"type": "string"}, "minItems": 3},
                "place": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}]},
                "tree": {"$ref": "#"},
            },
            "required": ["name", "day", "count", "share", "kind", "people", "place"],
            "$defs": {
                "day": {"type": "string", "format": "date"},
                "place": {"allOf": [{"type": "object", "properties": {"room": {"type": ["integer", "null"]}}}]},
            },
        });
        let ask = Ask {
            turns: vec![user("Alice and Bob meet, says Carol, all 6 of b")],
            form: Form::Schema(schema),
            ..Ask::default()
        };
        let expected = json!({
            "name": "Bob.....", "day": "2026-01-01", "count": 6, "share": 0.0, "kind": "b",
            "people": ["Bob", "Carol", "Carol"], "place": {"room": 1},
        });
        let mut answer: Value = serde_json::from_str(&text(&ask)).unwrap();
        let share = answer["share"].take().as_f64().unwrap();
        assert!(share < 0.5);
        answer["share"] = json!(0.0);
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "all": {"type": "array", "items": {"$ref": "#"}}},
            "required": ["next", "all"],
        });
        let ask = Ask { turns: vec![user("hi")], form: Form::Schema(schema), ..Ask::default() };
        assert!(text(&ask).starts_with("{\"all\":"));
    }

    #[test]
    fn nothing_asks_for_more_than_there_is_memory() {
        let many = json!({"type": "array", "minItems": u64::MAX, "items": {"$ref": "#/$defs/many"}});
        let wide: Map<String, Value> = (0..20).map(|n| (format!("p{n}"), json!({"$ref": "#"}))).collect();
        let names: Vec<&String> = wide.keys().collect();
        let schemas = [
            json!({"type": "object", "properties": {"a": many.clone()}, "required": ["a"], "$defs": {"many": many}}),
            json!({"type": "object", "properties": wide, "required": names}),
        ];
        for schema in schemas {
            let ask = Ask { turns: vec![user("hi")], form: Form::Schema(schema), ..Ask::default() };
            assert!(text(&ask).starts_with('{'));
        }
        let long = Ask { turns: vec![user("hi [[long 18446744073709551615]]")], ..Ask::default() };
        assert_eq!(long.answer().output_tokens, MOST);
    }

    #[test]
    fn magic_words_do_what_they_say() {
        let ask = |text: &str| Ask { turns: vec![user(text)], ..Ask::default() };
        assert!(matches!(ask("no [[refuse]]").answer().said, Said::Refusal(_)));
        assert_eq!(ask("hi [[length]]").answer().end, End::Length);
        let filtered = ask("hi [[filter]]").answer();
        assert_eq!((filtered.said, filtered.end), (Said::Text(String::new()), End::Filter));
        assert_eq!(ask("[[slow 7]] hi").answer().pause, Duration::from_millis(7));
        assert_eq!(text(&ask("[[say [1, [2]]]] please")), "[1, [2]]");
        assert_eq!(ask("[[long 500]]").answer().output_tokens, 500);
        assert_eq!(text(&ask("a [[b]] [[slow 0]]c")), "This is the sandbox, not a model. You said: \"a [[b]] c\".");
    }

    #[test]
    fn limits_cut_the_answer() {
        let cut = Ask { max_tokens: Some(3), ..ask("hello") }.answer();
        assert_eq!((cut.end, cut.output_tokens), (End::Length, 3));
        let stopped = Ask { stop: vec![" You".into()], ..ask("hello") };
        assert_eq!((text(&stopped).as_str(), stopped.answer().end), ("This is the sandbox, not a model.", End::Stop));
    }

    #[test]
    fn memory_instructions_and_attachments_are_told() {
        let mut turns = vec![Turn::Said { role: Role::System, text: "be brief".into(), attached: vec![] }, user("one")];
        turns.push(Turn::Said { role: Role::Assistant, text: "ok".into(), attached: vec![] });
        turns.push(Turn::Said { role: Role::User, text: "two".into(), attached: vec!["image", "image"] });
        assert_eq!(
            text(&Ask { turns, ..Ask::default() }),
            "This is the sandbox, not a model. You said: \"two\". You attached 2 images. My instructions: \"be brief\". \
             Before that you said: \"one\"."
        );
    }
}
