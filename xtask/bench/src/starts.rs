//! The binary with all servers: what it takes to start, to lie idle and to be asked for the first time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::load::{Connection, Pipe};
use super::process::Process;
use super::roles::REPLIES;
use super::{Bench, Call, Era, Report, check_list, cold_http, median};

/// Where one door to all servers is.
const DOOR: &str = "/mcp";

impl Bench<'_> {
    /// From the start of the process to its first answer, with all servers, and what all of them weigh.
    pub(super) async fn starts(&self, upstream: SocketAddr, root: &Path, report: &mut Report) -> Result<()> {
        let turns = if self.options.quick { 7 } else { 21 };
        let list = Call::list();
        let small = REPLIES.first().context("no replies")?;
        let path = format!("/v1/vector_stores/{}", small.id);
        let all = || self.server(upstream, &["serve", "--addr", "127.0.0.1:0"]);
        let (mut proxies, mut https, mut pipes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..turns {
            let same = |body: &[u8]| {
                anyhow::ensure!(body == small.body, "the proxy changed the answer");
                Ok(())
            };
            proxies.push(cold_http(self.proxy(upstream), &list, &path, same).await?);
            https.push(cold_http(all(), &list, DOOR, check_list).await?);

            let start = Instant::now();
            let (process, stdin, stdout) = Process::pipe(self.server(upstream, &["stdio"]))?;
            let mut pipe = Pipe::new((stdin, stdout));
            pipe.exchange(&list.rest(Era::Modern)).await.with_context(|| process.tail().text())?;
            pipes.push(start.elapsed().as_secs_f64() * 1000.0);
            check_list(pipe.body())?;
        }
        report.figure("start to first answer, http".into(), "ms", median(https), Some(median(proxies)), Some(8.0));
        report.figure("start to first answer, stdio".into(), "ms", median(pipes), None, Some(5.0));

        let mut domains = Vec::new();
        for folder in std::fs::read_dir(root.join("servers"))? {
            let name = folder?.file_name().to_string_lossy().into_owned();
            let domain = name.strip_prefix("openai-").and_then(|name| name.strip_suffix("-mcp"));
            domains.push(domain.with_context(|| format!("{name} is no openai-{{domain}}-mcp"))?.to_owned());
        }
        // Each is asked for the first time in several processes: the slowest of one alone tells when the machine was busy.
        let mut firsts: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let (mut idle, mut listed) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            let (server, address) = Process::serve(all()).await.context("openai-mcp serve")?;
            idle.push(server.memory("VmRSS")?);
            let mut connection = Connection::open(address).await?;
            for domain in &domains {
                let request = list.http(address, &format!("/{domain}/mcp"), Era::Modern);
                let start = Instant::now();
                connection.exchange(&request).await.with_context(|| server.tail().text())?;
                firsts.entry(domain).or_default().push(start.elapsed().as_secs_f64() * 1000.0);
                check_list(connection.body())?;
            }
            listed.push(server.memory("VmRSS")?);
        }
        report.figure("idle memory, http".into(), "MB", median(idle), None, Some(10.0));
        let medians = firsts.into_iter().map(|(domain, took)| (median(took), domain));
        let (took, domain) = medians.max_by(|one, other| one.0.total_cmp(&other.0)).context("no servers")?;
        report.figure(format!("slowest first tools/list ({domain})"), "ms", took, None, Some(1.0));
        report.figure("memory after all lists, http".into(), "MB", median(listed), None, None);
        let size = std::fs::metadata(&self.binary)?.len() as f64 / 1e6;
        report.sized("size of the binary".into(), "MB", size, 40.0);
        Ok(())
    }
}
