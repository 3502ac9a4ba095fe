//! From a request to its images: asked for, kept, shown.

use bytes::Bytes;
use futures_util::StreamExt as _;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::events::Events;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use serde::Deserialize;
use serde_json::Map;

use crate::draw;
use crate::record::{self, Record};
use crate::shapes::Preview;
use crate::unpack::Unpacker;

/// Most bytes of an answer: ten images of the largest size.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;
/// Most images of an answer, of which a request asks for ten at the most.
const MOST_IMAGES: usize = 100;
/// Most bytes of the images that one result shows: base64 makes 1 MB of them, which is what clients take.
pub(crate) const ROOM: usize = 750_000;

/// Bytes of memory with which no request has to be refused.
const PLENTY: usize = 256 * 1024 * 1024;
/// Pixels of an image whose size is left to the model.
const USUAL: (usize, usize) = (1536, 1024);
/// Most frames of a GIF.
const MOST_FRAMES: usize = 16;
/// Most bytes of an SVG.
const SVG: usize = 1_000_000;

/// What to do with the images.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) save_to: Option<String>,
    pub(crate) preview: Option<Preview>,
}

/// What OpenAI answered.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    data: Vec<Picture>,
    usage: Option<Value>,
    svg_usage: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Picture {
    /// Number of its image among those of the answer.
    #[serde(rename = "b64_json")]
    number: Option<usize>,
    #[serde(skip)]
    content: Option<Bytes>,
    url: Option<String>,
    revised_prompt: Option<String>,
}

impl Picture {
    fn fill(&mut self, images: &mut [Option<Bytes>]) {
        self.content = self.number.and_then(|number| images.get_mut(number)?.take());
    }
}

/// A call of the API that makes images.
pub(crate) struct Wish {
    /// The tool that was called.
    pub(crate) tool: &'static str,
    /// The request.
    pub(crate) spec: &'static Spec,
    pub(crate) arguments: Arguments,
    /// The arguments for the record.
    pub(crate) asked: Value,
    pub(crate) delivery: Delivery,
    /// Most bytes of pictures in the result.
    pub(crate) room: usize,
}

/// Most bytes that the images of this request may have, as far as its arguments tell, times four where the result holds
/// them: beside the image there are then its base64, the result and what the host sends.
///
/// # Errors
/// The arguments are no object.
pub(crate) fn weight(arguments: &Arguments, delivery: &Delivery) -> Result<usize> {
    Ok(Expected::read(arguments)?.bytes() * if delivery.preview == Some(Preview::Full) { 4 } else { 1 })
}

/// The bytes that the images at work at the same time may have together; nothing where there is room for all.
pub(crate) fn room(cx: &Context) -> Option<usize> {
    Some(cx.room()).filter(|room| *room < PLENTY)
}

/// Refuses a request that is made this many times, if its images are likely to be more than the machine can hold: it
/// would fail once they are paid for.
///
/// # Errors
/// They are.
pub(crate) fn fit(cx: &Context, arguments: &Arguments, delivery: &Delivery, times: usize) -> Result<()> {
    let Some(room) = room(cx) else { return Ok(()) };
    let weight = weight(arguments, delivery)? * times;
    if weight <= room {
        return Ok(());
    }
    let Expected { count, width, height, format, .. } = Expected::read(arguments)?;
    let (full, less) = match delivery.preview {
        Some(Preview::Full) => (", shown in full,", "`preview` `small`, "),
        _ => ("", ""),
    };
    let text = format!(
        "{} images of {width}x{height} as {format}{full} may take {} MB, and this server has room for {}\n\
         hint: {less}fewer images in a call, a smaller `size`, `output_format` `jpeg` or `webp`, or a server on a machine \
         of your own",
        count * times,
        weight / 1_000_000,
        room / 1_000_000
    );
    Err(Error::new(Kind::Arguments, text))
}

/// What a request will bring.
struct Expected {
    count: usize,
    width: usize,
    height: usize,
    format: String,
    frames: usize,
}

impl Expected {
    fn read(arguments: &Arguments) -> Result<Self> {
        // Of any type: what is wrong is told by the check of the request.
        #[derive(Deserialize)]
        struct Asked {
            n: Option<Value>,
            size: Option<Value>,
            output_format: Option<Value>,
            frame_count: Option<Value>,
        }
        let Asked { n, size, output_format, frame_count } = arguments.read()?;
        let number = |value: Option<Value>| value.and_then(|value| usize::try_from(value.as_u64()?).ok());
        let edges = size.as_ref().and_then(Value::as_str).and_then(|size| size.split_once('x'));
        let edges = edges.and_then(|(width, height)| width.parse::<u16>().ok().zip(height.parse::<u16>().ok()));
        let (width, height) = edges.map_or(USUAL, |(width, height)| (width.into(), height.into()));
        Ok(Expected {
            count: number(n).unwrap_or(1),
            width,
            height,
            format: output_format.as_ref().and_then(Value::as_str).unwrap_or("png").to_owned(),
            frames: number(frame_count).unwrap_or(MOST_FRAMES),
        })
    }

    fn bytes(&self) -> usize {
        let pixels = self.width * self.height;
        let one = match self.format.as_str() {
            "svg" => SVG,
            "gif" => pixels.saturating_mul(self.frames),
            "jpeg" | "webp" => pixels,
            _ => pixels * 2,
        };
        one.saturating_mul(self.count)
    }
}

/// The arguments with `stream`, without which the API sends no partial images.
pub(crate) fn streamed(arguments: Arguments) -> Result<Arguments> {
    #[derive(Deserialize)]
    struct Asked {
        stream: Option<bool>,
        partial_images: Option<u64>,
    }
    match arguments.read()? {
        Asked { stream: None, partial_images: Some(1..) } => Ok(arguments.set("stream", true)),
        _ => Ok(arguments),
    }
}

/// The further arguments that a tool takes in one object.
pub(crate) fn options(options: Option<Json>) -> Result<Map<String, Value>> {
    match options {
        None | Some(Json(Value::Null)) => Ok(Map::new()),
        Some(Json(Value::Object(options))) => {
            match ["prompt", "save_to", "preview"].into_iter().find(|name| options.contains_key(*name)) {
                Some(name) => Err(Error::argument("options", format!("`{name}` stands beside `options`"))),
                None => Ok(options),
            }
        }
        Some(_) => Err(Error::argument("options", "expected an object")),
    }
}

/// Asks for images, keeps them, and gives what a result shows of them.
///
/// # Errors
/// There is no room for the images, OpenAI was not reached or refused, or its answer holds no image. What comes after
/// that is told and does not fail the call: the images are paid for.
pub(crate) async fn make(cx: &Context, wish: Wish) -> Result<Vec<Content>> {
    let Wish { tool, spec, arguments, asked, delivery, room } = wish;
    fit(cx, &arguments, &delivery, 1)?;
    let salt = cx.random() as u64 >> 16;
    let id =
        |index: usize| if index == 0 { format!("img_{salt:012x}") } else { format!("img_{salt:012x}_{}", index + 1) };
    if let Some(to) = &delivery.save_to {
        // The format that is asked for; what comes tells its own.
        let asked = arguments.member::<String>("output_format")?.unwrap_or_else(|| "png".into());
        cx.reserve(Some(&path(to, &id(0), &asked, 0))).await?;
    }
    let answer = ask(cx, spec, streamed(arguments)?).await?;
    if answer.data.is_empty() {
        return Err(Error::new(Kind::Answer, "the answer holds no image"));
    }
    let count = answer.data.len();
    let mut blocks = Vec::new();
    for (index, picture) in answer.data.into_iter().enumerate() {
        let record = Record::new(cx, id(index), tool, &asked, answer.usage.as_ref());
        blocks.extend(deliver(cx, record, picture, &delivery, index, room / count).await);
    }
    if let Some(text) = tokens(answer.usage.as_ref(), answer.svg_usage.as_ref(), count) {
        blocks.push(Content::Text(text));
    }
    Ok(blocks)
}

async fn ask(cx: &Context, spec: &'static Spec, arguments: Arguments) -> Result<Answer> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        stream: Option<bool>,
    }
    let Asked { stream } = arguments.read()?;
    let response = cx.send(spec, arguments).response().await?;
    let unreadable = |error| Error::new(Kind::Answer, format!("the answer is not what was expected: {error}"));
    if stream != Some(true) {
        let broken = |failure: Failure| Error::new(Kind::Connection, format!("the answer broke off: {}", failure.text));
        let (mut unpacker, mut length, longest) = (Unpacker::default(), 0, LONGEST_ANSWER.min(2 * cx.room()));
        let mut chunks = response.into_body().into_chunks();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(broken)?;
            length += chunk.len();
            if length > longest {
                return Err(Error::new(Kind::Answer, format!("the answer is longer than {longest} bytes")));
            }
            unpacker.feed(&chunk);
        }
        let (mut answer, mut images): (Answer, _) = unpacker.end().map_err(unreadable)?;
        answer.data.truncate(MOST_IMAGES);
        answer.data.iter_mut().for_each(|picture| picture.fill(&mut images));
        return Ok(answer);
    }
    #[derive(Deserialize)]
    struct Step {
        #[serde(rename = "type")]
        kind: String,
        partial_image_index: Option<u64>,
        usage: Option<Value>,
        #[serde(flatten)]
        picture: Picture,
    }
    let mut answer = Answer::default();
    let mut events = Events::new(response)?;
    while let Some(event) = events.next().await? {
        let mut unpacker = Unpacker::default();
        unpacker.feed(&event.data);
        drop(event);
        let (mut step, mut images): (Step, _) = unpacker.end().map_err(unreadable)?;
        if step.kind.ends_with(".partial_image") {
            let number = step.partial_image_index.unwrap_or_default() + 1;
            cx.tell(&format!("partial image {number} has come"));
        } else if step.kind.ends_with(".completed") {
            step.picture.fill(&mut images);
            answer.data.push(step.picture);
            answer.usage = step.usage.or(answer.usage);
        }
    }
    Ok(answer)
}

/// Keeps one image and says where it is.
async fn deliver(
    cx: &Context,
    mut record: Record,
    picture: Picture,
    delivery: &Delivery,
    index: usize,
    room: usize,
) -> Vec<Content> {
    let Picture { content, url, revised_prompt, .. } = picture;
    let mut notes: Vec<String> =
        revised_prompt.map(|prompt| format!("prompt as revised: {prompt}")).into_iter().collect();
    let mut kept = true;
    let bytes = match (content, url) {
        (Some(bytes), _) => bytes,
        (_, Some(url)) => {
            record.url = Some(url);
            if let Err(error) = record::keep(cx, &record, None).await {
                notes.push(format!("not recorded: {error}"));
            }
            return lines(&record, notes, None);
        }
        _ => return vec![Content::Text("the answer holds neither an image nor a URL".into())],
    };
    record.describe(&bytes);
    if let Some(to) = &delivery.save_to {
        let path = path(to, &record.id, &record.format, index);
        match cx.save(path, Body::Full(bytes.clone())).await {
            Ok(saved) => record.path = Some(saved.path),
            Err(error) => notes.push(format!("not saved to a file: {error}")),
        }
    }
    let content = record.path.is_none().then_some(&bytes);
    if let Err(error) = record::keep(cx, &record, content).await {
        notes.push(format!("not recorded: {error}"));
        kept = content.is_none();
    }
    let shown = if kept {
        show(cx, &bytes, delivery.preview.unwrap_or(Preview::Small), room).await
    } else {
        notes.push("this block is all there is of the image".into());
        show(cx, &bytes, Preview::Full, room).await
    };
    lines(&record, notes, shown)
}

/// A block that shows an image.
pub(crate) async fn show(cx: &Context, bytes: &Bytes, preview: Preview, most: usize) -> Option<Content> {
    let image = |(data, kind): (Bytes, &str)| Content::Image { data, mime_type: kind.to_owned() };
    match preview {
        Preview::None => None,
        Preview::Small => {
            let (bytes, room) = (bytes.clone(), cx.room());
            // What cannot be drawn is not shown.
            cx.compute(move || draw::preview(&bytes, most, room)).await.ok().flatten().map(image)
        }
        Preview::Full => match draw::facts(bytes).format {
            Some("svg") => Some(Content::Text(String::from_utf8_lossy(bytes).into_owned())),
            format => Some(image((bytes.clone(), draw::mime_type(format.unwrap_or_default())))),
        },
    }
}

fn lines(record: &Record, notes: Vec<String>, shown: Option<Content>) -> Vec<Content> {
    let mut text = record.line();
    for note in notes {
        text.push('\n');
        text.push_str(&note);
    }
    std::iter::once(Content::Text(text)).chain(shown).collect()
}

/// Where an image goes: into a folder under its id, or to a file, with a number from the second image on.
fn path(to: &str, id: &str, format: &str, index: usize) -> String {
    let extension = if format == "jpeg" { "jpg" } else { format };
    if to.ends_with(['/', '\\']) {
        return format!("{to}{id}.{extension}");
    }
    if index == 0 {
        return to.to_owned();
    }
    let name = to.rfind(['/', '\\']).map_or(0, |at| at + 1);
    match to.rfind('.').filter(|dot| *dot > name) {
        Some(dot) => format!("{}-{}{}", &to[..dot], index + 1, &to[dot..]),
        None => format!("{to}-{}", index + 1),
    }
}

fn tokens(usage: Option<&Value>, svg: Option<&Value>, images: usize) -> Option<String> {
    let count = |usage: &Value, name: &str| usage.get(name).and_then(Value::as_u64);
    let told = |usage: &Value| {
        let total = count(usage, "total_tokens")?;
        let (input, output) = (count(usage, "input_tokens")?, count(usage, "output_tokens")?);
        Some(format!("{total} tokens ({input} in, {output} out)"))
    };
    let mut text = usage.and_then(told)?;
    if images > 1 {
        text.push_str(&format!(" for all {images} images"));
    }
    if let Some(svg) = svg.and_then(told) {
        text.push_str(&format!("; for writing the SVG {svg}"));
    }
    Some(text)
}
