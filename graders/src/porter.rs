//! Stems of English words, by Porter's algorithm with nltk's extensions (`PorterStemmer`, mode `NLTK_EXTENSIONS`), which
//! differ from what other libraries have. <https://www.nltk.org/api/nltk.stem.porter.html>

/// Irregular forms.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// Steps 2 to 4: the first suffix that a word ends in decides, and is replaced if what is before it has enough syllables.
const STEP_2: &[(&str, &str)] = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
];
const STEP_3: &[(&str, &str)] =
    &[("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];
const STEP_4: &[&str] = &[
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// The stem of a word in lower case.
pub(crate) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if word.chars().count() <= 2 {
        return word.to_owned();
    }
    let steps: [fn(String) -> String; 8] = [step_1a, step_1b, step_1c, step_2, step_3, step_4, step_5a, step_5b];
    steps.iter().fold(word.to_owned(), |word, step| step(word))
}

/// Whether each letter is a vowel; `y` is one after a consonant.
fn vowels(word: &str) -> Vec<bool> {
    let mut vowels = Vec::new();
    for letter in word.chars() {
        let vowel = match letter {
            'a' | 'e' | 'i' | 'o' | 'u' => true,
            'y' => vowels.last() == Some(&false),
            _ => false,
        };
        vowels.push(vowel);
    }
    vowels
}

/// How often a consonant follows a vowel.
fn measure(word: &str) -> usize {
    vowels(word).windows(2).filter(|pair| *pair == [true, false]).count()
}

/// Consonant, vowel, consonant at the end, the last none of `w`, `x` and `y`; or nothing but a vowel and a consonant.
fn ends_in_short_syllable(word: &str) -> bool {
    match vowels(word).as_slice() {
        [true, false] => true,
        [.., false, true, false] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}

/// A word without its last letter.
fn shortened(word: &str) -> &str {
    word.char_indices().next_back().and_then(|(at, _)| word.get(..at)).unwrap_or_default()
}

fn step_1a(word: String) -> String {
    if let Some(before) = word.strip_suffix("ies") {
        return format!("{before}{}", if word.chars().count() == 4 { "ie" } else { "i" });
    }
    if word.ends_with("ss") {
        return word;
    }
    let plural = word.strip_suffix("es").filter(|before| before.ends_with("ss"));
    plural.or_else(|| word.strip_suffix('s')).map_or_else(|| word.clone(), str::to_owned)
}

fn step_1b(word: String) -> String {
    if let Some(before) = word.strip_suffix("ied") {
        return format!("{before}{}", if word.chars().count() == 4 { "ie" } else { "i" });
    }
    if let Some(before) = word.strip_suffix("eed") {
        return if measure(before) > 0 { format!("{before}ee") } else { word };
    }
    let before = ["ed", "ing"].iter().filter_map(|suffix| word.strip_suffix(suffix));
    let Some(before) = before.into_iter().find(|before| vowels(before).contains(&true)) else { return word };
    if ["at", "bl", "iz"].iter().any(|end| before.ends_with(end)) {
        return format!("{before}e");
    }
    let short = shortened(before);
    // A sign that nltk has for a double consonant is also taken as it stands.
    let double = before.ends_with("*d")
        || (vowels(before).last() == Some(&false) && before.chars().next_back() == short.chars().next_back());
    if double {
        return if before.ends_with(['l', 's', 'z']) { before.to_owned() } else { short.to_owned() };
    }
    let open = measure(before) == 1 && ends_in_short_syllable(before);
    format!("{before}{}", if open { "e" } else { "" })
}

fn step_1c(word: String) -> String {
    match word.strip_suffix('y') {
        Some(before) if before.chars().count() > 1 && vowels(before).last() == Some(&false) => format!("{before}i"),
        _ => word,
    }
}

fn step_2(word: String) -> String {
    if let Some(before) = word.strip_suffix("alli").filter(|before| measure(before) > 0) {
        return step_2(format!("{before}al"));
    }
    // The letter before counts, so that `theologi` and `geologi` are as `archaeologi`.
    if let Some(before) = word.strip_suffix("ogi").filter(|before| before.ends_with('l')) {
        return if measure(before) > 0 { format!("{before}og") } else { word };
    }
    replaced(word, STEP_2)
}

fn step_3(word: String) -> String {
    replaced(word, STEP_3)
}

fn replaced(word: String, rules: &[(&str, &str)]) -> String {
    for (suffix, replacement) in rules {
        if let Some(before) = word.strip_suffix(suffix) {
            return if measure(before) > 0 { format!("{before}{replacement}") } else { word };
        }
    }
    word
}

fn step_4(word: String) -> String {
    for suffix in STEP_4 {
        if let Some(before) = word.strip_suffix(suffix) {
            let removed = measure(before) > 1 && (*suffix != "ion" || before.ends_with(['s', 't']));
            return if removed { before.to_owned() } else { word };
        }
    }
    word
}

fn step_5a(word: String) -> String {
    match word.strip_suffix('e') {
        Some(before) if measure(before) > 1 || (measure(before) == 1 && !ends_in_short_syllable(before)) => {
            before.to_owned()
        }
        _ => word,
    }
}

fn step_5b(word: String) -> String {
    match word.strip_suffix('l') {
        Some(before) if before.ends_with('l') && measure(before) > 1 => before.to_owned(),
        _ => word,
    }
}
