//! A tool: what it is called, what it takes, and which request it makes.

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::output::Output;
use crate::schema::{self, Field};

/// A tool, as `#[tool]` declares it.
#[derive(Debug)]
pub struct Spec {
    /// Public name, unique across all servers.
    pub name: &'static str,
    /// The description.
    pub doc: &'static str,
    /// The request it makes; `None` for a composite.
    pub endpoint: Option<Endpoint>,
    /// Its arguments.
    pub fields: &'static [Field],
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it takes the admin key instead of the project's.
    pub admin: bool,
    /// Its own code, for a composite or for an endpoint that shapes its result.
    pub run: Option<Run>,
}

/// A tool's own code.
pub type Run = fn(Context, Arguments) -> BoxFuture<'static, Result<Output>>;

/// One request of the API.
#[derive(Debug)]
pub struct Endpoint {
    /// Method.
    pub method: Method,
    /// Path below the base URL, parameters as `{name}` segments.
    pub path: &'static str,
    /// The `OpenAI-Beta` header.
    pub beta: Option<&'static str>,
    /// Whether the body is `multipart/form-data`.
    pub multipart: bool,
    /// Whether it asks for an event stream: `"stream": true` in every body.
    pub streams: bool,
}

/// What a tool does to the world: the four hints of MCP's tool annotations.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// It changes nothing at OpenAI.
    pub reads: bool,
    /// It may delete or overwrite.
    pub destroys: bool,
    /// Calling it twice is as calling it once.
    pub idempotent: bool,
    /// It reaches beyond the OpenAI account.
    pub open: bool,
    /// It may write a new file on the machine of the server, where the caller asks for that.
    pub saves: bool,
}

impl Spec {
    /// A title for people: `chat-completion-get` as `Chat completion get`.
    pub fn title(&self) -> String {
        let mut title = self.name.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        title
    }

    /// Whether `name` names this tool: exactly, or with `_` for `-`, as hosts rewrite names.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name
            || (self.name.len() == name.len()
                && self
                    .name
                    .bytes()
                    .zip(name.bytes())
                    .all(|(ours, given)| ours == given || (ours == b'-' && given == b'_')))
    }
}

/// The arguments of a call: the text of a JSON object, as the caller wrote it.
#[derive(Clone, Debug)]
pub struct Arguments(Bytes);

impl Arguments {
    /// Wraps the text of a JSON object. Absent and `null` arguments are the empty object.
    pub fn new(text: Option<Bytes>) -> Self {
        match text {
            Some(text) if text.as_ref() != b"null" => Arguments(text),
            _ => Arguments(Bytes::from_static(b"{}")),
        }
    }

    /// The text.
    pub fn text(&self) -> &Bytes {
        &self.0
    }

    /// Reads them as a tool's struct, after they were checked.
    ///
    /// # Errors
    /// A value that the check lets pass and the struct does not take.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0).map_err(|error| Error::new(Kind::Arguments, format!("arguments: {error}")))
    }

    /// One of them, if it is there and not `null`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.entries()?.into_iter().find(|(key, _)| key == name) {
            None => Ok(None),
            Some((_, raw)) => {
                serde_json::from_slice(raw.get().as_bytes()).map_err(|error| Error::argument(name, error))
            }
        }
    }

    /// The same arguments with `name` set to `value`; the others stay as they were written.
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub fn with(&self, name: &str, value: &serde_json::Value) -> Result<Self> {
        let value = json::text(value);
        let mut text = String::from("{");
        let mut push = |name: &str, value: &str| {
            if text.len() > 1 {
                text.push(',');
            }
            schema::render_text(&mut text, name);
            text.push(':');
            text.push_str(value);
        };
        let mut set = false;
        for (key, raw) in self.entries()? {
            set |= key == name;
            push(&key, if key == name { &value } else { raw.get() });
        }
        if !set {
            push(name, &value);
        }
        text.push('}');
        Ok(Arguments(text.into()))
    }

    /// The entries of the object, each value as its text.
    pub(crate) fn entries(&self) -> Result<Vec<(Cow<'_, str>, &RawValue)>> {
        json::entries(&self.0)
            .map_err(|error| Error::new(Kind::Arguments, format!("arguments: expected an object: {error}")))
    }
}

impl From<serde_json::Value> for Arguments {
    fn from(value: serde_json::Value) -> Self {
        Arguments(json::text(&value).into())
    }
}
