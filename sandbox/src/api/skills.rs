//! `/skills` and their versions.
//!
//! # Where it differs from the API
//!
//! A zip is not unpacked: of what SKILL.md in it says only name and description are read, and it has to be stored or
//! deflated. Nothing is scanned. The default version cannot be deleted; in which words the API refuses
//! that is not known.

use std::io::Read as _;

use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json as Answer, Router};
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveWriter};
use serde_json::{Value, json};

use crate::content::Content;
use crate::crud::{Collection, Verb};
use crate::error::{Error, Result};
use crate::form::{Form, Upload};
use crate::json::text;
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::world::{Caller, World};

const LARGEST: u64 = 50 * 1024 * 1024;
const LARGEST_FILE: u64 = 25 * 1024 * 1024;
const MOST: usize = 500;
/// Most bytes of SKILL.md that are read.
const MANIFEST: u64 = 1024 * 1024;

static SKILLS: Collection = Collection {
    path: "/skills",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "skill",
    prefix: "skill_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "skill.deleted",
    missing: |id| Error::not_found(format!("Skill with id '{id}' not found.")),
};

static VERSIONS: Collection = Collection {
    path: "/skills/{skill_id}/versions",
    serves: &[],
    object: "skill.version",
    prefix: "skillver_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "skill.version.deleted",
    missing: |id| Error::not_found(format!("Skill version '{id}' not found.")),
};

pub(crate) fn routes() -> Router {
    SKILLS
        .routes()
        .route("/skills", axum::routing::post(create).layer(DefaultBodyLimit::disable()))
        .route("/skills/{id}", axum::routing::post(update))
        .route("/skills/{id}/content", get(content))
        .route("/skills/{id}/versions", get(list_versions).post(create_version).layer(DefaultBodyLimit::disable()))
        .route("/skills/{id}/versions/{version}", get(get_version).merge(delete(delete_version)))
        .route("/skills/{id}/versions/{version}/content", get(version_content))
}

/// What was uploaded: the skill's name and description, and all of it as a zip.
struct Bundle {
    name: String,
    description: String,
    zip: Vec<u8>,
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid("files", "invalid_skill", message)
}

impl Bundle {
    fn read(files: Vec<Upload>) -> Result<Self> {
        if files.iter().map(|file| file.bytes).sum::<u64>() > LARGEST {
            return Err(refused(format!("The skill has more than {LARGEST} bytes.")));
        }
        let mut parts = Vec::new();
        for file in files {
            let bytes = file.content.read_all().map_err(|fault| refused(fault.to_string()))?;
            parts.push((file.name, file.filename, bytes));
        }
        let zip = match parts.as_slice() {
            [(name, _, bytes)] if name == "files" => bytes.clone(),
            _ => packed(&parts).map_err(|fault| refused(fault.to_string()))?,
        };
        let manifest =
            manifest(&zip).map_err(|fault| refused(format!("The skill is not a valid zip file: {fault}.")))??;
        let [name, description] = ["name", "description"].map(|key| {
            let head = manifest.trim_start_matches("---").split("\n---").next().unwrap_or_default();
            let value = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty() && manifest.starts_with("---"))
        });
        let missing = |key: &str| refused(format!("SKILL.md must have '{key}' in its front matter."));
        Ok(Self {
            name: name.ok_or_else(|| missing("name"))?,
            description: description.ok_or_else(|| missing("description"))?,
            zip,
        })
    }
}

/// The files of a folder as a zip, without the form's other fields.
fn packed(parts: &[(String, String, Vec<u8>)]) -> std::result::Result<Vec<u8>, rawzip::Error> {
    let mut zip = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut zip);
    for (_, filename, bytes) in parts {
        let (mut entry, config) =
            archive.new_file(filename.as_str()).compression_method(CompressionMethod::STORE).start()?;
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, bytes)?;
        let (_, descriptor) = writer.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?;
    Ok(zip)
}

/// The text of SKILL.md, at the top of a zip or in the one folder there.
fn manifest(zip: &[u8]) -> std::result::Result<Result<String>, rawzip::Error> {
    let archive = ZipArchive::from_slice(zip)?;
    let (mut entries, mut count, mut found) = (archive.entries(), 0, None);
    while let Some(entry) = entries.next_entry()? {
        if entry.is_dir() {
            continue;
        }
        count += 1;
        if count > MOST {
            return Ok(Err(refused(format!("The skill has more than {MOST} files."))));
        }
        if entry.uncompressed_size_hint() > LARGEST_FILE {
            return Ok(Err(refused(format!("A file of the skill has more than {LARGEST_FILE} bytes."))));
        }
        let path = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case("SKILL.md") || path.split('/').count() > 2 {
            continue;
        }
        if found.is_some() {
            return Ok(Err(refused("A skill must have exactly one SKILL.md.")));
        }
        let data = archive.get_entry(entry.wayfinder())?.data();
        let mut text = String::new();
        let read = match entry.compression_method() {
            CompressionMethod::DEFLATE => DeflateDecoder::new(data).take(MANIFEST).read_to_string(&mut text),
            _ => data.take(MANIFEST).read_to_string(&mut text),
        };
        if read.is_err() {
            return Ok(Err(refused("SKILL.md is not UTF-8 text.")));
        }
        found = Some(text);
    }
    Ok(found.ok_or_else(|| refused("A skill must have exactly one SKILL.md.")))
}

/// Reads the form of a skill or of a version: what is to be kept, and whether it is to be the default.
async fn read(form: Multipart) -> Result<(Bundle, bool)> {
    let mut form = Form::read(form, LARGEST + 1).await?;
    let default = form.params.boolean("default")?.unwrap_or_default();
    let (files, rest) =
        std::mem::take(&mut form.files).into_iter().partition(|file: &Upload| file.name.starts_with("files"));
    form.files = rest;
    form.finish()?;
    let files: Vec<Upload> = files;
    if files.is_empty() {
        return Err(Error::invalid("files", "missing_required_parameter", "Missing required parameter: 'files'."));
    }
    Ok((Bundle::read(files)?, default))
}

/// Keeps a version of a skill, and shows it.
fn keep(world: &mut World, skill: &str, number: usize, bundle: Bundle) -> Value {
    let fields = json!({
        "name": bundle.name, "description": bundle.description, "skill_id": skill, "version": number.to_string(),
    });
    VERSIONS.insert(world, skill, fields.as_object().cloned().unwrap_or_default(), Some(Content::holding(&bundle.zip)))
}

/// Makes a skill say what one of its versions says.
fn follow(world: &mut World, skill: &str, members: &[(&str, &str)], version: &Value) -> Result<Value> {
    let shown = &mut SKILLS.find(world, "", skill)?.shown;
    if let Some(shown) = shown.as_object_mut() {
        for (member, of_version) in members {
            shown.insert((*member).to_owned(), version.get(*of_version).cloned().unwrap_or_default());
        }
    }
    Ok(shown.clone())
}

const AS_DEFAULT: &[(&str, &str)] = &[("name", "name"), ("description", "description"), ("default_version", "version")];
const AS_LATEST: &[(&str, &str)] = &[("latest_version", "version")];

async fn create(Extension(account): Caller, form: Multipart) -> Result<Answer<Value>> {
    let (bundle, _) = read(form).await?;
    let mut world = account.world();
    let skill = SKILLS.insert(&mut world, "", serde_json::Map::new(), None);
    let id = text(&skill, "id").to_owned();
    let version = keep(&mut world, &id, 1, bundle);
    follow(&mut world, &id, AS_DEFAULT, &version)?;
    follow(&mut world, &id, AS_LATEST, &version).map(Answer)
}

async fn update(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let version = body.need("default_version", Params::string)?;
    body.finish()?;
    let mut world = account.world();
    SKILLS.find(&mut world, "", &id)?;
    let (_, version) = find(&mut world, &id, &version)?;
    follow(&mut world, &id, AS_DEFAULT, &version).map(Answer)
}

/// The id of a version, and the version; `latest` is the newest.
fn find(world: &mut World, skill: &str, version: &str) -> Result<(String, Value)> {
    let latest = SKILLS.find(world, "", skill)?.text("latest_version").to_owned();
    let wanted = if version == "latest" { &latest } else { version };
    let versions = VERSIONS.shelf(world, skill);
    let found = versions.iter().find(|(_, object)| object.text("version") == wanted);
    found.map(|(id, object)| (id.clone(), object.shown.clone())).ok_or_else(|| (VERSIONS.missing)(version))
}

/// A skill that is kept, and which version of it.
pub(crate) struct Reference {
    skill: String,
    version: Option<String>,
}

/// Reads the `skills` of a container; gives those that are named.
pub(crate) fn references(params: &mut Params) -> Result<Vec<Reference>> {
    let mut found = Vec::new();
    for (path, skill) in params.array("skills", 0..=200)?.unwrap_or_default() {
        let mut skill = Params::nested(path, skill)?;
        if skill.need("type", |skill, name| skill.one_of(name, &["skill_reference", "inline"]))? == "inline" {
            skill.need("name", Params::string)?;
            skill.need("description", Params::string)?;
            let mut source = skill.need("source", Params::object)?;
            source.need("type", |source, name| source.one_of(name, &["base64"]))?;
            source.need("media_type", |source, name| source.one_of(name, &["application/zip"]))?;
            source.need("data", |source, name| source.bounded(name, 1..=70_254_592))?;
            source.finish()?;
        } else {
            let id = skill.need("skill_id", |skill, name| skill.bounded(name, 1..=64))?;
            let version = match skill.take("version") {
                // A number is a version, too.
                Some(Value::Number(version)) => Some(version.to_string()),
                Some(version) => {
                    skill.put("version", version);
                    skill.string("version")?
                }
                None => None,
            };
            found.push(Reference { skill: id, version });
        }
        skill.finish()?;
    }
    Ok(found)
}

/// Refuses skills, or versions of them, that are not there.
pub(crate) fn check(world: &mut World, skills: &[Reference]) -> Result<()> {
    skills.iter().try_for_each(|Reference { skill, version }| match version {
        Some(version) => find(world, skill, version).map(drop),
        None => SKILLS.find(world, "", skill).map(drop),
    })
}

fn zip(world: &mut World, skill: &str, version: &str) -> Result<Response> {
    let (id, _) = find(world, skill, version)?;
    let content = VERSIONS.find(world, skill, &id)?.content.clone().unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "application/zip")], content.into_body()).into_response())
}

async fn content(Extension(account): Caller, Path(id): Path<String>) -> Result<Response> {
    let mut world = account.world();
    let default = SKILLS.find(&mut world, "", &id)?.text("default_version").to_owned();
    zip(&mut world, &id, &default)
}

async fn version_content(Extension(account): Caller, Path((id, version)): Path<(String, String)>) -> Result<Response> {
    zip(&mut account.world(), &id, &version)
}

async fn list_versions(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    SKILLS.find(&mut world, "", &id)?;
    VERSIONS.list(&mut world, &id, query).map(Answer)
}

async fn create_version(Extension(account): Caller, Path(id): Path<String>, form: Multipart) -> Result<Answer<Value>> {
    let (bundle, default) = read(form).await?;
    let mut world = account.world();
    let latest = SKILLS.find(&mut world, "", &id)?.text("latest_version").parse::<usize>().unwrap_or_default();
    let version = keep(&mut world, &id, latest + 1, bundle);
    follow(&mut world, &id, AS_LATEST, &version)?;
    if default {
        follow(&mut world, &id, AS_DEFAULT, &version)?;
    }
    Ok(Answer(version))
}

async fn get_version(Extension(account): Caller, Path((id, version)): Path<(String, String)>) -> Result<Answer<Value>> {
    find(&mut account.world(), &id, &version).map(|(_, version)| Answer(version))
}

async fn delete_version(
    Extension(account): Caller,
    Path((id, version)): Path<(String, String)>,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    let (version_id, shown) = find(&mut world, &id, &version)?;
    let number = text(&shown, "version").to_owned();
    if SKILLS.find(&mut world, "", &id)?.text("default_version") == number {
        let message = format!("Version {number} is the default version of the skill and cannot be deleted.");
        return Err(Error::invalid("version", "invalid_value", message));
    }
    VERSIONS.shelf(&mut world, &id).remove(&version_id);
    let newest = VERSIONS.shelf(&mut world, &id).iter().next_back().map(|(_, object)| object.shown.clone());
    if let Some(newest) = newest {
        follow(&mut world, &id, AS_LATEST, &newest)?;
    }
    Ok(Answer(json!({"id": version_id, "object": VERSIONS.deleted, "deleted": true, "version": number})))
}
