//! Collections that are declared and not written: objects that are listed, shown, changed and deleted, and made by a line
//! of code.
//!
//! A [`Collection`] is data. Objects are kept as they are shown; one may have bytes, too. Where a request takes more
//! than checking, its handler is written by hand, uses [`Collection::insert`] and the like, and the rest stays declared.

use std::collections::HashMap;

use axum::extract::{Extension, FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::routing::MethodRouter;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use crate::content::Content;
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params, Query};
use crate::shelf::{Paging, Shelf};
use crate::world::{Caller, World, now};

/// Objects of one kind.
pub(crate) struct Collection {
    /// Where they are, with the ids of what holds them: `/fine_tuning/checkpoints/{checkpoint}/permissions`.
    pub(crate) path: &'static str,
    /// What the requests for them are, among those that a collection can serve.
    pub(crate) serves: &'static [Verb],
    pub(crate) object: &'static str,
    /// How ids begin.
    pub(crate) prefix: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) paging: Paging,
    /// Fields by which a list can be filtered: by their value, or by those of their members as in `metadata[key]`.
    pub(crate) filters: &'static [&'static str],
    /// What the answer to a deletion says that it is.
    pub(crate) deleted: &'static str,
    /// What is said of an id that is not there.
    pub(crate) missing: fn(&str) -> Error,
}

/// A request that a collection serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    List,
    Get,
    Modify,
    Delete,
}

/// What a caller says of an object.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Reads and checks a value; nothing is shown where it gives nothing.
    pub(crate) read: fn(&mut Params, &str) -> Result<Option<Value>>,
    pub(crate) create: Need,
    pub(crate) modify: Need,
}

/// Whether a field is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    No,
    May,
    /// It has to be mentioned, if only as null.
    Must,
}

/// An object as it is shown, and its bytes.
pub(crate) struct Object {
    pub(crate) shown: Value,
    pub(crate) content: Option<Content>,
}

impl Object {
    /// A field that is text; empty when there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        json::text(&self.shown, field)
    }

    /// Its length in `bytes`.
    pub(crate) fn length(&self) -> u64 {
        self.shown.get("bytes").and_then(Value::as_u64).unwrap_or_default()
    }

    /// Changes some of its fields.
    pub(crate) fn merge(&mut self, fields: Map<String, Value>) {
        if let Value::Object(shown) = &mut self.shown {
            shown.extend(fields);
        }
    }

    pub(crate) fn answer(&mut self) -> Answer<Value> {
        Answer(self.shown.clone())
    }
}

/// All collections of a world, each for each id that holds one.
#[derive(Default)]
struct Kept(HashMap<(&'static str, String), Shelf<Object>>);

impl Collection {
    /// The requests that it serves, for others of the same paths to be added.
    pub(crate) fn routes(&'static self) -> Router {
        let (mut all, mut one) = (MethodRouter::new(), MethodRouter::new());
        for verb in self.serves {
            match verb {
                Verb::List => {
                    all = all.get(async move |Extension(account): Caller, place: Place, Query(query): Query| {
                        self.list(&mut account.world(), &place.scope(), query).map(Answer)
                    });
                }
                Verb::Get => {
                    one = one.get(async move |Extension(account): Caller, place: Place| {
                        let (scope, id) = place.parts();
                        self.find(&mut account.world(), &scope, &id).map(Object::answer)
                    });
                }
                Verb::Modify => {
                    one = one.post(async move |Extension(account): Caller, place: Place, Json(body): Json| {
                        let (scope, id) = place.parts();
                        let fields = self.read(body, false)?;
                        let mut world = account.world();
                        let object = self.find(&mut world, &scope, &id)?;
                        object.merge(fields);
                        Ok::<_, Error>(object.answer())
                    });
                }
                Verb::Delete => {
                    one = one.delete(async move |Extension(account): Caller, place: Place| {
                        let (scope, id) = place.parts();
                        self.delete(&mut account.world(), &scope, &id).map(Answer)
                    });
                }
            }
        }
        Router::new().route(self.path, all).route(&format!("{}/{{id}}", self.path), one)
    }

    /// The fields of an object to be made, or of one to be changed.
    pub(crate) fn read(&self, body: Params, creating: bool) -> Result<Map<String, Value>> {
        read(self.fields, body, creating)
    }

    /// The page that a query asks for.
    pub(crate) fn list(&self, world: &mut World, scope: &str, query: Params) -> Result<Value> {
        self.list_where(world, scope, query, |_| true)
    }

    /// The page that a query asks for, of the objects that fit besides.
    pub(crate) fn list_where(
        &self,
        world: &mut World,
        scope: &str,
        mut query: Params,
        suits: impl Fn(&Object) -> bool,
    ) -> Result<Value> {
        let page = self.paging.read(&mut query)?;
        let mut wanted = Vec::new();
        for name in self.filters {
            wanted.extend(query.string(name)?.map(|value| (format!("/{name}"), value)));
            wanted.extend(query.bracketed(name).into_iter().map(|(key, value)| (format!("/{name}/{key}"), value)));
        }
        query.finish()?;
        let fits = |object: &Object| {
            wanted.iter().all(|(path, value)| object.shown.pointer(path).and_then(Value::as_str) == Some(value))
        };
        let fits = |object: &Object| fits(object) && suits(object);
        self.shelf(world, scope).page(&page, |_, object| fits(object).then(|| object.shown.clone()))
    }

    /// Takes an object out, and says so.
    pub(crate) fn delete(&self, world: &mut World, scope: &str, id: &str) -> Result<Value> {
        self.find(world, scope, id)?;
        self.shelf(world, scope).remove(id);
        Ok(json!({"id": id, "object": self.deleted, "deleted": true}))
    }

    /// Its objects in what the ids of `scope` hold, those that are past their `expires_at` taken out.
    pub(crate) fn shelf<'a>(&self, world: &'a mut World, scope: &str) -> &'a mut Shelf<Object> {
        let shelf = world.of::<Kept>().0.entry((self.path, scope.to_owned())).or_default();
        expire(shelf, now());
        shelf
    }

    pub(crate) fn find<'a>(&self, world: &'a mut World, scope: &str, id: &str) -> Result<&'a mut Object> {
        self.shelf(world, scope).get_mut(id).ok_or_else(|| (self.missing)(id))
    }

    /// Makes an object as a caller would, and shows it.
    pub(crate) fn make(&self, world: &mut World, scope: &str, body: Params) -> Result<Value> {
        let fields = self.read(body, true)?;
        Ok(self.insert(world, scope, fields, None))
    }

    /// Keeps an object, and shows it.
    pub(crate) fn insert(
        &self,
        world: &mut World,
        scope: &str,
        fields: Map<String, Value>,
        content: Option<Content>,
    ) -> Value {
        let id = world.mint(self.prefix);
        let mut shown = json!({"id": id, "object": self.object, "created_at": now()});
        if let Value::Object(shown) = &mut shown {
            shown.extend(fields);
        }
        self.shelf(world, scope).insert(id, Object { shown: shown.clone(), content });
        shown
    }

    /// Keeps an object that has an id of its own, and shows it.
    pub(crate) fn keep(&self, world: &mut World, scope: &str, shown: Value) -> Value {
        self.shelf(world, scope)
            .insert(json::text(&shown, "id").to_owned(), Object { shown: shown.clone(), content: None });
        shown
    }
}

/// What a body says of fields, of those that have to be there all.
pub(crate) fn read(fields: &[Field], mut body: Params, creating: bool) -> Result<Map<String, Value>> {
    let mut read = Map::new();
    for field in fields {
        let need = if creating { field.create } else { field.modify };
        let said = body.mentions(field.name);
        if need == Need::Must {
            body.required(field.name, said.then_some(()))?;
        }
        if need != Need::No && (said || creating) {
            read.extend((field.read)(&mut body, field.name)?.map(|value| (field.name.to_owned(), value)));
        }
    }
    body.finish()?;
    Ok(read)
}

fn expire(shelf: &mut Shelf<Object>, now: u64) {
    let due = |object: &Object| object.shown.get("expires_at").and_then(Value::as_u64).is_some_and(|at| at <= now);
    let expired: Vec<String> = shelf.iter().filter(|(_, object)| due(object)).map(|(id, _)| id.clone()).collect();
    for id in expired {
        shelf.remove(&id);
    }
}

/// What a request is about: the ids of its path.
pub(crate) struct Place(Vec<String>);

impl Place {
    /// The ids that hold a collection.
    pub(crate) fn scope(&self) -> String {
        self.0.join("/")
    }

    /// The ids that hold an object, and its own.
    pub(crate) fn parts(&self) -> (String, String) {
        let (id, scope) = self.0.split_last().map_or((String::new(), &[][..]), |(id, scope)| (id.clone(), scope));
        (scope.join("/"), id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ids = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|fault| Error::new(fault.status(), fault.body_text()))?;
        Ok(Self(ids.iter().map(|(_, id)| id.to_owned()).collect()))
    }
}

/// A text that must be there.
pub(crate) fn text(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let text = params.string(name)?;
    params.required(name, text).map(|text| Some(text.into()))
}

/// Up to 16 pairs of texts, none if nothing is said.
pub(crate) fn metadata(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.labels(name, true)?.unwrap_or_default().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_forgotten_when_its_time_comes() {
        let mut shelf = Shelf::default();
        for (id, expires_at) in [("a", None), ("b", Some(100)), ("c", Some(101))] {
            shelf.insert(id.to_owned(), Object { shown: json!({"expires_at": expires_at}), content: None });
        }
        expire(&mut shelf, 100);
        let left: Vec<_> = shelf.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(left, ["a", "c"]);
    }
}
