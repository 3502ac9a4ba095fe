//! Cases, schemas and the rules of the tool list; what the plot shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use openai_fine_tuning_mcp::SERVER;
use openai_mcp_testkit::case::{call_tool, call_with_progress};
use openai_mcp_testkit::picture::{colours, pixels, shown};
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 11 * 1024);

/// The result of `fine-tune-metrics` for a result file, and what it saved.
fn metrics(csv: &str, arguments: &str) -> (Value, Vec<(String, Bytes)>) {
    let job = Reply::json(&json!({"id": "ftjob-1", "status": "succeeded", "result_files": ["file-1"]}));
    let events = Reply::json(&json!({"data": []}));
    let script = Arc::new(Script::new(vec![job, Reply::new(200, csv.to_owned()), events]));
    let result = call_tool(&SERVER, "fine-tune-metrics", arguments, script.clone());
    (result, script.saved())
}

const BLUE: [u8; 3] = [31, 119, 180];
const RED: [u8; 3] = [214, 39, 40];

#[test]
fn losses_and_accuracies_are_drawn_in_charts_of_their_own() {
    let rows: String = (1..=40).map(|step| format!("{step},{},{},{}\n", 2.0 / f64::from(step), 0.5, 1.0)).collect();
    let (result, _) =
        metrics(&format!("step,train_loss,train_accuracy,valid_loss\n{rows}"), r#"{"fine_tuning_job_id": "ftjob-1"}"#);
    assert!(result.get("structuredContent").is_none(), "a result with an image has no structured twin");
    let png = shown(&result);
    assert!(png.len() < 100_000, "{} bytes", png.len());
    let (width, height, colours) = colours(&png);
    assert_eq!((width, height), (960, 720));
    // Two curves above, one below; each is as long as the chart is wide, at the least.
    assert!(colours[&BLUE] > 1200 && colours[&RED] > 700, "{:?} {:?}", colours.get(&BLUE), colours.get(&RED));
    // Letters, which are black.
    assert!(colours[&[0, 0, 0]] > 500);
}

#[test]
fn odd_numbers_are_drawn_without_harm() {
    for csv in [
        "step,train_loss\n5,0.5\n",
        "step,train_loss\n1,1e300\n2,-1e300\n",
        "step,train_loss\n1,nan\n2,inf\n3,0\n",
        "step,train_loss\n1,1e-9\n2,1.1e-9\n",
        "step,train_loss\n0,1\n1000000000000,1\n",
        "step,train_loss\n1,0\n2,0\n",
        "step,train_loss\n-1,1\nx,2\n3,1\n3,2\n",
        // Apart by more than a number can be, by less than it can show, and by next to nothing.
        "step,train_loss\n1,1.7e308\n2,-1.7e308\n3,1\n",
        "step,train_loss\n1,1\n2,1.0000000000000002\n",
        "step,train_loss\n1,1e300\n2,1.0000000000000002e300\n",
        "step,train_loss\n1,5e-324\n2,0\n",
        "step,train_loss\n999999999999999,1\n1000000000000000,2\n",
    ] {
        let (result, _) = metrics(csv, r#"{"fine_tuning_job_id": "ftjob-1"}"#);
        let (width, height, _) = colours(&shown(&result));
        assert_eq!((width, height), (960, 360), "{csv}");
    }
}

/// A number from -1 to 1 that looks like chance.
fn noise(step: u64) -> f64 {
    f64::from((step.wrapping_mul(2_654_435_761) >> 7) as u16 & 0x3ff) / 511.5 - 1.0
}

#[test]
fn jagged_curves_stay_within_their_chart() {
    for steps in [60, 3000] {
        let rows: String = (1..=steps).map(|step| format!("{step},{},{}\n", 2.0 + noise(step), noise(step))).collect();
        let (result, _) =
            metrics(&format!("step,train_loss,train_accuracy\n{rows}"), r#"{"fine_tuning_job_id": "ftjob-1"}"#);
        let (width, _, pixels) = pixels(&shown(&result));
        let coloured = |[red, green, blue]: [u8; 3]| red != green || green != blue;
        let outside = pixels.iter().enumerate().filter(|(at, pixel)| {
            let (x, y) = (*at as u32 % width, *at as u32 / width % 360);
            !((80..940).contains(&x) && (10..308).contains(&y)) && coloured(**pixel)
        });
        assert_eq!(outside.count(), 0, "{steps} steps");
    }
}

#[test]
fn noise_is_no_overfitting() {
    let reading = |steps: u64, end: f64| {
        let loss = |step: u64| {
            let part = step as f64 / steps as f64;
            0.5 + 1.5 * (-8.0 * part).exp() + end * (part - 0.5).max(0.0) + 0.3 * noise(step)
        };
        let rows: String = (1..=steps).map(|step| format!("{step},{}\n", loss(step))).collect();
        let (result, _) =
            metrics(&format!("step,valid_loss\n{rows}"), r#"{"fine_tuning_job_id": "ftjob-1", "plot": false}"#);
        result["structuredContent"]["reading"].as_str().unwrap().to_owned()
    };
    for steps in [40, 100, 300, 1000, 5000] {
        assert!(reading(steps, 0.0).contains("does not rise"), "{steps}: {}", reading(steps, 0.0));
        assert!(reading(steps, 3.0).contains("memorise"), "{steps}: {}", reading(steps, 3.0));
    }
}

#[test]
fn reinforcement_has_a_most_of_examples() {
    let file = || Reply::json(&json!({"id": "file-1", "object": "file", "purpose": "fine-tune"}));
    let lines =
        |count: usize| Reply::new(200, "{\"messages\": [{\"role\": \"user\", \"content\": \"2+2\"}]}\n".repeat(count));
    let script = Arc::new(Script::new(vec![file(), lines(10), file(), lines(1001)]));
    let arguments = json!({
        "model": "o4-mini", "training_file": "file-1", "validation_file": "file-2", "check": "only",
        "method": {"type": "reinforcement", "reinforcement": {"grader": {}}},
    });
    let result = call_tool(&SERVER, "fine-tune-create", arguments, script);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("expected at most 1000 examples, got 1001"), "{text}");
}

#[test]
fn encodings_that_openai_does_not_read_are_told_by_name() {
    let example =
        json!({"messages": [{"role": "user", "content": "caf\u{e9}"}, {"role": "assistant", "content": "b"}]});
    let lines = format!("{example}\n").repeat(12);
    let utf16: Vec<u8> = format!("\u{feff}{lines}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = lines.chars().map(|letter| letter as u8).collect();
    let rows = [
        (utf16, "`file-1` is UTF-16, expected UTF-8, nothing was created"),
        (
            latin,
            "12 of the 12 examples of `file-1` have faults, nothing was created\nline 1: not UTF-8 text: save the file as UTF-8\nhint",
        ),
    ];
    for (content, expected) in rows {
        let file = json!({"id": "file-1", "object": "file", "bytes": 1000, "purpose": "fine-tune"});
        let script = Script::new(vec![Reply::json(&file), Reply::new(200, content)]);
        let arguments = json!({"model": "gpt-4o-mini", "training_file": "file-1"});
        let result = call_tool(&SERVER, "fine-tune-create", arguments, Arc::new(script));
        let told = result["content"][0]["text"].as_str().unwrap();
        assert!(result["isError"] == true && told.contains(expected), "{told}");
    }
}

#[test]
fn every_event_is_told_however_late() {
    let events: Vec<Value> = (0..6)
        .map(|number| match number {
            0..4 => json!({"id": format!("ev_{number}"), "message": format!("Message {number}"), "data": {}}),
            _ => json!({"id": format!("ev_{number}"), "message": format!("Step {}/2", number - 3), "data": {"step": number - 3, "total_steps": 2}}),
        })
        .collect();
    let mut replies = Vec::new();
    for (status, count) in [("running", 4), ("running", 5), ("running", 6), ("succeeded", 6)] {
        replies.push(Reply::json(&json!({"id": "ftjob-1", "status": status})));
        replies.push(Reply::json(&json!({"data": events.iter().take(count).rev().collect::<Vec<_>>()})));
    }
    let arguments = json!({"fine_tuning_job_id": "ftjob-1"});
    let messages = call_with_progress(&SERVER, "fine-tune-wait", arguments, Arc::new(Script::new(replies)));
    let told: Vec<&str> = messages.iter().filter_map(|message| message["params"]["message"].as_str()).collect();
    assert_eq!(told, ["Message 0", "Message 1", "Message 2", "Message 3", "Step 1/2", "Step 2/2"]);
}

#[test]
fn the_plot_is_saved_where_asked() {
    let (result, saved) =
        metrics("step,train_loss\n1,2\n2,1\n", r#"{"fine_tuning_job_id": "ftjob-1", "save_to": "curves.png"}"#);
    let [(path, content)] = saved.as_slice() else { panic!("{saved:?}") };
    assert_eq!((path.as_str(), content.to_vec()), ("curves.png", shown(&result)));
    let told: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(told["saved_to"], json!({"path": "curves.png", "bytes": content.len()}));
    let (result, saved) =
        metrics("step,train_loss\n1,2\n", r#"{"fine_tuning_job_id": "ftjob-1", "save_to": "a.png", "plot": false}"#);
    assert_eq!((saved.len(), result["content"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn a_wide_table_fits_a_result() {
    let names: String = (0..60).map(|metric| format!(",train_metric_{metric}")).collect();
    let rows: String = (1..=400).map(|step| format!("{step}{}\n", ",0.12345".repeat(60))).collect();
    for plot in [true, false] {
        let arguments = json!({"fine_tuning_job_id": "ftjob-1", "rows": 400, "plot": plot}).to_string();
        let (result, _) = metrics(&format!("step,train_loss{names}\n{rows}"), &arguments);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.len() < 32 * 1024, "{} bytes", text.len());
        let shown: Value = serde_json::from_str(text).unwrap();
        assert_eq!(shown["notes"], json!(["only 50 rows fit a result"]));
        let rows = shown["rows"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0][0], &rows[49][0]), (50, &json!(1), &json!(400)));
    }
}

#[test]
fn a_long_table_is_thinned_evenly() {
    let rows: String = (1..=1000).map(|step| format!("{step},1\n")).collect();
    for most in [2, 7, 20, 500] {
        let arguments = json!({"fine_tuning_job_id": "ftjob-1", "plot": false, "rows": most}).to_string();
        let (result, _) = metrics(&format!("step,train_loss\n{rows}"), &arguments);
        let steps: Vec<u64> = result["structuredContent"]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[0].as_u64().unwrap())
            .collect();
        assert_eq!((steps.len(), steps.first(), steps.last()), (most, Some(&1), Some(&1000)));
        let gaps = steps.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().max().unwrap() - gaps.min().unwrap() <= 1);
    }
}

#[test]
fn a_table_that_has_no_end_is_cut() {
    let notes = |csv: &str| {
        let (result, _) = metrics(csv, r#"{"fine_tuning_job_id": "ftjob-1", "plot": false}"#);
        let shown = result["structuredContent"].clone();
        (shown["notes"][0].as_str().unwrap_or_default().to_owned(), shown["steps"].clone(), shown["columns"].clone())
    };
    // Each row has one metric more than the row before.
    let names: String = (0..3000).map(|metric| format!(",m{metric}")).collect();
    let rows: String = (0..3000).map(|step| format!("{step}{}1\n", ",".repeat(step + 1))).collect();
    let (note, steps, columns) = notes(&format!("step{names}\n{rows}"));
    assert_eq!((note.as_str(), &steps), ("there are more metrics or steps than are read: 100 by 3000", &json!(3000)));
    assert_eq!(columns.as_array().unwrap().len(), 101);
    let rows: String = (0..300_000).map(|step| format!("{step},1\n")).collect();
    let (note, steps, _) = notes(&format!("step,train_loss\n{rows}"));
    assert_eq!(
        (note.as_str(), &steps),
        ("there are more metrics or steps than are read: 1 by 200000", &json!(200_000))
    );
}

#[test]
fn a_result_file_without_end_is_told() {
    let reply = |body: String| Reply { status: 200, headers: Vec::new(), body: body.into() };
    let job = json!({"id": "ftjob-1", "status": "succeeded", "result_files": ["file-1"]}).to_string();
    let none = || reply(r#"{"data": []}"#.to_owned());
    let script = Script::new(vec![reply(job), reply("1,".repeat(9_000_000)), none(), none()]);
    let result = call_tool(&SERVER, "fine-tune-metrics", r#"{"fine_tuning_job_id": "ftjob-1"}"#, Arc::new(script));
    let note = result["structuredContent"]["notes"][0].as_str().unwrap();
    assert!(note.starts_with("file-1 was not read: ") && note.contains("16777216"), "{note}");
}
