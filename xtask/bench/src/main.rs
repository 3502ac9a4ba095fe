//! `cargo xtask bench`: what the servers cost, beside a bare reverse proxy measured in the same run.
//!
//! Four processes take part, so that each one's CPU time is its own: the load (this one), the upstream stand-in, the
//! proxy, and the server under test. The machine is taken to be noisy: contestants take turns in short rounds, a ratio
//! is formed within each round, and the median of the rounds is reported.

mod kept;
mod load;
mod process;
mod roles;
mod search;
mod session;
mod starts;
mod streams;
mod work;
mod workers;

use std::{
    collections::BTreeMap,
    env,
    io::Write as _,
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::{Command as Cargo, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use hyper::Uri;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::{
    kept::Kept,
    load::{Connection, Expect, Load, Pipe},
    process::{Process, cpu_seconds},
    roles::{REPLIES, Reply},
};

/// Measure the servers beside a bare reverse proxy
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// Measure less, in a fraction of the time
    #[arg(long)]
    quick: bool,
    /// Measure these parts alone
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Keep the ratios of this run in the repository, as those of the release it is made for
    #[arg(long)]
    keep: bool,
    /// Fail when a target is missed
    #[arg(long)]
    strict: bool,
    /// The `openai-mcp` to measure, instead of a release build of this tree
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Another MCP server that answers the same call; its CPU time is measured when its process id is given
    #[arg(long = "peer", value_name = "NAME=URL[,PID]")]
    peers: Vec<String>,
    /// Where the upstream stand-in listens, for peers that have to be pointed at it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    upstream: SocketAddr,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// CPU time, latency and memory of calls
    Calls,
    /// Starts, idle memory, first lists and size of the binary with all servers
    Starts,
    /// Progress of a hundred calls at once
    Streams,
    /// Memory of big uploads
    Uploads,
    /// Search over stored vectors
    Search,
    /// CPU time of pictures, sound and grading
    Work,
    /// The Workers: sizes, first answer, CPU time of calls
    Workers,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// What the bench runs in processes of their own.
#[derive(Subcommand)]
enum Role {
    /// The upstream stand-in
    #[command(hide = true)]
    Upstream { address: SocketAddr },
    /// The bare reverse proxy
    #[command(hide = true)]
    Proxy { upstream: SocketAddr },
}

const VECTOR_STORE: &str = "/vector-store/mcp";
const FILES: &str = "/files/mcp";
/// What others are measured by.
const PROXY: &str = "bare proxy";

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.role {
        Some(Role::Upstream { address }) => roles::upstream(address),
        Some(Role::Proxy { upstream }) => roles::proxy(upstream),
        None => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "\nbench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).context("not started from a target directory")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("not in the repository")?;
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("no binary at {}", binary.display()))?,
        None if options.only == [Part::Workers] => PathBuf::new(),
        None => {
            cargo(root, &["build", "--quiet", "--release", "--package", "openai-mcp"], target)?;
            target.join("release/openai-mcp")
        }
    };
    let workers = if options.wants(Part::Workers) {
        cargo(root, &["xtask", "worker", "build", "--all"], target)?;
        let built = target.join("workers.json");
        let built = std::fs::read(&built).with_context(|| built.display().to_string())?;
        Some(serde_json::from_slice(&built).context("what was said of the Workers")?)
    } else {
        None
    };
    let bench = Bench { own: own.clone(), binary, workers, scratch: target.join("bench"), options };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(bench.run(root))?;
    let path = target.join("bench.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&report)?)?;
    let missed = report.missed();
    say(&format!("\n{missed} of {} targets missed; all figures in {}", report.targets(), path.display()));
    if options.keep {
        let ratios = report.ratios();
        report.last.replace(ratios.into_iter())?;
    }
    ensure!(missed == 0 || !options.strict, "{missed} targets missed");
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str], target: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Cargo::new(cargo).args(arguments).env("CARGO_TARGET_DIR", target).current_dir(root).status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}

/// What `cargo xtask worker build` says of what it built.
#[derive(Deserialize)]
struct Workers {
    workerd: PathBuf,
    /// By domain.
    built: BTreeMap<String, Worker>,
}

#[derive(Deserialize)]
struct Worker {
    dist: PathBuf,
    /// Bytes of its modules, each gzipped.
    zipped: usize,
    /// Most that they may be.
    budget: usize,
}

struct Bench<'a> {
    own: PathBuf,
    binary: PathBuf,
    workers: Option<Workers>,
    scratch: PathBuf,
    options: &'a Options,
}

/// Everything measured, as written to `bench.json`.
#[derive(Serialize)]
struct Report {
    cpus: usize,
    quick: bool,
    calls: Vec<Row>,
    figures: Vec<Figure>,
    #[serde(skip)]
    last: Kept,
}

/// One program under one load: medians over the rounds, each with the median of its ratio to the proxy.
#[derive(Serialize)]
struct Row {
    program: String,
    reply: String,
    at_once: usize,
    cpu_seconds_per_1000: Option<Compared>,
    p50_us: Compared,
    p99_us: Compared,
    calls_per_second: Compared,
    /// The most CPU time a call may cost, as a multiple of the proxy's.
    target: Option<f64>,
    ok: Option<bool>,
    /// What it cost in the last release.
    last: Option<f64>,
}

#[derive(Serialize)]
struct Compared {
    value: f64,
    ratio: f64,
}

/// A single number: a start, a memory size, a transfer.
#[derive(Serialize)]
struct Figure {
    what: String,
    unit: &'static str,
    value: f64,
    proxy: Option<f64>,
    /// The most it may be.
    target: Option<f64>,
    ok: Option<bool>,
    /// What it was in the last release, if it is a ratio or a size.
    last: Option<f64>,
    kept: bool,
}

impl Report {
    fn verdicts(&self) -> impl Iterator<Item = bool> {
        self.calls.iter().filter_map(|row| row.ok).chain(self.figures.iter().filter_map(|figure| figure.ok))
    }

    fn targets(&self) -> usize {
        self.verdicts().count()
    }

    fn missed(&self) -> usize {
        self.verdicts().filter(|ok| !ok).count()
    }

    /// A time, a memory size or a rate of this machine.
    fn figure(&mut self, what: String, unit: &'static str, value: f64, proxy: Option<f64>, target: Option<f64>) {
        self.put(Figure { what, unit, value, proxy, target, ok: None, last: None, kept: false });
    }

    /// A size or a ratio, which is the same on every machine.
    fn sized(&mut self, what: String, unit: &'static str, value: f64, target: f64) {
        let last = self.last.get(&what);
        self.put(Figure { what, unit, value, proxy: None, target: Some(target), ok: None, last, kept: true });
    }

    fn put(&mut self, mut figure: Figure) {
        figure.ok = figure.target.map(|target| figure.value <= target);
        let (value, unit) = (figure.value, figure.unit);
        let proxy = figure.proxy.map_or(String::new(), |proxy| format!("{proxy:>9.2} {unit}"));
        let aim = figure.target.map_or(String::new(), |target| format!("<= {target} {unit}  {}", verdict(figure.ok)));
        say(&format!("{:<48} {value:>9.2} {unit:<5} {proxy:<15} {aim}{}", figure.what, was(figure.last)));
        self.figures.push(figure);
    }

    /// What is kept of a release.
    fn ratios(&self) -> Vec<(String, f64)> {
        let rows = self.calls.iter().filter_map(|row| {
            let cpu = row.cpu_seconds_per_1000.as_ref().filter(|_| row.target.is_some())?;
            Some((row.key(), cpu.ratio))
        });
        let figures = self.figures.iter().filter(|figure| figure.kept);
        rows.chain(figures.map(|figure| (figure.what.clone(), figure.value))).collect()
    }
}

/// The end of a line: what the last release had.
fn was(last: Option<f64>) -> String {
    last.map_or(String::new(), |last| format!("  (last release {last})"))
}

/// One program in a race: the first of a race is the proxy.
struct Contestant<'a> {
    program: String,
    pid: Option<u32>,
    load: Load<'a>,
    expect: Expect,
    target: Option<f64>,
}

impl Contestant<'_> {
    async fn measure(&mut self, calls: usize) -> Result<Measure> {
        let cpu = || self.pid.map(cpu_seconds).transpose();
        let before = cpu()?;
        let sample = self.load.round(calls, self.expect).await.with_context(|| self.program.clone())?;
        let spent = cpu()?.zip(before).map(|(after, before)| after - before);
        Ok(Measure {
            cpu: spent.map(|seconds| seconds * 1000.0 / sample.calls() as f64),
            p50: sample.percentile(50),
            p99: sample.percentile(99),
            rate: sample.calls_per_second(),
        })
    }
}

struct Measure {
    cpu: Option<f64>,
    p50: f64,
    p99: f64,
    rate: f64,
}

impl Bench<'_> {
    async fn run(self, root: &Path) -> Result<Report> {
        std::fs::create_dir_all(&self.scratch)?;
        let cpus = std::thread::available_parallelism()?.get();
        let last = Kept::read(root)?;
        let quick = self.options.quick;
        let mut report = Report { cpus, quick, calls: Vec::new(), figures: Vec::new(), last };
        let address = self.options.upstream.to_string();
        let (_upstream, upstream) =
            Process::serve(process::command(&self.own, ["upstream", &address])).await.context("the stand-in")?;
        if self.options.wants(Part::Calls) {
            self.calls(upstream, &mut report).await?;
        }
        say(&format!("\n{:<48} {:>15} {:<15} target", "", "", "bare proxy"));
        if self.options.wants(Part::Starts) {
            self.starts(upstream, root, &mut report).await?;
        }
        if self.options.wants(Part::Streams) {
            self.streams(upstream, &mut report).await?;
        }
        if self.options.wants(Part::Uploads) {
            self.uploads(upstream, &mut report).await?;
        }
        if self.options.wants(Part::Search) {
            self.search(&mut report).await?;
        }
        if self.options.wants(Part::Work) {
            self.work(&mut report).await?;
        }
        if let Some(workers) = &self.workers {
            self.workers(upstream, workers, &mut report).await?;
        }
        Ok(report)
    }

    fn proxy(&self, upstream: SocketAddr) -> tokio::process::Command {
        process::command(&self.own, ["proxy", &upstream.to_string()])
    }

    fn server(&self, upstream: SocketAddr, args: &[&str]) -> tokio::process::Command {
        let mut command = process::command(&self.binary, args);
        command.env("OPENAI_BASE_URL", format!("http://{upstream}/v1")).env("OPENAI_API_KEY", "sk-bench");
        command
    }

    fn http(&self, upstream: SocketAddr) -> tokio::process::Command {
        let args = ["serve", "--addr", "127.0.0.1:0", "--servers", "vector-store", "--max-result", "1000000"];
        self.server(upstream, &args)
    }

    fn stdio(&self, upstream: SocketAddr) -> tokio::process::Command {
        self.server(upstream, &["stdio", "vector-store", "--max-result", "1000000"])
    }

    /// Calls per second, latency and CPU time under load, and the memory that takes.
    async fn calls(&self, upstream: SocketAddr, report: &mut Report) -> Result<()> {
        let (rounds, calls) = if self.options.quick { (3, 300) } else { (9, 1000) };
        let (proxy, proxy_address) = Process::serve(self.proxy(upstream)).await.context("the proxy")?;
        let (server, address) = Process::serve(self.http(upstream)).await.context("openai-mcp serve")?;
        let (child, stdin, stdout) = Process::pipe(self.stdio(upstream)).context("openai-mcp stdio")?;
        let mut pipe = Pipe::new((stdin, stdout));
        let peers = self.options.peers.iter().map(|peer| Peer::parse(peer)).collect::<Result<Vec<_>>>()?;
        let said = || format!("openai-mcp serve: {}\nopenai-mcp stdio: {}", server.tail().text(), child.tail().text());

        let list = Call::list();
        let idle = [server.memory("VmRSS")?, proxy.memory("VmRSS")?];
        let mut first = Load::http(address, list.http(address, VECTOR_STORE, Era::Modern), 1).await?;
        check_list(&first.probe().await?).with_context(said)?;
        drop(first);
        pipe.exchange(&list.rest(Era::Modern)).await.with_context(said)?;
        check_list(pipe.body())?;
        let listed = [server.memory("VmRSS")?, child.memory("VmRSS")?];

        say(&Row::heading());
        let mut races: Vec<(usize, &Reply)> = Vec::new();
        for at_once in [1, 8, 64] {
            races.extend(REPLIES.iter().filter(|reply| at_once == 8 || !reply.compact()).map(|reply| (at_once, reply)));
        }
        for (at_once, reply) in races {
            let call = Call::tool("vector-store-get", json!({"vector_store_id": reply.id}));
            let mut race = vec![self.proxy_contestant(&proxy, proxy_address, PROXY, reply, &call, at_once).await?];
            let plain = at_once == 8 && reply.name == "1k";
            for era in [Era::Modern, Era::Legacy].into_iter().filter(|era| plain || *era == Era::Modern) {
                let mut load = Load::http(address, call.http(address, VECTOR_STORE, era), at_once).await?;
                let body = load.probe().await.with_context(said)?;
                check_tool(&body, &reply.value, true)?;
                race.push(Contestant {
                    program: format!("http {}", era.version()),
                    pid: Some(server.pid()),
                    load,
                    expect: Expect { length: body.len(), words: r#""isError":false"# },
                    target: Some(reply.allowed),
                });
            }
            for peer in &peers {
                race.push(peer.contestant(&call, reply, at_once).await?);
            }
            if at_once < 64 {
                let mut load = Load::Stdio { pipe: &mut pipe, rest: call.rest(Era::Modern), in_flight: at_once };
                let body = load.probe().await.with_context(said)?;
                check_tool(&body, &reply.value, true)?;
                race.push(Contestant {
                    program: "stdio".into(),
                    pid: Some(child.pid()),
                    load,
                    expect: Expect { length: body.len(), words: r#""isError":false"# },
                    target: Some(reply.allowed),
                });
            }
            run_race(report, &reply.name, at_once, race, rounds, calls).await.with_context(said)?;
        }

        // Answered from memory: the proxy's 1 KB call is only there as the measure.
        let small = REPLIES.first().context("no replies")?;
        let call = Call::tool("vector-store-get", json!({"vector_store_id": small.id}));
        let mut race = vec![self.proxy_contestant(&proxy, proxy_address, PROXY, small, &call, 8).await?];
        let http = Load::http(address, list.http(address, VECTOR_STORE, Era::Modern), 8).await?;
        let stdio = Load::Stdio { pipe: &mut pipe, rest: list.rest(Era::Modern), in_flight: 8 };
        for (program, pid, mut load) in
            [("http tools/list", server.pid(), http), ("stdio tools/list", child.pid(), stdio)]
        {
            let length = load.probe().await.with_context(said)?.len();
            let expect = Expect { length, words: r#""inputSchema""# };
            race.push(Contestant { program: program.into(), pid: Some(pid), load, expect, target: None });
        }
        run_race(report, "1k", 8, race, rounds, calls).await.with_context(said)?;

        say("");
        let [http_idle, proxy_idle] = idle;
        let [http_listed, stdio_listed] = listed;
        let (mb, ten) = ("MB", Some(10.0));
        report.figure("idle memory, http, listening".into(), mb, http_idle, Some(proxy_idle), ten);
        report.figure("idle memory, http, after tools/list".into(), mb, http_listed, None, ten);
        report.figure("idle memory, stdio, after tools/list".into(), mb, stdio_listed, None, ten);
        let most = Some(proxy.memory("VmHWM")?);
        report.figure("peak memory, http, over all calls above".into(), mb, server.memory("VmHWM")?, most, None);
        report.figure("peak memory, stdio, over all calls above".into(), mb, child.memory("VmHWM")?, None, None);
        Ok(())
    }

    async fn proxy_contestant(
        &self,
        proxy: &Process,
        address: SocketAddr,
        program: &str,
        reply: &Reply,
        call: &Call,
        at_once: usize,
    ) -> Result<Contestant<'static>> {
        let request = call.http(address, &format!("/v1/vector_stores/{}", reply.id), Era::Modern);
        let mut load = Load::http(address, request, at_once).await?;
        ensure!(load.probe().await.context("the proxy")? == reply.body, "the proxy changed the answer");
        Ok(Contestant {
            program: program.into(),
            pid: Some(proxy.pid()),
            load,
            expect: Expect { length: reply.body.len(), words: "" },
            target: None,
        })
    }

    /// Big files, many at once, by path.
    async fn uploads(&self, upstream: SocketAddr, report: &mut Report) -> Result<()> {
        const AT_ONCE: usize = 16;
        let megabytes = if self.options.quick { 64 } else { 256 };
        // Sparse: read like any file, but it takes no room on the disk.
        let file = self.scratch.join("upload.bin");
        std::fs::File::create(&file)?.set_len(megabytes << 20)?;
        let root = self.scratch.to_str().context("a target directory that is not UTF-8")?;
        let args = ["serve", "--addr", "127.0.0.1:0", "--servers", "files", "--root", root];
        let (server, address) = Process::serve(self.server(upstream, &args)).await.context("openai-mcp serve")?;
        let said = || server.tail().text();

        let call = Call::tool("file-upload", json!({"file": {"path": file}, "purpose": "user_data"}));
        let mut load = Load::http(address, call.http(address, FILES, Era::Modern), AT_ONCE).await?;
        let body = load.probe().await.with_context(said)?;
        let arrived = load::parse(&body)?.pointer("/result/structuredContent/bytes").and_then(Value::as_u64);
        ensure!(
            arrived.is_some_and(|arrived| arrived > megabytes << 20),
            "the upload did not arrive whole: {}",
            String::from_utf8_lossy(&body)
        );
        let expect = Expect { length: body.len(), words: r#""isError":false"# };
        let sample = load.round(AT_ONCE, expect).await.with_context(said)?;
        let what = format!("{AT_ONCE} uploads of {megabytes} MB at once");
        report.figure(format!("{what}, peak memory"), "MB", server.memory("VmHWM")?, None, Some(128.0));
        report.figure(format!("{what}, throughput"), "MB/s", sample.calls_per_second() * megabytes as f64, None, None);
        std::fs::remove_file(file)?;
        Ok(())
    }
}

async fn cold_http(
    command: tokio::process::Command,
    call: &Call,
    path: &str,
    check: impl Fn(&[u8]) -> Result<()>,
) -> Result<f64> {
    let start = Instant::now();
    let (process, address) = Process::serve(command).await?;
    let mut connection = Connection::open(address).await?;
    let status = connection.exchange(&call.http(address, path, Era::Modern)).await?;
    let elapsed = start.elapsed().as_secs_f64() * 1000.0;
    ensure!(status == 200, "status {status}: {}", process.tail().text());
    check(connection.body())?;
    Ok(elapsed)
}

/// Lets the contestants take turns, the order turning too, and compares each with the first.
async fn run_race(
    report: &mut Report,
    reply: &str,
    at_once: usize,
    mut race: Vec<Contestant<'_>>,
    rounds: usize,
    calls: usize,
) -> Result<()> {
    for contestant in &mut race {
        contestant.load.round(calls / 3, contestant.expect).await?;
    }
    let mut measured: Vec<Vec<Measure>> = race.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..race.len() {
            let index = (round + turn) % race.len();
            if let (Some(contestant), Some(measures)) = (race.get_mut(index), measured.get_mut(index)) {
                measures.push(contestant.measure(calls).await?);
            }
        }
    }
    let base = measured.first().context("an empty race")?;
    let compare = |own: &[Measure], value: fn(&Measure) -> Option<f64>| {
        let values: Option<Vec<f64>> = own.iter().map(value).collect();
        let ratios: Option<Vec<f64>> =
            own.iter().zip(base).map(|(own, base)| Some(value(own)? / value(base)?)).collect();
        Some(Compared { value: median(values?), ratio: median(ratios?) })
    };
    for (contestant, own) in race.iter().zip(&measured) {
        let cpu = compare(own, |measure| measure.cpu);
        let ok = contestant.target.zip(cpu.as_ref()).map(|(target, cpu)| cpu.ratio <= target);
        let mut row = Row {
            program: contestant.program.clone(),
            reply: reply.into(),
            at_once,
            cpu_seconds_per_1000: cpu,
            p50_us: compare(own, |measure| Some(measure.p50)).context(IDLE)?,
            p99_us: compare(own, |measure| Some(measure.p99)).context(IDLE)?,
            calls_per_second: compare(own, |measure| Some(measure.rate)).context(IDLE)?,
            target: contestant.target,
            ok,
            last: None,
        };
        row.last = report.last.get(&row.key());
        say(&row.line());
        report.calls.push(row);
    }
    Ok(())
}

const IDLE: &str = "a race without rounds";

impl Row {
    /// Its name among what is kept of a release.
    fn key(&self) -> String {
        format!("{}, {}, {} at once", self.program, self.reply, self.at_once)
    }

    fn heading() -> String {
        format!(
            "{:<18} {:<18} {:>7} {:>11} {:>6} {:>9} {:>6} {:>9} {:>6} {:>9} {:>6}  target",
            "program", "reply", "at once", "CPU s/1000", "x", "p50 us", "x", "p99 us", "x", "calls/s", "x"
        )
    }

    fn line(&self) -> String {
        let show = |compared: &Compared| format!("{:>9.0} {:>6.2}", compared.value, compared.ratio);
        let cpu = match &self.cpu_seconds_per_1000 {
            Some(cpu) => format!("{:>11.4} {:>6.2}", cpu.value, cpu.ratio),
            None => format!("{:>18}", "-"),
        };
        let target = self.target.map_or(String::new(), |target| format!("CPU <= {target} x  {}", verdict(self.ok)));
        let last = was(self.last);
        format!(
            "{:<18} {:<18} {:>7} {cpu} {} {} {}  {target}{last}",
            self.program,
            self.reply,
            self.at_once,
            show(&self.p50_us),
            show(&self.p99_us),
            show(&self.calls_per_second),
        )
    }
}

/// Another server, started and pointed at the stand-in by whoever runs the bench.
struct Peer {
    name: String,
    address: SocketAddr,
    path: String,
    pid: Option<u32>,
}

impl Peer {
    fn parse(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once('=').with_context(|| format!("--peer {text}: NAME=URL[,PID] expected"))?;
        let (url, pid) = rest.split_once(',').map_or((rest, None), |(url, pid)| (url, Some(pid)));
        let url: Uri = url.parse().with_context(|| format!("--peer {text}: not a URL"))?;
        ensure!(url.scheme_str() == Some("http"), "--peer {text}: an http:// URL expected");
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let address =
            (host, url.port_u16().unwrap_or(80)).to_socket_addrs()?.next().context("a peer without address")?;
        let pid = pid.map(str::parse).transpose().with_context(|| format!("--peer {text}: not a process id"))?;
        Ok(Self { name: name.into(), address, path: url.path().into(), pid })
    }

    /// Takes the newest era the peer answers rightly in.
    async fn contestant(&self, call: &Call, reply: &Reply, at_once: usize) -> Result<Contestant<'static>> {
        let mut fault = None;
        for era in [Era::Modern, Era::Legacy] {
            let mut load = Load::http(self.address, call.http(self.address, &self.path, era), at_once).await?;
            let body = load.probe().await.and_then(|body| check_tool(&body, &reply.value, false).map(|()| body));
            match body {
                Ok(body) => {
                    return Ok(Contestant {
                        program: self.name.clone(),
                        pid: self.pid,
                        load,
                        expect: Expect { length: body.len(), words: r#""content""# },
                        target: None,
                    });
                }
                Err(error) => fault = Some(error),
            }
        }
        let fault = fault.context("no era")?;
        Err(fault.context(format!("peer {} does not answer vector-store-get", self.name)))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Era {
    Modern,
    Legacy,
}

impl Era {
    fn version(self) -> &'static str {
        match self {
            Self::Modern => "2026-07-28",
            Self::Legacy => "2025-11-25",
        }
    }
}

/// An MCP request.
struct Call {
    method: &'static str,
    name: Option<&'static str>,
    params: Value,
    /// Whether the caller wants to be told of progress.
    told: bool,
}

impl Call {
    fn list() -> Self {
        Self { method: "tools/list", name: None, params: json!({}), told: false }
    }

    fn tool(name: &'static str, arguments: Value) -> Self {
        let params = json!({"name": name, "arguments": arguments});
        Self { method: "tools/call", name: Some(name), params, told: false }
    }

    /// The same by a caller who wants to be told of progress.
    fn told(self) -> Self {
        Self { told: true, ..self }
    }

    /// The message from behind its id on.
    fn rest(&self, era: Era) -> String {
        let mut params = self.params.clone();
        if let (Era::Modern, Some(params)) = (era, params.as_object_mut()) {
            let mut meta = json!({
                "io.modelcontextprotocol/protocolVersion": era.version(),
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1.0.0"},
            });
            if let Some(meta) = meta.as_object_mut().filter(|_| self.told) {
                meta.insert("progressToken".into(), 1.into());
            }
            params.insert("_meta".into(), meta);
        }
        format!(r#","method":"{}","params":{params}}}"#, self.method)
    }

    fn http(&self, address: SocketAddr, path: &str, era: Era) -> Vec<u8> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1{}"#, self.rest(era));
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {}\r\nContent-Length: {}\r\n",
            era.version(),
            body.len()
        );
        if era == Era::Modern {
            head += &format!("Mcp-Method: {}\r\n", self.method);
            if let Some(name) = self.name {
                head += &format!("Mcp-Name: {name}\r\n");
            }
        }
        format!("{head}\r\n{body}").into_bytes()
    }
}

fn check_list(body: &[u8]) -> Result<()> {
    let answer = load::parse(body)?;
    let tools = answer.pointer("/result/tools").and_then(Value::as_array);
    ensure!(tools.is_some_and(|tools| !tools.is_empty()), "not a tool list: {answer}");
    Ok(())
}

/// Checks that the whole answer of the upstream came through: as text and as structured content, or for a peer either.
fn check_tool(body: &[u8], expected: &Value, both: bool) -> Result<()> {
    let answer = load::parse(body)?;
    let text = answer.pointer("/result/content/0/text").and_then(Value::as_str);
    let text = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let text = text.as_ref() == Some(expected);
    let structured = answer.pointer("/result/structuredContent") == Some(expected);
    let failed = answer.pointer("/result/isError") == Some(&Value::Bool(true));
    if failed || !(text || structured) || (both && !(text && structured)) {
        bail!("not the upstream's answer: {}", String::from_utf8_lossy(body));
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn verdict(ok: Option<bool>) -> &'static str {
    match ok {
        Some(true) => "ok",
        Some(false) => "MISS",
        None => "",
    }
}

/// Writes a line of the table; whoever closed the output wants no more of it, and `bench.json` is written all the same.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
