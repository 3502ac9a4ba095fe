//! Arithmetic on vectors, and their bytes: little-endian 32-bit floats, as the API's base64 has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use serde_json::Map;

/// A wished number of dimensions.
pub(crate) type Dimensions = Int<1, { i64::MAX }>;

/// Bytes of one number.
pub(crate) const WIDTH: usize = size_of::<f32>();
/// Numbers that are worked on at once: enough for the widest registers, with several sums in flight.
const LANES: usize = 32;

/// Sum of the products of two vectors.
///
/// One running sum would have to be added up in order; independent ones per lane let the compiler use vector registers.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (wide_a, rest_a) = a.as_chunks::<LANES>();
    let (wide_b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in wide_a.iter().zip(wide_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// [`dot`] with a vector that is still bytes.
pub(crate) fn dot_bytes(a: &[f32], bytes: &[u8]) -> f32 {
    let (wide_a, rest_a) = a.as_chunks::<LANES>();
    let (b, _) = bytes.as_chunks::<WIDTH>();
    let (wide_b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in wide_a.iter().zip(wide_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * f32::from_le_bytes(*b);
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * f32::from_le_bytes(*b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// Length of a vector.
pub(crate) fn norm(vector: &[f32]) -> f32 {
    dot(vector, vector).sqrt()
}

/// Cosine of the angle between two vectors; 0 where one has no direction.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norms = norm(a) * norm(b);
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
}

/// Distance between the ends of two vectors.
pub(crate) fn euclidean(a: &[f32], b: &[f32]) -> f32 {
    let differences: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&differences)
}

/// The vector at unit length.
pub(crate) fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = norm(vector);
    vector.iter().map(|number| if norm > 0.0 { number / norm } else { 0.0 }).collect()
}

/// Appends the bytes of a vector.
pub(crate) fn push_bytes(out: &mut Vec<u8>, vector: &[f32]) {
    out.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
}

/// The vector of the API's base64; `None` if it is none.
pub(crate) fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<WIDTH>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Appends a vector as a JSON array, each number with the fewest digits that tell it.
pub(crate) fn push_json(out: &mut Vec<u8>, vector: &[f32]) {
    // Writing to memory cannot fail; what is no number becomes `null`.
    let _ = serde_json::to_writer(out, vector);
}

/// Checks that vectors can go to a file of this name: an object a line.
///
/// # Errors
/// The name is that of another format.
pub(crate) fn check_file(save_to: Option<&str>) -> Result<()> {
    save::format(save_to, ("", Some("jsonl")), &[("jsonl", &["jsonl", "ndjson"])]).map(drop)
}

/// Appends a line of a saved file: what was embedded, and its vector.
pub(crate) fn push_line(out: &mut Vec<u8>, line: &Map<String, Value>, vector: &[f32]) {
    let line = Value::Object(line.clone()).to_string();
    out.extend_from_slice(line.strip_suffix('}').unwrap_or(&line).as_bytes());
    out.extend_from_slice(br#","embedding":"#);
    push_json(out, vector);
    out.extend_from_slice(b"}\n");
}

/// To six places: what is further behind is noise of the model.
pub(crate) fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_counts_at_any_length() {
        for length in [0, 1, 31, 32, 33, 100, 1536] {
            let a: Vec<f32> = (0..length).map(|n| (n % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..length).map(|n| (n % 5) as f32 - 2.0).collect();
            let expected: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let mut bytes = Vec::new();
            push_bytes(&mut bytes, &b);
            assert_eq!(dot(&a, &b), expected, "{length}");
            assert_eq!(dot_bytes(&a, &bytes), expected, "{length}");
            assert_eq!(from_base64(&STANDARD.encode(&bytes)), Some(b), "{length}");
        }
    }

    #[test]
    fn measures_are_what_geometry_says() {
        assert_eq!(norm(&[3.0, 4.0]), 5.0);
        assert_eq!(unit(&[3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), 0.0);
        assert_eq!(cosine(&[2.0, 0.0], &[5.0, 0.0]), 1.0);
        assert_eq!(cosine(&[0.0], &[1.0]), 0.0);
        assert_eq!(euclidean(&[1.0, 1.0], &[4.0, 5.0]), 5.0);
        assert_eq!(from_base64("AAA="), None);
    }
}
