//! Limits of what may be spent in a month, and alerts before: `spend_limit` and `spend_alerts` of the organization and of
//! projects.

use axum::extract::Extension;
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use crate::crud::{self, Collection, Field, Need, Place, Verb};
use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::setting::Setting;
use crate::shelf::Paging;
use crate::world::{Caller, World};

const LIMIT: &[Field] = &[
    Field { name: "currency", read: currency, create: Need::Must, modify: Need::Must },
    Field { name: "interval", read: interval, create: Need::Must, modify: Need::Must },
    Field { name: "threshold_amount", read: amount, create: Need::Must, modify: Need::Must },
];

const ALERT: &[Field] = &[
    Field { name: "currency", read: currency, create: Need::Must, modify: Need::Must },
    Field { name: "interval", read: interval, create: Need::Must, modify: Need::Must },
    Field { name: "threshold_amount", read: amount, create: Need::Must, modify: Need::Must },
    Field { name: "notification_channel", read: channel, create: Need::Must, modify: Need::Must },
];

const OF_ORGANIZATION: Setting = Setting {
    path: "/organization/spend_limit",
    object: "organization.spend_limit",
    fields: &[],
    usual: None,
    deleted: Some("organization.spend_limit.deleted"),
    missing: "There is no spend limit.",
};
static LIMITS: [Setting; 2] = [
    OF_ORGANIZATION,
    Setting {
        path: "/organization/projects/{project}/spend_limit",
        object: "project.spend_limit",
        deleted: Some("project.spend_limit.deleted"),
        ..OF_ORGANIZATION
    },
];

const ORGANIZATIONS: Collection = Collection {
    path: "/organization/spend_alerts",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "organization.spend_alert",
    prefix: "alert_",
    fields: ALERT,
    paging: Paging { both_ways: true, ..Paging::NEWEST },
    filters: &[],
    deleted: "organization.spend_alert.deleted",
    missing: |id| Error::not_found(format!("No spend alert found with id '{id}'.")),
};
static ALERTS: [Collection; 2] = [
    ORGANIZATIONS,
    Collection {
        path: "/organization/projects/{project}/spend_alerts",
        object: "project.spend_alert",
        deleted: "project.spend_alert.deleted",
        ..ORGANIZATIONS
    },
];

pub(super) fn routes() -> Router {
    let mut routes = Router::new();
    for limit in &LIMITS {
        let set = post(async |Extension(account): Caller, place: Place, Json(body): Json| {
            let mut fields = crud::read(LIMIT, body, false)?;
            fields.insert("enforcement".to_owned(), json!({"status": "inactive"}));
            limit.change(&mut account.world(), &place.scope(), fields).map(Answer)
        });
        routes = routes.merge(limit.routes()).route(limit.path, set);
    }
    for alerts in &ALERTS {
        let create = post(async |Extension(account): Caller, place: Place, Json(body): Json| {
            let fields = alerts.read(body, true)?;
            Ok::<_, Error>(Answer(keep(alerts, &mut account.world(), &place.scope(), fields)))
        });
        routes = routes.merge(alerts.routes()).route(alerts.path, create);
    }
    routes
}

/// The limit and the alerts that there are from the beginning.
pub(super) fn sow(world: &mut World) {
    let [organization, project] = &ALERTS;
    let alert = |cents: u64, to: &str| {
        let channel = json!({"type": "email", "recipients": [to], "subject_prefix": null});
        let alert =
            json!({"threshold_amount": cents, "currency": "USD", "interval": "month", "notification_channel": channel});
        alert.as_object().cloned().unwrap_or_default()
    };
    keep(organization, world, "", alert(150_000, "ada@example.com"));
    keep(project, world, "proj_research", alert(40_000, "dev@example.com"));
}

fn keep(alerts: &'static Collection, world: &mut World, scope: &str, fields: Map<String, Value>) -> Value {
    let mut shown = json!({"id": world.mint(alerts.prefix), "object": alerts.object});
    if let Value::Object(shown) = &mut shown {
        shown.extend(fields);
    }
    alerts.keep(world, scope, shown)
}

fn currency(params: &mut Params, name: &str) -> Result<Option<Value>> {
    params.need(name, |params, name| params.one_of(name, &["USD"])).map(|word| Some(word.into()))
}

fn interval(params: &mut Params, name: &str) -> Result<Option<Value>> {
    params.need(name, |params, name| params.one_of(name, &["month"])).map(|word| Some(word.into()))
}

/// Cents.
fn amount(params: &mut Params, name: &str) -> Result<Option<Value>> {
    params.need(name, |params, name| params.integer(name, 1..=100_000_000_000)).map(|cents| Some(cents.into()))
}

fn channel(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let mut channel = params.need(name, Params::object)?;
    let kind = channel.need("type", |channel, name| channel.one_of(name, &["email"]))?;
    let recipients = channel.need("recipients", |channel, name| channel.strings(name, 1..=100))?;
    let subject_prefix = channel.string("subject_prefix")?;
    channel.finish()?;
    Ok(Some(json!({"type": kind, "recipients": recipients, "subject_prefix": subject_prefix})))
}
