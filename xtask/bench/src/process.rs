//! Child processes under measurement: started, asked what they cost, and ended when dropped.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const START: Duration = Duration::from_secs(20);
/// How long a program may take to end when it is asked to.
const END: Duration = Duration::from_secs(20);
const LISTENING: &str = "listening on http://";
/// What workerd says on its control channel, before the number of its port.
const PORT: &str = "\"port\":";
const TAIL_LINES: usize = 20;

/// A program started by the bench.
pub(super) struct Process {
    child: Child,
    pid: u32,
    tail: Tail,
}

/// The last lines a program wrote on stderr, for the message when it fails.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// What a failure of this program should be reported with.
    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "it said nothing on stderr".into();
        }
        format!("its last words on stderr:\n{}", lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
    }
}

impl Process {
    /// Starts a server and waits until it says on stderr where it listens.
    pub(super) async fn serve(command: Command) -> Result<(Self, SocketAddr)> {
        let (mut process, _) = Self::spawn(command, false)?;
        let mut lines = BufReader::new(process.child.stderr.take().context("no stderr")?).lines();
        let address = timeout(START, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, rest)) = line.split_once(LISTENING) {
                    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c)));
                    return Ok(rest.split_at(end.unwrap_or(rest.len())).0.parse()?);
                }
                if let Some((_, rest)) = line.split_once(PORT) {
                    return Ok(SocketAddr::from(([127, 0, 0, 1], rest.trim_end_matches('}').parse()?)));
                }
                process.tail.push(line);
            }
            Err(anyhow!("it ended before it said `{LISTENING}…`"))
        })
        .await
        .unwrap_or_else(|_| Err(anyhow!("it did not say `{LISTENING}…` within {START:?}")))
        .with_context(|| process.tail.text())?;
        process.keep(lines);
        Ok((process, address))
    }

    /// Starts a program that is spoken to over its standard input and output.
    pub(super) fn pipe(command: Command) -> Result<(Self, ChildStdin, BufReader<ChildStdout>)> {
        let (mut process, ends) = Self::spawn(command, true)?;
        let lines = BufReader::new(process.child.stderr.take().context("no stderr")?).lines();
        process.keep(lines);
        let (stdin, stdout) = ends.context("no pipes")?;
        Ok((process, stdin, BufReader::with_capacity(256 * 1024, stdout)))
    }

    fn spawn(mut command: Command, piped: bool) -> Result<(Self, Option<(ChildStdin, ChildStdout)>)> {
        let io = || if piped { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdin(io())
            .stdout(io())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
        let pid = child.id().context("it ended at once")?;
        let ends = child.stdin.take().zip(child.stdout.take());
        Ok((Self { child, pid, tail: Tail::default() }, ends))
    }

    fn keep(&self, mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>) {
        let tail = self.tail.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                tail.push(line);
            }
        });
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// A line of `/proc/PID/status` in MB: `VmRSS` is the memory now, `VmHWM` the most it ever was.
    pub(super) fn memory(&self, key: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))
            .with_context(|| format!("the process is gone; {}", self.tail.text()))?;
        let kilobytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
            .and_then(|value| value.trim().strip_suffix("kB"))
            .with_context(|| format!("no {key} in /proc/PID/status"))?
            .trim()
            .parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Process {
    /// Ends the program and waits for it, so that the next measurement does not share the machine with its end. It is asked
    /// first: one that was built to count what runs writes its counts when it ends by itself.
    fn drop(&mut self) {
        let asked = Instant::now();
        if !ask_to_end(self.pid) {
            // One that has ended already needs nothing.
            let _ = self.child.start_kill();
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > END {
                // It is killed as the child is dropped.
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A command in an environment of its own: a proxy or a key of the caller's shell must not change what is measured.
pub(super) fn command<I: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Asks a process to end, and says whether it could be asked.
#[cfg(target_os = "linux")]
fn ask_to_end(pid: u32) -> bool {
    use nix::{sys::signal, unistd::Pid};
    i32::try_from(pid).is_ok_and(|pid| signal::kill(Pid::from_raw(pid), signal::Signal::SIGTERM).is_ok())
}

/// Asks a process to end, and says whether it could be asked.
#[cfg(not(target_os = "linux"))]
fn ask_to_end(_pid: u32) -> bool {
    false
}

/// CPU seconds a process has used so far, in all its threads, those already ended included, to the nanosecond.
#[cfg(target_os = "linux")]
pub(super) fn cpu_seconds(pid: u32) -> Result<f64> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
    let clock = nix::time::clock_getcpuclockid(pid).context("no CPU clock of the process")?;
    Ok(Duration::from(clock.now()?).as_secs_f64())
}

/// CPU seconds a process has used so far.
#[cfg(not(target_os = "linux"))]
pub(super) fn cpu_seconds(_pid: u32) -> Result<f64> {
    Err(anyhow!("the bench reads process clocks and /proc: it runs on Linux alone"))
}
