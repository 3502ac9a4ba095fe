//! Arguments as they were written: a schema's order of properties is the order in which a model fills them in, so it
//! must not be lost on the way.

use std::collections::BTreeMap;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::tool::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// JSON text that is passed on as it is.
pub(crate) type Raw = Box<RawValue>;

/// The members of an object, each as its text.
pub(crate) type Members = BTreeMap<String, Raw>;

/// The members of a JSON object.
///
/// # Errors
/// The text is not an object.
pub(crate) fn members(text: &[u8]) -> Result<Members> {
    serde_json::from_slice(text).map_err(unreadable)
}

/// Takes a member out, read as what it should be.
///
/// # Errors
/// It is not that.
pub(crate) fn take<T: DeserializeOwned>(members: &mut Members, name: &str) -> Result<Option<T>> {
    let Some(raw) = members.remove(name) else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|error| Error::argument(name, error))
}

/// The arguments without some of them.
///
/// # Errors
/// The text is not an object.
pub(crate) fn without(arguments: &Arguments, names: &[&str]) -> Result<Arguments> {
    let mut object = Object::default();
    for (name, value) in &members(arguments.text())? {
        if !names.contains(&name.as_str()) {
            object.set(name, value);
        }
    }
    Ok(object.into())
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(Kind::Arguments, format!("arguments: expected an object: {error}"))
}

/// A JSON object in the making, in the order in which it is set.
#[derive(Default)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
        // What is put here was JSON before.
        self.0.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
    }

    pub(crate) fn text(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

impl From<Object> for Arguments {
    fn from(object: Object) -> Self {
        Arguments::new(Some(object.text().into()))
    }
}
