//! Many prompts in one call.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use serde::Deserialize;

use crate::answer::{self, Delivery, ROOM, Wish};
use crate::generate::Generate;
use crate::shapes::{Preview, Prompt};

tools![Batch];

/// Generate images for several prompts at once, each with its own outcome.
///
/// After `timeout` no prompt is begun any more; the result says which were not.
#[tool("image-generate-batch", saves)]
struct Batch {
    prompts: Prompts,
    /// Arguments of image-generate for every prompt.
    options: Option<Json>,
    /// At work at the same time; 4 unless told.
    parallel: Option<Int<1, 8>>,
    /// Seconds; 45 unless told.
    timeout: Option<Int<1, 3600>>,
    /// Folder for the images.
    save_to: Option<String>,
    preview: Option<Preview>,
}

/// Up to 50 prompts.
#[derive(Deserialize)]
#[serde(transparent)]
struct Prompts(Vec<Prompt>);

impl Shaped for Prompts {
    const SHAPE: Shape = Shape::Array { items: of::<Prompt>, min: 1, max: 50 };
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let Batch { prompts: Prompts(prompts), options, parallel, timeout, save_to, preview } = self;
        let options = answer::options(options)?;
        let asked = prompts.iter().map(|Text(prompt)| {
            let mut asked = options.clone();
            asked.insert("prompt".into(), prompt.as_str().into());
            Value::Object(asked)
        });
        let asked: Vec<Value> = asked.collect();
        // A wrong option is told once.
        if let Some(asked) = asked.first() {
            cx.check(&Generate::SPEC, &asked.clone().into())?;
        }
        let folder = |to: String| if to.ends_with(['/', '\\']) { to } else { format!("{to}/") };
        let delivery = Delivery { save_to: save_to.map(folder), preview };
        let (count, started) = (prompts.len(), cx.now());
        let patience = Duration::from_secs(timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        let room = ROOM / count;
        let mut done = 0;
        let work = asked.into_iter().map(|asked| {
            let (cx, delivery) = (cx.clone(), delivery.clone());
            async move {
                if cx.now().saturating_sub(started) >= patience {
                    return None;
                }
                let (spec, arguments) = (&Generate::SPEC, asked.clone().into());
                let wish = Wish { tool: Self::SPEC.name, spec, arguments, files: Vec::new(), asked, delivery, room };
                Some(answer::make(&cx, wish).await)
            }
        });
        let parallel = parallel.map_or(4, |Int(parallel)| usize::try_from(parallel).unwrap_or(4));
        let outcomes: Vec<_> = stream::iter(work)
            .buffered(parallel)
            .inspect(|_| {
                done += 1;
                cx.tell(&format!("{done} of {count} prompts done"));
            })
            .collect()
            .await;
        Ok(Output::Content(report(outcomes)))
    }
}

fn report(outcomes: Vec<Option<Result<Vec<Content>>>>) -> Vec<Content> {
    let (mut made, mut failed, mut left) = (0, 0, Vec::new());
    let mut blocks = Vec::new();
    for (outcome, number) in outcomes.into_iter().zip(1..) {
        match outcome {
            Some(Ok(images)) => {
                made += 1;
                blocks.push(Content::Text(format!("prompt {number}:")));
                blocks.extend(images);
            }
            Some(Err(error)) => {
                failed += 1;
                blocks.push(Content::Text(format!("prompt {number} failed: {error}")));
            }
            None => left.push(number.to_string()),
        }
    }
    let mut summary = format!("{made} prompts done, {failed} failed");
    if !left.is_empty() {
        summary.push_str(&format!(", {} not begun: {}; call again with these", left.len(), left.join(", ")));
    }
    blocks.insert(0, Content::Text(summary));
    blocks
}
