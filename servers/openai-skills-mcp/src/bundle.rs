//! What a skill is made of: a zip, or files with their paths; and what OpenAI takes of it.
//! <https://platform.openai.com/docs/guides/tools-skills>

use openai_mcp_kernel::json::Node;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped};
use openai_mcp_kernel::spec::Spec;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::zip::{self, LARGEST, MOST};

/// Most bytes of one of its files.
const LARGEST_FILE: u64 = 25 * 1024 * 1024;
/// Most bytes of the file that says what the skill is.
const LARGEST_MANIFEST: usize = 1024 * 1024;
const MANIFEST: &str = "SKILL.md";

/// The two forms of one request: a zip stands for itself, files are listed.
pub(crate) struct Requests {
    pub(crate) zip: &'static Spec,
    pub(crate) files: &'static Spec,
}

/// A file whose name may say where it is in the skill, as `scripts/run.py`.
#[derive(Clone, Debug)]
pub(crate) struct Placed(Source);

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = Value::deserialize(deserializer)?.to_string();
        let file = Node::parse(&file).map_err(D::Error::custom)?;
        Source::placed(&file).map(Placed).map_err(D::Error::custom)
    }
}

impl Shaped for Placed {
    const SHAPE: Shape = FileInput::SHAPE;
}

/// Checks what a skill is made of, and sends it.
pub(crate) async fn send(
    cx: &Context,
    requests: Requests,
    files: Option<OneOrMany<Placed>>,
    folder: Option<String>,
) -> Result<Output> {
    let arguments = cx.arguments().clone().without("files").without("folder");
    let files = files.map(|files| match files {
        OneOrMany::One(Placed(file)) => vec![file],
        OneOrMany::Many(files) => files.into_iter().map(|Placed(file)| file).collect(),
    });
    let (files, folder) = match files.as_deref() {
        Some([Source::Path { path, filename: None, .. }]) if cx.list(path.clone()).await.is_ok() => {
            (None, folder.or(Some(path.clone())))
        }
        _ => (files, folder),
    };
    let alone = folder.is_none();
    let files = match (files, folder) {
        (Some(files), None) => files,
        (None, Some(folder)) => listed(cx, folder).await?,
        _ => return Err(Error::argument("files", "expected either `files` or `folder`")),
    };
    if let [file] = files.as_slice()
        && alone
        && !is_manifest(file.name())
    {
        let read = cx.read(file.clone(), usize::try_from(LARGEST).unwrap_or(usize::MAX)).await?;
        let names = zip::entries(&read.bytes, MOST).map_err(|problem| {
            Error::argument("files", format!("one file is a zip, and `{}` is none: {problem}", read.filename))
        })?;
        check(names.iter().map(|(name, bytes)| (name.as_str(), *bytes)))?;
        let inline = Source::Inline { bytes: read.bytes, filename: read.filename, mime_type: Some(read.mime_type) };
        return cx.send(requests.zip, arguments.attach("files", inline)).bytes().await.map(Output::Json);
    }
    let files = placed(files);
    // How long they are is known when they are opened.
    let manifest = check(files.iter().map(|(name, _)| (name.as_str(), 0)))?;
    if let Some((name, source)) = files.get(manifest) {
        let text = cx.read(source.clone(), LARGEST_MANIFEST).await?.bytes;
        front_matter(&String::from_utf8_lossy(&text))
            .map_err(|problem| Error::argument("files", format!("`{name}`: {problem}")))?;
    }
    let arguments =
        files.into_iter().fold(arguments, |arguments, (name, source)| arguments.attach("files", named(source, name)));
    cx.send(requests.files, arguments).bytes().await.map(Output::Json)
}

/// The files of a local folder and of those in it.
async fn listed(cx: &Context, folder: String) -> Result<Vec<Source>> {
    let files = cx.tree(folder.clone(), MOST).await?;
    let most = |bytes: u64, limit: u64, what: &str| {
        let told = format!("{what} has {bytes} bytes, OpenAI takes {limit}");
        if bytes > limit { Err(Error::argument("folder", told)) } else { Ok(()) }
    };
    for file in &files {
        most(file.bytes, LARGEST_FILE, &format!("`{}`", file.name))?;
    }
    most(files.iter().map(|file| file.bytes).sum(), LARGEST, "all of it")?;
    let folder = folder.trim_end_matches(['/', '\\']);
    let source = |name: &str| Source::Path { path: format!("{folder}/{name}"), filename: None, mime_type: None };
    Ok(files.iter().map(|file| source(&file.name)).collect())
}

/// The files with their places in the skill: paths from the innermost folder that holds them all on, other files by
/// their names. Beside these that folder is the skill's, and stands before no path.
fn placed(files: Vec<Source>) -> Vec<(String, Source)> {
    let parts = |path: &str| -> Vec<String> {
        path.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
    };
    let folders = |file: &Source| match file {
        Source::Path { path, filename: None, .. } => parts(path).split_last().map(|(_, folders)| folders.to_vec()),
        _ => None,
    };
    let shared = |one: Vec<String>, other: Vec<String>| {
        one.into_iter().zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
    };
    let shared = files.iter().filter_map(folders).reduce(shared).unwrap_or_default().len();
    let named = usize::from(files.iter().any(|file| folders(file).is_none()));
    let place = |file: &Source| match file {
        Source::Path { path, filename: None, .. } => {
            parts(path).split_off((shared + named).saturating_sub(1)).join("/")
        }
        _ => file.name().to_owned(),
    };
    files.into_iter().map(|file| (place(&file), file)).collect()
}

fn named(file: Source, name: String) -> Source {
    match file {
        Source::Path { path, mime_type, .. } => Source::Path { path, filename: Some(name), mime_type },
        Source::Url { url, mime_type, .. } => Source::Url { url, filename: Some(name), mime_type },
        Source::Inline { bytes, mime_type, .. } => Source::Inline { bytes, filename: name, mime_type },
    }
}

fn is_manifest(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(MANIFEST))
}

/// Checks names and lengths, and gives the place of the manifest.
fn check<'a>(files: impl Iterator<Item = (&'a str, u64)>) -> Result<usize> {
    let files: Vec<_> = files.collect();
    let refused = |problem: String| Err(Error::argument("files", problem));
    if files.len() > MOST {
        return refused(format!("{} files; OpenAI takes {MOST}", files.len()));
    }
    if let Some((name, bytes)) = files.iter().find(|(_, bytes)| *bytes > LARGEST_FILE) {
        return refused(format!("`{name}` has {bytes} bytes, OpenAI takes {LARGEST_FILE}"));
    }
    // At the top, or in the one folder there.
    let manifests = files.iter().enumerate().filter(|(_, (name, _))| is_manifest(name) && name.split('/').count() <= 2);
    match manifests.map(|(at, _)| at).collect::<Vec<_>>().as_slice() {
        [one] => Ok(*one),
        [] => refused(format!("there is no {MANIFEST}, which says what the skill is")),
        several => refused(format!("there are {} of {MANIFEST}; a skill has one", several.len())),
    }
}

/// Checks that a manifest begins with what a skill is called and when it is of use.
fn front_matter(text: &str) -> Result<(), String> {
    let rest = text.trim_start_matches('\u{feff}').strip_prefix("---");
    let head = rest.and_then(|rest| rest.split_once("\n---")).map(|(head, _)| head);
    let head = head.ok_or("expected lines `---`, `name: …`, `description: …`, `---` at the beginning")?;
    for key in ["name", "description"] {
        let value = head.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'));
        if value.is_none_or(|value| value.trim().is_empty()) {
            return Err(format!("`{key}` is missing between the lines of ---"));
        }
    }
    Ok(())
}
