//! What a file holds that a model was handed, from the web or by its user.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_graders::import::{File, ImportedRun, read};
use openai_mcp_graders::report;
use openai_mcp_graders::runs::Run;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

use crate::call::call;

/// Requests that one small file may cost.
const REQUESTS: usize = 600;

/// A recording that is cut into pieces.
pub(crate) fn sound(input: &[u8]) {
    let file = json!({"data": STANDARD.encode(input), "filename": "a"});
    let arguments = json!({"file": file, "model": "whisper-1", "split_seconds": 10});
    let script = Arc::new(Script::new(vec![Reply::json(&json!({"text": "a"})); REQUESTS]));
    call(&openai_audio_mcp::SERVER, "audio-transcribe", &arguments, script.clone());
    // The smallest piece there is has ten seconds at 4 kHz.
    let most = 2 + input.len() / 1_000;
    assert!(script.sent().len() <= most, "{} requests for {} bytes", script.sent().len(), input.len());
}

/// A picture that is drawn on, and the same as an answer.
pub(crate) fn picture(input: &[u8]) {
    let image = STANDARD.encode(input);
    let arguments = json!({
        "image": {"data": image, "filename": "a"}, "prompt": "p", "margins": {"left": 8, "right": 8},
    });
    let reply = Reply::json(&json!({"data": [{"b64_json": image}]}));
    let script = Arc::new(Script::new(vec![reply; 2]));
    call(&openai_images_mcp::SERVER, "image-outpaint", &arguments, script.clone());
    call(&openai_images_mcp::SERVER, "image-generate", &json!({"prompt": "p"}), script);
}

/// A table of texts, of the kind that the first byte tells.
pub(crate) fn rows(input: &[u8]) {
    let Some((kind, table)) = input.split_first() else { return };
    let kind = ["csv", "tsv", "jsonl", "json", "txt"][usize::from(*kind) % 5];
    let file = json!({"data": STANDARD.encode(table), "filename": format!("a.{kind}")});
    let no = Reply::new(400, json!({"error": {"message": "no"}}).to_string());
    let script = || Arc::new(Script::new(vec![no.clone(); REQUESTS]));
    let texts = json!({"file": file, "collection": "c"});
    call(&openai_embeddings_mcp::SERVER, "embedding-batch", &texts, script());
    call(&openai_moderation_mcp::SERVER, "moderation-batch", &json!({"file": file}), script());
}

/// Training files of each method.
pub(crate) fn training(input: &[u8]) {
    let file = Reply::json(&json!({"id": "file-1", "object": "file", "purpose": "fine-tune", "bytes": input.len()}));
    let grader = json!({"type": "string_check", "name": "g", "input": "a", "reference": "b", "operation": "eq"});
    for method in [
        json!({"type": "supervised"}),
        json!({"type": "dpo"}),
        json!({"type": "reinforcement", "reinforcement": {"grader": grader}}),
    ] {
        let script = Script::new(vec![file.clone(), Reply::new(200, input.to_vec())]);
        let arguments = json!({"model": "gpt-4.1", "training_file": "file-1", "check": "only", "method": method});
        call(&openai_fine_tuning_mcp::SERVER, "fine-tune-create", &arguments, Arc::new(script));
    }
}

/// A zip with a skill, on its way to the API and back.
pub(crate) fn zip(input: &[u8]) {
    let made = json!({"files": {"data": STANDARD.encode(input), "filename": "a.zip"}});
    let script = |reply: Reply| Arc::new(Script::new(vec![reply]));
    call(&openai_skills_mcp::SERVER, "skill-create", &made, script(Reply::json(&json!({"id": "skill_1"}))));
    let shown = json!({"skill_id": "skill_1"});
    let result = call(&openai_skills_mcp::SERVER, "skill-content", &shown, script(Reply::new(200, input.to_vec())));
    let files = result["structuredContent"]["files"].as_array().map_or(0, Vec::len);
    // The least that an entry of the directory takes.
    assert!(files <= input.len() / 46, "{files} files in {} bytes", input.len());
}

/// A schema for an answer on the first line, and the answer on the others.
pub(crate) fn schema(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (schema, answer) = text.split_once('\n').unwrap_or((&text, "{}"));
    let Ok(schema @ Value::Object(_)) = serde_json::from_str(schema) else { return };
    let message = json!({"role": "assistant", "content": answer});
    let reply =
        Reply::json(&json!({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}));
    let arguments = json!({
        "model": "m", "messages": [{"role": "user", "content": "a"}], "schema": schema, "strict": false,
    });
    call(&openai_chat_mcp::SERVER, "chat-structured-output", &arguments, Arc::new(Script::new(vec![reply; 8])));
}

/// An eval of others, of the kind that the first byte tells, and a report of its runs.
pub(crate) fn evals(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let name = ["a.json", "a.jsonl", "a.yaml", "a.csv"][usize::from(*kind) % 4];
    let text = String::from_utf8_lossy(text);
    let table = File { name: "rows.csv", text: "a,b,__expected\n1,2,contains: x\n" };
    let import = read(&[File { name, text: &text }, table], "gpt-5");
    for imported in &import.evals {
        let runs = imported.runs.iter().filter_map(|run| match run {
            ImportedRun::Done { run, items } => Some(Run { run, items }),
            ImportedRun::Create(_) => None,
        });
        let runs: Vec<Run<'_>> = runs.collect();
        let eval = Value::Object(imported.create.clone());
        let page = report::html(&eval, &runs);
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        for text in [report::markdown(&eval, &runs), report::csv(&runs), report::junit(&eval, &runs)] {
            assert!(!text.is_empty());
        }
    }
}
