//! Points in time: as the API has them, in seconds since the Unix epoch, and as people write them, in ISO 8601.

use std::time::Duration;

/// Days before the first of March of the year 0, counted from the Unix epoch.
const EPOCH: i64 = 719_468;
const DAY: i64 = 86_400;

/// Milliseconds of a duration. What std gives has 128 bits, whose arithmetic a Worker would carry for that alone.
pub fn milliseconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into())
}

/// Seconds of a date, or of a date with a time; without an offset both are of UTC.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time.trim())),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-').map(|part| number(part, 4));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let seconds = days(year, month, day)? * DAY;
    let Some(time) = time else { return Some(seconds) };
    let (clock, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match time.rfind(['+', '-']).and_then(|at| time.split_at_checked(at)) {
            Some((clock, offset)) => (clock, self::offset(offset)?),
            None => (time, 0),
        },
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = match parts.next() {
        Some(second) => number(second.split_once(['.', ',']).map_or(second, |(whole, _)| whole), 2)?,
        None => 0,
    };
    let within = hour < 24 && minute < 60 && second < 61;
    within.then_some(seconds + hour * 3600 + minute * 60 + second - offset)
}

/// Seconds of a date as HTTP has it, `Sun, 06 Nov 1994 08:49:37 GMT`: RFC 9110, section 5.6.7.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, clock) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    seconds(&format!("{year}-{month}-{day}T{clock}"))
}

/// A point in time as `2026-11-27T10:00:00Z`.
pub fn iso(seconds: i64) -> String {
    // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    let (days, clock) = (seconds.div_euclid(DAY) + EPOCH, seconds.rem_euclid(DAY));
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days from the epoch to a date, if there is one.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let march = if month > 2 { month - 3 } else { month + 9 };
    Some(year * 365 + year / 4 - year / 100 + year / 400 + (153 * march + 2) / 5 + day - 1 - EPOCH)
}

/// Seconds of `+01:00`, `-0530` or `+01`.
fn offset(text: &str) -> Option<i64> {
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        (_, rest) => (-1, rest),
    };
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None => text.split_at_checked(2)?,
    };
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2)? };
    let hours = number(hours, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of so many digits at most.
fn number(text: &str, digits: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.bytes().fold(0, |number, byte| number * 10 + i64::from(byte - b'0')))
}
