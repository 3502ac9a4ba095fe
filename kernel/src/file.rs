//! Files that callers hand to tools.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
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
        /// Name to give it; the path's own unless told.
        filename: Option<String>,
        /// Media type; guessed from the name unless told.
        mime_type: Option<String>,
    },
    /// A file that the server fetches.
    Url {
        /// An `https` (or `http`) URL of a public host.
        url: String,
        /// Name to give it; the last segment of the URL's path unless told.
        filename: Option<String>,
        /// Media type; guessed from the name unless told.
        mime_type: Option<String>,
    },
    /// The bytes themselves.
    Inline {
        /// The content.
        bytes: Bytes,
        /// Its name.
        filename: String,
        /// Media type; guessed from the name unless told.
        mime_type: Option<String>,
    },
}

impl Source {
    /// Whether an object is a file at all, and not a reference to something that the API has already.
    pub fn is_named_by(node: &Node<'_>) -> bool {
        ["path", "url", "text", "data"].iter().any(|key| node.get(key).is_some())
    }

    /// Reads the `{"path"}`, `{"url"}`, `{"data", "filename"}` or `{"text", "filename"}` of an argument.
    ///
    /// # Errors
    /// Says what is wrong, as the problem of a [`crate::schema::Fault`].
    pub fn read(node: &Node<'_>) -> Result<Self, String> {
        const KEYS: [&str; 6] = ["path", "url", "text", "data", "filename", "mime_type"];
        let Node::Object(entries) = node else {
            return Err(format!("expected an object with one of `path`, `url`, `text`, `data`, got {node}"));
        };
        for (key, value) in entries {
            if !KEYS.contains(&key.as_ref()) {
                return Err(format!("unknown field `{key}`; a file has one of `path`, `url`, `text`, `data`"));
            }
            if value.as_str().is_none() {
                return Err(format!("`{key}`: expected a string, got {value}"));
            }
        }
        let text = |key| node.get(key).and_then(Node::as_str);
        let filename = text("filename").map(str::to_owned);
        if filename.as_deref().is_some_and(|name| name.is_empty() || name.len() > 255 || name.contains(['/', '\0'])) {
            return Err("`filename`: expected 1 to 255 bytes without `/`".into());
        }
        let mime_type = text("mime_type").map(str::to_owned);
        if mime_type.as_deref().is_some_and(|mime| http::HeaderValue::from_str(mime).is_err() || !mime.contains('/')) {
            return Err("`mime_type`: expected a media type such as `text/plain`".into());
        }
        let named = |filename: Option<String>| filename.ok_or("`filename`: required with `text` and `data`".to_owned());
        match (text("path"), text("url"), text("text"), text("data")) {
            (Some(path), None, None, None) if path.is_empty() || path.contains('\0') => {
                Err("`path`: expected a path".into())
            }
            (Some(path), None, None, None) => Ok(Source::Path { path: path.to_owned(), filename, mime_type }),
            (None, Some(url), None, None) => Ok(Source::Url { url: url.to_owned(), filename, mime_type }),
            (None, None, Some(text), None) => {
                let bytes = Bytes::copy_from_slice(text.as_bytes());
                Ok(Source::Inline { bytes, filename: named(filename)?, mime_type })
            }
            (None, None, None, Some(data)) => {
                let bytes = STANDARD
                    .decode(data)
                    .map_err(|error| format!("`data`: not base64: {}", error.to_string().trim_end_matches('.')))?;
                Ok(Source::Inline { bytes: bytes.into(), filename: named(filename)?, mime_type })
            }
            _ => Err("expected exactly one of `path`, `url`, `text`, `data`".into()),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = json::text(&serde_json::Value::deserialize(deserializer)?);
        let node = Node::parse(&value).map_err(serde::de::Error::custom)?;
        Source::read(&node).map_err(serde::de::Error::custom)
    }
}

/// The media type that a file name tells, as the official SDK would guess it.
///
/// Only what OpenAI takes or gives; `application/octet-stream` for the rest.
pub fn media_type(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "bat" | "c" | "h" | "pl" | "txt" => "text/plain",
        "css" => "text/css",
        "csv" => "text/csv",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "flac" => "audio/flac",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "js" => "text/javascript",
        "json" => "application/json",
        "m4a" => "audio/mp4",
        "md" => "text/markdown",
        "mp3" | "mpga" => "audio/mpeg",
        "mp4" => "video/mp4",
        "mpeg" => "video/mpeg",
        "oga" | "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "py" => "text/x-python",
        "sh" => "application/x-sh",
        "tar" => "application/x-tar",
        "ts" => "video/mp2t",
        "wav" => "audio/x-wav",
        "webm" => "video/webm",
        "webp" => "image/webp",
        "xml" => "text/xml",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}
