//! The events of a response on its way. <https://platform.openai.com/docs/api-reference/responses-streaming>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::broken;
use serde::Deserialize;

use crate::request::Betas;

/// What was seen of a response so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) id: Option<String>,
    /// Number of the last event.
    pub(crate) last: Option<u64>,
    /// What had come of the text.
    pub(crate) text: String,
    /// The betas that the response is of.
    pub(crate) betas: Betas,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type")]
    kind: String,
    sequence_number: Option<u64>,
    #[serde(default)]
    delta: Value,
    #[serde(default)]
    response: Option<Value>,
    partial_image_index: Option<u64>,
    /// Why it failed: in members of the event, or in one of them.
    code: Option<Value>,
    message: Option<Value>,
    param: Option<Value>,
    error: Option<Value>,
}

impl Seen {
    /// Nothing yet of a response that is known.
    pub(crate) fn of(id: String) -> Self {
        Seen { id: Some(id), ..Seen::default() }
    }

    /// Tells of the events as they come, and gives the response with which they end; nothing where they end without one.
    ///
    /// # Errors
    /// The stream broke, or OpenAI tells of a failure.
    pub(crate) async fn follow(&mut self, cx: &Context, events: &mut Events) -> Result<Option<Value>> {
        let outcome = loop {
            match events.next().await {
                Ok(Some(event)) => match self.step(cx, &event.data) {
                    Ok(None) => {}
                    other => break other,
                },
                Ok(None) => break Ok(None),
                Err(error) => break Err(error),
            }
        };
        cx.flush_text();
        outcome
    }

    fn step(&mut self, cx: &Context, event: &[u8]) -> Result<Option<Value>> {
        let step: Step = serde_json::from_slice(event).map_err(|error| {
            Error::new(Kind::Answer, format!("an event of the stream is not what was expected: {error}"))
        })?;
        self.last = step.sequence_number.or(self.last);
        match (step.kind.strip_prefix("response.").unwrap_or(&step.kind), step.response) {
            ("completed" | "incomplete" | "failed" | "cancelled", Some(response)) => return Ok(Some(response)),
            ("error", _) => {
                let flat = json!({"code": step.code, "message": step.message, "param": step.param});
                let error = step.error.filter(Value::is_object).unwrap_or(flat);
                return Err(Error::answer("openai ended the stream with an error", &error));
            }
            (_, Some(response)) => self.begin(cx, &response),
            ("output_text.delta" | "refusal.delta", _) => {
                let piece = step.delta.as_str().unwrap_or_default();
                self.text.push_str(piece);
                cx.tell_text(piece);
            }
            // In the middle of a text a message of its own would be taken for a piece of it.
            (stage, _) if self.text.is_empty() => {
                if let Some(index) = step.partial_image_index {
                    cx.tell(&format!("partial image {} has come", index + 1));
                } else if let Some((call, stage @ ("searching" | "generating" | "interpreting"))) =
                    stage.split_once('.')
                {
                    cx.tell(&format!("{stage}: {call}"));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Tells the id early: whoever loses the call can have what was paid for.
    fn begin(&mut self, cx: &Context, response: &Value) {
        let id = response.get("id").and_then(Value::as_str);
        if self.id.is_none()
            && let Some(id) = id
        {
            let stored = response.get("store") != Some(&Value::Bool(false));
            let again = if stored { ": response-get has it should this call end early" } else { "" };
            cx.tell(&format!("{id} has begun{again}"));
            self.id = Some(id.to_owned());
        }
    }

    /// An error with what there is of the answer, which was paid for.
    pub(crate) fn broken(&self, error: &Error) -> Error {
        let how = |id: &str| format!("{error}\nhint: response-get of {id} may have the answer, if it was stored");
        let told = self.id.as_ref().map(|id| Error::new(error.kind(), how(id)));
        broken::one(told.as_ref().unwrap_or(error), "answer", &self.text)
    }
}
