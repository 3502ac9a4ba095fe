//! What the kernel asks of a machine, on tokio.

use core::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::budget::{Budget, Held};
use openai_mcp_kernel::error::Result;
use openai_mcp_kernel::file::Source;
use openai_mcp_kernel::platform::{Connected, Listed, OnDisk, Opened, Platform, Saved, Scratch};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::client::{self, Client, Reach};
use crate::files::Roots;
use crate::say;
use crate::socket;
use crate::store::{Location, Stores};
use crate::turns::Turns;
use crate::urls::Fetcher;

/// Most bytes of files that calls may hold in memory, one of them or all together.
const ROOM: usize = 512 * 1024 * 1024;
/// How much work that is paid for goes on at once for callers who have gone, and how long each at most.
const AFTER: usize = 64;
const LONGEST_AFTER: Duration = Duration::from_secs(900);

/// A machine with sockets, a clock and disks.
pub struct Machine {
    upstream: Arc<Client>,
    fetcher: Arc<Fetcher>,
    roots: Arc<Roots>,
    stores: Stores,
    memory: Arc<Budget>,
    /// Places for work that takes long.
    computing: Turns,
    /// How many calls run.
    running: AtomicUsize,
    /// How much work that is paid for goes on for callers who have gone.
    after: watch::Sender<usize>,
    places: Arc<Budget>,
    /// When it was made, by the clock and by what nobody sets.
    started: (Duration, Instant),
    verbose: bool,
}

impl Machine {
    /// A machine on which callers may name files under `roots` and URLs of public hosts and of `allowed_urls`,
    /// and whose stores are at `place`.
    pub fn new(roots: Roots, allowed_urls: &[String], place: Location, verbose: bool) -> Self {
        Machine {
            upstream: Arc::new(Client::new(Reach::Any)),
            fetcher: Arc::new(Fetcher::new(allowed_urls)),
            roots: Arc::new(roots),
            stores: Stores::new(place),
            memory: Budget::new(ROOM),
            computing: Turns::new(available_parallelism().map_or(2, NonZero::get).max(2)),
            running: AtomicUsize::new(0),
            after: watch::Sender::new(0),
            places: Budget::new(AFTER),
            started: (clock(), Instant::now()),
            verbose,
        }
    }

    /// How many calls run, with those whose callers have gone.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed) + *self.after.borrow()
    }

    /// Waits for what goes on for callers who have gone.
    pub async fn settled(&self) {
        let _ = self.after.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// One of the [`AFTER`].
struct Place {
    after: watch::Sender<usize>,
    _held: Held,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.after.send_modify(|count| *count -= 1);
    }
}

/// Time since the Unix epoch.
fn clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl Platform for Machine {
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Failure>> {
        client::send(self.upstream.clone(), request).boxed()
    }

    fn connect(&self, request: Request<Body>) -> BoxFuture<'static, Result<Connected, Failure>> {
        socket::connect(self.upstream.clone(), request).boxed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // Who is woken by too much would else never hear that time is up: both are rationed together.
        tokio::task::unconstrained(tokio::time::sleep(duration)).boxed()
    }

    fn now(&self) -> Duration {
        clock()
    }

    fn monotonic(&self) -> Duration {
        let (since, started) = self.started;
        since + started.elapsed()
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // A system without randomness is broken, and going on would mean values that can be guessed.
            std::process::abort();
        }
        u128::from_ne_bytes(bytes)
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        match source {
            Source::Path { path, filename, mime_type } => {
                let roots = self.roots.clone();
                async move { roots.open(path, filename, mime_type).await }.boxed()
            }
            Source::Url { url, filename, mime_type } => {
                let fetcher = self.fetcher.clone();
                async move { fetcher.open(&url, filename, mime_type).await }.boxed()
            }
            Source::Inline { bytes, filename, mime_type } => {
                std::future::ready(Ok(Opened::inline(bytes, filename, mime_type))).boxed()
            }
        }
    }

    fn on_disk(&self, source: Source) -> BoxFuture<'static, Result<Option<OnDisk>>> {
        let Source::Path { path, filename, mime_type } = source else { return std::future::ready(Ok(None)).boxed() };
        let roots = self.roots.clone();
        async move { roots.on_disk(path, filename, mime_type).await.map(Some) }.boxed()
    }

    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>> {
        let roots = self.roots.clone();
        async move { roots.save(path, body).await }.boxed()
    }

    fn scratch(&self, near: String) -> BoxFuture<'static, Result<Box<dyn Scratch>>> {
        let roots = self.roots.clone();
        async move { roots.scratch(near).await }.boxed()
    }

    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>> {
        let roots = self.roots.clone();
        async move { roots.reserve(path).await }.boxed()
    }

    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        let roots = self.roots.clone();
        async move { roots.list(folder).await }.boxed()
    }

    fn room(&self) -> usize {
        ROOM
    }

    fn memory(&self) -> Option<Arc<Budget>> {
        Some(self.memory.clone())
    }

    fn compute(&self, by: Option<IpAddr>, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let turns = self.computing.clone();
        async move {
            let Some(turn) = turns.wait(by).await else { return };
            let work = move || {
                // Held to the end of the work, whether somebody still waits for it or not.
                let _turn = turn;
                work();
            };
            // Whoever waits for an outcome sees that there is none.
            let _ = spawn_blocking(work).await;
        }
        .boxed()
    }

    fn detach(&self, work: BoxFuture<'static, ()>) {
        // A call that ends with the process leaves nothing to go on with.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }

    fn finish(&self, by: Option<IpAddr>, work: BoxFuture<'static, ()>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut held = self.places.open(by);
        if held.take(1) {
            self.after.send_modify(|count| *count += 1);
            let place = Place { after: self.after.clone(), _held: held };
            runtime.spawn(async move {
                let _place = place;
                let _ = timeout(LONGEST_AFTER, work).await;
            });
        }
    }

    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        self.stores.query(domain, statements).boxed()
    }

    fn begun(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    fn record(&self, call: &Finished<'_>) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        if self.verbose {
            say(&call.to_string());
        }
    }
}
