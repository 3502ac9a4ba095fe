//! One input. <https://platform.openai.com/docs/api-reference/moderations/create>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_kernel::serde::Deserialize;

use crate::items::{Content, image, text};
use crate::record::{self, Keep};
use crate::verdict::{self, Verdict};

tools![Check];

/// Of a text that says where an image is.
const WORDS: &str = "the words themselves are checked as a part: `[{type: \"text\", text}]`";

/// Check text or images for harmful content.
#[tool("moderation-check", POST "/moderations", reads, records, run)]
pub(crate) struct Check {
    /// A text, an array of texts (a verdict each), or an array of parts (one verdict for all); an image also by its path.
    #[read]
    input: Input,
    /// Default omni-moderation-latest.
    model: Option<String>,
    /// List categories with at least this score, flagged or not.
    #[local]
    threshold: Option<Num<0, 1>>,
    /// Every category with its score, as OpenAI answers.
    #[local]
    full: Option<bool>,
    /// What the history keeps of the input. Default hash.
    #[local]
    keep: Option<Keep>,
}

/// What OpenAI takes, which tells mixed arrays apart itself; and files, which lists leave to moderation-batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "openai_mcp_kernel::serde", transparent)]
struct Input(Taken);

impl Shaped for Input {
    const SHAPE: Shape = Shape::Brief { listed: of::<Listed>, taken: of::<Taken>, options: false };
}

/// An array would be read as the members of a `Place`, if that came first.
#[shape(read)]
enum Taken {
    Many(Vec<Item>),
    One(Item),
}

#[shape]
enum Listed {
    Text(String),
    Many(Vec<ListedItem>),
}

#[shape]
enum ListedItem {
    Text(String),
    Part(Part),
}

#[shape(read)]
enum Item {
    Text(String),
    Part(Part),
    File(Place),
}

/// A file. It is no `FileInput`, since nothing is fetched here: OpenAI does that.
#[shape(read)]
struct Place {
    path: Option<String>,
    url: Option<String>,
    data: Option<String>,
    filename: Option<String>,
    mime_type: Option<String>,
}

#[shape(read, tag = "type")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[shape(read)]
struct ImageUrl {
    /// Or a data URL.
    url: String,
}

impl Check {
    async fn run(self, cx: Context) -> Result<Output> {
        let (inputs, as_given) = self.input.read(&cx).await?;
        let arguments = cx.arguments().clone();
        let arguments = if as_given { arguments } else { arguments.set("input", &inputs) };
        let answer = cx.send(&Self::SPEC, arguments).bytes().await;
        let answer = answer.map_err(|error| match error.kind() {
            Kind::Status(400) if inputs.iter().filter(|input| input.get("image_url").is_some()).count() > 1 => {
                error.or_hint("one image at a time; moderation-batch takes many, each an item of its own")
            }
            _ => error,
        })?;
        let verdicts = verdict::read(&answer)?;
        // A result stands for each text of an array, or for all parts of one.
        let each = inputs.len() == verdicts.results.len();
        let whole = Value::from(inputs);
        let records = verdicts.results.iter().enumerate().map(|(index, verdict)| {
            let one = whole.get(index).filter(|_| each).map(|input| json!([input]));
            (Content::Parts(one.unwrap_or_else(|| whole.clone())).text(), verdict)
        });
        record::keep(&cx, self.keep, &verdicts.model, records).await;
        if self.full == Some(true) {
            return Ok(Output::Json(answer));
        }
        let threshold = self.threshold.map(|Num(score)| score);
        let mut results: Vec<Value> = verdicts.results.iter().map(|verdict| verdict.brief(threshold)).collect();
        let mut room = cx.max_result().saturating_sub(512);
        let fits = |verdict: &&Value| match room.checked_sub(verdict.to_string().len() + 1) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let listed = results.iter().take_while(fits).count();
        let omitted = results.len() - listed;
        results.truncate(listed);
        let mut result = json!({
            "flagged": verdicts.results.iter().any(Verdict::flagged),
            "results": results,
            "model": verdicts.model,
            "id": verdicts.id,
        });
        if let (1.., Some(result)) = (omitted, result.as_object_mut()) {
            result.insert("omitted".into(), omitted.into());
            let hint = "too many to list: check fewer at once, or with moderation-batch, which lists the flagged alone";
            result.insert("hint".into(), hint.into());
        }
        Ok(Output::json(&result))
    }
}

impl Input {
    /// The texts and parts that go out, and whether they are what was given. What only says where an image is is that image.
    async fn read(self, cx: &Context) -> Result<(Vec<Value>, bool)> {
        let mut as_given = matches!(self.0, Taken::One(Item::Text(_)) | Taken::Many(_));
        let items = match self.0 {
            Taken::One(item) => vec![item],
            Taken::Many(items) => items,
        };
        // OpenAI has a verdict for each text, or one for all parts.
        let texts = items.len() > 1 && items.iter().all(|item| matches!(item, Item::Text(_)));
        let mut inputs = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let fault = |problem: &str| Error::argument(&format!("input[{index}]"), problem);
            let (named, part) = (matches!(item, Item::Text(_)), matches!(item, Item::Part(_)));
            let content = match item {
                Item::Part(part) => Content::Parts(json!([part.json()])),
                Item::Text(text) => Content::of_text(text).map_err(|problem| fault(&problem))?,
                Item::File(place) => match place.source().map_err(|problem| fault(&problem))? {
                    Source::Url { url, .. } => Content::Parts(json!([image(&url)])),
                    source => Content::File(source),
                },
            };
            as_given &= part || matches!(content, Content::Text(_));
            match content {
                Content::Text(text) => inputs.push(text.into()),
                _ if texts => return Err(fault("an image gets no verdict among texts: moderation-batch takes both")),
                content => {
                    let read = content.read(cx).await.map_err(|error| if named { error.or_hint(WORDS) } else { error });
                    inputs.extend(read?.into_parts());
                }
            }
        }
        if !as_given {
            let part = |input| match input {
                Value::String(text) => self::text(&text),
                part => part,
            };
            inputs = inputs.into_iter().map(part).collect();
        }
        Ok((inputs, as_given))
    }
}

impl Place {
    fn source(self) -> Result<Source, String> {
        let Place { path, url, data, filename, mime_type } = self;
        let named = json!({"path": path, "url": url, "data": data, "filename": filename, "mime_type": mime_type});
        serde_json::from_value(named).map_err(|error| error.to_string())
    }
}

impl Part {
    fn json(self) -> Value {
        match self {
            Part::Text { text } => self::text(&text),
            Part::ImageUrl { image_url } => image(&image_url.url),
        }
    }
}
