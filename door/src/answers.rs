//! What a search and a description answer.

use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::output::Output;
use openai_mcp_kernel::server::{Definition, Missing, Offered, doc, schema};
use openai_mcp_kernel::spec::Spec;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::search::{Index, Tool};
use crate::tools::{door_of, named};

/// Most bytes of the answer to a search.
const SEARCH: usize = 4000;
/// Most bytes of a schema that rides along with a hit that is not the best one, and of all of them.
const SCHEMA: usize = 1500;
const SCHEMAS: usize = 2600;
/// Most bytes of the answer to a description.
const DESCRIPTION: usize = 24_000;

/// A tool, as far as it is told.
#[derive(Serialize)]
struct Shown<'a> {
    tool: &'static str,
    /// What runs it.
    r#use: &'static str,
    does: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
}

impl Shown<'static> {
    /// In one line.
    fn line(spec: &'static Spec, offered: &Offered<'_>) -> Self {
        let first = spec.doc.split("\n\n").next().unwrap_or_default();
        let does = first.strip_suffix('.').unwrap_or(first);
        Shown { tool: spec.name, r#use: door_of(spec, offered).name, does, arguments: None, endpoint: None }
    }
}

#[derive(Serialize)]
struct Hits {
    tools: Vec<Box<RawValue>>,
    /// How many more have some of the words.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

#[derive(Serialize)]
struct Domain {
    domain: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'static str>,
    tools: Vec<Box<RawValue>>,
    /// How many more it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

#[derive(Serialize)]
struct Domains {
    domains: Vec<Summary>,
}

#[derive(Serialize)]
struct Summary {
    domain: &'static str,
    has: &'static str,
    tools: usize,
}

#[derive(Serialize)]
struct Described<'a> {
    tools: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Unknown<'a>>,
}

#[derive(Serialize)]
struct Unknown<'a> {
    tool: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<&'static str>,
}

fn output(value: &impl Serialize) -> Result<Output> {
    Ok(Output::Json(text(value)?.into()))
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(Kind::Answer, error.to_string()))
}

fn raw(text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(|error| Error::new(Kind::Answer, error.to_string()))
}

/// The lines of the map: which servers there are, and what they are about.
pub(crate) fn map(servers: &[&'static Definition], offered: &Offered<'_>) -> String {
    let there = servers.iter().filter(|definition| size(definition, offered) > 0);
    let lines: Vec<_> = there.map(|definition| format!("\n{}: {}", definition.domain, definition.topics)).collect();
    format!("\n\nDomains:{}", lines.concat())
}

/// How many tools of a server are offered.
fn size(definition: &Definition, offered: &Offered<'_>) -> usize {
    offered.tools().filter(|(owner, _)| owner.domain == definition.domain).count()
}

/// The best hits of a search; their schemas ride along while there is room, so that most tasks need no second look.
pub(crate) fn hits(found: Vec<Tool>, limit: usize, offered: &Offered<'_>) -> Result<Output> {
    let all = found.len();
    let (mut left, mut room) = (SCHEMAS, SEARCH);
    let mut tools = Vec::new();
    for (_, spec) in found.into_iter().take(limit) {
        let mut shown = Shown::line(spec, offered);
        let schema = schema(spec);
        let most = if tools.is_empty() { left } else { SCHEMA.min(left) };
        if schema.len() <= most {
            left -= schema.len();
            shown.arguments = Some(raw(schema)?);
        } else {
            // The best alone: with the schema of a lesser hit after one without, that would look like the better one.
            left = 0;
        }
        let shown = raw(text(&shown)?)?;
        // Some are left for what stands round the hits.
        match room.checked_sub(shown.get().len() + 1).filter(|room| *room > 120) {
            Some(still) => room = still,
            None => break,
        }
        tools.push(shown);
    }
    let more = Some(all - tools.len()).filter(|more| *more > 0);
    let hint = tools.is_empty().then_some("no tool has these words: try those of OpenAI's API, or a domain");
    output(&Hits { tools, more, hint })
}

/// The tools of a server, a line each, and what it is about where there is room for that.
pub(crate) fn domain(definition: &'static Definition, offered: &Offered<'_>) -> Result<Output> {
    let specs = offered.tools().filter(|(owner, _)| owner.domain == definition.domain).map(|(_, spec)| spec);
    let all = specs.map(|spec| raw(text(&Shown::line(spec, offered))?)).collect::<Result<Vec<_>>>()?;
    let count = all.len();
    // Some is left for what stands round the lines.
    let mut room = SEARCH - 150;
    let fitting = all.into_iter().take_while(|line| {
        let left = room.checked_sub(line.get().len() + 1);
        room = left.unwrap_or_default();
        left.is_some()
    });
    let tools: Vec<_> = fitting.collect();
    let more = Some(count - tools.len()).filter(|more| *more > 0);
    output(&Domain {
        domain: definition.domain,
        about: Some(definition.about).filter(|about| about.len() + 12 <= room),
        hint: more.map(|_| "`query` beside `domain` finds the others"),
        tools,
        more,
    })
}

/// All servers, a line each.
pub(crate) fn domains(servers: &[&'static Definition], offered: &Offered<'_>) -> Result<Output> {
    let all = servers.iter().map(|definition| Summary {
        domain: definition.domain,
        has: definition.topics,
        tools: size(definition, offered),
    });
    output(&Domains { domains: all.filter(|domain| domain.tools > 0).collect() })
}

/// Tools as a whole.
pub(crate) fn described(names: &[String], index: &Index, offered: &Offered<'_>) -> Result<Output> {
    let (mut tools, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match named(name, offered) {
            Ok(tool) => {
                let spec = tool.spec;
                if let Some((on, instead)) = offered.ended(spec.name) {
                    let why = Some(format!("OpenAI ended it on {on}: use {instead}"));
                    unknown.push(Unknown { tool: name, why, nearest: Vec::new() });
                    continue;
                }
                let endpoint = spec.endpoint.as_ref();
                let shown = Shown {
                    does: &doc(spec),
                    arguments: Some(raw(schema(spec))?),
                    endpoint: endpoint.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)),
                    ..Shown::line(spec, offered)
                };
                tools.push(raw(text(&shown)?)?);
            }
            Err(why @ Missing::Withheld { .. }) => {
                unknown.push(Unknown { tool: name, why: Some(why.to_string()), nearest: Vec::new() });
            }
            Err(Missing::Unknown { near, .. }) => {
                let nearest = near.map_or_else(|| index.alike(name, offered), |near| vec![near]);
                unknown.push(Unknown { tool: name, why: None, nearest });
            }
        }
    }
    let answer = text(&Described { tools, unknown })?;
    if answer.len() > DESCRIPTION {
        let problem = format!("the answer would have {} bytes\nhint: ask for fewer tools at once", answer.len());
        return Err(Error::new(Kind::Arguments, problem));
    }
    Ok(Output::Json(answer.into()))
}
