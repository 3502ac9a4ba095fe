//! Many prompts in one call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use serde::Deserialize;

use crate::answer::{self, Delivery, ROOM, Wish};
use crate::generate::Generate;
use crate::shapes::{Preview, Prompt};

tools![Batch];

/// Most bytes of an error.
const LONGEST_ERROR: usize = 400;
/// Bytes that the heading of a prompt and its number in the summary may take.
const HEADING: usize = 32;
/// Bytes that the words of the summary may take.
const SUMMARY: usize = 160;

/// Generate images for several prompts at once, each with its own outcome.
///
/// A prompt that would outlast timeout, going by those before it, is not begun; the result tells which.
#[tool("image-generate-batch", saves)]
struct Batch {
    prompts: Prompts,
    /// Arguments of image-generate for every prompt: model, size, …
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
        let folder = |to: String| if to.ends_with(['/', '\\']) { to } else { format!("{to}/") };
        let delivery = Delivery { save_to: save_to.map(folder), preview };
        let (count, started) = (prompts.len(), cx.now());
        let mut parallel = parallel.map_or(4, |Int(parallel)| usize::try_from(parallel).unwrap_or(4));
        // A wrong option is told once.
        if let Some(asked) = asked.first() {
            let arguments = asked.clone().into();
            cx.check(&Generate::SPEC, &arguments)?;
            // Full images are held until the last has come.
            answer::fit(&cx, &arguments, &delivery, if preview == Some(Preview::Full) { count } else { 1 })?;
            if let Some(room) = answer::room(&cx) {
                parallel = parallel.min(room / answer::weight(&arguments, &delivery)?.max(1)).max(1);
            }
        }
        let patience = Duration::from_secs(timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        let room = ROOM / count;
        // Milliseconds that the slowest prompt took.
        let longest = AtomicU64::new(0);
        let longest = &longest;
        let mut done = 0;
        let work = (1..).zip(asked).map(|(number, asked)| {
            let (cx, delivery) = (cx.clone(), delivery.clone());
            async move {
                let begun = cx.now().saturating_sub(started);
                if begun + Duration::from_millis(longest.load(Ordering::Relaxed)) > patience {
                    return (number, None);
                }
                let (spec, arguments) = (&Generate::SPEC, asked.clone().into());
                let wish = Wish { tool: Self::SPEC.name, spec, arguments, asked, delivery, room };
                let outcome = answer::make(&cx, wish).await;
                let took = cx.now().saturating_sub(started).saturating_sub(begun);
                longest.fetch_max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
                (number, Some(outcome))
            }
        });
        let mut outcomes: Vec<_> = stream::iter(work)
            .buffer_unordered(parallel)
            .inspect(|(_, outcome)| {
                if outcome.is_some() {
                    done += 1;
                    cx.tell(&format!("{done} of {count} prompts done"));
                }
            })
            .collect()
            .await;
        outcomes.sort_by_key(|(number, _)| *number);
        Ok(Output::Content(report(outcomes, cx.max_result())))
    }
}

/// What came of each prompt, in at most `most` bytes of text: errors first, then what there is room for.
fn report(outcomes: Vec<(usize, Option<Result<Vec<Content>>>)>, most: usize) -> Vec<Content> {
    let (count, mut failed, mut left) = (outcomes.len(), Vec::new(), Vec::new());
    let errors = outcomes.iter().map(|(_, outcome)| match outcome {
        Some(Err(error)) => HEADING + error.to_string().len().min(LONGEST_ERROR),
        _ => HEADING,
    });
    let (mut room, mut cut) = (most.saturating_sub(SUMMARY + errors.sum::<usize>()), false);
    let mut blocks = Vec::new();
    for (number, outcome) in outcomes {
        match outcome {
            Some(Ok(images)) => {
                blocks.push(Content::Text(format!("prompt {number}:")));
                blocks.extend(images.into_iter().filter(|block| match block {
                    Content::Text(text) if text.len() > room => {
                        cut = true;
                        false
                    }
                    Content::Text(text) => {
                        room -= text.len();
                        true
                    }
                    _ => true,
                }));
            }
            Some(Err(error)) => {
                failed.push(number.to_string());
                let text = error.to_string();
                let text = &text[..text.floor_char_boundary(LONGEST_ERROR)];
                blocks.push(Content::Text(format!("prompt {number} failed: {text}")));
            }
            None => left.push(number.to_string()),
        }
    }
    let mut summary = format!("{} of {count} prompts done", count - failed.len() - left.len());
    if !failed.is_empty() {
        summary.push_str(&format!(", failed: {}", failed.join(", ")));
    }
    if !left.is_empty() {
        summary.push_str(&format!(", not begun: {}; call again with these", left.join(", ")));
    }
    if cut {
        summary.push_str("\nnot all about the images fits here; image-list and image-get have it");
    }
    blocks.insert(0, Content::Text(summary));
    blocks
}
