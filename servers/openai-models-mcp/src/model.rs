//! Models, fine-tuned ones included. <https://platform.openai.com/docs/api-reference/models>

use openai_mcp_kernel::prelude::*;

use crate::catalog::{self, Row, day, holds};

tools![List, Get, Delete];

/// List the models that the key can use, newest first, a line each.
#[tool("model-list", GET "/models", run)]
struct List {
    /// Part of the id, as `embedding`.
    #[local]
    contains: Option<String>,
    /// Those that are shut down before: ISO 8601 or Unix seconds.
    #[local]
    ends_before: Option<Time>,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut models = catalog::all(&cx).await?;
        models.retain(|model| {
            let in_time = |Time(before): &Time| model.ends.is_some_and(|ends| ends < *before);
            holds(&model.id, self.contains.as_deref()) && self.ends_before.as_ref().is_none_or(in_time)
        });
        models.sort_by(|one, other| (other.created, &one.id).cmp(&(one.created, &other.id)));
        let rows = models.into_iter().map(|model| {
            let mut row = Row::new(model.id.clone(), json!({"id": model.id}));
            if let Some(created) = model.created {
                row = row.with("created", created, &format!(", made {}", day(created)));
            }
            if let Some(owner) = model.owner {
                row = row.with("owned_by", owner.as_str(), &format!(" by {owner}"));
            }
            match model.ends.map(day) {
                Some(ends) => row.with("shutdown_date", ends.as_str(), &format!(", ends {ends}")),
                None => row,
            }
        });
        Ok(catalog::list(&cx, rows))
    }
}

/// Get a model: when it was made, by whom, when it is shut down.
#[tool("model-get", GET "/models/{model}")]
struct Get {
    #[slashes]
    model: String,
}

/// Delete a fine-tuned model.
#[tool("model-delete", DELETE "/models/{model}")]
struct Delete {
    /// As ft:gpt-4.1-mini:org:name:id.
    #[slashes]
    model: String,
}
