//! The API's one request. <https://platform.openai.com/docs/api-reference/embeddings/create>

use bytes::Bytes;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::answer::Embedded;
use crate::vector::{self, Dimensions, push_line};

tools![Create];

/// Most numbers that a result shows: one vector of the largest model, and a little.
const MOST_SHOWN: usize = 4096;

/// Embed text or tokens: a vector each, close where meanings are.
///
/// Tells dimensions and norm; the numbers only with numbers or save_to. Other tools here embed by themselves.
#[tool("embedding-create", POST "/embeddings", run, reads, saves)]
pub(crate) struct Create {
    /// At most 2048 inputs of 8192 tokens, 300,000 in all.
    #[read]
    input: Input,
    /// text-embedding-3-small, text-embedding-3-large or text-embedding-ada-002.
    model: String,
    /// Not for ada-002.
    dimensions: Option<Dimensions>,
    #[read]
    encoding_format: Option<Encoding>,
    user: Option<String>,
    /// Show the vectors.
    #[local]
    numbers: Option<bool>,
    /// New local JSONL file for the vectors.
    #[local]
    save_to: Option<String>,
}

#[shape(read)]
enum Input {
    Text(String),
    Many(Vec<Part>),
}

#[shape(read)]
enum Part {
    Text(String),
    Token(i64),
    Tokens(Vec<i64>),
}

#[shape(read)]
enum Encoding {
    Float,
    Base64,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        // The official SDK asks for base64 as well where its caller leaves it open: a quarter of the bytes.
        let mut arguments = match self.encoding_format {
            Some(_) => cx.arguments().clone(),
            None => cx.arguments().clone().set("encoding_format", "base64"),
        };
        let mut notes = Vec::new();
        let mut input = self.input;
        if let Input::Text(text) = &input
            && let Ok(Input::Many(parts)) = serde_json::from_str(text)
            && !parts.is_empty()
        {
            arguments = arguments.set("input", serde_json::from_str::<Value>(text).unwrap_or_default());
            notes.push("input was the text of an array, and was taken for that array".to_owned());
            input = Input::Many(parts);
        }
        let inputs = input.lines();
        vector::check_file(self.save_to.as_deref())?;
        cx.reserve(self.save_to.as_deref()).await?;
        let embedded = Embedded::read(&cx.send(&Self::SPEC, arguments).bytes().await?, inputs.len())?;
        let mut saved = None;
        if let Some(path) = self.save_to {
            saved = match cx.save_paid(path, ("embeddings", "jsonl"), lines(inputs, &embedded)).await {
                Ok(file) => Some(file),
                Err(unsaved) => return Err(unsaved.error),
            };
        }
        let show = self.numbers == Some(true);
        let mut shown = 0;
        let mut out = br#"{"object":"list","data":["#.to_vec();
        for (index, vector) in embedded.vectors.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let (dimensions, norm) = (vector.len(), vector::rounded(vector::norm(vector)));
            out.extend_from_slice(format!(r#"{{"index":{index},"dimensions":{dimensions},"norm":{norm}"#).as_bytes());
            if show && shown + dimensions <= MOST_SHOWN {
                shown += dimensions;
                out.extend_from_slice(br#","embedding":"#);
                vector::push_json(&mut out, vector);
            }
            out.push(b'}');
        }
        let mut rest = Map::new();
        let mut tell = |name: &str, value: Value| rest.insert(name.into(), value);
        tell("model", embedded.model.as_str().into());
        tell("usage", embedded.usage());
        if let Some(saved) = saved {
            tell("saved_to", saved.show());
        }
        let all: usize = embedded.vectors.iter().map(Vec::len).sum();
        if show && shown < all {
            notes.push(format!("{shown} of {all} numbers shown; save_to writes all to a file"));
        }
        if !notes.is_empty() {
            tell("note", notes.join("; ").into());
        }
        out.extend_from_slice(b"],");
        out.extend_from_slice(Value::Object(rest).to_string().get(1..).unwrap_or_default().as_bytes());
        if !show {
            return Ok(Output::Json(out.into()));
        }
        // Who asks for the numbers gets them whole: as JSON, they would be cut at the usual size of a result.
        let structured = serde_json::from_slice(&out).unwrap_or_default();
        Ok(Output::Text { text: String::from_utf8_lossy(&out).into_owned(), structured })
    }
}

impl Input {
    /// What is embedded, named as in the lines of a saved file. An array of tokens is one input.
    fn lines(self) -> Vec<(&'static str, Value)> {
        let parts = match self {
            Input::Text(text) => vec![Part::Text(text)],
            Input::Many(parts) => parts,
        };
        let tokens: Vec<i64> =
            parts.iter().filter_map(|part| if let Part::Token(token) = part { Some(*token) } else { None }).collect();
        if !tokens.is_empty() && tokens.len() == parts.len() {
            return vec![("tokens", tokens.into())];
        }
        let line = |part| match part {
            Part::Text(text) => ("text", text.into()),
            Part::Token(token) => ("tokens", vec![token].into()),
            Part::Tokens(tokens) => ("tokens", tokens.into()),
        };
        parts.into_iter().map(line).collect()
    }
}

/// The lines of a saved file.
fn lines(inputs: Vec<(&'static str, Value)>, embedded: &Embedded) -> Bytes {
    let mut lines = Vec::new();
    for (index, ((name, input), vector)) in inputs.into_iter().zip(&embedded.vectors).enumerate() {
        let line = Map::from_iter([("index".to_owned(), index.into()), (name.to_owned(), input)]);
        push_line(&mut lines, &line, vector);
    }
    lines.into()
}
