//! All pages of buckets that a report is made of.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::course::Course;
use crate::table::{MODEL, Measure, Table};
use crate::usage::Costs;

/// Days of costs on a page. More are allowed; of a large organization they would be many megabytes.
const DAYS: i64 = 60;

/// What the days of a course cost; `only` some line items, or those of some models, if any are named.
pub(crate) async fn costs(
    cx: &Context,
    arguments: Arguments,
    course: &Course,
    group_by: &[String],
    only: Vec<String>,
) -> Result<Table> {
    let mut fields: Vec<&str> = Vec::new();
    for field in group_by.iter().map(String::as_str).chain((!only.is_empty()).then_some(MODEL)) {
        let field = if field == MODEL { "line_item" } else { field };
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let arguments = if fields.is_empty() { arguments } else { arguments.set("group_by", fields) };
    let (start, end) = (course.days.first().map(|day| day.start), course.days.last().map(|day| day.end));
    let arguments = arguments.set("start_time", start).set("end_time", end).set("limit", DAYS);
    cx.check(&Costs::SPEC, &arguments)?;
    let pages = course.days.len() as i64 / DAYS + 1;
    let mut table = Table::new(course.days.clone(), group_by.to_vec(), Measure::Cost);
    table.only = only;
    read(cx, &Costs::SPEC, arguments, pages, table).await
}

/// Adds every page to the table, from the first to the one that is the last.
pub(crate) async fn read(
    cx: &Context,
    spec: &'static Spec,
    arguments: Arguments,
    pages: i64,
    mut table: Table,
) -> Result<Table> {
    let mut next: Option<String> = None;
    let mut done: i64 = 0;
    loop {
        let asked = match &next {
            Some(page) => arguments.clone().set("page", page),
            None => arguments.clone(),
        };
        let page = cx.send(spec, asked).bytes().await?;
        let add = move || (table.add(&page), table);
        let (outcome, added) = cx.compute(add).await?;
        table = added;
        done += 1;
        match outcome? {
            None => return Ok(table),
            page if page == next => return Err(Error::new(Kind::Answer, "a page says that it follows itself")),
            page => next = page,
        }
        cx.progress(done as f64, Some(pages.max(done) as f64), &format!("{done} pages read"));
    }
}
