//! The tools.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use openai_mcp_kernel::context::Context;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::output::{Content, Output};
use openai_mcp_kernel::spec::{Effect, Life, Long, Spec};
use openai_mcp_kernel::tool::Tool;
use serde_json::json;

use super::questions::{ask, form, returned_state, roots, sample, told};
use super::samples::{PIXEL, SILENCE};

/// Tools that answer with content of every kind.
pub(super) static CONTENT: &[&Tool] = &[
    &Tool {
        brief: None,
        spec: &spec("test_simple_text", "Answers with text."),
        run: Some(|_| content([Content::Text("This is a simple text response for testing.".into())])),
    },
    &Tool {
        brief: None,
        spec: &spec("test_image_content", "Answers with an image."),
        run: Some(|_| content([pixel()])),
    },
    &Tool {
        brief: None,
        spec: &spec("test_audio_content", "Answers with sound."),
        run: Some(|_| content([Content::Audio { data: Bytes::from_static(SILENCE), mime_type: "audio/wav".into() }])),
    },
    &Tool {
        brief: None,
        spec: &spec("test_embedded_resource", "Answers with a resource."),
        run: Some(|_| {
            content([resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_multiple_content_types", "Answers with text, an image and a resource."),
        run: Some(|_| {
            content([
                Content::Text("Multiple content types test:".into()),
                pixel(),
                resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
            ])
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_error_handling", "Fails."),
        run: Some(|_| {
            ready(Err(Error::new(Kind::Unsupported, "This tool intentionally returns an error for testing"))).boxed()
        }),
    },
];

/// Tools that tell something before they end.
pub(super) static NOTES: &[&Tool] = &[
    &Tool {
        brief: None,
        spec: &spec("test_tool_with_logging", "Logs while it works."),
        run: Some(|cx| log(cx).boxed()),
    },
    &Tool { brief: None, spec: &spec("test_logging_tool", "Logs while it works."), run: Some(|cx| log(cx).boxed()) },
    &Tool {
        brief: None,
        spec: &spec("test_tool_with_progress", "Tells how far it is."),
        run: Some(|cx| progress(cx).boxed()),
    },
];

/// Tools that ask the client something.
pub(super) static QUESTIONS: &[&Tool] = &[
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_elicitation", "Asks the user."),
        run: Some(|cx| {
            finish(
                ask(&cx, &[form("user_name", "What is your name?", "name", "string")], None)
                    .map(|answers| format!("Hello, {}!", told(&answers, "/user_name/content/name"))),
            )
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_sampling", "Asks the client's model."),
        run: Some(|cx| {
            finish(
                ask(&cx, &[sample("capital_question", "What is the capital of France?")], None)
                    .map(|answers| told(&answers, "/capital_question/content/text").to_owned()),
            )
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_list_roots", "Asks for the client's folders."),
        run: Some(|cx| finish(ask(&cx, &[roots("client_roots")], None).map(|answers| answers.to_string()))),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_request_state", "Asks with a state to return."),
        run: Some(|cx| confirm(&cx)),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_tampered_state", "Asks with a state to return."),
        run: Some(|cx| confirm(&cx)),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_multiple_inputs", "Asks three things at once."),
        run: Some(|cx| {
            let questions = [
                form("user_name", "What is your name?", "name", "string"),
                sample("greeting", "Generate a greeting"),
                roots("client_roots"),
            ];
            finish(ask(&cx, &questions, Some("three")).map(|answers| answers.to_string()))
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_multi_round", "Asks one thing after the other."),
        run: Some(|cx| finish(name_then_color(&cx))),
    },
    &Tool {
        brief: None,
        spec: &spec("test_input_required_result_capabilities", "Asks what the client can be asked."),
        run: Some(|cx| {
            let questions =
                [form("user_name", "What is your name?", "name", "string"), sample("greeting", "Say hello")];
            finish(ask(&cx, &questions, None).map(|answers| answers.to_string()))
        }),
    },
    &Tool {
        brief: None,
        spec: &spec("test_missing_capability", "Needs the client's model."),
        run: Some(|cx| finish(ask(&cx, &[sample("answer", "Say yes")], None).map(|answers| answers.to_string()))),
    },
    &Tool {
        brief: None,
        spec: &spec("test_streaming_elicitation", "Asks the user."),
        run: Some(|cx| {
            finish(ask(&cx, &[form("ok", "Go on?", "ok", "boolean")], None).map(|answers| answers.to_string()))
        }),
    },
];

/// The suite has its own names, with underscores, so `#[tool]` does not take them.
const fn spec(name: &'static str, doc: &'static str) -> Spec {
    let effect = Effect { reads: true, destroys: false, idempotent: true, open: false, saves: false, records: false };
    Spec {
        name,
        doc,
        endpoint: None,
        fields: &[],
        effect,
        admin: false,
        long: Long::Cut,
        life: Life::Open,
        setting: None,
    }
}

fn content<const N: usize>(blocks: [Content; N]) -> BoxFuture<'static, Result<Output>> {
    ready(Ok(Output::Content(blocks.into()))).boxed()
}

fn finish(outcome: Result<String, Output>) -> BoxFuture<'static, Result<Output>> {
    ready(Ok(outcome.map_or_else(|instead| instead, |text| Output::Content(vec![Content::Text(text)])))).boxed()
}

fn pixel() -> Content {
    Content::Image { data: Bytes::from_static(PIXEL), mime_type: "image/png".into() }
}

fn resource(uri: &str, mime_type: &str, text: &str) -> Content {
    Content::Other(json!({"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": text}}))
}

async fn log(cx: Context) -> Result<Output> {
    for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        cx.log("info", &message.into());
        cx.sleep(Duration::from_millis(50)).await;
    }
    Ok(Output::Content(vec![Content::Text("logged".into())]))
}

async fn progress(cx: Context) -> Result<Output> {
    for done in [0.0, 50.0, 100.0] {
        cx.progress(done, Some(100.0), &format!("{done} of 100"));
        cx.sleep(Duration::from_millis(50)).await;
    }
    Ok(Output::Content(vec![Content::Text("done".into())]))
}

fn confirm(cx: &Context) -> BoxFuture<'static, Result<Output>> {
    let questions = [form("confirm", "Please confirm", "ok", "boolean")];
    finish(ask(cx, &questions, Some("confirm")).map(|_| "state-ok".into()))
}

/// The first answer travels in the state of the second question.
fn name_then_color(cx: &Context) -> Result<String, Output> {
    let name = match returned_state(cx)?.and_then(|state| state.strip_prefix("color for ")) {
        Some(name) => name.to_owned(),
        None => {
            let questions = [form("step1", "Step 1: What is your name?", "name", "string")];
            told(&ask(cx, &questions, Some("name"))?, "/step1/content/name").to_owned()
        }
    };
    let questions = [form("step2", "Step 2: What is your favorite color?", "color", "string")];
    let answers = ask(cx, &questions, Some(&format!("color for {name}")))?;
    Ok(format!("{name} likes {}", told(&answers, "/step2/content/color")))
}
