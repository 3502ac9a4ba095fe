//! Costs over a time: what for, where they lead, how they were before, which days stand out.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use openai_mcp_kernel::prelude::*;
use rust_decimal::Decimal;

use crate::course::{Course, OUTSTANDING, Outstanding, PROJECTED, percent};
use crate::names::Names;
use crate::plot::Chart;
use crate::range::{self, Per, Range};
use crate::read::costs;
use crate::save::{Saving, finish};
use crate::show::{Look, SHORTENED, nothing};
use crate::table::{Row, sum};

tools![Report];

/// Rows of a table by default.
const ROWS: usize = 20;
/// Rows that are shown of a table that is too wide, before its parts become longer.
const LEAST: usize = 5;
/// Bytes of a result that are left for what is not the table.
const SPARE: usize = 4096;

/// Report costs of a time: table, projection, the time before, odd days, a plot.
///
/// By days of UTC; each currency apart.
#[tool("cost-report", reads, saves)]
struct Report {
    /// Default `this month`; `last month`, `last 30 days`, `2026-10`, `2026-10-01..2026-10-15` (both days within).
    range: Option<String>,
    #[unlisted]
    start_time: Option<Time>,
    #[unlisted]
    end_time: Option<Time>,
    /// Default line_item.
    group_by: Option<Raw<Vec<By>>>,
    /// Default by length.
    per: Option<Parts>,
    /// Or names.
    project_ids: Option<Vec<String>>,
    api_key_ids: Option<Vec<String>>,
    /// Whole names, or models.
    line_items: Option<Vec<String>>,
    /// Default 20; the rest is added up.
    rows: Option<Int<1, 1000>>,
    /// Default true.
    plot: Option<bool>,
    /// New local file: .csv of the whole table, .png of the plot.
    save_to: Option<String>,
}

#[shape]
enum By {
    ProjectId,
    UserId,
    LineItem,
    Model,
    ApiKeyId,
    ApiSource,
}

#[shape(read)]
#[derive(Copy)]
enum Parts {
    Day,
    Week,
    Month,
}

impl Report {
    async fn run(self, cx: Context) -> Result<Output> {
        let saving = Saving::new(&cx, self.save_to).await?;
        let now = range::now(&cx, TimeZone::UTC)?;
        let asked = match (self.range, self.start_time) {
            (Some(_), Some(_)) => return Err(Error::argument("start_time", "expected either `range` or `start_time`")),
            (None, Some(Time(start))) => Range::between(start, self.end_time.map(|Time(end)| end), &now)?,
            (text, None) => Range::read(text.as_deref().unwrap_or("this month"), &now)?,
        };
        let (whole, moved) = asked.whole_days(&now)?;
        let course = Course::new(whole, &now)?;
        let mut per = match self.per {
            Some(Parts::Day) => Per::Day,
            Some(Parts::Week) => Per::Week,
            Some(Parts::Month) => Per::Month,
            None => course.range.usual(),
        };
        let group_by: Vec<String> = match &self.group_by {
            Some(group_by) => group_by.read("group_by")?,
            None => vec!["line_item".to_owned()],
        };
        let mut names = Names::default();
        let project_ids = match self.project_ids {
            Some(given) => Some(names.project_ids(&cx, "project_ids", given).await?),
            None => None,
        };
        let mut arguments = Arguments::default();
        let filters =
            [("project_ids", project_ids), ("api_key_ids", self.api_key_ids), ("line_items", self.line_items)];
        for (name, values) in filters {
            if let Some(values) = values {
                arguments = arguments.set(name, values);
            }
        }
        let filters = arguments.clone();
        // OpenAI filters by whole names of line items alone.
        let items: Vec<String> = arguments.member("line_items")?.unwrap_or_default();
        let whole = items.iter().all(|item| item.contains(','));
        let (arguments, only) = if whole { (arguments, Vec::new()) } else { (arguments.without("line_items"), items) };
        let table = costs(&cx, arguments, &course, &group_by, only).await?;
        let rows = table.rows();
        names.look_up(&cx, &group_by, &rows).await;
        let look = Look { group_by: &group_by, names: &names, money: true };

        let shown_range = course.range.so_far(&now, Per::Day)?;
        let mut notes = names.notes.clone();
        if moved {
            notes.push("costs come by days of UTC: the range was extended to whole ones".into());
        }
        let currencies: BTreeSet<Option<String>> = rows.iter().map(|row| row.key.currency.clone()).collect();
        let mut most = self.rows.map_or(ROWS, Int::get::<usize>);
        let room = cx.max_result().saturating_sub(SPARE);
        let mut shown = table.part(course.first, shown_range.columns(per)?);
        let mut parts = shown.rows();
        let csv = saving.wants_csv().then(|| look.csv(&shown.columns, &parts));
        let charts = currencies.iter().map(|currency| {
            let title = format!("{} per {}", currency.as_deref().unwrap_or_default(), per.name());
            Chart::new(title, &shown.columns, &of(&parts, currency), &look)
        });
        let charts = charts.collect();
        let costs = loop {
            let of_currency = |currency: &Option<String>| {
                let told = Arguments::default().set("currency", currency.as_deref().unwrap_or_default());
                let told = told.merge(tell(&course, &look, &of(&rows, currency)));
                told.merge(look.table(&shown.columns, &of(&parts, currency), most))
            };
            let costs: Vec<Arguments> = currencies.iter().map(of_currency).collect();
            if costs.iter().map(|told| told.text().len()).sum::<usize>() <= room {
                break costs;
            }
            if most > LEAST {
                most = (most / 2).max(LEAST);
            } else if let Some(longer) = per.longer() {
                per = longer;
                shown = table.part(course.first, shown_range.columns(per)?);
                parts = shown.rows();
            } else {
                break costs;
            }
            if notes.last().is_none_or(|note| note != SHORTENED) {
                notes.push(SHORTENED.into());
            }
        };
        if costs.is_empty() {
            notes.push(nothing("spent", &filters)?);
        }
        let costs_stand_out = currencies.iter().any(|currency| !course.outstanding(&of(&rows, currency)).is_empty());
        let mut result =
            Arguments::default().set("range", course.range.show()).set("per", per.name()).set("costs", costs);
        if course.left > 0 {
            result = result.set("projection_by", PROJECTED);
        }
        if costs_stand_out {
            result = result.set("stands_out_by", OUTSTANDING);
        }
        if !notes.is_empty() {
            result = result.set("notes", notes);
        }
        finish(&cx, result, saving, csv, self.plot != Some(false), charts).await
    }
}

/// The rows of one currency.
fn of(rows: &[Row], currency: &Option<String>) -> Vec<Row> {
    rows.iter().filter(|row| row.key.currency == *currency).cloned().collect()
}

/// The days of a range, as a caller would name them.
fn days(range: &Range) -> String {
    let (first, last) = (range.start.date(), range.end.date().yesterday());
    last.map_or_else(|_| first.to_string(), |last| format!("{first}..{last}"))
}

/// What is said of the rows of one currency, besides the table of them.
fn tell(course: &Course, look: &Look<'_>, rows: &[Row]) -> Arguments {
    let all = sum(rows);
    let mut told = Arguments::default().set("total", look.number(course.spent(&all)));
    if let Some(projected) = course.projected(&all) {
        told = told.set("projected", look.number(projected));
    }
    if let (Some(before), Some((then, now))) = (&course.before, course.compared(&all)) {
        let change = now.saturating_sub(then);
        let mut compared = json!({
            "range": days(before),
            "total": look.number(then),
            "same_days_now": look.number(now),
            "change": look.number(change),
            "change_percent": percent(then, now).map(|percent| look.number(percent)),
        });
        // What makes the most of the change.
        let by = |row: &Row| course.compared(row).map_or(Decimal::ZERO, |(then, now)| now.saturating_sub(then));
        if let Some(row) =
            rows.iter().max_by_key(|row| by(row).abs()).filter(|row| rows.len() > 1 && !by(row).is_zero())
            && let Some(compared) = compared.as_object_mut()
        {
            compared.insert("mostly".into(), json!({"by": look.name(&row.key), "change": look.number(by(row))}));
        }
        told = told.set("before", compared);
    }
    let outstanding: Vec<Value> = course
        .outstanding(rows)
        .into_iter()
        .map(|Outstanding { day, cost, usual, mostly }| {
            let day = course.days.get(day).map(|column| column.label.as_str());
            let mostly = mostly.filter(|_| rows.len() > 1).map(|row| look.name(&row.key));
            json!({"day": day, "cost": look.number(cost), "median_day": look.number(usual), "mostly": mostly})
        })
        .collect();
    told.set("stands_out", outstanding)
}
