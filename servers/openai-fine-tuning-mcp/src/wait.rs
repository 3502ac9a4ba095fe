//! Waiting for a job, which takes minutes to hours.

use std::time::Duration;

use openai_mcp_kernel::prelude::*;

use crate::job::{Events, Get};

tools![Wait];

/// Longest pause between two looks at a job.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Events that are looked at each time, and shown in the end.
const EVENTS: u32 = 10;

/// Wait until a fine-tuning job ends, with its events as progress.
///
/// Returns after `timeout` at the latest; if `done` is false, call again.
#[tool("fine-tune-wait", reads)]
struct Wait {
    fine_tuning_job_id: String,
    /// Seconds; 45 unless told.
    timeout: Option<Int<0, 3600>>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let started = cx.now();
        let patience = Duration::from_secs(self.timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        let mut seen = Vec::new();
        let mut step = Duration::from_secs(1);
        loop {
            let job = cx.call_value(&Get::SPEC, json!({"fine_tuning_job_id": self.fine_tuning_job_id})).await?;
            let status = job.get("status").and_then(Value::as_str).unwrap_or_default();
            // A paused job goes on only when somebody resumes it.
            let done = matches!(status, "succeeded" | "failed" | "cancelled" | "paused");
            let events = cx
                .call_value(&Events::SPEC, json!({"fine_tuning_job_id": self.fine_tuning_job_id, "limit": EVENTS}))
                .await?;
            let events = events.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            let waited = cx.now().saturating_sub(started);
            let left = patience.saturating_sub(waited);
            if done || left < cx.poll_pause() {
                let shown: Vec<Value> = events.iter().rev().map(brief).collect();
                return Ok(Output::json(&json!({
                    "done": done, "waited_seconds": waited.as_secs(), "events": shown, "job": job,
                })));
            }
            tell(&cx, &events, &mut seen);
            cx.sleep(cx.poll_pause().max(step).min(left)).await;
            step = (step * 2).min(LONGEST_PAUSE);
        }
    }
}

fn brief(event: &Value) -> Value {
    let part = |name: &str| event.get(name).cloned().unwrap_or_default();
    json!({"created_at": part("created_at"), "level": part("level"), "message": part("message")})
}

/// Tells of the events that are new, the earliest first. The step is no measure of progress: one that took minutes stands
/// below the signs of life that were told meanwhile, and would be passed over.
fn tell(cx: &Context, events: &[Value], seen: &mut Vec<String>) {
    for event in events.iter().rev() {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        if seen.iter().any(|id| id == text("id")) {
            continue;
        }
        seen.push(text("id").to_owned());
        cx.tell(text("message"));
    }
}
