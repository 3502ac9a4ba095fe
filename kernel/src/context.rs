//! What a running tool can do: call OpenAI, tell of its progress, reach files and the clock.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot;
use http::{HeaderMap, HeaderName, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::config::{Config, Filter};
use crate::error::{Error, Kind, Result};
use crate::file::Source;
use crate::headers;
use crate::json;
use crate::openai;
use crate::plan;
use crate::platform::{Body, Listed, Opened, Platform, Saved};
use crate::secret::Secret;
use crate::server::Definition;
use crate::store::Store;
use crate::tool::{Arguments, Spec};

/// Most bytes of a JSON answer that are read into memory.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;
/// Progress is told no more often than this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(250);

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// Its content.
    pub bytes: Bytes,
}

/// Who calls.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The key they brought.
    pub key: Option<Secret>,
    /// Whether they are on the operator's own machine or showed the access token: such callers may spend the keys of
    /// the environment and name files of this machine.
    pub trusted: bool,
    /// What they want to see, within what the operator allows.
    pub filter: Filter,
}

/// A call in progress.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) definition: &'static Definition,
    /// Whether the tables of the store are known to be up to date.
    pub(crate) migrated: Arc<AtomicBool>,
    pub(crate) config: Arc<Config>,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) caller: Caller,
    pub(crate) arguments: Arguments,
    pub(crate) notes: Notes,
    pub(crate) answer: Mutex<Answered>,
    /// The members of the request's `params` that concern questions to the user (MRTR) and client capabilities.
    pub(crate) request: RequestFacts,
}

/// What a tool may know of the request besides its arguments.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// Whether the request is of the 2026-07-28 era.
    pub modern: bool,
    /// `clientCapabilities` of a modern request; `null` for others.
    pub client_capabilities: Value,
    /// `inputResponses`: the user's answers.
    pub input_responses: Value,
    /// `requestState`: what an earlier result asked to have returned. It comes from the client: verify it.
    pub request_state: Option<String>,
    /// Lowest level of log messages the client wants.
    pub log_level: Option<String>,
}

/// Where notifications of a call go.
pub(crate) struct Notes {
    pub(crate) out: UnboundedSender<Bytes>,
    /// The progress token as JSON, if the client gave one.
    pub(crate) token: Option<String>,
    pub(crate) state: Mutex<Progress>,
}

#[derive(Default)]
pub(crate) struct Progress {
    value: Option<f64>,
    /// The last message.
    message: String,
    told: Duration,
    /// Text that grew since it was last told, and how many characters came before it.
    text: String,
    characters: usize,
}

/// What is kept of the last answer, for the result's `_meta` and for polling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) request_id: Option<String>,
    pub(crate) poll_after: Option<Duration>,
}

impl Context {
    pub(crate) fn new(inner: Inner) -> Self {
        Context(Arc::new(inner))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    pub(crate) fn platform(&self) -> &dyn Platform {
        &*self.0.platform
    }

    /// The arguments of the call, as the caller wrote them: what a tool with code of its own sends on when nothing that
    /// was said may be lost, `null` and the digits of numbers included.
    pub fn arguments(&self) -> &Arguments {
        &self.0.arguments
    }

    pub(crate) fn definition(&self) -> &'static Definition {
        self.0.definition
    }

    pub(crate) fn migrated(&self) -> &AtomicBool {
        &self.0.migrated
    }

    /// What else the request says.
    pub fn facts(&self) -> &RequestFacts {
        &self.0.request
    }

    /// A setting of this server alone: the operator's `OPENAI_MCP_{name}`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.0.config.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Most bytes that a result should have.
    pub fn max_result(&self) -> usize {
        self.0.config.max_result
    }

    /// Makes the request of an endpoint and gives OpenAI's answer as soon as its head is there.
    ///
    /// # Errors
    /// Wrong arguments, no key, no connection, or a failed answer.
    pub fn request(
        &self,
        spec: &'static Spec,
        arguments: impl Into<Arguments>,
    ) -> impl Future<Output = Result<Response<Body>>> + Send {
        self.request_with(spec, arguments, Vec::new())
    }

    /// Checks the arguments of another tool, for a composite that is to fail before it has begun.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn check(&self, spec: &'static Spec, arguments: &Arguments) -> Result<()> {
        plan::check(spec, arguments, self.0.config.open_arguments)
    }

    /// As [`Context::request`], with files that a composite made: each is an argument's name and what it holds.
    ///
    /// # Errors
    /// As [`Context::request`].
    pub fn request_with(
        &self,
        spec: &'static Spec,
        arguments: impl Into<Arguments>,
        files: Vec<(&'static str, Source)>,
    ) -> impl Future<Output = Result<Response<Body>>> + Send {
        self.send(spec, arguments.into(), files)
    }

    /// One piece of code, whatever the type of the arguments was.
    async fn send(
        &self,
        spec: &'static Spec,
        mut arguments: Arguments,
        files: Vec<(&'static str, Source)>,
    ) -> Result<Response<Body>> {
        let Some(endpoint) = &spec.endpoint else {
            return Err(Error::new(Kind::Unsupported, format!("`{}` has no endpoint", spec.name)));
        };
        for (name, _) in &files {
            arguments = arguments.with(name, &json!({"text": "", "filename": "-"}))?;
        }
        let mut plan = plan::plan(spec, endpoint, &arguments, self.0.config.open_arguments)?;
        for (name, source) in files {
            plan.replace_file(name, source);
        }
        openai::send(self, spec, plan).await
    }

    /// Makes the request of an endpoint and gives the JSON of its answer.
    ///
    /// # Errors
    /// As [`Context::request`], or an answer of more than 64 MiB.
    pub fn call(
        &self,
        spec: &'static Spec,
        arguments: impl Into<Arguments>,
    ) -> impl Future<Output = Result<Bytes>> + Send {
        self.answer(spec, arguments.into())
    }

    async fn answer(&self, spec: &'static Spec, arguments: Arguments) -> Result<Bytes> {
        let answer = self.send(spec, arguments, Vec::new()).await?.into_body().collect(LONGEST_ANSWER).await?;
        Ok(if answer.is_empty() { Bytes::from_static(b"{}") } else { answer })
    }

    /// Like [`Context::call`], read into a value, for composites that look inside.
    ///
    /// # Errors
    /// As [`Context::call`], or an answer that is not JSON.
    pub fn call_value(
        &self,
        spec: &'static Spec,
        arguments: impl Into<Arguments>,
    ) -> impl Future<Output = Result<Value>> + Send {
        self.answer_value(spec, arguments.into())
    }

    async fn answer_value(&self, spec: &'static Spec, arguments: Arguments) -> Result<Value> {
        let answer = self.answer(spec, arguments).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::new(Kind::Answer, format!("the answer is not JSON: {error}")))
    }

    /// Opens a file that the caller named.
    ///
    /// # Errors
    /// The file cannot be opened, or the caller may not name files here.
    pub async fn open(&self, source: Source) -> Result<Opened> {
        if matches!(source, Source::Path { .. }) {
            self.check_paths("give `url`, or `text` or `data` with `filename`")?;
        }
        self.platform().open(source).await
    }

    /// Reads a whole file that the caller named.
    ///
    /// # Errors
    /// As [`Context::open`], or more than `cap` bytes.
    pub async fn read(&self, source: Source, cap: usize) -> Result<Read> {
        let Opened { filename, mime_type, body } = self.open(source).await?;
        let too_long = || Error::new(Kind::File, format!("`{filename}` is larger than {}", size(cap as u64)));
        if body.length().is_some_and(|length| length > cap as u64) {
            return Err(too_long());
        }
        let bytes = body.collect(cap).await.map_err(|error| match error.kind() {
            Kind::Answer => too_long(),
            _ => Error::new(Kind::File, format!("`{filename}`: {error}")),
        })?;
        Ok(Read { filename, mime_type, bytes })
    }

    /// The regular files in a folder that the caller named, in the order of their names; no hidden ones, and not those of
    /// folders in it.
    ///
    /// # Errors
    /// The folder cannot be read, has too many files, or the caller may not name files here.
    pub async fn list(&self, folder: String) -> Result<Vec<Listed>> {
        self.check_paths("name the files one by one, each with its `url`")?;
        self.platform().list(folder).await
    }

    /// Most bytes of a file that one call may hold in memory.
    pub fn room(&self) -> usize {
        self.platform().room()
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// The file cannot be written, or the caller may not name files here.
    pub async fn save(&self, path: String, body: Body) -> Result<Saved> {
        if self.0.config.filter.read_only || self.0.caller.filter.read_only {
            return Err(Error::new(Kind::File, "the server is read-only: it writes no files"));
        }
        self.check_paths("leave it out, to get the result itself")?;
        self.platform().save(path, body).await
    }

    fn check_paths(&self, hint: &str) -> Result<()> {
        // Where there are none, the platform says what to do instead.
        if self.0.caller.trusted || !self.platform().has_files() {
            return Ok(());
        }
        let text =
            "files of the server's machine can be named only by callers on that machine or with its access token";
        Err(Error::new(Kind::File, format!("{text}\nhint: {hint}")))
    }

    /// Whether a tool may keep a record of its calls in the store, besides what it was asked to keep.
    pub fn keeps_history(&self) -> bool {
        !(self.0.config.no_history || self.0.config.filter.read_only || self.0.caller.filter.read_only)
    }

    /// The server's store.
    pub fn store(&self) -> Store<'_> {
        Store::new(self)
    }

    /// Whose rows in the store are the caller's: a hash of their key, or of `OPENAI_MCP_OWNER` where the operator's own
    /// key is spent, so that rows outlive that key.
    ///
    /// # Errors
    /// The caller has no key.
    pub fn owner(&self) -> Result<String> {
        let config = self.config();
        let (kind, text) = match (&self.caller().key, &config.owner) {
            (None, Some(name)) if self.caller().trusted => ("name", name.clone()),
            _ => {
                let admin = config.key.is_none() && config.admin_key.is_some();
                ("key", openai::key(self, admin)?.expose().to_owned())
            }
        };
        let hash = Sha256::digest(format!("openai-mcp owner {kind} {text}"));
        Ok(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Does work that takes long (decoding, drawing, ranking) away from the thread that serves, where the machine has
    /// others. It is not begun for a call that has ended; once begun it goes on to its end.
    ///
    /// # Errors
    /// The work panicked.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (out, done) = oneshot::channel();
        let work = move || {
            // A call that has ended wants no outcome.
            let _ = out.send(work());
        };
        self.platform().compute(Box::new(work)).await;
        done.await.map_err(|_| Error::new(Kind::Internal, "a fault of this server's: the work was not done"))
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.platform().sleep(duration).await;
    }

    /// Time since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.platform().now()
    }

    /// A number that nobody can guess.
    pub fn random(&self) -> u128 {
        self.platform().random()
    }

    /// How long the last answer asks to be left alone before the next poll; one second unless told.
    pub fn poll_pause(&self) -> Duration {
        let answered = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answered.poll_after.unwrap_or(Duration::from_secs(1)).clamp(Duration::from_millis(100), Duration::from_secs(30))
    }

    pub(crate) fn answered(&self, answer: &HeaderMap) {
        let text = |name: HeaderName| answer.get(name).and_then(|value| value.to_str().ok());
        let mut answered = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answered.request_id = text(headers::REQUEST_ID).map(str::to_owned);
        answered.poll_after =
            text(headers::POLL_AFTER_MS).and_then(|value| value.parse().ok()).map(Duration::from_millis);
    }

    /// Text without the secrets that the call has to do with.
    pub(crate) fn redact(&self, text: String) -> String {
        self.secrets().fold(text, |text, secret| secret.redact(text))
    }

    /// The same for the text of a JSON value.
    pub(crate) fn redact_json(&self, text: String) -> String {
        self.secrets().fold(text, |text, secret| secret.redact_json(text))
    }

    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let Config { key, admin_key, access_token, .. } = self.config();
        // What is blotted out tells who guesses that they guessed right: for strangers the operator's secrets are any text.
        let operators = [key, admin_key, access_token].into_iter().filter(|_| self.caller().trusted);
        operators.chain([&self.caller().key]).flatten()
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).request_id.clone()
    }

    /// Whether the client asked to be told of progress.
    pub fn wants_progress(&self) -> bool {
        self.0.notes.token.is_some()
    }

    /// Tells the client how far the call is, if it asked to be told.
    ///
    /// The protocol wants values that grow. One that does not is passed over if it tells what was told already; a new
    /// message goes out with a value that is a thousandth above the last.
    pub fn progress(&self, mut done: f64, total: Option<f64>, message: &str) {
        let notes = &self.0.notes;
        let Some(token) = &notes.token else { return };
        let message = &*self.redact(message.to_owned());
        let mut state = notes.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = state.value.filter(|last| done <= *last) {
            if message == state.message {
                return;
            }
            done = ((last + 0.001) * 1000.0).round() / 1000.0;
        }
        state.value = Some(done);
        message.clone_into(&mut state.message);
        state.told = self.now();
        let mut params = format!(r#"{{"progressToken":{token},"progress":{}"#, json::number(done));
        if let Some(total) = total {
            params.push_str(&format!(r#","total":{}"#, json::number(total)));
        }
        params.push_str(&format!(r#","message":{}}}"#, json::quoted(message)));
        notes.send("notifications/progress", &params);
    }

    /// Tells of bytes transferred, a few times a second at most, and of the last one always.
    pub(crate) fn transferred(&self, bytes: u64, total: Option<u64>, verb: &str) {
        let notes = &self.0.notes;
        let due = {
            let state = notes.state.lock().unwrap_or_else(PoisonError::into_inner);
            self.now().saturating_sub(state.told) >= PROGRESS_PAUSE
        };
        if due || total == Some(bytes) {
            let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
            self.progress(bytes as f64, total.map(|total| total as f64), &format!("{verb} {}{of}", size(bytes)));
        }
    }

    /// Tells of text as it is written, a few times a second at most: the messages, put together, are the whole text,
    /// and the measure of progress is its characters. [`Context::flush_text`] tells the rest.
    pub fn tell_text(&self, piece: &str) {
        if !self.wants_progress() {
            return;
        }
        let due = {
            let mut state = self.0.notes.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.text.push_str(piece);
            self.now().saturating_sub(state.told) >= PROGRESS_PAUSE
        };
        if due {
            self.flush_text();
        }
    }

    /// Tells what [`Context::tell_text`] held back.
    pub fn flush_text(&self) {
        let (text, done) = {
            let mut state = self.0.notes.state.lock().unwrap_or_else(PoisonError::into_inner);
            let text = std::mem::take(&mut state.text);
            state.characters += text.chars().count();
            (text, state.characters.max(state.value.map_or(0, |value| value as usize + 1)))
        };
        if !text.is_empty() {
            self.progress(done as f64, None, &text);
        }
    }

    /// Tells that the call goes on. Once there is text, a message of its own would stand in the middle of it: then what
    /// was held back is told, or nothing with a sign of life.
    pub(crate) fn beat(&self, waited: Duration) {
        let (value, begun, held) = {
            let state = self.0.notes.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.value.unwrap_or_default(), state.characters > 0, !state.text.is_empty())
        };
        match (begun, held) {
            (_, true) => self.flush_text(),
            (true, false) => self.progress(value + 0.001, None, ""),
            (false, false) => self.tell(&format!("waiting for OpenAI, {} s", waited.as_secs())),
        }
    }

    /// Tells the client something without a measure of progress.
    pub fn tell(&self, message: &str) {
        let notes = &self.0.notes;
        let value = notes.state.lock().unwrap_or_else(PoisonError::into_inner).value;
        self.progress(value.unwrap_or_default() + 1.0, None, message);
    }

    /// Sends a log message to a client that wants messages of this level.
    /// <https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging>
    pub fn log(&self, level: &str, data: &Value) {
        const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
        let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
        let wanted = self.0.request.log_level.as_deref();
        if let Some(wanted) = wanted
            && rank(level) >= rank(wanted)
        {
            let data = self.redact_json(json::text(&json!({"level": level, "data": data})));
            self.0.notes.send("notifications/message", &data);
        }
    }
}

impl Notes {
    fn send(&self, method: &str, params: &str) {
        let message = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
        // A client that has gone needs no notes.
        let _ = self.out.unbounded_send(message.into());
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
