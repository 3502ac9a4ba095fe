//! Vector stores themselves. <https://platform.openai.com/docs/api-reference/vector-stores>

use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::serde::Deserialize;
use openai_mcp_shapes::filter::{Filter, Known, see};
use openai_mcp_shapes::page::TwoWayPage;
use serde_json::Map;

use crate::file;
use crate::indexing::ChunkingStrategy;

tools![Create, List, Get, Delete, Modify, Search];

/// Passages that a search gives where no number is asked for.
const USUAL_RESULTS: usize = 10;
/// What the answer to a search calls itself.
const PAGE: &str = "vector_store.search_results.page";
/// Files of which the attributes are looked at.
const LOOKED_AT: u32 = 100;

/// Create a vector store.
#[tool("vector-store-create", POST "/vector_stores", beta = "assistants=v2")]
struct Create {
    name: Option<String>,
    description: Option<String>,
    /// Files to index, at most 500.
    file_ids: Option<ListOf<String, 0, 500>>,
    chunking_strategy: Option<ChunkingStrategy>,
    expires_after: Option<ExpiresAfter>,
    metadata: Option<Nullable<Metadata>>,
}

/// List vector stores.
#[tool("vector-store-list", GET "/vector_stores", beta = "assistants=v2")]
struct List {
    #[flatten]
    page: TwoWayPage,
}

/// Get a vector store: status, size, file counts.
#[tool("vector-store-get", GET "/vector_stores/{vector_store_id}", beta = "assistants=v2")]
pub(crate) struct Get {
    vector_store_id: String,
}

/// Delete a vector store; its files stay.
#[tool("vector-store-delete", DELETE "/vector_stores/{vector_store_id}", beta = "assistants=v2")]
struct Delete {
    vector_store_id: String,
}

/// Change the name, expiry or metadata of a vector store.
#[tool("vector-store-modify", POST "/vector_stores/{vector_store_id}", destroys, idempotent, beta = "assistants=v2")]
struct Modify {
    vector_store_id: String,
    name: Option<Nullable<String>>,
    expires_after: Option<Nullable<ExpiresAfter>>,
    /// Replaces all metadata.
    metadata: Option<Nullable<Metadata>>,
}

/// Search a vector store for passages close in meaning to a query.
#[tool("vector-store-search", POST "/vector_stores/{vector_store_id}/search", run, reads, beta = "assistants=v2")]
pub(crate) struct Search {
    #[read]
    vector_store_id: String,
    query: OneOrMany<String>,
    /// Default 10.
    #[read]
    max_num_results: Option<Int<1, 50>>,
    #[read]
    filters: Option<Filter>,
    ranking_options: Option<RankingOptions>,
    /// Let OpenAI rewrite the query for vector search.
    rewrite_query: Option<bool>,
}

impl Search {
    async fn run(self, cx: Context) -> Result<Output> {
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        let looked = answer.clone();
        let look = move || json::narrow(&looked).ok().and_then(|()| serde_json::from_slice(&looked).ok());
        let data = match cx.compute_long(answer.len(), look).await? {
            Some(Found { object, data }) if object == PAGE => data,
            _ => return Ok(Output::Json(answer)),
        };
        let mut notes = Vec::new();
        if let Some(filter) = &self.filters {
            let mut known = Known::new();
            data.iter()
                .flat_map(|hit| hit.attributes.iter().flatten())
                .for_each(|(key, value)| see(&mut known, key, value));
            notes.extend(self.unmet(&cx, filter, known).await);
        }
        // Where there is more than was asked for, a file that is not indexed yet is missed the least.
        if data.len() < self.max_num_results.map_or(USUAL_RESULTS, Int::get) {
            notes.extend(self.still_indexing(&cx).await);
        }
        if notes.is_empty() {
            return Ok(Output::Json(answer));
        }
        let mut answer: Map<String, Value> = serde_json::from_slice(&answer).unwrap_or_default();
        answer.insert("note".into(), notes.join("\n").into());
        Ok(Output::json(&answer.into()))
    }

    /// Says which attributes of a filter no file has so, where those of the files that were found do not tell. What cannot be
    /// looked up is not told: the search is done.
    async fn unmet(&self, cx: &Context, filter: &Filter, mut known: Known) -> Option<String> {
        filter.unmet(&known, "")?;
        let arguments = json!({"vector_store_id": self.vector_store_id, "limit": LOOKED_AT});
        let files = cx.send(&file::List::SPEC, arguments).value().await.ok()?;
        for file in files.get("data").and_then(Value::as_array)? {
            let attributes = file.get("attributes").and_then(Value::as_object).into_iter().flatten();
            attributes.for_each(|(key, value)| see(&mut known, key, value));
        }
        let more = files.get("has_more").and_then(Value::as_bool) == Some(true);
        let nothing = if more { format!("none of the {LOOKED_AT} newest files") } else { "no file".to_owned() };
        filter.unmet(&known, &nothing)
    }

    /// Says how many files are not searched yet.
    async fn still_indexing(&self, cx: &Context) -> Option<String> {
        let arguments = json!({"vector_store_id": self.vector_store_id});
        let store = cx.send(&Get::SPEC, arguments).value().await.ok()?;
        let count = |name: &str| store.pointer(&format!("/file_counts/{name}")).and_then(Value::as_u64);
        let waiting = count("in_progress").filter(|waiting| *waiting > 0)?;
        let all = count("total").unwrap_or(waiting);
        Some(format!("{waiting} of {all} files are still being indexed and not searched yet: vector-store-wait"))
    }
}

/// What is looked at of a search's answer.
#[derive(Deserialize)]
#[serde(crate = "openai_mcp_kernel::serde")]
struct Found {
    object: String,
    data: Vec<Hit>,
}

#[derive(Deserialize)]
#[serde(crate = "openai_mcp_kernel::serde")]
struct Hit {
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

/// When an idle store is deleted.
#[shape]
struct ExpiresAfter {
    #[unlisted]
    anchor: Anchor,
    days: Int<1, 365>,
}

#[shape]
enum Anchor {
    LastActiveAt,
}

#[shape]
struct RankingOptions {
    ranker: Option<Ranker>,
    score_threshold: Option<Num<0, 1>>,
}

#[shape]
enum Ranker {
    None,
    Auto,
    #[wire("default-2024-11-15")]
    Default20241115,
}
