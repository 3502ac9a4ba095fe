//! Vaults. <https://developers.openai.com/api/reference/resources/beta/subresources/agents>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

use crate::wanted::Wanted;

tools![Create, List, Get, Modify, Delete];

/// Create a vault.
#[tool("vault-create", POST "/vaults")]
struct Create {
    name: Option<Text<1, 256>>,
    metadata: Option<Nullable<Metadata>>,
}

/// List vaults.
#[tool("vault-list", GET "/vaults")]
struct List {
    #[flatten]
    wanted: Wanted,
    #[flatten]
    page: OrderedPage,
}

/// Get a vault.
#[tool("vault-get", GET "/vaults/{vault_id}")]
struct Get {
    vault_id: String,
}

/// Change a vault's name or metadata.
#[tool("vault-modify", POST "/vaults/{vault_id}", destroys, idempotent)]
struct Modify {
    vault_id: String,
    name: Option<Nullable<Text<1, 256>>>,
    /// Replaces all of it.
    metadata: Option<Metadata>,
}

/// Delete a vault with all its credentials.
#[tool("vault-delete", DELETE "/vaults/{vault_id}")]
struct Delete {
    vault_id: String,
}
