//! Points in time, as people write them and as the API has them.

use openai_mcp_kernel::schema::Time;
use openai_mcp_kernel::time::{iso, seconds};
use serde_json::json;

#[test]
fn what_people_write_is_a_number_of_seconds() {
    let cases = [
        ("1970-01-01", Some(0)),
        ("2026-11-27T10:00:00Z", Some(1_795_773_600)),
        ("2026-11-27 10:00", Some(1_795_773_600)),
        ("2026-11-27T11:00:00.250+01:00", Some(1_795_773_600)),
        ("2026-11-27T04:30:00-0530", Some(1_795_773_600)),
        ("2024-02-29", Some(1_709_164_800)),
        ("1969-12-31T23:59:59Z", Some(-1)),
        ("2000-03-01", Some(951_868_800)),
        ("2023-02-29", None),
        ("2026-13-01", None),
        ("2026-11-27T24:00", None),
        ("27.11.2026", None),
        ("yesterday", None),
        ("", None),
        ("2026-11-27T10:00:00+é", None),
    ];
    for (text, expected) in cases {
        assert_eq!(seconds(text), expected, "{text}");
    }
    for at in [0, -1, 951_868_800, 1_709_164_800, 1_795_773_600, 4_102_444_799] {
        assert_eq!(seconds(&iso(at)), Some(at), "{}", iso(at));
    }
    assert_eq!(iso(1_795_773_600), "2026-11-27T10:00:00Z");
}

#[test]
fn an_argument_may_be_either() {
    let read = |value| serde_json::from_value::<Time>(value).map(|Time(seconds)| seconds);
    assert_eq!(read(json!(7)).unwrap(), 7);
    assert_eq!(read(json!("7")).unwrap(), 7);
    assert_eq!(read(json!("1970-01-02")).unwrap(), 86_400);
    let refused = read(json!("soon")).unwrap_err().to_string();
    assert_eq!(refused, "expected Unix seconds or ISO 8601 as `2026-11-27T10:00:00Z`, got `soon`");
}
