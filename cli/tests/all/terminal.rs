//! What is shown on a terminal while a call goes on.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::{Running, command, run};

/// Runs a command whose standard error is a terminal, and gives its status, its output, and what the terminal got.
fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let terminal: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = File::options().read(true).write(true).open(name).unwrap();
    let mut command = command(arguments, variables);
    command.env("TERM", "xterm").stdin(Stdio::null()).stderr(end);
    let child = command.spawn().unwrap();
    // Its ends are closed with it, so the other one comes to an end.
    drop(command);
    let mut shown = Vec::new();
    // That is told as an error on Linux.
    let _ = File::from(terminal).read_to_end(&mut shown);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(shown))
}

#[test]
fn a_wait_shows_how_far_it_is_and_leaves_nothing() {
    let sandbox = Running::start(&mut command(&["sandbox"], &[]), "next: ");
    let flag = format!("--sandbox={}", sandbox.url());
    let call = |tool: &str, arguments: &str| -> Value {
        serde_json::from_str(&run(&["call", &flag, tool, arguments], &[], "").out).unwrap()
    };
    let upload = r#"{"file": {"text": "hello", "filename": "a.txt"}, "purpose": "assistants"}"#;
    let file = call("file-upload", upload)["id"].clone();
    let wait = format!(r#"{{"vector_store_id": {}}}"#, call("vector-store-create", r#"{"name": "docs"}"#)["id"]);
    let store: Value = serde_json::from_str(&wait).unwrap();
    let add = format!(r#"{{"vector_store_id": {}, "file_id": {file}}}"#, store["vector_store_id"]);
    call("vector-store-file-add", &add);

    let (status, out, shown) = on_a_terminal(&["call", &flag, "vector-store-wait", &wait], &[]);
    assert_eq!(status, 0, "{shown}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["done"], true, "{out}");
    assert!(shown.contains("vector-store-wait"), "{shown:?}");
    assert!(shown.contains('%'), "{shown:?}");
    // The last thing is that the line is cleared.
    assert!(shown.ends_with("\u{1b}[2K"), "{shown:?}");
}

#[test]
fn text_is_shown_as_it_is_written() {
    let arguments = r#"{"model": "gpt-5", "messages": [{"role": "user", "content": "Tell me of the sea"}]}"#;
    let (status, out, shown) = on_a_terminal(&["call", "chat-completion-stream", arguments, "--sandbox"], &[]);
    assert_eq!(status, 0, "{shown}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let text = answer.pointer("/choices/0/message/content").or(answer.get("content")).or(answer.get("text"));
    let text = text.and_then(Value::as_str).unwrap_or_else(|| panic!("{out}"));
    assert!(shown.replace("\r\n", "\n").contains(text), "{shown:?} has no {text:?}");
}

/// Who calls a tool and gives it no arguments can think better of it.
#[test]
fn a_call_that_waits_for_its_arguments_can_be_ended() {
    let mut child = command(&["call", "file-list", "-", "--sandbox"], &[]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // More than a pipe holds: once all of it is taken, the call is reading.
    input.write_all(&[b' '; 1 << 20]).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(2), &b"error: interrupted\n"[..]));
    drop(input);
}
