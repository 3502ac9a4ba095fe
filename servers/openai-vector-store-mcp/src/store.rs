//! Vector stores themselves. <https://platform.openai.com/docs/api-reference/vector-stores>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::filter::Filter;
use openai_mcp_shapes::page::TwoWayPage;

use crate::indexing::ChunkingStrategy;

tools![Create, List, Get, Delete, Modify, Search];

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
#[tool("vector-store-search", POST "/vector_stores/{vector_store_id}/search", reads, beta = "assistants=v2")]
struct Search {
    vector_store_id: String,
    query: OneOrMany<String>,
    /// Default 10.
    max_num_results: Option<Int<1, 50>>,
    filters: Option<Filter>,
    ranking_options: Option<RankingOptions>,
    /// Let OpenAI rewrite the query for vector search.
    rewrite_query: Option<bool>,
}

/// When an idle store is deleted.
#[shape]
struct ExpiresAfter {
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
