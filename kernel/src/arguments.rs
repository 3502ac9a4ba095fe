//! The arguments of a call, as the caller wrote them or as code put them together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};
use crate::file::Source;
use crate::json;

/// The arguments of a call: the text of a JSON object, as the caller wrote it, and files that code attached.
///
/// What is set or merged goes out beside the rest, which stays as it was written, `null` and the digits of numbers
/// included.
#[derive(Clone, Debug)]
pub struct Arguments {
    text: Bytes,
    files: Vec<(&'static str, Source)>,
}

impl Arguments {
    /// Wraps the text of a JSON object. Absent and `null` arguments are the empty object.
    pub fn new(text: Option<Bytes>) -> Self {
        let text = text.filter(|text| text.as_ref() != b"null").unwrap_or(Bytes::from_static(b"{}"));
        Arguments { text, files: Vec::new() }
    }

    /// The text.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The files that were attached, each with the argument it is for.
    pub fn files(&self) -> &[(&'static str, Source)] {
        &self.files
    }

    /// Reads them as a whole.
    ///
    /// # Errors
    /// They are not what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.text).map_err(|error| Error::new(Kind::Arguments, format!("arguments: {error}")))
    }

    /// One of them, if it is there and not `null`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.members()?.read(name)
    }

    /// All of them, each still a text.
    ///
    /// # Errors
    /// They are no JSON object.
    pub fn members(&self) -> Result<Members<'_>> {
        json::entries(&self.text)
            .map(Members)
            .map_err(|error| Error::new(Kind::Arguments, format!("arguments: expected an object: {error}")))
    }

    /// The same with `name` set to `value`, in the place where it stood or else at the end.
    #[must_use]
    pub fn set(self, name: &str, value: impl Serialize) -> Self {
        // Keys are texts, and writing to memory cannot fail.
        let value = serde_json::to_string(&value).unwrap_or_default();
        self.rewritten(&[(name.into(), Some(value.into()))])
    }

    /// The same without `name`.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        let there = self.members().is_ok_and(|members| members.names().any(|member| member == name));
        if there { self.rewritten(&[(name.into(), None)]) } else { self }
    }

    /// The same with the members and files of others, which replace those of the same name.
    #[must_use]
    pub fn merge(self, others: impl Into<Arguments>) -> Self {
        let others = others.into();
        let mut merged = match others.members() {
            Ok(Members(members)) => {
                let members: Vec<_> =
                    members.into_iter().map(|(name, value)| (name, Some(Cow::Borrowed(value.get())))).collect();
                self.rewritten(&members)
            }
            Err(_) => self,
        };
        merged.files.extend(others.files);
        merged
    }

    /// The same with the objects of a list changed, each by its place, where `change` gives another one. A list in which
    /// nothing changes stays as it was written.
    ///
    /// # Errors
    /// As `change`.
    pub fn each(
        self,
        name: &str,
        mut change: impl FnMut(&Arguments, usize) -> Result<Option<Arguments>>,
    ) -> Result<Self> {
        let list = self.member::<Box<RawValue>>(name)?.filter(|list| list.get().starts_with('['));
        let Some(list) = list else { return Ok(self) };
        let list: Vec<&RawValue> =
            serde_json::from_slice(list.get().as_bytes()).map_err(|error| Error::argument(name, error))?;
        let mut items = Vec::with_capacity(list.len());
        let mut changed = false;
        for (index, item) in list.into_iter().enumerate() {
            let item = Arguments::new(Some(item.get().to_owned().into()));
            let other = change(&item, index)?;
            changed |= other.is_some();
            items.push(other.unwrap_or(item));
        }
        Ok(if changed { self.set(name, items) } else { self })
    }

    /// The same with a file for the argument `name`, in place of what the text says of it. Attached again, it is one
    /// more of a list.
    #[must_use]
    pub fn attach(mut self, name: &'static str, file: Source) -> Self {
        self.files.push((name, file));
        self
    }

    /// Writes the text anew with members set, or left out where there is no value. What is no object stays as it is,
    /// for the check to tell.
    fn rewritten(mut self, changes: &[(Cow<'_, str>, Option<Cow<'_, str>>)]) -> Self {
        let Ok(Members(members)) = self.members() else { return self };
        // Callers choose how many members there are of either.
        let changed: BTreeMap<&str, Option<&str>> =
            changes.iter().map(|(name, value)| (name.as_ref(), value.as_deref())).collect();
        let there: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
        let kept = members.iter().filter_map(|(name, raw)| {
            let value = changed.get(name.as_ref()).copied().unwrap_or(Some(raw.get()))?;
            Some((name.as_ref(), value))
        });
        let added = changes.iter().filter(|(name, _)| !there.contains(name.as_ref()));
        let added = added.filter_map(|(name, value)| Some((name.as_ref(), value.as_deref()?)));
        let text = json::written(kept.chain(added));
        self.text = text.into();
        self
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Arguments::new(None)
    }
}

/// As JSON, without the files.
impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let text: &RawValue = serde_json::from_slice(&self.text).map_err(serde::ser::Error::custom)?;
        text.serialize(serializer)
    }
}

impl From<serde_json::Value> for Arguments {
    fn from(value: serde_json::Value) -> Self {
        Arguments::new(Some(json::text(&value).into()))
    }
}

impl From<&Arguments> for Arguments {
    fn from(arguments: &Arguments) -> Self {
        arguments.clone()
    }
}

/// The members of the arguments, in order, each still a text.
pub struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl Members<'_> {
    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// The text of one of them, if it is there and not `null`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, raw)| raw.get()).filter(|text| *text != "null")
    }

    /// One of them, if it is there and not `null`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.take(name)
    }

    /// One of them; what is not there is read as `null`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn take<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let text = self.0.iter().find(|(key, _)| key == name).map_or("null", |(_, raw)| raw.get());
        serde_json::from_slice(text.as_bytes()).map_err(|error| Error::argument(name, error))
    }
}

/// What code reads of the arguments: the fields of a tool, or of a group of them. Made by `#[tool]` and `#[shape]`.
pub trait Given: Sized {
    /// Reads it, after the arguments were checked.
    ///
    /// # Errors
    /// A value that the check lets pass and the type does not take.
    fn given(arguments: &Members<'_>) -> Result<Self>;
}
