//! Keys of administrators.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;
use openai_mcp_shapes::secret;

tools![List, Create, Get, Delete];

/// List admin keys: names, owners, last use, no secrets.
#[tool("admin-api-key-list", GET "/organization/admin_api_keys")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Create an admin key, which is shown this once and can do all that is here.
#[tool("admin-api-key-create", POST "/organization/admin_api_keys", run)]
struct Create {
    name: String,
    /// Default never.
    expires_in_seconds: Option<Int<1, 31_536_000>>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::shown_once(&cx, &Self::SPEC, "value is shown this once: keep it now where it is used, and nowhere else")
            .await
    }
}

/// Get an admin key, without its secret.
#[tool("admin-api-key-get", GET "/organization/admin_api_keys/{key_id}")]
struct Get {
    key_id: String,
}

/// Delete an admin key for good: what uses it fails at once.
///
/// Not the one that these tools use, unless they are to stop.
#[tool("admin-api-key-delete", DELETE "/organization/admin_api_keys/{key_id}")]
struct Delete {
    key_id: String,
}
