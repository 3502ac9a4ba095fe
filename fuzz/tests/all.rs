//! Every target on its corpus, and on mutations of it that are the same in every run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use openai_mcp_fuzz::{TARGETS, Target, corpus, mutated, target};

fn hold(name: &str) {
    let Target { run, mutations, .. } = target(name);
    let seeds = corpus(name);
    let mut broken = Vec::new();
    let mut hold = |what: String, input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| run(input))).is_err() {
            broken.push(format!("{what}: {:?}", String::from_utf8_lossy(&input[..input.len().min(400)])));
        }
    };
    for (file, input) in &seeds {
        hold(file.display().to_string(), input);
    }
    for number in 0..*mutations {
        hold(format!("mutation {number}"), &mutated(&mut Rng::with_seed(number), &seeds));
    }
    assert!(broken.is_empty(), "{name} does not hold for {}:\n{}", broken.len(), broken.join("\n"));
}

macro_rules! targets {
    ($($test:ident $name:literal)*) => {
        $(#[test] fn $test() { hold($name); })*

        #[test]
        fn every_target_is_run() {
            let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
            // A long run takes its targets from the folders.
            let corpora = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).unwrap();
            let mut corpora: Vec<_> = corpora.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
            names.sort_unstable();
            corpora.sort_unstable();
            assert_eq!(corpora, names);
        }
    };
}

targets! {
    envelope "envelope"
    arguments "arguments"
    line "line"
    door "door"
    multipart "multipart"
    events "events"
    redaction "redaction"
    image_answer "image-answer"
    socket "socket"
    speech "speech"
    metrics "metrics"
    sound "sound"
    picture "picture"
    rows "rows"
    training "training"
    schema "schema"
    zip "zip"
    evals "evals"
}
