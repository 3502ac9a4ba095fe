//! How a job learned: its curves, what they mean, and which checkpoint is the best.

use openai_mcp_kernel::platform::Body;
use openai_mcp_kernel::prelude::*;

use crate::job::{Checkpoints, Events, Get};
use crate::table::{Table, short};
use crate::{files, plot};

tools![Metrics];

/// Largest result file that is read.
const LARGEST: usize = 64 * 1024 * 1024;
/// Pages of events that are read while a job runs.
const PAGES: usize = 20;
/// Rows of the table unless told.
const ROWS: i64 = 20;
/// By which metric checkpoints are compared, the best first, and whether less is better.
const GOALS: &[(&str, bool)] = &[
    ("full_valid_loss", true),
    ("full_validation_mean_reward", false),
    ("full_valid_mean_reward", false),
    ("valid_reward_mean", false),
    ("valid_mean_reward", false),
    ("valid_loss", true),
    ("train_reward_mean", false),
    ("train_mean_reward", false),
    ("train_loss", true),
];

/// Show how a fine-tuning job learned: table, plot, trend, best checkpoint.
///
/// From its result file, or while it runs from its events.
#[tool("fine-tune-metrics", reads, saves)]
struct Metrics {
    fine_tuning_job_id: String,
    /// Rows of the table, spread over the steps; 20 unless told.
    rows: Option<Int<2, 500>>,
    /// Draw losses and accuracies as PNG; true unless told.
    plot: Option<bool>,
    /// New local file for the plot.
    save_to: Option<String>,
}

impl Metrics {
    async fn run(self, cx: Context) -> Result<Output> {
        let id = json!({"fine_tuning_job_id": self.fine_tuning_job_id});
        let job = cx.call_value(&Get::SPEC, id.clone()).await?;
        let mut table = Table::default();
        let results = job.get("result_files").and_then(Value::as_array).into_iter().flatten();
        let results = results.filter_map(Value::as_str);
        let mut source = "events";
        for file in results {
            match cx.request(&files::CONTENT, json!({"file_id": file})).await {
                Ok(response) => {
                    table.read_csv(&response.into_body().collect(LARGEST).await?)?;
                    source = "result file";
                }
                // Somebody deleted it.
                Err(error) if error.kind() == Kind::Status(404) => {}
                Err(error) => return Err(error),
            }
        }
        if source == "events" {
            read_events(&cx, &self.fine_tuning_job_id, &mut table).await?;
        }
        let checkpoints = cx
            .call_value(&Checkpoints::SPEC, json!({"fine_tuning_job_id": self.fine_tuning_job_id, "limit": 100}))
            .await?;
        let checkpoints = checkpoints.get("data").and_then(Value::as_array).cloned().unwrap_or_default();

        let part = |name: &str| job.get(name).cloned().unwrap_or_default();
        let rows = usize::try_from(self.rows.map_or(ROWS, |Int(rows)| rows)).unwrap_or_default();
        let mut columns = vec!["step"];
        columns.extend(table.columns.iter().map(String::as_str));
        let mut shown = json!({
            "job": part("id"),
            "status": part("status"),
            "fine_tuned_model": part("fine_tuned_model"),
            "source": source,
            "steps": table.steps(),
            "trend": trend(&table),
            "reading": reading(&table),
            "best_checkpoint": best(&table, &checkpoints),
            "columns": columns,
            "rows": table.sample(rows),
        });
        let wanted = self.plot != Some(false) || self.save_to.is_some();
        let Some(image) = wanted.then(|| plot::draw(&table)).flatten() else { return Ok(Output::json(&shown)) };
        if let (Some(path), Some(shown)) = (self.save_to, shown.as_object_mut()) {
            let saved = cx.save(path, Body::Full(image.clone())).await?;
            shown.insert("plot".into(), saved.path.into());
        }
        if self.plot == Some(false) {
            return Ok(Output::json(&shown));
        }
        Ok(Output::Content(vec![
            Content::Text(shown.to_string()),
            Content::Image { data: image, mime_type: "image/png".into() },
        ]))
    }
}

async fn read_events(cx: &Context, id: &str, table: &mut Table) -> Result<()> {
    let mut arguments = json!({"fine_tuning_job_id": id, "limit": 100});
    for _ in 0..PAGES {
        let page = cx.call_value(&Events::SPEC, arguments.clone()).await?;
        let events = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        for event in &events {
            table.read_event(event);
        }
        let last = events.last().and_then(|event| event.get("id")).cloned();
        let (Some(last), Some(true)) = (last, page.get("has_more").and_then(Value::as_bool)) else { break };
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("after".into(), last);
        }
    }
    Ok(())
}

/// The first and last value of each metric, and its best with the step.
fn trend(table: &Table) -> Value {
    let mut trends = serde_json::Map::new();
    for metric in &table.columns {
        let points = table.points(metric);
        let (Some((_, first)), Some((_, last)), Some((step, best))) =
            (points.first(), points.last(), extreme(&points, metric.contains("loss")))
        else {
            continue;
        };
        trends.insert(
            metric.clone(),
            json!({"first": short(*first), "last": short(*last), "best": short(best), "best_step": step}),
        );
    }
    trends.into()
}

fn extreme(points: &[(u64, f64)], least: bool) -> Option<(u64, f64)> {
    let compare = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
    if least { points.iter().min_by(compare).copied() } else { points.iter().rev().max_by(compare).copied() }
}

/// What the curves say, in a sentence.
fn reading(table: &Table) -> String {
    let validation =
        ["full_valid_loss", "valid_loss"].iter().map(|metric| table.points(metric)).find(|it| it.len() > 1);
    if let Some(points) = &validation
        && let (Some((step, best)), Some((end, last))) = (extreme(points, true), points.last())
    {
        return if *last > best * 1.1 && step < *end {
            format!(
                "validation loss is lowest at step {step} and {:.0} % higher at the end: the model begins to memorise; \
                 use an earlier checkpoint or fewer epochs",
                (last / best - 1.0) * 100.0
            )
        } else {
            "validation loss does not rise at the end: no sign of overfitting".into()
        };
    }
    let rewards = table.columns.iter().filter(|metric| metric.contains("valid") && metric.contains("reward"));
    for points in rewards.map(|metric| table.points(metric)).filter(|points| points.len() > 1) {
        if let (Some((step, best)), Some((end, last))) = (extreme(&points, false), points.last()) {
            return if step < *end && *last < best - best.abs() * 0.1 {
                format!(
                    "validation reward is highest at step {step} ({best:.3}) and falls to {last:.3}: use an earlier checkpoint"
                )
            } else {
                "validation reward does not fall at the end".into()
            };
        }
    }
    let training = table.points("train_loss");
    match (training.first(), training.last()) {
        (Some((_, first)), Some((_, last))) if training.len() > 1 => {
            let way = if last < first { "fell" } else { "did not fall" };
            format!("training loss {way}; without validation metrics overfitting cannot be seen")
        }
        _ if table.steps() == 0 => "no metrics yet".into(),
        _ => "no losses among the metrics".into(),
    }
}

/// The checkpoint with the best value of the first metric that tells.
fn best(table: &Table, checkpoints: &[Value]) -> Value {
    for (metric, least) in GOALS {
        let points = table.points(metric);
        let value = |checkpoint: &Value| {
            let own = checkpoint.get("metrics").and_then(|metrics| metrics.get(metric)).and_then(Value::as_f64);
            let step = checkpoint.get("step_number").and_then(Value::as_u64)?;
            own.or_else(|| points.iter().find(|(at, _)| *at == step).map(|(_, value)| *value))
        };
        let valued = checkpoints.iter().filter_map(|checkpoint| Some((value(checkpoint)?, checkpoint)));
        let compare = |a: &(f64, &Value), b: &(f64, &Value)| a.0.total_cmp(&b.0);
        let found = if *least { valued.min_by(compare) } else { valued.max_by(compare) };
        if let Some((value, checkpoint)) = found {
            let part = |name: &str| checkpoint.get(name).cloned().unwrap_or_default();
            return json!({
                "model": part("fine_tuned_model_checkpoint"), "step": part("step_number"), "id": part("id"),
                "by": metric, "value": short(value),
            });
        }
    }
    Value::Null
}
