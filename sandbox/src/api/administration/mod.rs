//! `/organization`, and the roles of projects: what takes an admin key. Each admin key has an organization of its own,
//! which [`seed`] tells of; what is changed is told in its audit log.
//!
//! # Where it differs from the API
//!
//! Keys that are made here are not looked up: any key is let in, whatever was deleted, expired or restricted, and
//! limits and permissions of projects restrain nobody. An expired key is gone. Invites are sent to nobody and never accepted.
//! Nothing is looked at outside: certificates, stores and keys of other clouds are as good as they are said to be. In
//! which words the API refuses a change of an archived project, a second role of the same name or the removal of the last
//! owner is not known. What was used and spent is made up, and nothing that is sent to the sandbox counts.

mod access;
mod common;
mod members;
mod projects;
mod security;
mod seed;
mod spend;
mod trail;
mod usage;

use axum::Router;
use axum::extract::{Extension, RawPathParams, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use crate::error::Result;
use crate::world::Caller;

pub(crate) fn routes() -> Router {
    Router::new()
        .merge(access::routes())
        .merge(members::routes())
        .merge(projects::routes())
        .merge(security::routes())
        .merge(spend::routes())
        .merge(trail::routes())
        .merge(usage::routes())
        .route_layer(from_fn(trail::keep))
        .route_layer(from_fn(admit))
}

/// Sees to it that there is an organization, and that what the path leads through is in it.
async fn admit(Extension(account): Caller, ids: RawPathParams, request: Request, next: Next) -> Result<Response> {
    {
        let mut world = account.world();
        seed::sow(&mut world)?;
        for (kind, id) in &ids {
            match kind {
                "project" if request.method() == Method::GET => _ = projects::find(&mut world, id)?,
                "project" => _ = projects::find_active(&mut world, id)?,
                "group" => _ = access::find_group(&mut world, id)?,
                "provider" => _ = security::find_provider(&mut world, id)?,
                "user" => _ = common::USERS.find(&mut world, "", id)?,
                _ => {}
            }
        }
    }
    Ok(next.run(request).await)
}
