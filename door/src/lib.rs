//! One door: all tools of all servers behind five, for clients that hand every listed tool to their model.
//!
//! A model searches (`api-search`), reads what it has found (`api-describe`) and runs it by `api-read`, `api-write` or
//! `api-delete`. There are three of these because what a client asks its user, and what it does unasked, depends on a
//! tool's hints and not on its arguments: so each of the three keeps the promise of its own hints.
//!
//! It has no tool of its own that talks to OpenAI. It finds an inner tool and its arguments; the kernel runs them as it
//! runs a direct call.

mod answers;
mod search;
mod tools;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::output::Output;
use openai_mcp_kernel::plan;
use openai_mcp_kernel::server::{Definition, Front, Missing, Offered, Turn, describe_as, doc};
use openai_mcp_kernel::spec::Spec;

use crate::search::Index;
use crate::tools::{DESCRIBE, SEARCH};

/// Instructions for the model.
pub const ABOUT: &str = "The whole OpenAI API behind five tools. api-search finds a tool by a few words, verb and object, \
                         and says what runs it; the best hits come with their arguments, api-describe shows others. Then \
                         call api-read, api-write or api-delete with its name and arguments. Inside results and errors \
                         tools are called by their own names: run those the same way.";

/// Tells clients that list tools lazily to show these at once: they are what finds the rest.
const ALWAYS: &str = r#""anthropic/alwaysLoad":true"#;

/// The door to the tools of some servers.
pub struct Door {
    servers: Vec<&'static Definition>,
    index: Index,
}

impl Door {
    /// The door to all that `servers` offer.
    pub fn new(servers: Vec<&'static Definition>) -> Self {
        Door { index: Index::new(&servers), servers }
    }

    fn search(&self, arguments: &Arguments, offered: &Offered<'_>) -> Result<Output> {
        let arguments = checked(&SEARCH, arguments)?;
        let members = arguments.members()?;
        let query: Option<String> = members.read("query")?;
        let limit: Option<usize> = members.read("limit")?;
        let domain = members.read::<String>("domain")?.map(|domain| self.domain(&domain, offered)).transpose()?;
        match (query, domain) {
            (Some(query), domain) => {
                let hits = self.index.find(&query, domain, offered);
                answers::hits(hits, limit.unwrap_or(tools::HITS), offered)
            }
            (None, Some(domain)) => answers::domain(domain, offered),
            (None, None) => answers::domains(&self.servers, offered),
        }
    }

    /// The server of a domain that the caller named.
    fn domain(&self, given: &str, offered: &Offered<'_>) -> Result<&'static Definition> {
        let wanted = given.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        let wanted = wanted.strip_prefix("openai-").unwrap_or(&wanted);
        let wanted = wanted.strip_suffix("-mcp").unwrap_or(wanted);
        let there = |definition: &&&Definition| offered.tools().any(|(owner, _)| owner.domain == definition.domain);
        let names = || self.servers.iter().filter(there).map(|definition| definition.domain);
        let found = self.servers.iter().filter(there).find(|definition| definition.domain == wanted);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = names().collect();
            Error::argument("domain", format!("there is no `{given}`; there are: {}", known.join(", ")))
        })
    }

    fn describe(&self, arguments: &Arguments, offered: &Offered<'_>) -> Result<Output> {
        let arguments = checked(&DESCRIBE, arguments)?;
        let names: Vec<String> = arguments.members()?.take("tools")?;
        answers::described(&names, &self.index, offered)
    }

    fn run(&self, by: &'static Spec, arguments: &Arguments, offered: &Offered<'_>) -> Result<Turn> {
        let arguments = checked(by, arguments).map_err(|error| {
            error.or_hint(r#"what a tool takes goes into `arguments`, as {"tool": "file-get", "arguments": {"file_id": "file-abc"}}"#)
        })?;
        let members = arguments.members()?;
        let name: String = members.take("tool")?;
        let tool = tools::named(&name, offered).map_err(|missing| self.missing(&name, &missing, offered))?;
        let inner = match members.text("arguments") {
            None => Arguments::default(),
            // Some hosts write an object as the text of one.
            Some(text) if text.starts_with('"') => match members.take::<String>("arguments")?.trim() {
                "" => Arguments::default(),
                text => Arguments::new(Some(text.to_owned().into())),
            },
            Some(text) => Arguments::new(Some(arguments.text().slice_ref(text.as_bytes()))),
        };
        if inner.members().is_err() {
            return Err(Error::argument("arguments", "expected an object, as `{\"file_id\": \"file-abc\"}`"));
        }
        let spec = tool.spec;
        let door = tools::door_of(spec, offered);
        // A stronger door takes what a weaker one would, which saves a turn; a weaker one keeps its promise.
        if tools::strength(by) < tools::strength(door) {
            let does = if door.effect.destroys { "may delete or overwrite" } else { "changes something" };
            return Err(Error::new(
                Kind::Arguments,
                format!("`{}` {does}\nhint: call it with {}", spec.name, door.name),
            ));
        }
        let read_only = by.effect.reads && !spec.effect.changes_nothing();
        let is_place = |text: &str| !text.trim_matches('"').trim().is_empty();
        if read_only && inner.members()?.text("save_to").is_some_and(is_place) {
            return Err(Error::argument("save_to", "api-read writes no files\nhint: call it with api-write"));
        }
        Ok(Turn::Run { tool, arguments: inner, read_only })
    }

    /// What to tell of a name of no tool: why, and what there is.
    fn missing(&self, name: &str, missing: &Missing, offered: &Offered<'_>) -> Error {
        let maybe = match missing {
            Missing::Unknown { near: None, .. } => self.index.alike(name, offered),
            Missing::Unknown { .. } | Missing::Withheld { .. } => Vec::new(),
        };
        let maybe = if maybe.is_empty() { String::new() } else { format!("maybe {}; ", maybe.join(", ")) };
        Error::argument("tool", missing).or_hint(&format!("{maybe}api-search finds tools by what they do"))
    }
}

/// The arguments of one of the five, as they are meant.
fn checked(spec: &'static Spec, arguments: &Arguments) -> Result<Arguments> {
    plan::check(spec, arguments, false)
}

impl Front for Door {
    fn list(&self, offered: &Offered<'_>) -> String {
        let leads = |door: &Spec| match door.name {
            name if name == SEARCH.name || name == DESCRIBE.name => true,
            name => offered.tools().any(|(_, spec)| tools::door_of(spec, offered).name == name),
        };
        let mut out = String::from("[");
        for door in tools::ALL.into_iter().filter(|door| leads(door)) {
            if out.len() > 1 {
                out.push(',');
            }
            let mut text = doc(door).into_owned();
            if door.name == SEARCH.name {
                text += &answers::map(&self.servers, offered);
            }
            describe_as(door, &text, ALWAYS, offered.whole(), &mut out);
        }
        out.push(']');
        out
    }

    fn call(&self, name: &str, arguments: &Arguments, offered: &Offered<'_>) -> Option<Turn> {
        let door = tools::ALL.into_iter().find(|door| door.is_named(name))?;
        Some(match door.name {
            name if name == SEARCH.name => Turn::Answer(name, self.search(arguments, offered)),
            name if name == DESCRIBE.name => Turn::Answer(name, self.describe(arguments, offered)),
            name => self.run(door, arguments, offered).unwrap_or_else(|error| Turn::Answer(name, Err(error))),
        })
    }
}
