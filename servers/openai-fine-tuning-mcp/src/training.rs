//! Whether a training file is what its method takes. OpenAI tells as much only minutes after a job was made.
//! <https://platform.openai.com/docs/guides/supervised-fine-tuning>,
//! <https://platform.openai.com/docs/guides/direct-preference-optimization>,
//! <https://platform.openai.com/docs/guides/reinforcement-fine-tuning>,
//! <https://cookbook.openai.com/examples/chat_finetuning_data_prep>

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use openai_mcp_graders::Criterion;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{Lines, not_json};

use crate::example::{self, Format};
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

/// What examples have to be.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    /// What grades the answers to them.
    pub(crate) grader: Option<Arc<Criterion>>,
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
pub(crate) async fn check(cx: &Context, argument: &str, id: &str, wanted: Wanted) -> Result<Report> {
    if let Some(source) = local(id) {
        let body = cx.open(source).await?.body;
        let total = body.length().map(|bytes| bytes as f64);
        return lines(cx, argument, id, wanted, body, total).await;
    }
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
    lines(cx, argument, id, wanted, response.into_body(), total).await
}

/// A file that is not at OpenAI: where it is, if this is not the id of one.
pub(crate) fn local(name: &str) -> Option<Source> {
    let (filename, mime_type) = (None, None);
    if name.starts_with("https://") || name.starts_with("http://") {
        return Some(Source::Url { url: name.to_owned(), filename, mime_type });
    }
    let path = name.strip_prefix("file://").unwrap_or(name);
    let is_path = path.contains(['/', '\\', '.']);
    is_path.then(|| Source::Path { path: path.to_owned(), filename, mime_type })
}

/// Checks line after line, as the file comes in.
async fn lines(
    cx: &Context,
    argument: &str,
    id: &str,
    wanted: Wanted,
    body: Body,
    total: Option<f64>,
) -> Result<Report> {
    let mut lines = Lines::new(id, body, u64::MAX, LONGEST);
    let mut found = Found { wanted, ..Found::default() };
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
    wanted: Wanted,
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
            Ok(example) => {
                let tokens = example::tokens_of(example, self.wanted.format, &mut problems);
                if let (Some(grader), true) = (&self.wanted.grader, problems.is_empty())
                    && let Err(unknown) = grader.check_item(example)
                {
                    problems.push(format!("the grader names {unknown}"));
                }
                tokens
            }
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
            self.images += example.as_ref().map_or(0, example::images);
        } else {
            if self.faulty == 0 {
                self.instead = instead(example.as_ref().ok(), line, self.wanted.format);
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
            (self.wanted.format == Format::Reinforcement && examples > most)
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
            text.push_str("correct the file, ");
            text.push_str(if local(id).is_some() { "and check it again" } else { AGAIN });
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
    let Some(example) = example else {
        // A line of JSONL that is broken begins with a brace all the same.
        let told = "this is no JSONL: that has an object on each line, and a table has to be written so";
        return (!line.trim_ascii_start().starts_with(b"{")).then_some(told);
    };
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
