//! What a model asks of the caller: calls to run, and approvals.
//! <https://platform.openai.com/docs/guides/realtime-server-controls>

use openai_mcp_kernel::json::{Members as _, member, object};
use openai_mcp_kernel::prelude::*;

/// Calls that are no functions and that the caller runs: the member of the item that answers one, and what goes into it.
const OTHERS: [(&str, &str, &str); 4] = [
    ("custom_tool_call", "output", "what the tool gives"),
    ("computer_call", "output", "{type: computer_screenshot, image_url}"),
    ("shell_call", "output", "[{stdout, stderr, outcome: {type: exit, exit_code}}]"),
    ("apply_patch_call", "status", "completed or failed"),
];

/// A call of a function, an item of the session, as a result shows it.
pub fn function(item: &Value) -> Value {
    let (name, arguments) = (member(item, "name"), member(item, "arguments"));
    let mut shown = json!({"call_id": member(item, "call_id"), "name": name, "arguments": arguments});
    if let Some(namespace) = item.get("namespace").filter(|namespace| !namespace.is_null()) {
        shown.put("namespace", namespace.clone());
    }
    shown
}

/// A request for an approval, an item of the session, as a result shows it.
pub fn approval(item: &Value) -> Value {
    json!({
        "id": member(item, "id"), "server_label": member(item, "server_label"), "name": member(item, "name"),
        "arguments": member(item, "arguments"),
    })
}

/// A call that is no function's, an item of a session or a response: all that the caller needs to run it.
pub fn whole(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten();
    let told = members.filter(|(name, value)| !matches!(name.as_str(), "id" | "status") && !is_nothing(value));
    object(told.map(|(name, value)| (name.clone(), value.clone()))).into()
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// What was asked so far.
#[derive(Default)]
pub struct Asked {
    functions: Vec<Value>,
    others: Vec<Value>,
    approvals: Vec<Value>,
    /// The items that answer, with gaps for what the caller has to give.
    answers: Vec<Value>,
}

impl Asked {
    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Takes note of an item of the session: whether it asks for something.
    pub fn take(&mut self, item: &Value) -> bool {
        let call_id = member(item, "call_id");
        let answer = match member(item, "type") {
            "function_call" => {
                self.functions.push(function(item));
                json!({"type": "function_call_output", "call_id": call_id, "output": "what the function gives"})
            }
            "mcp_approval_request" => {
                self.approvals.push(approval(item));
                let approve = "true or false, as your user says";
                json!({"type": "mcp_approval_response", "approval_request_id": member(item, "id"), "approve": approve})
            }
            // OpenAI runs it.
            "shell_call" if member(item.at("environment"), "type") == "container_reference" => return false,
            kind => {
                let Some((_, name, gap)) = OTHERS.iter().find(|(other, ..)| *other == kind) else { return false };
                self.others.push(whole(item));
                json!({"type": format!("{kind}_output"), "call_id": call_id, (*name): gap})
            }
        };
        self.answers.push(answer);
        true
    }

    /// The events that answer; an item is added by an event of the type `adds`.
    pub fn answers(&self, adds: &str) -> Value {
        let answers = self.answers.iter().map(|item| json!({"type": adds, "item": item}));
        answers.chain([json!({"type": "response.create"})]).collect()
    }

    /// Puts what was asked into a result.
    pub fn tell(self, told: &mut Value) {
        let lists =
            [("function_calls", self.functions), ("tool_calls", self.others), ("approval_requests", self.approvals)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            told.put(name, list.into());
        }
    }
}
