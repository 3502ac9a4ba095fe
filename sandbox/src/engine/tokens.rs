//! Tokens by the measure of the sandbox: up to four characters of a word, with the space that precedes it.

pub(crate) const CHARS_PER_TOKEN: usize = 4;

/// Where each token starts.
pub(crate) fn starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut in_token = 0;
    let mut space_since = None;
    for (at, char) in text.char_indices() {
        if char.is_whitespace() {
            space_since.get_or_insert(at);
        } else {
            if space_since.is_some() || in_token == CHARS_PER_TOKEN || starts.is_empty() {
                starts.push(space_since.take().unwrap_or(at));
                in_token = 0;
            }
            in_token += 1;
        }
    }
    starts
}

/// The number of tokens of a text.
pub(crate) fn count(text: &str) -> usize {
    starts(text).len()
}

/// A text in the pieces in which a stream tells it: a token each, which together are the text.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut cuts: Vec<usize> = starts(text).into_iter().skip(1).collect();
    cuts.push(text.len());
    let mut from = 0;
    cuts.into_iter().filter_map(|to| text.get(std::mem::replace(&mut from, to)..to)).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text() {
        let text = "  Wörter, und 日本語 auch.\n\nEnd \n";
        assert_eq!(pieces(text).concat(), text);
        assert!(pieces("").is_empty());
        assert_eq!(pieces("  "), ["  "]);
    }
}
