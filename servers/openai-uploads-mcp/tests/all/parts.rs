//! A file of several parts: each sent once, in order, over several calls if need be.

use std::sync::Arc;

use openai_mcp_testkit::case::{call_tool, give_up};
use openai_mcp_testkit::script::{Reply, Script};
use openai_uploads_mcp::SERVER;
use serde_json::{Value, json};

const MB: usize = 1024 * 1024;

fn upload() -> Reply {
    Reply::json(&json!({"id": "upload_1", "object": "upload", "status": "pending", "expires_at": 3600}))
}

fn part(number: usize) -> Reply {
    Reply::json(&json!({"id": format!("part_{number}"), "object": "upload.part"}))
}

fn completed() -> Reply {
    Reply::json(&json!({"id": "upload_1", "status": "completed", "file": {"id": "file-1"}}))
}

/// A call with a file of 20 MiB of this letter.
fn ask(letter: &str, more: Value) -> Value {
    let mut arguments = json!({"file": {"path": format!("large/{letter}")}, "purpose": "user_data"});
    for (name, value) in more.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    arguments
}

fn requests(script: &Script) -> Vec<String> {
    script.sent().iter().map(|sent| format!("{} {}", sent.method, sent.target)).collect()
}

const CREATE: &str = "POST /uploads";
const PART: &str = "POST /uploads/upload_1/parts";
const COMPLETE: &str = "POST /uploads/upload_1/complete";

#[test]
fn parts_are_put_together_in_order() {
    let script = Arc::new(Script::new(vec![upload(), part(1), part(2), part(3), completed()]));
    let result = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    let told = &result["structuredContent"];
    assert_eq!((&told["done"], &told["uploaded_bytes"]), (&json!(true), &json!(20 * MB)), "{result}");
    assert_eq!(told["object"]["file"]["id"], "file-1");
    assert_eq!(requests(&script), [CREATE, PART, PART, PART, COMPLETE]);
    let sent: Value = serde_json::from_str(&script.sent()[4].body).unwrap();
    // What `md5sum` says of as many letters.
    let whole = json!({"part_ids": ["part_1", "part_2", "part_3"], "md5": "536cb0e6626114783f53870132bac5cb"});
    assert_eq!(sent, whole);
}

#[test]
fn a_call_whose_time_is_up_is_gone_on_with() {
    let replies = vec![upload(), part(1), part(2), part(3), completed()];
    let script = Arc::new(Script::new(replies));
    let timeout = || ask("a", json!({"timeout": 0}));
    let first = call_tool(&SERVER, "upload-file", timeout(), script.clone());
    let told = &first["structuredContent"];
    assert_eq!((&told["done"], &told["uploaded_bytes"]), (&json!(false), &json!(8 * MB)), "{first}");
    let next = ask("a", json!({"upload_id": "upload_1"}));
    assert_eq!(told["next"], json!({"tool": "upload-file", "arguments": next}));
    // By its handle, then by the same words.
    let second =
        call_tool(&SERVER, "upload-file", ask("a", json!({"timeout": 0, "upload_id": "upload_1"})), script.clone());
    assert_eq!(second["structuredContent"]["uploaded_bytes"], 16 * MB, "{second}");
    let third = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert_eq!(third["structuredContent"]["done"], true, "{third}");
    assert_eq!(requests(&script), [CREATE, PART, PART, PART, COMPLETE]);
    let ended = call_tool(&SERVER, "upload-file", ask("a", json!({"upload_id": "upload_1"})), script);
    assert_eq!(ended["isError"], true, "what has ended is forgotten: {ended}");
}

#[test]
fn what_changed_meanwhile_is_begun_anew() {
    let replies = vec![upload(), part(1), Reply::json(&json!({"id": "upload_1", "status": "cancelled"}))];
    let script = Arc::new(Script::new(replies));
    call_tool(&SERVER, "upload-file", ask("a", json!({"timeout": 0})), script.clone());
    let other = call_tool(&SERVER, "upload-file", ask("b", json!({"upload_id": "upload_1"})), script.clone());
    assert_eq!(other["isError"], true, "{other}");
    assert_eq!(requests(&script), [CREATE, PART, "POST /uploads/upload_1/cancel"]);
}

#[test]
fn a_crash_loses_no_part() {
    let script = Arc::new(Script::new(vec![upload(), part(1)]));
    let crashed = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert_eq!(crashed["isError"], true, "{crashed}");
    let before = script.sent().len();
    script.reply(vec![part(2), part(3), completed()]);
    let resumed = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert_eq!(resumed["structuredContent"]["done"], true, "{resumed}");
    assert_eq!(requests(&script)[before..], [PART, PART, COMPLETE]);
}

/// OpenAI refuses to complete what is completed, so that a call whose answer was lost is not made again for ever.
#[test]
fn who_lost_the_last_answer_is_told_where_the_file_may_be() {
    let script = Arc::new(Script::new(vec![upload(), part(1), part(2), part(3)]));
    let lost = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert!(lost["content"][0]["text"].as_str().unwrap().contains("file-list shows"), "{lost}");
    let completed_already = json!({"error": {"message": "Upload has status 'completed', not 'pending'."}});
    script.reply(vec![Reply::new(400, completed_already.to_string())]);
    let again = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert!(again["content"][0]["text"].as_str().unwrap().contains("file-list shows"), "{again}");
    let before = script.sent().len();
    script.reply(vec![upload(), part(1), part(2), part(3), completed()]);
    let anew = call_tool(&SERVER, "upload-file", ask("a", json!({})), script.clone());
    assert_eq!(anew["structuredContent"]["done"], true, "{anew}");
    assert_eq!(requests(&script)[before..], [CREATE, PART, PART, PART, COMPLETE]);
}

const CANCEL: &str = "POST /uploads/upload_1/cancel";

#[test]
fn a_call_that_is_given_up_is_cancelled_unless_it_is_made_again() {
    let given_up = |more: Value| {
        let script = Arc::new(Script::new(vec![upload(), part(1)]).then_silent());
        give_up(&SERVER, "upload-file", ask("a", more), &script);
        script
    };
    let cancelled = Reply::json(&json!({"id": "upload_1", "status": "cancelled"}));

    let left = given_up(json!({}));
    let before = left.sent().len();
    left.reply(vec![cancelled.clone()]);
    left.tidy_up();
    assert_eq!(requests(&left)[before..], [CANCEL]);

    let kept = given_up(json!({"keep": true}));
    let before = kept.sent().len();
    kept.tidy_up();
    assert_eq!(requests(&kept).len(), before, "what is to be kept is kept");

    let again = given_up(json!({}));
    let before = again.sent().len();
    again.reply(vec![part(2), part(3), completed()]);
    let result = call_tool(&SERVER, "upload-file", ask("a", json!({})), again.clone());
    assert_eq!(result["structuredContent"]["done"], true, "{result}");
    again.tidy_up();
    assert!(!requests(&again)[before..].contains(&CANCEL.to_owned()), "{:?}", requests(&again));
}
