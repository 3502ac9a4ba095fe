//! Many prompts in one call.

use futures_util::{FutureExt as _, StreamExt as _};
use openai_mcp_kernel::batch::{self, Report, Stop};
use openai_mcp_kernel::prelude::*;
use openai_mcp_pictures::ROOM;
use serde_json::Map;

use crate::answer::{self, Wish};
use crate::generate::Generate;
use crate::room::{Expected, room};
use crate::shapes::{Delivery, Drawing, Preview, Prompt};
use crate::show;

tools![Batch];

/// Generate images for several prompts at once, each with its own outcome.
///
/// Begins no prompt that would outlast timeout, going by those before it: if `done` is false, go on with `next_offset`.
#[tool("image-generate-batch", saves)]
struct Batch {
    /// Prompts, at most 50.
    #[alias("prompts")]
    items: ListOf<Prompt, 1, 50>,
    /// Arguments of image-generate for every prompt: model, size, …
    options: Options<Drawing>,
    /// next_offset of the call before.
    offset: Option<u32>,
    /// How many at a time. Default 4.
    parallel: Option<Int<1, 8>>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
    /// Folder for the images.
    save_to: Option<String>,
    preview: Option<Preview>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let deadline = batch::deadline(&cx, self.timeout);
        let ListOf(items) = self.items;
        let offset = self.offset.unwrap_or_default() as usize;
        let mut report = Report::new(&cx, items.len(), offset)?.paid("image-list and image-get tell of them");
        let folder = |to: String| if to.ends_with(['/', '\\']) { to } else { format!("{to}/") };
        let delivery = Delivery { save_to: self.save_to.map(folder), preview: self.preview, full: None };
        let options = self.options.arguments();
        let asked = |Text(prompt): Prompt| options.clone().set("prompt", prompt);
        let pieces: Vec<_> = items.into_iter().map(asked).enumerate().skip(offset).collect();
        let Some((_, first)) = pieces.first() else { return Ok(report.finish(Map::new())) };
        // A wrong option is told once.
        cx.check(&Generate::SPEC, first)?;
        let expected = Expected::read(first, &delivery)?;
        // Full images are held until the last has come.
        expected.fit(&cx, if delivery.preview == Some(Preview::Full) { pieces.len() } else { 1 })?;
        let mut parallel = self.parallel.map_or(4, Int::get);
        if let Some(room) = room(&cx) {
            parallel = (room / expected.weight().max(1)).clamp(1, parallel);
        }
        let (own, stop, room) = (cx.clone(), Stop::default(), ROOM / pieces.len());
        let mut outcomes = batch::run_paid(&cx, pieces, parallel, deadline, &stop, move |(index, arguments)| {
            let (cx, delivery) = (own.clone(), delivery.clone());
            let (tool, spec) = (Self::SPEC.name, &Generate::SPEC);
            let draw = async move {
                let asked = arguments.read()?;
                answer::make(&cx, Wish { tool, spec, arguments, asked, delivery, room }).await
            };
            draw.map(move |outcome| (index, outcome))
        });
        let (mut shown, mut spent, mut hopeless, mut undone) = (Vec::new(), Map::new(), None, None);
        while let Some((index, outcome)) = outcomes.next().await {
            match outcome {
                Ok(made) => {
                    undone = None;
                    report.succeed(index, Some(Map::from_iter([("images".to_owned(), made.data.into())])));
                    add(&mut spent, &made.about);
                    shown.extend(made.shown);
                }
                Err(error) => {
                    report.fail(index, &error.to_string().replace('\n', "; "), Map::new());
                    let refused = batch::is_hopeless(&error);
                    if refused {
                        undone = undone.or(Some(index));
                    }
                    // Where one cannot be saved, none can.
                    if refused || error.kind() == Kind::File {
                        stop.now();
                        hopeless = hopeless.or(Some(error));
                    }
                }
            }
            report.reach(index + 1, "drawn");
        }
        // Those that were refused last are done by who goes on.
        if let Some(undone) = undone {
            report.back(undone, 0);
        }
        hopeless.map_or(Ok(()), |error| report.stop(error))?;
        answer::briefly(&mut spent);
        Ok(show::output(report.result(spent), shown))
    }
}

/// Adds up counts, also those within others.
fn add(sums: &mut Map<String, Value>, counts: &Map<String, Value>) {
    for (name, count) in counts {
        match count {
            Value::Object(counts) => {
                if let Value::Object(sums) = sums.entry(name).or_insert_with(|| json!({})) {
                    add(sums, counts);
                }
            }
            Value::Number(count) => {
                let before = sums.get(name).and_then(Value::as_u64).unwrap_or_default();
                sums.insert(name.clone(), before.saturating_add(count.as_u64().unwrap_or_default()).into());
            }
            _ => {}
        }
    }
}
