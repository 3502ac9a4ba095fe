//! From a request to its images: asked for, kept, told.

use bytes::Bytes;
use futures_util::StreamExt as _;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::events::is_json;
use openai_mcp_kernel::json;
use openai_mcp_kernel::platform::Saved;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use openai_mcp_kernel::spec::Spec;
use serde_json::Map;

use crate::record::{self, Record};
use crate::room::Expected;
use crate::shapes::{Delivery, FORMATS, Preview};
use crate::show::{self, show};
use crate::unpack::Unpacker;

/// Most bytes of an answer: ten images of the largest size.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;
/// Most images of an answer, of which a request asks for ten at the most.
const MOST_IMAGES: usize = 100;

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

/// Images that are made and kept.
pub(crate) struct Made {
    /// What is told of each.
    pub(crate) data: Vec<Value>,
    /// What is told of all.
    pub(crate) about: Map<String, Value>,
    /// What is shown, with the ids.
    pub(crate) shown: Vec<(String, Content)>,
    /// Whether all of what OpenAI says is told.
    full: bool,
}

impl Made {
    pub(crate) fn output(mut self) -> Output {
        if !self.full {
            briefly(&mut self.about);
        }
        self.about.insert("data".into(), self.data.into());
        show::output(self.about.into(), self.shown)
    }
}

/// What OpenAI answered.
#[derive(Default)]
struct Answer {
    /// All but the pictures.
    about: Map<String, Value>,
    pictures: Vec<Picture>,
    /// Why no more came, where the stream ended too soon.
    broke: Option<String>,
}

struct Picture {
    content: Option<Bytes>,
    /// All but the content.
    about: Map<String, Value>,
}

impl Picture {
    /// Takes the image out of the object that holds its number among these.
    fn take(mut about: Map<String, Value>, images: &mut [Option<Bytes>]) -> Self {
        let number = about.remove("b64_json").and_then(|number| usize::try_from(number.as_u64()?).ok());
        about.retain(|_, value| !value.is_null());
        Picture { content: number.and_then(|number| images.get_mut(number)?.take()), about }
    }
}

/// Asks for images, keeps them, and gives what a result tells and shows of them. What is asked for is kept although its caller
/// may have gone.
///
/// # Errors
/// There is no room for the images, OpenAI was not reached or refused, its answer holds no image, or an image is not in
/// the file that was named: the error says where it is.
pub(crate) async fn make(cx: &Context, wish: Wish) -> Result<Made> {
    let own = cx.clone();
    cx.outlive(async move { draw(&own, wish).await }).await
}

async fn draw(cx: &Context, wish: Wish) -> Result<Made> {
    let Wish { tool, spec, mut arguments, asked, delivery, room } = wish;
    let save_to = delivery.save_to.as_deref();
    let format = arguments.member::<String>("output_format")?;
    if let Some(format) = save::format(save_to, ("output_format", format.as_deref()), FORMATS)? {
        arguments = arguments.set("output_format", format);
    }
    let expected = Expected::read(&arguments, &delivery)?;
    expected.fit(cx, 1)?;
    let salt = cx.random() as u64 >> 16;
    let id =
        |index: usize| if index == 0 { format!("img_{salt:012x}") } else { format!("img_{salt:012x}_{}", index + 1) };
    if let Some(to) = save_to {
        for index in 0..expected.count {
            // The format that is asked for; what comes tells its own.
            cx.reserve(Some(&path(to, &id(index), format.as_deref().unwrap_or("png"), index))).await?;
        }
    }
    // Without it the API sends no partial images.
    let partial = arguments.member::<u64>("partial_images")?.is_some_and(|number| number > 0);
    if partial && arguments.member::<bool>("stream")?.is_none() {
        arguments = arguments.set("stream", true);
    }
    let Answer { mut about, pictures, broke } = ask(cx, spec, arguments).await?;
    if pictures.is_empty() {
        let error = about.get("error").filter(|error| !error.is_null());
        let error = error.map(|error| Error::answer("the answer holds no image, but an error", error));
        return Err(error.unwrap_or_else(|| Error::new(Kind::Answer, "the answer holds no image")).perhaps_done());
    }
    let count = pictures.len();
    let (mut data, mut shown, mut unsaved) = (Vec::new(), Vec::new(), Vec::new());
    for (index, picture) in pictures.into_iter().enumerate() {
        let record = Record::new(cx, id(index), tool, &asked, about.get("usage"));
        let kept = keep(cx, record, picture, &delivery, index, room / count).await;
        data.push(kept.told.into());
        shown.extend(kept.shown.map(|block| (id(index), block)));
        unsaved.extend(kept.unsaved.map(|error| (id(index), error)));
    }
    if let Some((_, error)) = unsaved.first() {
        let ids = unsaved.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
        let text = format!("{error}\nhint: nothing is lost: image-get writes it elsewhere, from what is kept as {ids}");
        return Err(Error::new(error.kind(), text));
    }
    if delivery.full == Some(true) {
        about.retain(|_, value| !value.is_null());
    } else {
        about.retain(|name, usage| matches!(name.as_str(), "usage" | "svg_usage") && usage.is_object());
    }
    about.extend(broke.map(|error| ("incomplete".to_owned(), error.into())));
    Ok(Made { data, about, shown, full: delivery.full == Some(true) })
}

async fn ask(cx: &Context, spec: &'static Spec, arguments: Arguments) -> Result<Answer> {
    let stream = arguments.member::<bool>("stream")? == Some(true);
    let response = cx.send(spec, arguments).response().await?;
    // Not every server streams.
    let stream = stream && !is_json(&response);
    let unreadable =
        |error| Error::new(Kind::Answer, format!("the answer is not what was expected: {error}")).perhaps_done();
    let mut answer = Answer::default();
    if !stream {
        let broken = |failure: Failure| {
            Error::new(Kind::Connection, format!("the answer broke off: {}", failure.text)).perhaps_done()
        };
        let (mut unpacker, mut length, longest) = (Unpacker::default(), 0, LONGEST_ANSWER.min(2 * cx.room()));
        let mut chunks = response.into_body().into_chunks();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(broken)?;
            length += chunk.len();
            if length > longest {
                return Err(
                    Error::new(Kind::Answer, format!("the answer is longer than {longest} bytes")).perhaps_done()
                );
            }
            unpacker.feed(&chunk);
        }
        let (about, mut images): (Map<String, Value>, _) = unpacker.end().map_err(unreadable)?;
        answer.about = about;
        if let Some(Value::Array(pictures)) = answer.about.remove("data") {
            let objects = pictures.into_iter().filter_map(|picture| match picture {
                Value::Object(picture) => Some(picture),
                _ => None,
            });
            answer.pictures = objects.take(MOST_IMAGES).map(|picture| Picture::take(picture, &mut images)).collect();
        }
        return Ok(answer);
    }
    let mut events = Events::new(response)?;
    loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) if answer.pictures.is_empty() => {
                return Err(Error::new(Kind::Answer, "the stream ended before an image had come").perhaps_done());
            }
            Ok(None) => break,
            // What came before is paid for.
            Err(error) if !answer.pictures.is_empty() => {
                answer.broke = Some(error.into_text());
                break;
            }
            Err(error) if error.kind() == Kind::Connection => return Err(error.perhaps_done()),
            Err(error) => return Err(error),
        };
        let mut unpacker = Unpacker::default();
        unpacker.feed(&event.data);
        drop(event);
        let (mut step, mut images): (Map<String, Value>, _) = unpacker.end().map_err(unreadable)?;
        let kind = step.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        if kind.ends_with(".partial_image") {
            let number = step.get("partial_image_index").and_then(Value::as_u64).unwrap_or_default() + 1;
            cx.tell(&format!("partial image {number} has come"));
        } else if kind.ends_with(".completed") {
            answer.about.extend(step.remove("usage").map(|usage| ("usage".to_owned(), usage)));
            answer.pictures.push(Picture::take(step, &mut images));
        }
    }
    Ok(answer)
}

/// What became of an image.
struct Kept {
    told: Map<String, Value>,
    shown: Option<Content>,
    /// Why it is in the store instead of the file that was named.
    unsaved: Option<Error>,
}

/// Keeps one image and says where it is.
async fn keep(
    cx: &Context,
    mut record: Record,
    picture: Picture,
    delivery: &Delivery,
    index: usize,
    room: usize,
) -> Kept {
    let Picture { content, about } = picture;
    let mut told = about;
    let url = told.get("url").and_then(Value::as_str).map(str::to_owned);
    if delivery.full != Some(true) {
        told.retain(|name, _| name == "revised_prompt");
    }
    told.insert("id".into(), record.id.as_str().into());
    let (mut notes, mut shown, mut unsaved) = (Vec::new(), None, None);
    match (content, url) {
        (Some(bytes), _) => {
            record.describe(&bytes);
            if let Some(to) = &delivery.save_to {
                match cx.save(path(to, &record.id, &record.format, index), Body::Full(bytes.clone())).await {
                    Ok(Saved { path, .. }) => record.path = Some(path),
                    Err(error) => unsaved = Some(error),
                }
            }
            let content = record.path.is_none().then_some(&bytes);
            let mut preview = delivery.preview.unwrap_or(Preview::Small);
            if let Err(error) = record::keep(cx, &record, content).await {
                notes.extend(unsaved.take().map(|error| format!("not saved: {error}")));
                notes.push(format!("not recorded: {error}"));
                if content.is_some() {
                    notes.push("this result is all there is of the image".into());
                    preview = Preview::Full;
                }
            }
            shown = show(cx, &bytes, preview, room).await;
        }
        (None, Some(url)) => {
            record.url = Some(url);
            if let Err(error) = record::keep(cx, &record, None).await {
                notes.push(format!("not recorded: {error}"));
            }
            if delivery.save_to.is_some() {
                notes.push("not saved: OpenAI gave a URL; image-get with `save_to` fetches it".into());
            }
        }
        (None, None) => {
            let told = Map::from_iter([("note".into(), "the answer holds neither an image nor a URL".into())]);
            return Kept { told, shown: None, unsaved: None };
        }
    }
    told.extend(record.place());
    if !notes.is_empty() {
        told.insert("note".into(), notes.join("; ").into());
    }
    Kept { told, shown, unsaved }
}

/// Where an image goes: into a folder under its id, or to a file, with a number from the second image on. A name without an
/// extension gets that of the format.
fn path(to: &str, id: &str, format: &str, index: usize) -> String {
    let extension = if format == "jpeg" { "jpg" } else { format };
    if to.ends_with(['/', '\\']) {
        return format!("{to}{id}.{extension}");
    }
    if save::has_extension(to) {
        return save::numbered(to, index);
    }
    save::numbered(&format!("{to}.{extension}"), index)
}

/// What was spent, in brief.
pub(crate) fn briefly(spent: &mut Map<String, Value>) {
    for usage in spent.values_mut().filter_map(Value::as_object_mut) {
        *usage = tokens(usage);
    }
}

/// The counts of tokens, with their parts where there are several: texts and images cost differently.
fn tokens(usage: &Map<String, Value>) -> Map<String, Value> {
    let counts = usage.iter().filter_map(|(name, count)| match count {
        Value::Object(details) => {
            let told = details.iter().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
            let told = json::object(told.map(|(name, count)| (name.clone(), count.clone())));
            (told.len() > 1).then(|| (name.clone(), told.into()))
        }
        count => count.is_u64().then(|| (name.clone(), count.clone())),
    });
    json::object(counts)
}
