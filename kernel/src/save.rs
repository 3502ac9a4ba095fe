//! Results in new files of the server's machine: where the caller asks for one, or where what is paid for would else be
//! lost.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::file::media_type;
use crate::json;
use crate::output::{Content, Output};
use crate::platform::Saved;

/// The folder, in the first that the operator allows, of what is paid for and could not go where it was to.
const SPARE: &str = "openai-mcp-results";

/// Most bytes of sound within a result: as base64 it stays below a megabyte, which clients take.
const SMALL: usize = 700_000;

/// The formats of a tool's results, the usual one first, each with the extensions of its files.
pub type Formats = &'static [(&'static str, &'static [&'static str])];

impl Saved {
    /// As results tell of it, under `saved_to`.
    pub fn show(&self) -> Value {
        json!({"path": self.path, "bytes": self.bytes})
    }
}

/// Why a result is not in the file that the caller named.
#[derive(Debug)]
pub struct Unsaved {
    /// What went wrong, and where the result is instead, if it is anywhere.
    pub error: Error,
    /// Whether it is kept. What is not has to go into the result.
    pub kept: bool,
}

/// Sound that was paid for.
#[derive(Debug)]
pub struct Sound {
    /// The encoded sound.
    pub data: Bytes,
    /// The extension of its files.
    pub extension: &'static str,
    /// Its media type.
    pub mime_type: &'static str,
}

/// Sound that is in a spare file, not in the one that the caller named.
#[derive(Debug)]
pub struct Elsewhere {
    /// What is told beside the sound.
    pub told: Map<String, Value>,
    /// Why, and where the sound is.
    pub error: Error,
}

impl Elsewhere {
    /// The result all the same: what is told beside the sound is paid for, too.
    pub fn tell(mut self) -> Output {
        not_saved(&mut self.told, &self.error);
        Output::json(&self.told.into())
    }
}

impl Context {
    /// Makes sure, before anything is spent, that [`Context::save`] can write a new file at this path, with the folders on
    /// the way to it. Does nothing where there is no path, and leaves nothing behind.
    ///
    /// # Errors
    /// As [`Context::save`]: about the path, which is the argument `save_to`.
    pub async fn reserve(&self, path: Option<&str>) -> Result<()> {
        let Some(path) = path else { return Ok(()) };
        let told = |error: Error| Error::new(error.kind(), format!("`save_to`: {error}"));
        self.check_saving().map_err(told)?;
        self.platform().reserve(path.to_owned()).await.map_err(told)
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// The file cannot be written, or the caller may not name files here.
    pub async fn save(&self, path: String, body: Body) -> Result<Saved> {
        self.check_saving()?;
        self.platform().save(path, body).await
    }

    /// Writes what is paid for to the file that the caller named, and if that fails to a spare one, as [`Context::keep`].
    ///
    /// # Errors
    /// It is not where it was to be.
    pub async fn save_paid(&self, path: String, spare: (&str, &str), content: Bytes) -> Result<Saved, Unsaved> {
        let error = match self.save(path, Body::Full(content.clone())).await {
            Ok(saved) => return Ok(saved),
            Err(error) => error,
        };
        Err(match self.keep(spare, content).await {
            Ok(Saved { path, bytes }) => {
                let text = format!("{error}\nhint: nothing is lost: all {bytes} bytes are kept in {path}");
                Unsaved { error: Error::new(error.kind(), text), kept: true }
            }
            Err(_) => Unsaved { error, kept: false },
        })
    }

    /// Writes what is paid for, and has no place or not the one that it was to have, to a new file whose name begins as
    /// the first word and has the second for its extension.
    ///
    /// # Errors
    /// As [`Context::save`].
    pub async fn keep(&self, (stem, extension): (&str, &str), content: Bytes) -> Result<Saved> {
        let name = format!("{SPARE}/{stem}-{:08x}.{extension}", self.random() as u32);
        self.save(name, Body::Full(content)).await
    }

    /// Gives the caller JSON that was paid for and is kept nowhere. What is too long for a result goes into a new file, whose
    /// name begins with `stem`, and is cut; where no file can be written it is shown whole.
    pub async fn give_json(&self, stem: &str, object: Bytes) -> Output {
        let (bytes, most) = (object.len(), self.max_result());
        if bytes <= most {
            return Output::Json(object);
        }
        let Ok(saved) = self.keep((stem, "json"), object.clone()).await else { return Output::whole(object) };
        // What has more values than are read is in the file alone.
        let value = json::tree(&object).unwrap_or_else(|_| json!({}));
        Output::json(&json::shorten(&value, most, &format!("all {bytes} bytes are saved to {}", saved.path)))
    }

    /// Gives the caller sound, and what is told beside it: in the file that they named, within the result if it is small and
    /// somebody waits for that, else in a new file.
    ///
    /// # Errors
    /// The sound is in another file than the caller named.
    pub async fn give_sound(
        &self,
        mut told: Map<String, Value>,
        sound: Sound,
        save_to: Option<String>,
    ) -> Result<Output, Elsewhere> {
        let Sound { data, extension, mime_type } = sound;
        let spare = ("speech", extension);
        let saved = match save_to {
            Some(path) => match self.save_paid(path, spare, data.clone()).await {
                Ok(saved) => Some(saved),
                Err(Unsaved { error, kept: true }) => return Err(Elsewhere { told, error }),
                Err(Unsaved { error, .. }) => {
                    not_saved(&mut told, &error);
                    None
                }
            },
            None if data.len() > SMALL || self.given_up() => self.keep(spare, data.clone()).await.ok(),
            None => None,
        };
        if let Some(saved) = saved {
            told.insert("saved_to".into(), saved.show());
            return Ok(Output::json(&told.into()));
        }
        told.insert("bytes".into(), data.len().into());
        let block = Content::Audio { data, mime_type: mime_type.to_owned() };
        Ok(Output::Content(vec![Content::Text(Value::Object(told).to_string()), block]))
    }

    /// What brings a binary content that no result shows into a file.
    pub fn advice_to_save(&self) -> &'static str {
        match self.has_files() && self.check_saving().is_ok() {
            true => "give `save_to` to write it to a file",
            false => {
                "it cannot be had here, only where `save_to` may write files, as from a server on your own machine"
            }
        }
    }

    pub(crate) fn check_saving(&self) -> Result<()> {
        if self.read_only() {
            return Err(Error::new(Kind::File, "the server is read-only: it writes no files"));
        }
        self.check_paths("leave it out, to get the result itself")
    }
}

/// Says so in the `note` of a result, after what stands there.
fn not_saved(told: &mut Map<String, Value>, error: &Error) {
    let before = told.get("note").and_then(Value::as_str).map(|note| format!("{note}\n")).unwrap_or_default();
    told.insert("note".into(), format!("{before}not saved: {error}").into());
}

/// The format that the file of `save_to` asks for by its extension, where the caller has `asked` for none by the argument
/// `named`; `None` where there is nothing to ask for. Without a name of an argument the format is not for the caller to choose.
///
/// # Errors
/// The file is one of another format than was asked for, or than the tool has.
pub fn format(
    save_to: Option<&str>,
    (named, asked): (&str, Option<&str>),
    formats: Formats,
) -> Result<Option<&'static str>> {
    let name = save_to.map(last).unwrap_or_default();
    let Some((_, extension)) = name.rsplit_once('.') else { return Ok(None) };
    let extension = extension.to_ascii_lowercase();
    let fitting =
        || formats.iter().filter(|(_, extensions)| extensions.contains(&extension.as_str())).map(|(name, _)| *name);
    match (asked, fitting().next()) {
        (None, Some(format)) => Ok(formats.first().is_none_or(|(usual, _)| *usual != format).then_some(format)),
        (Some(asked), Some(_)) if fitting().any(|format| format == asked) => Ok(None),
        (Some(asked), Some(other)) if !named.is_empty() => {
            let text = format!(
                "expected a name that ends in {}, as `{named}` asks for `{asked}`, got `{name}`\n\
                 hint: without `{named}` the name chooses `{other}`",
                endings(formats, Some(asked))
            );
            Err(Error::argument("save_to", text))
        }
        (_, None) if !has_extension(name) => Ok(None),
        _ => {
            let text = format!("expected a name that ends in {}, got `{name}`", endings(formats, asked));
            Err(Error::argument("save_to", text))
        }
    }
}

/// Whether the name of a file says what it is of: by an extension that OpenAI knows, or one of two to four letters. All else
/// behind a point is part of the name, as in `v1.2` and `report.final`.
pub fn has_extension(path: &str) -> bool {
    let name = last(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let looks_so = (2..=4).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphabetic());
    looks_so || media_type(name) != media_type("")
}

fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The path for one of several results: `a.png`, `a-2.png`, ….
pub fn numbered(path: &str, index: usize) -> String {
    match (index, path.rsplit_once('.')) {
        (0, _) => path.to_owned(),
        (_, Some((stem, extension)))
            if !stem.is_empty() && !stem.ends_with(['/', '\\']) && !extension.contains(['/', '\\']) =>
        {
            format!("{stem}-{}.{extension}", index + 1)
        }
        _ => format!("{path}-{}", index + 1),
    }
}

/// The extensions of one format, or of all.
fn endings(formats: Formats, of: Option<&str>) -> String {
    let those = formats.iter().filter(|(name, _)| of.is_none_or(|of| of == *name));
    let mut endings: Vec<String> = Vec::new();
    for extension in those.flat_map(|(_, extensions)| extensions.iter()) {
        let ending = format!("`.{extension}`");
        if !endings.contains(&ending) {
            endings.push(ending);
        }
    }
    endings.join(", ")
}
