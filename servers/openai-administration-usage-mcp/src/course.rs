//! The course of costs: days that are over and to come, the period before, where a period leads, what stands out.

use std::cmp::Reverse;

use jiff::ZonedDateTime;
use openai_mcp_kernel::prelude::*;
use rust_decimal::Decimal;

use crate::range::{Column, Per, Range, Unit, seconds};
use crate::table::{Row, sum};

/// Days of which the mean says how a period goes on: a week has every day of the week.
pub(crate) const WEEK: usize = 7;
/// Days that stand out, at most.
const MOST: usize = 5;
/// Rows of a day among which the one is looked for that makes it stand out.
const MANY: usize = 50;
/// How a period is projected.
pub(crate) const PROJECTED: &str =
    "days that are over, and for each day to come, today with it, the mean of the last 7 that are over";
/// When a day stands out.
pub(crate) const OUTSTANDING: &str = "days above 1.5 times the median of days with costs, and above it by more than 4.5 \
     times the median distance from it";

/// Days of a period and of those before it, in one row of columns.
pub(crate) struct Course {
    /// What is asked about, on whole days of UTC.
    pub(crate) range: Range,
    /// The period before, of as many days as are over of this one.
    pub(crate) before: Option<Range>,
    /// From the earliest day that is needed to the last of the period that has begun.
    pub(crate) days: Vec<Column>,
    /// Which of them is the first of the period.
    pub(crate) first: usize,
    /// Which is the first that is not over.
    pub(crate) today: usize,
    /// Days of the period that are not over, today with them.
    pub(crate) left: i64,
}

impl Course {
    pub(crate) fn new(range: Range, now: &ZonedDateTime) -> Result<Self> {
        let midnight = Unit::Day.start(now)?;
        let over = |time: &ZonedDateTime| seconds(time) - seconds(&range.start);
        let elapsed = over(&midnight.clone().min(range.end.clone())).max(0) / 86_400;
        let start = match range.months() {
            Some(months) => Unit::Month.after(&range.start, -months)?,
            None => Unit::Day.after(&range.start, -elapsed)?,
        };
        // A shorter month before is over sooner.
        let end = match range.lasts(now) {
            true => Unit::Day.after(&start, elapsed)?.min(range.start.clone()),
            false => range.start.clone(),
        };
        let before = (elapsed > 0).then_some(Range { start: start.clone(), end });
        let earliest = start.min(Unit::Day.after(&range.start, -(WEEK as i64))?);
        let shown = range.so_far(now, Per::Day)?;
        let days = Range { start: earliest, end: shown.end }.columns(Per::Day)?;
        let place = |time: i64| days.partition_point(|day| day.start < time);
        Ok(Course {
            first: place(seconds(&range.start)),
            today: place(seconds(&midnight)),
            left: ((over(&range.end) / 86_400) - elapsed).max(0),
            before,
            days,
            range,
        })
    }

    /// What the period comes to so far.
    pub(crate) fn spent(&self, row: &Row) -> Decimal {
        row.between(self.first..self.days.len())
    }

    /// What the whole period will come to if it goes on so; `None` if it is over.
    pub(crate) fn projected(&self, row: &Row) -> Option<Decimal> {
        if self.left == 0 {
            return None;
        }
        let last = self.today.saturating_sub(WEEK);
        let days = Decimal::from(self.today - last);
        let mean = row.between(last..self.today).checked_div(days).unwrap_or_default();
        // Today costs no less than it has.
        let today = row.between(self.today..self.days.len()).max(mean);
        let to_come = mean.checked_mul(Decimal::from(self.left - 1))?;
        let sum = row.between(self.first..self.today).saturating_add(today).saturating_add(to_come);
        Some(sum.round_dp(2))
    }

    /// What the period before came to, and what this one came to in the days that are over.
    pub(crate) fn compared(&self, row: &Row) -> Option<(Decimal, Decimal)> {
        let before = self.before.as_ref()?;
        let place = |time: &ZonedDateTime| self.days.partition_point(|day| day.start < seconds(time));
        let then = row.between(place(&before.start)..place(&before.end));
        Some((then, row.between(self.first..self.today.min(self.days.len()))))
    }

    /// Days that cost far more than most of them and of those before, the dearest first.
    pub(crate) fn outstanding<'a>(&self, rows: &'a [Row]) -> Vec<Outstanding<'a>> {
        let over = 0..self.today.min(self.days.len());
        let all = sum(rows);
        let costs: Vec<(usize, Decimal)> = over.clone().map(|day| (day, all.at(day))).collect();
        let busy: Vec<Decimal> = costs.iter().map(|(_, cost)| *cost).filter(|cost| !cost.is_zero()).collect();
        let Some(usual) = median(busy.clone()).filter(|_| busy.len() >= WEEK) else { return Vec::new() };
        let spread = median(busy.iter().map(|cost| cost.saturating_sub(usual).abs()).collect()).unwrap_or_default();
        let least = times(usual, 15).max(usual.saturating_add(times(spread, 45)));
        let found = costs.into_iter().skip(self.first).filter(|(_, cost)| *cost > least);
        let mut found: Vec<(usize, Decimal)> = found.collect();
        found.sort_by_key(|(_, cost)| Reverse(*cost));
        found.truncate(MOST);
        let mostly = |day: usize| {
            let mut dearest: Vec<&Row> = rows.iter().collect();
            dearest.sort_by_key(|row| Reverse(row.at(day)));
            let own = |row: &Row| median(over.clone().map(|day| row.at(day)).collect()).unwrap_or_default();
            dearest.into_iter().take(MANY).max_by_key(|row| row.at(day).saturating_sub(own(row)))
        };
        found.into_iter().map(|(day, cost)| Outstanding { day, cost, usual, mostly: mostly(day) }).collect()
    }
}

/// A day that cost far more than most.
pub(crate) struct Outstanding<'a> {
    pub(crate) day: usize,
    pub(crate) cost: Decimal,
    /// What the median of days with costs is.
    pub(crate) usual: Decimal,
    /// The row that exceeds its own median day the most.
    pub(crate) mostly: Option<&'a Row>,
}

fn times(value: Decimal, tenths: i64) -> Decimal {
    value.checked_mul(Decimal::new(tenths, 1)).unwrap_or(Decimal::MAX)
}

fn median(mut values: Vec<Decimal>) -> Option<Decimal> {
    values.sort_unstable();
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => upper.saturating_add(*values.get(half - 1)?).checked_div(Decimal::TWO),
    }
}

/// By how many percent the second is more than the first, to one place.
pub(crate) fn percent(before: Decimal, now: Decimal) -> Option<Decimal> {
    let change = now.saturating_sub(before).checked_mul(Decimal::ONE_HUNDRED)?;
    change.checked_div(before).map(|percent| percent.round_dp(1))
}
