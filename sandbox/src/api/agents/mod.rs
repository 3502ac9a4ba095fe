//! `/agents`: agents, environments, automations, and sessions.
//!
//! # Where it differs from the API
//!
//! An environment is ready at once, and nothing runs in it; its files are what was put in. `updated_at` is when a thing was
//! made. A schedule is kept and never comes; a run by hand is delivered at once, and tells a session nothing. A session that
//! is told something while it works begins another turn. There are no subagents, and traces are empty.

mod agent;
mod automation;
mod config;
mod environment;
mod session;

use axum::Router;

pub(crate) fn routes() -> Router {
    agent::routes().merge(environment::routes()).merge(automation::routes()).merge(session::routes())
}
