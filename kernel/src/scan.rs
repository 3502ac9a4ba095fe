//! The id of a message that cannot be read as a whole: it is too long, or no text. Whoever waits for an answer under that
//! id would else wait for ever.

use crate::json::Node;

/// Most bytes of an id that is looked at.
const LONGEST: usize = 256;

/// Looks for the `id` of a message, whose bytes it gets piece by piece and keeps none of.
#[derive(Debug, Default)]
pub struct Scan {
    depth: usize,
    text: Text,
    part: Part,
    /// The key, or the value of the id, as far as it was seen.
    seen: Vec<u8>,
    found: Option<String>,
    /// The id is told once, or there is none to be found.
    done: bool,
}

/// Whether a byte stands in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

/// What of the outermost object is being passed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Part {
    #[default]
    Key,
    Id,
    Other,
}

/// The id of a message that is there as a whole.
pub(crate) fn id(message: &[u8]) -> Option<String> {
    let mut scan = Scan::default();
    scan.pass(message);
    scan.id()
}

impl Scan {
    /// Passes over the next bytes.
    pub fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.done {
                return;
            }
            self.step(*byte);
        }
    }

    /// The id as JSON, if the message had one that is a text or a number.
    pub fn id(mut self) -> Option<String> {
        self.found.take()
    }

    fn step(&mut self, byte: u8) {
        match (self.text, byte) {
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, _) => {}
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Outside, b'"') => self.text = Text::Inside,
            (Text::Outside, b'{' | b'[') => {
                // A batch has no id.
                self.done = self.depth == 0 && byte == b'[';
                self.depth += 1;
                if self.depth == 1 {
                    return;
                }
            }
            (Text::Outside, b':') if self.depth == 1 && self.part == Part::Key => {
                self.part = if self.seen.trim_ascii() == b"\"id\"" { Part::Id } else { Part::Other };
                self.seen.clear();
                return;
            }
            (Text::Outside, b',') if self.depth == 1 => return self.end_member(),
            (Text::Outside, b'}' | b']') => {
                if self.depth <= 1 {
                    self.end_member();
                    self.done = true;
                    return;
                }
                self.depth -= 1;
            }
            _ => {}
        }
        if self.depth > 0 && self.part != Part::Other && self.seen.len() <= LONGEST {
            self.seen.push(byte);
        }
    }

    fn end_member(&mut self) {
        let text = std::str::from_utf8(self.seen.trim_ascii()).ok().filter(|text| text.len() <= LONGEST);
        if let (Part::Id, Some(text)) = (self.part, text)
            && matches!(Node::parse(text), Ok(Node::Text(_) | Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)))
        {
            self.found = Some(text.to_owned());
            self.done = true;
        }
        self.part = Part::Key;
        self.seen.clear();
    }
}
