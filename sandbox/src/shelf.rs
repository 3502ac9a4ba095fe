//! Objects by id in the order they came, and pages of them.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::params::Params;

/// A removed object leaves its place behind: a caller who deletes while he pages still holds a cursor to it.
pub(crate) struct Shelf<T>(IndexMap<String, Option<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<T> Shelf<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.0.get(id)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.0.get_mut(id)?.as_mut()
    }

    /// Puts an object at the end, also if it was there before.
    pub(crate) fn insert(&mut self, id: String, item: T) {
        self.0.shift_remove(&id);
        self.0.insert(id, Some(item));
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        self.0.get_mut(id)?.take()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&String, &T)> {
        self.0.iter().filter_map(|(id, item)| Some((id, item.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut T)> {
        self.0.iter_mut().filter_map(|(id, item)| Some((id, item.as_mut()?)))
    }

    /// One page of the objects that `show` shows.
    pub(crate) fn page(&self, page: &Page, show: impl Fn(&str, &T) -> Option<Value>) -> Result<Value> {
        let place = |param: &str, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(id) => self.0.get_index_of(id).map(Some).ok_or_else(|| {
                Error::invalid(
                    param,
                    "invalid_value",
                    format!("Invalid '{param}': no object with id '{id}' in this list."),
                )
            }),
        };
        let (after, before) = (place("after", &page.after)?, place("before", &page.before)?);
        let (below, above) = if page.descending { (before, after) } else { (after, before) };
        let (start, end) = (below.map_or(0, |at| at + 1), above.unwrap_or(self.0.len()));

        // With `before` alone the page is the one that ends there, not the first of the list.
        let backwards = before.is_some() && after.is_none();
        let shown = self.0.get_range(start..end).into_iter().flatten();
        let shown = shown.filter_map(|(id, item)| show(id, item.as_ref()?).map(|item| (id, item)));
        let mut found: Vec<_> = if page.descending != backwards {
            shown.rev().take(page.limit + 1).collect()
        } else {
            shown.take(page.limit + 1).collect()
        };
        let has_more = found.len() > page.limit;
        found.truncate(page.limit);
        if backwards {
            found.reverse();
        }

        let id = |end: Option<&(&String, Value)>| end.map(|(id, _)| id.to_string());
        let (first_id, last_id) = (id(found.first()), id(found.last()));
        let data: Vec<Value> = found.into_iter().map(|(_, item)| item).collect();
        if page.names_next {
            let next = last_id.filter(|_| has_more);
            return Ok(json!({"object": "list", "data": data, "has_more": has_more, "next": next}));
        }
        Ok(json!({"object": "list", "data": data, "first_id": first_id, "last_id": last_id, "has_more": has_more}))
    }
}

/// How a list is paged.
#[derive(Clone, Copy)]
pub(crate) struct Paging {
    /// Objects on a page by default, and the most that can be asked for.
    pub(crate) usual: usize,
    pub(crate) most: i64,
    pub(crate) oldest_first: bool,
    /// Whether a page can also be asked for by what comes after it.
    pub(crate) both_ways: bool,
    /// What callers call the orders, ascending and descending.
    pub(crate) orders: [&'static str; 2],
    /// Whether a page says by `next` what to go on with, not by `last_id`.
    pub(crate) names_next: bool,
}

impl Paging {
    /// The usual way: the newest first.
    pub(crate) const NEWEST: Self = Self {
        usual: 20,
        most: 100,
        oldest_first: false,
        both_ways: false,
        orders: ["asc", "desc"],
        names_next: false,
    };
    pub(crate) const OLDEST: Self = Self { oldest_first: true, ..Self::NEWEST };

    /// Which page a query asks for.
    pub(crate) fn read(&self, query: &mut Params) -> Result<Page> {
        let limit = query.integer("limit", 1..=self.most)?.and_then(|limit| usize::try_from(limit).ok());
        let order = query.one_of("order", &self.orders)?;
        let [ascending, descending] = self.orders.map(|word| order == Some(word));
        Ok(Page {
            limit: limit.unwrap_or(self.usual),
            descending: descending || !(ascending || self.oldest_first),
            after: query.string("after")?,
            before: if self.both_ways { query.string("before")? } else { None },
            names_next: self.names_next,
        })
    }
}

/// Which page of a list is wanted.
pub(crate) struct Page {
    limit: usize,
    descending: bool,
    after: Option<String>,
    before: Option<String>,
    names_next: bool,
}
