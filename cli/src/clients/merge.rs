//! Configuration files of clients: read, and changed in no place but where our entries are.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value};
use toml_edit::{DocumentMut, Item, Table};

/// JSON as clients take it, those that take more than JSON.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// In what a file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// JSON, with comments or without.
    Json,
    Toml,
    Yaml,
}

/// What is to be said of a server.
pub(super) struct Entry {
    pub(super) name: String,
    /// The name of an entry that it replaces.
    pub(super) former: Option<String>,
    pub(super) value: Value,
}

/// Puts servers into a file's text, each in the place of one of the same name if there is one.
///
/// # Errors
/// The text is not what the format asks for.
pub(super) fn servers(format: Format, text: &str, path: &[&str], entries: &[Entry]) -> Result<String, String> {
    match format {
        Format::Json => {
            let (root, mut at) = open(text)?;
            for name in path {
                at = at.object_value_or_create(name).ok_or_else(|| format!("`{name}` is not an object"))?;
            }
            for Entry { name, former, value } in entries {
                if let Some(former) = former.as_ref().and_then(|former| at.get(former)) {
                    former.remove();
                }
                match at.get(name) {
                    Some(there) => there.set_value(input_value(value)),
                    None => drop(at.append(name, input_value(value))),
                }
            }
            Ok(root.to_string())
        }
        Format::Toml => {
            let mut document: DocumentMut = text.parse().map_err(|error| format!("not TOML: {error}"))?;
            let mut at: &mut Table = document.as_table_mut();
            for name in path {
                let item = at.entry(name).or_insert_with(|| {
                    let mut table = Table::new();
                    table.set_implicit(true);
                    Item::Table(table)
                });
                if item.is_inline_table() {
                    return Err(format!("`{name}` is written as one value: write each entry as [{name}.NAME]"));
                }
                at = item.as_table_mut().ok_or_else(|| format!("`{name}` is not a table"))?;
            }
            for Entry { name, former, value } in entries {
                let mut table: Table = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.as_str(), toml_edit::value(toml_value(value))))
                    .collect();
                // What stands before the table of an earlier entry, comments above all, stays there.
                let former = former.as_ref().and_then(|former| at.remove(former));
                if let Some(there) = at.get(name).or(former.as_ref()).and_then(Item::as_table) {
                    *table.decor_mut() = there.decor().clone();
                }
                at.insert(name, Item::Table(table));
            }
            Ok(document.to_string())
        }
        Format::Yaml => {
            let [path] = path else { return Err("expected one name".into()) };
            Block::find(text, path)?.with(path, entries)
        }
    }
}

/// Puts what VS Code asks its user for into the text of its file.
///
/// # Errors
/// The text is not JSON.
pub(super) fn input(text: &str, input: &Value) -> Result<String, String> {
    let (root, at) = open(text)?;
    let inputs = at.array_value_or_create("inputs").ok_or("`inputs` is not an array")?;
    let there = inputs.elements().iter().any(|element| {
        let id = |value: Value| value.get("id").cloned();
        element.to_serde_value().and_then(id) == input.get("id").cloned()
    });
    if !there {
        inputs.append(input_value(input));
    }
    Ok(root.to_string())
}

/// The servers that a file's text has.
///
/// # Errors
/// The text is not what the format asks for.
pub(super) fn read(format: Format, text: &str, path: &[&str]) -> Result<Map<String, Value>, String> {
    match format {
        Format::Json => {
            let (_, mut at) = open(text)?;
            for name in path {
                match at.object_value(name) {
                    Some(object) => at = object,
                    None if at.get(name).is_none() => return Ok(Map::new()),
                    None => return Err(format!("`{name}` is not an object")),
                }
            }
            match at.to_serde_value() {
                Some(Value::Object(servers)) => Ok(servers),
                _ => Err("not JSON".into()),
            }
        }
        Format::Toml => {
            let document: DocumentMut = text.parse().map_err(|error| format!("not TOML: {error}"))?;
            let mut at = document.as_item();
            for name in path {
                match at.get(name) {
                    Some(item) => at = item,
                    None => return Ok(Map::new()),
                }
            }
            let servers = at.as_table_like().ok_or("the servers are not a table")?;
            let command = |item: &Item| {
                let command = item.get("command").and_then(Item::as_str).map(Value::from);
                Value::Object(command.map(|command| ("command".to_owned(), command)).into_iter().collect())
            };
            Ok(servers.iter().map(|(name, item)| (name.to_owned(), command(item))).collect())
        }
        Format::Yaml => {
            let [path] = path else { return Err("expected one name".into()) };
            Ok(Block::find(text, path)?.read())
        }
    }
}

/// Whether a JSON text has an object at this place.
pub(super) fn has_object(text: &str, path: &[&str]) -> bool {
    let found = |(_, root): (CstRootNode, CstObject)| {
        path.iter().try_fold(root, |at, name| at.object_value(name)).filter(|at| at.get("type").is_none())
    };
    open(text).ok().and_then(found).is_some()
}

fn open(text: &str) -> Result<(CstRootNode, CstObject), String> {
    // Editors of Windows write a mark, on which clients fail.
    let text = text.trim_start_matches('\u{feff}');
    let root = CstRootNode::parse(text, &OPTIONS).map_err(|error| format!("not JSON: {error}"))?;
    let object = root.object_value_or_create().ok_or("not a JSON object")?;
    Ok((root, object))
}

fn input_value(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input_value).collect()),
        Value::Object(members) => {
            CstInputValue::Object(members.iter().map(|(name, value)| (name.clone(), input_value(value))).collect())
        }
    }
}

fn toml_value(value: &Value) -> toml_edit::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Number(value) => value.as_i64().unwrap_or_default().into(),
        Value::String(value) => value.as_str().into(),
        Value::Array(values) => values.iter().map(toml_value).collect::<toml_edit::Array>().into(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.as_str(), toml_value(value)));
            members.collect::<toml_edit::InlineTable>().into()
        }
        // TOML has none, and no entry of ours does.
        Value::Null => "".into(),
    }
}

/// A mapping in a YAML file, by its lines: there is no library that changes YAML and leaves the rest as it is. What is
/// not written line below line, as Goose writes it, is refused.
struct Block<'a> {
    before: Vec<&'a str>,
    /// Comments and empty lines above the first member.
    lead: Vec<&'a str>,
    /// Its members, each with all its lines.
    members: Vec<(&'a str, Vec<&'a str>)>,
    after: Vec<&'a str>,
    /// How far the members are indented.
    indent: usize,
}

impl<'a> Block<'a> {
    fn find(text: &'a str, name: &str) -> Result<Self, String> {
        let other = || format!("`{name}` is not written line below line: put the entries there by hand");
        let mut lines = text.lines();
        let mut block =
            Block { before: Vec::new(), lead: Vec::new(), members: Vec::new(), after: Vec::new(), indent: 2 };
        let head = format!("{name}:");
        loop {
            match lines.next() {
                None => return Ok(block),
                Some(line) if line.trim_end() == head || line.trim_end() == format!("{head} {{}}") => break,
                Some(line) if line.starts_with(&head) => return Err(other()),
                Some(line) => block.before.push(line),
            }
        }
        let mut first = true;
        while let Some(line) = lines.next() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let blank = line.trim().is_empty() || line.trim_start().starts_with('#');
            if !blank && indent == 0 {
                block.after.push(line);
                block.after.extend(lines);
                break;
            }
            if !blank && std::mem::take(&mut first) {
                block.indent = indent;
            }
            match line.trim().strip_suffix(':') {
                Some(name) if indent == block.indent && !blank => {
                    block.members.push((name.trim_matches(['"', '\'']), vec![line]));
                }
                _ if indent <= block.indent && !blank => return Err(other()),
                _ => match block.members.last_mut() {
                    Some((_, lines)) => lines.push(line),
                    None if blank => block.lead.push(line),
                    None => return Err(other()),
                },
            }
        }
        if let Some((_, lines)) = block.members.last_mut() {
            let rest = lines.split_off(own(lines, block.indent));
            block.after.splice(..0, rest);
        }
        Ok(block)
    }

    fn with(&self, name: &str, entries: &[Entry]) -> Result<String, String> {
        let mut text = String::new();
        let mut put = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        self.before.iter().for_each(|line| put(line));
        put(&format!("{name}:"));
        self.lead.iter().for_each(|line| put(line));
        let ours = |name: &str| entries.iter().any(|ours| ours.name == name || ours.former.as_deref() == Some(name));
        for (name, lines) in &self.members {
            let replaced = if ours(name) { own(lines, self.indent) } else { 0 };
            lines.iter().skip(replaced).for_each(|line| put(line));
        }
        let indent = " ".repeat(self.indent);
        for Entry { name, value, .. } in entries {
            put(&format!("{indent}{name}:"));
            for (name, value) in value.as_object().into_iter().flatten() {
                // JSON is YAML.
                put(&format!("{indent}{indent}{name}: {value}"));
            }
        }
        self.after.iter().for_each(|line| put(line));
        Ok(text)
    }

    fn read(&self) -> Map<String, Value> {
        let command = |lines: &[&str]| {
            let found = lines.iter().find_map(|line| line.trim().strip_prefix("cmd:"));
            let command = found.map(|command| Value::from(command.trim().trim_matches(['"', '\''])));
            Value::Object(command.map(|command| ("cmd".to_owned(), command)).into_iter().collect())
        };
        self.members.iter().map(|(name, lines)| ((*name).to_owned(), command(lines))).collect()
    }
}

/// How many lines of a member are its own: comments after it that are as far out as members, and empty lines, are not.
fn own(lines: &[&str], indent: usize) -> usize {
    let aside = |line: &&&str| {
        let text = line.trim_start();
        text.is_empty() || (text.starts_with('#') && line.len() - text.len() <= indent)
    };
    lines.len() - lines.iter().rev().take_while(aside).count()
}

/// What became of a file.
pub(super) enum Written {
    /// It was so already.
    Same,
    /// There was none.
    New,
    /// It was another, of which there is a copy.
    Changed {
        /// The copy.
        copy: PathBuf,
    },
}

/// Changes a file: as a whole or not at all, and with a copy of what it was.
///
/// # Errors
/// It cannot be read, changed or written.
pub(super) fn write(path: &Path, change: impl Fn(&str) -> Result<String, String>) -> Result<Written, String> {
    let failed = |problem: String| format!("{}: {problem}\nhint: nothing was changed", path.display());
    // A link, as those who keep their settings elsewhere have it, stays one.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let old = match fs::read_to_string(&target) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut new = change(old.as_deref().unwrap_or_default()).map_err(failed)?;
    if !new.ends_with('\n') {
        new.push('\n');
    }
    if old.as_ref() == Some(&new) {
        return Ok(Written::Same);
    }
    let write = || -> std::io::Result<Written> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        let permissions = old.as_ref().map(|_| fs::metadata(&target)).transpose()?.map(|about| about.permissions());
        if let Some(permissions) = permissions.clone() {
            builder.permissions(permissions);
        }
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(new.as_bytes())?;
        file.as_file().sync_all()?;
        let written = match old {
            None => Written::New,
            Some(_) => Written::Changed { copy: copy(&target)? },
        };
        file.persist(&target).map_err(|error| error.error)?;
        Ok(written)
    };
    write().map_err(|error| failed(error.to_string()))
}

/// Copies a file to a name beside it that is free.
fn copy(path: &Path) -> std::io::Result<PathBuf> {
    for number in 1_u32.. {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") });
        let copy = path.with_file_name(name);
        match fs::OpenOptions::new().write(true).create_new(true).open(&copy) {
            Ok(_) => {
                fs::copy(path, &copy)?;
                return Ok(copy);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
