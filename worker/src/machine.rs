//! What the kernel asks of a machine, on Workers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use http::{Request, Response};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::budget::Budget;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::fetch::open;
use openai_mcp_kernel::file::Source;
use openai_mcp_kernel::platform::{Connected, Listed, Opened, Platform, Saved};
use openai_mcp_kernel::redirect;
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use wasm_bindgen::JsValue;
use web_sys::console;

use crate::fetch;
use crate::socket::Connect;
use crate::store::Query;
use crate::urls::{self, Internet};

/// Longest time without a byte of an answer's body.
const IDLE: Duration = Duration::from_secs(600);

/// Most bytes of files that calls may hold in memory, one of them or all together. An isolate has 128 MB for everything.
const ROOM: usize = 48 * 1024 * 1024;

/// A place without disks, and with a clock that stands still while code runs.
pub(crate) struct Edge {
    allowed_urls: Arc<[String]>,
    store: Option<(Query, JsValue)>,
    connect: Option<Connect>,
    memory: Arc<Budget>,
    verbose: bool,
}

impl Edge {
    pub(crate) fn new(
        allowed_urls: &[String],
        store: Option<(Query, JsValue)>,
        connect: Option<Connect>,
        verbose: bool,
    ) -> Self {
        Edge { allowed_urls: allowed_urls.into(), store, connect, memory: Budget::new(ROOM), verbose }
    }
}

impl Platform for Edge {
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Failure>> {
        redirect::follow(request, urls::join, |request| fetch::fetch(request, IDLE)).boxed()
    }

    fn connect(&self, request: Request<Body>) -> BoxFuture<'static, Result<Connected, Failure>> {
        match self.connect {
            Some(connect) => connect(request, IDLE),
            None => ready(Err(Failure { text: "this Worker opens no WebSockets".into(), unsent: true })).boxed(),
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        fetch::sleep(duration).boxed()
    }

    fn now(&self) -> Duration {
        Duration::from_secs_f64(js_sys::Date::now() / 1000.0)
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // A runtime without randomness is broken, and going on would mean values that can be guessed.
            std::process::abort();
        }
        u128::from_ne_bytes(bytes)
    }

    fn has_files(&self) -> bool {
        false
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        match source {
            Source::Path { .. } => ready(Err(no_disk("path"))).boxed(),
            Source::Url { url, filename, mime_type } => {
                let web = Internet(self.allowed_urls.clone());
                async move { open(&web, &url, filename, mime_type).await }.boxed()
            }
            Source::Inline { bytes, filename, mime_type } => {
                ready(Ok(Opened::inline(bytes, filename, mime_type))).boxed()
            }
        }
    }

    fn save(&self, _: String, _: Body) -> BoxFuture<'static, Result<Saved>> {
        ready(Err(no_disk("save_to"))).boxed()
    }

    fn reserve(&self, _: String) -> BoxFuture<'static, Result<()>> {
        ready(Err(no_disk("save_to"))).boxed()
    }

    fn list(&self, _: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        ready(Err(no_disk("folder"))).boxed()
    }

    fn room(&self) -> usize {
        ROOM
    }

    fn memory(&self) -> Option<Arc<Budget>> {
        Some(self.memory.clone())
    }

    fn query(&self, _: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        match &self.store {
            Some((query, bound)) => query(bound, statements),
            None => ready(Err(Error::new(Kind::Store, "this server keeps nothing"))).boxed(),
        }
    }

    fn record(&self, call: &Finished<'_>) {
        if self.verbose {
            console::log_1(&call.to_string().into());
        }
    }
}

fn no_disk(argument: &str) -> Error {
    let (place, hint) = match argument {
        "path" => ("`path`: ", "give `url`, or `text` or `data` with `filename`"),
        "folder" => ("`folder`: ", "name the files one by one, each with its `url`"),
        // The kernel says which argument it is.
        _ => ("", "leave it out to read the content piece by piece, or run this server on your own machine"),
    };
    Error::new(
        Kind::Unsupported,
        format!("{place}this server runs on Cloudflare Workers, which have no files\nhint: {hint}"),
    )
}
