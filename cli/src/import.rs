//! `openai-mcp assistants import`: what an export of the Assistants API holds, into the store.

use std::io::Read as _;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use openai_assistants_mcp::import::{BATCH, Export, Outcome, take};
use openai_mcp::SERVERS;
use openai_mcp_native::run::{self, Host, Options, Usual};

/// Reads a file, says what is in it, and takes it in if told to `apply`.
pub(crate) fn run(file: &str, apply: bool, options: &Options) -> ExitCode {
    run::finish(async {
        let mut text = String::new();
        match file {
            "-" => std::io::stdin().read_to_string(&mut text).map(drop),
            file => std::fs::read_to_string(file).map(|read| text = read),
        }
        .map_err(|error| format!("{file}: {error}"))?;
        let export = Export::read(&text).map_err(|error| format!("{file}: {error}"))?;
        for (id, reason) in &export.refused {
            print(&format!("refused {id}: {reason}"))?;
        }
        for (kind, count) in export.counts() {
            print(&format!("{count} {kind}"))?;
        }
        if !apply {
            return print("nothing was changed; --apply takes them in");
        }
        let host = Host::new(options, SERVERS, Usual::None).await?;
        if !host.has_key() {
            return Err("no OpenAI key: set OPENAI_API_KEY; what is taken in belongs to it".into());
        }
        let service = host.service(&openai_assistants_mcp::SERVER)?;
        let cx = service.command();
        let bar = ProgressBar::new(export.objects.len() as u64).with_style(ProgressStyle::default_bar());
        let mut all = Outcome::default();
        for objects in export.objects.chunks(BATCH) {
            let outcome = take(&cx, objects).await.map_err(|error| {
                format!("{error}\nhint: {} are in; the same command goes on from there", all.added + all.present)
            })?;
            all.added += outcome.added;
            all.present += outcome.present;
            all.homeless += outcome.homeless;
            bar.inc(objects.len() as u64);
        }
        bar.finish_and_clear();
        let refused = export.refused.len();
        print(&format!(
            "{} taken in, {} there before, {} messages without their thread, {refused} refused",
            all.added, all.present, all.homeless
        ))
    })
}

fn print(line: &str) -> Result<(), String> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}").map_err(|error| format!("standard output: {error}"))
}
