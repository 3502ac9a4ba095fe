use openai_mcp_kernel::prelude::*;

tools![Get, Wait];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
    #[wire("include")]
    including: Option<Vec<String>>,
    #[header("Idempotency-Key")]
    idempotency_key: Option<String>,
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
        cx.call_value(&Get::SPEC, json!({"thing_id": self.thing_id})).await.map(|value| Output::json(&json!([value, kind])))
    }
}

#[shape(read)]
enum Kind {
    Big,
    #[wire("very-small")]
    Small,
}

fn main() {
    assert_eq!(TOOLS.len(), 2);
}
