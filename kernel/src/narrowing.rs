//! How a caller narrows the list of tools: in the query of the URL, or by headers that begin with `X-MCP-`.
//!
//! A filter that is misspelt must not leave everything open. Every spelling of its name is taken; what is near to one and
//! is none is refused, and so are names of no tool.

use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::config::{flag, words};
use crate::near::{did_you_mean, nearest};
use crate::spec::{Filter, Spec};

/// The headers of a request that begin as those of a filter do, from a host that takes over no others by their names.
#[derive(Clone, Debug)]
pub struct Others(pub Vec<(String, String)>);

const NAMES: [&str; 3] = ["tools", "exclude", "read_only"];

/// What the caller wants to see.
///
/// # Errors
/// Something is near to a filter and none, is given as no text, or says neither true nor false.
pub(crate) fn read(head: &Parts) -> Result<Filter, String> {
    let (mut by_query, mut by_header) = (Asked::default(), Asked::default());
    for pair in head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        // A space may be written as `+`, as forms have it.
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        by_query.take(&decoded(name), &decoded(value))?;
    }
    for (name, value) in &head.headers {
        if let Some(name) = after_prefix(name.as_str()) {
            by_header.take(name, value.to_str().map_err(|_| format!("the header `X-MCP-{name}` is no text"))?)?;
        }
    }
    for (name, value) in head.extensions.get::<Others>().iter().flat_map(|others| &others.0) {
        if let Some(name) = after_prefix(name) {
            by_header.take(name, value)?;
        }
    }
    let [only, exclude] = [|asked: &mut Asked| asked.only.take(), |asked: &mut Asked| asked.exclude.take()]
        .map(|part| part(&mut by_query).or(part(&mut by_header)));
    Ok(Filter { only, exclude: exclude.unwrap_or_default(), read_only: by_query.read_only || by_header.read_only })
}

/// Checks that a filter names tools, and leaves one.
///
/// # Errors
/// A name of no tool that is `known` here, or no tool of the `own` ones is left.
pub(crate) fn check<'a>(
    filter: &Filter,
    known: impl Iterator<Item = &'a Spec> + Clone,
    mut own: impl Iterator<Item = &'a Spec>,
) -> Result<(), String> {
    filter.check(known, ["tools", "exclude"])?;
    match own.any(|spec| filter.admits(spec)) {
        true => Ok(()),
        false => Err("`tools`, `exclude` and `read_only` leave no tool of this server".into()),
    }
}

#[derive(Default)]
struct Asked {
    only: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    read_only: bool,
}

impl Asked {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let plain = plain(name);
        match NAMES.into_iter().find(|known| self::plain(known) == plain) {
            Some("tools") => self.only.get_or_insert_default().extend(words(value)),
            Some("exclude") => self.exclude.get_or_insert_default().extend(words(value)),
            Some(_) => {
                self.read_only |=
                    flag(value.trim()).ok_or_else(|| format!("`{name}` must be true or false, got `{value}`"))?;
            }
            None => {
                let near = nearest(&plain, NAMES.into_iter()).or_else(|| {
                    let part =
                        |known: &&str| name.split(['-', '_']).any(|part| self::plain(part) == self::plain(known));
                    NAMES.into_iter().find(part)
                });
                if near.is_some() {
                    return Err(format!("`{name}` is no filter{}", did_you_mean(near)));
                }
            }
        }
        Ok(())
    }
}

/// A name without what spellings differ in.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ')).collect::<String>().to_ascii_lowercase()
}

/// What follows `X-MCP-` in the name of a header.
fn after_prefix(name: &str) -> Option<&str> {
    let rest = name.get(..1).filter(|start| start.eq_ignore_ascii_case("x")).and(name.get(1..))?;
    let rest = rest.trim_start_matches(['-', '_']);
    let rest = rest.get(..3).filter(|start| start.eq_ignore_ascii_case("mcp")).and(rest.get(3..))?;
    Some(rest.trim_start_matches(['-', '_'])).filter(|rest| !rest.is_empty())
}
