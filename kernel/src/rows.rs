//! Rows of a file that a caller named: lines of text, values of JSONL or of a JSON array, records of CSV and TSV.
//!
//! They are read as the file comes in. What is held at any time is one row and what the caller keeps, so a file may be
//! larger than the memory; a [`Window`] bounds what is kept. Byte order marks, UTF-16, CRLF, and commas behind the last
//! value or cell are taken; what is wrong with a row is told with its line, and spoils no other.

use bytes::Bytes;
use csv_core::ReadRecordResult;
use futures_util::stream::{BoxStream, StreamExt as _};
use serde_json::{Map, Value};

use crate::body::{Body, Failure};
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::platform::Opened;

/// Most bytes of one row.
const LONGEST: usize = 32 * 1024 * 1024;
/// Most values within one row: a value in memory weighs many times its text.
const MOST_VALUES: usize = 100_000;
/// The same of a JSON text, as [`json::values`] counts them.
const MOST_WEIGHT: usize = 400_000;
/// Most rows that a window keeps, and most bytes of the file that they take.
const WINDOW: (usize, u64) = (100_000, 32 * 1024 * 1024);
/// Most bytes of what is told of a row.
const LONGEST_PROBLEM: usize = 300;
/// Names that are told of a record that lacks one.
const NAMES: usize = 20;

/// How rows stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A text on each line.
    Text,
    /// A value of JSON on each line.
    Jsonl,
    /// An array of JSON.
    Json,
    /// A table with names in its first record, cells apart by this byte.
    Table(u8),
}

impl Format {
    /// What name and media type tell: lines of text unless they tell something else.
    pub fn of(filename: &str, mime_type: &str) -> Self {
        let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match (extension.as_deref().unwrap_or_default(), mime_type) {
            ("csv", _) => Format::Table(b','),
            ("tsv", _) => Format::Table(b'\t'),
            ("jsonl" | "ndjson", _) => Format::Jsonl,
            ("json", _) => Format::Json,
            (_, "text/csv") => Format::Table(b','),
            (_, "text/tab-separated-values") => Format::Table(b'\t'),
            (_, "application/jsonl" | "application/x-ndjson") => Format::Jsonl,
            (_, "application/json") => Format::Json,
            _ => Format::Text,
        }
    }
}

/// A row, or what is wrong with it.
#[derive(Debug)]
pub struct Row {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// A text, a value of JSON, or an object of texts by the names of a table; or what is wrong, with the line.
    pub value: Result<Value, String>,
    /// Whether it is the record of a table.
    pub record: bool,
}

impl Row {
    /// The id that a record brings along: its member `id`, a number or a text.
    pub fn id(&self) -> Option<Value> {
        let id = self.value.as_ref().ok()?.get("id")?;
        (id.is_number() || id.as_str().is_some_and(|id| !id.is_empty())).then(|| id.clone())
    }

    /// The text of a row, and what else its record has: the member `field`, else the first of `usual` that there is, else
    /// the only cell of a table. Names that differ in the case of letters alone are the same where no other is. What is no
    /// object is the text itself.
    ///
    /// # Errors
    /// What is wrong with the row, or the names that there are instead.
    pub fn into_text(self, field: Option<&str>, usual: &[&str]) -> Result<(Value, Map<String, Value>), String> {
        let mut record = match self.value? {
            Value::Object(record) => record,
            other => return Ok((other, Map::new())),
        };
        let wanted = || field.iter().chain(if field.is_none() { usual } else { &[] });
        let find = |wanted: &str| {
            let same = |key: &&String| key.eq_ignore_ascii_case(wanted);
            if record.contains_key(wanted) { Some(wanted.to_owned()) } else { record.keys().find(same).cloned() }
        };
        let only = || record.keys().next().filter(|_| self.record && field.is_none() && record.len() == 1).cloned();
        if let Some(key) = wanted().find_map(|name| find(name)).or_else(only) {
            return Ok((record.remove(&key).unwrap_or_default(), record));
        }
        let quoted = |names: &mut dyn Iterator<Item = &str>| {
            names.take(NAMES).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let there = match quoted(&mut record.keys().map(String::as_str)) {
            none if none.is_empty() => "nothing".to_owned(),
            names => names,
        };
        let wanted = quoted(&mut wanted().copied());
        Err(format!("no field {wanted}; there is {there}\nhint: name the field of the text in `field`"))
    }
}

/// The rows of a file, one after the other; empty lines are passed over.
pub struct Rows {
    lines: Lines,
    format: Format,
    /// The names of a table.
    names: Option<Vec<String>>,
    table: csv_core::Reader,
    array: Array,
}

/// How far an array of JSON is.
#[derive(Clone, Copy, PartialEq)]
enum Array {
    Before,
    Within,
    Behind,
}

impl Rows {
    /// The rows of an opened file of at most `cap` bytes.
    pub fn new(file: Opened, cap: usize) -> Self {
        let format = Format::of(&file.filename, &file.mime_type);
        let lines = Lines::new(file.filename, file.body, cap as u64, LONGEST);
        Rows { lines, format, names: None, table: csv_core::Reader::new(), array: Array::Before }
    }

    /// The next row; `None` behind the last.
    ///
    /// # Errors
    /// The file broke off, or what follows cannot be told apart into rows.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        match self.format {
            Format::Text | Format::Jsonl => self.next_line().await,
            Format::Json => self.next_value().await,
            Format::Table(delimiter) => self.next_record(delimiter).await,
        }
    }

    async fn next_line(&mut self) -> Result<Option<Row>> {
        loop {
            let lines = &mut self.lines;
            let Some(end) = lines.end().await? else { return Ok(None) };
            let (line, number) = (lines.held.get(lines.at..end).unwrap_or_default().trim_ascii(), lines.number);
            if line.is_empty() {
                lines.take(end + 1);
                continue;
            }
            let value = if self.format == Format::Text {
                utf8(line).map(|text| Value::from(text.trim()))
            } else {
                parse(line.strip_suffix(b",").unwrap_or(line)).map_err(|fault| fault.problem)
            };
            if number == 1 && value.is_err() && self.format == Format::Jsonl && line.starts_with(b"[") {
                // An array over several lines is meant for what it is, whatever the file's name.
                self.format = Format::Json;
                return self.next_value().await;
            }
            lines.take(end + 1);
            return Ok(Some(row(number, value, false)));
        }
    }

    async fn next_value(&mut self) -> Result<Option<Row>> {
        loop {
            let blank: &[u8] = if self.array == Array::Within { b" \t\r\n," } else { b" \t\r\n" };
            match (self.array, self.lines.skip(blank).await?) {
                (Array::Within, None) => return Err(self.lines.fault("the array does not end")),
                (_, None) => return Ok(None),
                (Array::Before, Some(b'[')) => {
                    self.array = Array::Within;
                    self.lines.take(self.lines.at + 1);
                }
                (Array::Before, Some(_)) => {
                    // Values without an array around them are lines of JSON, whatever the file's name.
                    self.format = Format::Jsonl;
                    return Box::pin(self.next_line()).await;
                }
                (Array::Within, Some(b']')) => {
                    self.array = Array::Behind;
                    self.lines.take(self.lines.at + 1);
                }
                (Array::Within, Some(_)) => return self.value().await.map(Some),
                (Array::Behind, Some(_)) => return Err(self.lines.fault("there is text behind the array")),
            }
        }
    }

    /// The value of an array that begins here.
    async fn value(&mut self) -> Result<Row> {
        let lines = &mut self.lines;
        let (mut offset, mut depth, mut quoted, mut escaped) = (0, 0u32, false, false);
        let end = 'value: loop {
            for byte in lines.held.get(lines.at + offset..).unwrap_or_default() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' if depth > 0 => depth -= 1,
                    b',' | b']' if depth == 0 => break 'value lines.at + offset,
                    _ => {}
                }
                offset += 1;
            }
            if !lines.more().await? {
                return Err(lines.fault("the array does not end"));
            }
        };
        let line = lines.number;
        let row = match parse(lines.held.get(lines.at..end).unwrap_or_default()) {
            Ok(value) => row(line, Ok(value), false),
            Err(Broken { line: below, problem }) => row(line + below, Err(problem), false),
        };
        lines.take(end);
        Ok(row)
    }

    async fn next_record(&mut self, mut delimiter: u8) -> Result<Option<Row>> {
        if self.names.is_none() {
            let Some(_) = self.lines.skip(b"\r\n").await? else { return Ok(None) };
            let end = self.lines.end().await?.unwrap_or_default();
            let first = self.lines.held.get(self.lines.at..end).unwrap_or_default();
            // Where the comma is a decimal sign, tables are written with another one.
            if !first.contains(&delimiter) {
                delimiter = [b';', b'\t'].into_iter().find(|other| first.contains(other)).unwrap_or(delimiter);
            }
            self.table = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
            let Some((_, names)) = self.record().await? else { return Ok(None) };
            let names = names.map_err(|problem| self.lines.fault(&problem))?;
            self.names = Some(names.iter().map(|name| name.trim().to_owned()).collect());
        }
        let Some((line, cells)) = self.record().await? else { return Ok(None) };
        let names = self.names.as_deref().unwrap_or_default();
        let value = cells.and_then(|mut cells| {
            while cells.len() > names.len() && cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
            if cells.len() != names.len() {
                return Err(format!("expected {} cells, got {}", names.len(), cells.len()));
            }
            Ok(Value::Object(names.iter().cloned().zip(cells.into_iter().map(Value::from)).collect()))
        });
        Ok(Some(row(line, value, true)))
    }

    /// The cells of the next record, and its line.
    async fn record(&mut self) -> Result<Option<(u64, Result<Vec<String>, String>)>> {
        let lines = &mut self.lines;
        let Some(_) = lines.skip(b"\r\n").await? else { return Ok(None) };
        let line = lines.number;
        let (mut text, mut ends) = (vec![0; 1024], vec![0; 64]);
        let (mut written, mut cells) = (0, 0);
        loop {
            let (result, read, wrote, ended) = self.table.read_record(
                lines.held.get(lines.at..).unwrap_or_default(),
                text.get_mut(written..).unwrap_or_default(),
                ends.get_mut(cells..).unwrap_or_default(),
            );
            written += wrote;
            cells += ended;
            lines.take(lines.at + read);
            match result {
                ReadRecordResult::InputEmpty => {
                    // Given nothing, the reader knows that the file is at its end.
                    lines.more().await?;
                }
                ReadRecordResult::OutputFull if text.len() >= LONGEST => {
                    lines.number = line;
                    return Err(lines.fault(&format!("a record has more than {LONGEST} bytes: is a quote left open?")));
                }
                ReadRecordResult::OutputFull => text.resize(text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if ends.len() > MOST_VALUES => {
                    return Err(lines.fault(&format!("a record has more than {MOST_VALUES} cells")));
                }
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let mut start = 0;
        let cells = ends.iter().take(cells).map(|end| {
            let cell = text.get(start..*end).unwrap_or_default();
            start = *end;
            utf8(cell).map(str::to_owned)
        });
        Ok(Some((line, cells.collect())))
    }
}

/// The lines of a file as it comes in, as UTF-8.
pub struct Lines {
    name: String,
    input: Input,
    cap: u64,
    longest: usize,
    /// What of the file is in memory, where what comes next begins in it, and on which line.
    held: Vec<u8>,
    at: usize,
    number: u64,
}

impl Lines {
    /// The lines of a file of at most `cap` bytes, each of at most `longest`. Errors call it by its `name`.
    pub fn new(name: impl Into<String>, body: Body, cap: u64, longest: usize) -> Self {
        Lines { name: name.into(), input: Input::new(body), cap, longest, held: Vec::new(), at: 0, number: 1 }
    }

    /// The next line, without its `\n`, and its number, from 1.
    ///
    /// # Errors
    /// The file broke off, or it or a line is too long.
    pub async fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        let Some(end) = self.end().await? else { return Ok(None) };
        let (start, number) = (self.at, self.number);
        self.take(end + 1);
        Ok(self.held.get(start..end).map(|line| (number, line)))
    }

    /// Bytes that came in.
    pub fn bytes(&self) -> u64 {
        self.input.bytes
    }

    /// Whether the file is UTF-16, which not everybody reads.
    pub fn is_utf16(&self) -> bool {
        matches!(self.input.encoding, Some(Encoding::Utf16(_)))
    }

    /// Where the line ends that begins here, its end not counted; `None` if nothing is left.
    async fn end(&mut self) -> Result<Option<usize>> {
        let mut searched = self.at;
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.held.get(searched..).unwrap_or_default()) {
                return Ok(Some(searched + at));
            }
            searched = self.held.len() - self.at;
            if !self.more().await? {
                return Ok((self.at < self.held.len()).then_some(self.held.len()));
            }
        }
    }

    /// Passes over these bytes, and gives the one behind them; `None` at the end of the file.
    async fn skip(&mut self, blank: &[u8]) -> Result<Option<u8>> {
        loop {
            let rest = self.held.get(self.at..).unwrap_or_default();
            let skipped = rest.iter().position(|byte| !blank.contains(byte)).unwrap_or(rest.len());
            let next = rest.get(skipped).copied();
            self.take(self.at + skipped);
            if next.is_some() || !self.more().await? {
                return Ok(next);
            }
        }
    }

    /// Goes on to a place in what is held.
    fn take(&mut self, to: usize) {
        let to = to.min(self.held.len());
        let passed = self.held.get(self.at..to).unwrap_or_default();
        self.number += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at = to;
    }

    /// Reads on; `false` at the end. What was passed goes, so that what comes next begins what is held.
    async fn more(&mut self) -> Result<bool> {
        self.held.drain(..self.at);
        self.at = 0;
        if self.held.len() > self.longest {
            return Err(self.fault(&format!("more than {} bytes without an end", self.longest)));
        }
        let broken = |failure: Failure| Error::new(Kind::File, format!("`{}` broke off: {}", self.name, failure.text));
        let more = self.input.read(&mut self.held).await.map_err(broken)?;
        if self.input.bytes.max(self.input.length.unwrap_or_default()) > self.cap {
            return Err(Error::new(Kind::File, format!("`{}` has more than {} bytes", self.name, self.cap)));
        }
        Ok(more)
    }

    fn fault(&self, problem: &str) -> Error {
        Error::new(Kind::File, format!("`{}`: line {}: {problem}", self.name, self.number))
    }
}

fn row(line: u64, value: Result<Value, String>, record: bool) -> Row {
    Row { line, value: value.map_err(|problem| told(line, &problem)), record }
}

fn told(line: u64, problem: &str) -> String {
    let end = problem.floor_char_boundary(LONGEST_PROBLEM);
    format!("line {line}: {}", problem.get(..end).unwrap_or_default())
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|_| "not UTF-8 text: save the file as UTF-8".to_owned())
}

/// What is wrong with a text of JSON, and how many lines below its first.
struct Broken {
    line: u64,
    problem: String,
}

fn parse(text: &[u8]) -> Result<Value, Broken> {
    let fault = |problem: String| Broken { line: 0, problem };
    let text = utf8(text).map_err(fault)?;
    if json::values(text.as_bytes()) > MOST_WEIGHT {
        return Err(fault(format!("has more than {MOST_WEIGHT} values")));
    }
    serde_json::from_str(text)
        .map_err(|error| Broken { line: error.line().saturating_sub(1) as u64, problem: not_json(&error) })
}

/// What is wrong with a row of JSON, without the line, which the row knows better.
pub fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    format!("not JSON: {text} at column {}", error.column())
}

/// What is kept of a row.
#[derive(Debug)]
pub struct Kept<T> {
    /// The line of the file on which it begins, from 1; of what comes from no file there is none.
    pub line: Option<u64>,
    /// The id that it brings along.
    pub id: Option<Value>,
    /// What the caller keeps, or what is wrong, with the line.
    pub value: Result<T, String>,
}

impl<T> From<T> for Kept<T> {
    fn from(value: T) -> Self {
        Kept { line: None, id: None, value: Ok(value) }
    }
}

/// Some rows of a file, as the caller keeps them, and how many there are.
#[derive(Debug)]
pub struct Window<T> {
    /// What is kept of the rows from the offset on.
    pub rows: Vec<Kept<T>>,
    /// How many rows the file has.
    pub total: usize,
}

impl<T> Window<T> {
    /// Reads the rows of a file from the one numbered `offset` on, as many as may be kept in memory, and counts the others.
    ///
    /// # Errors
    /// As [`Rows::next`]; the file has no rows; or, read from the start, not one is what is expected: a name that no row
    /// has is the caller's mistake, and not that of each row.
    pub async fn read(mut rows: Rows, offset: usize, mut keep: impl FnMut(Row) -> Result<T, String>) -> Result<Self> {
        let mut window = Window { rows: Vec::new(), total: 0 };
        let (mut bytes, mut full) = (0, false);
        while let Some(row) = rows.next().await? {
            let (line, id) = (row.line, row.id());
            let value = match row.value {
                Ok(_) => keep(row).map_err(|problem| told(line, &problem)),
                Err(problem) => Err(problem),
            };
            if window.total == offset {
                bytes = rows.lines.bytes();
            }
            if window.total >= offset {
                full |= window.rows.len() == WINDOW.0 || rows.lines.bytes() - bytes > WINDOW.1;
                if !full {
                    window.rows.push(Kept { line: Some(line), id, value });
                }
            }
            window.total += 1;
        }
        let wrong = |problem: &str| Error::new(Kind::File, format!("`{}`: {problem}", rows.lines.name));
        match window.rows.first() {
            None if window.total == 0 => Err(wrong("there is nothing in it")),
            Some(Kept { value: Err(problem), .. })
                if offset == 0 && window.rows.iter().all(|row| row.value.is_err()) =>
            {
                Err(wrong(problem))
            }
            _ => Ok(window),
        }
    }
}

/// A file as UTF-8, without a mark of its byte order.
struct Input {
    chunks: BoxStream<'static, Result<Bytes, Failure>>,
    encoding: Option<Encoding>,
    /// Bytes that do not tell the encoding yet, or are half of a character.
    rest: Vec<u8>,
    /// Bytes that came in, and how many there are to be, if known.
    bytes: u64,
    length: Option<u64>,
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

impl Input {
    fn new(body: Body) -> Self {
        let length = body.length();
        Input { chunks: body.into_chunks(), encoding: None, rest: Vec::new(), bytes: 0, length }
    }

    /// Appends what comes next; `false` at the end.
    async fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        let before = out.len();
        while out.len() == before {
            let chunk = self.chunks.next().await.transpose()?;
            let ended = chunk.is_none();
            let chunk = chunk.unwrap_or_default();
            self.bytes += chunk.len() as u64;
            if matches!(self.encoding, Some(Encoding::Utf8)) {
                out.extend_from_slice(&chunk);
            } else {
                self.rest.extend_from_slice(&chunk);
                self.decode(ended, out);
            }
            if ended {
                return Ok(out.len() > before);
            }
        }
        Ok(true)
    }

    fn decode(&mut self, ended: bool, out: &mut Vec<u8>) {
        if self.encoding.is_none() {
            let (encoding, mark) = match self.rest.as_slice() {
                [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
                [0xff, 0xfe, ..] => (Encoding::Utf16(u16::from_le_bytes), 2),
                [0xfe, 0xff, ..] => (Encoding::Utf16(u16::from_be_bytes), 2),
                // Without a mark: what rows begin with is ASCII, of which UTF-16 makes every other byte zero.
                [1..=255, 0, 1..=255, ..] => (Encoding::Utf16(u16::from_le_bytes), 0),
                [0, 1..=255, 0, ..] => (Encoding::Utf16(u16::from_be_bytes), 0),
                bytes if bytes.len() < 3 && !ended => return,
                _ => (Encoding::Utf8, 0),
            };
            self.encoding = Some(encoding);
            self.rest.drain(..mark);
        }
        let Some(Encoding::Utf16(unit)) = self.encoding else { return out.append(&mut self.rest) };
        let (pairs, _) = self.rest.as_chunks::<2>();
        // The first half of a character waits for its second.
        let halved = pairs.last().is_some_and(|pair| (0xd800..0xdc00).contains(&unit(*pair)));
        let whole = pairs.len() - usize::from(halved && !ended);
        for letter in char::decode_utf16(pairs.iter().take(whole).map(|pair| unit(*pair))) {
            let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.rest.drain(..whole * 2);
    }
}
