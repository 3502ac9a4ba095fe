//! Resources, prompts, completion.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use openai_mcp_kernel::context::Context;
use openai_mcp_kernel::output::Output;
use openai_mcp_kernel::protocol::RpcError;
use openai_mcp_kernel::server::Extras;
use serde_json::{Value, json};

use super::questions::{ask, form, told};
use super::samples::PIXEL;

/// What the server serves besides tools.
pub(super) struct Everything;

impl Extras for Everything {
    fn capabilities(&self) -> Value {
        json!({"resources": {}, "prompts": {}, "completions": {}, "logging": {}})
    }

    fn handle(&self, method: &str, params: Value, cx: Context) -> BoxFuture<'static, Option<Result<Value, RpcError>>> {
        let result = match method {
            "resources/list" => Ok(json!({"resources": [
                {"uri": "test://static-text", "name": "static-text", "mimeType": "text/plain"},
                {"uri": "test://static-binary", "name": "static-binary", "mimeType": "image/png"},
                {"uri": "test://watched-resource", "name": "watched-resource", "mimeType": "text/plain"},
            ]})),
            "resources/templates/list" => Ok(json!({"resourceTemplates": [
                {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"},
            ]})),
            "resources/read" => read(told(&params, "/uri"), &cx),
            // Nothing changes, so there is nothing to tell a subscriber.
            "resources/subscribe" | "resources/unsubscribe" if !cx.facts().modern => Ok(json!({})),
            "prompts/list" => Ok(json!({"prompts": [
                {"name": "test_simple_prompt", "description": "One message."},
                {"name": "test_prompt_with_arguments", "description": "Has its arguments in it.", "arguments": [
                    {"name": "arg1", "required": true}, {"name": "arg2", "required": true},
                ]},
                {"name": "test_prompt_with_embedded_resource", "description": "Holds a resource.", "arguments": [
                    {"name": "resourceUri", "required": true},
                ]},
                {"name": "test_prompt_with_image", "description": "Holds an image."},
                {"name": "test_input_required_result_prompt", "description": "Asks the user."},
            ]})),
            "prompts/get" => prompt(&params, &cx),
            "completion/complete" => Ok(json!({"completion": {"values": [], "total": 0, "hasMore": false}})),
            _ => return ready(None).boxed(),
        };
        ready(Some(result)).boxed()
    }
}

fn read(uri: &str, cx: &Context) -> Result<Value, RpcError> {
    let content = match uri {
        "test://static-text" => {
            json!({"uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource."})
        }
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": STANDARD.encode(PIXEL)}),
        "test://watched-resource" => json!({"uri": uri, "mimeType": "text/plain", "text": "Watched resource content."}),
        _ => {
            let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let Some(id) = id else {
                // The code that older clients know for it is not one of JSON-RPC's.
                let code = if cx.facts().modern { RpcError::PARAMS } else { -32002 };
                return Err(RpcError { data: json!({"uri": uri}), ..RpcError::new(code, "resource not found") });
            };
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
    };
    Ok(json!({"contents": [content]}))
}

fn prompt(params: &Value, cx: &Context) -> Result<Value, RpcError> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let argument = |name: &str| told(params, &format!("/arguments/{name}"));
    let blocks = match told(params, "/name") {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            vec![text(&format!("Prompt with arguments: arg1='{}', arg2='{}'", argument("arg1"), argument("arg2")))]
        }
        "test_prompt_with_embedded_resource" => {
            let resource = json!({
                "uri": argument("resourceUri"),
                "mimeType": "text/plain",
                "text": "Embedded resource content for testing.",
            });
            let embedded = json!({"type": "resource", "resource": resource});
            vec![embedded, text("Please process the embedded resource above.")]
        }
        "test_prompt_with_image" => {
            let image = json!({"type": "image", "data": STANDARD.encode(PIXEL), "mimeType": "image/png"});
            vec![image, text("Please analyze the image above.")]
        }
        "test_input_required_result_prompt" => {
            let questions = [form("user_context", "What context should the prompt use?", "context", "string")];
            match ask(cx, &questions, None) {
                Ok(answers) => vec![text(&format!("Context: {}", told(&answers, "/user_context/content/context")))],
                Err(Output::InputRequired(questions)) => return Ok(questions),
                Err(Output::RpcError(fault)) => return Err(fault),
                Err(_) => return Err(RpcError::new(RpcError::INTERNAL, "internal error")),
            }
        }
        name => return Err(RpcError::new(RpcError::PARAMS, format!("unknown prompt `{name}`"))),
    };
    let messages: Vec<Value> = blocks.into_iter().map(|block| json!({"role": "user", "content": block})).collect();
    Ok(json!({"messages": messages}))
}
