//! `openai-mcp call`: one tool, from the command line.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::pin::pin;
use std::process::ExitCode;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::server::Reply;
use openai_mcp_native::run::{self, Host, Options, Usual};
use openai_mcp_native::say;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{SERVERS, suggest};

/// Calls a tool. The status is 0 for a success, 1 for a failure, 2 for a command that cannot be run.
pub(crate) fn run(tool: &str, arguments: &str, json: bool, options: &Options) -> ExitCode {
    let mut failed = false;
    let status = run::finish(async {
        let end = run::ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        // A call that is dropped takes what it wrote in part with it.
        let result = match select(pin!(call(tool, arguments, options)), pin!(end)).await {
            Either::Left((result, _)) => result?,
            Either::Right(_) => return Err("interrupted".into()),
        };
        failed = show(&result, json)?;
        Ok(())
    });
    if failed { ExitCode::FAILURE } else { status }
}

async fn call(tool: &str, arguments: &str, options: &Options) -> Result<Value, String> {
    let names = || SERVERS.iter().flat_map(|definition| definition.specs()).map(|spec| spec.name);
    let definition = SERVERS
        .iter()
        .copied()
        .find(|definition| definition.specs().any(|spec| spec.is_named(tool)))
        .ok_or_else(|| format!("no tool `{tool}`{}; `openai-mcp tools` lists them", suggest(tool, names())))?;
    let mut text = arguments.to_owned();
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    }
    let arguments: Box<RawValue> =
        serde_json::from_str(&text).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    let host = Host::new(options, SERVERS, Usual::Own).await?;
    if !host.has_key() {
        return Err(
            "no OpenAI key: set OPENAI_API_KEY (OPENAI_ADMIN_KEY for administration), or add --sandbox to try \
                    it offline"
                .into(),
        );
    }
    let service = host.service(definition)?;
    // The arguments go in as they were written: a `Value` would sort keys and hide one that is given twice.
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{},"arguments":{arguments},"_meta":{{"progressToken":1}}}}}}"#,
        Value::from(tool)
    );
    let caller = Caller { trusted: true, ..Caller::default() };
    let last = match service.begin(&message.into(), caller, None).reply.await {
        Reply::Nothing => Bytes::new(),
        Reply::One(_, message) => message,
        Reply::Many(mut messages) => {
            let mut bar = Bar::default();
            let mut last = Bytes::new();
            while let Some(message) = messages.next().await {
                bar.show(&message);
                last = message;
            }
            bar.clear();
            last
        }
    };
    let mut answer: Value = serde_json::from_slice(&last).map_err(|error| format!("no answer: {error}"))?;
    match answer.pointer_mut("/result") {
        Some(result) => Ok(result.take()),
        None => {
            let message = answer.pointer("/error/message").and_then(Value::as_str);
            Err(message.unwrap_or("the call failed").to_owned())
        }
    }
}

/// Prints a result and tells whether the tool failed.
fn show(result: &Value, json: bool) -> Result<bool, String> {
    let failed = result.get("isError") == Some(&Value::Bool(true));
    let blocks = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let texts = blocks.map(|block| {
        let part = |name| block.get(name).and_then(Value::as_str);
        match part("text") {
            Some(text) => text.to_owned(),
            None => format!("[{}]", part("mimeType").or(part("type")).unwrap_or("content")),
        }
    });
    let text = if json { result.to_string() } else { texts.collect::<Vec<_>>().join("\n\n") };
    if failed && !json {
        say(&text);
    } else {
        writeln!(std::io::stdout(), "{text}").map_err(|error| format!("standard output: {error}"))?;
    }
    Ok(failed)
}

/// A bar on a terminal: of bytes or steps where the total is known, a line of words where not.
#[derive(Default)]
struct Bar(Option<ProgressBar>);

impl Bar {
    fn show(&mut self, message: &[u8]) {
        let Ok(note) = serde_json::from_slice::<Value>(message) else { return };
        let part = |name| note.get("params").and_then(|params| params.get(name));
        // The other notifications have no progress.
        let Some(progress) = part("progress").and_then(Value::as_f64) else { return };
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.0.get_or_insert_with(ProgressBar::no_length);
        if let Some(total) = part("total").and_then(Value::as_f64) {
            if bar.length() != Some(total as u64) {
                bar.set_length(total as u64);
                bar.set_style(ProgressStyle::default_bar());
            }
            bar.set_position(progress as u64);
        }
        if let Some(text) = part("message").and_then(Value::as_str) {
            bar.set_message(text.to_owned());
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
