//! Whether a training file is what its method takes. OpenAI tells as much only minutes after a job was made.
//! <https://platform.openai.com/docs/guides/supervised-fine-tuning>,
//! <https://platform.openai.com/docs/guides/direct-preference-optimization>,
//! <https://platform.openai.com/docs/guides/reinforcement-fine-tuning>,
//! <https://cookbook.openai.com/examples/chat_finetuning_data_prep>

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{Lines, not_json};

use crate::files;

/// Fewest examples of a training file.
const FEWEST: u64 = 10;
/// Faults that are told.
const TOLD: usize = 20;
/// Tokens of an example above which some models cut it.
const LONG: u64 = 65_536;
/// Most examples of reinforcement, to train and to validate with.
const MOST: (u64, u64) = (50_000, 1000);
/// Most bytes of one line: an example may hold images.
const LONGEST: usize = 64 * 1024 * 1024;
const AGAIN: &str = "upload it with purpose fine-tune, and call again with its id";
/// Characters of a file that a fault quotes.
const QUOTED: usize = 40;
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// What a line has to look like.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Format {
    #[default]
    Chat,
    Completion,
    Preference,
    Reinforcement,
}

impl Format {
    /// The format that the arguments of a job ask for.
    pub(crate) fn of(given: &Value) -> Self {
        let text = |at: &str| given.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let model = text("/model");
        match text("/method/type") {
            "dpo" => Format::Preference,
            "reinforcement" => Format::Reinforcement,
            _ if ["babbage-002", "davinci-002"]
                .iter()
                .any(|base| model.trim_start_matches("ft:").starts_with(base)) =>
            {
                Format::Completion
            }
            _ => Format::Chat,
        }
    }
}

/// How often the tokens of a file are paid for.
pub(crate) enum Paid {
    /// Validation costs nothing; reinforcement is paid for by the hour.
    Nothing,
    /// As OpenAI decides.
    Auto,
    Epochs(u64),
}

impl Paid {
    /// What the arguments of a job say about its training file.
    pub(crate) fn of(given: &Value) -> Self {
        let method = given.pointer("/method/type").and_then(Value::as_str).unwrap_or("supervised");
        let place = format!("/method/{method}/hyperparameters/n_epochs");
        let epochs = given.pointer(&place).or_else(|| given.pointer("/hyperparameters/n_epochs"));
        match epochs.and_then(Value::as_u64) {
            _ if method == "reinforcement" => Paid::Nothing,
            Some(epochs) => Paid::Epochs(epochs),
            None => Paid::Auto,
        }
    }
}

/// What `auto` comes to: three epochs, but so many that a small file is seen 100 times in all, and a large one 25,000.
fn usual_epochs(examples: u64) -> u64 {
    match examples {
        0 => 3,
        _ if examples * 3 < 100 => (100 / examples).min(25),
        _ if examples * 3 > 25_000 => (25_000 / examples).max(1),
        _ => 3,
    }
}

/// What was found in a file without faults.
#[derive(Default)]
pub(crate) struct Report {
    examples: u64,
    tokens: u64,
    longest: u64,
    warnings: Vec<String>,
    /// Hashes of the examples.
    seen: BTreeSet<u64>,
    /// Why the file could not be checked.
    unchecked: Option<String>,
}

impl Report {
    fn unchecked(why: impl Into<String>) -> Self {
        Report { unchecked: Some(why.into()), ..Report::default() }
    }

    /// Warns of examples that stand in both files: validation on them tells nothing.
    pub(crate) fn compare(&mut self, trained: &Report) {
        match self.seen.intersection(&trained.seen).count() {
            0 => {}
            both => self.warnings.push(format!("{both} examples stand in the training file too")),
        }
    }

    pub(crate) fn show(&self, paid: &Paid) -> Value {
        if let Some(why) = &self.unchecked {
            return json!({"unchecked": why});
        }
        let mut shown = json!({
            "examples": self.examples,
            "tokens_estimate": self.tokens,
            "longest_example_tokens_estimate": self.longest,
        });
        if let Some(shown) = shown.as_object_mut() {
            let epochs = match paid {
                Paid::Nothing => None,
                Paid::Epochs(epochs) => Some((*epochs, (*epochs).into())),
                Paid::Auto => {
                    let usual = usual_epochs(self.examples);
                    Some((usual, format!("auto, {usual} assumed").into()))
                }
            };
            if let Some((epochs, told)) = epochs {
                shown.insert("epochs".into(), told);
                shown.insert("trained_tokens_estimate".into(), (self.tokens * epochs).into());
            }
            if !self.warnings.is_empty() {
                shown.insert("warnings".into(), self.warnings.clone().into());
            }
        }
        shown
    }
}

/// Checks a file of the caller's.
///
/// # Errors
/// Names the faults, by line, or why the file cannot be a training file at all.
pub(crate) async fn check(cx: &Context, argument: &str, id: &str, format: Format) -> Result<Report> {
    let file = match cx.send(&files::Get::SPEC, json!({"file_id": id})).value().await {
        Ok(file) => file,
        Err(error) => return unreadable(argument, error),
    };
    let text = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("object") != "file" {
        return Ok(Report::unchecked("the answer about the file is no file object"));
    }
    if text("purpose") != "fine-tune" {
        let problem = format!(
            "expected a file with purpose `fine-tune`, got purpose `{}`\nhint: upload it again with purpose fine-tune",
            text("purpose")
        );
        return Err(Error::argument(argument, problem));
    }
    let response = match cx.send(&files::Content::SPEC, json!({"file_id": id})).response().await {
        Ok(response) => response,
        Err(error) => return unreadable(argument, error),
    };
    let total = file.get("bytes").and_then(Value::as_f64);
    let mut lines = Lines::new(id, response.into_body(), u64::MAX, LONGEST);
    let mut found = Found { format, ..Found::default() };
    let mut told = 0;
    while let Some((number, line)) = lines.next().await? {
        found.line(number, line);
        if lines.is_utf16() {
            let problem =
                format!("`{id}` is UTF-16, expected UTF-8, nothing was created\nhint: save it as UTF-8, {AGAIN}");
            return Err(Error::argument(argument, problem));
        }
        if lines.bytes() - told > 1_000_000 {
            told = lines.bytes();
            cx.progress(told as f64, total, &format!("{} examples of {argument} checked", found.report.examples));
        }
    }
    found.finish(argument, id)
}

/// A file that is not there is the caller's mistake; one that this key or plan may not read is for OpenAI to check.
/// Anything else may be over in a moment, and no reason to spend unchecked.
fn unreadable(argument: &str, error: Error) -> Result<Report> {
    match error.kind() {
        Kind::Status(404) => Err(Error::argument(argument, error)),
        Kind::Status(400 | 401 | 403) => Ok(Report::unchecked(error.into_text())),
        _ => Err(error),
    }
}

#[derive(Default)]
struct Found {
    format: Format,
    report: Report,
    faults: Vec<String>,
    /// Problems of the file as a whole that were told.
    habits: Vec<&'static str>,
    faulty: u64,
    /// What the first faulty line looks like instead.
    instead: Option<&'static str>,
    doubled: u64,
    long: u64,
    images: u64,
}

impl Found {
    fn line(&mut self, number: u64, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        self.report.examples += 1;
        let mut problems = Vec::new();
        let example = serde_json::from_slice::<Value>(line);
        let tokens = match &example {
            Ok(example) => example_tokens(example, self.format, &mut problems),
            Err(error) => {
                // What one line has, all have: it is told once.
                let habit = habit(line);
                match habit {
                    Some(habit) if self.habits.contains(&habit) => {}
                    Some(habit) => problems.push(habit.to_owned()),
                    None => problems.push(not_json(error)),
                }
                self.habits.extend(habit);
                0
            }
        };
        if problems.is_empty() && example.is_ok() {
            self.report.tokens += tokens;
            self.report.longest = self.report.longest.max(tokens);
            self.long += u64::from(tokens > LONG);
            let mut hasher = DefaultHasher::new();
            line.trim_ascii().hash(&mut hasher);
            self.doubled += u64::from(!self.report.seen.insert(hasher.finish()));
            self.images += example.as_ref().map_or(0, images);
        } else {
            if self.faulty == 0 {
                self.instead = instead(example.as_ref().ok(), line, self.format);
            }
            self.faulty += 1;
            let room = TOLD.saturating_sub(self.faults.len());
            self.faults.extend(problems.into_iter().take(room).map(|problem| format!("line {number}: {problem}")));
        }
    }

    fn finish(mut self, argument: &str, id: &str) -> Result<Report> {
        let examples = self.report.examples;
        let training = argument == "training_file";
        let most = if training { MOST.0 } else { MOST.1 };
        let number = if training && examples < FEWEST {
            Some(format!("expected at least {FEWEST} examples, got {examples}"))
        } else {
            (self.format == Format::Reinforcement && examples > most)
                .then(|| format!("expected at most {most} examples, got {examples}"))
        };
        if self.faulty > 0 || number.is_some() {
            let mut text = match self.faulty {
                0 => format!("`{id}` cannot be trained on, nothing was created"),
                faulty => format!("{faulty} of the {examples} examples of `{id}` have faults, nothing was created"),
            };
            for fault in number.iter().chain(&self.faults) {
                text.push('\n');
                text.push_str(fault);
            }
            text.push_str("\nhint: ");
            if let Some(instead) = self.instead.filter(|_| self.faulty == examples) {
                text.push_str(instead);
                text.push_str("; ");
            }
            text.push_str(&format!("correct the file, {AGAIN}"));
            return Err(Error::argument(argument, text));
        }
        let mut warn = |count: u64, what: &str| {
            if count > 0 {
                self.report.warnings.push(format!("{count} {what}"));
            }
        };
        warn(self.doubled, "examples stand twice");
        warn(self.long, "examples have more than about 65536 tokens, and may be cut");
        warn(self.images, "images cost tokens that are not in the estimate");
        Ok(self.report)
    }
}

/// What the program that wrote the file made wrong, and most likely on every line.
fn habit(line: &[u8]) -> Option<&'static str> {
    if std::str::from_utf8(line).is_err() {
        return Some("not UTF-8 text: save the file as UTF-8");
    }
    let object = line.trim_ascii_end().strip_suffix(b",")?;
    let is_json = serde_json::from_slice::<openai_mcp_kernel::serde::de::IgnoredAny>(object).is_ok();
    is_json.then_some("a comma behind the object: JSONL has only line breaks between objects")
}

/// What a faulty line would be right for.
fn instead(example: Option<&Value>, line: &[u8], format: Format) -> Option<&'static str> {
    if line.trim_ascii_start().starts_with(b"[") {
        return Some("this is a JSON array, where JSONL has an object on each line");
    }
    let example = example?;
    let last = || example.get("messages")?.as_array()?.last()?.get("role")?.as_str();
    let (like, told) = if example.get("preferred_output").is_some() {
        (Format::Preference, "the lines look like examples of method dpo")
    } else if example.get("prompt").is_some() {
        (Format::Completion, "the lines look like examples for babbage-002 and davinci-002")
    } else {
        match last()? {
            "user" => (Format::Reinforcement, "the lines look like examples of method reinforcement"),
            "assistant" => (Format::Chat, "the lines look like examples of method supervised"),
            _ => return None,
        }
    };
    (like != format).then_some(told)
}

/// Images among the messages of an example.
fn images(example: &Value) -> u64 {
    let input = example.get("input").unwrap_or(example);
    let messages = input.get("messages").and_then(Value::as_array).into_iter().flatten();
    let parts = messages.filter_map(|message| message.get("content")?.as_array()).flatten();
    parts.filter(|part| part.get("type").is_some_and(|kind| kind == "image_url")).count() as u64
}

/// An estimate of an example's tokens; what is wrong with it goes into `faults`.
fn example_tokens(example: &Value, format: Format, faults: &mut Vec<String>) -> u64 {
    if !example.is_object() {
        faults.push(format!("expected an object, got {}", kind(example)));
        return 0;
    }
    match format {
        Format::Completion => text(example, "prompt", faults) + text(example, "completion", faults),
        Format::Chat | Format::Reinforcement => {
            let tokens = messages(example.get("messages"), "messages", faults) + tools(example, "", faults);
            if let Some(messages) = example.get("messages").and_then(Value::as_array).filter(|_| format == Format::Chat)
            {
                let last = messages.last().and_then(|message| message.get("role"));
                if faults.is_empty() && last.is_some_and(|role| role != "assistant") {
                    faults.push("`messages`: expected the last message to be the assistant's".into());
                }
            }
            tokens
        }
        Format::Preference => {
            let input = example.get("input").unwrap_or(&Value::Null);
            if !input.is_object() {
                faults.push(format!("`input`: expected an object with `messages`, got {}", kind(input)));
                return 0;
            }
            let mut tokens = messages(input.get("messages"), "input.messages", faults) + tools(input, "input.", faults);
            for name in ["preferred_output", "non_preferred_output"] {
                tokens += messages(example.get(name), name, faults);
                let output = example.get(name).and_then(Value::as_array).into_iter().flatten();
                if output.into_iter().any(|message| message.get("role").is_some_and(|role| role == "user")) {
                    faults.push(format!("`{name}`: expected messages of the assistant"));
                }
            }
            tokens
        }
    }
}

fn tools(example: &Value, prefix: &str, faults: &mut Vec<String>) -> u64 {
    match example.get("tools") {
        None | Some(Value::Null) => 0,
        Some(tools @ Value::Array(_)) => tokens(&tools.to_string()),
        Some(other) => {
            faults.push(format!("`{prefix}tools`: expected an array, got {}", kind(other)));
            0
        }
    }
}

fn text(example: &Value, name: &str, faults: &mut Vec<String>) -> u64 {
    match example.get(name) {
        Some(Value::String(text)) => tokens(text),
        other => {
            faults.push(format!("`{name}`: expected a string, got {}", kind(other.unwrap_or(&Value::Null))));
            0
        }
    }
}

fn messages(given: Option<&Value>, place: &str, faults: &mut Vec<String>) -> u64 {
    let Some(messages) = given.and_then(Value::as_array).filter(|messages| !messages.is_empty()) else {
        let got = given.map_or("nothing", |given| if given == &json!([]) { "an empty one" } else { kind(given) });
        faults.push(format!("`{place}`: expected an array of messages, got {got}"));
        return 0;
    };
    let each = messages.iter().enumerate().map(|(index, one)| message(one, &format!("{place}[{index}]"), faults));
    3 + each.sum::<u64>()
}

fn message(message: &Value, place: &str, faults: &mut Vec<String>) -> u64 {
    if !message.is_object() {
        faults.push(format!("`{place}`: expected an object, got {}", kind(message)));
        return 0;
    }
    let role = match message.get("role") {
        Some(Value::String(role)) if ROLES.contains(&role.as_str()) => role.as_str(),
        Some(Value::String(role)) => {
            let (known, got) = (ROLES.join("`, `"), quoted(role));
            faults.push(format!("`{place}.role`: expected one of `{known}`, got `{got}`"));
            return 0;
        }
        other => {
            faults.push(format!("`{place}.role`: expected a string, got {}", kind(other.unwrap_or(&Value::Null))));
            return 0;
        }
    };
    if message.get("weight").is_some_and(|weight| !matches!(weight.as_f64(), Some(0.0 | 1.0))) {
        faults.push(format!("`{place}.weight`: expected 0 or 1"));
    }
    if role == "tool" && !message.get("tool_call_id").is_some_and(Value::is_string) {
        faults.push(format!("`{place}.tool_call_id`: required: a string"));
    }
    let called = ["tool_calls", "function_call"].iter().filter_map(|name| message.get(*name)).find(|it| !it.is_null());
    if let Some(calls) = message.get("tool_calls").filter(|calls| !calls.is_null())
        && calls.as_array().is_none_or(Vec::is_empty)
    {
        let got = if calls.is_array() { "an empty one" } else { kind(calls) };
        faults.push(format!("`{place}.tool_calls`: expected an array of calls, got {got}"));
    }
    let content = match message.get("content") {
        Some(Value::String(text)) => tokens(text),
        Some(Value::Array(parts)) if !parts.is_empty() => {
            let each =
                parts.iter().enumerate().map(|(index, one)| part(one, &format!("{place}.content[{index}]"), faults));
            each.sum()
        }
        None | Some(Value::Null) if role == "assistant" && (called.is_some() || message.get("refusal").is_some()) => 0,
        other => {
            let other = other.unwrap_or(&Value::Null);
            let got = if other.is_array() { "an empty one" } else { kind(other) };
            faults.push(format!("`{place}.content`: expected a string or an array of parts, got {got}"));
            0
        }
    };
    3 + content + called.map_or(0, |called| tokens(&called.to_string()))
}

fn part(part: &Value, place: &str, faults: &mut Vec<String>) -> u64 {
    let text = |at: &str| part.pointer(at).and_then(Value::as_str);
    match text("/type") {
        Some("text") if text("/text").is_none() => faults.push(format!("`{place}.text`: required: a string")),
        Some("image_url") if text("/image_url/url").is_none() => {
            faults.push(format!("`{place}.image_url`: required: an object with `url`"));
        }
        Some("text" | "image_url" | "refusal") => {}
        Some(other) => faults
            .push(format!("`{place}.type`: expected one of `text`, `image_url`, `refusal`, got `{}`", quoted(other))),
        None => faults.push(format!("`{place}`: expected an object with `type`, got {}", kind(part))),
    }
    text("/text").map_or(0, tokens)
}

/// About four characters of English to a token; letters of other scripts are closer to one each.
fn tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().count() as u64 - ascii;
    ascii.div_ceil(4) + others * 3 / 4
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
