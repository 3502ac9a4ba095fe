//! What is worked out here and not at OpenAI: pictures, sound, grades.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::process::{self, Process, cpu_seconds};
use super::session::Session;
use super::{Bench, Report, median};

const AUDIO: &str = "/audio/mcp";
const EVALS: &str = "/evals/mcp";
const IMAGES: &str = "/images/mcp";
/// Extensions of pictures, which say how they are encoded.
const PICTURES: [&str; 3] = ["jpg", "png", "webp"];
/// Samples a second of the recording, and how many seconds it has: so many that it goes out in pieces.
const RATE: u32 = 16_000;
const SECONDS: u32 = 1_800;
/// Answers that are graded.
const ANSWERS: usize = 100;
/// Measures that no model takes.
const METRICS: [&str; 5] = ["fuzzy_match", "bleu", "gleu", "meteor", "rouge_l"];

impl Bench<'_> {
    /// Enlarges pictures, cuts a recording and grades answers, on the sandbox.
    pub(super) async fn work(&self, report: &mut Report) -> Result<()> {
        let rounds = if self.options.quick { 3 } else { 9 };
        let folder = tempfile::Builder::new().prefix("work").tempdir_in(&self.scratch)?;
        let root = folder.path().to_str().context("a target directory that is not UTF-8")?;
        let sandbox = process::command(&self.binary, ["sandbox", "--addr", "127.0.0.1:0"]);
        let (_sandbox, upstream) = Process::serve(sandbox).await.context("openai-mcp sandbox")?;
        let args = ["serve", "--addr", "127.0.0.1:0", "--servers", "audio,evals,images", "--root", root];
        let mut server = self.server(upstream, &args);
        server.env("OPENAI_MCP_STORE", root);
        let (server, address) = Process::serve(server).await.context("openai-mcp serve")?;
        let mut session = Session::open(address, &server).await?;
        let mut call = async |path, name, arguments: &Value| -> Result<(Value, f64)> {
            let before = cpu_seconds(server.pid())?;
            let answer = session.call(path, name, arguments.clone()).await?;
            Ok((answer, (cpu_seconds(server.pid())? - before) * 1000.0))
        };
        let mut told = |what: String, spent: Vec<f64>| report.figure(what + ", CPU", "ms", median(spent), None, None);

        for extension in PICTURES {
            let (mut drawn, mut enlarged) = (Vec::new(), Vec::new());
            for round in 0..rounds {
                let picture = folder.path().join(format!("{round}.{extension}"));
                let new = json!({"prompt": "a fox", "size": "1536x1024", "save_to": picture});
                drawn.push(call(IMAGES, "image-generate", &new).await?.1);
                let larger = json!({"image": {"path": picture}, "prompt": "a fox", "margins": {"left": 16}});
                enlarged.push(call(IMAGES, "image-outpaint", &larger).await?.1);
            }
            told(format!("a {extension} of 1536x1024 saved and shown small"), drawn);
            told(format!("a {extension} of 1536x1024 enlarged"), enlarged);
        }

        let recording = folder.path().join("recording.wav");
        std::fs::write(&recording, tone())?;
        let arguments = json!({"file": {"path": recording}, "model": "gpt-4o-transcribe"});
        let mut heard = Vec::new();
        for _ in 0..rounds {
            heard.push(call(AUDIO, "audio-transcribe", &arguments).await?.1);
        }
        told(format!("a recording of {} minutes cut", SECONDS / 60), heard);

        let criteria = METRICS.map(|metric| {
            json!({"name": metric, "type": "text_similarity", "evaluation_metric": metric, "pass_threshold": 0.5,
                   "input": "{{sample.output_text}}", "reference": "{{item.reference}}"})
        });
        let config = json!({"type": "custom", "include_sample_schema": true,
                            "item_schema": {"type": "object", "properties": {"reference": {"type": "string"}}}});
        let eval = json!({"data_source_config": config, "testing_criteria": criteria});
        let (eval, _) = call(EVALS, "eval-create", &eval).await?;
        let content: Vec<Value> = (0..ANSWERS).map(answer).collect();
        let run = json!({"eval_id": eval.get("id"),
                         "data_source": {"type": "jsonl", "source": {"type": "file_content", "content": content}}});
        let mut graded = Vec::new();
        for _ in 0..rounds {
            let (run, _) = call(EVALS, "eval-run-create", &run).await?;
            let arguments = json!({"eval_id": eval.get("id"), "run_id": run.get("id")});
            let (run, spent) = call(EVALS, "eval-run-wait", &arguments).await?;
            let graded_all = run.pointer("/object/result_counts/total") == Some(&json!(ANSWERS));
            ensure!(graded_all && run.get("done") == Some(&json!(true)), "the run did not end: {run}");
            graded.push(spent);
        }
        told(format!("{ANSWERS} answers graded by {} measures", METRICS.len()), graded);
        Ok(())
    }
}

/// An answer that is near to what is wanted.
fn answer(number: usize) -> Value {
    let reference = format!("The {number} foxes ran over the hill at night, and none of them came back.");
    let output = format!("At night {number} foxes have run over a hill; none came back.");
    json!({"item": {"reference": reference}, "sample": {"output_text": output}})
}

/// A recording with a pause of a second in each five, as WAV of one channel with samples of 16 bits.
/// <https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html>
fn tone() -> Vec<u8> {
    let length = RATE * SECONDS * 2;
    let mut bytes = [&b"RIFF"[..], &(36 + length).to_le_bytes(), b"WAVEfmt ", &16u32.to_le_bytes()].concat();
    bytes.extend([1u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    bytes.extend([2u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend([&b"data"[..], &length.to_le_bytes()].concat());
    bytes.extend((0..RATE * SECONDS).flat_map(|at| {
        let loud = !(at / RATE).is_multiple_of(5);
        let wave = (f64::from(at) / 20.0).sin() * 8000.0;
        (if loud { wave as i16 } else { 0 }).to_le_bytes()
    }));
    bytes
}
