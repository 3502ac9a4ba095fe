//! `/moderations`.
//!
//! # Where it differs from the API
//!
//! It goes by words, not by meaning. A text is flagged for the words of [`WORDS`], and for `[[flag CATEGORY]]` in it (`[[flag hate/threatening]]`). An
//! image is flagged for `sandbox-flag-CATEGORY` in its URL, or in the bytes of a data URL, with `-` for `/`
//! (`https://example.com/sandbox-flag-violence-graphic.png`); nobody looks at its pixels. A flagged category scores from
//! 0.80 to 0.99, any other at most 0.02; the same input scores the same, always.

use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Extension, Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::hash::fnv1a;
use serde_json::{Map, Value, json};

use crate::api::models;
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::params::{Json, Params, mistyped};
use crate::world::Caller;

const LARGEST_BODY: usize = 32 * 1024 * 1024;
const LARGEST_IMAGE: usize = 20 * 1024 * 1024;
/// Categories, whether they apply to images, and the words and phrases that are flagged.
const WORDS: &[(&str, bool, &[&str])] = &[
    ("harassment", false, &["idiot", "idiots", "moron", "morons", "you are worthless", "shut up"]),
    ("harassment/threatening", false, &["i will kill you", "i will hurt you", "i will find you"]),
    ("hate", false, &["subhuman", "vermin"]),
    ("hate/threatening", false, &["exterminate them"]),
    ("illicit", false, &["shoplift", "counterfeit money", "launder money", "pick a lock"]),
    ("illicit/violent", false, &["build a bomb", "make a bomb", "pipe bomb"]),
    ("self-harm", true, &["suicide", "cut myself", "kill myself", "harm myself"]),
    ("self-harm/intent", true, &["kill myself", "end my life", "cut myself"]),
    ("self-harm/instructions", true, &["how to kill myself", "ways to end my life"]),
    ("sexual", true, &["porn", "erotic", "nude"]),
    ("sexual/minors", false, &[]),
    ("violence", true, &["kill", "murder", "stab", "shoot", "massacre", "i will hurt you"]),
    ("violence/graphic", true, &["gore", "dismembered", "bloodbath"]),
];

pub(crate) fn routes() -> Router {
    Router::new().route("/moderations", post(create)).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// What gets one verdict.
#[derive(Default)]
struct Subject {
    text: Option<String>,
    /// What the images say of themselves.
    image: Option<String>,
}

async fn create(Extension(account): Caller, Json(mut params): Json) -> Result<Answer<Value>> {
    let model = models::read(&mut params, Some("omni-moderation-latest"), Use::Moderation)?;
    // The older models are one.
    let answers = if model.starts_with("text") { "text-moderation-007" } else { &model };
    let images = answers.starts_with("omni");
    let subjects = subjects(&mut params, images)?;
    params.finish()?;
    let results: Vec<Value> = subjects.iter().map(|subject| judge(subject, images)).collect();
    let id = account.world().mint("modr-");
    Ok(Answer(json!({"id": id, "model": answers, "results": results})))
}

fn subjects(params: &mut Params, images: bool) -> Result<Vec<Subject>> {
    let text = |text: String| Subject { text: Some(text), image: None };
    let items = match params.peek("input") {
        Some(Value::String(_)) => return Ok(params.string("input")?.map(text).into_iter().collect()),
        Some(Value::Array(_)) => params.array("input", 1..=2048)?.unwrap_or_default(),
        _ => {
            let given = params.take("input");
            let given = params.required("input", given)?;
            return Err(mistyped("input", "one of an array of strings, an array of objects, or a string", &given));
        }
    };
    if items.iter().all(|(_, item)| item.is_string()) {
        return Ok(items.into_iter().filter_map(|(_, item)| item.as_str().map(|item| text(item.to_owned()))).collect());
    }
    let (mut whole, mut seen) = (Subject::default(), 0);
    for (path, item) in items {
        let mut part = Params::nested(path.clone(), item)?;
        let kind = part.need("type", |params, name| params.one_of(name, &["text", "image_url"]))?;
        if kind == "text" {
            let text = part.need("text", Params::string)?;
            let all = whole.text.get_or_insert_default();
            all.push_str(&text);
            all.push('\n');
        } else {
            seen += 1;
            let mut image = part.need("image_url", Params::object)?;
            let url = image.need("url", Params::string)?;
            image.finish()?;
            if !images {
                let message = "Image input is supported by the omni-moderation models alone.";
                return Err(Error::invalid(&path, "invalid_value", message));
            }
            if seen > 1 {
                return Err(Error::invalid("input", "too_many_images", "At most 1 image can be given in a request."));
            }
            whole.image.get_or_insert_default().push_str(&look(&format!("{path}.image_url.url"), &url)?);
        }
        part.finish()?;
    }
    Ok(vec![whole])
}

/// What an image says of itself: its URL, or the readable bytes of its data.
fn look(path: &str, url: &str) -> Result<String> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(url.to_owned());
    }
    let refused = |message: &str| Error::invalid(path, "invalid_image_url", message);
    let data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let Some((_, data)) = data else {
        return Err(refused("Expected an http or https URL, or a base64 data URL of an image."));
    };
    let bytes = STANDARD.decode(data).map_err(|_| refused("The data URL is not valid base64."))?;
    if bytes.len() > LARGEST_IMAGE {
        return Err(refused("The image is larger than 20 MB."));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn judge(subject: &Subject, omni: bool) -> Value {
    let text = subject.text.as_deref().unwrap_or_default();
    let image = subject.image.as_deref().unwrap_or_default();
    let words: String = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let words = format!(" {} ", words.split_whitespace().collect::<Vec<_>>().join(" "));
    let (mut categories, mut scores, mut applied) = (Map::new(), Map::new(), Map::new());
    for (category, of_images, phrases) in WORDS {
        if !omni && category.starts_with("illicit") {
            continue;
        }
        let in_text = phrases.iter().any(|phrase| words.contains(&format!(" {phrase} ")))
            || text.contains(&format!("[[flag {category}]]"));
        let in_image = *of_images && marked(image, &category.replace('/', "-"));
        let flagged = in_text || in_image;
        let noise = fnv1a(format!("{category} {text} {image}").as_bytes()) % 10_000;
        let noise = f64::from(u16::try_from(noise).unwrap_or_default()) / 10_000.0;
        let score = if flagged { 0.80 + noise * 0.19 } else { noise * noise * 0.02 };
        let mut inputs = Vec::new();
        if subject.text.is_some() {
            inputs.push("text");
        }
        if subject.image.is_some() && *of_images {
            inputs.push("image");
        }
        categories.insert((*category).to_owned(), flagged.into());
        scores.insert((*category).to_owned(), score.into());
        applied.insert((*category).to_owned(), inputs.into());
    }
    let flagged = categories.values().any(|flagged| flagged == &json!(true));
    json!({
        "flagged": flagged, "categories": categories, "category_scores": scores, "category_applied_input_types": applied,
    })
}

/// Whether an image carries the mark of a category, and not that of a longer one.
fn marked(image: &str, category: &str) -> bool {
    let mark = format!("sandbox-flag-{category}");
    image.match_indices(&mark).any(|(at, _)| {
        let rest = image.get(at + mark.len()..).unwrap_or_default();
        !["-graphic", "-intent", "-instructions", "-minors"].iter().any(|longer| rest.starts_with(longer))
    })
}
