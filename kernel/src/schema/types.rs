//! The vocabulary of field types.

use std::marker::PhantomData;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{Shape, Shaped, of};

macro_rules! shaped {
    ($($type:ty => $shape:expr),* $(,)?) => { $(impl Shaped for $type { const SHAPE: Shape = $shape; })* };
}

shaped! {
    bool => Shape::Bool,
    String => Shape::Text { min: 0, max: usize::MAX },
    f64 => Shape::Number { min: f64::MIN, max: f64::MAX },
    i64 => Shape::Int { min: i64::MIN, max: i64::MAX },
    u32 => Shape::Int { min: 0, max: u32::MAX as i64 },
    u64 => Shape::Int { min: 0, max: i64::MAX },
    Json => Shape::Any,
    Metadata => Shape::Map { value: of::<Text<0, 512>>, max_keys: 16, max_key: 64, doc: "Up to 16 string values" },
    Attributes => Shape::Map { value: of::<AttributeValue>, max_keys: 16, max_key: 64, doc: "Up to 16 string, number or boolean values" },
    Scalar => Shape::Union(&[of::<String>, of::<f64>, of::<bool>]),
    AttributeValue => Shape::Union(&[of::<Text<0, 512>>, of::<f64>, of::<bool>]),
    FileInput => Shape::File,
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const REQUIRED: bool = false;
}

impl<T: Shaped> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::Array { items: of::<T>, min: 0, max: usize::MAX };
}

impl<T: Shaped> Shaped for Box<T> {
    const SHAPE: Shape = T::SHAPE;
}

/// A whole number within `MIN..=MAX`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Int<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Shaped for Int<MIN, MAX> {
    const SHAPE: Shape = Shape::Int { min: MIN, max: MAX };
}

/// A number within `MIN..=MAX` (whole bounds: Rust has no `f64` const parameters).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Num<const MIN: i64, const MAX: i64>(pub f64);

impl<const MIN: i64, const MAX: i64> Shaped for Num<MIN, MAX> {
    const SHAPE: Shape = Shape::Number { min: MIN as f64, max: MAX as f64 };
}

/// A string of `MIN..=MAX` Unicode characters.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(pub String);

impl<const MIN: usize, const MAX: usize> Shaped for Text<MIN, MAX> {
    const SHAPE: Shape = Shape::Text { min: MIN, max: MAX };
}

/// Ids of at most `MAX` things.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Ids<const MAX: usize>(pub Vec<String>);

impl<const MAX: usize> Shaped for Ids<MAX> {
    const SHAPE: Shape = Shape::Array { items: of::<String>, min: 0, max: MAX };
}

/// One `T`, or an array of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Any number.
    Many(Vec<T>),
}

impl<T: Shaped> Shaped for OneOrMany<T> {
    const SHAPE: Shape = Shape::Union(&[of::<T>, of::<Vec<T>>]);
}

/// A `T`, or `null` where the API gives `null` a meaning of its own ("clear it").
#[derive(Clone, Debug)]
pub struct Nullable<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Nullable)
    }
}

impl<T: Shaped> Shaped for Nullable<T> {
    const SHAPE: Shape = Shape::Nullable(of::<T>);
}

/// Any JSON value.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Json(pub serde_json::Value);

/// Up to 16 string values under keys of at most 64 characters.
/// <https://platform.openai.com/docs/api-reference/metadata>
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Metadata(pub serde_json::Map<String, serde_json::Value>);

/// Like [`Metadata`], with numbers and booleans as well.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Attributes(pub serde_json::Map<String, serde_json::Value>);

/// A string, a number or a boolean.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Scalar(pub serde_json::Value);

/// A value of [`Attributes`].
enum AttributeValue {}

/// A file that the caller gives by path, URL, base64 data or text.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct FileInput(pub crate::file::Source);

/// Checked as a `T` and sent on as it was written, but not read: for a tool with code of its own that passes it on.
#[derive(Clone, Copy, Debug)]
pub struct Sent<T>(PhantomData<T>);

impl<'de, T> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Sent(PhantomData))
    }
}

impl<T: Shaped> Shaped for Sent<T> {
    const SHAPE: Shape = T::SHAPE;
}
