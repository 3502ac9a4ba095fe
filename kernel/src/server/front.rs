//! What is listed in place of the tools of many servers, and runs them.

use std::fmt;

use super::{Definition, Service};
use crate::arguments::Arguments;
use crate::error::Result;
use crate::near;
use crate::output::Output;
use crate::spec::{Filter, Spec};
use crate::tool::Tool;

/// Stands before the tools of many servers: a list of its own, whose calls find and run them.
pub trait Front: Send + Sync {
    /// The `tools` array of its list, for a caller to whom these are offered.
    fn list(&self, offered: &Offered<'_>) -> String;

    /// What the call of one of its tools comes to; `None` if it has no tool of this name.
    fn call(&self, name: &str, arguments: &Arguments, offered: &Offered<'_>) -> Option<Turn>;
}

/// What a call of a [`Front`]'s tool comes to.
pub enum Turn {
    /// The front answers by itself, under the name of its tool.
    Answer(&'static str, Result<Output>),
    /// A tool is run.
    Run {
        /// The tool.
        tool: &'static Tool,
        /// What it is called with.
        arguments: Arguments,
        /// Whether it must write nothing anywhere, whatever it could.
        read_only: bool,
    },
}

/// What is offered to a caller: the tools that the operator and the caller's own filter let through.
pub struct Offered<'a> {
    service: &'a Service,
    filter: &'a Filter,
}

impl<'a> Offered<'a> {
    pub(super) fn new(service: &'a Service, filter: &'a Filter) -> Self {
        Offered { service, filter }
    }

    /// The tools that are listed, each with its server, in the order of the lists.
    pub fn tools(&self) -> impl Iterator<Item = (&'static Definition, &'static Spec)> + Clone + use<'a> {
        let filter = self.filter;
        let all = self.service.everyone().flat_map(|service| service.specs().map(|spec| (service.definition, spec)));
        all.filter(|(_, spec)| filter.admits(spec))
    }

    /// Whether the caller, or the operator, wants nothing changed.
    pub fn read_only(&self) -> bool {
        self.filter.read_only || self.service.config.filter.read_only
    }

    /// Whether lists have titles and all hints.
    pub fn whole(&self) -> bool {
        self.service.config.directory
    }

    /// The tool of this name. One that OpenAI has ended is found as well: its call says what to use.
    ///
    /// # Errors
    /// It is not offered, or there is none.
    pub fn find(&self, name: &str) -> std::result::Result<&'static Tool, Missing> {
        self.owner(name).map(|(_, tool)| tool)
    }

    /// The same with the server that has it.
    pub(super) fn owner(&self, name: &str) -> std::result::Result<(&'a Service, &'static Tool), Missing> {
        let Offered { service, filter } = self;
        let tools = || service.everyone().flat_map(|service| service.tools.iter().map(move |tool| (service, *tool)));
        if let Some(found) = tools().find(|(_, tool)| tool.spec.is_named(name) && filter.admits(tool.spec)) {
            return Ok(found);
        }
        let mut all = service.everyone().flat_map(|service| service.definition.specs());
        if let Some(spec) = all.find(|spec| spec.is_named(name)) {
            let reason = service.config.filter.reason(spec).or_else(|| filter.reason(spec)).map(str::to_owned);
            let unset = || spec.setting.map(|name| format!("OPENAI_MCP_{name} is not set"));
            let reason = reason.or_else(unset).unwrap_or_default();
            return Err(Missing::Withheld { tool: spec.name, reason });
        }
        let admitted = tools().filter(|(_, tool)| filter.admits(tool.spec));
        let names: Vec<_> = admitted.map(|(_, tool)| (tool.spec.name, tool.spec.effect.reads)).collect();
        let near = near::tool(name, names.into_iter());
        Err(Missing::Unknown { name: name.chars().take(80).collect(), near })
    }

    /// When OpenAI ended the tool of this name and what to use in its place, where it is not listed for that.
    pub fn ended(&self, name: &str) -> Option<(&'static str, &'static str)> {
        self.owner(name).ok().and_then(|(service, tool)| service.ended(tool.spec))
    }
}

/// Why a name runs nothing.
#[derive(Clone, Debug)]
pub enum Missing {
    /// A tool has it that is not offered here.
    Withheld {
        /// The tool.
        tool: &'static str,
        /// Why, as the end of a sentence.
        reason: String,
    },
    /// No tool has it.
    Unknown {
        /// The name, as much of it as is told.
        name: String,
        /// A tool that may be meant.
        near: Option<&'static str>,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Withheld { tool, reason } => write!(f, "`{tool}` is not offered here: {reason}"),
            Missing::Unknown { name, near } => write!(f, "unknown tool `{name}`{}", near::did_you_mean(*near)),
        }
    }
}
