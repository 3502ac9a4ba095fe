//! What the messages of a response say.

use openai_mcp_kernel::json::{list, member as text};
use openai_mcp_kernel::prelude::*;

/// What messages say.
#[derive(Default)]
pub struct Said {
    /// The answer.
    pub answer: Passage,
    /// What the model says of its work on the way to its answer.
    pub commentary: Passage,
    /// Why it refuses, if it does.
    pub refusal: String,
    /// Of the answer, where they were asked for.
    pub logprobs: Vec<Value>,
    /// Parts that are no text, whole: what the API adds one day is seen.
    pub parts: Vec<Value>,
}

/// A text, with what it cites.
#[derive(Default)]
pub struct Passage {
    /// The text, of several parts with a blank line between them.
    pub text: String,
    /// Citations, with their places in the text.
    pub annotations: Vec<Value>,
}

impl Said {
    /// What these items of the kind `message` say.
    pub fn by<'a>(messages: impl Iterator<Item = &'a Value>) -> Said {
        let mut said = Said::default();
        for message in messages {
            let comments = text(message, "phase") == "commentary";
            for part in list(message, "content") {
                match text(part, "type") {
                    "refusal" => {
                        apart(&mut said.refusal);
                        said.refusal.push_str(text(part, "refusal"));
                        continue;
                    }
                    // What no caller reads.
                    "encrypted_content" => continue,
                    "output_text" => {}
                    _ if part.get("text").is_some_and(Value::is_string) => {}
                    _ => {
                        said.parts.push(part.clone());
                        continue;
                    }
                }
                let passage = if comments { &mut said.commentary } else { &mut said.answer };
                passage.add(part);
                if !comments {
                    said.logprobs.extend(list(part, "logprobs").cloned());
                }
            }
        }
        said
    }
}

impl Passage {
    fn add(&mut self, part: &Value) {
        apart(&mut self.text);
        let before = self.text.chars().count() as u64;
        self.text.push_str(text(part, "text"));
        // Their places are those within their part.
        self.annotations.extend(list(part, "annotations").cloned().map(|mut annotation| {
            for name in ["index", "start_index", "end_index"] {
                if let Some(place) = annotation.get_mut(name)
                    && let Some(within) = place.as_u64()
                {
                    *place = (within + before).into();
                }
            }
            annotation
        }));
    }
}

/// Puts a blank line behind a text that goes on.
fn apart(text: &mut String) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
}
