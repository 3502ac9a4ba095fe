//! The vocabulary of field types.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Field, Place, Shape, Shaped, of};
use crate::arguments::Arguments;
use crate::time;

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
    JsonObject => Shape::Map { value: of::<Json>, max_keys: usize::MAX, max_key: usize::MAX, doc: "" },
    Metadata => Shape::Map { value: of::<Text<0, 512>>, max_keys: 16, max_key: 64, doc: "String values" },
    Attributes => Shape::Map { value: of::<AttributeValue>, max_keys: 16, max_key: 64, doc: "Strings, numbers or booleans" },
    Scalar => Shape::Union(&[of::<String>, of::<f64>, of::<bool>]),
    TimeValue => Shape::Union(&[of::<i64>, of::<String>]),
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
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Int<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// The number, in the type that it is needed in; zero if that type is too small, which bounds should make impossible.
    pub fn get<T: TryFrom<i64> + Default>(self) -> T {
        T::try_from(self.0).unwrap_or_default()
    }
}

impl<const MIN: i64, const MAX: i64> Shaped for Int<MIN, MAX> {
    const SHAPE: Shape = Shape::Int { min: MIN, max: MAX };
}

/// A number within `MIN..=MAX` (whole bounds: Rust has no `f64` const parameters).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Num<const MIN: i64, const MAX: i64>(pub f64);

impl<const MIN: i64, const MAX: i64> Num<MIN, MAX> {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

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

/// An array of `MIN..=MAX` items.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ListOf<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T: Shaped, const MIN: usize, const MAX: usize> Shaped for ListOf<T, MIN, MAX> {
    const SHAPE: Shape = Shape::Array { items: of::<T>, min: MIN, max: MAX };
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

/// Any JSON value. Where a list shows it, it is a text or an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Json(pub serde_json::Value);

/// Any JSON object.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct JsonObject(pub serde_json::Map<String, serde_json::Value>);

/// Up to 16 string values under keys of at most 64 characters.
/// <https://platform.openai.com/docs/api-reference/metadata>
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Metadata(pub serde_json::Map<String, serde_json::Value>);

/// Like [`Metadata`], with numbers and booleans as well.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Attributes(pub serde_json::Map<String, serde_json::Value>);

/// A point in time: seconds since the Unix epoch, or as text in ISO 8601, for code that needs the seconds.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Seconds(i64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Seconds(seconds) => Ok(Time(seconds)),
            Given::Text(text) => text.parse().ok().or_else(|| time::seconds(&text)).map(Time).ok_or_else(|| {
                let text: String = text.chars().take(60).collect();
                serde::de::Error::custom(format!(
                    "expected Unix seconds or ISO 8601 as `2026-11-27T10:00:00Z`, got `{text}`"
                ))
            }),
        }
    }
}

impl Shaped for Time {
    const SHAPE: Shape = Shape::Brief { listed: of::<String>, taken: of::<TimeValue>, options: false };
}

/// A value of [`Time`].
enum TimeValue {}

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

/// Checked as a `T` and kept as the text that the caller wrote: for a composite that passes it on.
#[derive(Clone, Debug)]
pub struct Raw<T>(Box<RawValue>, PhantomData<T>);

impl<T> Raw<T> {
    /// The JSON text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Reads it, as the argument `name`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn read<U: DeserializeOwned>(&self, name: &str) -> crate::error::Result<U> {
        serde_json::from_slice(self.text().as_bytes()).map_err(|error| crate::error::Error::argument(name, error))
    }
}

impl<'de, T> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(|text| Raw(text, PhantomData))
    }
}

impl<T> Serialize for Raw<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Shaped> Shaped for Raw<T> {
    const SHAPE: Shape = T::SHAPE;
}

/// Further arguments of a tool, which are the fields of `T`: in lists an object, of which the field's own words tell what
/// goes in. They are taken beside the object as well, and arguments of the tool itself are taken in it.
#[derive(Clone, Debug)]
pub struct Options<T>(Option<Box<RawValue>>, PhantomData<T>);

impl<T> Options<T> {
    /// Those that were given, as the caller wrote them.
    pub fn arguments(&self) -> Arguments {
        Arguments::new(self.0.as_ref().map(|text| text.get().to_owned().into()))
    }
}

impl<'de, T> Deserialize<'de> for Options<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|text| Options(text, PhantomData))
    }
}

impl<T: Shaped> Shaped for Options<T> {
    const SHAPE: Shape = Shape::Brief { listed: of::<JsonObject>, taken: of::<T>, options: true };
    const REQUIRED: bool = false;
}

/// A `T`, in lists an object, or a word, of which the field's own words tell what goes in: for one with more to say than
/// its place is worth, or that another tool lists.
pub enum Brief<T> {
    #[doc(hidden)]
    Never(std::convert::Infallible, PhantomData<T>),
}

impl<T: Shaped> Shaped for Brief<T> {
    const SHAPE: Shape = Shape::Brief {
        listed: if matches!(T::SHAPE, Shape::Enum(_)) { of::<String> } else { of::<JsonObject> },
        taken: of::<T>,
        options: false,
    };
    const REQUIRED: bool = T::REQUIRED;
}

/// A `T` that holds secrets: what is wrong with it is told without a word of it.
pub enum Hidden<T> {
    #[doc(hidden)]
    Never(std::convert::Infallible, PhantomData<T>),
}

impl<T: Shaped> Shaped for Hidden<T> {
    const SHAPE: Shape = Shape::Hidden(of::<T>);
    const REQUIRED: bool = T::REQUIRED;
}

const fn local(name: &'static str, doc: &'static str, shape: super::Ref) -> Field {
    Field {
        name,
        aliases: &[],
        wire: name,
        doc,
        shape,
        required: false,
        place: Place::Local,
        listed: true,
        brief: false,
    }
}

/// The argument of tools that show as much of a long answer as the caller asks for.
pub const WINDOW: &[Field] = &[local("max_bytes", "", of::<Int<4, 10_000_000>>)];

/// The argument of tools that show of an answer what callers mostly need, unless they ask for all.
pub const FULL: &[Field] = &[local("full", "", of::<bool>)];
