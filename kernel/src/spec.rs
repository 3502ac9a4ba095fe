//! What a tool is, as data: its name, its arguments, the request it makes, what it does to the world.

use http::Method;

use crate::near::{did_you_mean, nearest};
use crate::schema::{Field, Place};

/// A tool, or a request that is no tool, as it was declared.
#[derive(Debug)]
pub struct Spec {
    /// Public name, unique across all servers; of a request that is no tool, its method and path.
    pub name: &'static str,
    /// The description.
    pub doc: &'static str,
    /// The request it makes; `None` for a composite.
    pub endpoint: Option<Endpoint>,
    /// Its arguments.
    pub fields: &'static [Field],
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it takes the admin key instead of the project's; so do all tools of a server that says so.
    pub admin: bool,
    /// What becomes of an answer that is longer than a result should be.
    pub long: Long,
    /// How long OpenAI serves the request.
    pub life: Life,
    /// It is offered only where the operator has set this, a variable by its name after `OPENAI_MCP_`.
    pub setting: Option<&'static str>,
}

/// The query by which the API tells a beta request from the one of the same path.
pub const TWIN: &str = "beta=true";

/// One request of the API.
#[derive(Debug)]
pub struct Endpoint {
    /// Method.
    pub method: Method,
    /// Path below the base URL, parameters as `{name}` segments.
    pub path: &'static str,
    /// The media type that is asked for, where it is not JSON.
    pub accept: Option<&'static str>,
    /// The `OpenAI-Beta` header, where it differs from the rest of the server; empty for none.
    pub beta: Option<&'static str>,
    /// The argument that makes it the beta request of the same path, which has [`TWIN`] as its query.
    pub twin: Option<&'static str>,
    /// Whether the body is `multipart/form-data`.
    pub multipart: bool,
    /// Whether it asks for an event stream: `"stream": true` in every body.
    pub streams: bool,
}

impl Endpoint {
    /// Where an argument goes: where it was told to, else into the path if it is named there, into the query of a GET or
    /// DELETE, into the body of anything else.
    pub fn place(&self, field: &Field) -> Place {
        let named = |segment: &[u8]| {
            segment.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) == Some(field.name.as_bytes())
        };
        match field.place {
            Place::Natural | Place::Name if self.path.as_bytes().split(|byte| *byte == b'/').any(named) => Place::Path,
            Place::Natural if self.method == Method::POST => Place::Body,
            Place::Natural => Place::Query,
            told => told,
        }
    }
}

impl Endpoint {
    /// The path of the collection of which the last parameter of the path names a member: `/files` of `/files/{file_id}/content`.
    pub(crate) fn collection(&self) -> Option<&'static str> {
        self.path.rsplit_once("/{").map(|(collection, _)| collection)
    }
}

/// What a tool does to the world: the four hints of MCP's tool annotations.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// It changes nothing at OpenAI.
    pub reads: bool,
    /// It may delete or overwrite.
    pub destroys: bool,
    /// Calling it twice is as calling it once.
    pub idempotent: bool,
    /// It reaches beyond the OpenAI account.
    pub open: bool,
    /// It may write a new file on the machine of the server, where the caller asks for that.
    pub saves: bool,
    /// It may write into the server's own store besides.
    pub records: bool,
}

impl Effect {
    /// Whether nothing changes anywhere: MCP's `readOnlyHint`.
    pub fn changes_nothing(&self) -> bool {
        self.reads && !self.saves && !self.records
    }
}

/// What becomes of an answer that is longer than a result should be.
#[derive(Clone, Copy, Debug)]
pub enum Long {
    /// A list is cut between its items, anything else at its end.
    Cut,
    /// Its long texts and lists are cut; `max_bytes`, which such a tool takes, shows more of them.
    Window,
    /// So are those of each item of a page; the named tool shows all of one.
    Page(&'static str),
}

/// How long OpenAI serves a request. Days are as `2027-01-06`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Life {
    /// As the rest of its server: what a tool says that is told nothing else. A request that is no tool may be of another
    /// API, and does not.
    AsServer,
    /// No end is known.
    Open,
    /// OpenAI will end it on this day.
    Ends(&'static str),
    /// OpenAI ended it.
    Gone {
        /// The day.
        on: &'static str,
        /// What to use in its place.
        instead: &'static str,
    },
}

impl Spec {
    /// A title for people: `chat-completion-get` as `Chat completion get`. It says no more than the name: only directories of
    /// servers want one.
    pub fn title(&self) -> String {
        let mut title = self.name.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        title
    }

    /// Whether `name` names this tool: exactly, or with `_` for `-`, as hosts rewrite names.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name
            || (self.name.len() == name.len()
                && self
                    .name
                    .bytes()
                    .zip(name.bytes())
                    .all(|(ours, given)| ours == given || (ours == b'-' && given == b'_')))
    }
}

/// Which tools a caller sees and may call. A name may end in `*`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// These alone.
    pub only: Option<Vec<String>>,
    /// Not these.
    pub exclude: Vec<String>,
    /// Only tools that change nothing, and no local files either.
    pub read_only: bool,
}

impl Filter {
    /// Whether the filter lets a tool through.
    pub fn admits(&self, spec: &Spec) -> bool {
        let named = |names: &[String]| {
            names.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => spec.name.starts_with(&start.replace('_', "-")),
                None => spec.is_named(name),
            })
        };
        self.only.as_deref().is_none_or(named) && !named(&self.exclude) && (!self.read_only || spec.effect.reads)
    }

    /// Where an operator says what stands in `only` and in `exclude`.
    pub const VARIABLES: [&str; 2] = ["OPENAI_MCP_TOOLS", "OPENAI_MCP_EXCLUDE"];

    /// Checks that every name is one of the `known` tools, or the beginning of one; `only` and `exclude` are told by the names
    /// `of` them. What names nothing would leave open what it was to close.
    ///
    /// # Errors
    /// Where it stands, the first name that is none, and the nearest that is.
    pub fn check<'a>(&self, known: impl Iterator<Item = &'a Spec> + Clone, of: [&str; 2]) -> Result<(), String> {
        let [of_only, of_exclude] = of;
        let only = self.only.iter().flatten().map(|name| (of_only, name));
        let names = only.chain(self.exclude.iter().map(|name| (of_exclude, name)));
        for (place, name) in names {
            let one = Filter { only: Some(vec![name.clone()]), ..Filter::default() };
            if known.clone().any(|spec| one.admits(spec)) {
                continue;
            }
            return Err(match name.ends_with('*') {
                true => format!("{place}: no tool's name begins as `{name}` does"),
                false => {
                    let hint = did_you_mean(nearest(name, known.map(|spec| spec.name)));
                    format!("{place}: no tool is named `{name}`{hint}")
                }
            });
        }
        Ok(())
    }

    /// Why it does not let a tool through.
    pub(crate) fn reason(&self, spec: &Spec) -> Option<&'static str> {
        match (self.read_only && !spec.effect.reads, self.admits(spec)) {
            (true, _) => Some("read-only"),
            (false, false) => Some("left out of the list of tools"),
            (false, true) => None,
        }
    }

    /// Whether everything is let through.
    pub fn is_open(&self) -> bool {
        *self == Filter::default()
    }
}
