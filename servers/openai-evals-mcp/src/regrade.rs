//! Grading again what was answered before.

use openai_mcp_kernel::prelude::*;

use crate::brief;
use crate::local::{self, runs};

tools![Regrade];

/// Grade the answers of a run again, by other criteria; nothing is sampled.
///
/// Makes a new run. With errors_only the criteria stay, what has a result keeps it, and only what had an error or was not
/// reached is sampled and graded.
#[tool("eval-run-regrade", open)]
struct Regrade {
    eval_id: String,
    /// A run that has ended.
    run_id: String,
    /// As eval-create takes them. Default: those that the eval has.
    testing_criteria: Option<Vec<JsonObject>>,
    errors_only: Option<bool>,
    name: Option<String>,
    full: Option<bool>,
}

impl Regrade {
    async fn run(self, cx: Context) -> Result<Output> {
        if local::is_native(&cx) {
            return Err(local::not_native(Self::SPEC.name));
        }
        let Regrade { eval_id, run_id, testing_criteria, errors_only, name, full } = self;
        let errors_only = errors_only == Some(true);
        if errors_only && testing_criteria.is_some() {
            return Err(Error::argument("testing_criteria", "with `errors_only` the criteria stay as they are"));
        }
        let criteria = testing_criteria
            .map(|criteria| criteria.into_iter().map(|JsonObject(criterion)| Value::Object(criterion)).collect());
        let again = runs::Again { eval: eval_id, run: run_id, criteria, errors_only, name };
        let run = runs::again(&cx, again).await?;
        Ok(Output::json(&if full == Some(true) { run } else { brief::run(run) }))
    }
}
