//! Shapes of arguments: plain static data, rendered as JSON Schema and checked by one interpreter.
//!
//! A Rust type that can stand in a tool's fields implements [`Shaped`]. Most do so through `#[shape]`; this module has
//! the vocabulary the API's own documentation uses (integers with a range, one-or-many, nullable, metadata).

mod check;
mod ids;
mod meant;
mod render;
mod told;
mod types;

use http::HeaderName;

pub use check::{Fault, Given, Rules, settle};
pub(crate) use render::{fields as render_fields, text as render_text};
pub use types::{
    Attributes, Brief, FULL, FileInput, Hidden, Int, Json, JsonObject, ListOf, Metadata, Nullable, Num, OneOrMany,
    Options, Raw, Scalar, Text, Time, WINDOW,
};

/// How one shape refers to another. A function, so that recursive types compile.
pub type Ref = fn() -> &'static Shape;

/// What one JSON value may be.
#[derive(Debug)]
pub enum Shape {
    /// Any JSON value.
    Any,
    /// `true` or `false`.
    Bool,
    /// A whole number within `min..=max`.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A number within `min..=max`.
    Number {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// A string of `min..=max` Unicode characters.
    Text {
        /// Least number of characters.
        min: usize,
        /// Greatest number of characters.
        max: usize,
    },
    /// One of the named strings.
    Enum(&'static [&'static str]),
    /// An array of `min..=max` items.
    Array {
        /// Shape of every item.
        items: Ref,
        /// Least number of items.
        min: usize,
        /// Greatest number of items.
        max: usize,
    },
    /// An object with known keys.
    Object(Object),
    /// An object with the caller's own keys.
    Map {
        /// Shape of every value.
        value: Ref,
        /// Greatest number of keys.
        max_keys: usize,
        /// Greatest length of a key, in Unicode characters.
        max_key: usize,
        /// One line for the schema that says what goes in.
        doc: &'static str,
    },
    /// One of several shapes, told apart by JSON kind; those of one kind are tried in order.
    Union(&'static [Ref]),
    /// An object whose `tag` field names the variant.
    Tagged {
        /// Name of the Rust type: tells recursion when rendering.
        name: &'static str,
        /// The field that tells the variant.
        tag: &'static str,
        /// The variants.
        variants: &'static [Variant],
        /// Whether keys that a variant does not name pass, unchecked.
        open: bool,
    },
    /// The inner shape, or `null`.
    Nullable(Ref),
    /// A file given by path, URL, base64 data or text; see [`crate::file::Source`].
    File,
    /// The inner shape, of which no fault quotes a value: it holds secrets.
    Hidden(Ref),
    /// Checked as `taken` and shown as `listed`: where a list would pay more bytes for the whole than it is worth.
    Brief {
        /// What lists show.
        listed: Ref,
        /// What a value may be.
        taken: Ref,
        /// Whether it is [`Options`]: its fields are taken beside it as well, and arguments of the tool in it.
        options: bool,
    },
}

/// An object with known keys.
#[derive(Debug)]
pub struct Object {
    /// Name of the Rust type: tells recursion when rendering.
    pub name: &'static str,
    /// What the object is, for the schema, where the field that holds it says nothing itself.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// Whether other keys pass, unchecked: there are more than most callers need.
    pub open: bool,
}

/// One variant of a [`Shape::Tagged`].
#[derive(Debug)]
pub struct Variant {
    /// Value of the tag.
    pub tag: &'static str,
    /// The other fields.
    pub fields: &'static [Field],
}

/// A field of an object, or an argument of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name that the caller uses.
    pub name: &'static str,
    /// Other names under which it is taken, without being listed.
    pub aliases: &'static [&'static str],
    /// Name on the wire.
    pub wire: &'static str,
    /// A fragment with the fact that type and name cannot say; may be empty.
    pub doc: &'static str,
    /// What the value may be.
    pub shape: Ref,
    /// Whether it must be given.
    pub required: bool,
    /// Where it goes in the request; only arguments of a tool go anywhere but the body.
    pub place: Place,
    /// Whether the schema has it. One that is not listed is taken all the same; where it must be given and can be one word
    /// alone, it is that word.
    pub listed: bool,
    /// Whether the schema says of objects in it no more than that they are: another tool tells what goes in.
    pub brief: bool,
}

impl Field {
    /// Whether a caller who wrote `name` means this field.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// What goes without saying: a field that must be given, can be one word alone and is not listed.
    pub fn only(&self) -> Option<&'static str> {
        match (self.shape)() {
            Shape::Enum([word]) if self.required && !self.listed => Some(*word),
            _ => None,
        }
    }
}

/// How many fields there are in several groups.
pub const fn count(mut groups: &[&[Field]]) -> usize {
    let mut sum = 0;
    while let [first, rest @ ..] = groups {
        sum += first.len();
        groups = rest;
    }
    sum
}

/// The fields of several groups in a row; `N` is their [`count`].
pub const fn concat<const N: usize>(mut groups: &[&[Field]]) -> [Field; N] {
    const NONE: Field = Field {
        name: "",
        aliases: &[],
        wire: "",
        doc: "",
        shape: of::<bool>,
        required: false,
        place: Place::Natural,
        listed: true,
        brief: false,
    };
    let mut all = [NONE; N];
    let mut left: &mut [Field] = &mut all;
    while let [first, rest @ ..] = groups {
        let (own, others) = left.split_at_mut(first.len());
        own.copy_from_slice(first);
        (left, groups) = (others, rest);
    }
    all
}

/// The fields of a group, each `brief`; `N` is how many.
pub const fn brief<const N: usize>(group: &[Field]) -> [Field; N] {
    let mut fields = concat(&[group]);
    let mut left: &mut [Field] = &mut fields;
    while let [first, rest @ ..] = left {
        first.brief = true;
        left = rest;
    }
    fields
}

/// Where an argument goes.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Where the request has its place for it: see [`crate::spec::Endpoint::place`].
    Natural,
    /// A segment of the path.
    Path,
    /// A segment of the path that may have slashes, which are escaped.
    Name,
    /// The query string.
    Query,
    /// A request header of this name.
    Header(fn() -> HeaderName),
    /// The JSON or multipart body.
    Body,
    /// A part of a multipart body that has this media type and is no file: a text as it is, anything else as JSON. Where a
    /// text is all that is given, it is the whole body.
    Part(&'static str),
    /// Not sent: it tells this server what to do.
    Local,
}

/// A Rust type with a shape.
pub trait Shaped {
    /// The shape.
    const SHAPE: Shape;
    /// Whether a field of this type must be given.
    const REQUIRED: bool = true;
}

/// The shape of `T`, as a [`Ref`].
pub fn of<T: Shaped>() -> &'static Shape {
    const { &T::SHAPE }
}
