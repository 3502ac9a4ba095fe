//! Which time a report is about, as people say it, and the columns that it is divided into.

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};
use openai_mcp_kernel::prelude::*;
use openai_mcp_zones::zone as zone_named;

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// Longest text that is read as a time, in bytes: with each leading word that says nothing the rest is made anew.
const MOST_SAID: usize = 128;
/// Longest report, in days.
const LONGEST: i64 = 11 * 366;
/// Most requests that a report may take: who wants more is mistaken.
const REQUESTS: i64 = 400;

/// A time of a report: from its start until before its end.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) start: ZonedDateTime,
    pub(crate) end: ZonedDateTime,
}

/// One of the parts that a report is divided into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its first day, its month, or when its hour begins.
    pub(crate) label: String,
    /// Unix seconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// How long the parts are.
#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum Per {
    Hour,
    Day,
    Week,
    Month,
}

impl Per {
    /// As arguments have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Per::Hour => "hour",
            Per::Day => "day",
            Per::Week => "week",
            Per::Month => "month",
        }
    }

    /// The next longer of which none lies in two: weeks do not make up months.
    pub(crate) fn longer(self) -> Option<Self> {
        match self {
            Per::Hour => Some(Per::Day),
            Per::Day => Some(Per::Month),
            Per::Week | Per::Month => None,
        }
    }
}

/// Buckets in which the API is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Width {
    pub(crate) name: &'static str,
    pub(crate) seconds: i64,
    /// Most on a page.
    pub(crate) limit: i64,
}

const WIDTHS: [Width; 3] = [
    Width { name: "1d", seconds: DAY, limit: 31 },
    Width { name: "1h", seconds: HOUR, limit: 168 },
    Width { name: "1m", seconds: 60, limit: 1440 },
];

/// A time zone by its name in the IANA database, or by its offset as `+02:00`; UTC where none is given.
pub(crate) fn zone(name: Option<&str>) -> Result<TimeZone> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let Some(name) = name.map(str::trim).filter(|name| !matches!(*name, "" | "Z" | "z")) else {
        return Ok(TimeZone::UTC);
    };
    zone_named(name).or_else(|| PARSER.parse_time_zone(name).ok()).ok_or_else(|| {
        let name: String = name.chars().take(60).collect();
        Error::argument(
            "time_zone",
            format!("expected a name as `Europe/Berlin` or an offset as `+02:00`, got `{name}`"),
        )
    })
}

/// What time it is, there.
pub(crate) fn now(cx: &Context, zone: TimeZone) -> Result<ZonedDateTime> {
    at(i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX), zone)
}

fn at(seconds: i64, zone: TimeZone) -> Result<ZonedDateTime> {
    Timestamp::from_second(seconds).map(|time| time.to_zoned_datetime(zone)).map_err(beyond)
}

/// A time that no calendar has.
fn beyond(_: jiff::Error) -> Error {
    Error::argument("range", "expected years from 1 to 9999")
}

impl Range {
    /// Reads what was said: `last 30 days`, `this month`, `2026-10`, `2026-10-01..2026-10-15`, ….
    ///
    /// # Errors
    /// It says no time, ends before it begins, or has not begun.
    pub(crate) fn read(text: &str, now: &ZonedDateTime) -> Result<Self> {
        let short = Some(text.trim()).filter(|text| text.len() <= MOST_SAID);
        let range = short.and_then(|text| said(&text.to_ascii_lowercase().replace('_', " "), now));
        let range = range.ok_or_else(|| {
            let text: String = text.chars().take(80).collect();
            let forms =
                "`last 30 days`, `this month`, `yesterday`, `2026-10`, `2026-10-01..2026-10-15`, or two ISO times";
            Error::argument("range", format!("expected one as {forms}, got `{text}`"))
        })?;
        range.check(now)
    }

    /// The time between two points, in Unix seconds; until now where no end is given.
    ///
    /// # Errors
    /// As [`Range::read`].
    pub(crate) fn between(start: i64, end: Option<i64>, now: &ZonedDateTime) -> Result<Self> {
        let zone = now.time_zone();
        let end = end.map_or(Ok(now.clone()), |end| at(end, zone.clone()))?;
        Range { start: at(start, zone.clone())?, end }.check(now)
    }

    fn check(self, now: &ZonedDateTime) -> Result<Self> {
        let (from, to) = (self.start.timestamp(), self.end.timestamp());
        if to <= from {
            return Err(Error::argument("range", format!("ends at {to}, which is not after its start, {from}")));
        }
        if from > now.timestamp() {
            return Err(Error::argument("range", format!("begins at {from}, and it is {}", now.timestamp())));
        }
        if self.seconds() > LONGEST * DAY {
            return Err(Error::argument("range", "expected at most 11 years"));
        }
        Ok(self)
    }

    fn seconds(&self) -> i64 {
        seconds(&self.end) - seconds(&self.start)
    }

    /// The same with its ends on whole days of UTC, and whether they were elsewhere, unless it ends now.
    pub(crate) fn whole_days(&self, now: &ZonedDateTime) -> Result<(Self, bool)> {
        let start = Unit::Day.start(&self.start)?;
        let last = Unit::Day.start(&self.end)?;
        let end = if last == self.end { last } else { Unit::Day.after(&last, 1)? };
        let moved = start != self.start || (end != self.end && self.end != *now);
        Ok((Range { start, end }, moved))
    }

    /// How many whole months it is, if it is that.
    pub(crate) fn months(&self) -> Option<i64> {
        let (start, end) = (self.start.date(), self.end.date());
        let count = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        (start.day() == 1 && end.day() == 1 && !self.is_of_hours()).then(|| count(end) - count(start))
    }

    /// Whether it is still going on.
    pub(crate) fn lasts(&self, now: &ZonedDateTime) -> bool {
        self.end > *now
    }

    /// The same up to the end of the day, or of the hour, that it is. What ends now ends there, too: there is nothing after
    /// now, and buckets are whole.
    pub(crate) fn so_far(&self, now: &ZonedDateTime, per: Per) -> Result<Self> {
        let unit = if per == Per::Hour { Unit::Hour } else { Unit::Day };
        let next = unit.after(&unit.start(now)?, 1)?;
        let end = if self.end == *now { next } else { self.end.clone().min(next) };
        Ok(Range { start: self.start.clone(), end })
    }

    /// Whether it begins or ends within a day.
    fn is_of_hours(&self) -> bool {
        let midnight = |time: &ZonedDateTime| Unit::Day.start(time).is_ok_and(|start| start == *time);
        !(midnight(&self.start) && midnight(&self.end))
    }

    /// What it is divided into by default: so much that a table stays a table.
    pub(crate) fn usual(&self) -> Per {
        match self.seconds() / DAY {
            0..=2 if self.is_of_hours() => Per::Hour,
            0..=62 => Per::Day,
            63..=434 => Per::Week,
            _ => Per::Month,
        }
    }

    /// Its parts. The first begins with it, the last ends with it, and all between begin and end as the calendar has it.
    pub(crate) fn columns(&self, per: Per) -> Result<Vec<Column>> {
        let unit = match per {
            Per::Hour => Unit::Hour,
            Per::Day => Unit::Day,
            Per::Week => Unit::Week,
            Per::Month => Unit::Month,
        };
        let mut columns = Vec::new();
        let mut start = self.start.clone();
        while start < self.end {
            let next = unit.after(&unit.start(&start)?, 1)?.min(self.end.clone());
            let label = match per {
                Per::Hour => iso(&start),
                Per::Day | Per::Week => start.date().to_string(),
                Per::Month => start.date().to_string().get(..7).unwrap_or_default().to_owned(),
            };
            columns.push(Column { label, start: seconds(&start), end: seconds(&next) });
            if columns.len() > 100_000 {
                return Err(Error::argument("per", "expected longer parts for a range of this length"));
            }
            start = next;
        }
        Ok(columns)
    }

    /// The longest buckets of which none lies in two columns.
    ///
    /// # Errors
    /// It would take hundreds of requests.
    pub(crate) fn width(&self, columns: &[Column]) -> Result<Width> {
        let fits = |width: &&Width| {
            columns.iter().all(|column| column.start % width.seconds == 0 && column.end % width.seconds == 0)
        };
        let [.., finest] = WIDTHS;
        let width = WIDTHS.iter().find(fits).copied().unwrap_or(finest);
        let requests = self.seconds() / width.seconds / width.limit;
        if requests > REQUESTS {
            let text = format!(
                "{requests} requests for buckets of {}: expected a shorter one, or one of whole days of UTC",
                width.name
            );
            return Err(Error::argument("range", text));
        }
        Ok(width)
    }

    /// How results tell of it.
    pub(crate) fn show(&self) -> Value {
        let (from, to) = (iso(&self.start), iso(&self.end));
        let zone = self.start.time_zone().iana_name().or(from.get(19..)).unwrap_or_default();
        json!({"from": from, "to": to, "time_zone": zone})
    }
}

/// As `2026-11-27T10:00:00+01:00`.
fn iso(time: &ZonedDateTime) -> String {
    match *time.time_zone() == TimeZone::UTC {
        true => time.timestamp().to_string(),
        false => time.timestamp().display_with_offset(time.offset()).to_string(),
    }
}

/// In Unix seconds.
pub(crate) fn seconds(time: &ZonedDateTime) -> i64 {
    time.timestamp().as_second()
}

/// What people count time in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    fn named(word: &str) -> Option<Self> {
        Some(match word.strip_suffix('s').filter(|word| !word.is_empty()).unwrap_or(word) {
            "h" | "hour" => Unit::Hour,
            "d" | "day" => Unit::Day,
            "w" | "week" => Unit::Week,
            "m" | "month" => Unit::Month,
            "y" | "year" => Unit::Year,
            _ => return None,
        })
    }

    /// When the one began that it is; weeks begin on Monday.
    pub(crate) fn start(self, time: &ZonedDateTime) -> Result<ZonedDateTime> {
        let date = time.date();
        let date = match self {
            Unit::Hour => {
                let within = time.timestamp().as_second() + i64::from(time.offset().seconds());
                return at(seconds(time) - within.rem_euclid(HOUR), time.time_zone().clone());
            }
            Unit::Day => date,
            Unit::Week => {
                let days = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(span(Unit::Day, days)?).map_err(beyond)?
            }
            Unit::Month => date.first_of_month(),
            Unit::Year => date.first_of_year(),
        };
        date.to_zoned_datetime(time.time_zone().clone()).map_err(beyond)
    }

    /// So many later: of hours the same minute, of days and all that is longer the start of the day. A day begins when a clock
    /// that passes over midnight goes on. A month later than the 31st is the last of a shorter month.
    pub(crate) fn after(self, time: &ZonedDateTime, count: i64) -> Result<ZonedDateTime> {
        match self {
            Unit::Hour => at(seconds(time) + count * HOUR, time.time_zone().clone()),
            _ => {
                let date = time.date().checked_add(span(self, count)?).map_err(beyond)?;
                date.to_zoned_datetime(time.time_zone().clone()).map_err(beyond)
            }
        }
    }
}

fn span(unit: Unit, count: i64) -> Result<Span> {
    let span = Span::new();
    match unit {
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        Unit::Year => span.try_years(count),
    }
    .map_err(beyond)
}

/// What a text means, in small letters.
fn said(text: &str, now: &ZonedDateTime) -> Option<Range> {
    let whole = |unit: Unit, back: i64| {
        let start = unit.after(&unit.start(now).ok()?, -back).ok()?;
        Some(Range { end: unit.after(&start, 1).ok()?, start })
    };
    // The latest of them is the one that it is.
    let latest = |count: &str, unit: Unit| {
        let count = count.parse::<i64>().ok().filter(|count| (1..100_000).contains(count))?;
        let of = if unit == Unit::Hour { Unit::Hour } else { Unit::Day };
        let end = of.after(&of.start(now).ok()?, 1).ok()?;
        Some(Range { start: unit.after(&end, -count).ok()?, end })
    };
    // As `30d`.
    let short = |word: &str| {
        let (count, unit) = word.split_at_checked(word.find(|letter: char| !letter.is_ascii_digit())?)?;
        latest(count, Unit::named(unit)?)
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["the" | "for" | "in", rest @ ..] if !rest.is_empty() => said(&rest.join(" "), now),
        ["this" | "current", unit] | [unit, "to", "date"] => whole(Unit::named(unit)?, 0),
        ["last" | "previous" | "past", word] => short(word).or_else(|| whole(Unit::named(word)?, 1)),
        ["last" | "previous" | "past", count, unit] => latest(count, Unit::named(unit)?),
        [count, unit] if Unit::named(unit).is_some() => latest(count, Unit::named(unit)?),
        [word] => short(word).or_else(|| ends(word, now)),
        _ => ends(text, now),
    }
}

/// Two points with something between, or one that lasts.
fn ends(text: &str, now: &ZonedDateTime) -> Option<Range> {
    if let Some(start) = text.strip_prefix("since ") {
        return Some(Range { start: point(start, now)?.start, end: now.clone() });
    }
    let text = text.strip_prefix("from ").unwrap_or(text);
    let parts = [" until ", " to ", "..", " - ", " – ", "/"].iter().find_map(|sign| text.split_once(sign));
    let Some((start, end)) = parts else {
        return point(text, now).filter(|range| range.start < range.end);
    };
    let (start, end) = (point(start, now)?, point(end.trim_start_matches(['.', '=']), now)?);
    Some(Range { start: start.start, end: end.end })
}

/// A day, a month, a year; or a time, which does not last.
fn point(text: &str, now: &ZonedDateTime) -> Option<Range> {
    let (text, zone) = (text.trim(), now.time_zone());
    let lasting = |date: Date, unit: Unit| {
        let start = date.to_zoned_datetime(zone.clone()).ok()?;
        Some(Range { end: unit.after(&start, 1).ok()?, start })
    };
    let moment = |time: ZonedDateTime| Some(Range { start: time.clone(), end: time });
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "now" => moment(now.clone()),
        "today" => lasting(now.date(), Unit::Day),
        "yesterday" => lasting(now.date().yesterday().ok()?, Unit::Day),
        _ if digits && text.len() == 4 => lasting(Date::new(text.parse().ok()?, 1, 1).ok()?, Unit::Year),
        _ if digits && text.len() >= 9 => moment(at(text.parse().ok()?, zone.clone()).ok()?),
        _ if digits => None,
        _ if text.len() == 7 => lasting(format!("{text}-01").parse().ok()?, Unit::Month),
        _ if text.contains(':') => match text.parse::<Timestamp>() {
            Ok(time) => moment(time.to_zoned_datetime(zone.clone())),
            Err(_) => moment(text.parse::<DateTime>().ok()?.to_zoned_datetime(zone.clone()).ok()?),
        },
        _ => lasting(text.parse().ok()?, Unit::Day),
    }
}
