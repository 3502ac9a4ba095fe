//! Endpoints that OpenAI delivers events to. <https://platform.openai.com/docs/api-reference/webhooks>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;
use openai_mcp_shapes::secret;

const NOTE: &str = "signing_secret is shown this once: keep it where deliveries are verified";

tools![Create, List, Get, Modify, Delete, RotateSecret, Test, EventTypes];

/// Create a webhook endpoint; its signing secret is shown this once.
#[tool("webhook-create", POST "/webhook_endpoints", run, open)]
struct Create {
    /// HTTPS, public.
    url: String,
    /// As response.completed; webhook-event-types lists all.
    event_types: Vec<String>,
    name: String,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::shown_once(&cx, &Self::SPEC, NOTE).await
    }
}

/// List webhook endpoints, without their secrets.
#[tool("webhook-list", GET "/webhook_endpoints")]
struct List {
    #[flatten]
    page: Page,
}

/// Get a webhook endpoint, without its secret.
#[tool("webhook-get", GET "/webhook_endpoints/{webhook_endpoint_id}")]
struct Get {
    webhook_endpoint_id: String,
}

/// Change a webhook endpoint's URL, name or event types.
#[tool("webhook-modify", POST "/webhook_endpoints/{webhook_endpoint_id}", destroys, idempotent, open)]
struct Modify {
    webhook_endpoint_id: String,
    url: Option<String>,
    /// Replaces all of them.
    event_types: Option<Vec<String>>,
    name: Option<String>,
}

/// Delete a webhook endpoint: deliveries to it end.
#[tool("webhook-delete", DELETE "/webhook_endpoints/{webhook_endpoint_id}")]
struct Delete {
    webhook_endpoint_id: String,
}

/// Give a webhook endpoint a new signing secret, which is shown this once.
///
/// The old one is void at once unless it is kept for 24 hours.
#[tool("webhook-rotate-secret", POST "/webhook_endpoints/{webhook_endpoint_id}/rotate_secret", run, destroys)]
struct RotateSecret {
    webhook_endpoint_id: String,
    keep_old_secret_active_for_24_hours: Option<bool>,
}

impl RotateSecret {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::shown_once(&cx, &Self::SPEC, NOTE).await
    }
}

/// Deliver a sample event to a webhook endpoint, and tell what it answered.
#[tool("webhook-test", POST "/webhook_endpoints/{webhook_endpoint_id}/test", open)]
struct Test {
    webhook_endpoint_id: String,
    /// As response.completed.
    event_type: String,
}

/// List the types of events that can be delivered.
#[tool("webhook-event-types", GET "/webhook_event_types")]
struct EventTypes {}
