//! What a response is asked for, and what the stand-in model makes of it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::draw::{self, Look};
use serde_json::{Map, Value, json};

use crate::api::items::{self, Include, Item};
use crate::api::responses::hosted::{self, Shell};
use crate::api::{containers, files, filter, images, models, skills, tools, vector_stores};
use crate::engine::catalog::Use;
use crate::engine::filter::Filter;
use crate::engine::model::{self, Ask, Choice, End, Failure, Form, Role, Said, Turn};
use crate::engine::tokens;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Params, mistyped};
use crate::world::World;

/// Tools that are taken but that the stand-in never uses.
const UNUSED: &[&str] = &[
    "apply_patch",
    "computer",
    "computer_use_preview",
    "local_shell",
    "namespace",
    "programmatic_tool_calling",
    "shell",
    "tool_search",
];
/// The tools that search the web, old and new.
const WEB: &[&str] = &["web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"];
const TIERS: &[&str] = &["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];
/// What the code interpreter is asked for: any of these words, or a digit.
const COMPUTING: &[&str] = &["calculate", "code", "compute", "plot", "python", "solve"];
/// What an image is asked for by.
const DRAWING: &[&str] = &["draw", "illustrat", "image", "paint", "picture"];
/// What the web is searched for by.
const SEARCHING: &[&str] = &["latest", "look up", "news", "search", "web"];
/// The one page of the web that there is, and what stands there.
const PAGE: (&str, &str) = ("https://example.com/", "Example Domain");
/// The tool of every MCP server that names none.
const USUAL_TOOL: &str = "lookup";
/// What every MCP server answers, and what is read of a call that was not allowed.
const SERVED: &str = "The sandbox reaches no server.";
const FORBIDDEN: &str = "the user did not allow it";
/// Pixels of an image whose size is left to the model.
const USUAL_SIZE: (u32, u32) = (512, 512);
const CODE_LOGS: &str = "The sandbox runs no code.";
/// How much of a passage the answer quotes.
const QUOTED_CHARS: usize = 400;

/// A request for a response, read and checked as far as that goes without knowing what exists.
pub(crate) struct Wish {
    /// What the response repeats of the request.
    pub(crate) settings: Map<String, Value>,
    pub(crate) input: Option<Vec<Value>>,
    pub(crate) conversation: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) background: bool,
    pub(crate) store: bool,
    pub(crate) stream: bool,
    pub(crate) include: Include,
    instructions: Option<String>,
    functions: Vec<model::Tool>,
    search: Option<Search>,
    interpreter: Option<Interpreter>,
    drawing: Option<Drawing>,
    web: Option<Web>,
    servers: Vec<Server>,
    shells: Vec<Shell>,
    choice: Choice,
    parallel: bool,
    form: Form,
    max_tokens: Option<usize>,
    max_tool_calls: usize,
    summary: bool,
}

struct Search {
    stores: Vec<String>,
    filter: Option<Filter>,
    threshold: f64,
    most: usize,
    forced: bool,
}

struct Interpreter {
    /// A container of the caller's choice, in place of a new one.
    container: Option<String>,
    files: Vec<String>,
    forced: bool,
}

struct Drawing {
    size: (u32, u32),
    format: &'static str,
    forced: bool,
}

#[derive(Default)]
struct Web {
    forced: bool,
}

/// An MCP server.
struct Server {
    label: String,
    tools: Vec<String>,
    approval: Approval,
    forced: bool,
}

/// Which calls of a server's tools the user is asked about.
enum Approval {
    Always,
    Never,
    /// These.
    Of(Vec<String>),
    /// All but these.
    AllBut(Vec<String>),
}

/// What the model did.
pub(crate) struct Outcome {
    pub(crate) items: Vec<Item>,
    /// Why it is not the whole answer.
    pub(crate) cut: Option<&'static str>,
    pub(crate) usage: Value,
    /// How long to wait between the pieces of it.
    pub(crate) pause: Duration,
    /// The failure it ends with.
    pub(crate) error: Option<Failure>,
}

impl Wish {
    pub(crate) fn read(body: &mut Params) -> Result<Self> {
        let mut settings = Map::new();
        let mut repeat = |name: &str, value: Value| _ = settings.insert(name.to_owned(), value);
        let prompt = match body.object("prompt")? {
            None => None,
            Some(mut prompt) => {
                let id = prompt.string("id")?;
                Some(prompt.required("id", id)?)
            }
        };
        let model = body.string("model")?.filter(|model| !model.is_empty());
        if prompt.is_none() {
            body.required("model", model.as_ref())?;
        }
        model.as_deref().map_or(Ok(()), |model| models::check(model, Use::Response))?;
        repeat("model", json!(model));
        let input = read_input(body)?;
        let conversation = read_conversation(body)?;
        let previous = body.string("previous_response_id")?;
        if conversation.is_some() && previous.is_some() {
            let message = "Mutually exclusive parameters: Ensure you are only providing one of: 'previous_response_id' or 'conversation'.";
            return Err(Error::invalid("conversation", "mutually_exclusive_parameters", message));
        }
        if input.as_ref().is_none_or(Vec::is_empty) && conversation.is_none() && previous.is_none() && prompt.is_none()
        {
            let message =
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.";
            return Err(Error::invalid("input", "missing_required_parameter", message));
        }
        repeat("previous_response_id", json!(previous));
        let instructions = body.string("instructions")?;
        repeat("instructions", json!(instructions));
        let store = body.boolean("store")?.unwrap_or(true);
        repeat("store", json!(store));
        let background = body.boolean("background")?.unwrap_or(false);
        repeat("background", json!(background));
        if background && !store {
            let message = "Background mode requires 'store' to be true.";
            return Err(Error::invalid("background", "invalid_value", message));
        }
        let stream = body.boolean("stream")?.unwrap_or(false);
        if body.mentions("stream_options") && !stream {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Error::invalid("stream_options", "invalid_value", message));
        }
        body.object("stream_options")?.map_or(Ok(None), |mut options| options.boolean("include_obfuscation"))?;

        repeat("metadata", Value::Object(body.labels("metadata", true)?.unwrap_or_default()));
        repeat("temperature", json!(body.number("temperature", 0.0..=2.0)?.unwrap_or(1.0)));
        repeat("top_p", json!(body.number("top_p", 0.0..=1.0)?.unwrap_or(1.0)));
        repeat("top_logprobs", json!(body.integer("top_logprobs", 0..=20)?.unwrap_or(0)));
        let max_tokens = body.integer("max_output_tokens", 16..=i64::MAX)?;
        repeat("max_output_tokens", json!(max_tokens));
        let max_tool_calls = body.integer("max_tool_calls", 1..=i64::MAX)?;
        repeat("max_tool_calls", json!(max_tool_calls));
        let parallel = body.boolean("parallel_tool_calls")?.unwrap_or(true);
        repeat("parallel_tool_calls", json!(parallel));
        repeat("truncation", json!(body.one_of("truncation", &["auto", "disabled"])?.unwrap_or("disabled")));
        repeat("service_tier", json!(tools::tier(body, TIERS)?));
        for name in ["prompt_cache_key", "user"] {
            repeat(name, json!(body.string(name)?));
        }
        repeat("safety_identifier", json!(body.bounded("safety_identifier", 0..=tools::LONGEST_IDENTIFIER)?));
        repeat("prompt_cache_retention", json!(body.one_of("prompt_cache_retention", tools::RETENTIONS)?));
        tools::moderation(body)?;
        if let Some(mut cache) = body.object("prompt_cache_options")? {
            cache.string("comparison_response_id")?;
            cache.boolean("prewarm")?;
            tools::cache(cache, &["30m", "12h"])?;
        }
        for (name, member, known) in [
            ("access_programs", "cyber", &["standard", "daybreak_blue", "daybreak_red"]),
            ("background_options", "completion_window", &["soonest", "2h", "8h"]),
            ("image", "context_compression", &["auto", "enabled", "disabled"]),
        ] {
            let Some(mut options) = body.object(name)? else { continue };
            options.one_of(member, known)?;
            if name == "background_options" {
                options.string("continuation_id")?;
            }
            options.finish()?;
        }
        for (path, entry) in body.array("context_management", 1..=usize::MAX)?.into_iter().flatten() {
            let mut entry = Params::nested(path, entry)?;
            entry.need("type", |entry, name| entry.one_of(name, &["compaction"]))?;
            entry.integer("compact_threshold", 1000..=i64::MAX)?;
            entry.finish()?;
        }
        let summary = read_reasoning(body, &mut repeat)?;
        let form = read_text(body, &mut repeat)?;
        let include = Include::read(body)?;

        let mut wish = Self {
            settings: Map::new(),
            input,
            conversation,
            previous,
            prompt,
            background,
            store,
            stream,
            include,
            instructions,
            functions: Vec::new(),
            search: None,
            interpreter: None,
            drawing: None,
            web: None,
            servers: Vec::new(),
            shells: Vec::new(),
            choice: Choice::Auto,
            parallel,
            form,
            max_tokens: max_tokens.and_then(|most| usize::try_from(most).ok()),
            max_tool_calls: max_tool_calls.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX),
            summary,
        };
        wish.settings = settings;
        wish.read_tools(body)?;
        wish.read_choice(body)?;
        Ok(wish)
    }

    fn read_tools(&mut self, body: &mut Params) -> Result<()> {
        let mut shown = Vec::new();
        let mut kinds: Vec<&'static str> =
            vec!["function", "custom", "file_search", "code_interpreter", "image_generation", "mcp"];
        kinds.extend(WEB.iter().chain(UNUSED));
        for (path, value) in body.array("tools", 0..=128)?.unwrap_or_default() {
            let mut echo = value.clone();
            let mut tool = Params::nested(path, value)?;
            let kind = tool.one_of("type", &kinds)?;
            let mut default = |name: &str, value: Value| {
                if let Value::Object(fields) = &mut echo {
                    fields.entry(name).or_insert(value);
                }
            };
            let kind = tool.required("type", kind)?;
            match kind {
                "function" => {
                    self.functions.push(hosted::function(kind, &mut tool)?);
                    default("description", Value::Null);
                    default("strict", json!(true));
                }
                "custom" => {
                    self.functions.push(hosted::function(kind, &mut tool)?);
                    default("format", json!({"type": "text"}));
                }
                "file_search" => {
                    self.search = Some(read_search(&mut tool)?);
                    default("filters", Value::Null);
                    default("max_num_results", json!(20));
                    default("ranking_options", json!({"ranker": "auto", "score_threshold": 0.0}));
                }
                "code_interpreter" => self.interpreter = Some(read_interpreter(&mut tool)?),
                "image_generation" => self.drawing = Some(read_drawing(&mut tool)?),
                "mcp" => {
                    self.servers.push(read_server(&mut tool)?);
                    default("require_approval", json!("always"));
                    // What lets others in is not told again.
                    if let Value::Object(fields) = &mut echo {
                        fields.remove("authorization");
                    }
                }
                "shell" => self.shells.push(hosted::shell(&mut tool)?),
                "namespace" => hosted::namespace(&mut tool)?,
                "tool_search" => hosted::tool_search(&mut tool)?,
                "computer_use_preview" => hosted::computer(&mut tool)?,
                kind if WEB.contains(&kind) => {
                    hosted::web(kind, &mut tool)?;
                    self.web = Some(Web::default());
                }
                _ => {}
            }
            if matches!(kind, "code_interpreter" | "mcp" | "shell" | "apply_patch") {
                tools::callers(&mut tool)?;
            }
            tool.finish()?;
            shown.push(echo);
        }
        self.settings.insert("tools".to_owned(), Value::Array(shown));
        Ok(())
    }

    fn read_choice(&mut self, body: &mut Params) -> Result<()> {
        let choice = body.take("tool_choice").unwrap_or_else(|| json!("auto"));
        self.settings.insert("tool_choice".to_owned(), choice.clone());
        match choice {
            Value::String(mode) => {
                let mut mode = Params::nested(String::new(), json!({"tool_choice": mode}))?;
                self.set_mode(mode.one_of("tool_choice", &["none", "auto", "required"])?);
            }
            Value::Object(_) => {
                let mut choice = Params::nested("tool_choice".to_owned(), choice)?;
                let kind = choice.string("type")?;
                match choice.required("type", kind)?.as_str() {
                    "function" | "custom" => {
                        let name = choice.need("name", Params::string)?;
                        if !self.functions.iter().any(|tool| tool.name == name) {
                            return Err(not_offered(&name));
                        }
                        self.use_no_hosted_tool();
                        self.choice = Choice::Named(name);
                    }
                    "allowed_tools" => {
                        let mode = choice.need("mode", |params, name| params.one_of(name, &["auto", "required"]))?;
                        let tools = choice.need("tools", |params, name| params.array(name, 1..=usize::MAX))?;
                        let allows = |kind: &str| tools.iter().any(|(_, tool)| text(tool, "type") == kind);
                        self.functions.retain(|own| tools.iter().any(|(_, tool)| text(tool, "name") == own.name));
                        self.search = self.search.take().filter(|_| allows("file_search"));
                        self.interpreter = self.interpreter.take().filter(|_| allows("code_interpreter"));
                        self.drawing = self.drawing.take().filter(|_| allows("image_generation"));
                        self.web = self.web.take().filter(|_| WEB.iter().any(|kind| allows(kind)));
                        self.servers
                            .retain(|own| tools.iter().any(|(_, tool)| text(tool, "server_label") == own.label));
                        self.set_mode(Some(mode));
                    }
                    kind => {
                        self.functions.clear();
                        let offered = match kind {
                            "file_search" => self.search.as_mut().map(|search| &mut search.forced),
                            "code_interpreter" => self.interpreter.as_mut().map(|tool| &mut tool.forced),
                            "image_generation" => self.drawing.as_mut().map(|tool| &mut tool.forced),
                            "mcp" => {
                                let label = choice.need("server_label", Params::string)?;
                                self.servers.retain(|server| server.label == label);
                                self.servers.first_mut().map(|server| &mut server.forced)
                            }
                            kind if WEB.contains(&kind) => self.web.as_mut().map(|tool| &mut tool.forced),
                            _ => None,
                        };
                        *offered.ok_or_else(|| not_offered(kind))? = true;
                        self.search = self.search.take().filter(|_| kind == "file_search");
                        self.interpreter = self.interpreter.take().filter(|_| kind == "code_interpreter");
                        self.drawing = self.drawing.take().filter(|_| kind == "image_generation");
                        self.web = self.web.take().filter(|_| WEB.contains(&kind));
                        self.servers.retain(|_| kind == "mcp");
                    }
                }
            }
            other => return Err(mistyped("tool_choice", "a string or an object", &other)),
        }
        Ok(())
    }

    fn set_mode(&mut self, mode: Option<&str>) {
        match mode {
            Some("none") => {
                self.use_no_hosted_tool();
                self.choice = Choice::None;
            }
            // A search that is on offer is made in any case.
            Some("required") if self.search.is_none() => match &mut self.interpreter {
                Some(interpreter) if self.functions.is_empty() => interpreter.forced = true,
                _ => self.choice = Choice::Required,
            },
            _ => {}
        }
    }

    fn use_no_hosted_tool(&mut self) {
        (self.search, self.interpreter, self.drawing, self.web) = (None, None, None, None);
        self.servers.clear();
    }

    /// Refuses tools whose stores and files do not exist.
    pub(crate) fn check(&self, world: &mut World) -> Result<()> {
        if let Some(id) = &self.prompt {
            return Err(Error::not_found(format!("Prompt with id '{id}' not found.")).param("prompt"));
        }
        for store in self.search.iter().flat_map(|search| &search.stores) {
            if vector_stores::check(world, store).is_err() {
                let message = format!("Vector store with id ['{store}'] not found.");
                return Err(Error::not_found(message).param("tools"));
            }
        }
        if let Some(interpreter) = &self.interpreter {
            interpreter.files.iter().try_for_each(|file| files::find(world, file).map(drop))?;
            if let Some(id) = &interpreter.container {
                containers::check(world, id).map_err(|missing| missing.param("tools"))?;
            }
        }
        for shell in &self.shells {
            shell.files.iter().try_for_each(|file| files::find(world, file).map(drop))?;
            if let Some(id) = &shell.container {
                containers::check(world, id).map_err(|missing| missing.param("tools"))?;
            }
            skills::check(world, &shell.skills).map_err(|missing| missing.param("tools"))?;
        }
        Ok(())
    }

    /// Refuses an input that does not go with the form of the answer.
    pub(crate) fn check_input<'a>(&self, mut items: impl Iterator<Item = &'a Item>) -> Result<()> {
        if matches!(self.form, Form::Object) && !items.any(|item| item.to_string().to_lowercase().contains("json")) {
            let message = "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.";
            return Err(Error::new(StatusCode::BAD_REQUEST, message).param("input"));
        }
        Ok(())
    }

    /// What there is to read for the model.
    fn ask(&self, context: &[Item]) -> Ask {
        let told = |text: &String| Turn::Said { role: Role::System, text: text.clone(), attached: Vec::new() };
        let mut turns: Vec<Turn> = self.instructions.iter().map(told).collect();
        turns.extend(context.iter().flat_map(|item| read_turns(item)));
        Ask {
            turns,
            tools: self.functions.clone(),
            choice: self.choice.clone(),
            parallel: self.parallel,
            form: self.form.clone(),
            max_tokens: self.max_tokens,
            stop: Vec::new(),
        }
    }

    /// How many tokens the model would read.
    pub(crate) fn input_tokens(&self, context: &[Item]) -> usize {
        self.ask(context).answer().input_tokens
    }

    /// The model's work on a context.
    pub(crate) fn answer(&self, world: &mut World, context: &[Item]) -> Outcome {
        let mut ask = self.ask(context);
        let question = ask.question();
        let mut items = Vec::new();
        let reasoning = if self.summary { "The sandbox does not think; it answers by rule." } else { "" };
        if self.summary {
            let summary = [json!({"type": "summary_text", "text": reasoning})];
            let id = items::mint(world, "reasoning");
            items.push(json!({"id": id, "type": "reasoning", "encrypted_content": "c2FuZGJveA==", "summary": summary}));
        }
        let mut left = self.max_tool_calls;
        let mut cited = Vec::new();
        if let Some(search) = self.search.as_ref().filter(|_| left > 0 && !ask.called("file_search")) {
            left -= 1;
            let (item, quote) = search.run(world, &question);
            let id = text(&item, "id").to_owned();
            ask.turns.push(Turn::Called { id: id.clone(), name: "file_search".to_owned() });
            ask.turns.push(Turn::Output { id, text: quote });
            cited.extend(item.pointer("/results/0").cloned());
            items.push(item);
        }
        if let Some(interpreter) = &self.interpreter
            && left > 0
            && !ask.called("code_interpreter")
            && (interpreter.forced || wants_code(&question))
        {
            left -= 1;
            let item = interpreter.run(world, &question, context);
            let id = text(&item, "id").to_owned();
            ask.turns.push(Turn::Called { id: id.clone(), name: "code_interpreter".to_owned() });
            ask.turns.push(Turn::Output { id, text: CODE_LOGS.to_owned() });
            items.push(item);
        }
        if let Some(drawing) = &self.drawing
            && left > 0
            && !ask.called("image_generation")
            && (drawing.forced || mentions(&question, DRAWING))
        {
            let item = drawing.run(world, &question);
            let id = text(&item, "id").to_owned();
            ask.turns.push(Turn::Called { id: id.clone(), name: "image_generation".to_owned() });
            ask.turns.push(Turn::Output { id, text: "an image".to_owned() });
            items.push(item);
        }
        let mut page = None;
        if let Some(web) = &self.web
            && left > 0
            && !ask.called("web_search")
            && (web.forced || mentions(&question, SEARCHING))
        {
            left -= 1;
            let id = items::mint(world, "web_search_call");
            items.push(json!({
                "id": id, "type": "web_search_call", "status": "completed",
                "action": {
                    "type": "search", "query": question, "queries": [question],
                    "sources": [{"type": "url", "url": PAGE.0}],
                },
            }));
            let (url, title) = PAGE;
            ask.turns.push(Turn::Called { id: id.clone(), name: "web_search".to_owned() });
            ask.turns.push(Turn::Output { id, text: format!("{title} ({url})") });
            page = Some(PAGE);
        }
        let mut asked = false;
        for server in &self.servers {
            let answers = server.run(world, context, (&question, &mut ask), &mut left);
            asked |= answers.iter().any(|item| text(item, "type") == "mcp_approval_request");
            items.extend(answers);
        }
        let reply = ask.answer();
        let cut = match reply.end {
            End::Stop => None,
            End::Length => Some("max_output_tokens"),
            End::Filter => Some("content_filter"),
        };
        let status = if cut.is_some() { "incomplete" } else { "completed" };
        match reply.said {
            // The model waits for leave to call.
            _ if asked => {}
            Said::Text(said) => {
                let mut part = items::said(&said);
                if let Some((url, title)) = page
                    && let Some(at) = said.find(url)
                {
                    let start = said.get(..at).unwrap_or_default().chars().count();
                    let end = start + url.chars().count();
                    let citation = json!({
                        "type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title,
                    });
                    put(&mut part, "annotations", [citation]);
                }
                if said.contains("file_search gave: ") {
                    let citations: Vec<Value> = cited.iter().map(|hit| citation(hit, &said)).collect();
                    put(&mut part, "annotations", citations);
                }
                items.push(message(world, status, part));
            }
            Said::Refusal(refusal) => {
                items.push(message(world, status, json!({"type": "refusal", "refusal": refusal})));
            }
            Said::Calls(calls) => {
                for call in calls {
                    let call_id = world.mint("call_");
                    let (kind, input) =
                        if call.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
                    let id = items::mint(world, kind);
                    items.push(json!({
                        "id": id, "type": kind, "status": "completed", "call_id": call_id, "name": call.name,
                        input: call.arguments,
                    }));
                }
            }
        }
        let thought = tokens::count(reasoning);
        let (read, written) = (reply.input_tokens, reply.output_tokens + thought);
        let usage = json!({
            "input_tokens": read, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written, "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": read + written,
        });
        let items = items.into_iter().map(Arc::new).collect();
        Outcome { items, cut, usage, pause: reply.pause, error: reply.fails }
    }
}

fn read_input(body: &mut Params) -> Result<Option<Vec<Value>>> {
    match body.take("input") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![items::from_user(&text)])),
        Some(Value::Array(items)) => {
            items::read_list(&mut Params::nested(String::new(), json!({"input": items}))?, "input", usize::MAX)
        }
        Some(other) => Err(mistyped("input", "a string or an array of items", &other)),
    }
}

/// The id of a conversation, which may also come in an object.
fn read_conversation(body: &mut Params) -> Result<Option<String>> {
    match body.take("conversation") {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(Value::Object(object)) => {
            let mut object = Params::nested("conversation".to_owned(), Value::Object(object))?;
            let id = object.string("id")?;
            object.required("id", id).map(Some)
        }
        Some(other) => Err(mistyped("conversation", "a string or an object", &other)),
    }
}

/// Whether a summary of the reasoning is wanted.
fn read_reasoning(body: &mut Params, repeat: &mut impl FnMut(&str, Value)) -> Result<bool> {
    let Some(mut reasoning) = body.object("reasoning")? else {
        repeat("reasoning", json!({"effort": null, "summary": null}));
        return Ok(false);
    };
    let effort = reasoning.one_of("effort", tools::EFFORTS)?;
    let summaries = &["auto", "concise", "detailed"];
    let summary = reasoning.one_of("summary", summaries)?.or(reasoning.one_of("generate_summary", summaries)?);
    let context = reasoning.one_of("context", &["auto", "current_turn", "all_turns"])?;
    let mode = reasoning.string("mode")?;
    reasoning.finish()?;
    let mut shown = json!({"effort": effort, "summary": summary});
    for (name, value) in [("context", context), ("mode", mode.as_deref())] {
        if let Some(value) = value {
            put(&mut shown, name, value);
        }
    }
    repeat("reasoning", shown);
    Ok(summary.is_some())
}

fn read_text(body: &mut Params, repeat: &mut impl FnMut(&str, Value)) -> Result<Form> {
    let mut form = Form::Text;
    let mut shown = json!({"format": {"type": "text"}, "verbosity": "medium"});
    if let Some(mut text) = body.object("text")? {
        if let Some(verbosity) = text.one_of("verbosity", &["low", "medium", "high"])? {
            put(&mut shown, "verbosity", verbosity);
        }
        if let Some(mut format) = text.object("format")? {
            let kind =
                format.need("type", |params, name| params.one_of(name, &["text", "json_schema", "json_object"]))?;
            match kind {
                "json_schema" => {
                    let name = tools::name(&mut format)?;
                    let schema = format.object("schema")?;
                    let schema = Value::Object(format.required("schema", schema)?.rest());
                    let strict = format.boolean("strict")?.unwrap_or(false);
                    if strict {
                        tools::check_answer(&schema, &name, &format.path("schema"))?;
                    }
                    let description = format.string("description")?;
                    let echo = json!({
                        "type": "json_schema", "name": name, "description": description, "schema": schema,
                        "strict": strict,
                    });
                    put(&mut shown, "format", echo);
                    form = Form::Schema(schema);
                }
                "json_object" => {
                    put(&mut shown, "format", json!({"type": "json_object"}));
                    form = Form::Object;
                }
                _ => {}
            }
            format.finish()?;
        }
        text.finish()?;
    }
    repeat("text", shown);
    Ok(form)
}

fn read_search(tool: &mut Params) -> Result<Search> {
    let stores = tool.need("vector_store_ids", |params, name| params.strings(name, 1..=usize::MAX))?;
    let filter = tool.object("filters")?.map(filter::read).transpose()?;
    let most = tool.integer("max_num_results", 1..=50)?.unwrap_or(20);
    let threshold = match tool.object("ranking_options")? {
        None => None,
        Some(mut ranking) => {
            ranking.one_of("ranker", &["auto", "default-2024-11-15", "none"])?;
            if let Some(mut weights) = ranking.object("hybrid_search")? {
                for name in ["embedding_weight", "text_weight"] {
                    weights.need(name, |weights, name| weights.number(name, f64::MIN..=f64::MAX))?;
                }
                weights.finish()?;
            }
            let threshold = ranking.number("score_threshold", 0.0..=1.0)?;
            ranking.finish()?;
            threshold
        }
    };
    let most = usize::try_from(most).unwrap_or_default();
    Ok(Search { stores, filter, threshold: threshold.unwrap_or(0.0), most, forced: false })
}

fn read_interpreter(tool: &mut Params) -> Result<Interpreter> {
    let mut read = Interpreter { container: None, files: Vec::new(), forced: false };
    match tool.take("container") {
        None => tool.required("container", None)?,
        Some(Value::String(id)) => read.container = Some(id),
        Some(container) => {
            let mut container = Params::nested(tool.path("container"), container)?;
            let kind = container.one_of("type", &["auto"])?;
            container.required("type", kind)?;
            read.files = hosted::container(&mut container)?;
            container.finish()?;
        }
    }
    Ok(read)
}

fn read_drawing(tool: &mut Params) -> Result<Drawing> {
    let format = hosted::drawing(tool)?;
    Ok(Drawing { size: images::size(tool)?.unwrap_or(USUAL_SIZE), format, forced: false })
}

fn read_server(tool: &mut Params) -> Result<Server> {
    let label = tool.need("server_label", Params::string)?;
    let places = ["server_url", "connector_id", "tunnel_id"];
    if !places.iter().any(|place| tool.mentions(place)) {
        let message = format!("Missing required parameter: one of {}.", places.join(", "));
        return Err(Error::invalid(&tool.path("server_url"), "missing_required_parameter", message));
    }
    hosted::server(tool)?;
    let mut tools = hosted::allowed(tool, "allowed_tools")?;
    if tools.is_empty() {
        tools.push(USUAL_TOOL.to_owned());
    }
    let approval = if tool.peek("require_approval").is_some_and(Value::is_object) {
        let mut filter = tool.need("require_approval", Params::object)?;
        let (always, never) = (hosted::filtered(&mut filter, "always")?, hosted::filtered(&mut filter, "never")?);
        filter.finish()?;
        match (always, never) {
            (None, Some(never)) => Approval::AllBut(never),
            (always, _) => Approval::Of(always.unwrap_or_default()),
        }
    } else {
        match tool.one_of("require_approval", &["always", "never"])? {
            Some("never") => Approval::Never,
            _ => Approval::Always,
        }
    };
    Ok(Server { label, tools, approval, forced: false })
}

fn not_offered(tool: &str) -> Error {
    let message = format!("Tool choice '{tool}' not found in 'tools' parameter.");
    Error::invalid("tool_choice", "invalid_value", message)
}

impl Search {
    /// The call with its results, and what the answer quotes of them.
    fn run(&self, world: &mut World, question: &str) -> (Value, String) {
        let queries = [question.to_owned()];
        let mut hits: Vec<Value> = Vec::new();
        for store in &self.stores {
            // A store that went away while the response was waiting has nothing to say.
            let found =
                vector_stores::search_in(world, store, &queries, self.filter.as_ref(), self.threshold, self.most);
            hits.extend(found.unwrap_or_default());
        }
        let score = |hit: &Value| hit.get("score").and_then(Value::as_f64).unwrap_or_default();
        hits.sort_by(|a, b| score(b).total_cmp(&score(a)));
        hits.truncate(self.most);
        for hit in &mut hits {
            let passage = hit.pointer("/content/0/text").cloned();
            if let Value::Object(fields) = hit {
                fields.remove("content");
                fields.insert("text".to_owned(), passage.unwrap_or_default());
            }
        }
        let quote = hits.first().map(|hit| text(hit, "text").chars().take(QUOTED_CHARS).collect());
        let id = items::mint(world, "file_search_call");
        let item = json!({
            "id": id, "type": "file_search_call", "status": "completed", "queries": queries, "results": hits,
        });
        (item, quote.unwrap_or_else(|| "nothing".to_owned()))
    }
}

impl Server {
    /// What the model does with it: it lists its tools once, calls what the user allowed, and where it is spoken of calls the
    /// tool that is named, or the first, or asks whether it may.
    fn run(
        &self,
        world: &mut World,
        context: &[Item],
        (question, ask): (&str, &mut Ask),
        left: &mut usize,
    ) -> Vec<Value> {
        let own = |kind: &'static str| {
            context.iter().filter(move |item| text(item, "type") == kind && text(item, "server_label") == self.label)
        };
        let mut items = Vec::new();
        if own("mcp_list_tools").next().is_none() {
            let id = items::mint(world, "mcp_list_tools");
            let tool = |name: &String| {
                let query = json!({"type": "object", "properties": {"query": {"type": "string"}}});
                json!({"name": name, "description": null, "annotations": null, "input_schema": query})
            };
            let tools: Vec<Value> = self.tools.iter().map(tool).collect();
            items.push(json!({
                "id": id, "type": "mcp_list_tools", "server_label": self.label, "tools": tools, "error": null,
            }));
        }
        let call = |world: &mut World, ask: &mut Ask, name: &str, arguments: &str, request: Option<&str>| {
            let id = items::mint(world, "mcp_call");
            ask.turns.push(Turn::Called { id: id.clone(), name: "mcp".to_owned() });
            ask.turns.push(Turn::Output { id: id.clone(), text: SERVED.to_owned() });
            json!({
                "id": id, "type": "mcp_call", "status": "completed", "server_label": self.label, "name": name,
                "arguments": arguments, "output": SERVED, "error": null, "approval_request_id": request,
            })
        };
        let allowed = |request: &str| {
            let of = |item: &&Item| text(item, "approval_request_id") == request;
            let answers = context.iter().filter(of);
            let called = own("mcp_call").any(|item| text(item, "approval_request_id") == request);
            !called && { answers }.any(|item| item.get("approve") == Some(&Value::Bool(true)))
        };
        for request in own("mcp_approval_request") {
            let id = text(request, "id");
            if allowed(id) {
                items.push(call(world, ask, text(request, "name"), text(request, "arguments"), Some(id)));
            }
        }
        let tool = self.tools.iter().find(|tool| question.contains(tool.as_str()));
        let spoken_of = tool.is_some() || question.to_lowercase().contains(&self.label.to_lowercase());
        if *left == 0 || ask.called("mcp") || !(self.forced || spoken_of) {
            return items;
        }
        *left -= 1;
        let Some(tool) = tool.or(self.tools.first()) else { return items };
        let arguments = json!({"query": question}).to_string();
        let asks = match &self.approval {
            Approval::Always => true,
            Approval::Never => false,
            Approval::Of(tools) => tools.contains(tool),
            Approval::AllBut(tools) => !tools.contains(tool),
        };
        items.push(match asks {
            false => call(world, ask, tool, &arguments, None),
            true => json!({
                "id": items::mint(world, "mcp_approval_request"), "type": "mcp_approval_request",
                "server_label": self.label, "name": tool, "arguments": arguments,
            }),
        });
        items
    }
}

impl Drawing {
    fn run(&self, world: &mut World, question: &str) -> Value {
        let (width, height) = self.size;
        let look = Look { prompt: question.to_owned(), transparent: false, format: self.format, compression: 100 };
        // What cannot be encoded is an image that failed.
        let image = draw::encode(&look, &draw::paint(&look, 0, width, height)).map(|bytes| STANDARD.encode(bytes)).ok();
        json!({
            "id": items::mint(world, "image_generation_call"), "type": "image_generation_call",
            "status": if image.is_some() { "completed" } else { "failed" }, "result": image, "action": "generate",
            "background": "opaque", "output_format": self.format, "quality": "medium", "revised_prompt": question,
            "size": format!("{width}x{height}"),
        })
    }
}

impl Interpreter {
    fn run(&self, world: &mut World, question: &str, context: &[Item]) -> Value {
        let earlier = context.iter().rev().find(|item| text(item, "type") == "code_interpreter_call");
        let earlier = earlier.map(|item| text(item, "container_id").to_owned());
        let container =
            self.container.clone().or(earlier).unwrap_or_else(|| containers::open(world).unwrap_or_default());
        let asked: String = question.lines().map(|line| format!("# {line}\n")).collect();
        let id = items::mint(world, "code_interpreter_call");
        json!({
            "id": id, "type": "code_interpreter_call", "status": "completed", "container_id": container,
            "code": format!("{asked}print({CODE_LOGS:?})"), "outputs": [{"type": "logs", "logs": CODE_LOGS}],
        })
    }
}

fn wants_code(question: &str) -> bool {
    question.contains(|c: char| c.is_ascii_digit()) || mentions(question, COMPUTING)
}

fn mentions(question: &str, words: &[&str]) -> bool {
    let question = question.to_lowercase();
    words.iter().any(|word| question.contains(word))
}

fn message(world: &mut World, status: &str, part: Value) -> Value {
    let id = items::mint(world, "message");
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": [part]})
}

fn citation(hit: &Value, said: &str) -> Value {
    json!({
        "type": "file_citation", "file_id": hit.get("file_id"), "filename": hit.get("filename"),
        "index": said.chars().count().saturating_sub(1),
    })
}

/// An item as the model reads it.
fn read_turns(item: &Value) -> Vec<Turn> {
    let id = text(item, "call_id").to_owned();
    let hosted = |output: String| {
        let id = text(item, "id").to_owned();
        let name = text(item, "type").trim_end_matches("_call").to_owned();
        vec![Turn::Called { id: id.clone(), name }, Turn::Output { id, text: output }]
    };
    match text(item, "type") {
        "message" => {
            let role = match text(item, "role") {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => Role::System,
            };
            let (text, attached) = read_content(item.get("content"));
            vec![Turn::Said { role, text, attached }]
        }
        "function_call" | "custom_tool_call" => vec![Turn::Called { id, name: text(item, "name").to_owned() }],
        "function_call_output" | "custom_tool_call_output" => {
            vec![Turn::Output { id, text: read_content(item.get("output")).0 }]
        }
        "file_search_call" => {
            let passage = item.pointer("/results/0/text").and_then(Value::as_str);
            hosted(passage.unwrap_or("nothing").chars().take(QUOTED_CHARS).collect())
        }
        "code_interpreter_call" => hosted(CODE_LOGS.to_owned()),
        "image_generation_call" => hosted("an image".to_owned()),
        "web_search_call" => hosted(format!("{} ({})", PAGE.1, PAGE.0)),
        "mcp_call" => hosted(SERVED.to_owned()),
        "mcp_approval_response" if item.get("approve") == Some(&Value::Bool(false)) => {
            let id = text(item, "id").to_owned();
            vec![
                Turn::Called { id: id.clone(), name: "mcp".to_owned() },
                Turn::Output { id, text: FORBIDDEN.to_owned() },
            ]
        }
        _ => Vec::new(),
    }
}

/// The text of a content, and what it holds besides.
fn read_content(content: Option<&Value>) -> (String, Vec<&'static str>) {
    let parts = match content {
        Some(Value::String(text)) => return (text.clone(), Vec::new()),
        Some(Value::Array(parts)) => parts.as_slice(),
        _ => &[],
    };
    let mut texts = Vec::new();
    let mut attached = Vec::new();
    for part in parts {
        match text(part, "type") {
            "input_image" => attached.push("image"),
            "input_file" => attached.push("file"),
            "refusal" => texts.push(text(part, "refusal")),
            _ => texts.push(text(part, "text")),
        }
    }
    (texts.join("\n"), attached)
}
