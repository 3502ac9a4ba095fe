//! Further arguments, which stand in an object of their own and are as well taken beside it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::arguments::{Arguments, Members};
use crate::error::{Error, Result};
use crate::json;
use crate::schema::{Field, Object, Shape};
use crate::spec::Spec;

/// The field of a tool that holds further arguments, and what they are: see [`crate::schema::Options`].
fn holder(spec: &Spec) -> Option<(&'static Field, &'static [Field])> {
    spec.fields.iter().find_map(|field| match (field.shape)() {
        Shape::Brief { taken, options: true, .. } => match taken() {
            Shape::Object(Object { fields, .. }) => Some((field, *fields)),
            _ => None,
        },
        _ => None,
    })
}

/// The arguments with each where its tool has it: what is no argument of the tool but one of its options goes in with
/// them, and what stands among them and is an argument of the tool comes out.
///
/// # Errors
/// One is given in both places.
pub(crate) fn sorted(spec: &Spec, arguments: &Arguments) -> Result<Arguments> {
    let Some((holder, options)) = holder(spec) else { return Ok(arguments.clone()) };
    let named = |fields: &[Field], name: &str| fields.iter().any(|field| field.is_named(name));
    let Members(given) = arguments.members()?;
    let (held, outside): (Vec<_>, Vec<_>) = given.into_iter().partition(|(name, _)| holder.is_named(name));
    let text = held.first().map_or("null", |(_, text)| text.get());
    let inner = Arguments::new(Some(text.to_owned().into()));
    // What is no object is told by the check.
    let Ok(Members(inside)) = inner.members() else { return Ok(arguments.clone()) };
    let (out, kept): (Vec<_>, Vec<_>) = inside.into_iter().partition(|(name, _)| named(spec.fields, name));
    let (moved, stay): (Vec<_>, Vec<_>) =
        outside.into_iter().partition(|(name, _)| !named(spec.fields, name) && named(options, name));
    if out.is_empty() && moved.is_empty() {
        return Ok(arguments.clone());
    }
    // Callers choose how many there are of each.
    let twice = |one: &[Member<'_>], other: &[Member<'_>]| {
        let other: BTreeSet<&str> = other.iter().map(|(name, _)| name.as_ref()).collect();
        one.iter().find(|(name, _)| other.contains(name.as_ref())).map(|(name, _)| name.to_string())
    };
    if let Some(name) = twice(&out, &stay).or_else(|| twice(&kept, &moved)) {
        let problem = format!("given twice: beside `{}`, too", holder.name);
        return Err(Error::argument(&format!("{}.{name}", holder.name), problem));
    }
    let written = |one: &[Member<'_>], other: &[Member<'_>]| {
        let members = one.iter().chain(other).map(|(name, value)| (name.as_ref(), value.get()));
        Arguments::new(Some(json::written(members).into()))
    };
    let sorted = written(&stay, &out).set(holder.name, written(&kept, &moved));
    Ok(arguments.files().iter().fold(sorted, |sorted, (name, file)| sorted.attach(name, file.clone())))
}

type Member<'a> = (Cow<'a, str>, &'a RawValue);
