//! OpenAI's JSON on its way to the client: checked, put on one line and quoted in one pass, and never re-modelled.

use std::borrow::Cow;

use bytes::Bytes;
use wide::u8x16;

/// How many bytes of a string are looked at together.
const WIDE: usize = 32;
/// How many of them one instruction looks at.
const PART: usize = 16;

/// A JSON text on one line, without whitespace between its parts.
///
/// OpenAI prints its answers over many indented lines. Those cost tokens, and a line break would end a message on
/// stdio and a field of an event stream. Within strings JSON has no line breaks.
#[derive(Clone, Debug)]
pub struct Line(Bytes);

impl Line {
    /// Checks that a text is JSON and puts it on one line. Text that is so already is not copied.
    ///
    /// # Errors
    /// The text, if it is not JSON.
    pub fn new(text: Bytes) -> Result<Self, Bytes> {
        Self::pass(text, None)
    }

    /// The same, and appends it to `out` as a JSON string, as the text block of a result holds it. What comes to more than
    /// `most` bytes is not appended.
    ///
    /// # Errors
    /// The text, if it is not JSON; `out` has a part of it then.
    pub fn quoted(text: Bytes, most: usize, out: &mut Vec<u8>) -> Result<Self, Bytes> {
        Self::pass(text, Some(Quoted { start: out.len(), most, out }))
    }

    fn pass(text: Bytes, quoted: Option<Quoted<'_>>) -> Result<Self, Bytes> {
        if simdutf8::basic::from_utf8(&text).is_err() {
            return Err(text);
        }
        let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
        let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
        let json = text.get(start..end).unwrap_or_default();
        let mut pass = Pass { text: json, at: 0, kept: 0, plain: Vec::new(), quoted };
        if pass.whole().is_none() {
            return Err(text);
        }
        Ok(Line(if pass.kept == 0 { text.slice_ref(json) } else { pass.plain.into() }))
    }

    /// The text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The bytes of the text.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with(b"{")
    }
}

/// Where the text goes as a JSON string, as long as it has room.
struct Quoted<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    most: usize,
}

/// One pass over a text. What returns an option returns `None` where the text is no JSON (RFC 8259).
///
/// Half of what a relayed call costs beside the network is spent here, so strings are looked at and copied many bytes at a
/// time: a general reader of JSON stops at every quote and escape, and quoting would stop there again.
struct Pass<'a> {
    text: &'a [u8],
    /// The next byte.
    at: usize,
    /// Up to here the text is in `plain`, or was whitespace.
    kept: usize,
    /// The text without whitespace; empty as long as it has none.
    plain: Vec<u8>,
    quoted: Option<Quoted<'a>>,
}

impl Pass<'_> {
    fn whole(&mut self) -> Option<()> {
        self.put(b"\"");
        // What ends the objects and arrays in which the next value stands.
        let mut ends: Vec<u8> = Vec::new();
        loop {
            self.bound();
            self.skip_space();
            match self.next()? {
                b'{' => {
                    self.put(b"{");
                    self.skip_space();
                    if self.peek() != Some(b'}') {
                        ends.push(b'}');
                        self.key()?;
                        continue;
                    }
                    self.take(b"}");
                }
                b'[' => {
                    self.put(b"[");
                    self.skip_space();
                    if self.peek() != Some(b']') {
                        ends.push(b']');
                        continue;
                    }
                    self.take(b"]");
                }
                b'"' => self.string()?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                first => self.number(first)?,
            }
            loop {
                self.skip_space();
                match (self.peek(), ends.last()) {
                    (Some(b','), Some(end)) => {
                        self.take(b",");
                        if *end == b'}' {
                            self.skip_space();
                            self.key()?;
                        }
                        break;
                    }
                    (Some(byte), Some(end)) if byte == *end => {
                        self.take(&[byte]);
                        ends.pop();
                    }
                    (None, None) => {
                        self.put(b"\"");
                        self.bound();
                        if self.kept > 0 {
                            self.keep();
                        }
                        return Some(());
                    }
                    _ => return None,
                }
            }
        }
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Quotes bytes that are passed.
    #[inline]
    fn take(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.at += bytes.len();
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some(quoted) = &mut self.quoted {
            quoted.out.extend_from_slice(bytes);
        }
    }

    /// Quotes no more if it comes to too much.
    #[inline]
    fn bound(&mut self) {
        if let Some(Quoted { out, start, most }) = &mut self.quoted
            && out.len() - *start > *most
        {
            out.truncate(*start);
            self.quoted = None;
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        if self.peek().is_some_and(is_space) {
            self.leave_space_out();
        }
    }

    fn leave_space_out(&mut self) {
        self.keep();
        while let Some(chunk) = self.rest().first_chunk() {
            let count = spaces(chunk);
            self.at += count;
            if count < PART {
                break;
            }
        }
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.kept = self.at;
    }

    /// Takes over what was passed since the last whitespace.
    fn keep(&mut self) {
        if self.plain.is_empty() {
            self.plain.reserve(self.text.len());
        }
        push_first(&mut self.plain, self.text.get(self.kept..).unwrap_or_default(), self.at - self.kept);
    }

    /// The name of a member, and the colon behind it.
    fn key(&mut self) -> Option<()> {
        (self.next()? == b'"').then_some(())?;
        self.string()?;
        self.skip_space();
        (self.peek()? == b':').then(|| self.take(b":"))
    }

    /// A string, whose first quote was passed.
    fn string(&mut self) -> Option<()> {
        self.put(br#"\""#);
        loop {
            self.bound();
            if !self.plain_characters() {
                continue;
            }
            match self.next()? {
                b'"' => {
                    self.put(br#"\""#);
                    return Some(());
                }
                b'\\' => {
                    self.put(br"\\");
                    match self.peek()? {
                        b'n' | b't' | b'/' | b'r' | b'b' | b'f' => {}
                        escaped @ (b'"' | b'\\') => {
                            self.put(&[b'\\', escaped]);
                            self.at += 1;
                        }
                        b'u' => self.rest().get(1..5)?.iter().all(u8::is_ascii_hexdigit).then_some(())?,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// Passes characters of a string that are the same when they are quoted, and tells whether another comes now.
    #[inline]
    fn plain_characters(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(chunk) = rest.first_chunk::<WIDE>() else {
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len());
            self.take(rest.get(..length).unwrap_or_default());
            return true;
        };
        let length = plain(chunk);
        if let Some(Quoted { out, .. }) = &mut self.quoted {
            push_first(out, rest, length);
        }
        self.at += length;
        length < WIDE
    }

    /// `true`, `false` or `null`, whose first byte was passed.
    fn word(&mut self, word: &str) -> Option<()> {
        self.at -= 1;
        self.rest().starts_with(word.as_bytes()).then(|| self.take(word.as_bytes()))
    }

    /// A number, whose first byte was passed.
    fn number(&mut self, first: u8) -> Option<()> {
        let start = self.at - 1;
        match if first == b'-' { self.next()? } else { first } {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        if let Some(Quoted { out, .. }) = &mut self.quoted {
            push_first(out, self.text.get(start..).unwrap_or_default(), self.at - start);
        }
        Some(())
    }

    fn some_digits(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then(|| self.digits())
    }

    fn digits(&mut self) {
        while let Some(chunk) = self.rest().first_chunk().copied() {
            let count = digits(chunk);
            self.at += count;
            if count < chunk.len() {
                return;
            }
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}

/// Whether a byte is whitespace to JSON, to which a form feed is none.
#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Appends the first bytes of some, most often few.
#[inline]
fn push_first(out: &mut Vec<u8>, bytes: &[u8], count: usize) {
    match bytes.first_chunk::<WIDE>() {
        // To copy bytes that do not count costs less than to copy only so many as do.
        Some(chunk) if count <= WIDE => {
            let end = out.len() + count;
            out.extend_from_slice(chunk);
            out.truncate(end);
        }
        _ => out.extend_from_slice(bytes.get(..count).unwrap_or_default()),
    }
}

/// How many bytes of whitespace there are before the first other.
#[inline]
fn spaces(chunk: &[u8; PART]) -> usize {
    let bytes = u8x16::new(*chunk);
    let each = |byte| bytes.simd_eq(u8x16::splat(byte));
    let spaces = each(b' ') | each(b'\n') | each(b'\r') | each(b'\t');
    spaces.to_bitmask().trailing_ones() as usize
}

/// How many digits there are before the first other byte.
#[inline]
fn digits(chunk: [u8; 8]) -> usize {
    const EACH: u64 = u64::MAX / 0xff;
    // Digits become 0 to 9. What is 10 or more overflows into its highest bit; a carry goes to bytes that come later.
    let values = u64::from_le_bytes(chunk) ^ (EACH * u64::from(b'0'));
    let marks = (values.wrapping_add(EACH * (0x80 - 10)) | values) & (EACH * 0x80);
    (marks.trailing_zeros() / 8) as usize
}

/// How many bytes there are before the first that ends a string, begins an escape or is a control character.
#[inline]
fn plain(chunk: &[u8; WIDE]) -> usize {
    let (parts, _) = chunk.as_chunks::<PART>();
    let mut marks = 0u32;
    for (index, part) in parts.iter().enumerate() {
        let bytes = u8x16::new(*part);
        let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        let part = control | bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'));
        marks |= part.to_bitmask() << (PART * index);
    }
    // A word without marks has as many zeros as there are bytes.
    marks.trailing_zeros() as usize
}
