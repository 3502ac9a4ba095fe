//! Waiting for a job, which takes minutes to hours.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::Patience;

use crate::job::{Events, Get, Resume};

tools![Wait];

/// Events that are looked at each time, and shown in the end.
const EVENTS: u32 = 10;

/// Wait until a fine-tuning job ends, with its events as progress.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("fine-tune-wait", reads)]
struct Wait {
    fine_tuning_job_id: String,
    #[flatten]
    patience: Patience,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let job = json!({"fine_tuning_job_id": self.fine_tuning_job_id});
        let again = Next { tool: Self::SPEC.name, arguments: job };
        wait(&cx, self.patience.timeout, again, Job { id: self.fine_tuning_job_id, seen: Vec::new() }).await
    }
}

struct Job {
    id: String,
    /// Ids of the events that were told.
    seen: Vec<String>,
}

impl Watched for Job {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let named = json!({"fine_tuning_job_id": self.id});
        let job = cx.send(&Get::SPEC, named.clone()).value().await?;
        let stage = match job.get("status").and_then(Value::as_str).unwrap_or_default() {
            "succeeded" | "failed" | "cancelled" => Stage::Done,
            "paused" => Stage::Asks(Next { tool: Resume::SPEC.name, arguments: named }),
            // A status that is not known is one on the way.
            _ => Stage::Going,
        };
        let events = cx.send(&Events::SPEC, json!({"fine_tuning_job_id": self.id, "limit": EVENTS})).value().await;
        // They are told besides: how the job stands is known without them.
        let events = events.unwrap_or_default();
        let events = events.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        self.tell(cx, &events);
        let shown: Vec<Value> = events.iter().rev().map(brief).collect();
        Ok(Look { object: job, stage, beside: [("events".to_owned(), shown.into())].into_iter().collect() })
    }
}

impl Job {
    /// Tells of the events that are new, the earliest first. The step is no measure of progress: one that took minutes
    /// stands below the signs of life that were told meanwhile, and would be passed over.
    fn tell(&mut self, cx: &Context, events: &[Value]) {
        for event in events.iter().rev() {
            let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            if self.seen.iter().any(|id| id == text("id")) {
                continue;
            }
            self.seen.push(text("id").to_owned());
            cx.tell(text("message"));
        }
    }
}

fn brief(event: &Value) -> Value {
    let part = |name: &str| event.get(name).cloned().unwrap_or_default();
    json!({"created_at": part("created_at"), "level": part("level"), "message": part("message")})
}
