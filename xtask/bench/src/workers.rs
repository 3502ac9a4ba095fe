//! The Workers on workerd, beside a plain-JavaScript Worker that proxies without looking at what it passes on. What that
//! spares is more than ours could: another does in plain JavaScript what a server of MCP has to for this one call.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::load::Load;
use super::process::{self, Process};
use super::roles::REPLIES;
use super::{
    Bench, Call, Contestant, Era, Expect, Report, Row, Workers, check_list, check_tool, cold_http, median, run_race,
    say,
};

/// What a call may cost by the size of its answer, as a multiple of the CPU time of the plain Worker.
const CPU: [(&str, f64); 3] = [("1k", 1.8), ("20k", 1.8), ("60k", 2.2)];
/// Milliseconds that the first answer may come after that of the plain Worker.
const LATER: f64 = 10.0;
/// Callers of Workers bring a key of their own.
const PATH: &str = "/mcp/sk-bench";

/// Reads the call, as any server must, and asks the same of OpenAI.
const PLAIN: &str = r#"
export default {
  async fetch(request) {
    await request.arrayBuffer();
    const { pathname } = new URL(request.url);
    const headers = { authorization: 'Bearer sk-bench', accept: 'application/json' };
    return fetch('https://api.openai.com' + pathname, { headers });
  },
};
"#;

/// Checks the key and the call, and answers with the text and the structure. It knows one tool, and neither retries nor says
/// what is wrong.
const SERVES: &str = r#"
const refuse = (status) => new Response(null, { status });

export default {
  async fetch(request) {
    const key = new URL(request.url).pathname.slice('/mcp/'.length);
    if (!key.startsWith('sk-')) return refuse(401);
    if (request.headers.has('origin')) return refuse(403);
    const { id, method, params } = await request.json();
    const { vector_store_id } = params.arguments;
    if (method !== request.headers.get('mcp-method') || typeof vector_store_id !== 'string') return refuse(400);
    if (params.name !== request.headers.get('mcp-name') || params.name !== 'vector-store-get') return refuse(400);
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 600_000);
    const answer = await fetch(`https://api.openai.com/v1/vector_stores/${encodeURIComponent(vector_store_id)}`, {
      headers: { authorization: `Bearer ${key}`, accept: 'application/json' },
      signal: controller.signal,
      redirect: 'manual',
      cache: 'no-store',
    });
    const structuredContent = await answer.json();
    clearTimeout(timer);
    const content = [{ type: 'text', text: JSON.stringify(structuredContent) }];
    return Response.json({ jsonrpc: '2.0', id, result: { content, structuredContent, isError: !answer.ok } });
  },
};
"#;

/// A Worker of one module in workerd's words.
fn scripted(script: &str) -> String {
    format!(
        "(modules = [(name = \"index.js\", esModule = {})], compatibilityDate = \"2026-11-01\", \
         globalOutbound = \"internet\")",
        serde_json::Value::from(script)
    )
}

impl Bench<'_> {
    pub(super) async fn workers(&self, upstream: SocketAddr, workers: &Workers, report: &mut Report) -> Result<()> {
        say(&format!("\n{:<48} {:>15} {:<15} target", "Workers", "", "plain JS"));
        for (domain, worker) in &workers.built {
            let what = format!("size of {domain}, gzipped");
            report.sized(what, "KB", worker.zipped as f64 / 1000.0, worker.budget as f64 / 1000.0);
        }
        let ours = workers.built.get("vector-store").context("no vector-store Worker")?;
        let ours = format!("import \"{}\".worker", ours.dist.join("worker.capnp").display());
        let ours = self.config("worker", &ours, upstream)?;
        let plain = self.config("plain", &scripted(PLAIN), upstream)?;
        let serves = self.config("serves", &scripted(SERVES), upstream)?;

        let list = Call::list();
        let (mut starts, mut plain_starts) = (Vec::new(), Vec::new());
        let small = REPLIES.first().context("no replies")?;
        let path = format!("/v1/vector_stores/{}", small.id);
        for _ in 0..if self.options.quick { 7 } else { 21 } {
            plain_starts.push(cold_http(workers.command(&plain), &list, &path, |_| Ok(())).await?);
            starts.push(cold_http(workers.command(&ours), &list, PATH, check_list).await?);
        }
        let plain_start = median(plain_starts);
        let what = "spawn to first answer, Worker on workerd";
        report.figure(what.into(), "ms", median(starts), Some(plain_start), Some(plain_start + LATER));

        say(&Row::heading());
        let (rounds, calls) = if self.options.quick { (3, 300) } else { (9, 1000) };
        let (server, address) = Process::serve(workers.command(&ours)).await.context("workerd")?;
        let (bare, bare_address) = Process::serve(workers.command(&plain)).await.context("workerd")?;
        let (peer, peer_address) = Process::serve(workers.command(&serves)).await.context("workerd")?;
        for reply in REPLIES.iter() {
            let Some((_, allowed)) = CPU.into_iter().find(|(name, _)| *name == reply.name) else { continue };
            let call = Call::tool("vector-store-get", json!({"vector_store_id": reply.id}));
            let mut race = vec![self.proxy_contestant(&bare, bare_address, "plain JS Worker", reply, &call, 8).await?];
            for (program, process, address, target) in
                [("JS that serves MCP", &peer, peer_address, None), ("Worker", &server, address, Some(allowed))]
            {
                let mut load = Load::http(address, call.http(address, PATH, Era::Modern), 8).await?;
                let body = load.probe().await.with_context(|| process.tail().text())?;
                check_tool(&body, &reply.value, true)?;
                race.push(Contestant {
                    program: program.into(),
                    pid: Some(process.pid()),
                    load,
                    expect: Expect { length: body.len(), words: r#""isError":false"# },
                    target,
                });
            }
            run_race(report, &reply.name, 8, race, rounds, calls).await.with_context(|| server.tail().text())?;
        }
        Ok(())
    }

    /// A configuration of workerd for one Worker, with the stand-in for all of the internet.
    fn config(&self, name: &str, worker: &str, upstream: SocketAddr) -> Result<std::path::PathBuf> {
        let mut text = String::from("using Workerd = import \"/workerd/workerd.capnp\";\n");
        writeln!(
            text,
            "const config :Workerd.Config = (services = [(name = \"main\", worker = {worker}), \
             (name = \"internet\", external = (address = \"{upstream}\", http = ()))], \
             sockets = [(name = \"http\", address = \"127.0.0.1:0\", http = (), service = \"main\")]);"
        )?;
        let path = self.scratch.join(format!("{name}.capnp"));
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

impl Workers {
    fn command(&self, config: &Path) -> tokio::process::Command {
        let mut command = process::command(&self.workerd, ["serve", "--import-path=/", "--control-fd=2"]);
        command.arg(config).env("OPENAI_MCP_MAX_RESULT", "1000000");
        command
    }
}
