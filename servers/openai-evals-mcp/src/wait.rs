//! Waiting for a run, which goes on as long as somebody waits.

use std::time::Duration;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::Patience;
use serde_json::Map;

use crate::local::engine::drive;
use crate::local::{self, Members as _, list, runs};
use crate::{brief, output, run};

tools![Wait];

/// How long a wait lasts by default, in seconds.
const PATIENCE: i64 = 45;
/// How many items that did not pass are told of.
const WORST: usize = 5;

/// Drive a run until it ends; gives its counts, and what did not pass.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("eval-run-wait", reads, records)]
struct Wait {
    eval_id: String,
    run_id: String,
    #[flatten]
    patience: Patience,
    full: Option<bool>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let run = json!({"eval_id": self.eval_id, "run_id": self.run_id});
        let again = Next { tool: Self::SPEC.name, arguments: run.clone() };
        let seconds = self.patience.timeout.map_or(PATIENCE, |Int(seconds)| seconds);
        let until = cx.monotonic() + Duration::from_secs(seconds.unsigned_abs());
        wait(&cx, self.patience.timeout, again, Running { run, until, full: self.full == Some(true) }).await
    }
}

struct Running {
    /// Its eval and itself.
    run: Value,
    until: Duration,
    full: bool,
}

impl Watched for Running {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let (trouble, mut object) = match local::is_native(cx) {
            true => (None, cx.send(&run::Get::SPEC, self.run.clone()).value().await?),
            false => (drive(cx, &self.run, self.until).await?, runs::seen(cx, &self.run).await?),
        };
        // A status that is not known is one on the way.
        let going = !matches!(object.at("status").as_str(), Some("completed" | "failed" | "canceled" | "cancelled"));
        let mut beside = Map::new();
        if going {
            tell(cx, &object);
            beside.extend(trouble.map(|trouble| ("note".to_owned(), trouble.into())));
        } else {
            for status in ["error", "fail"] {
                // A server that speaks the Evals API itself knows no `error`.
                if status == "error" && local::is_native(cx) {
                    continue;
                }
                let wanted = Arguments::from(self.run.clone()).set("status", status).set("limit", WORST);
                let page = cx.send(&output::List::SPEC, wanted).value().await?;
                let ids: Vec<_> = list(&page, "data").map(|item| item.at("id")).collect();
                if !ids.is_empty() {
                    let name = if status == "fail" { "failed" } else { "errored" };
                    beside.insert(name.to_owned(), json!(ids));
                }
            }
        }
        if !self.full {
            object = brief::run(object);
            // It stands beside the object.
            object.unset("next");
        }
        Ok(Look { object, stage: if going { Stage::Going } else { Stage::Done }, beside })
    }
}

fn tell(cx: &Context, run: &Value) {
    let count = |name: &str| run.at("result_counts").at(name).as_f64().unwrap_or_default();
    let (done, total) = (count("passed") + count("failed") + count("errored"), count("total"));
    let message = format!(
        "{done} of {total}: {} passed, {} failed, {} errored",
        count("passed"),
        count("failed"),
        count("errored")
    );
    cx.progress(done, (total > 0.0).then_some(total), &message);
}
