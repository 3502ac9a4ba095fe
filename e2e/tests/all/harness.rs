//! Real processes, spoken to as a stranger would: over pipes and raw sockets.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a test waits for something that must happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A key that the sandbox takes.
pub(crate) const KEY: &str = "sk-sandbox-e2e";

/// A key of an organization's administrator.
pub(crate) const ADMIN_KEY: &str = "sk-admin-e2e";

/// The folder of this crate.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The domains that have a server, in the order of their names.
pub(crate) fn domains() -> Vec<String> {
    let entries = std::fs::read_dir(here().join("../servers")).unwrap().map(|entry| entry.unwrap().file_name());
    let domain = |name: OsString| name.to_str()?.strip_prefix("openai-")?.strip_suffix("-mcp").map(str::to_owned);
    let mut domains: Vec<String> = entries.filter_map(domain).collect();
    domains.sort();
    domains
}

/// The folder that cargo builds into, for this profile.
fn build_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().to_owned()
}

/// A binary of the workspace. `cargo xtask test` has built them all; anyone else gets a build of what the code is now.
pub(crate) fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let folder = build_folder();
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if std::env::var_os("OPENAI_MCP_PREBUILT").is_none() || !path.is_file() {
        BUILT.get_or_init(|| {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.args(["build", "--quiet", "--bins", "--target-dir"]).arg(folder.parent().unwrap());
            for package in ["openai-mcp", "openai-mcp-dist", "openai-vector-store-mcp", "openai-files-mcp"] {
                cargo.args(["--package", package]);
            }
            if folder.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.current_dir(here()).status().unwrap().success(), "the binaries do not build");
        });
    }
    assert!(path.is_file(), "there is no {}", path.display());
    path
}

fn installed(variable: &str, usual: impl FnOnce() -> Option<PathBuf>) -> PathBuf {
    let found = std::env::var_os(variable).map(PathBuf::from).or_else(usual);
    found.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test` once, which installs what it names"))
}

/// The Python with the official packages.
pub(crate) fn python() -> PathBuf {
    let usual = || Some(build_folder().parent()?.join("e2e-venv/bin/python")).filter(|path| path.is_file());
    installed("OPENAI_MCP_PYTHON", usual)
}

/// The folder of the Python and the programs that install packages and judge them.
pub(crate) fn packages_venv() -> PathBuf {
    let usual = || Some(build_folder().parent()?.join("packages-venv/bin")).filter(|path| path.is_dir());
    installed("OPENAI_MCP_PACKAGES_VENV", usual)
}

/// The Node of the system, 20 or newer.
pub(crate) fn node() -> PathBuf {
    installed("OPENAI_MCP_NODE", || here().join("node_modules").is_dir().then(|| "node".into()))
}

/// The Node that npm brought.
pub(crate) fn node24() -> PathBuf {
    installed("OPENAI_MCP_NODE24", || {
        let mut folders = std::fs::read_dir(here().join("node_modules")).ok()?.flatten();
        folders.find_map(|folder| {
            folder.file_name().to_string_lossy().starts_with("node-").then(|| folder.path().join("bin/node"))
        })
    })
}

/// What a process has written so far, readable while it goes on writing.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    fn follow(mut from: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let shared = output.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let count = from.read(&mut buffer).unwrap_or(0);
                let mut state = shared.0.written.lock().unwrap();
                state.bytes.extend_from_slice(&buffer[..count]);
                state.ended = count == 0;
                drop(state);
                shared.0.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        output
    }

    /// Waits until `find` finds something in the text, and gives up when the process has closed it or time is out.
    pub(crate) fn wait_for<T>(&self, find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.wait_after(0, find)
    }

    /// The same in what comes after the first `read` bytes: thousands of lines are not read anew for the next.
    fn wait_after<T>(&self, read: usize, mut find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.0.written.lock().unwrap();
        loop {
            if let Some(found) = find(&String::from_utf8_lossy(&state.bytes[read..])) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// The whole text up to now.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.written.lock().unwrap().bytes).into_owned()
    }

    /// The whole text once the process has closed it. Whoever goes on writing may take longer than time is given to others.
    fn to_end(&self) -> String {
        let mut state = self.0.written.lock().unwrap();
        while !state.ended {
            let (changed, waited) = self.0.changed.wait_timeout(state, PATIENCE).unwrap();
            state = changed;
            assert!(state.ended || !waited.timed_out(), "the output neither goes on nor ends");
        }
        String::from_utf8_lossy(&state.bytes).into_owned()
    }
}

/// A command about to start, in an environment of its own: nothing of the developer's reaches it.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    env: BTreeMap<String, OsString>,
    folder: PathBuf,
}

impl Launch {
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        let mut env = BTreeMap::new();
        // LLVM_PROFILE_FILE lets a coverage run see into the processes.
        for name in ["PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                env.insert(name.to_owned(), value);
            }
        }
        // What a test makes a server keep goes with it, and not into the home of whoever runs the tests.
        env.insert("OPENAI_MCP_STORE".to_owned(), ":memory:".into());
        Self { program: program.into(), args: Vec::new(), env, folder: here().to_owned() }
    }

    /// `openai-mcp ARGS`.
    pub(crate) fn umbrella(args: &[&str]) -> Self {
        Self::new(binary("openai-mcp")).args(args)
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        self.env_of_any_kind(name, OsStr::new(value))
    }

    /// The same with what need not be text.
    pub(crate) fn env_of_any_kind(mut self, name: &str, value: &OsStr) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// In another folder, for programs that write what they are told to.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.folder = folder.to_owned();
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).current_dir(&self.folder);
        command
    }

    /// Starts it with pipes on all three streams.
    pub(crate) fn start(&self) -> Process {
        let mut command = self.command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        Process {
            input: child.stdin.take(),
            output: Output::follow(child.stdout.take().unwrap()),
            errors: Output::follow(child.stderr.take().unwrap()),
            read: 0,
            child,
        }
    }

    /// Starts it and waits until it says on which port it listens.
    pub(crate) fn serve(&self) -> Server {
        let process = self.start();
        let addr = process.errors.wait_for(listening);
        let Some(addr) = addr else {
            panic!("{:?} does not listen; it wrote: {}", self.args, process.errors.text());
        };
        Server { process, addr }
    }

    /// Runs it to its end with nothing on its input.
    pub(crate) fn run(&self) -> Finished {
        let mut process = self.start();
        process.input = None;
        process.finish()
    }
}

/// The port in `listening on http://127.0.0.1:PORT`, once the line is complete.
fn listening(text: &str) -> Option<SocketAddr> {
    let rest = text.split_once("listening on http://")?.1;
    let port = rest.lines().next().filter(|_| rest.contains('\n'))?.split(['/', ' ']).next()?.rsplit(':').next()?;
    Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into())
}

/// How a process ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Fails with everything the process wrote unless it ended well.
    #[track_caller]
    pub(crate) fn expect_success(self, what: &str) -> Self {
        assert!(
            self.status.success(),
            "{what}: {}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A running child, ended by its id when the test lets go of it.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: Output,
    pub(crate) errors: Output,
    read: usize,
}

impl Process {
    /// Less than 64 MB at any time so far.
    #[track_caller]
    pub(crate) fn expect_little_memory(&self) {
        self.expect_memory_below(64);
    }

    /// Less than so many megabytes at any time so far.
    #[track_caller]
    pub(crate) fn expect_memory_below(&self, megabytes: u64) {
        #[cfg(target_os = "linux")]
        {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kilobytes < megabytes << 10, "the server took {kilobytes} kB");
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).and_then(|()| input.flush()).unwrap();
    }

    /// Writes one message and its newline.
    pub(crate) fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// Reads the next line of standard output, which must be one message.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Value {
        let line = self.receive_line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The same as it was written, without its newline.
    #[track_caller]
    pub(crate) fn receive_line(&mut self) -> String {
        let line = self.output.wait_after(self.read, |text| text.split_once('\n').map(|(line, _)| line.to_owned()));
        let Some(line) = line else {
            panic!("no message came; standard error: {}", self.errors.text());
        };
        self.read += line.len() + 1;
        line
    }

    /// Reads messages until the answer to `id`, and returns what came before it too.
    #[track_caller]
    pub(crate) fn receive_answer(&mut self, id: &Value) -> (Vec<Value>, Value) {
        let mut before = Vec::new();
        loop {
            let message = self.receive();
            if message.get("id") == Some(id) && message.get("method").is_none() {
                return (before, message);
            }
            before.push(message);
        }
    }

    /// Closes its input and waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        self.input = None;
        // The streams end with the process, so waiting for them waits for it without a busy loop.
        let (stdout, stderr) = (self.output.to_end(), self.errors.to_end());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process closed its streams and did not end");
            std::thread::yield_now();
        };
        Finished { status, stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that serves HTTP.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// `openai-mcp serve` on a free port.
    pub(crate) fn umbrella(args: &[&str]) -> Self {
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).args(args).serve()
    }

    /// Where a client finds a domain's server.
    pub(crate) fn url(&self, domain: &str) -> String {
        format!("http://{}/{domain}/mcp", self.addr)
    }

    /// Posts a message with headers and returns the reply.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        exchange(self.addr, &request("POST", path, self.addr, headers, body)).expect("the server gave no reply")
    }

    /// Calls a tool as a client of the older era does, with the sandbox's key.
    #[track_caller]
    pub(crate) fn call(&self, domain: &str, tool: &str, arguments: &Value) -> Value {
        let reply = self.post(
            &format!("/{domain}/mcp"),
            &bearer(KEY),
            message("tools/call", &tool_call(tool, arguments)).as_bytes(),
        );
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["result"].clone()
    }
}

/// Headers of a client with a key.
pub(crate) fn bearer(key: &str) -> Vec<(&'static str, &'static str)> {
    // Tests live as long as their process, and a handful of keys is all they use.
    let value: &'static str = Box::leak(format!("Bearer {key}").into_boxed_str());
    vec![("authorization", value)]
}

/// Parameters of `tools/call`.
pub(crate) fn tool_call(tool: &str, arguments: &Value) -> Value {
    json!({ "name": tool, "arguments": arguments })
}

/// A request of the older era with id 1.
pub(crate) fn message(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// The bytes of a request that closes its connection.
pub(crate) fn request(method: &str, path: &str, host: SocketAddr, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    let mut usual = vec![
        ("host", host.to_string()),
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
        ("content-length", body.len().to_string()),
    ];
    usual.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
    for (name, value) in usual.iter().map(|(name, value)| (*name, value.as_str())).chain(headers.iter().copied()) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A complete response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Head and body as they came.
    pub(crate) raw: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The JSON body, or the last message of an event stream.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    /// Every message of the body.
    #[track_caller]
    pub(crate) fn messages(&self) -> Vec<Value> {
        let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text:?}"));
        if self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return self.body.lines().filter_map(|line| line.strip_prefix("data: ")).map(parse).collect();
        }
        vec![parse(&self.body)]
    }
}

/// Sends bytes on a connection of their own and reads until the other side closes. `None` when nothing came back.
pub(crate) fn exchange(addr: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    let mut stream = connect(addr);
    // A server may refuse a request before it has all of it; what it said still counts.
    let _ = stream.write_all(bytes);
    read_reply(stream)
}

/// A connection that waits with patience for its answer.
pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one response up to the end of the connection.
pub(crate) fn read_reply(stream: TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    // A reset after the response, when the server did not care to read the rest of a request, loses nothing.
    let _ = BufReader::new(stream).read_to_end(&mut bytes);
    parse_reply(&bytes)
}

fn parse_reply(bytes: &[u8]) -> Option<Reply> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = response.parse(bytes) else {
        return None;
    };
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let status = response.code?;
    let chunked =
        headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked");
    let body = if chunked { unchunk(&bytes[length..]) } else { bytes[length..].to_vec() };
    Some(Reply {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        raw: String::from_utf8_lossy(bytes).into_owned(),
    })
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut line = String::new();
    while rest.read_line(&mut line).is_ok_and(|count| count > 0) {
        let size = usize::from_str_radix(line.trim(), 16).unwrap().min(rest.len());
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        rest = rest.get(size + 2..).unwrap_or_default();
        line.clear();
    }
    body
}
