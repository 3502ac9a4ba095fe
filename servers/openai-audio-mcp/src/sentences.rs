//! Long text in parts that one request takes, cut where a speaker would pause.

/// Most characters of one request.
/// <https://platform.openai.com/docs/api-reference/audio/createSpeech#audio-createspeech-input>
const CHARACTERS: usize = 4096;

/// Most tokens of one request to a `gpt-…` model, with a margin: tokens are only estimated here.
const TOKENS: usize = 1800;

/// Splits a text into parts that a model takes; one part if it is short enough.
pub(crate) fn split<'a>(text: &'a str, model: &str) -> Vec<&'a str> {
    if fitting(text, model) == text.len() {
        return vec![text];
    }
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let room = fitting(rest, model);
        let (part, after) = rest.split_at(if room == rest.len() { room } else { cut(rest, room) });
        if !part.trim_end().is_empty() {
            parts.push(part.trim_end());
        }
        rest = after.trim_start();
    }
    parts
}

/// How many bytes at the start of a text fit in one request.
fn fitting(text: &str, model: &str) -> usize {
    let most = if model.starts_with("gpt-") { 4 * TOKENS } else { usize::MAX };
    let mut weight = 0;
    for (count, (at, letter)) in text.char_indices().enumerate() {
        // Four letters of English are a token; elsewhere a letter may be one.
        weight += if letter.is_ascii() { 1 } else { 4 };
        if count == CHARACTERS || weight > most {
            return at;
        }
    }
    text.len()
}

/// Where to cut a text within its first `room` bytes: after a paragraph or sentence, else a clause, a word, a letter.
fn cut(text: &str, room: usize) -> usize {
    let (mut sentence, mut clause, mut word) = (None, None, None);
    let mut letters = text.char_indices().peekable();
    // What came last, closing quotes and brackets passed over.
    let mut last = ' ';
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        if end > room {
            break;
        }
        let next = letters.peek().map(|(_, next)| *next);
        if matches!(letter, '。' | '！' | '？') {
            sentence = Some(end);
        } else if matches!(letter, '，' | '、' | '；') {
            clause = Some(end);
        } else if letter.is_whitespace() {
            word = Some(end);
            // After `e.g.` a sentence goes on.
            let goes_on = next.is_some_and(char::is_lowercase);
            if letter == '\n' || (matches!(last, '.' | '!' | '?' | '…' | '。' | '！' | '？') && !goes_on) {
                sentence = Some(end);
            } else if matches!(last, ',' | ';' | ':' | '–' | '—' | '.') {
                clause = Some(end);
            }
        }
        if !matches!(letter, '"' | '\'' | '”' | '’' | '»' | ')' | ']') {
            last = letter;
        }
    }
    sentence.or(clause).or(word).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn short_text_stays_as_it_is() {
        for text in ["", " Hello. \n", &"a".repeat(CHARACTERS), &"é".repeat(CHARACTERS)] {
            assert_eq!(split(text, "tts-1"), [text]);
        }
    }

    #[test]
    fn long_text_is_cut_after_sentences() {
        let sentence = "It rained, e.g. on Monday. \"Did it?\" She said so! ";
        let text = sentence.repeat(300);
        let parts = split(&text, "tts-1");
        assert_eq!(parts.len(), 4);
        for part in &parts {
            assert!(part.chars().count() <= CHARACTERS);
            assert!(part.ends_with(['.', '"', '!']), "{part}");
            assert!(!part.ends_with("e.g."), "{part}");
        }
        assert_eq!(parts.join(" "), text.trim_end());
    }

    #[test]
    fn without_sentences_it_is_cut_after_clauses_words_or_letters() {
        let rows = [
            ("one two, three four ", "four", ','),
            ("one two three ", "one", 'e'),
            ("漢字、仮名", "、", '、'),
            ("ab", "", 'b'),
        ];
        for (unit, _, end) in rows {
            let text = unit.repeat(3000);
            let parts = split(&text, "tts-1");
            let pack = |text: &str| text.replace(' ', "");
            assert_eq!(pack(&parts.concat()), pack(&text), "nothing is lost of {unit}");
            for part in &parts[..parts.len() - 1] {
                assert!(part.chars().count() <= CHARACTERS && part.chars().count() > CHARACTERS / 2);
                if end != 'e' {
                    assert!(part.ends_with(end), "{unit}: {}", &part[part.len() - 8..]);
                }
            }
        }
    }

    #[test]
    fn a_model_with_a_limit_of_tokens_gets_less_of_what_has_many() {
        let text = "漢字。".repeat(1200);
        assert_eq!(split(&text, "tts-1").len(), 1);
        let parts = split(&text, "gpt-4o-mini-tts");
        assert_eq!(parts.len(), 2);
        assert!(parts[0].ends_with('。') && parts[0].chars().count() <= TOKENS);
    }
}
