//! Lines for the operator, on standard error.
//!
//! One thread serves all calls, and a pipe that nobody reads holds up whoever writes to it. So while a program runs, lines
//! go to a thread of their own; what does not fit before it is left out, and how much that was is told.

use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Most bytes that wait to be written.
const WAITING: usize = 256 * 1024;
/// How long the end of the process waits for whoever reads.
const FAREWELL: Duration = Duration::from_secs(1);

static LOG: Log = Log { state: Mutex::new(State::NEW), changed: Condvar::new() };

struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Whether a thread writes; else whoever says something does.
    apart: bool,
    waiting: Vec<u8>,
    /// Lines that did not fit.
    lost: usize,
    /// What was taken out of `waiting` is not written yet.
    writing: bool,
}

impl State {
    const NEW: State = State { apart: false, waiting: Vec::new(), lost: 0, writing: false };
}

fn lock() -> MutexGuard<'static, State> {
    LOG.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line for the operator. Standard output belongs to messages and results.
pub fn say(line: &str) {
    let mut state = lock();
    if !state.apart {
        drop(state);
        return write(format!("{line}\n").as_bytes());
    }
    if state.waiting.len() + line.len() < WAITING {
        state.waiting.extend_from_slice(line.as_bytes());
        state.waiting.push(b'\n');
    } else {
        state.lost += 1;
    }
    LOG.changed.notify_all();
}

/// From here on a thread writes.
pub(crate) fn apart() {
    let mut state = lock();
    if !state.apart {
        state.apart = thread::Builder::new().name("log".into()).spawn(work).is_ok();
    }
}

/// Waits until all that was said is written, or nobody seems to read it.
pub(crate) fn flush() {
    let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
    // Without a thread nothing waits.
    let _ = LOG.changed.wait_timeout_while(lock(), FAREWELL, busy);
}

fn work() {
    let mut state = lock();
    loop {
        while state.waiting.is_empty() {
            state = LOG.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lines = std::mem::take(&mut state.waiting);
        if let lost @ 1.. = std::mem::take(&mut state.lost) {
            lines.extend_from_slice(format!("{lost} lines more were left out: nobody read these\n").as_bytes());
        }
        state.writing = true;
        drop(state);
        write(&lines);
        state = lock();
        state.writing = false;
        LOG.changed.notify_all();
    }
}

fn write(lines: &[u8]) {
    // Whoever closed standard error does not want to be told.
    let _ = io::stderr().lock().write_all(lines);
}
