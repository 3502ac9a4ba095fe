//! Waiting for what is being made.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_shapes::Patience;

use crate::video;

tools![Wait];

/// Wait until a video is made, or has failed.
///
/// Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("video-wait", reads)]
struct Wait {
    video_id: String,
    #[flatten]
    patience: Patience,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = json!({"video_id": self.video_id});
        let again = Next { tool: Self::SPEC.name, arguments: arguments.clone() };
        wait(&cx, self.patience.timeout, again, Making(arguments)).await
    }
}

/// A video, by the request that shows it.
struct Making(Value);

impl Watched for Making {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let object = cx.send(&video::Get::SPEC, self.0.clone()).value().await?;
        let status = object.get("status").and_then(Value::as_str).unwrap_or_default();
        // A status that is not known is one on the way.
        let stage = if matches!(status, "completed" | "failed") { Stage::Done } else { Stage::Going };
        if let (Stage::Going, Some(percent)) = (&stage, object.get("progress").and_then(Value::as_f64)) {
            cx.progress(percent, Some(100.0), status);
        }
        Ok(Look { object, stage, beside: Default::default() })
    }
}
