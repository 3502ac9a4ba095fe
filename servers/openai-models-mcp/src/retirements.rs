//! Models that end, and what OpenAI recommends in their place.

use openai_mcp_kernel::prelude::*;

use crate::catalog::{self, Row, day, holds};

tools![Retirements];

/// Where OpenAI says what to use instead.
const PAGE: &str = "https://developers.openai.com/api/docs/deprecations";

/// List models that are shut down: the day, and what to use instead.
///
/// From the API, and OpenAI's notices as of 2026-11-27.
#[tool("model-retirements", reads)]
struct Retirements {
    /// Part of the id.
    contains: Option<String>,
    /// Also those that are shut down already.
    past: Option<bool>,
}

impl Retirements {
    async fn run(self, cx: Context) -> Result<Output> {
        let now = i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX);
        let ends = catalog::ends(&cx).await?.into_iter().filter(|(id, _)| holds(id, self.contains.as_deref()));
        let mut ends: Vec<(i64, String)> = ends.map(|(id, ends)| (ends, id)).collect();
        ends.sort();
        let to_come = |ends: i64| day(ends) > day(now);
        // Who asks for a model by its name wants to know of it, though it ended.
        let all = self.past == Some(true) || self.contains.is_some() && !ends.iter().any(|(ends, _)| to_come(*ends));
        ends.retain(|(ends, _)| all || to_come(*ends));
        let rows = ends.iter().map(|(ends, id)| {
            let ends = day(*ends);
            let mut row = Row::new(format!("{ends} {id}"), json!({"id": id, "shutdown_date": ends}));
            row = match catalog::successor(id) {
                Some("none") => row.with("instead", Value::Null, ", nothing to use instead"),
                Some(instead) => row.with("instead", instead, &format!(", use {instead}")),
                None => row.with("see", PAGE, &format!(", see {PAGE}")),
            };
            match catalog::named(id) {
                tools if tools.is_empty() => row,
                tools => row.with("named_by", json!(tools), &format!(", named by {}", tools.join(" "))),
            }
        });
        Ok(catalog::list(&cx, rows))
    }
}
