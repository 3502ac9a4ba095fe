//! Requests to OpenAI: keys, headers, retries, errors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, FutureExt as _, ready, select};
use futures_util::stream::{self, StreamExt as _};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::body::{Body, Failure};
use crate::config::Config;
use crate::context::Context;
use crate::error::{self, Error, Kind, Limit, Result};
use crate::events::{Events, NO_STREAM, Streamed, is_json};
use crate::headers;
use crate::json;
use crate::multipart;
use crate::plan::{self, PartValue, Payload, Plan};
use crate::platform::{Connected, Wire};
use crate::secret::Secret;
use crate::spec::{Effect, Endpoint, Life, Long, Spec};
use crate::time::{self, milliseconds};

/// Tries after the first, as in the official SDKs.
const RETRIES: u32 = 2;
/// Longest time without a byte in either direction.
const IDLE: Duration = Duration::from_secs(600);
/// Longest time until a WebSocket is open.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// A `Retry-After` above this is told to the caller instead of waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Most bytes of an error answer that are read.
const ERROR_BODY: usize = 64 * 1024;

/// Most bytes of a JSON answer that are read into memory.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// What shows that a key is one, and costs nothing.
static MODELS: Spec = Spec {
    name: "GET /models",
    doc: "",
    endpoint: Some(Endpoint {
        method: Method::GET,
        path: "/models",
        accept: None,
        beta: Some(""),
        twin: None,
        multipart: false,
        streams: false,
    }),
    fields: &[],
    effect: Effect { reads: true, destroys: false, idempotent: true, open: false, saves: false, records: false },
    admin: false,
    long: Long::Cut,
    life: Life::Open,
    setting: None,
};

/// A request that is about to be made; how it ends says what is wanted of the answer.
#[must_use = "nothing is sent before an answer is asked for"]
pub struct Call<'a> {
    cx: &'a Context,
    spec: &'static Spec,
    arguments: Arguments,
    stand_in: bool,
    quiet: bool,
    retries: u32,
}

impl Context {
    /// Makes a request: `cx.send(&Get::SPEC, json!({"file_id": id})).value().await?`.
    pub fn send(&self, spec: &'static Spec, arguments: impl Into<Arguments>) -> Call<'_> {
        Call { cx: self, spec, arguments: arguments.into(), stand_in: true, quiet: false, retries: RETRIES }
    }

    /// Checks the arguments of another tool, for a composite that is to fail before it has begun.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn check(&self, spec: &'static Spec, arguments: &Arguments) -> Result<()> {
        plan::check(spec, arguments, self.config().open_arguments).map(drop)
    }

    /// Makes sure that OpenAI knows the caller's key.
    ///
    /// # Errors
    /// It does not, or cannot be asked.
    pub(crate) async fn try_key(&self) -> Result<()> {
        let tried = self.send(&MODELS, Arguments::default()).past_stand_in().response().await;
        match tried {
            // A key of fewer rights is refused what it may not see, and is one.
            Err(error) if error.to_string().contains("insufficient permissions") => Ok(()),
            Err(error) if matches!(error.kind(), Kind::Status(status) if status != 401) => Ok(()),
            tried => tried.map(drop),
        }
    }

    /// The caller's own key, else the operator's for callers who may spend it.
    pub(crate) fn key(&self, admin: bool) -> Result<Secret> {
        let config = self.config();
        let own = if admin { &config.admin_key } else { &config.key };
        let key = self.caller().key.clone().or_else(|| own.clone().filter(|_| self.caller().trusted));
        let (kind, start, name) =
            if admin { ("admin key", "sk-admin-…", "OPENAI_ADMIN_KEY") } else { ("key", "sk-…", "OPENAI_API_KEY") };
        key.ok_or_else(|| {
            let hint = match self.caller().by_http {
                true => {
                    let token = if config.access_token.is_some() { " or this server's access token" } else { "" };
                    let set = match own {
                        // It is set, and not for this caller.
                        Some(_) if token.is_empty() => "OPENAI_MCP_ACCESS_TOKEN where the server runs, and send that",
                        _ => &format!("{name} where the server runs on your own machine"),
                    };
                    format!(
                        "send `Authorization: Bearer` with {start}{token}, or use the URL form `/mcp/{{key}}`, or set {set}"
                    )
                }
                false => format!("set {name} in the environment that the server is started in"),
            };
            Error::new(Kind::Key, format!("no OpenAI {kind}\nhint: {hint}"))
        })
    }
}

impl<'a> Call<'a> {
    /// Sends the request itself, whoever else could answer it: for a stand-in that passes it on.
    pub fn past_stand_in(mut self) -> Self {
        self.stand_in = false;
        self
    }

    /// Tells nothing of how far the bytes of a file are: for a file that is a part of something larger.
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Tries once, for code that has its own way of trying again.
    pub fn once(mut self) -> Self {
        self.retries = 0;
        self
    }

    /// The answer as soon as its head is there.
    ///
    /// # Errors
    /// Wrong arguments, no key, no connection, or a failed answer.
    pub fn response(self) -> BoxFuture<'a, Result<Response<Body>>> {
        // Whoever awaits this shares its code: put into each of them it weighs a tenth of a small Worker.
        self.answer().boxed()
    }

    async fn answer(self) -> Result<Response<Body>> {
        let Call { cx, spec, arguments, stand_in, quiet, retries } = self;
        let open = cx.config().open_arguments;
        let Some(endpoint) = &spec.endpoint else {
            return Err(Error::new(Kind::Unsupported, format!("`{}` has no endpoint", spec.name)));
        };
        if let Some(stand_in) = cx.home().stand_in.filter(|_| stand_in)
            && let arguments = plan::check(spec, &arguments, open)?
            && let Some(answer) = stand_in(cx, spec, &arguments)
        {
            return Ok(Response::new(Body::Full(json::text(&answer.await?).into())));
        }
        if let Life::Gone { on, instead } = life(cx, spec)
            && cx.config().is_openai()
        {
            let text = format!("OpenAI ended `{} {}` on {on}\nhint: use {instead}", endpoint.method, endpoint.path);
            return Err(Error::new(Kind::Unsupported, text));
        }
        let mut plan = plan::plan(spec, endpoint, &arguments, open)?;
        if let Some(beta) = endpoint.beta.or(cx.home().beta).filter(|beta| !beta.is_empty()) {
            plan.headers.push((headers::BETA, beta.to_owned()));
        }
        send(cx, spec, plan, quiet, retries).await
    }

    /// The JSON of the answer; of an answer without content, the empty object.
    ///
    /// # Errors
    /// As [`Call::response`], or an answer of more than 64 MiB.
    pub async fn bytes(self) -> Result<Bytes> {
        let answer = self.content().await?;
        Ok(if answer.is_empty() { Bytes::from_static(b"{}") } else { answer })
    }

    async fn content(self) -> Result<Bytes> {
        let (cx, spec) = (self.cx, self.spec);
        content(cx, spec, self.response().await?).await
    }

    /// Like [`Call::bytes`], read, for code that looks inside.
    ///
    /// # Errors
    /// As [`Call::bytes`], or an answer that is not JSON or has more than [`json::MOST_VALUES`]. Only what is deleted may
    /// be answered without content.
    pub async fn value(self) -> Result<Value> {
        let (cx, spec) = (self.cx, self.spec);
        let deletes = spec.endpoint.as_ref().is_some_and(|endpoint| endpoint.method == Method::DELETE);
        let answer = self.content().await?;
        if answer.is_empty() && deletes {
            return Ok(json!({}));
        }
        read(cx, spec, answer).await
    }

    /// The answer as the event stream that it should be, or all at once.
    ///
    /// # Errors
    /// As [`Call::response`], and, of an answer that is JSON, as [`Call::value`].
    pub async fn streamed(self) -> Result<Streamed> {
        let (cx, spec) = (self.cx, self.spec);
        let response = self.response().await?;
        if !is_json(&response) {
            return Events::new(response).map(Streamed::Events);
        }
        let answer = content(cx, spec, response).await?;
        read(cx, spec, answer).await.map(Streamed::Whole)
    }

    /// The answer as the event stream that it is.
    ///
    /// # Errors
    /// As [`Call::response`], or an answer that is no event stream: its id is told, since it may be paid for.
    pub async fn events(self) -> Result<Events> {
        let spec = self.spec;
        let answer = match self.streamed().await? {
            Streamed::Events(events) => return Ok(events),
            Streamed::Whole(answer) => answer,
        };
        let id = answer.get("id").and_then(Value::as_str);
        let id = id.map(|id| format!(", whose id is {id}")).unwrap_or_default();
        Err(after_success(spec, Error::new(Kind::Answer, format!("{NO_STREAM}{id}"))))
    }
}

/// Most bytes of an answer.
pub(crate) fn longest_answer(cx: &Context) -> usize {
    LONGEST_ANSWER.min(cx.room() / 3)
}

/// What an answer holds, whose head told of success.
async fn content(cx: &Context, spec: &Spec, response: Response<Body>) -> Result<Bytes> {
    // Read as a tree and written anew, it is there many times over.
    let collected = response.into_body().collect(longest_answer(cx)).await;
    let answer = collected.map_err(|error| after_success(spec, error))?;
    // A page, where an API was expected.
    if answer.trim_ascii_start().starts_with(b"<") {
        let text = format!("openai answered with a page, not with JSON{}", astray(cx.config()));
        return Err(after_success(spec, Error::new(Kind::Answer, text)));
    }
    match failure(&answer) {
        Some(error) => Err(error),
        None => Ok(answer),
    }
}

/// The failure that an answer is whose head told of success, as some give it who speak this API: an error, of nothing that has an
/// id.
fn failure(answer: &[u8]) -> Option<Error> {
    let first = answer.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start();
    if answer.len() > ERROR_BODY || !first.starts_with(b"\"error\"") {
        return None;
    }
    let told: Value = serde_json::from_slice(answer).ok()?;
    let error = told.get("error").filter(|error| error.is_object() || error.is_string())?;
    let bare = ["id", "object"].iter().all(|name| told.get(name).is_none());
    bare.then(|| Error::answer("openai answered with success, and an error", error))
}

/// An answer, read.
pub(crate) async fn read(cx: &Context, spec: &Spec, answer: Bytes) -> Result<Value> {
    let read = cx.compute_long(answer.len(), move || json::tree(&answer)).await?;
    read.map_err(|problem| after_success(spec, Error::new(Kind::Answer, format!("the answer {problem}"))))
}

/// Whether OpenAI still has what a tool asks for.
fn life(cx: &Context, spec: &Spec) -> Life {
    if spec.life == Life::AsServer { cx.home().life } else { spec.life }
}

/// What became of an answer whose head told of success: the request was carried out.
fn after_success(spec: &Spec, error: Error) -> Error {
    if spec.effect.idempotent { error } else { error.perhaps_done() }
}

/// Sends a planned request with retries and gives a successful answer.
async fn send(cx: &Context, spec: &'static Spec, plan: Plan, quiet: bool, retries: u32) -> Result<Response<Body>> {
    let key = key_of(cx, spec)?;
    // Of two requests with one such key the second is not carried out.
    let again = spec.effect.idempotent || plan.headers.iter().any(|(name, _)| *name == headers::IDEMPOTENCY_KEY);
    let (planned, with) = (&plan, &key);
    let trying = Trying { spec, again, retries, until: cx.until(), life: life(cx, spec) };
    let mut response = insist(cx, trying, with, || async move {
        let (request, upload) = request(cx, planned, with, quiet).await?;
        let outcome = attempt(cx, request, upload.as_deref()).await;
        // Whatever the other side says, it says of half a file.
        if let Some(broke) = upload.and_then(|upload| upload.broke.get().cloned()) {
            return Err(Error::new(Kind::File, broke));
        }
        Ok(match outcome {
            Ok(response) if response.status().is_success() => Ok(Answer::Given(response)),
            Ok(response) => Ok(Answer::refused(response).await),
            Err(failure) => Err(failure),
        })
    })
    .await?;
    cx.answered(response.headers());
    // A stream may yet tell of a failure, which must not show the key either.
    response.extensions_mut().insert(key);
    Ok(response)
}

/// Opens the WebSocket of a request, with retries, all of them within `patience`.
pub(crate) async fn connect(
    cx: &Context,
    spec: &'static Spec,
    arguments: &Arguments,
    patience: Duration,
) -> Result<Wire> {
    let Some(endpoint) = &spec.endpoint else {
        return Err(Error::new(Kind::Unsupported, format!("`{}` has no endpoint", spec.name)));
    };
    let key = key_of(cx, spec)?;
    let plan = plan::plan(spec, endpoint, arguments, cx.config().open_arguments)?;
    let (planned, with) = (&plan, &key);
    let until = cx.monotonic() + patience;
    let trying = Trying { spec, again: spec.effect.idempotent, retries: RETRIES, until, life: life(cx, spec) };
    insist(cx, trying, with, || async move {
        let (request, _) = request(cx, planned, with, true).await?;
        let left = until.saturating_sub(cx.monotonic()).min(HANDSHAKE);
        cx.count_requests(1);
        let connecting = async {
            Ok(match cx.platform().connect(request).await? {
                Connected::Open(wire) => Answer::Given(wire),
                Connected::Refused(response) => Answer::refused(response).await,
            })
        };
        Ok(match select(connecting.boxed(), cx.platform().sleep(left)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let text = format!("no answer within {} s", milliseconds(left).div_ceil(1000));
                Err(Failure { text, unsent: false })
            }
        })
    })
    .await
}

/// What one try came to.
enum Answer<T> {
    /// What was asked for.
    Given(T),
    /// An answer that says why not.
    Refused(Response<Bytes>),
}

impl<T> Answer<T> {
    /// Reads why not, as far as it came and is read at all.
    async fn refused(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let (beginning, _) = body.peek(ERROR_BODY).await;
        Answer::Refused(Response::from_parts(head, beginning))
    }
}

/// How it is tried again.
struct Trying {
    spec: &'static Spec,
    /// Whether what was perhaps carried out is asked for once more.
    again: bool,
    /// How often.
    retries: u32,
    /// Until when.
    until: Duration,
    /// Whether OpenAI still has what is asked for.
    life: Life,
}

impl Trying {
    /// Whether there may be another try after a pause, of which the other side may have said how long.
    fn allows(&self, tries: u32, asked: Option<Duration>, now: Duration) -> bool {
        let pause = asked.unwrap_or_else(|| backoff(tries, 0));
        tries <= self.retries && pause <= LONGEST_WAIT && pause < self.until.saturating_sub(now)
    }
}

/// Tries until there is what was asked for, or no more tries are left or would be right.
async fn insist<T, F>(cx: &Context, trying: Trying, key: &Secret, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Result<Answer<T>, Failure>>> + Send,
{
    let mut tries = 0;
    loop {
        cx.may_request()?;
        tries += 1;
        let (wait, refusal) = match attempt().await? {
            Ok(Answer::Given(given)) => return Ok(given),
            Ok(Answer::Refused(response)) => (wait_after_status(&response, trying.again, cx.now()), Ok(response)),
            Err(failure) => ((failure.unsent || trying.again).then_some(None), Err(failure)),
        };
        match (wait, refusal) {
            (Some(asked), _) if trying.allows(tries, asked, cx.monotonic()) => {
                let pause = asked.unwrap_or_else(|| backoff(tries, cx.platform().random()));
                cx.tell(&format!("retrying in {} s", milliseconds(pause).div_ceil(1000)));
                cx.platform().sleep(pause).await;
            }
            (_, Ok(response)) => return Err(refused(cx, &response, tries, &trying, key)),
            (_, Err(failure)) if failure.unsent || trying.again => {
                let text = format!("openai could not be reached: {}{}", failure.text, astray(cx.config()));
                let kind = if failure.unsent { Kind::Unsent } else { Kind::Connection };
                return Err(Error::new(kind, key.redact(text)));
            }
            (_, Err(failure)) => {
                let text = format!("the connection to openai broke before its answer: {}", failure.text);
                return Err(Error::new(Kind::Connection, key.redact(text)).perhaps_done());
            }
        }
    }
}

/// Which key is sent, and that it is of the kind the tool takes.
fn key_of(cx: &Context, spec: &Spec) -> Result<Secret> {
    let admin = spec.admin || cx.home().admin;
    let key = cx.key(admin)?;
    match (admin, key.is_admin()) {
        (true, false) => {
            let text = "this tool takes an admin key (sk-admin-…); the key given is a project key\nhint: give that of OPENAI_ADMIN_KEY";
            Err(Error::new(Kind::Key, text))
        }
        (false, true) => {
            let text = "this tool takes a project key (sk-…); the key given is an admin key\nhint: give that of OPENAI_API_KEY";
            Err(Error::new(Kind::Key, text))
        }
        _ => Ok(key),
    }
}

/// What became of the body of a request so far.
#[derive(Default)]
struct Upload {
    /// Bytes that went out.
    sent: AtomicU64,
    /// Why a file could not be read to its end.
    broke: OnceLock<String>,
}

async fn request(cx: &Context, plan: &Plan, key: &Secret, quiet: bool) -> Result<(Request<Body>, Option<Arc<Upload>>)> {
    let config = cx.config();
    let mut request = Request::new(Body::EMPTY);
    *request.method_mut() = plan.method.clone();
    *request.uri_mut() = Uri::try_from([config.base_url.as_str(), &plan.target].concat())
        .map_err(|error| Error::new(Kind::Arguments, format!("the arguments make no URL: {error}")))?;
    let headers = request.headers_mut();
    let mut bearer = HeaderValue::try_from(["Bearer ", key.expose()].concat())
        .map_err(|_| Error::new(Kind::Key, "the key has characters that a header cannot carry"))?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("openai-mcp/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Who says nothing takes any coding: RFC 9110, 12.5.3.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    // They say what the operator's requests are charged to: a stranger's key is of another organization.
    for (name, value) in [(headers::ORGANIZATION, &config.organization), (headers::PROJECT, &config.project)] {
        let value = value.as_deref().filter(|_| cx.caller().trusted);
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    for (name, value) in &plan.headers {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::argument(name.as_str(), "expected text that a header can carry"))?;
        headers.insert(name, value);
    }
    let mut upload = None;
    match &plan.body {
        Payload::Empty => {}
        Payload::Json(text) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Body::Full(text.clone());
        }
        Payload::Text { media_type, text } => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            *request.body_mut() = Body::Full(text.clone().into());
        }
        Payload::Multipart(parts) => {
            let mut opened = Vec::with_capacity(parts.len());
            for part in parts {
                let name = part.name.clone();
                opened.push(match &part.value {
                    PartValue::Text(value) => multipart::Part::Text { name, value: value.clone() },
                    PartValue::Typed { media_type, text } => {
                        multipart::Part::Typed { name, media_type, text: text.clone() }
                    }
                    PartValue::File(source) => {
                        multipart::Part::File { name, file: cx.open_untried(source.clone()).await? }
                    }
                });
            }
            let (content_type, body) = multipart::encode(opened, cx.platform().random());
            let content_type =
                HeaderValue::from_str(&content_type).map_err(|_| Error::new(Kind::Unsupported, "no content type"))?;
            request.headers_mut().insert(CONTENT_TYPE, content_type);
            let watched = Arc::new(Upload::default());
            *request.body_mut() = watch(cx.clone(), quiet, body, watched.clone());
            upload = Some(watched);
        }
    }
    Ok((request, upload))
}

/// Counts the bytes of an upload as they go out, and tells of them; what is out whole is asked.
fn watch(cx: Context, quiet: bool, body: Body, upload: Arc<Upload>) -> Body {
    let length = body.length();
    let whole = cx.clone();
    let end = stream::once(async move { whole.asks() }).filter_map(|()| ready(None));
    let chunks = body.into_chunks().inspect(move |chunk| match chunk {
        Ok(bytes) => {
            let sent = upload.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
            // Nobody looks for the end of a body whose length was told.
            if length == Some(sent) {
                cx.asks();
            }
            if !quiet {
                cx.transferred(sent, length, "uploaded");
            }
        }
        Err(failure) => {
            // Only the first counts, and a stream has no second.
            let _ = upload.broke.set(failure.text.clone());
        }
    });
    Body::Stream { chunks: chunks.chain(end).boxed(), length }
}

/// One try. Gives up after [`IDLE`] without an answer, unless an upload goes on meanwhile.
async fn attempt(cx: &Context, request: Request<Body>, upload: Option<&Upload>) -> Result<Response<Body>, Failure> {
    let count = || upload.map(|upload| upload.sent.load(Ordering::Relaxed));
    cx.count_requests(1);
    // What is only read costs nothing, and a request that is not out yet may never be.
    if upload.is_none() && request.method() != Method::GET {
        cx.asks();
    }
    let mut answer = cx.platform().send(request);
    loop {
        let before = count();
        match select(answer, cx.platform().sleep(IDLE)).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((_, rest)) if count() != before => answer = rest,
            Either::Right(_) => {
                return Err(Failure { text: format!("no answer within {} s", IDLE.as_secs()), unsent: false });
            }
        }
    }
}

/// Whether to try again after a failed answer, and when it asks to be tried again.
///
/// 408, 409 and 429 tell that the request was not carried out. After any other failure it is sent `again` only if that
/// does no harm: a retried create could be charged twice.
fn wait_after_status(response: &Response<Bytes>, again: bool, now: Duration) -> Option<Option<Duration>> {
    let status = response.status();
    if limit(response).is_some() {
        return None;
    }
    let told = response.headers().get(headers::SHOULD_RETRY).map(HeaderValue::as_bytes);
    let retry = match told {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => {
            matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
                || (status.is_server_error() && again)
        }
    };
    retry.then(|| retry_after(response.headers(), now))
}

/// `retry-after-ms`, or `retry-after` in seconds or as a date. A time that has passed is none: it would be tried at once.
fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    // As JSON: `str::parse` brings tables of 10 KB, which a Worker would carry for this alone.
    let number = |name: HeaderName| serde_json::from_slice::<f64>(headers.get(name)?.as_bytes()).ok();
    let date = || time::http_date(headers.get(RETRY_AFTER)?.to_str().ok()?);
    let seconds = number(headers::RETRY_AFTER_MS)
        .map(|ms| ms / 1000.0)
        .or_else(|| number(RETRY_AFTER))
        .or_else(|| Some(date()? as f64 - now.as_secs_f64()))?;
    let wait =
        Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 { Duration::MAX } else { Duration::ZERO });
    Some(wait).filter(|wait| !wait.is_zero())
}

/// 0.5 s, doubled with each try up to 8 s, less up to a quarter.
fn backoff(tries: u32, random: u128) -> Duration {
    let base = 500u64.saturating_mul(1 << tries.saturating_sub(1).min(4)).min(8000);
    let jitter = random as u64 % 1000;
    Duration::from_millis(base - base * jitter / 4000)
}

/// The limit that a failed answer tells of, where no later try brings more.
/// <https://platform.openai.com/docs/guides/error-codes>
fn limit(response: &Response<Bytes>) -> Option<Limit> {
    let told = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    let word = |at: &str| told.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let spent = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];
    if ["/error/code", "/error/type"].iter().any(|at| spent.contains(&word(at))) {
        return Some(Limit::Account);
    }
    let too_large = word("/error/message").starts_with("Request too large");
    (too_large && response.status() == StatusCode::TOO_MANY_REQUESTS).then_some(Limit::Request)
}

/// Where the requests go, as a hint, if that is another place than OpenAI.
fn astray(config: &Config) -> String {
    match config.is_openai() && config.base_url.ends_with("/v1") {
        true => String::new(),
        false => format!(
            "\nhint: OPENAI_BASE_URL is `{}`; expected the root of an API like OpenAI's, as https://api.openai.com/v1",
            config.base_url
        ),
    }
}

fn refused(cx: &Context, response: &Response<Bytes>, tries: u32, trying: &Trying, key: &Secret) -> Error {
    cx.refused(response.headers());
    let again = trying.again;
    let after = retry_after(response.headers(), cx.now());
    let request_id = response.headers().get(headers::REQUEST_ID).and_then(|id| id.to_str().ok());
    let wait = after.map(|wait| milliseconds(wait).div_ceil(1000));
    let (status, body) = (response.status().as_u16(), response.body());
    if let Some(limit) = limit(response) {
        return Error::status(status, body, request_id, Some(limit.hint().into()), tries, key).at_limit(limit);
    }
    // OpenAI says of each failure what it is about; who does not is another, or is asked for what it does not have.
    let told = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let message = told.pointer("/error/message").and_then(Value::as_str);
    let strange = message.is_none_or(|message| message.starts_with("Invalid URL"));
    let elsewhere = match trying.life {
        Life::Gone { on, instead } => format!("\nhint: OpenAI ended this on {on}: use {instead}"),
        _ => astray(cx.config()),
    };
    let hint = elsewhere.strip_prefix("\nhint: ").filter(|_| strange && status < 500).map(str::to_owned);
    let code = told.pointer("/error/code").and_then(Value::as_str);
    let takes = !trying.spec.fields.is_empty();
    let lister = cx.home().lists.lister(trying.spec);
    let usual = || match (status, code) {
        (404, Some("model_not_found")) => Some(error::NO_MODEL.to_owned()),
        // What is gone for everyone is not to be looked for by another id or key.
        (404, _) if message.is_some_and(|message| message.contains("shut down")) => None,
        // It says why itself, and mostly it is not the key.
        (403, _)
            if message.is_some_and(|message| !["permission", "scope"].iter().any(|word| message.contains(word))) =>
        {
            None
        }
        // So is a key of fewer rights refused, too, and not only one that is unknown.
        (401, _) if message.is_some_and(|message| message.contains("insufficient permissions")) => {
            error::hint(403, wait, again, takes, None, key)
        }
        _ => error::hint(status, wait, again, takes, lister, key),
    };
    let error = Error::status(status, body, request_id, hint.or_else(usual), tries, key);
    error.after(after)
}
