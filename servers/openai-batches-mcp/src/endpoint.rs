//! What batches can ask, and how a text is asked there.

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;

#[shape(read)]
#[derive(Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    #[wire("/v1/responses")]
    Responses,
    #[wire("/v1/chat/completions")]
    Chat,
    #[wire("/v1/embeddings")]
    Embeddings,
    #[wire("/v1/completions")]
    Completions,
    #[wire("/v1/moderations")]
    Moderations,
    #[wire("/v1/images/generations")]
    Generations,
    #[wire("/v1/images/edits")]
    Edits,
}

impl Endpoint {
    /// Its path, as batches name it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Endpoint::Responses => "/v1/responses",
            Endpoint::Chat => "/v1/chat/completions",
            Endpoint::Embeddings => "/v1/embeddings",
            Endpoint::Completions => "/v1/completions",
            Endpoint::Moderations => "/v1/moderations",
            Endpoint::Generations => "/v1/images/generations",
            Endpoint::Edits => "/v1/images/edits",
        }
    }

    /// What a body must have, besides the model: any of these.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            Endpoint::Responses => &["input", "previous_response_id", "prompt", "conversation"],
            Endpoint::Chat => &["messages"],
            Endpoint::Embeddings | Endpoint::Moderations => &["input"],
            Endpoint::Completions | Endpoint::Generations | Endpoint::Edits => &["prompt"],
        }
    }

    /// A body that asks with a text: as what the user says next, where there is a conversation.
    ///
    /// # Errors
    /// The messages are no list.
    pub(crate) fn ask(self, body: Arguments, text: &str) -> Result<Arguments, String> {
        match self {
            Endpoint::Chat => {
                let messages: Option<Vec<Raw<Json>>> = body.member("messages").map_err(|error| error.to_string())?;
                let message = json!({"role": "user", "content": text});
                let mut messages: Vec<Value> =
                    messages.into_iter().flatten().filter_map(|message| message.read("messages").ok()).collect();
                messages.push(message);
                Ok(body.set("messages", messages))
            }
            Endpoint::Responses | Endpoint::Embeddings | Endpoint::Moderations => Ok(body.set("input", text)),
            Endpoint::Completions | Endpoint::Generations | Endpoint::Edits => Ok(body.set("prompt", text)),
        }
    }

    /// The body with what it can only mean: a text for messages is what the user says.
    ///
    /// # Errors
    /// It is no object.
    pub(crate) fn settle(self, body: Arguments) -> Result<Arguments, String> {
        match body.member::<Value>("messages").map_err(|_| "`body`: expected an object".to_owned())? {
            Some(Value::String(text)) if self == Endpoint::Chat => self.ask(body.without("messages"), &text),
            _ => Ok(body),
        }
    }

    /// What a member that a body needs has to be, if a value is something else.
    fn expected(self, name: &str, value: &Value) -> Option<&'static str> {
        let takes = |taken: bool, expected| (!taken).then_some(expected);
        match (self, name) {
            (_, "messages") => takes(value.is_array(), "an array of messages"),
            (Endpoint::Generations | Endpoint::Edits, "prompt") => takes(value.is_string(), "a text"),
            (_, "input") | (Endpoint::Completions, "prompt") => {
                takes(value.is_string() || value.is_array(), "a text or an array")
            }
            _ => None,
        }
    }

    /// How many of what a batch takes at most are in a body: requests, or of embeddings the inputs.
    pub(crate) fn inputs(self, body: &Arguments) -> usize {
        match (self, body.member::<Value>("input")) {
            (Endpoint::Embeddings, Ok(Some(Value::Array(inputs)))) if !inputs.iter().all(Value::is_number) => {
                inputs.len()
            }
            _ => 1,
        }
    }

    /// Checks a body and gives its model.
    ///
    /// # Errors
    /// What OpenAI would refuse, or could not do in a batch.
    pub(crate) fn check(self, body: &Arguments) -> Result<Option<String>, String> {
        let members = body.members().map_err(|_| "`body`: expected an object".to_owned())?;
        let names: Vec<&str> = members.names().collect();
        if !self.needs().iter().any(|need| names.contains(need)) {
            let needs: Vec<String> = self.needs().iter().map(|need| format!("`{need}`")).collect();
            return Err(format!("`body`: {} wants {}", self.path(), needs.join(" or ")));
        }
        for name in self.needs().iter().filter(|name| names.contains(name)) {
            let value = members.read::<Value>(name).ok().flatten().unwrap_or_default();
            if let Some(expected) = self.expected(name, &value) {
                let got = value.to_string();
                return Err(format!("`body.{name}`: expected {expected}, got {}", json::excerpt(&got, 60)));
            }
        }
        if members.read::<Value>("stream").is_ok_and(|stream| stream == Some(true.into())) {
            return Err("`body.stream`: nothing streams in a batch".to_owned());
        }
        if members.read::<Value>("background").is_ok_and(|background| background == Some(true.into())) {
            return Err("`body.background`: a batch is in the background as it is".to_owned());
        }
        match members.read::<Value>("model") {
            Ok(Some(Value::String(model))) if !model.is_empty() => Ok(Some(model)),
            // The one endpoint that has a default.
            Ok(None) if self == Endpoint::Moderations => Ok(None),
            _ => Err("`body.model`: required".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_embeddings_are_counted_one_by_one() {
        let rows = [(json!("a"), 1), (json!(["a", "b"]), 2), (json!([[1, 2], [3]]), 2), (json!([1, 2, 3]), 1)];
        for (input, expected) in rows {
            let body = Arguments::from(json!({"input": input}));
            assert_eq!(Endpoint::Embeddings.inputs(&body), expected, "{body:?}");
            assert_eq!(Endpoint::Moderations.inputs(&body), 1, "{body:?}");
        }
    }
}
