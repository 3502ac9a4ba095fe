//! How a job learned: its curves, what they mean, and which checkpoint is the best.

use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;

use crate::job::{Checkpoints, Events, Get};
use crate::table::{Table, short, smooth};
use crate::{files, plot};

tools![Metrics];

/// Largest result file that is read: some hundred thousand steps.
const LARGEST: usize = 16 * 1024 * 1024;
/// Pages of events that are read while a job runs.
const PAGES: usize = 20;
/// Bytes of a result that are left for notes and the plot's path.
const SPARE: usize = 1024;
/// Rows of the table by default.
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
    /// Of the table, spread over the steps. Default 20.
    rows: Option<Int<2, 500>>,
    /// Losses and accuracies as PNG. Default true.
    plot: Option<bool>,
    /// New local file for the plot.
    save_to: Option<String>,
}

impl Metrics {
    async fn run(self, cx: Context) -> Result<Output> {
        save::format(self.save_to.as_deref(), ("", Some("png")), &[("png", &["png"])])?;
        cx.reserve(self.save_to.as_deref()).await?;
        let id = json!({"fine_tuning_job_id": self.fine_tuning_job_id});
        let job = cx.send(&Get::SPEC, id.clone()).value().await?;
        let mut table = Table::default();
        let mut notes = Vec::new();
        let results = job.get("result_files").and_then(Value::as_array).into_iter().flatten();
        for file in results.filter_map(Value::as_str) {
            let read = match cx.send(&files::Content::SPEC, json!({"file_id": file})).response().await {
                Ok(response) => match response.into_body().collect(LARGEST).await {
                    Ok(file) => {
                        let read = move || (table.read_csv(&file), table);
                        let (outcome, read) = cx.compute(read).await?;
                        table = read;
                        outcome
                    }
                    // It is larger.
                    Err(error) if error.kind() == Kind::Answer => Err(error),
                    Err(error) => return Err(error),
                },
                // Somebody deleted it, or this key or plan may not read it.
                Err(error) if matches!(error.kind(), Kind::Status(400 | 401 | 403 | 404)) => Err(error),
                Err(error) => return Err(error),
            };
            notes.extend(read.err().map(|error| format!("{file} was not read: {}", error.into_text())));
        }
        let source = if table.steps() > 0 { "result file" } else { "events" };
        if source == "events" && !read_events(&cx, &self.fine_tuning_job_id, &mut table).await? {
            notes.push(format!("only the latest {} events were read: earlier steps are missing", PAGES * 100));
        }
        if table.is_cut {
            notes.push(format!(
                "there are more metrics or steps than are read: {} by {}",
                table.columns.len(),
                table.steps()
            ));
        }
        let checkpoints = cx
            .send(&Checkpoints::SPEC, json!({"fine_tuning_job_id": self.fine_tuning_job_id, "limit": 100}))
            .value()
            .await?;
        let checkpoints = checkpoints.get("data").and_then(Value::as_array).cloned().unwrap_or_default();

        let look = move || {
            let (trend, reading, best) = (trend(&table), reading(&table), best(&table, &checkpoints));
            (table, trend, reading, best)
        };
        let (table, trend, reading, best) = cx.compute(look).await?;
        let part = |name: &str| job.get(name).cloned().unwrap_or_default();
        let mut rows = usize::try_from(self.rows.map_or(ROWS, |Int(rows)| rows)).unwrap_or_default();
        let mut columns = vec!["step"];
        columns.extend(table.columns.iter().map(String::as_str));
        let mut shown = json!({
            "job": part("id"),
            "status": part("status"),
            "fine_tuned_model": part("fine_tuned_model"),
            "source": source,
            "steps": table.steps(),
            "trend": trend,
            "reading": reading,
            "best_checkpoint": best,
            "columns": columns,
        });
        let room = cx.max_result().saturating_sub(shown.to_string().len() + SPARE);
        let size = |rows: usize| Value::from(table.sample(rows)).to_string().len();
        if size(rows) > room {
            while rows > 2 && size(rows) > room {
                rows /= 2;
            }
            notes.push(format!("only {} rows fit a result", rows.max(2)));
        }
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("rows".into(), table.sample(rows).into());
            if !notes.is_empty() {
                shown.insert("notes".into(), notes.into());
            }
        }
        let wanted = self.plot != Some(false) || self.save_to.is_some();
        let image = if wanted { cx.compute(move || plot::draw(&table)).await? } else { None };
        let Some(image) = image else { return Ok(Output::json(&shown)) };
        if let (Some(path), Some(shown)) = (self.save_to, shown.as_object_mut()) {
            shown.insert("saved_to".into(), cx.save(path, Body::Full(image.clone())).await?.show());
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

/// Whether these were all.
async fn read_events(cx: &Context, id: &str, table: &mut Table) -> Result<bool> {
    let mut arguments = json!({"fine_tuning_job_id": id, "limit": 100});
    for _ in 0..PAGES {
        let page = cx.send(&Events::SPEC, arguments.clone()).value().await?;
        let events = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        for event in &events {
            table.read_event(event);
        }
        let last = events.last().and_then(|event| event.get("id")).cloned();
        let (Some(last), Some(true)) = (last, page.get("has_more").and_then(Value::as_bool)) else {
            return Ok(true);
        };
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("after".into(), last);
        }
    }
    Ok(false)
}

/// The first and last value of each metric; of those that are to rise or to fall, the best with its step.
fn trend(table: &Table) -> Value {
    let mut trends = serde_json::Map::new();
    for metric in &table.columns {
        let points = table.points(metric);
        let (Some((_, first)), Some((_, last))) = (points.first(), points.last()) else { continue };
        let mut trend = json!({"first": short(*first), "last": short(*last)});
        let rises = plot::rises(metric);
        if let (Some((step, best)), Some(trend)) = (extreme(&points, !rises), trend.as_object_mut())
            && (rises || metric.contains("loss"))
        {
            trend.insert("best".into(), short(best).into());
            trend.insert("best_step".into(), step.into());
        }
        trends.insert(metric.clone(), trend);
    }
    trends.into()
}

fn extreme(points: &[(u64, f64)], least: bool) -> Option<(u64, f64)> {
    let compare = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
    if least { points.iter().min_by(compare).copied() } else { points.iter().rev().max_by(compare).copied() }
}

/// How a curve ends, without the noise of its steps.
struct Course {
    first: f64,
    /// Where it was the best.
    step: u64,
    best: f64,
    last: f64,
    /// It has become worse since, by more than a tenth and more than chance.
    turned: bool,
}

impl Course {
    /// Of two points at least.
    fn of(points: &[(u64, f64)], least: bool) -> Option<Self> {
        // A metric of few steps is of the whole validation set; one of every step is of a batch each time.
        let half = points.len() / 20;
        let curve = smooth(points, half);
        let ((_, first), (end, last)) = (*curve.first()?, *curve.last().filter(|_| curve.len() > 1)?);
        let (step, best) = extreme(&curve, least)?;
        // Second differences hardly see the curve itself; their variance is six times the noise's.
        let bends = points.windows(3).filter_map(|three| match three {
            [(_, a), (_, b), (_, c)] => Some((a - 2.0 * b + c).powi(2)),
            _ => None,
        });
        let chance = match points.len() {
            0..10 => 0.0,
            count => (bends.sum::<f64>() / (6 * (count - 2) * (half + 1)) as f64).sqrt(),
        };
        let worse = if least { last - best } else { best - last };
        Some(Course { first, step, best, last, turned: step < end && worse > (best.abs() * 0.1).max(4.0 * chance) })
    }
}

/// What the curves say, in a sentence.
fn reading(table: &Table) -> String {
    let course = |metric: &str, least: bool| Course::of(&table.points(metric), least);
    if let Some(loss) = ["full_valid_loss", "valid_loss"].iter().find_map(|metric| course(metric, true)) {
        let Course { step, best, last, turned, .. } = loss;
        return if turned {
            format!(
                "validation loss is lowest about step {step} ({}) and {} at the end: the model begins to memorise; \
                 use an earlier checkpoint or fewer epochs",
                short(best),
                short(last)
            )
        } else {
            "validation loss does not rise at the end: no sign of overfitting".into()
        };
    }
    let rewards = |part: &str| {
        let mut names = table.columns.iter().filter(|name| name.contains(part) && name.contains("reward"));
        names.find_map(|metric| course(metric, false).filter(|_| plot::rises(metric)))
    };
    if let Some(Course { step, best, last, turned, .. }) = rewards("valid") {
        return if turned {
            let (best, last) = (short(best), short(last));
            format!(
                "validation reward is highest about step {step} ({best}) and {last} at the end: use an earlier checkpoint"
            )
        } else {
            "validation reward does not fall at the end".into()
        };
    }
    let way = |did: bool, way: &str, not: &str| {
        let way = if did { way } else { not };
        format!("training {way}; without validation metrics overfitting cannot be seen")
    };
    if let Some(Course { first, last, .. }) = course("train_loss", true) {
        way(last < first, "loss fell", "loss did not fall")
    } else if let Some(Course { first, last, .. }) = rewards("train") {
        way(last > first, "reward rose", "reward did not rise")
    } else if table.steps() == 0 {
        "no metrics so far".into()
    } else if table.steps() == 1 {
        "one step so far: too early to tell".into()
    } else {
        "no loss or reward among the metrics that tells how it went".into()
    }
}

/// The checkpoint with the best value of the first metric that tells.
fn best(table: &Table, checkpoints: &[Value]) -> Value {
    for (metric, least) in GOALS {
        let points = table.points(metric);
        let value = |checkpoint: &Value| {
            let own = checkpoint.get("metrics").and_then(|metrics| metrics.get(metric)).and_then(Value::as_f64);
            let step = checkpoint.get("step_number").and_then(Value::as_u64)?;
            own.or_else(|| points.get(points.binary_search_by_key(&step, |(at, _)| *at).ok()?).map(|(_, value)| *value))
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
