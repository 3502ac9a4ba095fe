//! A server: its tools behind MCP's methods, whatever carries the messages.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::future::{BoxFuture, Either, FutureExt as _, join_all, ready, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::config::{Config, Filter};
use crate::context::{Caller, Context, Inner, Notes, RequestFacts};
use crate::error::Error;
use crate::json;
use crate::output::{self, Output};
use crate::plan;
use crate::platform::Platform;
use crate::protocol::{self, Era, Fault, Headers, Incoming, LEGACY, MODERN, NEWEST_LEGACY, Refused, Request};
use crate::schema;
use crate::telemetry::Event;
use crate::tool::{Arguments, Spec};

/// How long clients may keep lists: they change with a new release only.
const TTL_MS: u32 = 3_600_000;
/// When a call that tells nothing of itself first tells that it goes on, and how often it does so then.
const FIRST_BEAT: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_secs(10);

/// A server, as its crate declares it.
pub struct Definition {
    /// The API domain, as `chat`: part of the URL and of the server's name.
    pub domain: &'static str,
    /// Version of the server's crate.
    pub version: &'static str,
    /// Instructions for the model: what is here and how it hangs together, at most 512 characters.
    pub about: &'static str,
    /// The tools, by resource.
    pub tools: &'static [&'static [&'static Spec]],
    /// The tables of its [store](crate::store), as SQL that is applied in order, each text once per database and as a
    /// whole. A text may hold several statements, each with its `;` at the end of a line. A released text never changes.
    pub migrations: &'static [&'static str],
    /// Methods besides those of tools.
    pub extras: Option<&'static dyn Extras>,
}

impl Definition {
    /// `openai-{domain}-mcp`
    pub fn name(&self) -> String {
        format!("openai-{}-mcp", self.domain)
    }

    /// All tools, in the order of the list.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> + Clone + use<> {
        let tools = self.tools;
        tools.iter().flat_map(|group| group.iter().copied())
    }
}

/// Methods that a server serves besides those of tools: resources, prompts, completion.
pub trait Extras: Send + Sync {
    /// What is added to the server's capabilities, as an object.
    fn capabilities(&self) -> Value;

    /// Serves a method; `None` if there is no such method.
    fn handle(&self, method: &str, params: Value, cx: Context) -> BoxFuture<'static, Option<Result<Value, Fault>>>;
}

/// A running server.
pub struct Service {
    definition: &'static Definition,
    name: String,
    config: Arc<Config>,
    platform: Arc<dyn Platform>,
    specs: Vec<&'static Spec>,
    migrated: Arc<AtomicBool>,
    lists: [OnceLock<Bytes>; 2],
}

/// What a message gets for an answer.
pub enum Reply {
    /// Nothing: it was a notification.
    Nothing,
    /// One message, with the HTTP status that goes with it.
    One(u16, Bytes),
    /// Notifications, then the response.
    Many(BoxStream<'static, Bytes>),
}

/// A message that was read, and the work it makes.
pub struct Begun {
    /// The id of a request, as JSON text.
    pub id: Option<String>,
    /// The id of the request that this message cancels, as JSON text.
    pub cancels: Option<String>,
    /// The answer. Dropping it cancels the work, the call to OpenAI included.
    pub reply: BoxFuture<'static, Reply>,
}

impl Service {
    /// Makes a server with the tools that the operator allows.
    ///
    /// # Errors
    /// The filter leaves no tool.
    pub fn new(
        definition: &'static Definition,
        config: Arc<Config>,
        platform: Arc<dyn Platform>,
    ) -> Result<Arc<Self>, String> {
        let specs: Vec<_> = definition.specs().filter(|spec| config.filter.admits(spec)).collect();
        if specs.is_empty() {
            return Err(format!(
                "OPENAI_MCP_TOOLS, OPENAI_MCP_EXCLUDE and OPENAI_MCP_READ_ONLY leave no tool of {}",
                definition.domain
            ));
        }
        Ok(Arc::new(Service {
            definition,
            name: definition.name(),
            config,
            platform,
            specs,
            migrated: Arc::default(),
            lists: Default::default(),
        }))
    }

    /// The declaration.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// `openai-{domain}-mcp`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tools that the operator allows.
    pub fn specs(&self) -> &[&'static Spec] {
        &self.specs
    }

    /// The `tools` array of `tools/list`, as compact JSON.
    pub fn tool_list(&self) -> String {
        list(self.specs.iter().copied())
    }

    /// Reads a message and begins to serve it.
    pub fn begin(self: &Arc<Self>, text: &Bytes, caller: Caller, headers: Option<Headers<'_>>) -> Begun {
        match protocol::batch(text, headers) {
            None => self.begin_one(text, text, caller, headers),
            Some(Err(refused)) => done(refusal(refused)),
            Some(Ok(messages)) => {
                let begun = messages.iter().map(|message| {
                    self.begin_one(text, message.get().as_bytes(), caller.clone(), headers).reply.then(|reply| async {
                        match reply {
                            Reply::Nothing => None,
                            Reply::One(_, message) => Some(message),
                            // A batch has one body, so only the response at the end counts.
                            Reply::Many(messages) => messages.fold(None, |_, message| ready(Some(message))).await,
                        }
                    })
                });
                let all = join_all(begun.collect::<Vec<_>>()).map(|answers| {
                    let answers: Vec<Bytes> = answers.into_iter().flatten().collect();
                    if answers.is_empty() {
                        return Reply::Nothing;
                    }
                    let mut out = vec![b'['];
                    for (index, answer) in answers.iter().enumerate() {
                        if index > 0 {
                            out.push(b',');
                        }
                        out.extend_from_slice(answer);
                    }
                    out.push(b']');
                    Reply::One(200, out.into())
                });
                Begun { id: None, cancels: None, reply: all.boxed() }
            }
        }
    }

    fn begin_one(self: &Arc<Self>, whole: &Bytes, text: &[u8], caller: Caller, headers: Option<Headers<'_>>) -> Begun {
        match protocol::read(text, headers) {
            Err(refused) => done(refusal(refused)),
            Ok(Incoming::Response) => done(Reply::Nothing),
            Ok(Incoming::Notification { method, params }) => {
                let cancels = (method == "notifications/cancelled").then(|| protocol::cancelled_id(params)).flatten();
                Begun { id: None, cancels, reply: ready(Reply::Nothing).boxed() }
            }
            Ok(Incoming::Request(request)) => {
                let id = request.id.get().to_owned();
                let reply = self.serve(whole, request, caller);
                Begun { id: Some(id), cancels: None, reply }
            }
        }
    }

    fn serve(self: &Arc<Self>, whole: &Bytes, request: Request<'_>, caller: Caller) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get(), request.era);
        let now = |result: Result<Vec<u8>, Fault>| ready(answer(id, era, result)).boxed();
        match (request.method.as_ref(), era) {
            ("tools/call", _) => self.call(whole, &request, caller),
            ("tools/list", _) => now(Ok(self.list(era, &caller.filter))),
            ("server/discover", Era::Modern) => now(Ok(self.discover())),
            ("subscriptions/listen", Era::Modern) => self.listen(id),
            ("initialize", Era::Legacy) => now(Ok(self.initialize(&request))),
            ("ping" | "logging/setLevel", Era::Legacy) => now(Ok(b"{}".to_vec())),
            _ => self.extra(&request, caller),
        }
    }

    fn capabilities(&self) -> Value {
        let mut capabilities = json!({"tools": {}});
        if let (Some(all), Some(Value::Object(more))) =
            (capabilities.as_object_mut(), self.definition.extras.map(Extras::capabilities))
        {
            all.extend(more);
        }
        capabilities
    }

    fn info(&self) -> Value {
        json!({"name": self.name, "version": self.definition.version})
    }

    fn initialize(&self, request: &Request<'_>) -> Vec<u8> {
        let asked = request.params.protocol_version.and_then(protocol::string);
        let version = LEGACY.into_iter().find(|known| asked.as_deref() == Some(known)).unwrap_or(NEWEST_LEGACY);
        let mut result = json!({
            "protocolVersion": version,
            "capabilities": self.capabilities(),
            "serverInfo": self.info(),
        });
        self.instruct(&mut result);
        json::text(&result).into()
    }

    fn instruct(&self, result: &mut Value) {
        if let (Some(object), false) = (result.as_object_mut(), self.definition.about.is_empty()) {
            object.insert("instructions".into(), self.definition.about.into());
        }
    }

    fn discover(&self) -> Vec<u8> {
        let mut result = json!({"supportedVersions": [MODERN], "capabilities": self.capabilities()});
        self.instruct(&mut result);
        self.modern(json::text(&result).into(), Some("public"))
    }

    /// Ends a result object as the modern era has it; `scope` makes it one that clients may keep.
    fn modern(&self, mut result: Vec<u8>, scope: Option<&str>) -> Vec<u8> {
        result.pop();
        if result.len() > 1 {
            result.push(b',');
        }
        if let Some(scope) = scope {
            result.extend_from_slice(format!(r#""ttlMs":{TTL_MS},"cacheScope":"{scope}","#).as_bytes());
        }
        let info = json::text(&self.info());
        result.extend_from_slice(
            format!(r#""resultType":"complete","_meta":{{"io.modelcontextprotocol/serverInfo":{info}}}}}"#).as_bytes(),
        );
        result
    }

    fn list(&self, era: Era, filter: &Filter) -> Vec<u8> {
        let render = |tools: String, scope| {
            let result = format!(r#"{{"tools":{tools}}}"#).into_bytes();
            match era {
                Era::Legacy => result,
                Era::Modern => self.modern(result, Some(scope)),
            }
        };
        if !filter.is_open() {
            return render(list(self.specs.iter().copied().filter(|spec| filter.admits(spec))), "private");
        }
        let [legacy, modern] = &self.lists;
        let kept = if era == Era::Legacy { legacy } else { modern };
        kept.get_or_init(|| render(self.tool_list(), "public").into()).to_vec()
    }

    /// Nothing here changes while a server runs, so a subscription is acknowledged as empty and ends at once.
    fn listen(&self, id: &str) -> BoxFuture<'static, Reply> {
        let meta = format!(r#"{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
        let messages = [
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{{}},"_meta":{meta}}}}}"#
            ),
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{meta}}}}}"#),
        ];
        ready(Reply::Many(stream::iter(messages.map(Bytes::from)).boxed())).boxed()
    }

    fn context(
        &self,
        request: &Request<'_>,
        arguments: Arguments,
        caller: Caller,
    ) -> (Context, UnboundedReceiver<Bytes>) {
        let facts = &request.params.facts;
        let (out, notes) = unbounded();
        let modern = request.era == Era::Modern;
        let value = |raw: Option<&RawValue>| {
            raw.and_then(|raw| serde_json::from_slice(raw.get().as_bytes()).ok()).unwrap_or_default()
        };
        let inner = Inner {
            definition: self.definition,
            migrated: self.migrated.clone(),
            config: self.config.clone(),
            platform: self.platform.clone(),
            caller,
            arguments,
            notes: Notes { out, token: facts.progress_token.clone(), state: Mutex::default() },
            answer: Mutex::default(),
            request: RequestFacts {
                modern,
                client_capabilities: facts.client_capabilities.clone(),
                input_responses: value(request.params.input_responses),
                request_state: request.params.request_state.and_then(protocol::string).map(|state| state.into_owned()),
                // Older clients that want no messages say so with `logging/setLevel`, which we have no state to keep.
                log_level: if modern {
                    facts.log_level.clone()
                } else {
                    self.definition.extras.map(|_| "debug".into())
                },
            },
        };
        (Context::new(inner), notes)
    }

    /// A context for a command of the operator: there is no request, the keys are theirs, and nobody is told of progress.
    pub fn command(&self) -> Context {
        Context::new(Inner {
            definition: self.definition,
            migrated: self.migrated.clone(),
            config: self.config.clone(),
            platform: self.platform.clone(),
            caller: Caller { trusted: true, ..Caller::default() },
            arguments: Arguments::new(None),
            notes: Notes { out: unbounded().0, token: None, state: Mutex::default() },
            answer: Mutex::default(),
            request: RequestFacts::default(),
        })
    }

    fn extra(&self, request: &Request<'_>, caller: Caller) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get().to_owned(), request.era);
        let unknown = |method: &str| Fault::new(Fault::METHOD, format!("method `{method}` not found"));
        let Some(extras) = self.definition.extras else {
            return ready(answer(&id, era, Err(unknown(&request.method)))).boxed();
        };
        let method = request.method.clone().into_owned();
        let params =
            request.params.raw.and_then(|raw| serde_json::from_slice(raw.get().as_bytes()).ok()).unwrap_or_default();
        let (cx, notes) = self.context(request, Arguments::new(None), caller);
        let work = extras.handle(&method, params, cx.clone());
        let server = json!({"io.modelcontextprotocol/serverInfo": self.info()});
        let work = async move {
            let result = match work.await {
                None => Err(unknown(&method)),
                Some(result) => result.map(|mut result| {
                    if let (Era::Modern, Some(object)) = (era, result.as_object_mut()) {
                        object.entry("resultType").or_insert("complete".into());
                        object.insert("_meta".into(), server);
                        if method.ends_with("/list") || method.ends_with("/read") {
                            object.insert("ttlMs".into(), TTL_MS.into());
                            object.insert("cacheScope".into(), "public".into());
                        }
                    }
                    json::text(&result).into_bytes()
                }),
            };
            envelope(&id, era, result)
        };
        with_notes(work.boxed(), notes, cx)
    }

    fn call(self: &Arc<Self>, whole: &Bytes, request: &Request<'_>, caller: Caller) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get().to_owned(), request.era);
        let refuse = |message: String| ready(answer(&id, era, Err(Fault::new(Fault::PARAMS, message)))).boxed();
        let Some(name) = request.params.name.and_then(protocol::string) else {
            return refuse("`name` must be a string".into());
        };
        let admitted = || self.specs.iter().copied().filter(|spec| caller.filter.admits(spec));
        let Some(spec) = admitted().find(|spec| spec.is_named(&name)) else {
            let hint = schema::nearest(&name, admitted().map(|spec| spec.name))
                .map(|name| format!("; did you mean `{name}`?"))
                .unwrap_or_default();
            let shown: String = name.chars().take(80).collect();
            return refuse(format!("unknown tool `{shown}`{hint}"));
        };
        let arguments = Arguments::new(request.params.arguments.map(|raw| whole.slice_ref(raw.get().as_bytes())));
        if !matches!(arguments.text().first(), Some(b'{')) {
            return refuse("`arguments` must be an object".into());
        }
        let (cx, notes) = self.context(request, arguments.clone(), caller);
        let service = self.clone();
        let work = {
            let cx = cx.clone();
            async move {
                let started = cx.now();
                // A fault of ours costs one call, not the connection or the server.
                let outcome = AssertUnwindSafe(run(&cx, spec, arguments)).catch_unwind().await;
                service.finish(&id, era, spec, &cx, outcome.ok(), started)
            }
        };
        with_notes(work.boxed(), notes, cx)
    }

    /// Turns the outcome of a call into its response. No outcome is a panic.
    fn finish(
        &self,
        id: &str,
        era: Era,
        spec: &'static Spec,
        cx: &Context,
        outcome: Option<Result<Output, Error>>,
        started: Duration,
    ) -> (u16, Bytes) {
        let mut error = None;
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(br#","result":{"#);
        let head = out.len();
        let written = match outcome {
            None => return envelope(id, era, Err(Fault::new(Fault::INTERNAL, "internal error"))),
            Some(Ok(Output::Fault(mut fault))) => {
                fault.message = cx.redact(fault.message);
                return envelope(id, era, Err(fault));
            }
            Some(Ok(Output::InputRequired(mut value))) => {
                if let Some(object) = value.as_object_mut() {
                    object.insert("resultType".into(), "input_required".into());
                }
                return envelope(id, era, Ok(json::text(&value).into_bytes()));
            }
            Some(Ok(output)) => {
                // What OpenAI says passes through as it is. What a tool makes of it may tell of failures.
                let made = spec.run.is_some() && matches!(output, Output::Json(_) | Output::Text { .. });
                output::write(output, self.config.max_result, &mut out).map(|()| {
                    if made && let Ok(text) = String::from_utf8(out.split_off(head)) {
                        out.extend_from_slice(cx.redact_json(text).as_bytes());
                    }
                })
            }
            Some(Err(failed)) => Err(failed),
        };
        if let Err(failed) = written {
            error = Some(failed.kind());
            out.truncate(head);
            output::write_error(&cx.redact(failed.into_text()), self.config.max_result, &mut out);
        }
        self.write_meta(era, cx.request_id().map(|id| cx.redact(id)).as_deref(), &mut out);
        out.extend_from_slice(b"}}");
        self.platform.record(&Event {
            server: &self.name,
            tool: spec.name,
            error,
            took: cx.now().saturating_sub(started),
            bytes: out.len(),
        });
        (200, out.into())
    }

    fn write_meta(&self, era: Era, request_id: Option<&str>, out: &mut Vec<u8>) {
        let mut separator: &[u8] = br#","_meta":{"#;
        if let Some(request_id) = request_id {
            out.extend_from_slice(separator);
            out.extend_from_slice(br#""openai-mcp/request-id":"#);
            json::push_string(out, request_id);
            separator = b",";
        }
        if era == Era::Modern {
            out.extend_from_slice(separator);
            out.extend_from_slice(br#""io.modelcontextprotocol/serverInfo":{"name":"#);
            json::push_string(out, &self.name);
            out.extend_from_slice(br#","version":"#);
            json::push_string(out, self.definition.version);
            out.push(b'}');
            separator = b",";
        }
        if separator == b"," {
            out.push(b'}');
        }
        if era == Era::Modern {
            out.extend_from_slice(br#","resultType":"complete""#);
        }
    }
}

/// Runs a tool: its own code, or the request of its endpoint.
async fn run(cx: &Context, spec: &'static Spec, arguments: Arguments) -> Result<Output, Error> {
    match spec.run {
        None => cx.call(spec, arguments).await.map(Output::Json),
        Some(run) => {
            plan::check(spec, &arguments, cx.config().open_arguments)?;
            run(cx.clone(), arguments).await
        }
    }
}

/// Answers with one message, or, once the work has something to tell before it ends, with a stream of them.
fn with_notes(
    work: BoxFuture<'static, (u16, Bytes)>,
    notes: UnboundedReceiver<Bytes>,
    cx: Context,
) -> BoxFuture<'static, Reply> {
    if !cx.wants_progress() && cx.facts().log_level.is_none() {
        return work.map(|(status, message)| Reply::One(status, message)).boxed();
    }
    let beat =
        cx.wants_progress().then(|| beat(cx)).map_or_else(|| std::future::pending().boxed(), |beat| beat.boxed());
    // The beat never ends, so the selection ends with the work.
    let work = select(work, beat).map(|ended| match ended {
        Either::Left((message, _)) => message,
        Either::Right((never, _)) => never,
    });
    async move {
        match select(work.boxed(), notes.into_future()).await {
            Either::Left(((status, message), notes)) => match notes.into_inner() {
                // What was told in the very step that ended the work still comes before its result.
                Some(mut notes) => match std::iter::from_fn(|| notes.try_recv().ok()).collect::<Vec<_>>() {
                    told if told.is_empty() => Reply::One(status, message),
                    told => Reply::Many(stream::iter(told).chain(stream::iter([message])).boxed()),
                },
                None => Reply::One(status, message),
            },
            Either::Right(((first, notes), work)) => {
                let last = work.map(|(_, message)| message).into_stream();
                let rest = interleave(notes, last.boxed());
                Reply::Many(stream::iter(first).chain(rest).boxed())
            }
        }
    }
    .boxed()
}

/// The notes as they come, then the result.
fn interleave(notes: UnboundedReceiver<Bytes>, last: BoxStream<'static, Bytes>) -> BoxStream<'static, Bytes> {
    stream::unfold(Some((notes, last, None::<Bytes>)), |state| async {
        let (mut notes, mut last, result) = state?;
        if let Some(result) = result {
            return match notes.try_recv() {
                Ok(note) => Some((note, Some((notes, last, Some(result))))),
                Err(_) => Some((result, None)),
            };
        }
        match select(notes.next(), last.next()).await {
            Either::Left((Some(note), _)) => Some((note, Some((notes, last, None)))),
            Either::Left((None, result)) => result.await.map(|result| (result, None)),
            Either::Right((Some(result), _)) => match notes.try_recv() {
                Ok(note) => Some((note, Some((notes, last, Some(result))))),
                Err(_) => Some((result, None)),
            },
            Either::Right((None, _)) => None,
        }
    })
    .boxed()
}

/// Tells every now and then that the call goes on: clients take silence for a hang.
async fn beat(cx: Context) -> (u16, Bytes) {
    let started = cx.now();
    cx.sleep(FIRST_BEAT).await;
    loop {
        cx.beat(cx.now().saturating_sub(started));
        cx.sleep(BEAT).await;
    }
}

fn done(reply: Reply) -> Begun {
    Begun { id: None, cancels: None, reply: ready(reply).boxed() }
}

fn refusal(refused: Refused<'_>) -> Reply {
    let error = json::text(&refused.fault.to_value());
    let id = refused.id.map(|id| format!(r#","id":{}"#, id.get())).unwrap_or_default();
    Reply::One(refused.status, format!(r#"{{"jsonrpc":"2.0"{id},"error":{error}}}"#).into())
}

fn answer(id: &str, era: Era, result: Result<Vec<u8>, Fault>) -> Reply {
    let (status, message) = envelope(id, era, result);
    Reply::One(status, message)
}

fn envelope(id: &str, era: Era, result: Result<Vec<u8>, Fault>) -> (u16, Bytes) {
    match result {
        Ok(result) => {
            let mut out = Vec::with_capacity(result.len() + id.len() + 48);
            out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(br#","result":"#);
            out.extend_from_slice(&result);
            out.push(b'}');
            (200, out.into())
        }
        Err(fault) => {
            let status = if era == Era::Modern { fault.modern_status() } else { 200 };
            (status, format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#, json::text(&fault.to_value())).into())
        }
    }
}

/// The `tools` array of a list.
fn list(specs: impl Iterator<Item = &'static Spec>) -> String {
    let mut out = String::from("[");
    for spec in specs {
        if out.len() > 1 {
            out.push(',');
        }
        describe(spec, &mut out);
    }
    out.push(']');
    out
}

/// One entry of `tools/list`.
pub fn describe(spec: &Spec, out: &mut String) {
    let effect = spec.effect;
    out.push_str(r#"{"name":"#);
    schema::render_text(out, spec.name);
    out.push_str(r#","title":"#);
    schema::render_text(out, &spec.title());
    out.push_str(r#","description":"#);
    schema::render_text(out, spec.doc);
    out.push_str(r#","inputSchema":"#);
    schema::render_fields(out, spec.fields);
    out.push_str(&format!(
        r#","annotations":{{"readOnlyHint":{},"destructiveHint":{},"idempotentHint":{},"openWorldHint":{}}}"#,
        effect.reads && !effect.saves,
        effect.destroys,
        effect.idempotent,
        effect.open
    ));
    if let Some(endpoint) = &spec.endpoint {
        out.push_str(r#","_meta":{"openai-mcp/endpoint":"#);
        schema::render_text(out, &format!("{} {}", endpoint.method, endpoint.path));
        out.push('}');
    }
    out.push('}');
}
