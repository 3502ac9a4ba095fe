//! `/organization/users`.

use axum::extract::{Extension, Path};
use axum::routing::{delete, get};
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use super::common::{USERS, conflict, keep_owner};
use super::projects;
use crate::crud::Object;
use crate::error::Result;
use crate::params::{Json, Query};
use crate::world::{Caller, World};

pub(super) fn routes() -> Router {
    USERS
        .routes()
        .route("/organization/users", get(list))
        .route("/organization/users/{id}", delete(remove).post(modify))
}

/// Takes a user into the organization.
pub(super) fn add(world: &mut World, id: &str, name: &str, role: &str, at: u64) {
    let email = format!("{}@example.com", name.split(' ').next().unwrap_or_default().to_lowercase());
    let user = json!({
        "object": USERS.object, "id": id, "name": name, "email": email, "role": role, "added_at": at, "created": at,
        "is_service_account": false, "is_scim_managed": false,
    });
    USERS.keep(world, "", user);
}

/// A user by his id or address.
pub(super) fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    USERS.find(world, "", id)
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let emails = query.strings("emails", 0..=usize::MAX)?;
    let wanted = |user: &Object| emails.as_ref().is_none_or(|emails| emails.iter().any(|it| it == user.text("email")));
    USERS.list_where(&mut account.world(), "", query, wanted).map(Answer)
}

async fn modify(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let role = body.one_of("role", &["owner", "reader"])?;
    let role_id = body.string("role_id")?;
    let persona = [
        ("developer_persona", body.string("developer_persona")?),
        ("technical_level", body.string("technical_level")?),
    ];
    body.finish()?;
    let mut world = account.world();
    find(&mut world, &id)?;
    if let Some(role_id) = role_id {
        return Err(conflict(format!("No role found with id '{role_id}'.")));
    }
    if role == Some("reader") {
        keep_owner(USERS.shelf(&mut world, "").iter().map(|(_, user)| user), &id, "organization")?;
    }
    let user = find(&mut world, &id)?;
    let said = [("role", role.map(str::to_owned))].into_iter().chain(persona);
    user.merge(said.filter_map(|(field, value)| Some((field.to_owned(), value?.into()))).collect());
    Ok(user.answer())
}

async fn remove(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    find(&mut world, &id)?;
    keep_owner(USERS.shelf(&mut world, "").iter().map(|(_, user)| user), &id, "organization")?;
    projects::leave_all(&mut world, &id);
    USERS.delete(&mut world, "", &id).map(Answer)
}
