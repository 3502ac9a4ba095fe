//! Members of tools: of functions, of those that OpenAI runs, and of those that the stand-in takes and never uses.

use serde_json::Value;

use crate::api::{containers, images, skills, tools};
use crate::engine::model;
use crate::error::{Error, Result};
use crate::params::{Params, mistyped};

const CONNECTORS: &[&str] = &[
    "connector_dropbox",
    "connector_gmail",
    "connector_googlecalendar",
    "connector_googledrive",
    "connector_microsoftteams",
    "connector_outlookcalendar",
    "connector_outlookemail",
    "connector_sharepoint",
];

/// Where a shell runs: nothing there is ever run, but it has to exist.
#[derive(Default)]
pub(crate) struct Shell {
    pub(crate) container: Option<String>,
    pub(crate) files: Vec<String>,
    pub(crate) skills: Vec<skills::Reference>,
}

/// A function, or a tool of free text.
pub(crate) fn function(kind: &str, tool: &mut Params) -> Result<model::Tool> {
    let name = tools::name(tool)?;
    let description = tool.string("description")?.unwrap_or_default();
    tool.boolean("async")?;
    tool.boolean("defer_loading")?;
    tools::callers(tool)?;
    if kind == "function" {
        tool.object("output_schema")?;
        let strict = tool.boolean("strict")? == Some(true);
        let parameters = tools::parameters(tool, &name, strict)?;
        return Ok(model::Tool { name, description, parameters: Some(parameters) });
    }
    if let Some(mut format) = tool.object("format")? {
        if format.need("type", |format, name| format.one_of(name, &["text", "grammar"]))? == "grammar" {
            tools::grammar(&mut format)?;
        }
        format.finish()?;
    }
    Ok(model::Tool { name, description, parameters: None })
}

pub(crate) fn web(kind: &str, tool: &mut Params) -> Result<()> {
    let preview = kind.starts_with("web_search_preview");
    tool.boolean("external_web_access")?;
    tool.one_of("search_context_size", tools::LEVELS)?;
    if preview {
        tool.some_of("search_content_types", &["text", "image"])?;
    } else if let Some(mut filters) = tool.object("filters")? {
        filters.strings("allowed_domains", 0..=usize::MAX)?;
        filters.finish()?;
    }
    let Some(mut place) = tool.object("user_location")? else { return Ok(()) };
    let kind = place.one_of("type", &["approximate"])?;
    if preview {
        place.required("type", kind)?;
    }
    tools::place(place)
}

pub(crate) fn shell(tool: &mut Params) -> Result<Shell> {
    let mut shell = Shell::default();
    let Some(mut place) = tool.object("environment")? else { return Ok(shell) };
    let kinds = &["container_auto", "local", "container_reference"];
    match place.need("type", |place, name| place.one_of(name, kinds))? {
        "container_auto" => {
            shell.files = container(&mut place)?;
            shell.skills = skills::references(&mut place)?;
        }
        "local" => {
            for (path, skill) in place.array("skills", 0..=200)?.unwrap_or_default() {
                let mut skill = Params::nested(path, skill)?;
                for name in ["name", "description", "path"] {
                    skill.need(name, Params::string)?;
                }
                skill.finish()?;
            }
        }
        _ => shell.container = Some(place.need("container_id", Params::string)?),
    }
    place.finish()?;
    Ok(shell)
}

/// What a new container is told; gives the files that it is to have.
pub(crate) fn container(container: &mut Params) -> Result<Vec<String>> {
    containers::memory_limit(container, "memory_limit")?;
    containers::network_policy(container, "network_policy")?;
    Ok(container.strings("file_ids", 0..=50)?.unwrap_or_default())
}

pub(crate) fn namespace(tool: &mut Params) -> Result<()> {
    tool.need("name", |tool, name| tool.bounded(name, 1..=usize::MAX))?;
    tool.need("description", Params::string)?;
    for (path, inner) in tool.need("tools", |tool, name| tool.array(name, 1..=usize::MAX))? {
        let mut inner = Params::nested(path, inner)?;
        let kind = inner.need("type", |inner, name| inner.one_of(name, &["function", "custom"]))?;
        function(kind, &mut inner)?;
        inner.finish()?;
    }
    Ok(())
}

pub(crate) fn tool_search(tool: &mut Params) -> Result<()> {
    tool.one_of("execution", &["server", "client"])?;
    tool.string("description")?;
    tool.object("parameters").map(drop)
}

pub(crate) fn computer(tool: &mut Params) -> Result<()> {
    let systems = &["windows", "mac", "linux", "ubuntu", "browser"];
    tool.need("environment", |tool, name| tool.one_of(name, systems))?;
    for edge in ["display_width", "display_height"] {
        tool.need(edge, |tool, name| tool.integer(name, 1..=i64::MAX))?;
    }
    Ok(())
}

/// What an image is drawn with; gives its format.
pub(crate) fn drawing(tool: &mut Params) -> Result<&'static str> {
    tool.string("model")?;
    tool.one_of("action", &["generate", "edit", "auto"])?;
    tool.one_of("background", &["transparent", "opaque", "auto"])?;
    tool.one_of("complexity", tools::LEVELS)?;
    tool.one_of("input_fidelity", &["high", "low"])?;
    tool.one_of("moderation", &["auto", "low"])?;
    tool.one_of("quality", images::QUALITIES)?;
    tool.integer("output_compression", 0..=100)?;
    tool.integer("partial_images", 0..=3)?;
    if let Some(mut mask) = tool.object("input_image_mask")? {
        mask.string("file_id")?;
        mask.string("image_url")?;
        mask.finish()?;
    }
    let format = tool.one_of("output_format", images::FORMATS)?.unwrap_or("png");
    let only = |name: &str, wanted: &str| {
        let path = tool.path(name);
        Error::invalid(&path, "invalid_value", format!("'{path}' is only supported for {wanted} output."))
    };
    for name in ["frame_count", "frame_duration_ms"] {
        if tool.peek(name).is_some_and(|value| !value.is_null()) && format != "gif" {
            return Err(only(name, "gif"));
        }
    }
    if tool.peek("svg").is_some_and(|value| !value.is_null()) && format != "svg" {
        return Err(only("svg", "svg"));
    }
    images::svg(tool)?;
    if format == "gif" {
        return Err(images::no_gif(&tool.path("output_format")));
    }
    Ok(format)
}

/// What an MCP server is told besides its tools and who allows them.
pub(crate) fn server(tool: &mut Params) -> Result<()> {
    tool.url("server_url")?;
    tool.one_of("connector_id", CONNECTORS)?;
    for name in ["tunnel_id", "authorization", "server_description"] {
        tool.string(name)?;
    }
    tool.boolean("defer_loading")?;
    let Some(mut headers) = tool.object("headers")? else { return Ok(()) };
    let odd = headers.rest().into_iter().find(|(_, value)| !value.is_string());
    odd.map_or(Ok(()), |(name, value)| Err(mistyped(&headers.path(&name), "a string", &value)))
}

/// The names in a list of tools, or in a filter of them.
pub(crate) fn allowed(tool: &mut Params, name: &str) -> Result<Vec<String>> {
    let names = match tool.peek(name) {
        Some(Value::Array(_)) => tool.strings(name, 0..=usize::MAX)?,
        None | Some(Value::Object(_) | Value::Null) => filtered(tool, name)?,
        Some(other) => return Err(mistyped(&tool.path(name), "an array of strings or an object", other)),
    };
    Ok(names.unwrap_or_default())
}

/// The names in a filter of tools.
pub(crate) fn filtered(params: &mut Params, name: &str) -> Result<Option<Vec<String>>> {
    let Some(mut filter) = params.object(name)? else { return Ok(None) };
    let names = filter.strings("tool_names", 0..=usize::MAX)?.unwrap_or_default();
    filter.boolean("read_only")?;
    filter.finish()?;
    Ok(Some(names))
}
