//! Settings that are declared and not written: what there is one of, that is shown, changed and taken back.

use std::collections::HashMap;

use axum::extract::Extension;
use axum::routing::MethodRouter;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use crate::crud::{self, Field, Place};
use crate::error::{Error, Result};
use crate::params::Json;
use crate::world::{Caller, World};

/// One object for each id that holds one.
pub(crate) struct Setting {
    pub(crate) path: &'static str,
    pub(crate) object: &'static str,
    /// What is changed by a POST, if it is declared.
    pub(crate) fields: &'static [Field],
    /// What there is while nobody has said anything, if there is something.
    pub(crate) usual: Option<fn() -> Value>,
    /// What the answer to a deletion says that it is, if it can be deleted.
    pub(crate) deleted: Option<&'static str>,
    /// What is said where there is nothing.
    pub(crate) missing: &'static str,
}

/// All settings of a world.
#[derive(Default)]
struct Kept(HashMap<(&'static str, String), Map<String, Value>>);

impl Setting {
    /// The requests that it serves.
    pub(crate) fn routes(&'static self) -> Router {
        let mut one = MethodRouter::new().get(async move |Extension(account): Caller, place: Place| {
            self.show(&mut account.world(), &place.scope()).map(Answer)
        });
        if !self.fields.is_empty() {
            one = one.post(async move |Extension(account): Caller, place: Place, Json(body): Json| {
                let fields = crud::read(self.fields, body, false)?;
                self.change(&mut account.world(), &place.scope(), fields).map(Answer)
            });
        }
        if let Some(deleted) = self.deleted {
            one = one.delete(async move |Extension(account): Caller, place: Place| {
                let (mut world, scope) = (account.world(), place.scope());
                self.show(&mut world, &scope)?;
                world.of::<Kept>().0.remove(&(self.path, scope));
                Ok::<_, Error>(Answer(json!({"object": deleted, "deleted": true})))
            });
        }
        Router::new().route(self.path, one)
    }

    /// What there is.
    pub(crate) fn show(&self, world: &mut World, scope: &str) -> Result<Value> {
        let said = world.of::<Kept>().0.get(&(self.path, scope.to_owned())).cloned();
        let usual = || match self.usual.map(|usual| usual()) {
            Some(Value::Object(usual)) => Some(usual),
            _ => None,
        };
        let mut shown = said.or_else(usual).ok_or_else(|| Error::not_found(self.missing))?;
        shown.insert("object".to_owned(), self.object.into());
        Ok(shown.into())
    }

    /// Changes some fields, and shows all.
    pub(crate) fn change(&self, world: &mut World, scope: &str, fields: Map<String, Value>) -> Result<Value> {
        let mut shown = match self.show(world, scope) {
            Ok(Value::Object(shown)) => shown,
            _ => Map::new(),
        };
        shown.extend(fields);
        world.of::<Kept>().0.insert((self.path, scope.to_owned()), shown);
        self.show(world, scope)
    }
}
