//! About what values take in memory.

use serde_json::Value;

/// What an object takes in memory besides its members' texts, and any other value.
pub(super) const OBJECT: usize = 700;
pub(super) const OTHER: usize = 32;

/// About what a text of JSON, YAML or a table takes in memory once it is read.
pub(super) fn read(text: &str) -> usize {
    let marks = text.bytes().map(|byte| match byte {
        b'{' => OBJECT,
        b',' | b'[' | b'\n' => OTHER,
        _ => 0,
    });
    text.len() + marks.sum::<usize>()
}

/// About what a value takes in memory.
pub(super) fn weight(value: &Value) -> usize {
    OTHER
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(weight).sum(),
            Value::Object(members) => {
                OBJECT + members.iter().map(|(name, value)| OTHER + name.len() + weight(value)).sum::<usize>()
            }
            _ => 0,
        }
}
