//! Cases, schemas and the rules of the tool list; what the plot shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_fine_tuning_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 16 * 1024);

/// The result of `fine-tune-metrics` for a result file, and what it saved.
fn metrics(csv: &str, arguments: &str) -> (Value, Vec<(String, bytes::Bytes)>) {
    let reply = |body: String| Reply { status: 200, headers: Vec::new(), body: body.into() };
    let job = json!({"id": "ftjob-1", "status": "succeeded", "result_files": ["file-1"]}).to_string();
    let script = Arc::new(Script::new(vec![reply(job), reply(csv.to_owned()), reply(r#"{"data": []}"#.to_owned())]));
    let result = call_tool(&SERVER, "fine-tune-metrics", arguments, script.clone());
    (result, script.saved())
}

/// The picture, and how many of its pixels have each colour.
fn picture(png: &[u8]) -> (u32, u32, std::collections::BTreeMap<[u8; 3], usize>) {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let mut colours = std::collections::BTreeMap::new();
    for pixel in pixels.chunks_exact(3) {
        *colours.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
    }
    (info.width, info.height, colours)
}

fn image(result: &Value) -> Vec<u8> {
    let block = &result["content"][1];
    assert_eq!((&block["type"], &block["mimeType"]), (&json!("image"), &json!("image/png")), "{result}");
    STANDARD.decode(block["data"].as_str().unwrap()).unwrap()
}

const BLUE: [u8; 3] = [31, 119, 180];
const RED: [u8; 3] = [214, 39, 40];

#[test]
fn losses_and_accuracies_are_drawn_in_charts_of_their_own() {
    let rows: String = (1..=40).map(|step| format!("{step},{},{},{}\n", 2.0 / f64::from(step), 0.5, 1.0)).collect();
    let (result, _) =
        metrics(&format!("step,train_loss,train_accuracy,valid_loss\n{rows}"), r#"{"fine_tuning_job_id": "ftjob-1"}"#);
    assert!(result.get("structuredContent").is_none(), "a result with an image has no structured twin");
    let png = image(&result);
    assert!(png.len() < 100_000, "{} bytes", png.len());
    let (width, height, colours) = picture(&png);
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
        "step,train_loss\n-1,1\nx,2\n3,1\n3,2\n",
    ] {
        let (result, _) = metrics(csv, r#"{"fine_tuning_job_id": "ftjob-1"}"#);
        let (width, height, _) = picture(&image(&result));
        assert_eq!((width, height), (960, 360), "{csv}");
    }
}

#[test]
fn the_plot_is_saved_where_asked() {
    let (result, saved) =
        metrics("step,train_loss\n1,2\n2,1\n", r#"{"fine_tuning_job_id": "ftjob-1", "save_to": "curves.png"}"#);
    let [(path, content)] = saved.as_slice() else { panic!("{saved:?}") };
    assert_eq!((path.as_str(), content.to_vec()), ("curves.png", image(&result)));
    let (result, saved) =
        metrics("step,train_loss\n1,2\n", r#"{"fine_tuning_job_id": "ftjob-1", "save_to": "a.png", "plot": false}"#);
    assert_eq!((saved.len(), result["content"].as_array().unwrap().len()), (1, 1));
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
