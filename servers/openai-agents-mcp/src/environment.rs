//! Environments: machines of OpenAI's that agents work in.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::agent::Machine;
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get];

/// Create an environment ahead of the session that works in it.
#[tool("agent-environment-create", POST "/agents/environments", run)]
struct Create {
    /// environment_template_id, and what agent-environment-template-create takes but a name.
    #[read]
    environment: Options<Hosted>,
    /// At most 10.
    vault_ids: Option<Nullable<Vec<String>>>,
    /// Calls with the same make one environment.
    #[header("Idempotency-Key")]
    #[read]
    idempotency_key: Option<String>,
}

#[shape]
struct Hosted {
    r#type: Option<Kind>,
    environment_template_id: Option<String>,
    #[flatten]
    machine: Machine,
}

#[shape]
enum Kind {
    OpenaiHosted,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let environment = self.environment.arguments().set("type", "openai_hosted");
        // With a key of its own, what has to be sent again makes no second one.
        let key = self.idempotency_key.unwrap_or_else(|| format!("{:032x}", cx.random()));
        let arguments = cx.arguments().clone().set("environment", environment).set("idempotency_key", key);
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// List environments that were created ahead.
#[tool("agent-environment-list", GET "/agents/environments")]
struct List {
    #[unlisted]
    r#type: Option<Kind>,
    #[flatten]
    page: OrderedPage,
}

/// Get an environment: status, files, skills, plugins.
#[tool("agent-environment-get", GET "/agents/environments/{environment_id}")]
struct Get {
    environment_id: String,
}
