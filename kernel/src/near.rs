//! "Did you mean": the one place that decides which known name a mistyped one stands for.

/// Longest word that is taken for a typo. Longer garbage is nobody's, and a distance costs the product of the lengths.
const LONGEST: usize = 80;

/// Words of a name that promise that nothing changes.
const READING: [&str; 16] = [
    "check", "content", "count", "describe", "fetch", "find", "get", "history", "info", "list", "read", "search",
    "show", "status", "view", "wait",
];

/// The name closest to `given`, if one is close enough to be meant.
pub fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = (given.len() <= LONGEST).then(|| given.to_ascii_lowercase())?;
    names
        .map(|name| (strsim::osa_distance(&given, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The one name that has all words of `given` among its own, or the other way round: `max_results` is
/// `max_num_results`, and `timeout_seconds` is `timeout`.
pub fn akin<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = (given.len() <= LONGEST).then(|| given.to_ascii_lowercase())?;
    let within =
        |some: &str, other: &str| some.split('_').all(|word| other.split('_').any(|of_other| of_other == word));
    let mut akin = names.filter(|name| within(&wanted, name) || within(name, &wanted));
    akin.next().filter(|_| akin.next().is_none())
}

/// The tool closest to `given`, of names that each come with whether the tool only reads.
///
/// Names of tools share their beginnings, so by letters alone `voice-list` is near to `voice-create`. A tool that changes
/// something is proposed only to those who named, if mistyped, each of its words and no other: whoever follows a hint
/// without a thought must not do what they never asked for.
pub fn tool<'a>(given: &str, tools: impl Iterator<Item = (&'a str, bool)>) -> Option<&'a str> {
    let wanted = (given.len() <= LONGEST).then(|| given.to_ascii_lowercase().replace('_', "-"))?;
    let words: Vec<&str> = wanted.split('-').filter(|word| !word.is_empty()).collect();
    let meant = |name: &&str| {
        let own = || name.split('-');
        let squeezed = || wanted.replace('-', "") == name.replace('-', "");
        squeezed()
            || words.iter().all(|word| own().any(|own| same(word, own)))
                && own().all(|own| words.iter().any(|word| same(word, own)))
    };
    let (mut reading, mut same_words) = (Vec::new(), Vec::new());
    for (name, reads) in tools {
        if meant(&name) {
            same_words.push(name);
        }
        if reads {
            reading.push(name);
        }
    }
    nearest(&wanted, same_words.iter().copied())
        .or_else(|| same_words.first().copied())
        .or_else(|| nearest(&wanted, reading.into_iter()))
}

/// Whether a word may be a misspelling of another one. What reads is not: `get` is no `set`.
fn same(given: &str, own: &str) -> bool {
    given == own || !READING.contains(&given) && strsim::osa_distance(given, own) <= own.len().max(3) / 3
}

/// A name as the end of a sentence that says what is not known; nothing without a name.
pub fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
