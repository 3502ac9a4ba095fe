//! Numbers as people and programs write them.

/// A decimal number, perhaps with a sign and an exponent; on one side of its point there may be no digits. What is no
/// number, or none that there is room for, is nothing.
///
/// Of more than fifteen digits, and far from 1, its last place may not be the nearest.
///
/// It is read as JSON: `str::parse` brings tables of 10 KB, which a Worker would carry besides those of serde_json.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = digits.split_at(digits.find(['e', 'E']).unwrap_or(digits.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_of_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.trim_start_matches(['e', 'E', '+', '-']);
    // JSON may end in whitespace, too.
    if mantissa.trim_start_matches('.').is_empty() || ![whole, fraction, power].into_iter().all(is_of_digits) {
        return None;
    }
    // JSON has no zeros before others, and digits on both sides.
    let whole = whole.trim_start_matches('0');
    let [whole, fraction] = [whole, fraction].map(|digits| if digits.is_empty() { "0" } else { digits });
    let read: f64 = serde_json::from_str(&format!("{whole}.{fraction}{exponent}")).ok()?;
    Some(if text.starts_with('-') { -read } else { read })
}
