//! Reports of runs, for people and for other programs.

use bytes::Bytes;
use openai_mcp_graders::runs::Run;
use openai_mcp_graders::{plot, report};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Formats};

use crate::{eval, whole};

tools![Report];

/// Formats of files, each with its extensions.
const FORMATS: Formats = &[
    ("markdown", &["md"]),
    ("html", &["html", "htm"]),
    ("csv", &["csv"]),
    ("junit", &["xml"]),
    ("jsonl", &["jsonl"]),
    ("png", &["png"]),
];

/// Report runs of an eval: rates, differences, what failed.
///
/// Without save_to as markdown. html is one page with a plot and items to sort and search; jsonl has the API's items. Several
/// runs are held against the first.
#[tool("eval-run-report", reads, saves)]
struct Report {
    eval_id: String,
    run_ids: OneOrMany<String>,
    format: Option<Format>,
    /// New local file; its extension chooses the format.
    save_to: Option<String>,
    /// Show a plot of the rates, too.
    plot: Option<bool>,
}

#[shape(read)]
enum Format {
    Markdown,
    Html,
    Csv,
    Junit,
    Jsonl,
    Png,
}

/// Runs of a report.
const RUNS: usize = 5;

impl Format {
    fn name(&self) -> &'static str {
        match self {
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Csv => "csv",
            Format::Junit => "junit",
            Format::Jsonl => "jsonl",
            Format::Png => "png",
        }
    }
}

impl Report {
    async fn run(self, cx: Context) -> Result<Output> {
        let Report { eval_id, run_ids, format, save_to, plot } = self;
        let asked = format.as_ref().map(Format::name);
        let chosen = save::format(save_to.as_deref(), ("format", asked), FORMATS)?;
        let format = asked.or(chosen).unwrap_or("markdown");
        if save_to.is_none() && matches!(format, "html" | "png") {
            let text = format!("{format} is for a file: give `save_to`, or `plot` for an image");
            return Err(Error::argument("format", text));
        }
        let run_ids = match run_ids {
            OneOrMany::One(id) => vec![id],
            OneOrMany::Many(ids) => ids,
        };
        if run_ids.is_empty() || run_ids.len() > RUNS {
            return Err(Error::argument("run_ids", format!("expected 1 to {RUNS} runs, got {}", run_ids.len())));
        }
        cx.reserve(save_to.as_deref()).await?;
        let eval = cx.send(&eval::Get::SPEC, json!({"eval_id": eval_id})).value().await?;
        let mut runs = Vec::new();
        for id in &run_ids {
            let run = whole::run(&cx, &eval_id, id).await?;
            runs.push((run, whole::items(&cx, &eval_id, id, |_| {}).await?));
        }
        let wants_plot = plot == Some(true);
        let made = move || {
            let runs: Vec<Run<'_>> = runs.iter().map(|(run, items)| Run { run, items }).collect();
            let content: Bytes = match format {
                "html" => report::html(&eval, &runs).into(),
                "csv" => report::csv(&runs).into(),
                "junit" => report::junit(&eval, &runs).into(),
                "png" => plot::png(&runs).unwrap_or_default().into(),
                "jsonl" => {
                    let items = runs.iter().flat_map(|run| run.items);
                    items.map(|item| format!("{item}\n")).collect::<String>().into()
                }
                _ => report::markdown(&eval, &runs).into(),
            };
            let image = if wants_plot { plot::png(&runs) } else { None };
            (content, image)
        };
        let (content, image) = cx.compute(made).await?;
        if content.is_empty() {
            return Err(Error::new(Kind::Unsupported, "the runs have no results to show"));
        }
        let text = match save_to {
            Some(path) => json!({"saved_to": cx.save(path, Body::Full(content)).await?.show()}),
            None => String::from_utf8_lossy(&content).into_owned().into(),
        };
        Ok(match (text, image) {
            (text, Some(image)) => {
                let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                let image = Content::Image { data: image.into(), mime_type: "image/png".into() };
                Output::Content(vec![Content::Text(text), image])
            }
            (Value::String(text), None) => {
                let structured = json!({"report": text});
                Output::Text { text, structured }
            }
            (told, None) => Output::json(&told),
        })
    }
}
