//! Limits and alerts against what was spent.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::tz::TimeZone;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use rust_decimal::Decimal;

use crate::course::{Course, PROJECTED, percent};
use crate::names::{Names, list};
use crate::range::{self, Range};
use crate::read::costs;
use crate::table::{Row, sum};

tools![Check];

/// Projects that are looked at, and at once.
const PROJECTS: usize = 100;
const AT_ONCE: usize = 4;
/// Requests that one takes.
const REQUESTS: usize = 2;
/// Part of a limit, in percent, from which on it is near.
const NEAR: i64 = 80;

/// Check what was spent this month against spend limits and alerts.
///
/// Of the organization and of each project that has any: spent, projected to the month's end, alerts passed.
#[tool("spend-check", reads)]
struct Check {
    /// Default all.
    project_ids: Option<Vec<String>>,
}

#[request(GET "/organization/spend_limit")]
struct Limit {}

#[request(GET "/organization/spend_alerts")]
struct Alerts {
    limit: Option<i64>,
    after: Option<String>,
}

#[request(GET "/organization/projects/{project_id}/spend_limit")]
struct ProjectLimit {
    project_id: String,
}

#[request(GET "/organization/projects/{project_id}/spend_alerts")]
struct ProjectAlerts {
    project_id: String,
    limit: Option<i64>,
    after: Option<String>,
}

impl Check {
    async fn run(self, cx: Context) -> Result<Output> {
        let now = range::now(&cx, TimeZone::UTC)?;
        let course = Course::new(Range::read("this month", &now)?, &now)?;
        let mut names = Names::default();
        let known = names.projects(&cx).await?;
        let given = match self.project_ids {
            Some(given) => Some(names.project_ids(&cx, "project_ids", given).await?),
            None => None,
        };
        if let Some(id) = given.iter().flatten().find(|id| !known.contains(id)) {
            let text = format!(
                "the organization has no project `{id}`\nhint: cost-report by project_id lists those that cost"
            );
            return Err(Error::argument("project_ids", text));
        }
        let wanted = given.clone().unwrap_or(known);
        let group_by = ["project_id".to_owned()];
        let rows = costs(&cx, Arguments::default(), &course, &group_by, Vec::new()).await?.rows();
        // Limits are in dollars.
        let dollars = |row: &&Row| row.key.currency.as_deref() == Some("usd");
        let of = |id: &str| {
            sum(rows.iter().filter(dollars).filter(|row| row.key.group.first() == Some(&Some(id.to_owned()))))
        };

        let mut checked = Vec::new();
        if given.is_none() {
            let limit = or_none(cx.send(&Limit::SPEC, json!({})).value().await)?;
            let alerts = Alarms::read(&cx, &Alerts::SPEC, json!({})).await?;
            let spent = sum(rows.iter().filter(dollars));
            checked.push(judge(Arguments::default().set("scope", "organization"), &course, &spent, &limit, &alerts));
        }
        let most = PROJECTS.min(cx.requests_left() / REQUESTS);
        let left = wanted.len().saturating_sub(most);
        let requests = wanted.into_iter().take(most).map(|id| {
            let cx = cx.clone();
            async move {
                let limit = cx.send(&ProjectLimit::SPEC, json!({"project_id": id})).value().await;
                let alerts = Alarms::read(&cx, &ProjectAlerts::SPEC, json!({"project_id": id})).await?;
                Ok::<_, Error>((id, or_none(limit)?, alerts))
            }
        });
        let answers: Vec<_> = stream::iter(requests).buffered(AT_ONCE).try_collect().await?;
        let mut unlimited = Vec::new();
        for (id, limit, alerts) in answers {
            let name = names.of(&id).unwrap_or_default();
            if limit.is_null() && alerts.alerts.is_empty() {
                unlimited.push(id);
                continue;
            }
            let head = Arguments::default().set("scope", "project").set("id", &id).set("name", name);
            checked.push(judge(head, &course, &of(&id), &limit, &alerts));
        }
        let mut result = Arguments::default()
            .set("range", course.range.show())
            .set("data", checked)
            .set("projects_without", unlimited)
            .set("projection_by", PROJECTED);
        if left > 0 {
            result =
                result.set("note", format!("{left} further projects were not looked at; name them in `project_ids`"));
        }
        if rows.iter().any(|row| !dollars(&row)) {
            result = result.set("other_currencies", "costs in other currencies count for no limit; see cost-report");
        }
        Ok(Output::Json(result.text().clone()))
    }
}

/// What is not there is `null`.
fn or_none(answer: Result<Value>) -> Result<Value> {
    match answer {
        Err(error) if error.kind() == Kind::Status(404) => Ok(Value::Null),
        answer => answer,
    }
}

/// The alerts of the organization or of a project.
#[derive(Default)]
struct Alarms {
    alerts: Vec<Value>,
    /// Whether there are more than are read.
    more: bool,
}

impl Alarms {
    async fn read(cx: &Context, spec: &'static Spec, of: Value) -> Result<Self> {
        let mut alerts = Vec::new();
        let more = list(cx, spec, of, |alert| {
            alerts.push(alert.clone());
            true
        });
        match more.await {
            Err(error) if error.kind() == Kind::Status(404) => Ok(Alarms::default()),
            more => Ok(Alarms { more: more?, alerts }),
        }
    }
}

/// Cents, as dollars.
fn dollars(object: &Value) -> Option<Decimal> {
    object.get("threshold_amount").and_then(Value::as_i64).map(|cents| Decimal::new(cents, 2))
}

fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

fn judge(head: Arguments, course: &Course, row: &Row, limit: &Value, of: &Alarms) -> Arguments {
    let (spent, projected) = (course.spent(row), course.projected(row));
    let mut told = head.set("currency", "usd").set("spent", text(spent)).set("projected", projected.map(text));
    if let Some(most) = dollars(limit) {
        let used = percent(Decimal::ZERO.max(most), most.saturating_add(spent));
        let state = match () {
            () if spent >= most => "reached",
            () if projected.is_some_and(|projected| projected >= most) => "will be reached",
            () if used.is_some_and(|used| used >= Decimal::from(NEAR)) => "near",
            () => "ok",
        };
        told = told
            .set("limit", text(most))
            .set("used_percent", used.map(text))
            .set("state", state)
            .set("enforcement", limit.pointer("/enforcement/status"));
    }
    // The first day on which what was spent until then is that much.
    let passed = |most: Decimal| {
        let days = course.days.iter().enumerate().skip(course.first);
        let mut sums = days.scan(Decimal::ZERO, |sum, (at, day)| {
            *sum = sum.saturating_add(row.at(at));
            Some((*sum, day))
        });
        sums.find(|(sum, _)| *sum >= most).map(|(_, day)| day.label.clone())
    };
    let alerts: Vec<Value> = of
        .alerts
        .iter()
        .filter_map(|alert| {
            let most = dollars(alert)?;
            let state = match passed(most) {
                Some(day) => format!("passed on {day}"),
                None if projected.is_some_and(|projected| projected >= most) => "will be passed".into(),
                None => "ok".into(),
            };
            Some(json!({"id": alert.get("id"), "at": text(most), "state": state}))
        })
        .collect();
    if of.more {
        told = told.set("note", format!("there are more alerts than the {} that are read", of.alerts.len()));
    }
    told.set("alerts", alerts)
}
