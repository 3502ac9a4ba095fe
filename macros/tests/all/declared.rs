//! What can be declared.

use openai_mcp_kernel::prelude::*;

tools![Get, List, Wait];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
    #[wire("include")]
    including: Option<Vec<String>>,
    #[header("Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// A page of things.
#[shape(read)]
struct Page {
    limit: Option<Int<1, 100>>,
    #[alias("cursor")]
    after: Option<String>,
}

/// List things.
#[tool("thing-list", GET "/things", run, page = "thing-get")]
struct List {
    owner: String,
    #[read]
    #[flatten]
    page: Page,
    #[local]
    brief: Option<bool>,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let brief = (self.page.after.is_none(), self.page.limit.map(Int::get::<u64>), self.brief);
        cx.send(&Self::SPEC, cx.arguments()).value().await.map(|value| Output::json(&json!([value, brief])))
    }
}

/// What stands behind a thing.
#[request(GET "/things/{thing_id}/secret", admin)]
struct Secret {
    thing_id: String,
}

/// Wait for a thing.
#[tool("thing-wait", reads)]
struct Wait {
    thing_id: String,
    kind: Option<Kind>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let kind = self.kind.map(|kind| matches!(kind, Kind::Big));
        cx.send(&Get::SPEC, json!({"thing_id": self.thing_id}))
            .value()
            .await
            .map(|value| Output::json(&json!([value, kind])))
    }
}

#[shape(read)]
enum Kind {
    Big,
    #[wire("very-small")]
    Small,
}

#[test]
fn declarations_hold_what_they_say() {
    assert_eq!(TOOLS.len(), 3);
    let fields: Vec<&str> = List::SPEC.fields.iter().map(|field| field.name).collect();
    assert_eq!(fields, ["owner", "limit", "after", "brief"]);
    assert_eq!(Secret::SPEC.name, "GET /things/{thing_id}/secret");
}
