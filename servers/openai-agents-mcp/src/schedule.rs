//! When an automation runs: checked before it is sent, and told.
//!
//! Of cron there is what the API takes, five fields (<https://man7.org/linux/man-pages/man5/crontab.5.html>). The libraries for
//! it stand on other libraries for time, which would double what the zones weigh in a Worker.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use openai_mcp_kernel::openai::Call;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::time;
use openai_mcp_zones::zone;

/// How many times are told.
const TOLD: usize = 3;
/// How far the next time is looked for, in days: three times 29 February may be twelve years away.
const FAR: usize = 13 * 366;

/// When an automation is to run, as a call says it.
pub(crate) struct Given {
    pub(crate) expression: Option<String>,
    timezone: Option<String>,
    /// Unix seconds.
    pub(crate) run_at: Option<i64>,
}

impl Given {
    /// Reads it of a call's arguments.
    pub(crate) fn read(cx: &Context) -> Result<Self> {
        let arguments = cx.arguments();
        let timezone: Option<String> = arguments.member("timezone")?;
        let mut run_at = arguments.member::<Time>("run_at")?.map(|Time(seconds)| seconds);
        // A time without an offset is one of the zone beside it.
        if let Some(Value::String(text)) = arguments.member("run_at")?
            && let Some(zone) = timezone.as_deref().and_then(zone)
            && is_local(&text)
            && let Some(at) = time::seconds(&text).and_then(|at| Timestamp::from_second(at).ok())
        {
            let clock = at.to_zoned_datetime(TimeZone::UTC).datetime();
            run_at = zone.to_zoned_datetime(clock).map(|at| at.timestamp().as_second()).ok();
        }
        Ok(Given { expression: arguments.member("expression")?, timezone, run_at })
    }

    /// Says what is wrong with it, or missing for an automation of this kind; where the kind is not known, nothing is missing.
    pub(crate) fn check(&self, cx: &Context, kind: &str) -> Result<()> {
        let mut faults = Vec::new();
        let mut fault = |name: &str, problem: String| faults.push(format!("`{name}`: {problem}"));
        match (kind, &self.expression) {
            ("once", Some(_)) => fault("expression", "an automation that runs once has `run_at` alone".to_owned()),
            ("periodic", None) => fault("expression", "required: a cron expression, as `0 9 * * 1-5`".to_owned()),
            (_, Some(expression)) => match Cron::read(expression) {
                Ok(cron) if next(&cron, &TimeZone::UTC, seconds(cx)).is_empty() => {
                    fault("expression", format!("`{expression}` never comes"));
                }
                Ok(_) => {}
                Err(problem) => fault("expression", problem),
            },
            _ => {}
        }
        match (kind, &self.timezone) {
            ("periodic", None) => fault("timezone", "required: an IANA time zone, as `Europe/Berlin`".to_owned()),
            (_, Some(name)) if zone(name).is_none() => {
                fault("timezone", format!("expected an IANA time zone, as `Europe/Berlin`, got `{name}`"));
            }
            _ => {}
        }
        match (kind, self.run_at) {
            ("periodic", Some(_)) => {
                fault("run_at", "a periodic automation has `expression` and `timezone`".to_owned())
            }
            ("once", None) => fault("run_at", "required: Unix seconds or ISO 8601, to come".to_owned()),
            (_, Some(at)) if at <= seconds(cx) => {
                fault(
                    "run_at",
                    format!("expected a time to come, got {}; it is {}", time::iso(at), time::iso(seconds(cx))),
                );
            }
            _ => {}
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::arguments(&faults)) }
    }

    /// The arguments of the call, with the time as the API takes it.
    pub(crate) fn settled(&self, cx: &Context) -> Arguments {
        match (self.run_at, &self.expression) {
            (Some(at), None) => cx.arguments().clone().without("timezone").set("run_at", at),
            (Some(at), Some(_)) => cx.arguments().clone().set("run_at", at),
            (None, _) => cx.arguments().clone(),
        }
    }
}

/// Whether a date, or a date with a time, has no offset.
fn is_local(text: &str) -> bool {
    text.trim().split_once(['T', 't', ' ']).is_none_or(|(_, clock)| !clock.contains(['Z', 'z', '+', '-']))
}

/// An automation that a request answers with, and when it runs next.
pub(crate) async fn told(cx: &Context, call: Call<'_>) -> Result<Output> {
    let mut automation = call.value().await?;
    let times = times(&automation, seconds(cx));
    if let Some(automation) = automation.as_object_mut() {
        let times: Vec<Value> = times.into_iter().map(|at| json!({"at": at, "iso": time::iso(at)})).collect();
        automation.insert("next_runs".to_owned(), times.into());
    }
    Ok(Output::json(&automation))
}

fn seconds(cx: &Context) -> i64 {
    i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)
}

/// When an automation runs next: never while it is paused.
fn times(automation: &Value, now: i64) -> Vec<i64> {
    let text = |name: &str| automation.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("status") != "active" {
        return Vec::new();
    }
    match automation.get("run_at").and_then(Value::as_i64) {
        Some(at) => Some(at).filter(|at| *at > now).into_iter().collect(),
        None => match (Cron::read(text("expression")), zone(text("timezone"))) {
            (Ok(cron), Some(zone)) => next(&cron, &zone, now),
            _ => Vec::new(),
        },
    }
}

/// The next times, in Unix seconds. Where a clock is put forward, what falls into the gap comes after it, which may be when
/// something else comes, or later than that.
fn next(cron: &Cron, zone: &TimeZone, now: i64) -> Vec<i64> {
    let mut found = BTreeSet::new();
    let mut day = Timestamp::from_second(now).map(|now| now.to_zoned_datetime(zone.clone()).date()).ok();
    for _ in 0..FAR {
        let Some(date) = day.filter(|_| found.len() < TOLD) else { break };
        if cron.is_day(date) {
            for (hour, minute) in cron.clock() {
                let at = zone.to_zoned_datetime(date.at(hour, minute, 0, 0)).map(|at| at.timestamp().as_second());
                found.extend(at.ok().filter(|at| *at > now));
            }
        }
        day = date.tomorrow().ok();
    }
    found.into_iter().take(TOLD).collect()
}

/// A cron expression: of each field the values that it takes, as bits.
struct Cron {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    /// Whether days of the month and of the week are both told: then either is enough.
    either: bool,
}

/// A field: what it is called, its least and greatest value, and names for values, from the least one on.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    // Sunday is 0, and 7 as well.
    ("weekday", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

impl Cron {
    fn read(expression: &str) -> Result<Self, String> {
        let parts: Vec<&str> = expression.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            let got = parts.len();
            return Err(format!("expected five fields, minute hour day month weekday, got {got} in `{expression}`"));
        };
        let bits = |at: usize, text: &str| FIELDS.get(at).map_or(Ok(0), |field| bits(text, field));
        let any = |text: &str| text.starts_with('*');
        let week = bits(4, weekday)?;
        Ok(Cron {
            minute: bits(0, minute)?,
            hour: bits(1, hour)?,
            day: bits(2, day)?,
            month: bits(3, month)?,
            weekday: week | (week >> 7 & 1),
            either: !any(day) && !any(weekday),
        })
    }

    fn is_day(&self, date: Date) -> bool {
        let has = |bits: u64, value: i8| u32::try_from(value).is_ok_and(|value| bits >> value & 1 == 1);
        let (day, weekday) = (has(self.day, date.day()), has(self.weekday, date.weekday().to_sunday_zero_offset()));
        has(self.month, date.month()) && if self.either { day || weekday } else { day && weekday }
    }

    /// Hours and minutes of a day.
    fn clock(&self) -> impl Iterator<Item = (i8, i8)> {
        let values = |bits: u64, end: i8| (0..end).filter(move |value| bits >> value & 1 == 1);
        values(self.hour, 24).flat_map(move |hour| values(self.minute, 60).map(move |minute| (hour, minute)))
    }
}

/// The values of a field: lists of values, ranges and steps.
fn bits(text: &str, field: &Field) -> Result<u64, String> {
    let (name, least, most, names) = *field;
    let wrong = |part: &str| {
        format!("{name}: expected `*`, {least} to {most}, a range or a step of them, as `*/5`, got `{part}`")
    };
    let value = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let named = (least..).zip(names).find(|(_, name)| **name == lower).map(|(value, _)| value);
        named.or_else(|| text.parse().ok()).filter(|value| (least..=most).contains(value))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(|| wrong(part))?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (value(first).ok_or_else(|| wrong(part))?, value(last).ok_or_else(|| wrong(part))?),
            None => {
                let first = value(range).ok_or_else(|| wrong(part))?;
                // `5/15` begins at 5 and goes on to the end.
                (first, if part.contains('/') { most } else { first })
            }
        };
        if first > last {
            return Err(wrong(part));
        }
        bits |= (first..=last).step_by(step).fold(0_u64, |bits, value| bits | 1 << value);
    }
    Ok(bits)
}
