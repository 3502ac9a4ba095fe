//! Arguments that lists show in fewer words than they are checked by.

use std::convert::Infallible;
use std::marker::PhantomData;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_shapes::agent::{Input, Message, Part};

/// A `Taken`, which lists show as a `Shown`.
pub(crate) enum Listed<Shown, Taken> {
    #[expect(dead_code, reason = "a value of it is never made: it says which shapes there are")]
    Never(Infallible, PhantomData<(Shown, Taken)>),
}

impl<Shown: Shaped, Taken: Shaped> Shaped for Listed<Shown, Taken> {
    const SHAPE: Shape = Shape::Brief { listed: of::<Shown>, taken: of::<Taken>, options: false };
}

/// A text, or objects.
#[shape]
pub(crate) enum TextOrObjects {
    /// A text.
    Text(String),
    /// Objects.
    Objects(Vec<JsonObject>),
}

/// What a user says.
pub(crate) type Words = Listed<TextOrObjects, Input>;
/// What a function gave: a text, or parts.
pub(crate) type Given = Listed<TextOrObjects, TextOrParts>;
/// Messages of a user.
pub(crate) type Messages = Listed<Vec<JsonObject>, Vec<Message>>;

/// A text, or parts.
#[shape]
pub(crate) enum TextOrParts {
    /// A text.
    Text(String),
    /// Parts.
    Parts(Vec<Part>),
}
