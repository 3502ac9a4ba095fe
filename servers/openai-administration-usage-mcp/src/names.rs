//! What projects, users and keys are called: each is looked up once a call.

use std::collections::{BTreeMap, BTreeSet};

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::table::Row;

/// Most pages of a list that are read.
const PAGES: usize = 20;
/// Projects that are told to whoever names one that there is not.
const LISTED: usize = 10;
/// Most projects whose keys are looked through.
const PROJECTS: usize = 50;

#[request(GET "/organization/projects")]
struct Projects {
    limit: Option<i64>,
    after: Option<String>,
    include_archived: Option<bool>,
}

#[request(GET "/organization/users")]
struct Users {
    limit: Option<i64>,
    after: Option<String>,
}

#[request(GET "/organization/projects/{project_id}/api_keys")]
struct Keys {
    project_id: String,
    limit: Option<i64>,
    after: Option<String>,
}

/// The names of ids.
#[derive(Default)]
pub(crate) struct Names {
    known: BTreeMap<String, String>,
    /// Ids of projects, once they are listed.
    projects: Option<Vec<String>>,
    /// What could not be read.
    pub(crate) notes: Vec<String>,
}

/// The column of names beside a field of ids.
pub(crate) fn beside(field: &str) -> Option<&'static str> {
    match field {
        "project_id" => Some("project"),
        "user_id" => Some("user"),
        "api_key_id" => Some("api_key"),
        _ => None,
    }
}

impl Names {
    pub(crate) fn of(&self, id: &str) -> Option<&str> {
        self.known.get(id).map(String::as_str)
    }

    /// All projects, with those that are archived, by their ids.
    pub(crate) async fn projects(&mut self, cx: &Context) -> Result<Vec<String>> {
        if let Some(projects) = &self.projects {
            return Ok(projects.clone());
        }
        let mut projects = Vec::new();
        list(cx, &Projects::SPEC, json!({"include_archived": true}), |project| {
            let id = text(project, "id");
            self.known.insert(id.clone(), text(project, "name"));
            projects.push(id);
            true
        })
        .await?;
        self.projects = Some(projects.clone());
        Ok(projects)
    }

    /// The ids of projects, of which some may be given by their names, as the argument `place`.
    ///
    /// # Errors
    /// There is no project of that name, or those that there are cannot be listed.
    pub(crate) async fn project_ids(&mut self, cx: &Context, place: &str, given: Vec<String>) -> Result<Vec<String>> {
        let is_id = |given: &str| given.starts_with("proj_") || given.starts_with("proj-");
        if given.iter().all(|given| is_id(given)) {
            return Ok(given);
        }
        let (mut ids, projects) = (Vec::new(), self.projects(cx).await?);
        for given in given {
            let is_meant = |id: &&String| **id == given || self.of(id).is_some_and(|name| alike(name, &given));
            let meant: Vec<String> = projects.iter().filter(is_meant).cloned().collect();
            if meant.is_empty() && !is_id(&given) {
                let there =
                    projects.iter().take(LISTED).map(|id| format!("`{}` ({id})", self.of(id).unwrap_or_default()));
                let mut there: Vec<String> = there.collect();
                there.extend((projects.len() > LISTED).then(|| format!("{} more", projects.len() - LISTED)));
                let problem = format!("no project is called `{given}`; there are {}", there.join(", "));
                return Err(Error::argument(place, problem));
            }
            ids.extend(if meant.is_empty() { vec![given] } else { meant });
        }
        Ok(ids)
    }

    /// Looks up the names of the ids in some rows. What cannot be found stays an id: a report is worth more than names.
    pub(crate) async fn look_up(&mut self, cx: &Context, group_by: &[String], rows: &[Row]) {
        let ids = |field: &str| -> BTreeSet<String> {
            let mut ids = BTreeSet::new();
            if let Some(place) = group_by.iter().position(|name| name == field) {
                ids.extend(rows.iter().filter_map(|row| row.key.group.get(place).cloned().flatten()));
            }
            ids
        };
        let (projects, users, keys) = (ids("project_id"), ids("user_id"), ids("api_key_id"));
        if !projects.is_empty() {
            let outcome = self.projects(cx).await.map(drop);
            self.note("projects", outcome);
        }
        if !users.is_empty() {
            let outcome = self.users(cx, users).await;
            self.note("users", outcome);
        }
        if !keys.is_empty() {
            let outcome = self.keys(cx, keys, &projects).await;
            self.note("keys", outcome);
        }
    }

    fn note(&mut self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let text = error.into_text();
            self.notes.push(format!("names of {what} were not read: {}", text.lines().next().unwrap_or_default()));
        }
    }

    async fn users(&mut self, cx: &Context, mut wanted: BTreeSet<String>) -> Result<()> {
        list(cx, &Users::SPEC, json!({}), |user| {
            let of = |name: &str| user.pointer(name).and_then(Value::as_str).filter(|name| !name.is_empty());
            let name = ["/name", "/user/name", "/email", "/user/email"].into_iter().find_map(of);
            let id = text(user, "id");
            wanted.remove(&id);
            self.known.extend(name.map(|name| (id, name.to_owned())));
            !wanted.is_empty()
        })
        .await
        .map(drop)
    }

    /// A key is listed by its project alone.
    async fn keys(&mut self, cx: &Context, mut wanted: BTreeSet<String>, of: &BTreeSet<String>) -> Result<()> {
        let projects = if of.is_empty() { self.projects(cx).await? } else { of.iter().cloned().collect() };
        for project in projects.iter().take(PROJECTS) {
            if wanted.is_empty() {
                break;
            }
            list(cx, &Keys::SPEC, json!({"project_id": project}), |key| {
                let id = text(key, "id");
                wanted.remove(&id);
                self.known.insert(id, text(key, "name"));
                !wanted.is_empty()
            })
            .await?;
        }
        Ok(())
    }
}

/// Shows each object of a list until one is enough: whether there are more than are read.
pub(crate) async fn list(
    cx: &Context,
    spec: &'static Spec,
    arguments: Value,
    mut show: impl FnMut(&Value) -> bool + Send,
) -> Result<bool> {
    let mut arguments = Arguments::from(arguments).set("limit", 100);
    for _ in 0..PAGES {
        let page = cx.send(spec, arguments.clone()).value().await?;
        let data = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut more = true;
        for object in data {
            more &= show(object);
        }
        if !more {
            return Ok(false);
        }
        let last = page.get("last_id").or_else(|| data.last()?.get("id")).and_then(Value::as_str);
        match (page.get("has_more").and_then(Value::as_bool), last) {
            (Some(true), Some(last)) => arguments = arguments.set("after", last),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Whether names are the same but for blanks around them and the case of letters.
fn alike(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
