//! A server: its tools behind MCP's methods, whatever carries the messages.

mod call;
mod front;
mod list;
mod reply;

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::future::{BoxFuture, FutureExt as _, join_all, ready};
use futures_util::stream::{self, StreamExt as _};
use http::Method;
use serde_json::{Value, json};

use crate::allowance::{Amount, Bound, Known};
use crate::config::Config;
use crate::context::{Caller, Context, Home, Inner, Lists, RequestFacts, StandIn};
use crate::json;
use crate::near;
use crate::notes::Notes;
use crate::platform::Platform;
use crate::protocol::{self, Era, Headers, Incoming, LEGACY, MODERN, NEWEST_LEGACY, Refused, Request, RpcError};
use crate::spec::{Endpoint, Filter, Life, Spec};
use crate::tool::Tool;
use reply::with_notes;

pub use front::{Front, Missing, Offered, Turn};
pub use list::{describe, describe_as, doc, schema, weight};
pub use reply::Reply;

/// How long clients may keep lists: they change with a new release only.
const TTL_MS: u32 = 3_600_000;

/// A server, as its crate declares it.
pub struct Definition {
    /// The API domain, as `chat`: part of the URL and of the server's name.
    pub domain: &'static str,
    /// What people call it, for lists to choose from: at most 30 characters, which is what ChatGPT shows.
    pub title: &'static str,
    /// What it does, for registries and stores: the description of the server's crate, at most 100 characters, which is
    /// what the MCP registry takes.
    pub summary: &'static str,
    /// Version of the server's crate.
    pub version: &'static str,
    /// Instructions for the model: what is here and how it hangs together, at most 512 characters.
    pub about: &'static str,
    /// What it is about, for a map of all servers: the nouns by which people look for it, at most 45 characters with the
    /// domain.
    pub topics: &'static str,
    /// The tools, by resource.
    pub tools: &'static [&'static [&'static Tool]],
    /// The `OpenAI-Beta` header of its requests.
    pub beta: Option<&'static str>,
    /// Whether its tools take the admin key instead of the project's.
    pub admin: bool,
    /// How long OpenAI serves its requests.
    pub life: Life,
    /// Answers its requests in OpenAI's place.
    pub stand_in: Option<StandIn>,
    /// The tables of its [store](crate::store), as SQL that is applied in order, each text once per database and as a
    /// whole. A text may hold several statements, each with its `;` at the end of a line. A released text never changes.
    pub migrations: &'static [&'static str],
    /// What of them counts for the caller who owns it.
    pub bound: Bound,
    /// Methods besides those of tools.
    pub extras: Option<&'static dyn Extras>,
    /// Variables that it reads of its own.
    pub settings: &'static [Setting],
}

/// A variable `OPENAI_MCP_{name}` of a single server.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in words.
    pub expected: &'static str,
    /// Whether a value is that.
    pub holds: fn(&str) -> bool,
}

/// Makes sure that the variables that servers read of their own hold what they should, before a call finds that they do not, and
/// that none has nearly the name of one: what it was to forbid would be allowed.
///
/// # Errors
/// Names the variable.
pub fn check_settings(servers: &[&'static Definition], config: &Config) -> Result<(), String> {
    for Setting { name, expected, holds } in servers.iter().flat_map(|server| server.settings) {
        if let Some(value) = config.setting(name).filter(|value| !holds(value)) {
            return Err(format!("OPENAI_MCP_{name}: expected {expected}, got `{value}`"));
        }
    }
    Amount::allowed(config.setting("MAX_STORE"))?;
    let own: Vec<String> =
        servers.iter().flat_map(|server| server.settings).map(|setting| setting.name.to_ascii_lowercase()).collect();
    let known = || Config::NAMES.into_iter().chain(own.iter().map(String::as_str));
    let strange = config.settings.iter().filter(|(name, _)| !known().any(|known| known.to_ascii_uppercase() == *name));
    for (name, _) in strange {
        if let Some(meant) = near::nearest(name, known()) {
            return Err(format!(
                "OPENAI_MCP_{name} is no setting\nhint: maybe OPENAI_MCP_{}",
                meant.to_ascii_uppercase()
            ));
        }
    }
    Ok(())
}

impl Definition {
    /// What most servers have in common: no store, no beta, the project's key, requests that OpenAI serves.
    pub const PLAIN: Definition = Definition {
        domain: "",
        title: "",
        summary: "",
        version: "",
        about: "",
        topics: "",
        tools: &[],
        beta: None,
        admin: false,
        life: Life::Open,
        stand_in: None,
        migrations: &[],
        bound: Bound::NONE,
        extras: None,
        settings: &[],
    };

    /// `openai-{domain}-mcp`; `openai-mcp` for what stands before all of them.
    pub fn name(&self) -> String {
        match self.domain {
            "" => "openai-mcp".to_owned(),
            domain => format!("openai-{domain}-mcp"),
        }
    }

    /// What clients, stores and packages call it: `openai-files`; `openai` for what stands before all of them. Cursor leaves
    /// out a tool whose name has more than 60 characters together with this, and others have such bounds, hence the short
    /// word for administration.
    pub fn entry(&self) -> String {
        self.name().trim_end_matches("-mcp").replace("-administration-", "-admin-")
    }

    /// All tools, in the order of the list.
    pub fn tools(&self) -> impl Iterator<Item = &'static Tool> + Clone + use<> {
        let tools = self.tools;
        tools.iter().flat_map(|group| group.iter().copied())
    }

    /// What is declared of all tools, in the order of the list.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> + Clone + use<> {
        self.tools().map(|tool| tool.spec)
    }

    /// The variable that holds the key of most of its tools.
    pub const fn key_variable(&self) -> &'static str {
        if self.admin { "OPENAI_ADMIN_KEY" } else { "OPENAI_API_KEY" }
    }

    fn home(&'static self) -> Home {
        let Definition { domain, migrations, bound, beta, admin, life, stand_in, .. } = *self;
        Home { domain, migrations, bound, beta, admin, life, stand_in, lists: self }
    }
}

impl Lists for Definition {
    fn lister(&self, of: &Spec) -> Option<&'static str> {
        let collection = of.endpoint.as_ref()?.collection()?;
        let lists = |own: &Endpoint| own.method == Method::GET && own.path == collection;
        self.specs().find(|spec| spec.endpoint.as_ref().is_some_and(lists)).map(|spec| spec.name)
    }
}

/// Methods that a server serves besides those of tools: resources, prompts, completion.
pub trait Extras: Send + Sync {
    /// What is added to the server's capabilities, as an object.
    fn capabilities(&self) -> Value;

    /// Serves a method; `None` if there is no such method.
    fn handle(&self, method: &str, params: Value, cx: Context) -> BoxFuture<'static, Option<Result<Value, RpcError>>>;
}

/// A running server.
pub struct Service {
    definition: &'static Definition,
    name: String,
    config: Arc<Config>,
    platform: Arc<dyn Platform>,
    tools: Vec<&'static Tool>,
    /// Servers that are reached through this one.
    others: Vec<Arc<Service>>,
    /// What is listed in place of all their tools.
    front: Option<Box<dyn Front>>,
    known: Arc<Known>,
    lists: [OnceLock<Bytes>; 2],
    weight: OnceLock<usize>,
}

/// A message that was read, and the work it makes.
pub struct Begun {
    /// The id of a request, as JSON text.
    pub id: Option<String>,
    /// The ids of the requests that it cancels, as JSON text: one, or those of a batch.
    pub cancels: Vec<String>,
    /// Whether it is the `initialize` of the older revisions.
    pub opens: bool,
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
        Self::make(definition, config, platform).map(Arc::new)
    }

    /// Makes several servers that are spoken to as one: one list after the other, and each call to the server that has
    /// its tool. Those of which the operator allows no tool are left out.
    ///
    /// # Errors
    /// The filter leaves no tool at all.
    pub fn together(
        definitions: &[&'static Definition],
        config: &Arc<Config>,
        platform: &Arc<dyn Platform>,
    ) -> Result<Arc<Self>, String> {
        let made = definitions.iter().map(|definition| Self::make(definition, config.clone(), platform.clone()));
        let mut left_out = String::from("there is no server");
        let mut services = made.filter_map(|made| made.map_err(|problem| left_out = problem).ok());
        let first = services.next();
        let others: Vec<_> = services.map(Arc::new).collect();
        let mut first = first.ok_or(left_out)?;
        if !others.is_empty() {
            first.name = "openai-mcp".to_owned();
            first.others = others;
        }
        Ok(Arc::new(first))
    }

    /// Puts a front before servers: it is listed in place of their tools, and its calls run them. `definition` is that of
    /// the front, which has no tools of its own.
    pub fn behind(
        front: Box<dyn Front>,
        definition: &'static Definition,
        servers: Vec<Arc<Service>>,
    ) -> Option<Arc<Self>> {
        let first = servers.first()?;
        let (config, platform) = (first.config.clone(), first.platform.clone());
        let service = Service {
            definition,
            name: definition.name(),
            config,
            platform,
            tools: Vec::new(),
            known: Arc::default(),
            lists: Default::default(),
            weight: OnceLock::new(),
            others: servers,
            front: Some(front),
        };
        Some(Arc::new(service))
    }

    fn make(definition: &'static Definition, config: Arc<Config>, platform: Arc<dyn Platform>) -> Result<Self, String> {
        let set = |spec: &Spec| spec.setting.is_none_or(|name| config.setting(name).is_some());
        let tools = definition.tools().filter(|tool| config.filter.admits(tool.spec) && set(tool.spec));
        let tools: Vec<_> = tools.collect();
        if tools.is_empty() {
            return Err(format!(
                "OPENAI_MCP_TOOLS, OPENAI_MCP_EXCLUDE and OPENAI_MCP_READ_ONLY leave no tool of {}",
                definition.domain
            ));
        }
        Ok(Service {
            definition,
            name: definition.name(),
            config,
            platform,
            tools,
            known: Arc::default(),
            lists: Default::default(),
            weight: OnceLock::new(),
            others: Vec::new(),
            front: None,
        })
    }

    /// The declaration.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The name by which it is known to clients.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tools that the operator allows and that can be of use: not what OpenAI has ended, unless the requests go
    /// elsewhere or are answered here.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> + Clone + '_ {
        self.tools.iter().map(|tool| tool.spec).filter(|spec| self.ended(spec).is_none())
    }

    /// When OpenAI ended a tool and what to use in its place, unless its requests go elsewhere or are answered here.
    fn ended(&self, spec: &Spec) -> Option<(&'static str, &'static str)> {
        match if spec.life == Life::AsServer { self.definition.life } else { spec.life } {
            Life::Gone { on, instead } if self.definition.stand_in.is_none() && self.config.is_openai() => {
                Some((on, instead))
            }
            _ => None,
        }
    }

    /// Bytes of what hosts hand on to a model of its own tools.
    pub(crate) fn weight(&self) -> usize {
        *self.weight.get_or_init(|| self.specs().map(weight).sum())
    }

    /// Its own tools, and those that are reached through it.
    pub fn reached(&self) -> impl Iterator<Item = &'static Spec> + Clone {
        self.everyone().flat_map(Service::specs)
    }

    /// This server, and those that are reached through it.
    fn everyone(&self) -> impl Iterator<Item = &Service> + Clone {
        std::iter::once(self).chain(self.others.iter().map(|other| &**other))
    }

    /// The `tools` array of `tools/list`, as compact JSON.
    pub fn tool_list(&self) -> String {
        self.listed(&Filter::default())
    }

    /// The same for a caller who wants to see less.
    fn listed(&self, filter: &Filter) -> String {
        let offered = Offered::new(self, filter);
        match &self.front {
            Some(front) => front.list(&offered),
            None => list::render(offered.tools().map(|(_, spec)| spec), self.config.directory),
        }
    }

    /// Reads a message and begins to serve it.
    pub fn begin(self: &Arc<Self>, text: &Bytes, caller: Caller, headers: Option<Headers<'_>>) -> Begun {
        match protocol::batch(text, headers) {
            None => self.begin_one(text, text, caller, headers),
            Some(Err(refused)) => done(refusal(refused)),
            Some(Ok(messages)) => {
                let mut cancels = Vec::new();
                let begun = messages.iter().map(|message| {
                    let one = self.begin_one(text, message.get().as_bytes(), caller.clone(), headers);
                    cancels.extend(one.cancels);
                    one.reply.then(|reply| async {
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
                Begun { id: None, cancels, opens: false, reply: all.boxed() }
            }
        }
    }

    fn begin_one(self: &Arc<Self>, whole: &Bytes, text: &[u8], caller: Caller, headers: Option<Headers<'_>>) -> Begun {
        match protocol::read(text, headers) {
            Err(refused) => done(refusal(refused)),
            Ok(Incoming::Response) => done(Reply::Nothing),
            Ok(Incoming::Notification { method, params }) => {
                let cancels = (method == "notifications/cancelled").then(|| protocol::cancelled_id(params)).flatten();
                Begun {
                    id: None,
                    cancels: cancels.into_iter().collect(),
                    opens: false,
                    reply: ready(Reply::Nothing).boxed(),
                }
            }
            Ok(Incoming::Request(request)) => {
                let id = request.id.get().to_owned();
                let opens = request.method == "initialize" && request.era == Era::Legacy;
                let reply = self.serve(whole, request, caller);
                Begun { id: Some(id), cancels: Vec::new(), opens, reply }
            }
        }
    }

    fn serve(self: &Arc<Self>, whole: &Bytes, request: Request<'_>, caller: Caller) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get(), request.era);
        let now = |result: Result<Vec<u8>, RpcError>| ready(answer(id, era, result)).boxed();
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
        for extras in self.everyone().filter_map(|service| service.definition.extras) {
            if let (Some(all), Value::Object(more)) = (capabilities.as_object_mut(), extras.capabilities()) {
                all.extend(more);
            }
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
        // Behind a front there are more servers than instructions should be spent on.
        let others = self.front.is_none().then_some(&self.others).into_iter().flatten();
        let others = others.map(|other| other.definition.about);
        let about: Vec<_> = std::iter::once(self.definition.about).chain(others).collect();
        let about = about.join("\n\n");
        if let (Some(object), false) = (result.as_object_mut(), about.is_empty()) {
            object.insert("instructions".into(), about.into());
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
            return render(self.listed(filter), "private");
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

    fn context(&self, request: &Request<'_>, caller: Caller) -> (Context, UnboundedReceiver<Bytes>) {
        let facts = &request.params.facts;
        let (out, notes) = unbounded();
        let modern = request.era == Era::Modern;
        // Who asks the user nothing needs no answers.
        let asks = self.definition.extras.is_some();
        let answers = request.params.input_responses.filter(|_| asks);
        let inner = Inner {
            home: self.definition.home(),
            known: self.known.clone(),
            config: self.config.clone(),
            platform: self.platform.clone(),
            caller,
            notes: Notes::new(out, facts.progress_token.clone()),
            answer: Mutex::default(),
            requests: AtomicUsize::new(0),
            asked: AtomicBool::default(),
            given_up: AtomicBool::default(),
            request: RequestFacts {
                modern,
                client_capabilities: if asks { facts.client_capabilities.clone() } else { Value::Null },
                input_responses: answers
                    .and_then(|raw| serde_json::from_slice(raw.get().as_bytes()).ok())
                    .unwrap_or_default(),
                request_state: request.params.request_state.and_then(protocol::string).map(|state| state.into_owned()),
                // Older clients that want no messages say so with `logging/setLevel`, which we have no state to keep.
                log_level: if modern { facts.log_level.clone() } else { asks.then(|| "debug".into()) },
            },
        };
        (Context::new(inner), notes)
    }

    /// A context for a command of the operator: there is no request, the keys are theirs, and nobody is told of progress, nor
    /// asked to go on.
    pub fn command(&self) -> Context {
        Context::new(Inner {
            home: self.definition.home(),
            known: self.known.clone(),
            config: Arc::new(Config { max_requests: usize::MAX, ..(*self.config).clone() }),
            platform: self.platform.clone(),
            caller: Caller { trusted: true, ..Caller::default() },
            notes: Notes::new(unbounded().0, None),
            answer: Mutex::default(),
            requests: AtomicUsize::new(0),
            asked: AtomicBool::default(),
            given_up: AtomicBool::default(),
            request: RequestFacts::default(),
        })
    }

    fn extra(&self, request: &Request<'_>, caller: Caller) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get().to_owned(), request.era);
        let unknown = |method: &str| RpcError::new(RpcError::METHOD, format!("method `{method}` not found"));
        let found = self.everyone().find_map(|service| Some((service, service.definition.extras?)));
        let Some((service, extras)) = found else {
            return ready(answer(&id, era, Err(unknown(&request.method)))).boxed();
        };
        if let Some(Err(fault)) = request.params.raw.map(|raw| protocol::few("params", raw)) {
            return ready(answer(&id, era, Err(fault))).boxed();
        }
        let method = request.method.clone().into_owned();
        let params =
            request.params.raw.and_then(|raw| serde_json::from_slice(raw.get().as_bytes()).ok()).unwrap_or_default();
        let (cx, notes) = service.context(request, caller);
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
}

fn done(reply: Reply) -> Begun {
    Begun { id: None, cancels: Vec::new(), opens: false, reply: ready(reply).boxed() }
}

fn refusal(refused: Refused<'_>) -> Reply {
    Reply::One(refused.status, refused.fault.to_message(refused.id.as_deref()).into())
}

fn answer(id: &str, era: Era, result: Result<Vec<u8>, RpcError>) -> Reply {
    let (status, message) = envelope(id, era, result);
    Reply::One(status, message)
}

fn envelope(id: &str, era: Era, result: Result<Vec<u8>, RpcError>) -> (u16, Bytes) {
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
            (status, fault.to_message(Some(id)).into())
        }
    }
}
