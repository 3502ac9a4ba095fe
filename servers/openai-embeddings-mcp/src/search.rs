//! Exact search: every vector is compared.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use openai_mcp_kernel::json::excerpt;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::filter::Filter;
use serde_json::Map;

use crate::answer::Embedded;
use crate::filter;
use crate::model::Model;
use crate::stored;
use crate::vector::{self, Dimensions};

tools![Search];

/// Most times that a collection is searched, should others change it at the same time.
const MOST_TRIES: usize = 3;
/// Characters of all texts that a result shows.
const MOST_TEXT: usize = 20_000;
/// Characters of one text.
const LONGEST_TEXT: usize = 2000;

/// Find the texts nearest in meaning to a query, in a collection or of candidates.
///
/// Exact; scores are cosines.
#[tool("embedding-search", reads)]
struct Search {
    query: String,
    collection: Option<String>,
    /// Instead of a collection.
    candidates: Option<Vec<String>>,
    /// Default 5.
    #[alias("top_k")]
    max_num_results: Option<Int<1, 100>>,
    /// On the metadata of a collection's items.
    #[alias("filter")]
    filters: Option<Filter>,
    /// For candidates.
    model: Option<String>,
    /// For candidates.
    dimensions: Option<Dimensions>,
}

impl Search {
    async fn run(self, cx: Context) -> Result<Output> {
        let most = self.max_num_results.map_or(5, Int::get);
        if let Some(filter) = &self.filters {
            filter::check(filter)?;
        }
        match (self.collection, self.candidates) {
            (Some(name), None) => {
                let found = stored::require(&cx, &name).await?;
                let dimensions = self.dimensions.and_then(|Int(dimensions)| usize::try_from(dimensions).ok());
                found.accept(&name, self.model.as_deref(), dimensions)?;
                let embedded = found.model().embed(&cx, &[&self.query]).await?;
                let query = vector::unit(embedded.vectors.first().map_or(&[], Vec::as_slice));
                let mut tries = 0;
                loop {
                    tries += 1;
                    let mut best = Best::new(most);
                    let offer = |place, bytes: &[u8]| best.offer(vector::dot_bytes(&query, bytes), place);
                    let scanned = found.scan(&cx, self.filters.as_ref(), offer).await?;
                    let best = best.into_sorted();
                    let places: Vec<_> = best.iter().map(|(_, place)| *place).collect();
                    let mut items = found.items(&cx, &places).await?;
                    // Another call moved or deleted some meanwhile.
                    if tries < MOST_TRIES && !(scanned.whole && items.len() == places.len()) {
                        continue;
                    }
                    let hits = best.into_iter().filter_map(|(score, place)| Some((score, items.remove(&place)?)));
                    let note = self.filters.as_ref().and_then(|filter| filter.unmet(&scanned.keys, "no item"));
                    return Ok(result(&embedded, scanned.count, hits.collect(), note));
                }
            }
            (None, Some(candidates)) => {
                if self.filters.is_some() {
                    return Err(Error::argument("filters", "candidates have no metadata: only a collection takes it"));
                }
                let texts: Vec<&str> = std::iter::once(&self.query).chain(&candidates).map(String::as_str).collect();
                let embedded = Model::new(self.model, self.dimensions).embed_all(&cx, &texts).await?;
                let Some((query, vectors)) = embedded.vectors.split_first() else {
                    return Err(Error::argument("candidates", "expected at least one"));
                };
                let mut best = Best::new(most);
                for (index, vector) in vectors.iter().enumerate() {
                    best.offer(vector::cosine(query, vector), index);
                }
                let hit = |(score, index): (f32, usize)| {
                    let text = Value::from(candidates.get(index)?.as_str());
                    Some((score, Map::from_iter([("index".to_owned(), index.into()), ("text".to_owned(), text)])))
                };
                let hits = best.into_sorted().into_iter().filter_map(hit).collect();
                Ok(result(&embedded, candidates.len(), hits, None))
            }
            _ => Err(Error::argument("collection", "expected either `collection` or `candidates`")),
        }
    }
}

fn result(embedded: &Embedded, searched: usize, hits: Vec<(f32, Map<String, Value>)>, note: Option<String>) -> Output {
    let room = (MOST_TEXT / hits.len().max(1)).min(LONGEST_TEXT);
    let show = |(score, mut hit): (f32, Map<String, Value>)| {
        if let Some(Value::String(text)) = hit.get_mut("text") {
            *text = excerpt(text, room).into();
        }
        hit.insert("score".into(), vector::rounded(score).into());
        hit
    };
    let data: Vec<_> = hits.into_iter().map(show).collect();
    let mut result = json!({
        "object": "list", "data": data, "searched": searched, "model": embedded.model, "usage": embedded.usage(),
    });
    if let (Some(note), Some(result)) = (note, result.as_object_mut()) {
        result.insert("note".into(), note.into());
    }
    Output::json(&result)
}

/// The best of what is offered, with the places of the best; of equals, those at lower places.
struct Best<P> {
    most: usize,
    worst_first: BinaryHeap<Reverse<(Score, Reverse<P>)>>,
}

/// A score in its order; what is no number is below all.
#[derive(PartialEq)]
struct Score(f32);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl<P: Ord> Best<P> {
    fn new(most: usize) -> Self {
        Best { most, worst_first: BinaryHeap::with_capacity(most + 1) }
    }

    fn offer(&mut self, score: f32, place: P) {
        let score = if score.is_nan() { f32::NEG_INFINITY } else { score };
        if self.worst_first.len() == self.most
            && self.worst_first.peek().is_some_and(|Reverse((worst, _))| score < worst.0)
        {
            return;
        }
        self.worst_first.push(Reverse((Score(score), Reverse(place))));
        if self.worst_first.len() > self.most {
            self.worst_first.pop();
        }
    }

    /// Best first.
    fn into_sorted(self) -> Vec<(f32, P)> {
        let best = self.worst_first.into_sorted_vec().into_iter();
        best.map(|Reverse((Score(score), Reverse(place)))| (score, place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order() {
        let mut best = Best::new(3);
        for (place, score) in [0.1, 0.9, f32::NAN, 0.5, 0.9, -1.0, 0.5].into_iter().enumerate() {
            best.offer(score, place);
        }
        assert_eq!(best.into_sorted(), [(0.9, 1), (0.9, 4), (0.5, 3)]);
        let mut few = Best::new(3);
        few.offer(0.0, 7);
        assert_eq!(few.into_sorted(), [(0.0, 7)]);
    }
}
