//! Why a tool failed, in words for the caller who must act.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::json;
use crate::secret::Secret;

/// Most characters of a message of OpenAI that are told.
const LONGEST_MESSAGE: usize = 1000;
/// Most characters of what it tells beside: explanations, and what a next request is to refer to.
const LONGEST_DETAILS: usize = 4000;

/// What a tool gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a tool failed. The text is for the caller: what was expected and got, what OpenAI said, what to do next.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    text: String,
    retry_after: Option<Duration>,
    limit: Option<Limit>,
}

/// A limit that OpenAI told of, and that no wait lifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// What the account may spend.
    Account,
    /// What one request may have.
    Request,
}

impl Limit {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Limit::Account => {
                "the account has no credit left or has reached its limit, and waiting does not help: see https://platform.openai.com/settings/organization/billing"
            }
            Limit::Request => "this one request has more tokens than the limit of a minute: send less at once",
        }
    }
}

/// The classes that telemetry and retries tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The arguments are wrong; nothing was sent.
    Arguments,
    /// There is no usable key; nothing was sent.
    Key,
    /// A file or URL that the caller named cannot be used.
    File,
    /// OpenAI answered with this HTTP status.
    Status(u16),
    /// OpenAI could not be reached: the request was not sent.
    Unsent,
    /// The connection to OpenAI failed, so that nobody knows whether the request was carried out, or its answer broke off.
    Connection,
    /// The answer is not what the API promises.
    Answer,
    /// The store cannot be used, or refuses.
    Store,
    /// This server cannot do it where it runs.
    Unsupported,
    /// A fault of this server's own.
    Internal,
}

impl Error {
    /// An error of this kind: lowercase, no full stop; a second line may begin with `hint: `.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Error { kind, text: text.into(), retry_after: None, limit: None }
    }

    /// Wrong arguments, all of them.
    pub fn arguments(faults: &[impl fmt::Display]) -> Self {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Error::new(Kind::Arguments, lines.join("\n"))
    }

    /// One wrong argument.
    pub fn argument(name: &str, problem: impl fmt::Display) -> Self {
        Error::new(Kind::Arguments, format!("`{name}`: {problem}"))
    }

    /// What a stand-in refuses, in the words of the API whose place it takes.
    pub fn refusal(status: u16, message: impl fmt::Display) -> Self {
        let kind = if status == 404 { "not_found_error" } else { "invalid_request_error" };
        Error::new(Kind::Status(status), format!("{status} {kind}: {message}"))
    }

    /// A failed answer of OpenAI.
    ///
    /// The `hint` says what to do. The key that was sent may stand in the answer, and not in the error.
    /// <https://platform.openai.com/docs/guides/error-codes>
    pub fn status(
        status: u16,
        body: &[u8],
        request_id: Option<&str>,
        hint: Option<String>,
        tries: u32,
        key: &Secret,
    ) -> Self {
        let mut text = format!("openai answered {status}");
        tell(&mut text, body, request_id, Some(key));
        if tries > 1 {
            text.push_str(&format!(" after {tries} tries"));
        }
        if let Some(hint) = hint {
            text.push_str("\nhint: ");
            text.push_str(&hint);
        }
        Error::new(Kind::Status(status), text)
    }

    /// An event of a stream that tells of a failure: the answer had begun, so its status says nothing.
    pub fn event(data: &[u8], request_id: Option<&str>, key: Option<&Secret>) -> Self {
        let mut text = "openai ended the stream with an error".to_owned();
        tell(&mut text, data, request_id, key);
        Error::new(Kind::Answer, text)
    }

    /// A failure that an answer tells of all the same: `text`, and what its `error` says.
    pub fn answer(text: impl Into<String>, error: &Value) -> Self {
        let mut text = text.into();
        detail(&mut text, Some(error), None);
        Error::new(Kind::Answer, text)
    }

    /// The same with what to do next, where it does not say so yet.
    #[must_use]
    pub fn or_hint(mut self, hint: &str) -> Self {
        if !self.text.contains("\nhint: ") {
            self.text.push_str("\nhint: ");
            self.text.push_str(hint);
        }
        self
    }

    /// The same of a request that must not be made twice, and may have been carried out.
    #[must_use]
    pub fn perhaps_done(self) -> Self {
        self.or_hint(PERHAPS_DONE)
    }

    /// The same with how long OpenAI asks to be left alone.
    #[must_use]
    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same with the limit that OpenAI told of.
    #[must_use]
    pub(crate) fn at_limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The limit that OpenAI told of, where no later try brings more.
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// How long OpenAI asks to be left alone before the next try, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What went wrong, as a class.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether nobody knows if the request was carried out: what may not be made twice has to be looked for first.
    pub fn perhaps_carried_out(&self) -> bool {
        match self.kind {
            Kind::Connection | Kind::Answer => true,
            Kind::Status(status) => is_gateways(status),
            _ => false,
        }
    }

    /// Bytes of the text.
    pub(crate) fn length(&self) -> usize {
        self.text.len()
    }

    /// The words for the caller.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// Appends what an error body says, without the key.
fn tell(text: &mut String, body: &[u8], request_id: Option<&str>, key: Option<&Secret>) {
    let told = serde_json::from_slice::<Value>(body).unwrap_or_default();
    if !detail(text, told.get("error"), key) {
        let body = String::from_utf8_lossy(body);
        match body.trim() {
            "" => {}
            page if page.starts_with('<') => match title(page) {
                Some(title) => text.push_str(&format!(": a page, `{}`", short(title, key))),
                None => text.push_str(": a page"),
            },
            body => text.push_str(&format!(": {}", short(body, key))),
        }
    }
    if let Some(id) = request_id {
        text.push_str(&format!(" (request id {})", short(id, key)));
    }
}

/// Appends what an error says, an object or a message alone; false where it is neither.
fn detail(text: &mut String, error: Option<&Value>, key: Option<&Secret>) -> bool {
    const USUAL: [&str; 4] = ["type", "code", "message", "param"];
    let details = match error {
        Some(Value::Object(details)) => details,
        Some(Value::String(message)) => {
            text.push_str(&format!(": {}", short(message, key)));
            return true;
        }
        _ => return false,
    };
    let member = |name: &str| details.get(name).filter(|value| !value.is_null()).map(plain);
    for word in [member("type"), member("code")].iter().flatten() {
        text.push(' ');
        text.push_str(&short(word, key));
    }
    if let Some(message) = member("message") {
        text.push_str(": ");
        text.push_str(&short(message.trim_end_matches('.'), key));
    }
    if let Some(param) = member("param") {
        text.push_str(&format!(" (param `{}`)", short(&param, key)));
    }
    let tells = |value: &Value| !value.is_null() && *value != json!([]) && *value != json!({});
    let others = details.iter().filter(|(name, value)| !USUAL.contains(&name.as_str()) && tells(value));
    let others = json::object(others.map(|(name, value)| (name.clone(), value.clone())));
    if !others.is_empty() {
        text.push(' ');
        text.push_str(&bounded(&json::text(&others.into()), LONGEST_DETAILS, key));
    }
    true
}

/// The title of a page of HTML: what stands around it is for browsers.
fn title(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<title>")?;
    rest.split_once("</title>").map(|(title, _)| title.trim()).filter(|title| !title.is_empty())
}

/// At most [`LONGEST_MESSAGE`] characters, without files that it says back as base64.
fn short(message: &str, key: Option<&Secret>) -> String {
    bounded(message, LONGEST_MESSAGE, key)
}

/// At most so many. The key is taken out first: half of one would not be known for one any more.
fn bounded(message: &str, most: usize, key: Option<&Secret>) -> String {
    let message = key.map_or_else(|| message.to_owned(), |key| key.redact(message.to_owned()));
    json::excerpt(&json::without_code(&message), most).into_owned()
}

/// Without the quotes of a string: compatible servers put numbers where OpenAI has strings.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| json::text(value), str::to_owned)
}

/// What to do where OpenAI knows no such model, or shows this key none.
pub(crate) const NO_MODEL: &str = "check the model's name, and that the key may use it: model-list tells which it may, \
                                   model-retirements what came after others (server models)";

/// What to do where nobody knows whether a request that must not be made twice was carried out.
pub(crate) const PERHAPS_DONE: &str =
    "the request may have been carried out, and charged: look before you make it again";

/// Whether an answer of this status is a gateway's, which does not say what became of the request behind it.
fn is_gateways(status: u16) -> bool {
    matches!(status, 502 | 504 | 520..)
}

/// What to do after a failed answer of this status; `retry_after` is in seconds, `again` says that the request may be made
/// twice, `takes` that it takes anything, as an id, and `lister` is the tool that lists what such ids are of.
pub(crate) fn hint(
    status: u16,
    retry_after: Option<u64>,
    again: bool,
    takes: bool,
    lister: Option<&str>,
    key: &Secret,
) -> Option<String> {
    Some(match (status, retry_after) {
        (429 | 503, Some(seconds)) => format!("retry after {seconds} s"),
        (401, _) if key.is_admin() => {
            "check the key: create one at https://platform.openai.com/settings/organization/admin-keys".into()
        }
        (401, _) => "check the key: create one at https://platform.openai.com/api-keys".into(),
        (403, _) => "the key lacks a permission for this, or the project or country is not allowed".into(),
        (404, _) if !takes => return None,
        (404, _) => {
            let listed = lister.map(|lister| format!(", as {lister} has it")).unwrap_or_default();
            let owner = if key.is_admin() { "organization" } else { "project" };
            format!("check the id{listed}, and that the key is of the {owner} that owns it")
        }
        (429, None) => "rate limit or quota: wait and try again, or check the plan and its billing".into(),
        _ if !again && is_gateways(status) => PERHAPS_DONE.into(),
        (500.., _) => "a fault at OpenAI's end: try again; https://status.openai.com tells of outages".into(),
        _ => return None,
    })
}
