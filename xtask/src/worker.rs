//! Cloudflare Workers: `cargo xtask worker build|serve|deploy`.
#![allow(clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::tools::{WASM, execute, install_wasm, node_packages};
use crate::workspace::{Workspace, cargo, domain, newer};
use crate::wrangler::{self, Config, WRANGLER};

/// Most bytes of a Worker's modules, each gzipped. More costs start-up time on every machine of the edge. A Worker that
/// needs more says so in its manifest, as `worker_budget` of `[package.metadata]`, and why.
const BUDGET: usize = 249_000;

/// Arguments of `cargo xtask worker`.
#[derive(clap::Subcommand)]
pub(crate) enum Task {
    /// Build Workers into servers/*/worker/dist and print their sizes
    Build(Which),
    /// Build Workers and print what their code is made of, by crate and module
    Sizes(Which),
    /// Build Workers and serve them on this machine, one port each, with the variables of the environment
    Serve {
        #[command(flatten)]
        which: Which,
        /// Port of the first server
        #[arg(long, default_value_t = 8788)]
        port: u16,
    },
    /// Build Workers and hand them to wrangler
    Deploy {
        #[command(flatten)]
        which: Which,
        /// To the staging environment of wrangler.jsonc
        #[arg(long)]
        staging: bool,
        /// Do everything except the upload
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which Workers.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// Domains, as `files`
    #[arg(required_unless_present = "all")]
    domains: Vec<String>,
    /// Every server
    #[arg(long, conflicts_with = "domains")]
    all: bool,
}

/// How a Worker is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Make {
    /// As it is deployed: small, which takes half a minute each.
    Shipped,
    /// As most are tested: the same code and glue, compiled quickly.
    Tested,
}

impl Make {
    /// The profile of Cargo.toml.
    fn profile(self) -> &'static str {
        match self {
            Make::Shipped => "worker",
            Make::Tested => "worker-test",
        }
    }
}

/// Where the program that makes modules of wasm comes from.
#[derive(Clone, Copy)]
enum Packer {
    /// Cargo makes it.
    Made,
    /// It was made with the whole workspace. Alone cargo would make it anew: its dependencies have fewer features then.
    Built,
}

impl Packer {
    const NAME: &str = "openai-mcp-worker-pack";

    fn command(self, workspace: &Workspace) -> Command {
        match self {
            Packer::Made => {
                let mut command = cargo();
                command.args(["run", "--quiet", "--package", Self::NAME, "--"]);
                command
            }
            Packer::Built => Command::new(workspace.target.join("debug").join(Self::NAME)),
        }
    }
}

/// The Workers that are tested as they are deployed: one that keeps a store, a plain one, one that
/// decodes images, and one that streams. A fault of what makes them small, and growth of what all share, shows in these.
const SAMPLES: [&str; 4] = ["embeddings", "files", "images", "responses"];

const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// One server's Worker.
struct Worker {
    domain: String,
    /// The server's folder.
    folder: PathBuf,
    package: String,
    /// Most bytes of its modules, each gzipped.
    budget: usize,
}

impl Worker {
    fn dist(&self) -> PathBuf {
        self.folder.join("worker/dist")
    }

    /// What cargo makes of it.
    fn wasm(&self, workspace: &Workspace, make: Make) -> PathBuf {
        workspace.target.join(WASM).join(make.profile()).join(format!("{}.wasm", self.package.replace('-', "_")))
    }

    fn of(workspace: &Workspace, domain: &str, folder: PathBuf, package: String) -> Result<Self> {
        let known = workspace.packages.iter().find(|member| member.name == package);
        let metadata = known.with_context(|| format!("there is no {package}"))?.metadata.as_ref();
        let budget = metadata.and_then(|metadata| metadata.worker_budget).unwrap_or(BUDGET);
        Ok(Self { domain: domain.to_owned(), folder, package, budget })
    }

    fn config(&self) -> Result<Config> {
        Config::read(&self.folder)
    }
}

/// Does what is asked.
pub(crate) fn run(task: &Task) -> Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Build(which) => {
            let workers = chosen(with_fixture(&workspace)?, which)?;
            build(&workspace, &workers, Make::Shipped, Packer::Made)?;
            tell(&workspace, &workers)
        }
        Task::Sizes(which) => {
            let workers = chosen(with_fixture(&workspace)?, which)?;
            compile(&workers, Make::Shipped, cargo)?;
            let mut sizes = Packer::Made.command(&workspace);
            sizes.arg("sizes");
            for worker in &workers {
                sizes.arg(&worker.domain).arg(worker.wasm(&workspace, Make::Shipped));
            }
            execute(&mut sizes)
        }
        Task::Serve { which, port } => {
            let workers = chosen(all(&workspace)?, which)?;
            build(&workspace, &workers, Make::Shipped, Packer::Made)?;
            serve(&workspace, &workers, *port)
        }
        Task::Deploy { which, staging, dry_run } => {
            let workers = chosen(all(&workspace)?, which)?;
            // All of them before the first goes out.
            for worker in &workers {
                let checked = worker.config()?.check(*staging, !dry_run);
                checked.with_context(|| worker.folder.join(wrangler::FILE).display().to_string())?;
            }
            build(&workspace, &workers, Make::Shipped, Packer::Made)?;
            for worker in &workers {
                let mut wrangler = Command::new("npx");
                wrangler.args(["--yes", WRANGLER, "deploy"]).current_dir(&worker.folder);
                // Without a choice wrangler warns about the environments that it was not given.
                wrangler.args(["--env", if *staging { "staging" } else { "" }]);
                // It would make databases that have no id, and write theirs into the file, where staging's becomes
                // production's.
                wrangler.arg("--x-provision=false");
                if *dry_run {
                    wrangler.args(["--dry-run"]);
                }
                execute(&mut wrangler)?;
            }
            Ok(())
        }
    }
}

/// Builds every Worker, and that of the tests' own server, for the tests: samples as they are deployed. The programs of
/// the workspace are built already. `cargo` compiles what is not shipped, and may lint it.
pub(crate) fn build_for_tests(workspace: &Workspace, cargo: fn() -> Command) -> Result<()> {
    let (shipped, tested): (Vec<_>, Vec<_>) =
        with_fixture(workspace)?.into_iter().partition(|worker| SAMPLES.contains(&worker.domain.as_str()));
    compile(&shipped, Make::Shipped, crate::workspace::cargo)?;
    // What shrinks one Worker keeps one core busy, and the largest takes longest.
    thread::scope(|scope| {
        let shipping = scope.spawn(|| pack(workspace, &shipped, Make::Shipped, Packer::Built));
        compile_for_tests(workspace, cargo)?;
        shipping.join().map_err(|_| anyhow!("a thread panicked"))?
    })?;
    pack(workspace, &tested, Make::Tested, Packer::Built)
}

/// Compiles every Worker as most are tested, the samples too: a native build leaves Workers empty, and here the kernel
/// and every server are compiled where there is no socket, clock or disk.
pub(crate) fn compile_for_tests(workspace: &Workspace, cargo: fn() -> Command) -> Result<()> {
    compile(&with_fixture(workspace)?, Make::Tested, cargo)
}

fn with_fixture(workspace: &Workspace) -> Result<Vec<Worker>> {
    let mut workers = all(workspace)?;
    let folder = workspace.root.join("e2e");
    workers.push(Worker::of(workspace, "everything", folder, "openai-mcp-e2e-worker".into())?);
    Ok(workers)
}

fn all(workspace: &Workspace) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for package in workspace.members("servers") {
        let domain = domain(&package.name).with_context(|| format!("{} is no openai-{{domain}}-mcp", package.name))?;
        let name = format!("{}-worker", package.name);
        workers.push(Worker::of(workspace, domain, package.folder().to_owned(), name)?);
    }
    Ok(workers)
}

fn chosen(mut workers: Vec<Worker>, which: &Which) -> Result<Vec<Worker>> {
    for domain in &which.domains {
        if !workers.iter().any(|worker| worker.domain == *domain) {
            let known: Vec<_> = workers.iter().map(|worker| worker.domain.as_str()).collect();
            bail!("there is no server `{domain}`; there are {}", known.join(", "));
        }
    }
    workers.retain(|worker| which.all || which.domains.contains(&worker.domain));
    Ok(workers)
}

/// Compiles Workers to wasm.
fn compile(workers: &[Worker], make: Make, cargo: fn() -> Command) -> Result<()> {
    install_wasm()?;
    // One call, so that all share their dependencies.
    let mut compile = cargo();
    compile.args(["build", "--quiet", "--profile", make.profile(), "--target", WASM]);
    for worker in workers {
        compile.args(["--package", &worker.package]);
    }
    // SHA-256 in loops: unrolled it weighs 5 KB more. Bytes are searched sixteen at a time, as every V8 can.
    let mut flags = vec!["--cfg=sha2_backend_soft=\"compact\"".to_owned(), "-Ctarget-feature=+simd128".to_owned()];
    // Messages of panics name source files: as they are in the package, not as they are on this machine.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).context("there is no home")?;
    for index in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        flags.push(format!("--remap-path-prefix={}=", index?.path().display()));
    }
    compile.env(RUSTFLAGS, flags.join(" "));
    execute(&mut compile)
}

fn build(workspace: &Workspace, workers: &[Worker], make: Make, packer: Packer) -> Result<()> {
    compile(workers, make, cargo)?;
    pack(workspace, workers, make, packer)
}

/// Writes for the bench where servers' Workers are and what they weigh.
fn tell(workspace: &Workspace, workers: &[Worker]) -> Result<()> {
    let mut built = BTreeMap::new();
    for worker in workers.iter().filter(|worker| worker.folder.starts_with(workspace.root.join("servers"))) {
        let (_, zipped) = size(&worker.dist())?;
        let about = json!({"dist": worker.dist(), "zipped": zipped, "budget": worker.budget});
        built.insert(worker.domain.as_str(), about);
    }
    let told = json!({"workerd": workerd(workspace)?, "built": built});
    fs::write(workspace.target.join("workers.json"), told.to_string())?;
    Ok(())
}

/// Makes of the wasm what is deployed.
fn pack(workspace: &Workspace, workers: &[Worker], make: Make, packer: Packer) -> Result<()> {
    node_packages(workspace)?;
    let mut stale = Vec::new();
    for worker in workers {
        let wasm = worker.wasm(workspace, make);
        let config = worker.folder.join(wrangler::FILE);
        let made = worker.dist().join(MADE);
        let so = fs::read_to_string(&made).is_ok_and(|text| text.starts_with(&head(make)));
        if !so || !newer(&made, [&wasm, &config])? {
            stale.push((worker, wasm));
        }
    }
    // Each takes one core for some seconds.
    thread::scope(|scope| {
        let (one, other) = stale.split_at(stale.len() / 2);
        let work = |part: &[(&Worker, PathBuf)]| {
            if part.is_empty() {
                return Ok(());
            }
            let mut pack = packer.command(workspace);
            pack.arg("pack");
            for (worker, wasm) in part {
                pack.arg(wasm).arg(worker.dist());
            }
            execute(&mut pack)?;
            part.iter().try_for_each(|(worker, _)| finish(workspace, worker, make))
        };
        let other = scope.spawn(move || work(other));
        work(one)?;
        other.join().map_err(|_| anyhow!("a thread panicked"))?
    })?;

    if make == Make::Tested {
        return Ok(());
    }
    let mut large = Vec::new();
    for worker in workers {
        let (raw, zipped) = size(&worker.dist())?;
        eprintln!("{:<16} {:>4} KB, {:>3} KB gzipped", worker.domain, raw / 1000, zipped / 1000);
        let budget = worker.budget;
        if zipped > budget {
            large.push(format!("{} has {zipped} bytes gzipped, its budget is {budget}", worker.domain));
        }
    }
    ensure!(large.is_empty(), "{}", large.join(", "));
    Ok(())
}

/// Written last, so that a build that was broken off is begun anew.
const MADE: &str = "worker.capnp";

/// The first line of what workerd needs: how the Worker was made, and a number that changes with what makes Workers.
fn head(make: Make) -> String {
    let makers = [
        include_str!("worker.rs"),
        include_str!("wrangler.rs"),
        include_str!("../worker-pack/src/main.rs"),
        include_str!("../worker-pack/src/index.js"),
    ];
    let mut hasher = DefaultHasher::new();
    makers.hash(&mut hasher);
    format!("# profile {}, made by {:x}\n", make.profile(), hasher.finish())
}

/// Shrinks the wasm of what is shipped, and writes what workerd needs to run it here.
fn finish(workspace: &Workspace, worker: &Worker, make: Make) -> Result<()> {
    if make == Make::Shipped {
        shrink(workspace, worker)?;
    }
    fs::write(worker.dist().join(MADE), head(make) + &describe(worker)?)?;
    Ok(())
}

fn shrink(workspace: &Workspace, worker: &Worker) -> Result<()> {
    let dist = worker.dist();
    let wasm = dist.join("bg_bg.wasm");
    let mut shrink = Command::new("node");
    shrink.arg(workspace.root.join("e2e/node_modules/binaryen/bin/wasm-opt"));
    shrink.args(["--enable-bulk-memory", "--enable-multivalue", "--enable-mutable-globals", "--enable-simd"]);
    shrink.args(["--enable-nontrapping-float-to-int", "--enable-reference-types", "--enable-sign-ext"]);
    // A flat form shows `-Oz` more that can go. Alignments are hints that nobody takes, and compress badly.
    shrink.args(["--flatten", "--rereloop", "-Oz", "-Oz", "--one-caller-inline-max-function-size=20"]);
    shrink.args(["--dealign", "--strip-target-features"]);
    execute(shrink.arg(&wasm).arg("-o").arg(&wasm))
}

/// The Worker in workerd's words: the modules, and the date and flags of `wrangler.jsonc`. What a variable holds comes
/// from the environment of workerd, a service `internet` is where its requests go, and a service `store` keeps the
/// databases of those that have one.
/// <https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp>
fn describe(worker: &Worker) -> Result<String> {
    let config = worker.config()?;
    let date = serde_json::to_string(&config.compatibility_date)?;
    let flags = serde_json::to_string(&config.compatibility_flags)?;
    let mut modules = String::new();
    for file in modules_of(&worker.dist())? {
        let kind = if file.ends_with(".wasm") { "wasm" } else { "esModule" };
        // The first module is the entry.
        let module = format!("    (name = \"{file}\", {kind} = embed \"{file}\"),\n");
        if file == "index.js" { modules.insert_str(0, &module) } else { modules.push_str(&module) }
    }
    let mut bindings = String::new();
    if config.keeps() {
        let props = format!(r#"{{\"database\": \"{}\"}}"#, worker.domain);
        let inner = format!(r#"(name = "fetcher", service = (name = "store", props = (json = "{props}")))"#);
        let wrapped = format!(r#"(moduleName = "cloudflare-internal:d1-api", innerBindings = [{inner}])"#);
        writeln!(bindings, r#"    (name = "STORE", wrapped = {wrapped}),"#)?;
    }
    for name in VARIABLES {
        writeln!(bindings, "    (name = \"{name}\", fromEnvironment = \"{name}\"),")?;
    }
    let store = if config.keeps() { DATABASES } else { "" };
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\nconst worker :Workerd.Worker = (\n  modules = [\n{modules}  ],\n  \
         bindings = [\n{bindings}  ],\n  compatibilityDate = {date},\n  compatibilityFlags = {flags},\n  \
         globalOutbound = \"internet\",\n);\n{store}"
    ))
}

/// What stands for D1 here: workerd's own, with the databases of all Workers in the folder of a service `disk`.
const DATABASES: &str = r#"
const store :Workerd.Worker = (
  modules = [(name = "d1.js", bundled = "/workerd/d1.js")],
  bindings = [(name = "DATABASE", durableObjectNamespace = "D1Database")],
  durableObjectNamespaces = [(className = "D1Database", uniqueKey = "store", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  compatibilityDate = "2026-11-01",
);
"#;

const VARIABLES: &[&str] = &[
    "OPENAI_ADMIN_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MCP_ACCESS_TOKEN",
    "OPENAI_MCP_ALLOWED_HOSTS",
    "OPENAI_MCP_ALLOWED_ORIGINS",
    "OPENAI_MCP_ALLOWED_URLS",
    "OPENAI_MCP_ASSISTANTS",
    "OPENAI_MCP_DIRECTORY",
    "OPENAI_MCP_EVALS",
    "OPENAI_MCP_EVALS_PARALLEL",
    "OPENAI_MCP_EXCLUDE",
    "OPENAI_MCP_HISTORY_DAYS",
    "OPENAI_MCP_MAX_BODY",
    "OPENAI_MCP_MAX_REQUESTS",
    "OPENAI_MCP_MAX_RESULT",
    "OPENAI_MCP_MAX_STORE",
    "OPENAI_MCP_NO_HISTORY",
    "OPENAI_MCP_OPEN_ARGUMENTS",
    "OPENAI_MCP_OWNER",
    "OPENAI_MCP_READ_ONLY",
    "OPENAI_MCP_TOOLS",
    "OPENAI_MCP_VECTOR_STORES",
    "OPENAI_MCP_VERBOSE",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
];

/// The modules of a Worker, by their path in its folder.
fn modules_of(dist: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![dist.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "js" || extension == "wasm") {
                found.push(path.strip_prefix(dist)?.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn size(dist: &Path) -> Result<(usize, usize)> {
    let (mut raw, mut zipped) = (0, 0);
    for module in modules_of(dist)? {
        let bytes = fs::read(dist.join(module))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bytes)?;
        raw += bytes.len();
        zipped += encoder.finish()?.len();
    }
    Ok((raw, zipped))
}

fn serve(workspace: &Workspace, workers: &[Worker], port: u16) -> Result<()> {
    let (mut services, mut sockets) = (String::new(), String::new());
    for (worker, port) in workers.iter().zip(port..) {
        let (domain, dist) = (&worker.domain, worker.dist());
        writeln!(services, "(name = \"{domain}\", worker = import \"{}/{MADE}\".worker),", dist.display())?;
        writeln!(sockets, "(name = \"{domain}\", address = \"127.0.0.1:{port}\", http = (), service = \"{domain}\"),")?;
        eprintln!("{domain}: http://127.0.0.1:{port}/mcp");
    }
    let mut arguments = vec!["serve", "--import-path=/"];
    let mut keeper = None;
    for worker in workers {
        if worker.config()?.keeps() {
            keeper = Some(worker);
        }
    }
    if let Some(keeper) = keeper {
        // What stands for D1 is an experiment of workerd.
        arguments.push("--experimental");
        let disk = workspace.target.join("worker-store");
        fs::create_dir_all(&disk)?;
        writeln!(services, "(name = \"store\", worker = import \"{}/{MADE}\".store),", keeper.dist().display())?;
        writeln!(services, "(name = \"disk\", disk = (path = \"{}\", writable = true)),", disk.display())?;
    }
    let config = workspace.target.join("worker-serve.capnp");
    // Unlike a deployed Worker it may reach this machine, for OPENAI_BASE_URL.
    let internet =
        "(name = \"internet\", network = (allow = [\"public\", \"private\"], tlsOptions = (trustBrowserCas = true)))";
    let text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\n\
         const config :Workerd.Config = (services = [{services}{internet}], sockets = [{sockets}]);\n"
    );
    fs::write(&config, text)?;
    execute(Command::new(workerd(workspace)?).args(arguments).arg(&config))
}

/// The runtime that npm brought.
fn workerd(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.root.join("e2e/node_modules/@cloudflare");
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path().join("bin/workerd");
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("npm has no workerd for this system")
}
