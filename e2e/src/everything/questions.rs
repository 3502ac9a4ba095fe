//! Questions to the client, asked in a result and answered in the next request.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/mrtr>

use hmac::{Hmac, KeyInit as _, Mac as _};
use openai_mcp_kernel::context::Context;
use openai_mcp_kernel::output::Output;
use openai_mcp_kernel::protocol::RpcError;
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// Signs what a client keeps for us. A fixture has nothing to hide.
const KEY: &[u8] = b"everything";

/// A question: the name of its answer, the capability it takes, the request.
pub(super) type Question = (&'static str, &'static str, Value);

/// Asks the user to fill in one field.
pub(super) fn form(name: &'static str, message: &str, field: &str, kind: &str) -> Question {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
    (name, "elicitation", json!({"method": "elicitation/create", "params": params}))
}

/// Asks the client's model.
pub(super) fn sample(name: &'static str, prompt: &str) -> Question {
    let messages = json!([{"role": "user", "content": {"type": "text", "text": prompt}}]);
    let params = json!({"messages": messages, "maxTokens": 100});
    (name, "sampling", json!({"method": "sampling/createMessage", "params": params}))
}

/// Asks for the client's folders.
pub(super) fn roots(name: &'static str) -> Question {
    (name, "roots", json!({"method": "roots/list", "params": {}}))
}

/// The answers to those questions that the client can be asked, once all are there.
///
/// With `state`, only a request that returns a state of ours has answers.
///
/// # Errors
/// What to answer in place of a result: the questions, or a fault.
pub(super) fn ask(cx: &Context, questions: &[Question], state: Option<&str>) -> Result<Value, Output> {
    let facts = cx.facts();
    let can = |capability: &str| facts.client_capabilities.get(capability).is_some();
    if !questions.iter().any(|(_, capability, _)| can(capability)) {
        let required: Map<_, _> =
            questions.iter().map(|(_, capability, _)| ((*capability).to_owned(), json!({}))).collect();
        return Err(Output::RpcError(RpcError {
            data: json!({"requiredCapabilities": required}),
            ..RpcError::new(RpcError::CAPABILITY, "the client cannot be asked")
        }));
    }
    let returned = returned_state(cx)?;
    let asked = questions.iter().filter(|(_, capability, _)| can(capability));
    let answered = asked.clone().all(|(name, ..)| facts.input_responses.get(name).is_some_and(Value::is_object));
    if answered && (state.is_none() || returned.is_some()) {
        return Ok(facts.input_responses.clone());
    }
    let requests: Map<_, _> = asked.map(|(name, _, request)| ((*name).to_owned(), request.clone())).collect();
    let mut result = json!({"resultType": "input_required", "inputRequests": requests});
    if let (Some(state), Some(result)) = (state, result.as_object_mut()) {
        result.insert("requestState".into(), format!("{}.{state}", seal(state)).into());
    }
    Err(Output::InputRequired(result))
}

/// The text at a place in an answer, or none.
pub(super) fn told<'a>(answers: &'a Value, at: &str) -> &'a str {
    answers.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The state that the client returns, without its seal.
///
/// # Errors
/// The fault to answer with, if the seal does not fit.
pub(super) fn returned_state(cx: &Context) -> Result<Option<&str>, Output> {
    let Some(given) = &cx.facts().request_state else { return Ok(None) };
    match given.split_once('.') {
        Some((tag, state)) if tag == seal(state) => Ok(Some(state)),
        _ => Err(Output::RpcError(RpcError::new(RpcError::PARAMS, "`requestState` is not one of ours"))),
    }
}

fn seal(state: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.update(state.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
