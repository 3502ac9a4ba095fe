//! Values that must never be printed.

use std::fmt;
use std::sync::Arc;

use memchr::memmem;

/// Longest key or token that is taken, in bytes: access tokens of clouds that serve the API have some 2,500.
const LONGEST: usize = 4096;

/// Bytes of a secret that count as the secret.
const PIECE: usize = 12;
/// A secret that is shorter than this is none: its letters stand in every text.
const SHORTEST: usize = 4;
/// The same for one that is words, which stand in texts sooner than letters drawn by lot.
const SHORTEST_OF_WORDS: usize = 8;
/// Letters that a word has at most, where a secret is taken for words.
const LONGEST_WORD: usize = 16;

/// A key, a token, a password. `Debug` prints `***`, and there is no `Display`.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a key as it came from a header, a URL or the environment, trimmed.
    ///
    /// # Errors
    /// Says what is wrong with it, without quoting it.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            Err("the key is empty")
        } else if text.len() > LONGEST {
            Err("the key is longer than 4096 bytes")
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err("the key has a space, a control character or a non-ASCII character")
        } else {
            Ok(Secret(text.into()))
        }
    }

    /// Takes any text: a password, a token of another service.
    pub fn of(text: &str) -> Self {
        Secret(text.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it looks like a key of OpenAI.
    pub fn is_key(&self) -> bool {
        self.0.starts_with("sk-")
    }

    /// Whether it is a key of an administrator of OpenAI.
    pub fn is_admin(&self) -> bool {
        self.0.starts_with("sk-admin-")
    }

    /// Whether `other` is the same, in a time that does not tell how much of it is.
    pub fn matches(&self, other: &Secret) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        let differing = a.iter().zip(b).fold(0u8, |differing, (a, b)| differing | (a ^ b));
        a.len() == b.len() && std::hint::black_box(differing) == 0
    }

    /// `text` without any piece of the secret that is long enough to tell of it, in any case of letters: whoever echoes a
    /// secret may have cut it or changed its case.
    ///
    /// A piece is of what cannot be guessed. Did the readable head of a key count, whoever sees what is blotted out
    /// could guess the rest letter by letter. What is words, as the keys that are no keys are (`EMPTY`, `lm-studio`), is
    /// blotted out as a whole and as it is written alone: pieces of it stand in any text.
    pub fn redact(&self, text: String) -> String {
        self.blot(text, |_| true)
    }

    /// The same for the text of a JSON value, which stays one: a piece that could be part of a number is left.
    pub(crate) fn redact_json(&self, text: String) -> String {
        let plain = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'{' | b'}' | b'[' | b']' | b',' | b':')
        };
        if !self.0.bytes().all(plain) {
            return text;
        }
        self.blot(text, |piece| {
            !piece.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'e' | b'E' | b'.' | b'+' | b'-'))
        })
    }

    /// Whether it is words, joined by `-` and `_`: a random one has digits, both cases or none of these within so many letters.
    fn is_words(&self) -> bool {
        self.0.split(['-', '_']).all(|word| word.len() <= LONGEST_WORD && is_word(word.as_bytes()))
    }

    fn blot(&self, text: String, counts: impl Fn(&[u8]) -> bool) -> String {
        if self.is_words() {
            return if self.0.len() < SHORTEST_OF_WORDS { text } else { text.replace(&*self.0, "***") };
        }
        let (secret, folded) = (self.0.to_ascii_lowercase(), text.to_ascii_lowercase());
        let folded = folded.as_bytes();
        let (head, body) = match secret.split_at(head(&secret)) {
            (head, body) if body.len() >= PIECE => (head.as_bytes(), body.as_bytes()),
            _ => (&b""[..], secret.as_bytes()),
        };
        let length = if body.len() >= PIECE { PIECE } else { body.len() };
        if length < SHORTEST {
            return text;
        }
        let is_piece = |bytes: &[u8]| memmem::find(body, bytes).is_some();
        // A text may be long, and of letters of the secret alone.
        let mut own = [false; 256];
        for byte in body {
            own.get_mut(usize::from(*byte)).into_iter().for_each(|own| *own = true);
        }
        let is_foreign = |byte: &u8| own.get(usize::from(*byte)) != Some(&true);
        let (mut out, mut done, mut at) = (String::new(), 0, 0);
        while let Some(bytes) = folded.get(at..at + length) {
            // No piece reaches across a byte that the secret has not.
            if let Some(foreign) = bytes.iter().rposition(is_foreign) {
                at += foreign + 1;
            } else if is_piece(bytes) && counts(bytes) {
                let before = folded.get(done..at).unwrap_or_default();
                let start = if before.ends_with(head) { at - head.len() } else { at };
                let mut end = at + length;
                while folded.get(end + 1 - length..=end).is_some_and(is_piece) {
                    end += 1;
                }
                // A piece of what is not ASCII may begin or end within a character.
                let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
                out.push_str(text.get(done..start).unwrap_or_default());
                out.push_str("***");
                (done, at) = (end, end);
            } else {
                at += 1;
            }
        }
        if done == 0 {
            return text;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }
}

/// What stands where a key should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The name of a variable, which a client passes on as it is while the variable is not set.
    Name,
    /// What instructions write in the place of a key. A server that speaks OpenAI's API may take any such word.
    Example,
}

impl Placeholder {
    /// What a text is, if it is no key. It is judged as a whole: the letters of a key are drawn by lot, and spell anything.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        // As nearly every key is.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.bytes().all(plain) && text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let text = text.to_ascii_lowercase();
        let text = text.as_bytes();
        let has = |sign: &str| memmem::find(text, sign.as_bytes()).is_some();
        if has("${") || matches!(text, [b'$' | b'{' | b'%', ..]) {
            return Some(Placeholder::Name);
        }
        let heads = [&b"sk-proj-"[..], b"sk-svcacct-", b"sk-admin-", b"sk-"];
        let rest = heads.iter().find_map(|head| text.strip_prefix(*head)).unwrap_or(text);
        let mut words = rest.split(|byte| matches!(byte, b'-' | b'_' | b' '));
        let spelt = |word: &[u8]| word.len() <= LONGEST_WORD && is_word(word);
        // No key has one of these signs.
        let signs = ["…", "...", "<", ">"].iter().any(|sign| has(sign));
        let crossed = !rest.is_empty() && rest.iter().all(|byte| matches!(byte, b'x' | b'*' | b'-' | b'_'));
        let told = words.clone().any(|word| word == b"your") && words.all(spelt);
        (signs || crossed || told).then_some(Placeholder::Example)
    }

    /// What to do about it. `place` is where it stands, `variable` what was to hold the key.
    pub fn advice(self, place: &str, variable: &str) -> String {
        match self {
            Placeholder::Name => format!(
                "{place} is a name where a key should be: the client passes it on as it is; set {variable} where the client \
                 is started from"
            ),
            Placeholder::Example => {
                format!(
                    "{place} is a placeholder: put your key in its place, from https://platform.openai.com/api-keys"
                )
            }
        }
    }
}

/// Whether it is letters of one case, but for the first.
fn is_word(text: &[u8]) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    text.iter().all(u8::is_ascii_alphabetic)
        && (rest.iter().all(u8::is_ascii_lowercase) || text.iter().all(u8::is_ascii_uppercase))
}

/// How long the readable head of a key is: `sk-`, `sk-proj-`, `sk-svcacct-`.
fn head(key: &str) -> usize {
    const LONGEST: usize = 12;
    let start = key.get(..key.len().min(LONGEST)).filter(|start| start.starts_with("sk-"));
    start.and_then(|start| start.rfind('-')).map_or(0, |at| at + 1)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
