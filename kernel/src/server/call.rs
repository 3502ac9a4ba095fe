//! `tools/call`: finds the tool, runs it, and makes its outcome a result.
//! <https://modelcontextprotocol.io/specification/2026-07-28/server/tools>

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use serde::de::IgnoredAny;

use super::front::{Offered, Turn};
use super::reply::{Reply, with_notes};
use super::{Service, answer, envelope};
use crate::arguments::Arguments;
use crate::context::{Caller, Context};
use crate::error::{Error, Kind};
use crate::json;
use crate::output::{self, Content, Output};
use crate::plan;
use crate::protocol::{self, Era, Request, RpcError};
use crate::spec::Long;
use crate::telemetry::{Finished, Outcome};
use crate::tool::Tool;

/// Most values of arguments, as [`json::values`] counts them: tools hold them as trees, some more than once.
const MOST_VALUES: usize = 1_000_000;

/// Arguments as clients give them, some of which put the object into a text: as they stand in it. What is no such text stays as
/// it is.
fn unquoted(given: Bytes) -> Bytes {
    if given.starts_with(b"\"")
        && let Ok(text) = serde_json::from_slice::<String>(&given)
        && let text = text.trim()
        && (text.is_empty() || serde_json::from_str::<IgnoredAny>(text).is_ok())
    {
        return json::mended(text.to_owned().into());
    }
    given
}

impl Service {
    pub(super) fn call(
        self: &Arc<Self>,
        whole: &Bytes,
        request: &Request<'_>,
        caller: Caller,
    ) -> BoxFuture<'static, Reply> {
        let (id, era) = (request.id.get().to_owned(), request.era);
        let refuse = |message: String| ready(answer(&id, era, Err(RpcError::new(RpcError::PARAMS, message)))).boxed();
        let Some(name) = request.params.name.and_then(protocol::string) else {
            return refuse("`name` must be a string".into());
        };
        let given = request.params.arguments.map(|raw| unquoted(json::mended(whole.slice_ref(raw.get().as_bytes()))));
        let mut arguments = Arguments::new(given.filter(|text| !protocol::is_nothing(text)));
        if !matches!(arguments.text().first(), Some(b'{')) {
            return refuse("`arguments` must be an object".into());
        }
        // A front reads all of them before a tool is run.
        if self.front.is_some()
            && let Err(error) = few(&arguments)
        {
            return refuse(error.to_string());
        }
        let filter = caller.filter.clone();
        let offered = Offered::new(self, &filter);
        let turn = match &self.front {
            None => None,
            Some(front) => match catch_unwind(AssertUnwindSafe(|| front.call(&name, &arguments, &offered))) {
                Ok(Some(turn)) => Some(turn),
                Ok(None) => return refuse(beside(&offered, &name)),
                Err(_) => {
                    let (status, message) = internal_error(&id, era);
                    return ready(Reply::One(status, message)).boxed();
                }
            },
        };
        let mut read_only = false;
        let found = match turn {
            None => offered.owner(&name),
            Some(Turn::Answer(name, answer)) => {
                let (cx, _) = self.context(request, caller);
                let running = Running::begin(self, &cx, Ran { tool: name, made: true, inner: None });
                let (status, message) = self.finish(&id, era, running, Some(answer));
                return ready(Reply::One(status, message)).boxed();
            }
            Some(Turn::Run { tool, arguments: inner, read_only: only }) => {
                (arguments, read_only) = (inner, only);
                offered.owner(tool.spec.name)
            }
        };
        let (owner, tool) = match found {
            Ok(found) => found,
            Err(missing) => return refuse(missing.to_string()),
        };
        let ran = Ran {
            tool: tool.spec.name,
            made: tool.run.is_some(),
            inner: self.front.is_some().then_some(tool.spec.name),
        };
        let mut caller = caller;
        caller.filter.read_only |= read_only;
        let (cx, notes) = owner.context(request, caller);
        let service = self.clone();
        let work = {
            let cx = cx.clone();
            async move {
                let running = Running::begin(&service, &cx, ran);
                // A fault of ours costs one call, not the connection or the server.
                let outcome = AssertUnwindSafe(run(&cx, tool, arguments)).catch_unwind().await.ok();
                let length =
                    outcome.as_ref().map_or(0, |outcome| outcome.as_ref().map_or_else(Error::length, Output::length));
                let fault = id.clone();
                let finish = move || service.finish(&id, era, running, outcome);
                let finished = AssertUnwindSafe(cx.compute_long(length, finish)).catch_unwind().await;
                finished.ok().and_then(Result::ok).unwrap_or_else(|| internal_error(&fault, era))
            }
        };
        with_notes(work.boxed(), notes, cx)
    }

    /// Turns the outcome of a call into its response, and records it. No outcome is a panic.
    fn finish(&self, id: &str, era: Era, running: Running, outcome: Option<Result<Output, Error>>) -> (u16, Bytes) {
        let (status, message, ended) = self.response(id, era, &running.ran, &running.cx, outcome);
        running.end(ended, message.len());
        (status, message)
    }

    fn response(
        &self,
        id: &str,
        era: Era,
        ran: &Ran,
        cx: &Context,
        outcome: Option<Result<Output, Error>>,
    ) -> (u16, Bytes, Outcome) {
        let because = |(status, message): (u16, Bytes), ended| (status, message, ended);
        let mut ended = Outcome::Done;
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(br#","result":{"#);
        let head = out.len();
        let written = match outcome {
            None => return because(internal_error(id, era), Outcome::Crashed),
            Some(Ok(Output::RpcError(mut fault))) => {
                fault.message = cx.redact(fault.message);
                return because(envelope(id, era, Err(fault)), Outcome::Refused);
            }
            Some(Ok(Output::InputRequired(mut value))) => {
                if let Some(object) = value.as_object_mut() {
                    object.insert("resultType".into(), "input_required".into());
                }
                return because(envelope(id, era, Ok(cx.redact_json(json::text(&value)).into_bytes())), ended);
            }
            Some(Ok(mut output)) => {
                if let Output::Content(blocks) = &mut output {
                    for block in blocks {
                        match block {
                            Content::Text(text) => *text = cx.redact(std::mem::take(text)),
                            Content::Other(value) => {
                                // Without its secrets it is still JSON.
                                let text = cx.redact_json(json::text(value));
                                *value = serde_json::from_str(&text).unwrap_or_default();
                            }
                            Content::Image { .. } | Content::Audio { .. } => {}
                        }
                    }
                }
                // What OpenAI says passes through as it is. What a tool makes of it may tell of failures.
                let made = ran.made && matches!(output, Output::Json(_) | Output::Text { .. });
                output::write(output, self.config.max_result, &mut out).map(|()| {
                    if made && let Ok(text) = String::from_utf8(out.split_off(head)) {
                        out.extend_from_slice(cx.redact_json(text).as_bytes());
                    }
                })
            }
            Some(Err(failed)) => Err(failed),
        };
        if let Err(failed) = written {
            ended = Outcome::Failed(failed.kind());
            out.truncate(head);
            output::write_error(&cx.redact(failed.into_text()), self.config.max_result, &mut out);
        }
        self.write_meta(era, cx.request_id().as_deref(), ran.inner, &mut out);
        out.extend_from_slice(b"}}");
        (200, out.into(), ended)
    }

    fn write_meta(&self, era: Era, request_id: Option<&str>, inner: Option<&str>, out: &mut Vec<u8>) {
        let mut separator: &[u8] = br#","_meta":{"#;
        if let Some(inner) = inner {
            out.extend_from_slice(separator);
            out.extend_from_slice(br#""openai-mcp/tool":"#);
            json::push_string(out, inner);
            separator = b",";
        }
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

fn internal_error(id: &str, era: Era) -> (u16, Bytes) {
    envelope(id, era, Err(RpcError::new(RpcError::INTERNAL, "internal error")))
}

/// What was run, for its result.
struct Ran {
    /// The tool.
    tool: &'static str,
    /// Whether code made the result, and not OpenAI.
    made: bool,
    /// The tool, if the caller named another one that runs it.
    inner: Option<&'static str>,
}

/// A call that runs. One that is let go of is recorded as well: OpenAI may have done what it asked for.
struct Running {
    service: Arc<Service>,
    cx: Context,
    ran: Ran,
    started: Duration,
    recorded: bool,
}

impl Running {
    fn begin(service: &Arc<Service>, cx: &Context, ran: Ran) -> Self {
        service.platform.begun();
        Running { service: service.clone(), cx: cx.clone(), ran, started: cx.monotonic(), recorded: false }
    }

    fn end(mut self, outcome: Outcome, bytes: usize) {
        self.record(outcome, bytes);
    }

    fn record(&mut self, outcome: Outcome, bytes: usize) {
        self.recorded = true;
        let took = self.cx.monotonic().saturating_sub(self.started);
        let (server, tool) = (&*self.service.name, self.ran.tool);
        // One word of the line, whoever made it.
        let request_id =
            self.cx.request_id().filter(|id| id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_graphic()));
        let request_id = request_id.as_deref();
        self.service.platform.record(&Finished { server, tool, outcome, took, bytes, request_id });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.recorded {
            self.record(Outcome::Dropped, 0);
        }
    }
}

/// The refusal of a name that is none of a front's tools.
fn beside(offered: &Offered<'_>, name: &str) -> String {
    match offered.find(name) {
        Ok(tool) => format!("`{}` is no tool of its own here; the tools that are listed run it", tool.spec.name),
        Err(_) => format!("unknown tool `{}`", name.chars().take(80).collect::<String>()),
    }
}

/// Makes sure that arguments have no more values than tools can hold.
fn few(arguments: &Arguments) -> Result<(), Error> {
    if json::values(arguments.text()) > MOST_VALUES {
        let text = format!("the arguments have more than {MOST_VALUES} values\nhint: hand much over as a file");
        return Err(Error::new(Kind::Arguments, text));
    }
    Ok(())
}

/// Runs a tool: its own code, or the request of its endpoint.
async fn run(cx: &Context, tool: &'static Tool, arguments: Arguments) -> Result<Output, Error> {
    few(&arguments)?;
    match tool.run {
        None => {
            let max_bytes = match tool.spec.long {
                Long::Window => arguments.member("max_bytes")?,
                Long::Cut | Long::Page(_) => None,
            };
            let brief = match tool.brief {
                Some(_) if arguments.member("full")? == Some(true) => None,
                brief => brief,
            };
            let call = cx.send(tool.spec, arguments);
            let answer = match brief {
                Some(brief) => json::text(&brief(call.value().await?)).into(),
                None => call.bytes().await?,
            };
            cx.fitted(tool.spec, answer, max_bytes).await
        }
        Some(run) => {
            let arguments = plan::check(tool.spec, &arguments, cx.config().open_arguments)?;
            run(cx.clone().with_arguments(arguments)).await
        }
    }
}
