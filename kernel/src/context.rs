//! A call in progress: who calls, with what arguments, under which settings, on which machine.
//!
//! What a running tool can do with it stands in modules of its own: requests to OpenAI in [`crate::openai`], files in
//! [`crate::files`], the store in [`crate::store`].

use core::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use crate::allowance::{Bound, Known};
use crate::arguments::Arguments;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::headers;
use crate::json;
use crate::notes::Notes;
use crate::platform::Platform;
use crate::secret::Secret;
use crate::spec::{Filter, Life, Spec};

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
    /// Whether they came over HTTP, where a key can be sent along.
    pub by_http: bool,
    /// Their address, if it has a share of what there is for all.
    pub from: Option<IpAddr>,
}

/// What a call must know of its server.
#[derive(Clone, Copy)]
pub(crate) struct Home {
    pub(crate) domain: &'static str,
    pub(crate) migrations: &'static [&'static str],
    pub(crate) bound: Bound,
    pub(crate) beta: Option<&'static str>,
    pub(crate) admin: bool,
    pub(crate) life: Life,
    pub(crate) stand_in: Option<StandIn>,
    pub(crate) lists: &'static dyn Lists,
}

/// What lists the things of a server.
pub(crate) trait Lists: Sync {
    /// The tool that lists what the last id in the path of a request is of.
    fn lister(&self, of: &Spec) -> Option<&'static str>;
}

/// Answers requests in OpenAI's place: given a request and its checked arguments, the answer, or `None` for a request
/// that is to be sent after all.
pub type StandIn = fn(&Context, &'static Spec, &Arguments) -> Option<BoxFuture<'static, Result<Value>>>;

/// A call in progress.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    arguments: Arguments,
    /// Until when a request is tried again.
    until: Duration,
}

pub(crate) struct Inner {
    pub(crate) home: Home,
    /// What is known of the store.
    pub(crate) known: Arc<Known>,
    pub(crate) config: Arc<Config>,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) caller: Caller,
    pub(crate) notes: Notes,
    pub(crate) answer: Mutex<Answered>,
    /// Requests and statements of the store that were made.
    pub(crate) requests: AtomicUsize,
    /// Whether one of them went to OpenAI, and whether nobody waits for the call any more.
    pub(crate) asked: AtomicBool,
    pub(crate) given_up: AtomicBool,
    /// The members of the request's `params` that concern questions to the user (MRTR) and client capabilities.
    pub(crate) request: RequestFacts,
}

/// What a tool may know of the request besides its arguments. Capabilities and answers of the user are there for the tools of a
/// server with [extras](crate::server::Definition::extras).
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

/// What is kept of the last answer, for the result's `_meta` and for polling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// Whether there was one, so that OpenAI knows the caller's key.
    pub(crate) given: bool,
    pub(crate) request_id: Option<String>,
    pub(crate) poll_after: Option<Duration>,
}

impl Context {
    pub(crate) fn new(inner: Inner) -> Self {
        Context { inner: Arc::new(inner), arguments: Arguments::new(None), until: Duration::MAX }
    }

    /// The same call, whose requests are tried again until then at most, as [`Context::monotonic`] tells time.
    pub(crate) fn trying_until(&self, until: Duration) -> Self {
        Context { until, ..self.clone() }
    }

    /// Until when a request is tried again.
    pub(crate) fn until(&self) -> Duration {
        self.until
    }

    /// The same call with other arguments: those that are checked, or fewer, for what outlives it.
    #[must_use]
    pub fn with_arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.inner.caller
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn platform(&self) -> &dyn Platform {
        &*self.inner.platform
    }

    pub(crate) fn home(&self) -> &Home {
        &self.inner.home
    }

    pub(crate) fn known(&self) -> &Known {
        &self.inner.known
    }

    /// The arguments of the call, checked, as the caller wrote them: what a tool with code of its own sends on when
    /// nothing that was said may be lost, `null` and the digits of numbers included.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// What else the request says.
    pub fn facts(&self) -> &RequestFacts {
        &self.inner.request
    }

    /// A setting of this server alone: the operator's `OPENAI_MCP_{name}`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.config().setting(name)
    }

    /// How long the call may go on: until then, as [`Context::monotonic`] tells time, and not at all once it has made as many
    /// requests as it may, or was given up. What asks again and again asks this before.
    pub fn left(&self, until: Duration) -> Duration {
        match self.requests_left() {
            0 => Duration::ZERO,
            _ if self.given_up() => Duration::ZERO,
            _ => until.saturating_sub(self.monotonic()),
        }
    }

    /// Whether the call goes on although nobody waits for it any more: see [`Context::outlive`].
    pub fn given_up(&self) -> bool {
        self.inner.given_up.load(Ordering::Relaxed)
    }

    /// Refuses a request before it is made: of a call that was given up, and beyond the most that a call makes, where on Workers
    /// it would fail, and say less.
    pub(crate) fn may_request(&self) -> Result<()> {
        if self.given_up() {
            return Err(Error::new(Kind::Unsent, "nobody waits for this call any more"));
        }
        if self.inner.requests.load(Ordering::Relaxed) < self.config().max_requests {
            return Ok(());
        }
        let text = "this call has made as many requests as it may\nhint: ask for less in one call; the operator sets OPENAI_MCP_MAX_REQUESTS";
        Err(Error::new(Kind::Unsent, text))
    }

    /// How many requests, and statements of the store, this call may make besides those that it needs to come to its end. On
    /// Workers both are bounded, and beyond the bound each fails.
    pub fn requests_left(&self) -> usize {
        /// What telling how far it came takes.
        const END: usize = 16;
        let made = self.inner.requests.load(Ordering::Relaxed);
        self.config().max_requests.saturating_sub(made).saturating_sub(END)
    }

    /// Notes that a request goes to OpenAI.
    pub(crate) fn asks(&self) {
        self.inner.asked.store(true, Ordering::Relaxed);
    }

    /// Notes that so many requests or statements are made.
    pub(crate) fn count_requests(&self, count: usize) {
        self.inner.requests.fetch_add(count, Ordering::Relaxed);
    }

    /// A secret that the operator keeps for callers to name, the variable `OPENAI_MCP_SECRET_{name}`.
    ///
    /// # Errors
    /// There is none, or the caller may not spend what the operator has.
    pub fn secret(&self, name: &str) -> Result<&Secret> {
        if !self.caller().trusted {
            let text = "secrets of the server's environment can be named only by callers on its machine or with its access token";
            return Err(Error::new(Kind::Key, text));
        }
        let found = self.config().secrets.iter().find(|(known, _)| known == name);
        found.map(|(_, secret)| secret).ok_or_else(|| {
            let there =
                self.config().secrets.iter().map(|(known, _)| format!("`{known}`")).collect::<Vec<_>>().join(", ");
            let there = if there.is_empty() { "it has none".to_owned() } else { format!("there is {there}") };
            let text = format!("the server has no variable `OPENAI_MCP_SECRET_{name}`; {there}");
            Error::new(Kind::Key, format!("{text}\nhint: the operator sets them where the server is started"))
        })
    }

    /// Most bytes that a result should have.
    pub fn max_result(&self) -> usize {
        self.config().max_result
    }

    /// Whether the operator or the caller wants nothing changed.
    pub fn read_only(&self) -> bool {
        self.config().filter.read_only || self.caller().filter.read_only
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
        self.platform().compute(self.caller().from, Box::new(work)).await;
        done.await.map_err(|_| Error::new(Kind::Internal, "a fault of this server's: the work was not done"))
    }

    /// The same for work on so many bytes: where they are few, it is quicker done here.
    ///
    /// # Errors
    /// The work panicked, elsewhere.
    pub async fn compute_long<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        const LONG: usize = 512 * 1024;
        if bytes > LONG { self.compute(work).await } else { Ok(work()) }
    }

    /// Goes on with work after the call has ended, where the machine lives longer than its calls: for what is to be tidied
    /// up when nobody waits any more.
    pub fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.platform().detach(work.boxed());
    }

    /// Whether requests go to OpenAI itself, and not to a server that is compatible.
    pub fn is_openai(&self) -> bool {
        self.config().is_openai()
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.platform().sleep(duration).await;
    }

    /// Time since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.platform().now()
    }

    /// Time since some moment, which goes on whatever is done to the clock: what lasts is measured by it.
    pub fn monotonic(&self) -> Duration {
        self.platform().monotonic()
    }

    /// A number that nobody can guess.
    pub fn random(&self) -> u128 {
        self.platform().random()
    }

    /// How long the last answer asks to be left alone before the next poll. Default: one second.
    pub fn poll_pause(&self) -> Duration {
        let answered = self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answered.poll_after.unwrap_or(Duration::from_secs(1)).clamp(Duration::from_millis(100), Duration::from_secs(30))
    }

    pub(crate) fn answered(&self, answer: &HeaderMap) {
        let text = |name: HeaderName| answer.get(name).and_then(|value| value.to_str().ok());
        let request_id = self.request_id_in(answer);
        let mut answered = self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answered.given = true;
        answered.poll_after =
            text(headers::POLL_AFTER_MS).and_then(|value| value.parse().ok()).map(Duration::from_millis);
        answered.request_id = request_id;
    }

    pub(crate) fn refused(&self, answer: &HeaderMap) {
        let id = self.request_id_in(answer);
        self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner).request_id = id;
    }

    /// Whether OpenAI has given this call what it asked for.
    pub(crate) fn was_answered(&self) -> bool {
        self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner).given
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

    /// OpenAI's id of the last request that it answered or refused.
    pub(crate) fn request_id(&self) -> Option<String> {
        self.inner.answer.lock().unwrap_or_else(PoisonError::into_inner).request_id.clone()
    }

    /// The id that an answer has, without secrets.
    fn request_id_in(&self, answer: &HeaderMap) -> Option<String> {
        let id = answer.get(headers::REQUEST_ID)?.to_str().ok()?;
        Some(self.redact(id.to_owned()))
    }

    /// Whether the client asked to be told of progress.
    pub fn wants_progress(&self) -> bool {
        self.inner.notes.wants_progress()
    }

    /// Tells the client how far the call is, if it asked to be told.
    ///
    /// The protocol wants values that grow. One that does not is passed over if it tells what was told already; a new
    /// message goes out with a value that is a thousandth above the last.
    pub fn progress(&self, done: f64, total: Option<f64>, message: &str) {
        self.inner.notes.progress(self.monotonic(), done, total, &self.redact(message.to_owned()));
    }

    /// Tells of bytes transferred, a few times a second at most, and of the last one always.
    pub(crate) fn transferred(&self, bytes: u64, total: Option<u64>, verb: &str) {
        self.inner.notes.transferred(self.monotonic(), bytes, total, verb);
    }

    /// Tells of text as it is written, a few times a second at most: the messages, put together, are the whole text,
    /// and the measure of progress is its characters. [`Context::flush_text`] tells the rest.
    pub fn tell_text(&self, piece: &str) {
        self.inner.notes.text(self.monotonic(), piece, &|text| self.redact(text));
    }

    /// Tells what [`Context::tell_text`] held back.
    pub fn flush_text(&self) {
        self.inner.notes.flush_text(self.monotonic(), &|text| self.redact(text));
    }

    /// Tells that the call goes on.
    pub(crate) fn beat(&self, waited: Duration) {
        self.inner.notes.beat(self.monotonic(), waited, &|text| self.redact(text));
    }

    /// Tells the client something without a measure of progress.
    pub fn tell(&self, message: &str) {
        self.inner.notes.tell(self.monotonic(), &self.redact(message.to_owned()));
    }

    /// Sends a log message to a client that wants messages of this level.
    /// <https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging>
    pub fn log(&self, level: &str, data: &Value) {
        const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
        let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
        if let Some(wanted) = self.facts().log_level.as_deref()
            && rank(level) >= rank(wanted)
        {
            self.inner.notes.log(&self.redact_json(json::text(&json!({"level": level, "data": data}))));
        }
    }
}
