//! Files that callers hand to tools.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};

use crate::json;
use crate::json::Node;

/// A file as the caller names it. Only [`crate::platform::Platform::open`] touches disk or network.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A file on the machine of the server.
    Path {
        /// Absolute, or relative to the first allowed root.
        path: String,
        /// Name to give it. Default: that of the path.
        filename: Option<String>,
        /// Media type. Default: what the name tells.
        mime_type: Option<String>,
    },
    /// A file that the server fetches.
    Url {
        /// An `https` (or `http`) URL of a public host.
        url: String,
        /// Name to give it. Default: the last segment of the URL's path.
        filename: Option<String>,
        /// Media type. Default: what the name tells.
        mime_type: Option<String>,
    },
    /// The bytes themselves.
    Inline {
        /// The content.
        bytes: Bytes,
        /// Its name.
        filename: String,
        /// Media type. Default: what the name tells.
        mime_type: Option<String>,
    },
}

/// What tells a file.
pub(crate) const KEYS: [&str; 6] = ["path", "url", "text", "data", "filename", "mime_type"];
/// What tells its content: one of these.
pub(crate) const CONTENT: [&str; 4] = ["path", "url", "text", "data"];

impl Source {
    /// Whether an object is a file at all, and not a reference to something that the API has already.
    pub fn is_named_by(node: &Node<'_>) -> bool {
        CONTENT.iter().any(|key| node.get(key).is_some())
    }

    /// Reads the `{"path"}`, `{"url"}`, `{"data", "filename"}` or `{"text", "filename"}` of an argument, or what
    /// [`Source::of_text`] reads. Of a name with folders before it the last part is the name.
    ///
    /// # Errors
    /// Says what is wrong, as the problem of a [`crate::schema::Fault`].
    pub fn read(node: &Node<'_>) -> Result<Self, String> {
        let mut source = Source::placed(node)?;
        let name = match &mut source {
            Source::Path { filename, .. } | Source::Url { filename, .. } => filename.as_mut(),
            Source::Inline { filename, .. } => Some(filename),
        };
        name.map(last_part);
        Ok(source)
    }

    /// The same for a file of several that have their places: its name may have folders before it.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn placed(node: &Node<'_>) -> Result<Self, String> {
        let entries = match node {
            Node::Object(entries) => entries,
            Node::Text(text) => return Source::of_text(text),
            _ => return Err(format!("expected an object with one of `path`, `url`, `text`, `data`, got {node}")),
        };
        for (key, value) in entries.iter().filter(|(_, value)| *value != Node::Null) {
            if !KEYS.contains(&key.as_ref()) {
                return Err(format!("unknown field `{key}`; a file has one of `path`, `url`, `text`, `data`"));
            }
            if value.as_str().is_none() {
                return Err(format!("`{key}`: expected a string, got {value}"));
            }
        }
        // Hosts that send every field leave empty what is not given. Only what a file holds may be so, if nothing else is it.
        let given = |key| node.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        let text = |key: &'static str| match key {
            "text" | "data" if !CONTENT.iter().any(|key| given(key).is_some()) => node.get(key).and_then(Node::as_str),
            _ => given(key),
        };
        let filename = text("filename").map(str::to_owned);
        let leads_away = |name: &str| name.split('/').any(|part| matches!(part, "" | "." | ".."));
        if filename.as_deref().is_some_and(|name| name.len() > 255 || name.contains('\0') || leads_away(name)) {
            return Err("`filename`: expected 1 to 255 bytes, with no `..` or empty folder in it".into());
        }
        let mime_type = text("mime_type").map(str::to_owned);
        if mime_type.as_deref().is_some_and(|mime| http::HeaderValue::from_str(mime).is_err() || !mime.contains('/')) {
            return Err("`mime_type`: expected a media type such as `text/plain`".into());
        }
        let source = match (text("path"), text("url"), text("text"), text("data")) {
            (Some(path), None, None, None) => Source::place(path)
                .unwrap_or_else(|| Source::local(path))
                .map_err(|problem| format!("`path`: {problem}"))?,
            (None, Some(url), None, None) => {
                let other = || Ok(Source::Url { url: bare(url).to_owned(), filename: None, mime_type: None });
                Source::place(url).unwrap_or_else(other).map_err(|problem| format!("`url`: {problem}"))?
            }
            (None, None, Some(text), None) => {
                let bytes = Bytes::copy_from_slice(text.as_bytes());
                Source::Inline { bytes, filename: String::new(), mime_type: None }
            }
            (None, None, None, Some(data)) => {
                let source = match data_url(data) {
                    Some(source) => source,
                    None => decoded(data).map(|bytes| inline(bytes, None)),
                };
                source.map_err(|problem| format!("`data`: {problem}"))?
            }
            _ => return Err("expected exactly one of `path`, `url`, `text`, `data`".into()),
        };
        match source.called(filename, mime_type) {
            Source::Inline { filename, .. } if filename.is_empty() => {
                Err("`filename`: required with `text` and `data`".into())
            }
            source => Ok(source),
        }
    }

    /// Reads a file that is a text alone: a path, a `file:`, `http:`, `https:` or `data:` URL, or the JSON of an object.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn of_text(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{')
            && let Ok(object @ Node::Object(_)) = Node::parse(text)
        {
            return Source::read(&object);
        }
        Source::place(text).unwrap_or_else(|| Source::local(text))
    }

    /// The id of a file at OpenAI that stands where a path may. A file here may be called so, too.
    pub fn id(&self) -> Option<&str> {
        let Source::Path { path, .. } = self else { return None };
        let of_id = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        path.strip_prefix("file-").filter(|rest| rest.bytes().all(of_id)).map(|_| path.as_str())
    }

    /// The name that it goes by: of a URL never the query, which may hold what gives access.
    pub fn name(&self) -> &str {
        let path = match self {
            Source::Inline { filename, .. }
            | Source::Path { filename: Some(filename), .. }
            | Source::Url { filename: Some(filename), .. } => return filename,
            Source::Path { path, .. } => path,
            Source::Url { url, .. } => url.split(['?', '#']).next().unwrap_or_default(),
        };
        path.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// What a text names that begins as a URL does.
    fn place(text: &str) -> Option<Result<Self, String>> {
        let text = bare(text);
        let (scheme, rest) = text.split_once(':')?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Some(Ok(Source::Url { url: text.to_owned(), filename: None, mime_type: None })),
            "data" => data_url(text),
            "file" => {
                // `file:///a`, `file://localhost/a`, `file:/a`; and `file:///C:/a`.
                let path = rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
                let path = percent_decode_str(path).decode_utf8_lossy();
                let drive = path.strip_prefix('/').filter(|path| path.as_bytes().get(1) == Some(&b':'));
                Some(Source::local(drive.unwrap_or(&path)))
            }
            _ => None,
        }
    }

    fn local(path: &str) -> Result<Self, String> {
        let path = bare(path);
        if path.is_empty() || path.contains('\0') {
            return Err("expected a path".into());
        }
        if path.contains('\n') {
            return Err(
                "expected a path, got several lines; what is to stand in a file is given as `text`, with `filename`"
                    .into(),
            );
        }
        Ok(Source::Path { path: path.to_owned(), filename: None, mime_type: None })
    }

    /// The same with the name and the type that the caller gives it.
    fn called(self, name: Option<String>, media: Option<String>) -> Self {
        match self {
            Source::Path { path, .. } => Source::Path { path, filename: name, mime_type: media },
            Source::Url { url, .. } => Source::Url { url, filename: name, mime_type: media },
            Source::Inline { bytes, filename, mime_type } => {
                Source::Inline { bytes, filename: name.unwrap_or(filename), mime_type: media.or(mime_type) }
            }
        }
    }

    /// Whether the caller gave it a name, and a type.
    pub(crate) fn told(&self) -> (bool, bool) {
        match self {
            Source::Path { filename, mime_type, .. } | Source::Url { filename, mime_type, .. } => {
                (filename.is_some(), mime_type.is_some())
            }
            Source::Inline { mime_type, .. } => (true, mime_type.is_some()),
        }
    }
}

/// Takes the folders before a name off.
fn last_part(name: &mut String) {
    if let Some((_, last)) = name.rsplit_once('/') {
        *name = last.to_owned();
    }
}

/// A path or URL without what surrounds it where it was copied from: blanks, line ends, quotes.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let inner = ['"', '\'', '`'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(text).trim()
}

/// The bytes of base64, in the alphabet of files or of URLs, in one line or many, with or without padding.
fn decoded(data: &str) -> Result<Bytes, String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let letters = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte,
    });
    let letters: Vec<u8> = letters.collect();
    let decoded = LENIENT.decode(letters);
    decoded.map(Bytes::from).map_err(|error| format!("not base64: {}", error.to_string().trim_end_matches('.')))
}

/// What a `data:` URL holds: RFC 2397.
fn data_url(text: &str) -> Option<Result<Source, String>> {
    let text = text.trim();
    let rest = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(text.get(5..))?;
    let Some((about, data)) = rest.split_once(',') else { return Some(Err("a data URL without a comma".into())) };
    let media = about.split(';').next().filter(|media| media.contains('/'));
    let unescaped = percent_decode_str(data);
    Some(match about.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64")) {
        true => decoded(&unescaped.decode_utf8_lossy()).map(|bytes| inline(bytes, media.or(Some("text/plain")))),
        false => Ok(inline(unescaped.collect::<Vec<u8>>().into(), media.or(Some("text/plain")))),
    })
}

/// Bytes without a name; what they are gives them one, else the type that is told of them.
fn inline(bytes: Bytes, media: Option<&str>) -> Source {
    let extension = sniffed(&bytes).and_then(|extensions| extensions.first().copied());
    let filename = match (extension.or_else(|| extension_of(media?)), media) {
        (Some(extension), _) => {
            return Source::Inline { bytes, filename: format!("file.{extension}"), mime_type: None };
        }
        (None, Some(_)) => "file".to_owned(),
        (None, None) => String::new(),
    };
    let mime_type = media.filter(|media| http::HeaderValue::from_str(media).is_ok()).map(str::to_owned);
    Source::Inline { bytes, filename, mime_type }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = json::text(&serde_json::Value::deserialize(deserializer)?);
        let node = Node::parse(&value).map_err(serde::de::Error::custom)?;
        Source::read(&node).map_err(serde::de::Error::custom)
    }
}

/// Extensions with their types, as the official SDK would guess them: only what OpenAI takes or gives. Of several
/// extensions of a type the first is its usual one.
const TYPES: [(&str, &str); 40] = [
    ("txt", "text/plain"),
    ("bat", "text/plain"),
    ("c", "text/plain"),
    ("h", "text/plain"),
    ("pl", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mpga", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("py", "text/x-python"),
    ("sh", "application/x-sh"),
    ("tar", "application/x-tar"),
    ("ts", "video/mp2t"),
    ("wav", "audio/x-wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xml", "text/xml"),
    ("zip", "application/zip"),
    ("md", "text/x-markdown"),
    ("js", "application/javascript"),
    ("xml", "application/xml"),
];

/// What else hosts call these types.
const OTHERWISE: [(&str, &str); 13] = [
    ("wav", "audio/wav"),
    ("wav", "audio/wave"),
    ("wav", "audio/vnd.wave"),
    ("mp3", "audio/mp3"),
    ("m4a", "audio/m4a"),
    ("m4a", "audio/x-m4a"),
    ("flac", "audio/x-flac"),
    ("ogg", "application/ogg"),
    ("ogg", "audio/opus"),
    ("webm", "audio/webm"),
    ("jpg", "image/jpg"),
    ("jpg", "image/pjpeg"),
    ("csv", "application/csv"),
];

/// What is said of a file whose type is not known.
const UNKNOWN: &str = "application/octet-stream";

/// The extension of a name, if it looks like one.
fn extension(filename: &str) -> Option<&str> {
    let (_, extension) = filename.rsplit_once('.')?;
    ((1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then_some(extension)
}

/// The media type that a file name tells, as the official SDK would guess it.
///
/// Only what OpenAI takes or gives; `application/octet-stream` for the rest.
pub fn media_type(filename: &str) -> &'static str {
    let known = |wanted: &str| TYPES.iter().find(|(extension, _)| wanted.eq_ignore_ascii_case(extension));
    extension(filename).and_then(known).map_or(UNKNOWN, |(_, media)| media)
}

/// The usual extension of a media type.
fn extension_of(media: &str) -> Option<&'static str> {
    let essence = media.split(';').next().unwrap_or_default().trim();
    let mut known = TYPES.iter().chain(&OTHERWISE);
    known.find(|(_, media)| essence.eq_ignore_ascii_case(media)).map(|(extension, _)| *extension)
}

/// Bytes that are enough to tell what a file is.
pub(crate) const HEAD: usize = 64;

/// The extensions that a file may have whose first bytes tell what it is, the usual one first.
pub(crate) fn sniffed(head: &[u8]) -> Option<&'static [&'static str]> {
    let at = |start: usize, bytes: &[u8]| head.get(start..).is_some_and(|rest| rest.starts_with(bytes));
    Some(match head {
        _ if at(0, b"\x89PNG\r\n\x1a\n") => &["png"],
        _ if at(0, b"\xff\xd8\xff") => &["jpg", "jpeg"],
        _ if at(0, b"GIF8") => &["gif"],
        _ if at(0, b"RIFF") && at(8, b"WEBP") => &["webp"],
        _ if at(0, b"RIFF") && at(8, b"WAVE") => &["wav"],
        _ if at(0, b"%PDF-") => &["pdf"],
        _ if at(0, b"fLaC") => &["flac"],
        _ if at(0, b"OggS") => &["ogg", "oga"],
        _ if at(0, b"ID3") || is_mpeg_frame(head) => &["mp3", "mpga", "mpeg"],
        _ if at(4, b"ftypM4A ") => &["m4a", "mp4"],
        _ if ["isom", "iso2", "mp41", "mp42", "avc1", "M4V ", "dash"].iter().any(|brand| at(8, brand.as_bytes()))
            && at(4, b"ftyp") =>
        {
            &["mp4", "m4a"]
        }
        _ if at(0, b"\x1a\x45\xdf\xa3") && head.windows(4).any(|bytes| bytes == b"webm") => &["webm"],
        _ => return None,
    })
}

/// Whether a frame of layer III begins here, with a bit rate and a sample rate that there are.
fn is_mpeg_frame(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xfa | 0xfb | 0xf2 | 0xf3 | 0xe2 | 0xe3, rates, ..] if rates >> 4 != 0xf && rates >> 4 != 0 && rates >> 2 & 3 != 3)
}

/// Name and type of a file as its first bytes tell them. What the caller `told` stays: a type, and a name unless it is
/// without an extension that is known.
pub(crate) fn by_bytes(head: &[u8], told: (bool, bool), filename: &mut String, mime_type: &mut String) {
    let Some(extensions) = sniffed(head) else { return };
    let own = extension(filename).map(str::to_ascii_lowercase);
    let fits = own.as_deref().and_then(|own| extensions.iter().find(|extension| **extension == own));
    let Some(right) = fits.or(extensions.first()) else { return };
    if !told.1 {
        *mime_type = media_type(&format!(".{right}")).to_owned();
    }
    if fits.is_none() && !(told.0 && media_type(filename) != UNKNOWN) {
        let stem = own.map_or(filename.len(), |own| filename.len() - own.len() - 1);
        filename.truncate(stem);
        filename.push('.');
        filename.push_str(right);
    }
}

/// Name and type of a file that a host on the web gives: its word stands above the name's, unless it says nothing.
pub(crate) fn by_host(media: &str, named: bool, filename: &mut String) -> String {
    let guessed = media_type(filename);
    match extension_of(media).filter(|extension| *extension != "txt" || guessed == UNKNOWN) {
        Some(right) => {
            if !named && extension(filename).is_none() {
                filename.push('.');
                filename.push_str(right);
            }
            media_type(&format!(".{right}")).to_owned()
        }
        None if guessed == UNKNOWN && media.contains('/') => media.to_owned(),
        None => guessed.to_owned(),
    }
}
