//! The API's one request. <https://platform.openai.com/docs/api-reference/embeddings/create>

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::prelude::*;
use serde::Deserialize;
use serde_json::Map;
use serde_json::value::RawValue;

use crate::vector;

tools![Create];

/// Most inputs of one request.
const MOST_INPUTS: usize = 2048;
/// Most tokens of one request.
const MOST_TOKENS: usize = 300_000;
/// Most requests at once.
const MOST_AT_ONCE: usize = 4;
/// Most numbers on their way at once: with their base64 some 75 MB, which a Worker can hold.
const MOST_NUMBERS: usize = 8 << 20;
/// Most numbers that a result shows: one vector of the largest model, and a little.
const MOST_SHOWN: usize = 4096;
/// What is embedded with unless told.
const USUAL_MODEL: &str = "text-embedding-3-small";

/// Embed text or tokens: a vector each, close where meanings are.
///
/// Tells dimensions and norm; the numbers only with numbers or save_to. Other tools here embed by themselves.
#[tool("embedding-create", POST "/embeddings", run, reads, saves)]
struct Create {
    /// At most 2048 inputs of 8192 tokens.
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

/// A wished number of dimensions.
pub(crate) type Dimensions = Int<1, { i64::MAX }>;

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
        let arguments = match self.encoding_format {
            Some(_) => cx.arguments().clone(),
            None => cx.arguments().clone().set("encoding_format", "base64"),
        };
        let inputs = self.input.lines();
        let (embedded, path) = match self.save_to {
            Some(path) => save(&cx, arguments, inputs, path).await.map(|(embedded, path)| (embedded, Some(path)))?,
            None => (request(&cx, arguments, inputs.len()).await?, None),
        };
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
        if let Some(path) = path {
            tell("path", path.into());
        }
        let all: usize = embedded.vectors.iter().map(Vec::len).sum();
        if show && shown < all {
            tell("note", format!("{shown} of {all} numbers shown; save_to writes all to a file").into());
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

/// Embeds inputs into a new file, and tells its path. What is embedded is paid for, so nothing is before the file is there.
async fn save(
    cx: &Context,
    arguments: Arguments,
    inputs: Vec<(&'static str, Value)>,
    path: String,
) -> Result<(Embedded, String)> {
    let outcome = Arc::new(Mutex::new(None));
    let chunk = {
        let (cx, outcome) = (cx.clone(), outcome.clone());
        async move {
            let embedded = request(&cx, arguments, inputs.len()).await;
            let chunk = match &embedded {
                Ok(embedded) => Ok(lines(inputs, embedded)),
                Err(error) => Err(Failure { text: error.to_string(), unsent: false }),
            };
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(embedded);
            chunk
        }
    };
    let saved = cx.save(path, Body::Stream { chunks: stream::once(chunk).boxed(), length: None }).await;
    let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
    match outcome {
        Some(Err(error)) => Err(error),
        Some(Ok(embedded)) => Ok((embedded, saved?.path)),
        None => Err(saved.err().unwrap_or_else(|| Error::new(Kind::File, "nothing was written"))),
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

/// Appends a line of a saved file: what was embedded, and its vector.
pub(crate) fn push_line(out: &mut Vec<u8>, line: &Map<String, Value>, vector: &[f32]) {
    let line = Value::Object(line.clone()).to_string();
    out.extend_from_slice(line.strip_suffix('}').unwrap_or(&line).as_bytes());
    out.extend_from_slice(br#","embedding":"#);
    vector::push_json(out, vector);
    out.extend_from_slice(b"}\n");
}

/// Which model to embed with, and the dimensions to ask of it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) dimensions: Option<i64>,
}

impl Model {
    pub(crate) fn new(name: Option<String>, dimensions: Option<Dimensions>) -> Self {
        let dimensions = dimensions.map(|Int(dimensions)| dimensions);
        Model { name: name.unwrap_or_else(|| USUAL_MODEL.into()), dimensions }
    }

    /// Embeds texts that fit into one request.
    pub(crate) async fn embed(&self, cx: &Context, texts: &[&str]) -> Result<Embedded> {
        let mut arguments = json!({"input": texts, "model": self.name, "encoding_format": "base64"});
        if let (Some(arguments), Some(dimensions)) = (arguments.as_object_mut(), self.dimensions) {
            arguments.insert("dimensions".into(), dimensions.into());
        }
        request(cx, arguments, texts.len()).await
    }

    /// Embeds any number of texts, all or none.
    pub(crate) async fn embed_all(&self, cx: &Context, texts: &[&str]) -> Result<Embedded> {
        let groups = groups(texts.iter().copied());
        let at_once = self.at_once(&groups);
        let requests = groups.into_iter().map(|range| self.embed(cx, texts.get(range).unwrap_or_default()));
        let parts: Vec<Embedded> = stream::iter(requests).buffered(at_once).try_collect().await?;
        let mut all = Embedded::default();
        for mut part in parts {
            all.vectors.append(&mut part.vectors);
            all.tokens += part.tokens;
            all.model = part.model;
        }
        Ok(all)
    }

    /// How many requests for these groups may run at once.
    pub(crate) fn at_once(&self, groups: &[Range<usize>]) -> usize {
        let usual = if self.name.contains("large") { 3072 } else { 1536 };
        let dimensions = self.dimensions.and_then(|wished| usize::try_from(wished).ok()).unwrap_or(usual);
        let largest = groups.iter().map(Range::len).max().unwrap_or_default();
        (MOST_NUMBERS / largest.saturating_mul(dimensions).max(1)).clamp(1, MOST_AT_ONCE)
    }
}

/// What a request gave, in the order of its inputs.
#[derive(Debug, Default)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    /// The model as the API names it.
    pub(crate) model: String,
    pub(crate) tokens: u64,
}

impl Embedded {
    pub(crate) fn usage(&self) -> Value {
        json!({"prompt_tokens": self.tokens, "total_tokens": self.tokens})
    }
}

async fn request(cx: &Context, arguments: impl Into<Arguments>, inputs: usize) -> Result<Embedded> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        data: Vec<One<'a>>,
        #[serde(default)]
        model: String,
        #[serde(default)]
        usage: Usage,
    }
    #[derive(Deserialize)]
    struct One<'a> {
        index: usize,
        #[serde(borrow)]
        embedding: &'a RawValue,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Usage {
        prompt_tokens: u64,
    }
    let broken = |what: String| Error::new(Kind::Answer, format!("the answer holds no embeddings: {what}"));
    let answer = cx.send(&Create::SPEC, arguments).bytes().await?;
    let mut answer: Answer<'_> = serde_json::from_slice(&answer).map_err(|error| broken(error.to_string()))?;
    answer.data.sort_by_key(|one| one.index);
    if !answer.data.iter().map(|one| one.index).eq(0..inputs) {
        return Err(broken(format!("expected {inputs}, got {}", answer.data.len())));
    }
    let read = |one: &One<'_>| {
        let text = one.embedding.get();
        // Servers that are compatible but for base64 send numbers all the same.
        match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) => vector::from_base64(text),
            None => serde_json::from_str(text).ok(),
        }
        .ok_or_else(|| broken(format!("`data[{}].embedding` is no vector", one.index)))
    };
    let vectors = answer.data.iter().map(read).collect::<Result<_>>()?;
    Ok(Embedded { vectors, model: answer.model, tokens: answer.usage.prompt_tokens })
}

/// Splits texts, in order, into groups that each fit into one request.
pub(crate) fn groups<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut room = 0;
    for (index, text) in texts.enumerate() {
        let tokens = tokens_at_most(text);
        match groups.last_mut().filter(|group| group.len() < MOST_INPUTS && tokens <= room) {
            Some(group) => {
                group.end = index + 1;
                room -= tokens;
            }
            None => {
                groups.push(index..index + 1);
                room = MOST_TOKENS.saturating_sub(tokens);
            }
        }
    }
    groups
}

/// More tokens than a text has, all but surely: the tokenizer joins letters, digits and spaces to two or more per token
/// and falls back to single bytes for what is rare.
fn tokens_at_most(text: &str) -> usize {
    let joined = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b' ').count();
    text.len() - joined + joined.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_within_the_limits_of_the_api() {
        let short = vec!["a word"; 5000];
        let lengths: Vec<usize> = groups(short.into_iter()).iter().map(Range::len).collect();
        assert_eq!(lengths, [2048, 2048, 904]);

        // 100,000 tokens at most each: three fit.
        let long = "x".repeat(200_000);
        assert_eq!(groups([&*long; 7].into_iter()), [0..3, 3..6, 6..7]);
        // More than a request takes goes alone, for the API to refuse.
        let huge = "é".repeat(400_000);
        assert_eq!(groups(["a", &huge, "b"].into_iter()), [0..1, 1..2, 2..3]);
        assert_eq!(groups(std::iter::empty()), []);
    }

    #[test]
    fn few_large_answers_are_on_their_way_at_once() {
        let model = |name: &str, dimensions| Model { name: name.into(), dimensions };
        let full = vec![0..2048, 2048..4096];
        assert_eq!(model("text-embedding-3-small", None).at_once(&full), 2);
        assert_eq!(model("text-embedding-3-large", None).at_once(&full), 1);
        assert_eq!(model("text-embedding-3-large", Some(256)).at_once(&full), 4);
        assert_eq!(model("any", None).at_once(&[0..100, 100..200]), 4);
        assert_eq!(model("any", Some(i64::MAX)).at_once(&full), 1);
    }
}
