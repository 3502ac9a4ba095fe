//! `openai-mcp call`: one tool, from the command line.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use futures_util::future::{Either, ready, select};
use futures_util::stream::{BoxStream, StreamExt as _, once};
use indicatif::{ProgressBar, ProgressStyle};
use openai_mcp::SERVERS;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_kernel::spec::Spec;
use openai_mcp_native::run::{self, Host, Usual};
use openai_mcp_native::say;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::names::suggest_tool;
use crate::options::Options;
use crate::{list, media, remote};

/// What a server answers with: notifications, and the answer last.
pub(crate) type Messages = BoxStream<'static, Result<Bytes, String>>;

/// What to call, and how.
#[derive(Args)]
pub(crate) struct Call {
    /// The tool, as `file-list`
    tool: String,
    /// Its arguments as a JSON object; `-` reads them from standard input
    // A shell that knows no single quotes makes several words of them.
    #[arg(default_value = "{}")]
    arguments: Vec<String>,
    /// Print the whole result as JSON
    #[arg(long)]
    json: bool,
    /// Print this part of the result alone, as `id` or `data/0/id`
    #[arg(long, value_name = "PATH", conflicts_with_all = ["json", "output"])]
    only: Option<String>,
    /// Write the image, the sound, or else the text of the result into this new file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Call a server that runs already, at a URL such as http://127.0.0.1:8787
    #[arg(long, value_name = "URL", conflicts_with_all = ["sandbox", "read_only", "tools", "exclude", "roots", "max_result"])]
    url: Option<String>,
    /// With --url, show that server the key or access token in this variable, in place of OPENAI_MCP_ACCESS_TOKEN
    #[arg(long, value_name = "VARIABLE", requires = "url")]
    bearer_env: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// Calls a tool. The status is 0 for a success, 1 for a failure, 2 for a command that cannot be run.
pub(crate) fn run(call: &Call) -> ExitCode {
    let mut failed = false;
    let status = run::finish(async {
        let end = run::ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        // A call that is dropped takes what it wrote in part with it.
        let result = match select(pin!(result(call)), pin!(end)).await {
            Either::Left((result, _)) => result?,
            Either::Right(_) => return Err("interrupted".into()),
        };
        failed = show(call, &result)?;
        Ok(())
    });
    if failed { ExitCode::FAILURE } else { status }
}

/// The tool that is called, if it is one of those that are known here, and its server.
fn found(call: &Call) -> Option<(&'static Definition, &'static Spec)> {
    SERVERS.iter().copied().find_map(|definition| {
        let spec = definition.specs().find(|spec| spec.is_named(&call.tool))?;
        Some((definition, spec))
    })
}

/// Whether the tool writes the file of `--output` itself: it can, and runs in this process.
fn saves(call: &Call, spec: &Spec) -> bool {
    call.url.is_none() && list::takes(spec, "save_to")
}

/// The result of the call, as `tools/call` gives it.
async fn result(call: &Call) -> Result<Value, String> {
    let found = found(call);
    if let Some(path) = &call.output {
        media::check(path, found.is_some_and(|(_, spec)| saves(call, spec)))?;
    }
    let messages = match &call.url {
        Some(url) => {
            let at =
                remote::endpoint(url, found.map(|(definition, _)| definition)).ok_or_else(|| unknown(&call.tool))?;
            let mut arguments = arguments(call).await?;
            if let Some((_, spec)) = found {
                arguments = whole(call, spec, arguments)?;
            }
            remote::call(&at, &message(&call.tool, arguments.get()), call.bearer_env.as_deref()).await?
        }
        None => {
            let (definition, spec) = found.ok_or_else(|| unknown(&call.tool))?;
            here(call, definition, spec).await?
        }
    };
    finish(messages, &call.tool).await
}

/// What comes of messages of which the last is the answer; a person is shown the others meanwhile.
pub(crate) async fn finish(mut messages: Messages, tool: &str) -> Result<Value, String> {
    let mut bar = Bar::new(tool);
    let mut last = Bytes::new();
    while let Some(message) = messages.next().await {
        let message = message?;
        bar.show(&message);
        last = message;
    }
    bar.clear();
    let mut answer: Value = serde_json::from_slice(&last).map_err(|error| format!("no answer: {error}"))?;
    match answer.pointer_mut("/result") {
        Some(result) => Ok(result.take()),
        None => {
            let message = answer.pointer("/error/message").and_then(Value::as_str);
            Err(message.unwrap_or("the call failed").to_owned())
        }
    }
}

/// Calls a server in this process.
async fn here(call: &Call, definition: &'static Definition, spec: &'static Spec) -> Result<Messages, String> {
    let mut options = call.options.all();
    let mut arguments = arguments(call).await?;
    // A tool that can save does so before anything of the result is made smaller for a model.
    if let (Some(path), true) = (&call.output, saves(call, spec)) {
        let (path, folder) = media::place(path)?;
        arguments = with_member(&arguments, "save_to", &path)?;
        options.also.push(folder);
    } else {
        arguments = whole(call, spec, arguments)?;
    }
    let host = Host::new(&options, SERVERS, Usual::Own).await?;
    if !host.has_key() {
        return Err(
            "no OpenAI key: set OPENAI_API_KEY (OPENAI_ADMIN_KEY for administration), or add --sandbox to try \
                    it offline"
                .into(),
        );
    }
    Ok(begin(&host.service(definition)?, message(&call.tool, arguments.get())).await)
}

/// The arguments of a call whose files are written here: whole, as no model is to see them, and none that is saved already.
fn whole(call: &Call, spec: &Spec, arguments: Box<RawValue>) -> Result<Box<RawValue>, String> {
    if call.json || !list::takes(spec, "preview") {
        return Ok(arguments);
    }
    let saves = arguments.get().contains("\"save_to\"");
    with_member(&arguments, "preview", if saves { "none" } else { "full" })
}

/// Sends a message to a server in this process.
pub(crate) async fn begin(service: &Arc<Service>, message: String) -> Messages {
    let caller = Caller { trusted: true, ..Caller::default() };
    match service.begin(&message.into(), caller, None).reply.await {
        Reply::Nothing => once(ready(Ok(Bytes::new()))).boxed(),
        Reply::One(_, message) => once(ready(Ok(message))).boxed(),
        Reply::Many(messages) => messages.map(Ok).boxed(),
    }
}

fn unknown(tool: &str) -> String {
    format!("no tool `{tool}`{}; `openai-mcp tools` lists them", suggest_tool(tool))
}

/// The arguments as they were written: a `Value` would sort keys and hide one that is given twice.
async fn arguments(call: &Call) -> Result<Box<RawValue>, String> {
    let mut text = call.arguments.join(" ");
    let piped = text == "-";
    if piped {
        // It may come late, or never: meanwhile the call can be ended.
        let read = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await;
        text = read.unwrap_or_else(|error| Err(error.into())).map_err(|error| format!("standard input: {error}"))?;
        if text.trim().is_empty() {
            text = "{}".into();
        }
    }
    serde_json::from_str(&text).map_err(|error| {
        let hint = if piped || text.contains('"') {
            ""
        } else {
            "\nhint: the shell may have taken the quotes: give the arguments on standard input, with `-`"
        };
        format!("the arguments are not JSON: {error}{hint}")
    })
}

/// An object's text with one member more, unless it has that one.
fn with_member(object: &RawValue, name: &str, value: &str) -> Result<Box<RawValue>, String> {
    let members: Value = serde_json::from_str(object.get()).unwrap_or_default();
    let Some(rest) = object.get().trim_start().strip_prefix('{').filter(|_| members.get(name).is_none()) else {
        return Ok(object.to_owned());
    };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    let text = format!("{{{}:{}{comma}{rest}", Value::from(name), Value::from(value));
    RawValue::from_string(text).map_err(|error| format!("the arguments are not JSON: {error}"))
}

/// A call of a tool, with its arguments as JSON.
pub(crate) fn message(tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{},"arguments":{arguments},"_meta":{{"progressToken":1}}}}}}"#,
        Value::from(tool)
    )
}

/// Prints a result, writes the files in it, and tells whether the tool failed.
fn show(call: &Call, result: &Value) -> Result<bool, String> {
    let failed = result.get("isError") == Some(&Value::Bool(true));
    if let (Some(path), false) = (&call.only, failed) {
        let whole = result.get("structuredContent").unwrap_or(&Value::Null);
        let text = match whole.pointer(&format!("/{}", path.trim_start_matches('/'))) {
            Some(Value::String(text)) => text.clone(),
            Some(part) => part.to_string(),
            None => return Err(format!("--only: the result has no `{path}`")),
        };
        writeln!(std::io::stdout(), "{text}").map_err(|error| format!("standard output: {error}"))?;
        return Ok(false);
    }
    let mut texts = Vec::new();
    let mut files = Vec::new();
    for block in result.get("content").and_then(Value::as_array).into_iter().flatten() {
        let part = |name| block.get(name).and_then(Value::as_str);
        match (part("text"), media::File::of(block)) {
            (Some(text), _) => texts.push(text.to_owned()),
            (None, Some(file)) => files.push(file),
            (None, None) => texts.push(format!("[{}]", part("mimeType").or(part("type")).unwrap_or("content"))),
        }
    }
    let mut told = Vec::new();
    let mut problem = None;
    let saved = |path: &Path| path.exists() && found(call).is_some_and(|(_, spec)| saves(call, spec));
    if let Some(path) = call.output.as_deref().filter(|path| !failed && !saved(path)) {
        // What was paid for is not lost to a file that has come to be there meanwhile.
        if files.is_empty() {
            match media::write_new(path, texts.join("\n\n").as_bytes()) {
                Ok(note) => texts = vec![note],
                Err(error) => problem = Some(error),
            }
        }
        for (index, file) in files.iter().enumerate() {
            told.push(match file.write(&media::numbered(path, index)) {
                Ok(note) => note,
                Err(error) => {
                    problem = Some(error);
                    file.write_beside(Path::new(&call.tool))?
                }
            });
        }
    } else if !call.json && call.output.is_none() {
        for file in &files {
            told.push(file.write_beside(Path::new(&call.tool))?);
        }
    }
    let text = if call.json { result.to_string() } else { [texts, told].concat().join("\n\n") };
    if failed && !call.json {
        say(&text);
    } else {
        writeln!(std::io::stdout(), "{text}").map_err(|error| format!("standard output: {error}"))?;
    }
    problem.map_or(Ok(failed), Err)
}

/// What a person sees while they wait, on a terminal: what is told last, how much of it is done where the total is
/// known, and text as it is written.
struct Bar {
    bar: ProgressBar,
    /// Whether text is being shown.
    writing: bool,
}

impl Bar {
    fn new(tool: &str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(tool.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar { bar, writing: false }
    }

    fn show(&mut self, message: &[u8]) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let Ok(note) = serde_json::from_slice::<Value>(message) else { return };
        let part = |name| note.get("params").and_then(|params| params.get(name));
        // The other notifications have no progress.
        let Some(progress) = part("progress").and_then(Value::as_f64) else { return };
        let text = part("message").and_then(Value::as_str).unwrap_or_default();
        if part("_meta").and_then(|meta| meta.get("openai-mcp/text")).is_some() {
            self.bar.finish_and_clear();
            self.writing = true;
            // Who closed standard error wants to see nothing.
            let _ = write!(std::io::stderr(), "{text}");
            return;
        }
        if let Some(total) = part("total").and_then(Value::as_f64) {
            if self.bar.length() != Some(total as u64) {
                self.bar.set_length(total as u64);
                // The template is right: it is tried by every call that tells of a total.
                if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {percent:>3}% {msg}") {
                    self.bar.set_style(style);
                }
            }
            self.bar.set_position(progress as u64);
        }
        self.bar.set_message(text.to_owned());
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
        if self.writing {
            let _ = writeln!(std::io::stderr());
        }
    }
}
