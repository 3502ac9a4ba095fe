//! Search over stored vectors, beside the least it could cost: reading the same file and summing its floats.

use std::{fmt::Write as _, fs::File, io::Read as _, path::Path, time::Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::process::{self, Process};
use super::session::Session;
use super::{Bench, Report, median};

const EMBEDDINGS: &str = "/embeddings/mcp";
const DIMENSIONS: usize = 1536;
/// The most a search may take, as a multiple of reading and summing.
const ALLOWED: f64 = 3.0;

impl Bench<'_> {
    /// Fills a collection through the server, on the sandbox, and searches it.
    pub(super) async fn search(&self, report: &mut Report) -> Result<()> {
        let (vectors, rounds) = if self.options.quick { (20_000, 5) } else { (100_000, 11) };
        let folder = tempfile::Builder::new().prefix("store").tempdir_in(&self.scratch)?;
        let texts = folder.path().join("texts.txt");
        std::fs::write(&texts, lines(vectors))?;
        let sandbox = process::command(&self.binary, ["sandbox", "--addr", "127.0.0.1:0"]);
        let (_sandbox, upstream) = Process::serve(sandbox).await.context("openai-mcp sandbox")?;
        let root = folder.path().to_str().context("a target directory that is not UTF-8")?;
        let args = ["serve", "--addr", "127.0.0.1:0", "--servers", "embeddings", "--root", root];
        let mut server = self.server(upstream, &args);
        server.env("OPENAI_MCP_STORE", root);
        let (server, address) = Process::serve(server).await.context("openai-mcp serve")?;
        let mut session = Session::open(address, &server).await?;
        let start = Instant::now();
        let mut offset = Some(0);
        while let Some(from) = offset {
            let arguments = json!({"file": {"path": texts}, "collection": "bench", "offset": from});
            let made = session.call(EMBEDDINGS, "embedding-batch", arguments).await?;
            offset = made.get("next_offset").and_then(Value::as_u64);
            ensure!(
                made.get("failed") == Some(&json!(0)) && offset > Some(from) || offset.is_none(),
                "no progress: {made}"
            );
        }
        let filled = start.elapsed().as_secs_f64();

        let database = folder.path().join("embeddings.db");
        let (mut searches, mut sums, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let query = format!("text {round} of w{round}");
            let arguments = json!({"query": query, "collection": "bench"});
            let start = Instant::now();
            let found = session.call(EMBEDDINGS, "embedding-search", arguments).await?;
            let seconds = start.elapsed().as_secs_f64();
            ensure!(found.get("searched") == Some(&json!(vectors)), "not all were searched: {found}");
            let start = Instant::now();
            std::hint::black_box(sum(&database, vectors * DIMENSIONS)?);
            let least = start.elapsed().as_secs_f64();
            // The first round brings the file into memory.
            if round > 0 {
                searches.push(seconds * 1000.0);
                sums.push(least * 1000.0);
                ratios.push(seconds / least);
            }
        }
        let what = format!("search of {vectors} vectors of {DIMENSIONS}");
        report.figure(format!("{what}, beside reading and summing"), "ms", median(searches), Some(median(sums)), None);
        report.sized(format!("{what}, ratio"), "x", median(ratios), ALLOWED);
        report.figure(format!("{what}, peak memory"), "MB", server.memory("VmHWM")?, None, None);
        report.figure(format!("{vectors} texts into a collection, sandbox"), "s", filled, None, None);
        Ok(())
    }
}

/// Texts of twelve words, no two the same.
fn lines(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(text, "text {number} of");
        for word in 1..10 {
            let _ = write!(text, " w{}", number * word * 7919 % 5003);
        }
        text.push('\n');
    }
    text
}

/// The sum of the first floats of a file.
fn sum(path: &Path, floats: usize) -> Result<f32> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut sums = [0.0f32; 32];
    let mut left = floats * 4;
    while left > 0 {
        let part = buffer.get_mut(..left.min(1 << 20)).context("an empty buffer")?;
        file.read_exact(part)?;
        left -= part.len();
        let (numbers, _) = part.as_chunks::<4>();
        for numbers in numbers.as_chunks::<32>().0 {
            for (sum, bytes) in sums.iter_mut().zip(numbers) {
                *sum += f32::from_le_bytes(*bytes);
            }
        }
    }
    Ok(sums.iter().sum())
}
