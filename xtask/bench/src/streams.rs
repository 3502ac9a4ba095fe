//! Progress under load: how long after OpenAI's first piece of text the caller has it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::process::Process;
use super::roles::{SENT, now};
use super::{Bench, Call, Era, Report};

const AT_ONCE: usize = 100;
const CHAT: &str = "/chat/mcp";
/// Digits of that time: nanoseconds since 1970.
const DIGITS: usize = 19;
/// Longer than any stream here can take.
const HANG: Duration = Duration::from_secs(60);

impl Bench<'_> {
    /// A hundred answers that are streamed at once.
    pub(super) async fn streams(&self, upstream: SocketAddr, report: &mut Report) -> Result<()> {
        let args = ["serve", "--addr", "127.0.0.1:0", "--servers", "chat"];
        let (server, address) = Process::serve(self.server(upstream, &args)).await.context("openai-mcp serve")?;
        let call = Call::tool(
            "chat-completion-stream",
            json!({"model": "bench", "messages": [{"role": "user", "content": "When?"}]}),
        );
        let request = call.told().http(address, CHAT, Era::Modern);
        let mut delays = Vec::new();
        for round in 0..if self.options.quick { 3 } else { 9 } {
            let calls = (0..AT_ONCE).map(|_| first_piece(address, &request));
            let all = timeout(HANG, try_join_all(calls)).await.context("a stream did not end")?;
            let all = all.with_context(|| server.tail().text())?;
            // The first round opens the connections to the stand-in.
            if round > 0 {
                delays.extend(all);
            }
        }
        delays.sort_unstable_by(f64::total_cmp);
        let p99 = delays.get(delays.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        report.figure(format!("{AT_ONCE} streams at once, first text late, p99"), "ms", p99, None, Some(10.0));
        Ok(())
    }
}

/// Milliseconds from the sending of the first piece of text to its arrival here; the answer is read to its end.
async fn first_piece(address: SocketAddr, request: &[u8]) -> Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    let (mut read, mut delay) = (Vec::new(), None);
    loop {
        let count = stream.read_buf(&mut read).await?;
        let arrived = now();
        let text = String::from_utf8_lossy(&read);
        if delay.is_none() {
            let digits = text.split_once(SENT).and_then(|(_, rest)| rest.get(..DIGITS));
            let sent: Option<u128> = digits.map(str::parse).transpose()?;
            delay = sent.map(|sent| arrived.saturating_sub(sent) as f64 / 1e6);
        }
        if text.contains(r#""isError":false"#) {
            return delay.context("no text was told before the answer");
        }
        ensure!(count > 0, "the stream ended before its answer: {text}");
    }
}
