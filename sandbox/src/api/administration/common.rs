//! Users, of which all parts of an organization know, and what the parts have in common.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::crud::{Collection, Object, Verb};
use crate::error::{Error, Result};
use crate::json::put as put_field;
use crate::params::Params;
use crate::shelf::Paging;
use crate::world::{World, now};

/// Users of the organization.
pub(super) static USERS: Collection = Collection {
    path: "/organization/users",
    serves: &[Verb::Get],
    object: "organization.user",
    prefix: "user-",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "organization.user.deleted",
    missing: |id| Error::not_found(format!("No user found with id '{id}' in this organization.")),
};

/// Whose the admin keys are.
pub(super) const ACTOR: &str = "user-ada";

/// When something ends that lasts so many seconds.
pub(super) fn ends(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(params.integer(name, 1..=315_360_000)?.map(|seconds| now().saturating_add_signed(seconds).into()))
}

/// A secret key, which is shown once, and what is shown of it later.
pub(super) fn secret(world: &mut World, prefix: &str) -> (String, String) {
    let value = world.mint(prefix);
    let end: String = value.chars().skip(value.chars().count().saturating_sub(3)).collect();
    let redacted = format!("{prefix}...{end}");
    (value, redacted)
}

/// What is refused since something else stands against it.
pub(super) fn conflict(message: impl Into<String>) -> Error {
    Error::new(StatusCode::BAD_REQUEST, message)
}

/// Refuses to take the owner's role from who alone has it.
pub(super) fn keep_owner<'a>(mut members: impl Iterator<Item = &'a Object>, id: &str, of: &str) -> Result<()> {
    let mut others = false;
    let mut owns = false;
    for member in members.by_ref().filter(|member| member.text("role") == "owner") {
        match member.text("id") == id {
            true => owns = true,
            false => others = true,
        }
    }
    match owns && !others {
        true => Err(conflict(format!("'{id}' is the last owner of the {of}. Make another user an owner first."))),
        false => Ok(()),
    }
}

/// An owner of keys as keys show him.
pub(super) fn shown_owner(kind: &str, owner: &Value) -> Value {
    let mut shown = Map::new();
    for field in ["id", "name", "email", "role"] {
        shown.extend(owner.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    let since = owner.get("created_at").or_else(|| owner.get("added_at")).cloned();
    shown.extend(since.map(|since| ("created_at".to_owned(), since)));
    json!({"type": kind, kind: shown})
}

/// Sets a field of an object and shows all of it.
pub(super) fn put(object: &mut Object, field: &str, value: impl Into<Value>) -> Value {
    put_field(&mut object.shown, field, value);
    object.shown.clone()
}
